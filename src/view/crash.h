/* When the viewer crashes the terminal is given back and a line says what to report. */
#ifndef CAIRN_VIEW_CRASH_H
#define CAIRN_VIEW_CRASH_H

#include <stddef.h>
#include <termios.h>

#include "view/keycode.h"

/* From now on SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT write `sequence` to the terminal, restore `settings`, tell
 * the user, and die of the same signal. */
void cairn_crash_arm(const char *sequence, size_t length, const struct termios *settings);
void cairn_crash_disarm(void);
/* What the message names. `screen` is static text. */
void cairn_crash_screen(const char *screen);
void cairn_crash_key(cairn_key key);

#endif
