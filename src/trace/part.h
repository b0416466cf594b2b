/* A new trace has a name of its own, NAME.part, until it is whole: what it replaces stays until then, and nobody takes a
 * part for a trace. */
#ifndef CAIRN_TRACE_PART_H
#define CAIRN_TRACE_PART_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/status.h"

/* Whether two paths lead to one file, by links too; not where one leads nowhere. */
bool cairn_part_is_itself(const char *from, const char *to);
/* Takes a file away that could not be finished; devices, pipes and links stay. */
void cairn_part_drop(const char *path);
/* Writes NAME.part of `to` into `part`, which the caller releases. CAIRN_E_USAGE: `to` is there and is not to be replaced, is
 * `from` or no regular file (a device, a link), or NAME.part is there. */
CAIRN_MUST_CHECK enum cairn_status cairn_part_begin(const char *from, const char *to, bool replace,
                                                    struct cairn_buffer *part, struct cairn_error *error);
/* Gives the whole trace its name; after a failure `part` is still there. */
CAIRN_MUST_CHECK enum cairn_status cairn_part_finish(const char *part, const char *to, bool replace,
                                                     struct cairn_error *error);

#endif
