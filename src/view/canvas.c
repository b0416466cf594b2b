#include "view/canvas.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define REPLACEMENT 0xfffdu

/* What we draw beyond ASCII, and what stands for it where the locale has nothing better. */
static const struct {
    uint32_t code;
    const char *likeness;
} likenesses[] = {
    {0xb2, "2"},    /* ² */
    {0xb5, "u"},    /* µ */
    {0xb7, "."},    /* · */
    {0xd7, "x"},    /* × */
    {0x394, "d"},   /* Δ */
    {0x2013, "-"},  /* – */
    {0x2014, "-"},  /* — */
    {0x2026, "~"},  /* … */
    {0x2190, "<-"}, /* ← */
    {0x2191, "^"},  /* ↑ */
    {0x2192, "->"}, /* → */
    {0x203a, ">"},  /* › */
    {0x21ba, "@"},  /* ↺ */
    {0x2193, "v"},  /* ↓ */
    {0x2194, "<>"}, /* ↔ */
    {0x2212, "-"},  /* − */
    {0x2248, "~"},  /* ≈ */
    {0x2264, "<="}, /* ≤ */
    {0x2265, ">="}, /* ≥ */
    {0x2500, "-"},  /* ─ */
    {0x2502, "|"},  /* │ */
    {0x250a, "|"},  /* ┊ */
    {0x250c, "+"},  /* ┌ */
    {0x2510, "+"},  /* ┐ */
    {0x2514, "+"},  /* └ */
    {0x2518, "+"},  /* ┘ */
    {0x251c, "+"},  /* ├ */
    {0x2524, "+"},  /* ┤ */
    {0x2581, "_"},  /* ▁ */
    {0x2582, "."},  /* ▂ */
    {0x2583, "-"},  /* ▃ */
    {0x2584, "="},  /* ▄ */
    {0x2585, "+"},  /* ▅ */
    {0x2586, "*"},  /* ▆ */
    {0x2587, "%"},  /* ▇ */
    {0x2588, "#"},  /* █ */
    {0x2591, "."},  /* ░ */
    {0x25b2, "^"},  /* ▲ */
    {0x25b8, "+"},  /* ▸ */
    {0x25bc, "v"},  /* ▼ */
    {0x25be, "-"},  /* ▾ */
    {0x25c6, "*"},  /* ◆ */
    {0x25cf, "*"},  /* ● */
};

static const char *likeness(uint32_t code)
{
    for (size_t i = 0; i < sizeof(likenesses) / sizeof(likenesses[0]); i++)
        if (likenesses[i].code == code)
            return likenesses[i].likeness;
    return "?";
}

uint32_t cairn_utf8_next(const char **text)
{
    const unsigned char *bytes = (const unsigned char *)*text;
    const uint32_t first = bytes[0];
    if (first == 0)
        return 0;
    if (first < 0x80) {
        *text += 1;
        return first;
    }
    const int extra = first >= 0xf0 && first < 0xf8 ? 3 : first >= 0xe0 ? 2 : first >= 0xc2 ? 1 : 0;
    uint32_t code = first & (extra == 3 ? 0x07u : extra == 2 ? 0x0fu : 0x1fu);
    for (int i = 1; i <= extra; i++) {
        if ((bytes[i] & 0xc0u) != 0x80) {
            *text += 1;
            return REPLACEMENT;
        }
        code = code << 6 | (bytes[i] & 0x3fu);
    }
    *text += extra + 1;
    return extra == 0 || first >= 0xf8 || code > 0x10ffff ? REPLACEMENT : code;
}

void cairn_utf8_append(struct cairn_buffer *buffer, uint32_t code)
{
    if (code < 0x80) {
        cairn_buffer_byte(buffer, (char)code);
        return;
    }
    const int extra = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    const unsigned lead = extra == 1 ? 0xc0u : extra == 2 ? 0xe0u : 0xf0u;
    cairn_buffer_byte(buffer, (char)(lead | code >> (6 * extra)));
    for (int i = extra - 1; i >= 0; i--)
        cairn_buffer_byte(buffer, (char)(0x80u | (code >> (6 * i) & 0x3fu)));
}

/* Text from traces was made clean long before; what people type or paste at a prompt was not. Controls and the marks
 * that turn the direction of text or take no room never reach a cell. */
