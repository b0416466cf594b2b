/* The real terminal, by ncurses: takes a canvas, gives keys. The only file that knows ncurses is terminal.c. */
#ifndef CAIRN_VIEW_TERMINAL_H
#define CAIRN_VIEW_TERMINAL_H

#include <stdbool.h>

#include "base/status.h"
#include "view/canvas.h"
#include "view/keycode.h"

struct cairn_terminal;

enum cairn_input_kind {
    CAIRN_INPUT_NONE = 0, /* nothing more to read now */
    CAIRN_INPUT_KEY,
    CAIRN_INPUT_CLICK,
    CAIRN_INPUT_WHEEL, /* rows: negative is up */
    CAIRN_INPUT_PASTE, /* key: a character of a text that was pasted, or CAIRN_KEY_NONE; lines are joined by blanks */
    CAIRN_INPUT_GONE, /* the terminal went away */
};

struct cairn_input {
    enum cairn_input_kind kind;
    cairn_key key;
    int x, y, rows;
};

/* CAIRN_E_SYSTEM when standard input and output are no terminal, or one that cannot place its cursor: the sentence
 * names `cairn top`. */
CAIRN_MUST_CHECK enum cairn_status cairn_terminal_check(struct cairn_error *error);
/* Takes the terminal over (alternate screen, raw keys). */
CAIRN_MUST_CHECK enum cairn_status cairn_terminal_open(struct cairn_terminal **terminal,
                                                       struct cairn_error *error);
/* Gives it back as it was. NULL is fine. */
void cairn_terminal_close(struct cairn_terminal *terminal);

/* Colours only where the terminal has them and NO_COLOR is unset (or `insist`: the user asked for this theme). */
void cairn_terminal_theme(struct cairn_terminal *terminal, const struct cairn_theme *theme, bool insist);
void cairn_terminal_mouse(struct cairn_terminal *terminal, bool on);
/* Shows the canvas, sending what changed; `anew` sends all. */
void cairn_terminal_show(struct cairn_terminal *terminal, const struct cairn_canvas *canvas, bool anew);
/* The next input, without waiting. */
struct cairn_input cairn_terminal_read(struct cairn_terminal *terminal);
/* The size the terminal has now. */
void cairn_terminal_size(struct cairn_terminal *terminal, int *width, int *height);
/* Leaves the terminal to others (editor, shell) and takes it back. */
void cairn_terminal_suspend(struct cairn_terminal *terminal);
void cairn_terminal_resume(struct cairn_terminal *terminal);
/* Puts text on the clipboard of the terminal (OSC 52). */
void cairn_terminal_copy(struct cairn_terminal *terminal, const char *text);

#endif
