#include "trace/site_name.h"

#include <stdbool.h>
#include <string.h>

static const char anonymous[] = "(anonymous namespace)";

struct output {
    char *text;
    size_t length;
};

static void put(struct output *out, char c)
{
    if (out->length < CAIRN_SITE_NAME_MAX - 1) {
        out->text[out->length++] = c;
    }
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$';
}

static bool is_anonymous(const char *at)
{
    return strncmp(at, anonymous, sizeof anonymous - 1) == 0;
}

/* Whether the word "operator" stands at `at`: not inside another word, and not as the whole of it. */
static bool is_operator(const char *function, const char *at)
{
    return strncmp(at, "operator", 8) == 0 && !is_word(at[8]) && (at == function || !is_word(at[-1]));
}

/* From "operator" up to the parameters: "operator new[]", "operator()", "operator<", "operator unsigned int". */
static void put_operator(struct output *out, const char *at)
{
    const char *const sign = at + 8;
    for (; at < sign; at++) {
        put(out, *at);
    }
    if (*at == '(' && at[1] == ')') {
        put(out, *at++);
        put(out, *at++);
    }
    while (*at == '<' || *at == '>' || *at == '=') {
        put(out, *at++);
    }
    for (; *at != '\0' && *at != '(' && *at != '<'; at++) {
        put(out, *at);
    }
}

/* "foo.part.0", "foo.isra.0.cold", "foo@@GLIBC_2.2.5". Go's and Swift's dots are part of the name. */
static void cut_suffixes(struct output *out)
{
    static const char *const suffixes[] = {".isra.",     ".constprop.", ".part.", ".cold",
                                           ".lto_priv.", ".llvm.",      "@"};
    out->text[out->length] = '\0';
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        const char *const found = strstr(out->text, suffixes[i]);
        if (found && found > out->text) {
            out->length = (size_t)(found - out->text);
            out->text[out->length] = '\0';
        }
    }
}

/* Behind the bracket that closes the one at `at`; the end of the text when there is none. */
static const char *skip_brackets(const char *at)
{
    size_t depth = 0;
    for (; *at != '\0'; at++) {
        if (*at == '<' || *at == '(') {
            depth++;
        } else if ((*at == '>' && at[-1] != '-') || *at == ')') {
            depth--;
        }
        if (depth == 0) {
            return at + 1;
        }
    }
    return at;
}

/* One step of cairn_site_name(); returns where to go on, NULL at the end. */
static const char *take(struct output *out, const char *function, const char *at)
{
    if (is_operator(function, at)) {
        put_operator(out, at);
        return NULL;
    }
    if (*at == '<') {
        return skip_brackets(at);
    }
    if (is_anonymous(at)) {
        for (const char *const end = at + sizeof anonymous - 1; at < end; at++) {
            put(out, *at);
        }
        return at;
    }
    if (*at == '(' && out->length > 0 && at[1] != '*') {
        return NULL; /* the parameters */
    }
    if (*at == ' ' && at[1] != '\0' && at[1] != '[' && (at[1] != '(' || is_anonymous(at + 1))) {
        out->length = 0; /* what came before is the return type */
        return at + 1;
    }
    put(out, *at);
    return at + 1;
}

size_t cairn_site_name(char out[CAIRN_SITE_NAME_MAX], const char *function)
{
    struct output name = {.text = out};
    if (function[0] == '<') {
        for (const char *at = function; *at != '\0'; at++) {
            put(&name, *at);
        }
    } else {
        for (const char *at = function; at && *at != '\0';) {
            at = take(&name, function, at);
        }
    }
    cut_suffixes(&name);
    return name.length;
}
