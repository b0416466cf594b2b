/* Keys as numbers: characters are their code points, special keys lie above Unicode. Names are those that people read
 * in help and write in scripts: "j", "Enter", "Ctrl-D", "Shift-Left". */
#ifndef CAIRN_VIEW_KEYCODE_H
#define CAIRN_VIEW_KEYCODE_H

#include <stdint.h>

typedef uint32_t cairn_key;

#define CAIRN_KEY_CTRL(letter) ((cairn_key)((letter) - '@'))

enum {
    CAIRN_KEY_NONE = 0,
    CAIRN_KEY_ENTER = 0x110000,
    CAIRN_KEY_ESC,
    CAIRN_KEY_TAB,
    CAIRN_KEY_SHIFT_TAB,
    CAIRN_KEY_BACKSPACE,
    CAIRN_KEY_DELETE,
    CAIRN_KEY_UP,
    CAIRN_KEY_DOWN,
    CAIRN_KEY_LEFT,
    CAIRN_KEY_RIGHT,
    CAIRN_KEY_SHIFT_LEFT,
    CAIRN_KEY_SHIFT_RIGHT,
    CAIRN_KEY_CTRL_LEFT,
    CAIRN_KEY_CTRL_RIGHT,
    CAIRN_KEY_PAGE_UP,
    CAIRN_KEY_PAGE_DOWN,
    CAIRN_KEY_HOME,
    CAIRN_KEY_END,
    CAIRN_KEY_F1,
    CAIRN_KEY_F2,
};

#define CAIRN_KEY_NAME_MAX 16

/* "Ctrl-D"; a character is itself, ' ' is "Space". Returns `out`. */
char *cairn_key_name(cairn_key key, char out[CAIRN_KEY_NAME_MAX]);
/* The key of that name; CAIRN_KEY_NONE when there is none. */
cairn_key cairn_key_parse(const char *name);

#endif
