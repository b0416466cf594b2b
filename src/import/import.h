/* Recordings of other tools become traces: what `cairn import` does. Their files are strangers' files: every number is checked,
 * memory stays below half a gigabyte, and one that does not make sense is refused as a whole. */
#ifndef CAIRN_IMPORT_IMPORT_H
#define CAIRN_IMPORT_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

struct cairn_import_report {
    const char *format; /* "heaptrack" or "massif"; static */
    int64_t bytes;      /* of the new trace */
};

/* `from`: what heaptrack 1.0 to 1.5 (packed by zstd, gzip or not) or massif wrote. `to` is made (0600); an existing file is
 * refused, or with `replace` replaced once the trace is whole. Nothing is left behind after a failure. CAIRN_E_FORMAT: none of
 * these, or damaged; CAIRN_E_LIMIT: it would take too much memory. */
CAIRN_MUST_CHECK enum cairn_status cairn_import(const char *from, const char *to, bool replace,
                                                struct cairn_import_report *report,
                                                struct cairn_error *error);

#endif
