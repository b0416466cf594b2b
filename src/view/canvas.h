/* What the screen should look like: a grid of cells that every part of the viewer draws into. The terminal layer sends
 * it to ncurses, scripts save it as text: one code path for both.
 *
 * Text is UTF-8 without control characters (cairn_sanitise() has been over everything from a trace). On an ASCII
 * canvas characters that we draw ourselves become their ASCII likeness, all others a question mark. */
#ifndef CAIRN_VIEW_CANVAS_H
#define CAIRN_VIEW_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "view/style.h"

struct cairn_cell {
    uint32_t glyph, combining; /* glyph 0: the right half of the wide character before; combining 0: none */
    uint8_t pen;               /* a style and flags */
};

struct cairn_canvas {
    int width, height;
    bool ascii;
    int cursor_x, cursor_y; /* the text cursor; cursor_x < 0: hidden */
    struct cairn_cell *cells;
};

struct cairn_rect {
    int x, y, width, height;
};

/* Makes it `width` × `height` blank cells; false when memory ran out (then it is as it was). */
bool cairn_canvas_resize(struct cairn_canvas *canvas, int width, int height);
void cairn_canvas_release(struct cairn_canvas *canvas);
void cairn_canvas_clear(struct cairn_canvas *canvas);
struct cairn_cell *cairn_canvas_cell(const struct cairn_canvas *canvas, int x, int y);
/* The whole grid as UTF-8 lines without trailing blanks. */
void cairn_canvas_text(const struct cairn_canvas *canvas, struct cairn_buffer *text);
/* The same with one letter a cell for its pen: 'a' + style, upper case on the row under the cursor, '*' for a match,
 * '.' for unstyled blanks. So that tests see colours by their meaning. */
void cairn_canvas_pens(const struct cairn_canvas *canvas, struct cairn_buffer *text);

/* Draws `text` at (x, y) into at most `width` columns, ending in "…" where it does not fit. Returns the columns
 * used. Cells outside the canvas are left out. */
int cairn_draw_text(struct cairn_canvas *canvas, int x, int y, int width, unsigned pen, const char *text);
/* The same, right-aligned in `width` columns. */
void cairn_draw_right(struct cairn_canvas *canvas, int x, int y, int width, unsigned pen, const char *text);
/* Draws text over at most `lines` lines, broken at blanks; returns how many it took, 1 at least. */
int cairn_draw_wrapped(struct cairn_canvas *canvas, int x, int y, int width, int lines, unsigned pen,
                       const char *text);
/* Formatted cairn_draw_text. */
int cairn_draw_format(struct cairn_canvas *canvas, int x, int y, int width, unsigned pen, const char *format,
                      ...) __attribute__((format(printf, 6, 7)));
void cairn_draw_fill(struct cairn_canvas *canvas, struct cairn_rect area, unsigned pen, uint32_t glyph);
/* Changes the pen of cells, not their text: to highlight matches. */
void cairn_draw_flag(struct cairn_canvas *canvas, int x, int y, int width, unsigned flags);
/* A frame around `area` with a title in its upper edge; the inside is blanked. */
void cairn_draw_box(struct cairn_canvas *canvas, struct cairn_rect area, const char *title);
/* Only its upper edge. */
void cairn_draw_box_edge(struct cairn_canvas *canvas, struct cairn_rect area, const char *title);

/* Columns `text` takes on this canvas. */
int cairn_text_width(const struct cairn_canvas *canvas, const char *text);
/* The text behind its first `columns` columns. */
const char *cairn_text_skip(const struct cairn_canvas *canvas, const char *text, int columns);
/* The next code point; advances `text`. Bad bytes give U+FFFD. 0 at the end. */
uint32_t cairn_utf8_next(const char **text);
/* Appends a code point. */
void cairn_utf8_append(struct cairn_buffer *buffer, uint32_t code);

#endif
