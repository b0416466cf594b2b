/* A recording in the formats of other tools: one format a file, each a table; export.c lists them. */
#ifndef CAIRN_EXPORT_EXPORT_H
#define CAIRN_EXPORT_EXPORT_H

#include <stdio.h>

#include "query/moment.h"
#include "query/selection.h"

/* What to write about; everything is borrowed. */
struct cairn_export {
    struct cairn_trace *trace;
    const struct cairn_selection *selection; /* its limit, order and cumulative do not apply */
    struct cairn_moment at;
    struct cairn_span span;
};

struct cairn_exporter {
    const char *name, *summary;
    bool binary; /* not for a terminal */
    /* Writes all of it. Failures of `out` itself are left in its error flag. */
    enum cairn_status (*write)(const struct cairn_export *export, FILE *out, struct cairn_error *error);
};

/* Ends with NULL. */
extern const struct cairn_exporter *const cairn_exporters[];

#endif
