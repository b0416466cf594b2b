#include "base/sanitise.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MOST_UNIT_BYTES 16 /* "\u{10FFFF}" and its terminator */

struct range {
    uint32_t first, last;
};

/* Code points above ASCII that change the direction, join, hide or break text, or have no shape of their own. */
static const struct range hidden[] = {
    {.first = 0x0080, .last = 0x009F},   /* C1 controls */
    {.first = 0x00AD, .last = 0x00AD},   /* soft hyphen */
    {.first = 0x034F, .last = 0x034F},   /* combining grapheme joiner */
    {.first = 0x061C, .last = 0x061C},   /* Arabic letter mark */
    {.first = 0x115F, .last = 0x1160},   /* Hangul fillers */
    {.first = 0x17B4, .last = 0x17B5},   /* Khmer inherent vowels, invisible */
    {.first = 0x180B, .last = 0x180F},   /* Mongolian variation selectors, vowel separator */
    {.first = 0x200B, .last = 0x200F},   /* zero-width space, joiners, direction marks */
    {.first = 0x2028, .last = 0x202E},   /* line and paragraph separators, embeddings, overrides */
    {.first = 0x2060, .last = 0x206F},   /* word joiner, invisible operators, isolates */
    {.first = 0x3164, .last = 0x3164},   /* Hangul filler */
    {.first = 0xFDD0, .last = 0xFDEF},   /* noncharacters */
    {.first = 0xFE00, .last = 0xFE0F},   /* variation selectors */
    {.first = 0xFEFF, .last = 0xFEFF},   /* byte order mark */
    {.first = 0xFFA0, .last = 0xFFA0},   /* halfwidth Hangul filler */
    {.first = 0xFFF0, .last = 0xFFFB},   /* unassigned and interlinear annotation */
    {.first = 0xFFFE, .last = 0xFFFF},   /* noncharacters */
    {.first = 0x1BCA0, .last = 0x1BCA3}, /* shorthand format controls */
    {.first = 0x1D173, .last = 0x1D17A}, /* musical format controls */
    {.first = 0xE0000, .last = 0xE0FFF}, /* tags, variation selectors */
};

static bool is_hidden(uint32_t code)
{
    if (code < 0x80) {
        return code < 0x20 || code == 0x7F;
    }
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0] && code >= hidden[i].first; i++) {
        if (code <= hidden[i].last) {
            return true;
        }
    }
    return false;
}

/* Bytes of the well-formed UTF-8 sequence at `text`, at most `left` long, and its code point; 0 when it is none:
 * cut short, overlong, a surrogate or above U+10FFFF. */
static size_t decode(const unsigned char *text, size_t left, uint32_t *code)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char lead = text[0];
    const size_t length = lead < 0x80   ? 1
                          : lead < 0xC2 ? 0
                          : lead < 0xE0 ? 2
                          : lead < 0xF0 ? 3
                          : lead < 0xF5 ? 4
                                        : 0;
    if (length == 0 || length > left) {
        return 0;
    }
    uint32_t value = length == 1 ? lead : lead & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xC0) != 0x80) {
            return 0;
        }
        value = value << 6 | (text[i] & 0x3Fu);
    }
    if (value < smallest[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
        return 0;
    }
    *code = value;
    return length;
}

static size_t escape(char unit[MOST_UNIT_BYTES], uint32_t code)
{
    const char *const name = code == '\n'   ? "\\n"
                             : code == '\t' ? "\\t"
                             : code == '\r' ? "\\r"
                             : code == 0x1B ? "\\e"
                                            : NULL;
    if (name) {
        memcpy(unit, name, 2);
        return 2;
    }
    return (size_t)snprintf(unit, MOST_UNIT_BYTES, code < 0x80 ? "\\x%02X" : "\\u{%04X}", (unsigned)code);
}

/* One visible unit of `text` into `unit`; returns the bytes consumed and the unit's length. */
static size_t next_unit(const unsigned char *text, size_t left, char unit[MOST_UNIT_BYTES],
                        size_t *unit_length)
{
    uint32_t code;
    const size_t consumed = decode(text, left, &code);
    if (consumed == 0) {
        *unit_length = (size_t)snprintf(unit, MOST_UNIT_BYTES, "\\x%02X", text[0]);
        return 1;
    }
    if (is_hidden(code)) {
        *unit_length = escape(unit, code);
    } else {
        memcpy(unit, text, consumed);
        *unit_length = consumed;
    }
    return consumed;
}

size_t cairn_sanitise(char *out, size_t out_size, const char *text, size_t length)
{
    size_t needed = 0, written = 0;
    bool fits = true;
    for (size_t at = 0; at < length;) {
        char unit[MOST_UNIT_BYTES];
        size_t unit_length;
        at += next_unit((const unsigned char *)text + at, length - at, unit, &unit_length);
        fits = fits && written + unit_length < out_size;
        if (fits) {
            memcpy(out + written, unit, unit_length);
            written += unit_length;
        }
        needed += unit_length;
    }
    if (out_size > 0) {
        out[written] = '\0';
    }
    return needed;
}

bool cairn_is_clean(const char *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        uint32_t code;
        const size_t consumed = decode((const unsigned char *)text + at, length - at, &code);
        if (consumed == 0 || is_hidden(code)) {
            return false;
        }
        at += consumed;
    }
    return true;
}
