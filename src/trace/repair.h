/* Completing a trace whose collector died: `cairn info --repair`. */
#ifndef CAIRN_TRACE_REPAIR_H
#define CAIRN_TRACE_REPAIR_H

#include "base/status.h"

/* Makes a trace without its end a complete one, up to its last commit: one plain file that says "recorder died" and
 * where it stops. Of a complete trace in two files, whose last step failed, it makes one; in one file it is left as it is.
 * CAIRN_E_BUSY while a collector writes it; the checks of
 * cairn_trace_open() come first. */
CAIRN_MUST_CHECK enum cairn_status cairn_trace_repair(const char *path, struct cairn_error *error);

#endif
