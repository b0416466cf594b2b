#include "cli/json_args.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

static void append_point(struct cairn_buffer *text, unsigned long point)
{
    if (point < 0x80) {
        cairn_buffer_byte(text, (char)point);
    } else if (point < 0x800) {
        cairn_buffer_byte(text, (char)(0xc0 | point >> 6));
        cairn_buffer_byte(text, (char)(0x80 | (point & 0x3f)));
    } else {
        cairn_buffer_byte(text, (char)(0xe0 | point >> 12));
        cairn_buffer_byte(text, (char)(0x80 | (point >> 6 & 0x3f)));
        cairn_buffer_byte(text, (char)(0x80 | (point & 0x3f)));
    }
}

/* The character behind a backslash; returns what follows, or NULL. */
static const char *read_escape(const char *at, struct cairn_buffer *text)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    if (*at == 'u') {
        char digits[5] = "";
        memcpy(digits, at + 1, strnlen(at + 1, 4));
        if (strspn(digits, "0123456789abcdefABCDEF") != 4) {
            return NULL;
        }
        append_point(text, strtoul(digits, NULL, 16));
        return at + 5;
    }
    const char *letter = *at != '\0' ? strchr(letters, *at) : NULL;
    if (letter == NULL) {
        return NULL;
    }
    cairn_buffer_byte(text, meanings[letter - letters]);
    return at + 1;
}

/* One string at `at`, decoded into `text`; returns what follows, or NULL. */
static const char *read_string(const char *at, struct cairn_buffer *text)
{
    if (*at++ != '"') {
        return NULL;
    }
    while (*at != '\0' && *at != '"') {
        if (*at == '\\') {
            at = read_escape(at + 1, text);
            if (at == NULL) {
                return NULL;
            }
        } else {
            cairn_buffer_byte(text, *at++);
        }
    }
    return *at == '"' ? at + 1 : NULL;
}

/* Reads the whole array; writes its strings when `json` is not NULL. */
static bool read_array(const char *args, struct cairn_json *json)
{
    const char *at = skip_blanks(args);
    if (*at++ != '[') {
        return false;
    }
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    at = skip_blanks(at);
    bool good = true, more = *at != ']';
    while (good && more) {
        cairn_buffer_reset(&text);
        at = read_string(skip_blanks(at), &text);
        good = at != NULL;
        if (good && json != NULL) {
            cairn_json_text(json, NULL, cairn_buffer_cstr(&text));
        }
        at = good ? skip_blanks(at) : at;
        more = good && *at == ',';
        at += more ? 1 : 0;
    }
    good = good && *at == ']' && *skip_blanks(at + 1) == '\0';
    cairn_buffer_release(&text);
    return good;
}

void cairn_json_args(struct cairn_json *json, const char *key, const char *args)
{
    if (args == NULL || !read_array(args, NULL)) {
        cairn_json_text(json, key, args);
        return;
    }
    cairn_json_array(json, key);
    read_array(args, json);
    cairn_json_end(json);
}
