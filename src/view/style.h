/* Styles by meaning, and the themes that turn them into colours. A sign, an arrow or a word always stands beside a
 * colour, so that the monochrome theme loses nothing. */
#ifndef CAIRN_VIEW_STYLE_H
#define CAIRN_VIEW_STYLE_H

#include <stddef.h>
#include <stdint.h>

enum cairn_style {
    CAIRN_STYLE_TEXT = 0,
    CAIRN_STYLE_DIM,     /* what helps, but is not the answer */
    CAIRN_STYLE_TITLE,   /* the first line */
    CAIRN_STYLE_STATUS,  /* the message and prompt line */
    CAIRN_STYLE_HEADER,  /* column heads */
    CAIRN_STYLE_SORTED,  /* the head of the column that sorts */
    CAIRN_STYLE_KEY,     /* a key in the hint line and in help */
    CAIRN_STYLE_HEADING, /* a section's name */
    CAIRN_STYLE_GREW,
    CAIRN_STYLE_SHRANK,
    CAIRN_STYLE_PYTHON,
    CAIRN_STYLE_NATIVE,
    CAIRN_STYLE_LEAK,
    CAIRN_STYLE_HEAP,
    CAIRN_STYLE_RSS,
    CAIRN_STYLE_MOMENT, /* where we look */
    CAIRN_STYLE_MARK,   /* named marks, the peak */
    CAIRN_STYLE_A,
    CAIRN_STYLE_B,
    CAIRN_STYLE_ERROR,
    CAIRN_STYLE_BORDER,
    CAIRN_STYLE_BOX, /* of a flame graph: two shades, so that neighbours differ, and Python's */
    CAIRN_STYLE_BOX_OTHER,
    CAIRN_STYLE_BOX_PYTHON,
    CAIRN_STYLE_COUNT
};

/* Added to a style: the pen of a cell. */
#define CAIRN_PEN_STYLE_MASK 0x3fu
#define CAIRN_PEN_SELECTED   0x40u /* the row under the cursor */
#define CAIRN_PEN_MATCH      0x80u /* found by the search */

/* Attributes of a look. */
#define CAIRN_LOOK_BOLD      0x1u
#define CAIRN_LOOK_DIM       0x2u
#define CAIRN_LOOK_REVERSE   0x4u
#define CAIRN_LOOK_UNDERLINE 0x8u

/* Colours are of the 256-colour palette, and of the 8-colour one for lesser terminals; -1 is the terminal's own. */
struct cairn_look {
    int16_t ink, paper;
    int8_t ink8, paper8;
    uint8_t attributes;
};

struct cairn_theme {
    const char *name, *summary;
    struct cairn_look selected; /* its paper lies under every style of the row under the cursor */
    struct cairn_look match;
    struct cairn_look looks[CAIRN_STYLE_COUNT];
};

/* NULL when there is no theme of that name. */
const struct cairn_theme *cairn_theme_find(const char *name);
/* The i-th theme, NULL behind the last one. The first is the default. */
const struct cairn_theme *cairn_theme_at(size_t index);

#endif
