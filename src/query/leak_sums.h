/* What leaked, by account and class. Internal to query.
 *
 *   leak_sums.c    which processes have a graph; what lives at the end of those that have none; ages
 *   leak_graph.c   one process's last graph
 *
 * A process with an object graph has definite, indirect and reachable blocks, as they were when its last graph was taken; of
 * one without, all blocks live at its end are of unknown class. Blocks are told by the process whose they are. */
#ifndef CAIRN_QUERY_LEAK_SUMS_H
#define CAIRN_QUERY_LEAK_SUMS_H

#include "cairn/graph.h"
#include "query/leaks.h"

struct cairn_leak_sum {
    int64_t bytes, blocks;
    int64_t variance;      /* of the bytes in a sampled recording: struct cairn_weight; CAIRN_UNKNOWN */
    uint64_t oldest;       /* the event that made the oldest block; CAIRN_NO_SERIAL: not known */
    int64_t oldest_age_ns; /* when its process ended; CAIRN_UNKNOWN */
};

/* Beside the classes: what was suppressed, of whatever class. */
#define CAIRN_LEAK_SUPPRESSED ((size_t)CAIRN_LEAK_CLASSES)
#define CAIRN_LEAK_SUMS       (CAIRN_LEAK_SUPPRESSED + 1)

/* Row (account − 1) × CAIRN_LEAK_SUMS + class. */
struct cairn_leak_sums {
    const struct cairn_account *accounts; /* borrowed from the trace */
    size_t account_count;
    struct cairn_leak_sum *rows;
    size_t graph_count;                   /* that were asked */
    const struct cairn_graph_info *graph; /* the last of them; NULL: none. Borrowed from the trace */
};

/* Of one process, or of all (0). `suppressed` (by account − 1; may be NULL): what these leaked, and what
 * that keeps, is counted as suppressed. `min_age_ns` as in cairn_leaks(). */
CAIRN_MUST_CHECK enum cairn_status cairn_leak_sums_read(struct cairn_trace *trace, uint32_t process,
                                                        int64_t min_age_ns, const uint8_t *suppressed,
                                                        struct cairn_leak_sums *sums,
                                                        struct cairn_error *error);
void cairn_leak_sums_release(struct cairn_leak_sums *sums);

/* Adds the blocks of a graph that its process made: what it inherited by fork is its parent's. Those made from event `cutoff`
 * on are too young to count. */
CAIRN_MUST_CHECK enum cairn_status cairn_leak_graph_add(struct cairn_graph *graph, uint64_t cutoff,
                                                        const uint8_t *suppressed,
                                                        struct cairn_leak_sums *sums,
                                                        struct cairn_error *error);

/* A bit an object (byte id / 8): whether it leaked and is suppressed, or a leak that is keeps it. The caller frees `met`. */
CAIRN_MUST_CHECK enum cairn_status cairn_leak_graph_suppressed(struct cairn_graph *graph,
                                                               const uint8_t *suppressed, size_t accounts,
                                                               uint8_t **met, struct cairn_error *error);

static inline struct cairn_leak_sum *cairn_leak_sum_of(const struct cairn_leak_sums *sums, uint32_t account,
                                                       size_t class)
{
    return &sums->rows[((size_t)account - 1) * CAIRN_LEAK_SUMS + (size_t) class];
}

#endif
