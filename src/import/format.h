/* A format that can be imported: one file, one table, one line in import.c. Internal to import. */
#ifndef CAIRN_IMPORT_FORMAT_H
#define CAIRN_IMPORT_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "import/intake.h"
#include "import/lines.h"

/* What may be held for one import; a zstd window comes on top, and so do the recorder's queues. */
#define CAIRN_IMPORT_MOST_BYTES (300u << 20)
/* Counted for each account: its sums, its histogram, and its row in two queues. */
#define CAIRN_IMPORT_ACCOUNT_BYTES 640u
/* Longer recordings are damaged ones. */
#define CAIRN_IMPORT_MOST_MS (10ull * 366 * 24 * 3600 * 1000)
/* A block or a heap larger than an address space is damage, and no sum of sizes may come near 2^63. */
#define CAIRN_IMPORT_MOST_BLOCK_BYTES (1ull << 47)
#define CAIRN_IMPORT_MOST_SUM_BYTES   (1ull << 62)

struct cairn_import_format {
    const char *name; /* of the tool; the process's origin in the trace */
    bool events;      /* it tells every allocation, not states */
    /* Whether a file whose first line is this is one. */
    bool (*knows)(const char *line, size_t length);
    /* Reads the file from its first line on into the trace, up to the last commit. */
    enum cairn_status (*read)(struct cairn_lines *lines, struct cairn_intake *intake,
                              struct cairn_error *error);
};

/* CAIRN_E_LIMIT where `held` bytes beside the intake's own, and `accounts`, are more than that; `advice` says what to do. Otherwise
 * how the intake is. Asked now and then. */
CAIRN_MUST_CHECK enum cairn_status cairn_import_check(const struct cairn_lines *lines,
                                                      struct cairn_intake *intake, size_t held,
                                                      size_t accounts, const char *advice,
                                                      struct cairn_error *error);

extern const struct cairn_import_format cairn_import_heaptrack;
extern const struct cairn_import_format cairn_import_massif;

#endif
