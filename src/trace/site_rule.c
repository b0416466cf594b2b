#include "trace/site.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "trace/site_name.h"
#include "trace/site_rules.h"

#define ERROR_MAX 256

struct span {
    const char *text; /* not terminated */
    size_t length;
};

struct spans {
    struct span *items;
    size_t count, capacity;
};

struct cairn_site_rule {
    uint64_t id;
    struct spans exact, prefix;   /* sorted; no prefix begins another one */
    struct spans suffix, modules; /* few */
    regex_t *regexes;
    size_t regex_count, regex_capacity;
    bool failed; /* out of memory while adding */
};

static void *grown(void *items, size_t *capacity, size_t size)
{
    const size_t wanted = *capacity ? *capacity * 2 : 64;
    void *const larger = realloc(items, wanted * size);
    if (larger) {
        *capacity = wanted;
    }
    return larger;
}

static void add_span(struct cairn_site_rule *rule, struct spans *spans, struct span span)
{
    if (spans->count == spans->capacity) {
        struct span *const larger = grown(spans->items, &spans->capacity, sizeof(*larger));
        if (!larger) {
            rule->failed = true;
            return;
        }
        spans->items = larger;
    }
    spans->items[spans->count++] = span;
}

static int compare_spans(const void *a, const void *b)
{
    const struct span *const left = a, *const right = b;
    const size_t shorter = left->length < right->length ? left->length : right->length;
    const int order = memcmp(left->text, right->text, shorter);
    return order != 0 ? order : (left->length > right->length) - (left->length < right->length);
}

static void sort_spans(struct spans *spans)
{
    if (spans->count > 1) {
        qsort(spans->items, spans->count, sizeof(struct span), compare_spans);
    }
}

static bool begins_with(const char *text, size_t length, struct span start)
{
    return length >= start.length && memcmp(text, start.text, start.length) == 0;
}

/* Only the shortest of prefixes that begin each other stays, so that the last one not behind a name in this order is the
 * only one that can begin it. */
static void drop_longer_prefixes(struct spans *prefixes)
{
    size_t kept = 0;
    for (size_t i = 0; i < prefixes->count; i++) {
        const struct span span = prefixes->items[i];
        if (kept == 0 || !begins_with(span.text, span.length, prefixes->items[kept - 1])) {
            prefixes->items[kept++] = span;
        }
    }
    prefixes->count = kept;
}

static enum cairn_status add_regex(struct cairn_site_rule *rule, const char *expression,
                                   struct cairn_error *error)
{
    if (rule->regex_count == rule->regex_capacity) {
        regex_t *const larger = grown(rule->regexes, &rule->regex_capacity, sizeof(*larger));
        if (!larger) {
            return cairn_fail(error, CAIRN_E_NOMEM, "out of memory for the site rules");
        }
        rule->regexes = larger;
    }
    regex_t *const regex = &rule->regexes[rule->regex_count];
    const int result = regcomp(regex, expression, REG_EXTENDED | REG_NOSUB);
    if (result != 0) {
        char why[ERROR_MAX];
        regerror(result, regex, why, sizeof why);
        return cairn_fail(error, CAIRN_E_USAGE, "'%s' is not a regular expression: %s", expression, why);
    }
    rule->regex_count++;
    return CAIRN_OK;
}

static bool is_word(struct span word, const char *text)
{
    return word.length == strlen(text) && memcmp(word.text, text, word.length) == 0;
}

static enum cairn_status add_line(struct cairn_site_rule *rule, struct span line, struct cairn_error *error)
{
    const char *const space = memchr(line.text, ' ', line.length);
    if (line.length == 0 || line.text[0] == '#') {
        return CAIRN_OK;
    }
    const size_t word_length = space ? (size_t)(space - line.text) : line.length;
    const struct span word = {.text = line.text, .length = word_length};
    const struct span argument = {.text = line.text + word_length + 1,
                                  .length = line.length - word_length - 1};
    struct spans *const spans = !space || argument.length == 0 ? NULL
                                : is_word(word, "exact")       ? &rule->exact
                                : is_word(word, "prefix")      ? &rule->prefix
                                : is_word(word, "suffix")      ? &rule->suffix
                                : is_word(word, "module")      ? &rule->modules
                                                               : NULL;
    if (spans) {
        add_span(rule, spans, argument);
        return CAIRN_OK;
    }
    return cairn_fail(error, CAIRN_E_FORMAT, "the site rules have a line that is none: '%.*s'",
                      (int)line.length, line.text);
}

static enum cairn_status add_builtin(struct cairn_site_rule *rule, struct cairn_error *error)
{
    const char *at = cairn_site_rules_text, *const end = at + cairn_site_rules_text_size;
    while (at < end) {
        const char *const newline = memchr(at, '\n', (size_t)(end - at));
        const char *const line_end = newline ? newline : end;
        const enum cairn_status status =
            add_line(rule, (struct span){.text = at, .length = (size_t)(line_end - at)}, error);
        if (status != CAIRN_OK) {
            return status;
        }
        at = line_end + 1;
    }
    if (rule->failed) {
        return cairn_fail(error, CAIRN_E_NOMEM, "out of memory for the site rules");
    }
    sort_spans(&rule->exact);
    sort_spans(&rule->prefix);
    drop_longer_prefixes(&rule->prefix);
    return CAIRN_OK;
}

