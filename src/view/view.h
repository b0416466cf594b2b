/* The viewer: browses one trace (or the difference of two) with the keyboard. VIEWER.md says what each key does. */
#ifndef CAIRN_VIEW_VIEW_H
#define CAIRN_VIEW_VIEW_H

#include <stdbool.h>

#include "base/status.h"

struct cairn_view_options {
    const char *path, *other_path; /* other_path: a second trace, or NULL */
    const char *script;            /* keys to replay, or NULL: the terminal */
    int width, height;             /* of the script's screen; 0: 80x24 */
    bool ascii;
    const char *theme; /* NULL: as the configuration says */
    const char *source_root;
};

/* Runs until the user leaves. CAIRN_E_SYSTEM without a usable terminal (the sentence names `cairn top`). */
CAIRN_MUST_CHECK enum cairn_status cairn_view(const struct cairn_view_options *options,
                                              struct cairn_error *error);

#endif
