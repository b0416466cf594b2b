#include "view/keycode.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "view/canvas.h"

static const struct {
    cairn_key key;
    const char *name;
} key_names[] = {
    {CAIRN_KEY_ENTER, "Enter"},
    {CAIRN_KEY_ESC, "Esc"},
    {CAIRN_KEY_TAB, "Tab"},
    {CAIRN_KEY_SHIFT_TAB, "Shift-Tab"},
    {CAIRN_KEY_BACKSPACE, "Backspace"},
    {CAIRN_KEY_DELETE, "Delete"},
    {CAIRN_KEY_UP, "Up"},
    {CAIRN_KEY_DOWN, "Down"},
    {CAIRN_KEY_LEFT, "Left"},
    {CAIRN_KEY_RIGHT, "Right"},
    {CAIRN_KEY_SHIFT_LEFT, "Shift-Left"},
    {CAIRN_KEY_SHIFT_RIGHT, "Shift-Right"},
    {CAIRN_KEY_CTRL_LEFT, "Ctrl-Left"},
    {CAIRN_KEY_CTRL_RIGHT, "Ctrl-Right"},
    {CAIRN_KEY_PAGE_UP, "PgUp"},
    {CAIRN_KEY_PAGE_DOWN, "PgDn"},
    {CAIRN_KEY_HOME, "Home"},
    {CAIRN_KEY_END, "End"},
    {CAIRN_KEY_F1, "F1"},
    {CAIRN_KEY_F2, "F2"},
    {' ', "Space"},
};

char *cairn_key_name(cairn_key key, char out[CAIRN_KEY_NAME_MAX])
{
    for (size_t i = 0; i < sizeof(key_names) / sizeof(key_names[0]); i++)
        if (key_names[i].key == key) {
            snprintf(out, CAIRN_KEY_NAME_MAX, "%s", key_names[i].name);
            return out;
        }
    if (key < ' ') {
        snprintf(out, CAIRN_KEY_NAME_MAX, "Ctrl-%c", (char)(key + '@'));
        return out;
    }
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    cairn_utf8_append(&text, key);
    snprintf(out, CAIRN_KEY_NAME_MAX, "%s", cairn_buffer_cstr(&text));
    cairn_buffer_release(&text);
    return out;
}

cairn_key cairn_key_parse(const char *name)
{
    for (size_t i = 0; i < sizeof(key_names) / sizeof(key_names[0]); i++)
        if (strcasecmp(key_names[i].name, name) == 0)
            return key_names[i].key;
    if (strncasecmp(name, "Ctrl-", 5) == 0 && name[5] != '\0' && name[6] == '\0') {
        const char letter = (char)(name[5] & ~0x20);
        return letter >= 'A' && letter <= 'Z' ? CAIRN_KEY_CTRL(letter) : CAIRN_KEY_NONE;
    }
    const cairn_key key = cairn_utf8_next(&name);
    return *name == '\0' ? key : CAIRN_KEY_NONE;
}
