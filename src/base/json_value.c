#include "base/json_value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

#define DEPTH_MOST   64u
#define NUMBER_BYTES 64u /* longer ones are no numbers of ours */

struct parser {
    struct cairn_arena *arena;
    const char *text;
    size_t length, at;
    bool no_memory;
    struct cairn_buffer scratch;
};

static struct cairn_json_value *read_value(struct parser *parser, unsigned depth);

static char peek(const struct parser *parser)
{
    return parser->at < parser->length ? parser->text[parser->at] : '\0';
}

static void skip_blanks(struct parser *parser)
{
    while (parser->at < parser->length && memchr(" \t\r\n", parser->text[parser->at], 4)) {
        parser->at++;
    }
}

static bool take(struct parser *parser, char byte)
{
    skip_blanks(parser);
    if (peek(parser) != byte || parser->at >= parser->length) {
        return false;
    }
    parser->at++;
    return true;
}

static bool take_word(struct parser *parser, const char *word)
{
    const size_t length = strlen(word);
    if (parser->length - parser->at < length || memcmp(parser->text + parser->at, word, length) != 0) {
        return false;
    }
    parser->at += length;
    return true;
}

static bool read_hex(struct parser *parser, uint32_t *code)
{
    uint32_t value = 0;
    if (parser->length - parser->at < 4) {
        return false;
    }
    for (size_t i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdef";
        const char byte = parser->text[parser->at + i];
        const char *digit = memchr(digits, byte >= 'A' && byte <= 'F' ? byte + 32 : byte, 16);
        if (!digit) {
            return false;
        }
        value = value << 4 | (uint32_t)(digit - digits);
    }
    parser->at += 4;
    *code = value;
    return true;
}

static void append_point(struct cairn_buffer *text, uint32_t point)
{
    if (point < 0x80) {
        cairn_buffer_byte(text, (char)point);
        return;
    }
    if (point < 0x800) {
        cairn_buffer_byte(text, (char)(0xc0 | point >> 6));
    } else {
        if (point < 0x10000) {
            cairn_buffer_byte(text, (char)(0xe0 | point >> 12));
        } else {
            cairn_buffer_byte(text, (char)(0xf0 | point >> 18));
            cairn_buffer_byte(text, (char)(0x80 | (point >> 12 & 0x3f)));
        }
        cairn_buffer_byte(text, (char)(0x80 | (point >> 6 & 0x3f)));
    }
    cairn_buffer_byte(text, (char)(0x80 | (point & 0x3f)));
}

/* What stands behind "\u": one code point, of two halves where it is above U+FFFF. A lone half becomes U+FFFD. */
static bool read_point(struct parser *parser)
{
    uint32_t code, low;
    if (!read_hex(parser, &code)) {
        return false;
    }
    if (code >= 0xD800 && code < 0xDC00) {
        const size_t before = parser->at;
        if (take_word(parser, "\\u") && read_hex(parser, &low) && low >= 0xDC00 && low < 0xE000) {
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        } else {
            parser->at = before;
        }
    }
    append_point(&parser->scratch, code >= 0xD800 && code < 0xE000 ? 0xFFFD : code);
    return true;
}

static bool read_escape(struct parser *parser)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char byte = peek(parser);
    parser->at++;
    if (byte == 'u') {
        return read_point(parser);
    }
    const char *letter = memchr(letters, byte, sizeof(letters) - 1);
    if (letter) {
        cairn_buffer_byte(&parser->scratch, meanings[letter - letters]);
    }
    return letter != NULL;
}

static const char *read_text(struct parser *parser)
{
    cairn_buffer_reset(&parser->scratch);
    for (;;) {
        const char byte = peek(parser);
        if (parser->at >= parser->length || (unsigned char)byte < 0x20) {
            return NULL;
        }
        parser->at++;
        if (byte == '"') {
            break;
        }
        if (byte != '\\') {
            cairn_buffer_byte(&parser->scratch, byte);
        } else if (!read_escape(parser)) {
            return NULL;
        }
    }
    char *copy = parser->scratch.failed ? NULL
                                        : cairn_arena_copy(parser->arena, cairn_buffer_cstr(&parser->scratch),
                                                           parser->scratch.length);
    parser->no_memory = parser->no_memory || !copy;
    return copy;
}

static bool skip_digits(struct parser *parser)
{
    const size_t before = parser->at;
    while (peek(parser) >= '0' && peek(parser) <= '9') {
        parser->at++;
    }
    return parser->at > before;
}

