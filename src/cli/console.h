/* What the text of an answer may use: how wide, whether in colour, whether beyond ASCII. */
#ifndef CAIRN_CLI_CONSOLE_H
#define CAIRN_CLI_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/stream.h"

enum cairn_colour_choice { CAIRN_COLOUR_AUTO = 0, CAIRN_COLOUR_ALWAYS, CAIRN_COLOUR_NEVER };

/* Colours go by meaning; a sign, an arrow or a word always says the same. */
enum cairn_style {
    CAIRN_STYLE_PLAIN = 0,
    CAIRN_STYLE_TITLE,
    CAIRN_STYLE_STRONG,
    CAIRN_STYLE_FAINT,
    CAIRN_STYLE_GREW,
    CAIRN_STYLE_SHRANK,
    CAIRN_STYLE_LEAK,
    CAIRN_STYLE_PYTHON,
    CAIRN_STYLE_COUNT
};

struct cairn_console {
    bool is_terminal;
    bool colour;
    bool utf8;
    size_t width; /* columns; 0: nobody says, lines need not be cut */
};

/* COLUMNS, else the terminal's own width. Colour where it was asked for, or on a terminal unless NO_COLOR is set. */
void cairn_console_inspect(struct cairn_console *terminal, int descriptor, enum cairn_colour_choice colour);
/* For charts and wrapped prose, which need a width: at most `most`. */
size_t cairn_console_width_or(const struct cairn_console *terminal, size_t otherwise, size_t most);
/* The UTF-8 text where the locale shows it, else the ASCII one. */
const char *cairn_glyph(const struct cairn_console *terminal, const char *utf8, const char *ascii);
/* `text` (clean) in a style; nothing but the text without colour. */
void cairn_styled(struct cairn_stream *stream, const struct cairn_console *terminal, enum cairn_style style,
                  const char *text);

/* Clean text for this terminal: cairn_sanitise(), and escapes for everything beyond ASCII where the locale has no UTF-8.
 * Writes at most `out_size` bytes with the terminator; returns `out`. */
char *cairn_console_clean(const struct cairn_console *terminal, char *out, size_t out_size, const char *text);
/* Columns that clean text takes. */
size_t cairn_text_columns(const char *text);
/* How many bytes of clean text fit into `columns`; `taken` (may be NULL) says how many columns they take. */
size_t cairn_text_fit(const char *text, size_t columns, size_t *taken);

/* How many bytes of clean text go into a line of `columns`, cut between words where that can be; at least one character
 * unless the text is empty. */
size_t cairn_text_line(const char *text, size_t columns);

/* Bars of the values, from 0 to the largest, one column each, into `out`. `out_size` of 4 × count + 1 always fits. */
void cairn_sparkline(const struct cairn_console *terminal, const double *values, size_t count, char *out,
                     size_t out_size);

#endif
