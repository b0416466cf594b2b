#include "cli/json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/sanitise.h"
#include "trace/rows.h"

/* A level of nesting, as a byte: array or object, and whether a value stands in it already. */
#define LEVEL_ARRAY  1
#define LEVEL_FILLED 2
/* Levels whose values begin a line each; deeper ones go on in the line. */
#define LINE_LEVELS 2u

void cairn_json_init(struct cairn_json *json, struct cairn_stream *stream)
{
    *json = (struct cairn_json){.stream = stream};
}

static void write_text(struct cairn_json *json, const char *text);

static void begin_value(struct cairn_json *json, const char *key)
{
    const size_t depth = json->open.length;
    if (depth > 0) {
        char *level = &json->open.data[depth - 1];
        cairn_stream_text(json->stream, (*level & LEVEL_FILLED) != 0 ? "," : "");
        if (depth <= LINE_LEVELS) {
            cairn_stream_text(json->stream, "\n");
            cairn_stream_repeat(json->stream, ' ', depth);
        } else if ((*level & LEVEL_FILLED) != 0) {
            cairn_stream_text(json->stream, " ");
        }
        *level = (char)(*level | LEVEL_FILLED);
    }
    if (key != NULL) {
        write_text(json, key);
        cairn_stream_text(json->stream, ": ");
    }
}

static void open_level(struct cairn_json *json, const char *key, char level)
{
    begin_value(json, key);
    cairn_stream_text(json->stream, level == LEVEL_ARRAY ? "[" : "{");
    cairn_buffer_byte(&json->open, level);
    if (json->open.failed && json->stream->failure == 0) {
        json->stream->failure = ENOMEM;
    }
}

void cairn_json_object(struct cairn_json *json, const char *key)
{
    open_level(json, key, 0);
}

void cairn_json_array(struct cairn_json *json, const char *key)
{
    open_level(json, key, LEVEL_ARRAY);
}

void cairn_json_end(struct cairn_json *json)
{
    if (json->open.length == 0) {
        return;
    }
    const char level = json->open.data[--json->open.length];
    if (json->open.length < LINE_LEVELS && (level & LEVEL_FILLED) != 0) {
        cairn_stream_text(json->stream, "\n");
        cairn_stream_repeat(json->stream, ' ', json->open.length);
    }
    cairn_stream_text(json->stream, (level & LEVEL_ARRAY) != 0 ? "]" : "}");
}

void cairn_json_finish(struct cairn_json *json)
{
    while (json->open.length > 0) {
        cairn_json_end(json);
    }
    cairn_stream_text(json->stream, "\n");
    cairn_buffer_release(&json->open);
}

/* How many bytes at `text` are one well-formed character (Unicode 15, table 3-7); 0 when they are none, and then `bad`
 * says how many belong to the bad part. */
static size_t well_formed(const unsigned char *text, size_t *bad)
{
    const unsigned char first = text[0];
    unsigned char low = 0x80, high = 0xbf;
    size_t more;
    *bad = 1;
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        more = 1;
    } else if (first >= 0xe0 && first <= 0xef) {
        more = 2;
        low = first == 0xe0 ? 0xa0 : low;
        high = first == 0xed ? 0x9f : high;
    } else if (first >= 0xf0 && first <= 0xf4) {
        more = 3;
        low = first == 0xf0 ? 0x90 : low;
        high = first == 0xf4 ? 0x8f : high;
    } else {
        return 0;
    }
    for (size_t i = 1; i <= more; i++) {
        if (text[i] < low || text[i] > high) {
            *bad = i;
            return 0;
        }
        low = 0x80;
        high = 0xbf;
    }
    return more + 1;
}

/* \uXXXX, in two halves above U+FFFF. `text` is one well-formed character. */
static void escape(struct cairn_stream *stream, const char *text, size_t length)
{
    uint32_t code = length == 1 ? (unsigned char)text[0] : (unsigned char)text[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        code = code << 6 | ((unsigned char)text[i] & 0x3fu);
    }
    if (code >= 0x10000) {
        cairn_stream_format(stream, "\\u%04x", (unsigned)(0xd800 + ((code - 0x10000) >> 10)));
        code = 0xdc00 + ((code - 0x10000) & 0x3ff);
    }
    cairn_stream_format(stream, "\\u%04x", (unsigned)code);
}

/* What the sanitiser would make visible is escaped: still the same text to a parser, and nothing that steers a terminal. */
static void write_text(struct cairn_json *json, const char *text)
{
    struct cairn_stream *stream = json->stream;
    cairn_stream_text(stream, "\"");
    const char *plain = text; /* the run that needs no change */
    const char *at = text;
    while (*at != '\0') {
        size_t bad;
        const size_t length = well_formed((const unsigned char *)at, &bad);
        const bool quoted = *at == '"' || *at == '\\';
        if (length > 0 && !quoted && cairn_is_clean(at, length)) {
            at += length;
            continue;
        }
        cairn_stream_write(stream, plain, (size_t)(at - plain));
        if (length == 0) {
            cairn_stream_text(stream, "\xef\xbf\xbd");
        } else if (quoted) {
            cairn_stream_format(stream, "\\%c", *at);
        } else {
            escape(stream, at, length);
        }
        at += length > 0 ? length : bad;
        plain = at;
    }
    cairn_stream_write(stream, plain, (size_t)(at - plain));
    cairn_stream_text(stream, "\"");
}

void cairn_json_text(struct cairn_json *json, const char *key, const char *text)
{
    begin_value(json, key);
    if (text == NULL) {
        cairn_stream_text(json->stream, "null");
    } else {
        write_text(json, text);
    }
}

void cairn_json_integer(struct cairn_json *json, const char *key, int64_t number)
{
    begin_value(json, key);
    if (number == CAIRN_UNKNOWN) {
        cairn_stream_text(json->stream, "null");
    } else {
        cairn_stream_format(json->stream, "%" PRId64, number);
    }
}

void cairn_json_real(struct cairn_json *json, const char *key, double number)
{
    begin_value(json, key);
    if (isfinite(number)) {
        cairn_stream_format(json->stream, "%.10g", number);
    } else {
        cairn_stream_text(json->stream, "null");
    }
}

void cairn_json_bool(struct cairn_json *json, const char *key, bool value)
{
    begin_value(json, key);
    cairn_stream_text(json->stream, value ? "true" : "false");
}

void cairn_json_null(struct cairn_json *json, const char *key)
{
    begin_value(json, key);
    cairn_stream_text(json->stream, "null");
}