static bool read_number(struct parser *parser, struct cairn_json_value *value)
{
    const size_t begin = parser->at;
    bool whole = true;
    parser->at += peek(parser) == '-';
    const char first = peek(parser);
    const size_t digits = parser->at;
    if (!skip_digits(parser) || (first == '0' && parser->at > digits + 1)) {
        return false;
    }
    if (peek(parser) == '.') {
        whole = false;
        parser->at++;
        if (!skip_digits(parser)) {
            return false;
        }
    }
    if (peek(parser) == 'e' || peek(parser) == 'E') {
        whole = false;
        parser->at++;
        parser->at += peek(parser) == '+' || peek(parser) == '-';
        if (!skip_digits(parser)) {
            return false;
        }
    }
    char copy[NUMBER_BYTES];
    if (parser->at - begin >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, parser->text + begin, parser->at - begin);
    copy[parser->at - begin] = '\0';
    value->type = CAIRN_JSON_NUMBER;
    value->real = strtod(copy, NULL);
    errno = 0;
    value->integer = whole ? strtoll(copy, NULL, 10) : 0;
    value->whole = whole && errno == 0;
    return true;
}

/* The members of an array or object behind its opening bracket. */
static bool read_members(struct parser *parser, struct cairn_json_value *value, char close, unsigned depth)
{
    struct cairn_json_value **end = &value->first;
    if (take(parser, close)) {
        return true;
    }
    do {
        const char *key = NULL;
        if (value->type == CAIRN_JSON_OBJECT) {
            if (!take(parser, '"') || !(key = read_text(parser)) || !take(parser, ':')) {
                return false;
            }
        }
        struct cairn_json_value *member = read_value(parser, depth + 1);
        if (!member) {
            return false;
        }
        member->key = key;
        *end = member;
        end = &member->next;
    } while (take(parser, ','));
    return take(parser, close);
}

static bool fill_value(struct parser *parser, struct cairn_json_value *value, unsigned depth)
{
    switch (peek(parser)) {
    case '{':
    case '[': {
        const bool object = peek(parser) == '{';
        parser->at++;
        value->type = object ? CAIRN_JSON_OBJECT : CAIRN_JSON_ARRAY;
        return depth < DEPTH_MOST && read_members(parser, value, object ? '}' : ']', depth);
    }
    case '"':
        parser->at++;
        value->type = CAIRN_JSON_TEXT;
        value->text = read_text(parser);
        return value->text != NULL;
    case 't':
    case 'f':
        value->type = CAIRN_JSON_BOOL;
        value->boolean = peek(parser) == 't';
        return take_word(parser, value->boolean ? "true" : "false");
    case 'n':
        return take_word(parser, "null");
    default:
        return read_number(parser, value);
    }
}

static struct cairn_json_value *read_value(struct parser *parser, unsigned depth)
{
    struct cairn_json_value *value = cairn_arena_alloc(parser->arena, sizeof(*value));
    parser->no_memory = parser->no_memory || !value;
    skip_blanks(parser);
    return value && fill_value(parser, value, depth) ? value : NULL;
}

enum cairn_status cairn_json_parse(struct cairn_arena *arena, const char *text, size_t length,
                                   const struct cairn_json_value **value, struct cairn_error *error)
{
    struct parser parser = {.arena = arena, .text = text, .length = length, .scratch = CAIRN_BUFFER_INIT};
    const struct cairn_json_value *made = read_value(&parser, 0);
    skip_blanks(&parser);
    cairn_buffer_release(&parser.scratch);
    if (parser.no_memory) {
        return cairn_fail(error, CAIRN_E_NOMEM, "out of memory for JSON");
    }
    if (!made || parser.at < length) {
        return cairn_fail(error, CAIRN_E_FORMAT, "this is no JSON from byte %zu on", parser.at);
    }
    *value = made;
    return CAIRN_OK;
}

const struct cairn_json_value *cairn_json_member(const struct cairn_json_value *value, const char *key)
{
    if (!value || value->type != CAIRN_JSON_OBJECT) {
        return NULL;
    }
    for (const struct cairn_json_value *member = value->first; member; member = member->next) {
        if (strcmp(member->key, key) == 0) {
            return member;
        }
    }
    return NULL;
}

const char *cairn_json_member_text(const struct cairn_json_value *value, const char *key)
{
    const struct cairn_json_value *member = cairn_json_member(value, key);
    return member && member->type == CAIRN_JSON_TEXT ? member->text : NULL;
}
