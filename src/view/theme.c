#include "view/style.h"

#include <string.h>

#define BOLD    CAIRN_LOOK_BOLD
#define DIM     CAIRN_LOOK_DIM
#define REVERSE CAIRN_LOOK_REVERSE
#define LINE    CAIRN_LOOK_UNDERLINE

#define LOOK(i, p, i8, p8, a)                                                                                \
    {                                                                                                        \
        .ink = (i), .paper = (p), .ink8 = (i8), .paper8 = (p8), .attributes = (a)                            \
    }
/* Only ink; and only attributes. */
#define INK(i, i8, a) LOOK(i, -1, i8, -1, a)
#define PLAIN(a)      LOOK(-1, -1, -1, -1, a)

/* The 8 colours: 0 black 1 red 2 green 3 yellow 4 blue 5 magenta 6 cyan 7 white. */
static const struct cairn_theme
    themes[] =
        {
            {.name = "default",
             .summary = "for dark terminals",
             .selected = LOOK(-1, 237, -1, -1, BOLD),
             .match = LOOK(16, 221, 0, 3, 0),
             .looks =
                 {
                     [CAIRN_STYLE_TEXT] = PLAIN(0),
                     [CAIRN_STYLE_DIM] = INK(245, -1, 0),
                     [CAIRN_STYLE_TITLE] = LOOK(255, 24, 7, 4, BOLD),
                     [CAIRN_STYLE_STATUS] = LOOK(252, 236, 7, 0, 0),
                     [CAIRN_STYLE_HEADER] = LOOK(250, 238, 0, 7, 0),
                     [CAIRN_STYLE_SORTED] = LOOK(231, 238, 0, 7, BOLD),
                     [CAIRN_STYLE_KEY] = INK(81, 6, BOLD),
                     [CAIRN_STYLE_HEADING] = INK(255, 7, BOLD),
                     [CAIRN_STYLE_GREW] = INK(209, 1, 0),
                     [CAIRN_STYLE_SHRANK] = INK(114, 2, 0),
                     [CAIRN_STYLE_PYTHON] = INK(221, 3, 0),
                     [CAIRN_STYLE_NATIVE] = INK(117, 6, 0),
                     [CAIRN_STYLE_LEAK] = INK(204, 1, BOLD),
                     [CAIRN_STYLE_HEAP] = INK(75, 4, 0),
                     [CAIRN_STYLE_RSS] = INK(140, 5, 0),
                     [CAIRN_STYLE_MOMENT] = LOOK(16, 255, 0, 7, BOLD),
                     [CAIRN_STYLE_MARK] = INK(221, 3, 0),
                     [CAIRN_STYLE_A] = LOOK(16, 114, 0, 2, BOLD),
                     [CAIRN_STYLE_B] = LOOK(16, 209, 0, 1, BOLD),
                     [CAIRN_STYLE_ERROR] = LOOK(231, 124, 7, 1, BOLD),
                     [CAIRN_STYLE_BORDER] = INK(240, -1, 0),
                     [CAIRN_STYLE_BOX] = LOOK(255, 24, 7, 4, 0),
                     [CAIRN_STYLE_BOX_OTHER] = LOOK(255, 31, 0, 6, 0),
                     [CAIRN_STYLE_BOX_PYTHON] = LOOK(16, 179, 0, 3, 0),
                 }},
            {.name = "light",
             .summary = "for light terminals",
             .selected = LOOK(-1, 254, -1, -1, BOLD),
             .match = LOOK(16, 220, 0, 3, 0),
             .looks =
                 {
                     [CAIRN_STYLE_TEXT] = PLAIN(0),
                     [CAIRN_STYLE_DIM] = INK(243, -1, 0),
                     [CAIRN_STYLE_TITLE] = LOOK(231, 25, 7, 4, BOLD),
                     [CAIRN_STYLE_STATUS] = LOOK(236, 253, 0, 7, 0),
                     [CAIRN_STYLE_HEADER] = LOOK(238, 252, 0, 7, 0),
                     [CAIRN_STYLE_SORTED] = LOOK(16, 252, 0, 7, BOLD),
                     [CAIRN_STYLE_KEY] = INK(25, 4, BOLD),
                     [CAIRN_STYLE_HEADING] = INK(16, 0, BOLD),
                     [CAIRN_STYLE_GREW] = INK(160, 1, 0),
                     [CAIRN_STYLE_SHRANK] = INK(28, 2, 0),
                     [CAIRN_STYLE_PYTHON] = INK(94, 3, 0),
                     [CAIRN_STYLE_NATIVE] = INK(25, 4, 0),
                     [CAIRN_STYLE_LEAK] = INK(161, 1, BOLD),
                     [CAIRN_STYLE_HEAP] = INK(32, 4, 0),
                     [CAIRN_STYLE_RSS] = INK(97, 5, 0),
                     [CAIRN_STYLE_MOMENT] = LOOK(231, 16, 7, 0, BOLD),
                     [CAIRN_STYLE_MARK] = INK(130, 3, 0),
                     [CAIRN_STYLE_A] = LOOK(231, 28, 7, 2, BOLD),
                     [CAIRN_STYLE_B] = LOOK(231, 160, 7, 1, BOLD),
                     [CAIRN_STYLE_ERROR] = LOOK(231, 160, 7, 1, BOLD),
                     [CAIRN_STYLE_BORDER] = INK(249, -1, 0),
                     [CAIRN_STYLE_BOX] = LOOK(16, 153, 0, 6, 0),
                     [CAIRN_STYLE_BOX_OTHER] = LOOK(16, 117, 7, 4, 0),
                     [CAIRN_STYLE_BOX_PYTHON] = LOOK(16, 222, 0, 3, 0),
                 }},
            {.name = "mono",
             .summary = "no colours at all",
             .selected = PLAIN(REVERSE),
             .match = PLAIN(LINE | BOLD),
             .looks =
                 {
                     [CAIRN_STYLE_TEXT] = PLAIN(0),
                     [CAIRN_STYLE_DIM] = PLAIN(DIM),
                     [CAIRN_STYLE_TITLE] = PLAIN(REVERSE),
                     [CAIRN_STYLE_STATUS] = PLAIN(0),
                     [CAIRN_STYLE_HEADER] = PLAIN(LINE),
                     [CAIRN_STYLE_SORTED] = PLAIN(LINE | BOLD),
                     [CAIRN_STYLE_KEY] = PLAIN(BOLD),
                     [CAIRN_STYLE_HEADING] = PLAIN(BOLD),
                     [CAIRN_STYLE_GREW] = PLAIN(BOLD),
                     [CAIRN_STYLE_SHRANK] = PLAIN(0),
                     [CAIRN_STYLE_PYTHON] = PLAIN(0),
                     [CAIRN_STYLE_NATIVE] = PLAIN(0),
                     [CAIRN_STYLE_LEAK] = PLAIN(BOLD),
                     [CAIRN_STYLE_HEAP] = PLAIN(0),
                     [CAIRN_STYLE_RSS] = PLAIN(0),
                     [CAIRN_STYLE_MOMENT] = PLAIN(REVERSE | BOLD),
                     [CAIRN_STYLE_MARK] = PLAIN(BOLD),
                     [CAIRN_STYLE_A] = PLAIN(REVERSE | BOLD),
                     [CAIRN_STYLE_B] = PLAIN(REVERSE | BOLD),
                     [CAIRN_STYLE_ERROR] = PLAIN(REVERSE | BOLD),
                     [CAIRN_STYLE_BORDER] = PLAIN(DIM),
                     [CAIRN_STYLE_BOX] = PLAIN(0),
                     [CAIRN_STYLE_BOX_OTHER] = PLAIN(0),
                     [CAIRN_STYLE_BOX_PYTHON] = PLAIN(LINE),
                 }},
            {.name = "safe",
             .summary = "blue and orange: for colour-blind eyes",
             .selected = LOOK(-1, 237, -1, -1, BOLD),
             .match = LOOK(16, 228, 0, 7, 0),
             .looks =
                 {
                     [CAIRN_STYLE_TEXT] = PLAIN(0),
                     [CAIRN_STYLE_DIM] = INK(246, -1, 0),
                     [CAIRN_STYLE_TITLE] = LOOK(231, 25, 7, 4, BOLD),
                     [CAIRN_STYLE_STATUS] = LOOK(252, 236, 7, 0, 0),
                     [CAIRN_STYLE_HEADER] = LOOK(252, 239, 0, 7, 0),
                     [CAIRN_STYLE_SORTED] = LOOK(231, 239, 0, 7, BOLD),
                     [CAIRN_STYLE_KEY] = INK(117, 6, BOLD),
                     [CAIRN_STYLE_HEADING] = INK(231, 7, BOLD),
                     [CAIRN_STYLE_GREW] = INK(214, 3, BOLD),
                     [CAIRN_STYLE_SHRANK] = INK(75, 4, 0),
                     [CAIRN_STYLE_PYTHON] = INK(228, 3, 0),
                     [CAIRN_STYLE_NATIVE] = INK(117, 6, 0),
                     [CAIRN_STYLE_LEAK] = INK(214, 3, BOLD),
                     [CAIRN_STYLE_HEAP] = INK(75, 4, 0),
                     [CAIRN_STYLE_RSS] = INK(180, 3, 0),
                     [CAIRN_STYLE_MOMENT] = LOOK(16, 255, 0, 7, BOLD),
                     [CAIRN_STYLE_MARK] = INK(228, 3, BOLD),
                     [CAIRN_STYLE_A] = LOOK(16, 75, 7, 4, BOLD),
                     [CAIRN_STYLE_B] = LOOK(16, 214, 0, 3, BOLD),
                     [CAIRN_STYLE_ERROR] = LOOK(16, 214, 0, 3, BOLD),
                     [CAIRN_STYLE_BORDER] = INK(242, -1, 0),
                     [CAIRN_STYLE_BOX] = LOOK(255, 25, 7, 4, 0),
                     [CAIRN_STYLE_BOX_OTHER] = LOOK(16, 75, 0, 6, 0),
                     [CAIRN_STYLE_BOX_PYTHON] = LOOK(16, 222, 0, 3, 0),
                 }},
};

const struct cairn_theme *cairn_theme_at(size_t index)
{
    return index < sizeof(themes) / sizeof(themes[0]) ? &themes[index] : NULL;
}

const struct cairn_theme *cairn_theme_find(const char *name)
{
    for (size_t i = 0; cairn_theme_at(i) != NULL; i++)
        if (strcmp(themes[i].name, name) == 0)
            return &themes[i];
    return NULL;
}
