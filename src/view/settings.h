/* The user's configuration: $XDG_CONFIG_HOME/cairn/config, lines "key = value", # comments. Keys of other parts of
 * cairn are none of our business and passed over. */
#ifndef CAIRN_VIEW_SETTINGS_H
#define CAIRN_VIEW_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#define CAIRN_SKIPS_MAX 64

/* Zero-initialise. */
struct cairn_settings {
    char theme[32]; /* "": none chosen */
    bool ascii, mouse, source;
    char *skips[CAIRN_SKIPS_MAX]; /* `skip = REGEX` lines, as --skip of the commands; owned */
    size_t skip_count;
};

/* Fills `settings` from the file where there is one. */
void cairn_settings_load(struct cairn_settings *settings);
void cairn_settings_release(struct cairn_settings *settings);
/* Takes one line's key and value; false when the value is no good. */
bool cairn_settings_set(struct cairn_settings *settings, const char *key, const char *value);

/* "$VARIABLE/cairn/NAME", or "$HOME/FALLBACK/cairn/NAME"; NULL when neither is set or memory ran out. The caller
 * frees it. */
char *cairn_user_path(const char *variable, const char *fallback, const char *name);

#endif