static uint32_t safe_code(uint32_t code)
{
    const bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    const bool invisible = (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
                           (code >= 0x2060 && code <= 0x206f) || code == 0xfeff || code == 0xad;
    return control || invisible ? REPLACEMENT : code;
}

/* Columns of one code point: 0 for combining ones. What the C library does not know is drawn as U+FFFD. */
static int glyph_width(uint32_t code)
{
    if (code < 0x7f)
        return 1;
    const int width = wcwidth((wchar_t)code);
    return width < 0 ? 1 : width;
}

static int code_width(const struct cairn_canvas *canvas, uint32_t code)
{
    code = safe_code(code);
    if (canvas->ascii && code >= 0x7f)
        return (int)strlen(likeness(code));
    return glyph_width(code);
}

int cairn_text_width(const struct cairn_canvas *canvas, const char *text)
{
    int width = 0;
    for (uint32_t code; (code = cairn_utf8_next(&text)) != 0;)
        width += code_width(canvas, code);
    return width;
}

const char *cairn_text_skip(const struct cairn_canvas *canvas, const char *text, int columns)
{
    const char *at = text;
    while (columns > 0 && *at != '\0') {
        const uint32_t code = cairn_utf8_next(&at);
        columns -= code_width(canvas, code);
    }
    return at;
}

bool cairn_canvas_resize(struct cairn_canvas *canvas, int width, int height)
{
    struct cairn_cell *cells = calloc((size_t)width * (size_t)height + 1, sizeof(*cells));
    if (cells == NULL)
        return false;
    free(canvas->cells);
    canvas->cells = cells;
    canvas->width = width;
    canvas->height = height;
    cairn_canvas_clear(canvas);
    return true;
}

void cairn_canvas_release(struct cairn_canvas *canvas)
{
    free(canvas->cells);
    canvas->cells = NULL;
    canvas->width = canvas->height = 0;
}

void cairn_canvas_clear(struct cairn_canvas *canvas)
{
    const size_t count = (size_t)canvas->width * (size_t)canvas->height;
    for (size_t i = 0; i < count; i++)
        canvas->cells[i] = (struct cairn_cell){.glyph = ' '};
    canvas->cursor_x = canvas->cursor_y = -1;
}

struct cairn_cell *cairn_canvas_cell(const struct cairn_canvas *canvas, int x, int y)
{
    if (x < 0 || y < 0 || x >= canvas->width || y >= canvas->height)
        return NULL;
    return &canvas->cells[(size_t)y * (size_t)canvas->width + (size_t)x];
}

static void put(struct cairn_canvas *canvas, int x, int y, unsigned pen, uint32_t glyph)
{
    struct cairn_cell *cell = cairn_canvas_cell(canvas, x, y);
    if (cell == NULL)
        return;
    /* Half of a wide character must not stay behind. */
    if (cell->glyph == 0 && x > 0)
        cairn_canvas_cell(canvas, x - 1, y)->glyph = ' ';
    struct cairn_cell *next = cairn_canvas_cell(canvas, x + 1, y);
    if (glyph != 0 && next != NULL && next->glyph == 0)
        next->glyph = ' ';
    *cell = (struct cairn_cell){.glyph = glyph, .pen = (uint8_t)pen};
}

/* Draws one code point; returns its columns. */
static int put_code(struct cairn_canvas *canvas, int x, int y, unsigned pen, uint32_t code)
{
    code = safe_code(code);
    if (canvas->ascii && code >= 0x7f) {
        const char *text = likeness(code);
        int width = 0;
        for (; text[width] != '\0'; width++)
            put(canvas, x + width, y, pen, (unsigned char)text[width]);
        return width;
    }
    const int width = glyph_width(code);
    if (width == 0) {
        struct cairn_cell *before = cairn_canvas_cell(canvas, x - 1, y);
        if (before != NULL && before->glyph == 0)
            before = cairn_canvas_cell(canvas, x - 2, y);
        if (before != NULL && before->combining == 0)
            before->combining = code;
        return 0;
    }
    put(canvas, x, y, pen, code >= 0x7f && wcwidth((wchar_t)code) < 0 ? REPLACEMENT : code);
    if (width == 2)
        put(canvas, x + 1, y, pen, 0);
    return width;
}

int cairn_draw_text(struct cairn_canvas *canvas, int x, int y, int width, unsigned pen, const char *text)
{
    if (width <= 0 || y < 0 || y >= canvas->height)
        return 0;
    const bool cut = cairn_text_width(canvas, text) > width;
    const int room = cut ? width - 1 : width;
    int used = 0;
    while (*text != '\0') {
        const uint32_t code = cairn_utf8_next(&text);
        if (used + code_width(canvas, code) > room)
            break;
        used += put_code(canvas, x + used, y, pen, code);
    }
    if (cut) {
        for (; used < room; used++)
            put(canvas, x + used, y, pen, ' ');
        used += put_code(canvas, x + used, y, pen, 0x2026);
    }
    return used;
}

void cairn_draw_right(struct cairn_canvas *canvas, int x, int y, int width, unsigned pen, const char *text)
{
    const int needed = cairn_text_width(canvas, text);
    const int left = needed < width ? width - needed : 0;
    cairn_draw_text(canvas, x + left, y, width - left, pen, text);
}

/* Bytes of `text` that fit into `width` columns up to a blank; all of it when it fits, 0 when no blank does. */
static size_t break_at(const struct cairn_canvas *canvas, const char *text, int width)
{
    size_t blank = 0;
    int used = 0;
    for (const char *at = text; *at != '\0';) {
        if (*at == ' ')
            blank = (size_t)(at - text);
        used += code_width(canvas, cairn_utf8_next(&at));
        if (used > width)
            return blank;
    }
    return strlen(text);
}

int cairn_draw_wrapped(struct cairn_canvas *canvas, int x, int y, int width, int lines, unsigned pen,
                       const char *text)
{
    int line = 0;
    for (; line + 1 < lines; line++) {
        char part[1024];
        const size_t length = break_at(canvas, text, width);
        if (length == 0 || length == strlen(text) || length >= sizeof(part))
            break;
        memcpy(part, text, length);
        part[length] = '\0';
        cairn_draw_text(canvas, x, y + line, width, pen, part);
        text += length + 1;
    }
    cairn_draw_text(canvas, x, y + line, width, pen, text);
    return line + 1;
}

int cairn_draw_format(struct cairn_canvas *canvas, int x, int y, int width, unsigned pen, const char *format,
                      ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return cairn_draw_text(canvas, x, y, width, pen, text);
}

void cairn_draw_fill(struct cairn_canvas *canvas, struct cairn_rect area, unsigned pen, uint32_t glyph)
{
    for (int y = area.y; y < area.y + area.height; y++)
        for (int x = area.x; x < area.x + area.width; x++)
            put_code(canvas, x, y, pen, glyph);
}

void cairn_draw_flag(struct cairn_canvas *canvas, int x, int y, int width, unsigned flags)
{
    for (int i = 0; i < width; i++) {
        struct cairn_cell *cell = cairn_canvas_cell(canvas, x + i, y);
        if (cell != NULL)
            cell->pen |= (uint8_t)flags;
    }
}

void cairn_draw_box_edge(struct cairn_canvas *canvas, struct cairn_rect area, const char *title)
{
    const unsigned pen = CAIRN_STYLE_BORDER;
    cairn_draw_fill(canvas, (struct cairn_rect){area.x, area.y, area.width, 1}, pen, 0x2500);
    put_code(canvas, area.x, area.y, pen, 0x250c);
    put_code(canvas, area.x + area.width - 1, area.y, pen, 0x2510);
    cairn_draw_format(canvas, area.x + 2, area.y, area.width - 4, CAIRN_STYLE_HEADING, " %s ", title);
}

void cairn_draw_box(struct cairn_canvas *canvas, struct cairn_rect area, const char *title)
{
    const int right = area.x + area.width - 1, bottom = area.y + area.height - 1;
    const unsigned pen = CAIRN_STYLE_BORDER;
    cairn_draw_fill(canvas, area, CAIRN_STYLE_TEXT, ' ');
    cairn_draw_fill(canvas, (struct cairn_rect){area.x, bottom, area.width, 1}, pen, 0x2500);
    cairn_draw_fill(canvas, (struct cairn_rect){area.x, area.y, 1, area.height}, pen, 0x2502);
    cairn_draw_fill(canvas, (struct cairn_rect){right, area.y, 1, area.height}, pen, 0x2502);
    put_code(canvas, area.x, bottom, pen, 0x2514);
    put_code(canvas, right, bottom, pen, 0x2518);
    cairn_draw_box_edge(canvas, area, title);
}

void cairn_canvas_text(const struct cairn_canvas *canvas, struct cairn_buffer *text)
{
    for (int y = 0; y < canvas->height; y++) {
        int last = canvas->width - 1;
        while (last >= 0 && cairn_canvas_cell(canvas, last, y)->glyph == ' ')
            last--;
        for (int x = 0; x <= last; x++) {
            const struct cairn_cell *cell = cairn_canvas_cell(canvas, x, y);
            if (cell->glyph != 0)
                cairn_utf8_append(text, cell->glyph);
            if (cell->combining != 0)
                cairn_utf8_append(text, cell->combining);
        }
        cairn_buffer_byte(text, '\n');
    }
}

void cairn_canvas_pens(const struct cairn_canvas *canvas, struct cairn_buffer *text)
{
    for (int y = 0; y < canvas->height; y++) {
        for (int x = 0; x < canvas->width; x++) {
            const struct cairn_cell *cell = cairn_canvas_cell(canvas, x, y);
            const unsigned style = cell->pen & CAIRN_PEN_STYLE_MASK;
            const char base = (cell->pen & CAIRN_PEN_SELECTED) != 0 ? 'A' : 'a';
            if ((cell->pen & CAIRN_PEN_MATCH) != 0)
                cairn_buffer_byte(text, '*');
            else if (cell->pen == CAIRN_STYLE_TEXT && cell->glyph == ' ')
                cairn_buffer_byte(text, '.');
            else
                cairn_buffer_byte(text, (char)(base + (char)style));
        }
        cairn_buffer_byte(text, '\n');
    }
}
