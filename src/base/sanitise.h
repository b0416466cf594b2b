/* The one place where text from a trace becomes fit for a terminal, a title, an export or an error message.
 *
 * C0, DEL, C1, bidi controls, zero-width characters, line and paragraph separators and bad UTF-8 become visible
 * escapes: \n \t \r \e, \xHH for bytes, \u{HHHH} for code points; a backslash stays as it is. */
#ifndef CAIRN_BASE_SANITISE_H
#define CAIRN_BASE_SANITISE_H

#include <stdbool.h>
#include <stddef.h>

/* Writes the visible form of `text` (length bytes; may hold NULs) into `out`, at most `out_size` bytes with the
 * terminator, cut at a whole character. Returns the length the whole form needs, without terminator, like snprintf. */
size_t cairn_sanitise(char *out, size_t out_size, const char *text, size_t length);

/* Whether cairn_sanitise would change nothing. */
bool cairn_is_clean(const char *text, size_t length);

#endif
