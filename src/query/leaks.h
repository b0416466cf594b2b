/* Leaked blocks by stack and class: `cairn leaks`. Of a process with an object graph, what no root reached when its last graph was
 * taken has leaked, and what one reached is listed beside it; of one without, blocks live at its end (or the recording's, where
 * it still ran) are of unknown class, and count as leaked. In a sampled recording that goes for all processes: few objects can be
 * joined to a recorded block. */
#ifndef CAIRN_QUERY_LEAKS_H
#define CAIRN_QUERY_LEAKS_H

#include "query/moment.h"
#include "query/selection.h"

enum cairn_leak_class {
    CAIRN_LEAK_DEFINITE = 0,
    CAIRN_LEAK_INDIRECT,
    CAIRN_LEAK_REACHABLE,
    CAIRN_LEAK_UNKNOWN,
    CAIRN_LEAK_CLASSES
};

/* Suppressions in LeakSanitizer's format ("leak:PATTERN" lines, # comments): a pattern matches a part of a frame's function,
 * file or module; "*" stands for anything, "^" and "$" for the ends. */
struct cairn_suppressions;
CAIRN_MUST_CHECK enum cairn_status cairn_suppressions_load(const char *path,
                                                           struct cairn_suppressions **suppressions,
                                                           struct cairn_error *error);
void cairn_suppressions_free(struct cairn_suppressions *suppressions);

struct cairn_leak_row {
    struct cairn_site site;
    enum cairn_leak_class class;
    int64_t bytes, blocks;
    int64_t
        error_bytes; /* one standard error of the bytes; CAIRN_UNKNOWN when nothing is sampled, and where it is not known */
    int64_t variance; /* what it is made of */
    int64_t
        oldest_age_ns; /* when its process ended; CAIRN_UNKNOWN when its events are not kept, or too many to read
                              without being asked for ages */
    double
        percent; /* of all that leaked and is not suppressed, before the row filters; of a reachable row, of all that is */
    uint32_t stack; /* the heaviest one */
};

struct cairn_leak_total {
    int64_t bytes, blocks;
};

struct cairn_leaks {
    bool by_graph;          /* meaning: "unreachable", else "live_at_end" */
    struct cairn_moment at; /* the graph's where there is one, else the end */
    int64_t bytes, blocks; /* leaked: of all rows but reachable ones, also of those cut by limit and offset */
    int64_t error_bytes;   /* as of a row */
    int64_t variance;
    struct cairn_leak_total classes[CAIRN_LEAK_CLASSES]; /* without a graph all but the last are unknown */
    int64_t suppressed_bytes, suppressed_blocks;
    struct cairn_leak_row *rows;
    size_t row_count, rows_total;
    struct cairn_arena arena;
};

/* A row a site and class, leaked ones first, then by bytes; `min_age_ns` 0: all ages, else only blocks at least as old (CAIRN_E_LIMIT
 * where the events that would tell were dropped). */
CAIRN_MUST_CHECK enum cairn_status cairn_leaks(struct cairn_trace *trace,
                                               const struct cairn_selection *selection, int64_t min_age_ns,
                                               const struct cairn_suppressions *suppressions,
                                               struct cairn_leaks *leaks, struct cairn_error *error);
void cairn_leaks_release(struct cairn_leaks *leaks);
const char *cairn_leak_class_name(enum cairn_leak_class class);

#endif