/* FNV-1a over text and its terminator, so that {"a", "b"} and {"ab"} differ. */
static uint64_t mix(uint64_t hash, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
    }
    return hash;
}

static uint64_t make_id(bool builtin, const char *const *extra, size_t extra_count)
{
    uint64_t id = mix(0xcbf29ce484222325u, builtin ? "b" : "n", 1);
    if (builtin) {
        id = mix(id, cairn_site_rules_text, cairn_site_rules_text_size);
    }
    for (size_t i = 0; i < extra_count; i++) {
        id = mix(id, extra[i], strlen(extra[i]) + 1);
    }
    return id ? id : 1;
}

enum cairn_status cairn_site_rule_new(bool builtin, const char *const *extra, size_t extra_count,
                                      struct cairn_site_rule **rule, struct cairn_error *error)
{
    struct cairn_site_rule *const made = calloc(1, sizeof(*made));
    if (!made) {
        return cairn_fail(error, CAIRN_E_NOMEM, "out of memory for the site rules");
    }
    made->id = make_id(builtin, extra, extra_count);
    enum cairn_status status = builtin ? add_builtin(made, error) : CAIRN_OK;
    for (size_t i = 0; status == CAIRN_OK && i < extra_count; i++) {
        status = add_regex(made, extra[i], error);
    }
    if (status != CAIRN_OK) {
        cairn_site_rule_free(made);
        return status;
    }
    *rule = made;
    return CAIRN_OK;
}

void cairn_site_rule_free(struct cairn_site_rule *rule)
{
    if (!rule) {
        return;
    }
    for (size_t i = 0; i < rule->regex_count; i++) {
        regfree(&rule->regexes[i]);
    }
    free(rule->regexes);
    free(rule->exact.items);
    free(rule->prefix.items);
    free(rule->suffix.items);
    free(rule->modules.items);
    free(rule);
}

uint64_t cairn_site_rule_id(const struct cairn_site_rule *rule)
{
    return rule->id;
}

/* How many of the sorted spans are not behind `name`. */
static size_t count_up_to(const struct spans *spans, struct span name)
{
    size_t low = 0, high = spans->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (compare_spans(&spans->items[middle], &name) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_listed(const struct cairn_site_rule *rule, const char *function)
{
    char text[CAIRN_SITE_NAME_MAX];
    const struct span name = {.text = text, .length = cairn_site_name(text, function)};
    const size_t exact = count_up_to(&rule->exact, name);
    if (exact > 0 && compare_spans(&rule->exact.items[exact - 1], &name) == 0) {
        return true;
    }
    const size_t prefix = count_up_to(&rule->prefix, name);
    if (prefix > 0 && begins_with(text, name.length, rule->prefix.items[prefix - 1])) {
        return true;
    }
    for (size_t i = 0; i < rule->suffix.count; i++) {
        const struct span suffix = rule->suffix.items[i];
        if (name.length >= suffix.length &&
            memcmp(text + name.length - suffix.length, suffix.text, suffix.length) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_module_of(const struct spans *modules, const char *module_path)
{
    if (!module_path) {
        return false;
    }
    const char *const slash = strrchr(module_path, '/');
    const char *const name = slash ? slash + 1 : module_path;
    const size_t length = strlen(name);
    for (size_t i = 0; i < modules->count; i++) {
        if (begins_with(name, length, modules->items[i])) {
            return true;
        }
    }
    return false;
}

bool cairn_site_rule_skips(const struct cairn_site_rule *rule, const char *function, const char *module_path,
                           enum cairn_lang lang)
{
    if (lang == CAIRN_LANG_NATIVE &&
        (is_module_of(&rule->modules, module_path) || (function && is_listed(rule, function)))) {
        return true;
    }
    for (size_t i = 0; function && i < rule->regex_count; i++) {
        if (regexec(&rule->regexes[i], function, 0, NULL, 0) == 0) {
            return true;
        }
    }
    return false;
}

/* The innermost Python frame that counts from `first` outwards, or `count`. */
static size_t find_python(const struct cairn_site_candidate *frames, size_t count, size_t first)
{
    size_t i = first;
    while (i < count && (frames[i].skipped || frames[i].lang != CAIRN_LANG_PYTHON)) {
        i++;
    }
    return i;
}

size_t cairn_site_rule_choose(const struct cairn_site_candidate *frames, size_t count, bool prefer_python)
{
    size_t first = 0;
    while (first < count && frames[first].skipped) {
        first++;
    }
    if (first == count) {
        return 0;
    }
    const bool wants_python =
        prefer_python || (frames[first].lang == CAIRN_LANG_NATIVE && frames[first].interpreter);
    const size_t python = wants_python ? find_python(frames, count, first) : count;
    return python < count ? python : first;
}
