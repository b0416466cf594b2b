/* Where the resident memory is at a moment: `cairn rss`.
 *
 * What the kernel measured (by mapping, or the timeline's sums) is taken apart with the ledger. How much of a mapping or of
 * a block is resident is not known one by one: notes say where a row is a bound, and rows always add up. */
#ifndef CAIRN_QUERY_RSS_H
#define CAIRN_QUERY_RSS_H

#include "query/moment.h"
#include "query/selection.h"

struct cairn_rss_row {
    /* "live heap", "free in allocator" ("unrecorded or free" in a program that was joined), "python arenas", "mmap", "stacks",
     * "files", "shared", "unexplained" */
    const char *category;
    int64_t bytes;  /* CAIRN_UNKNOWN when it was not measured */
    char note[160]; /* what it means, or the mapping's site or file; raw text */
};

struct cairn_rss {
    struct cairn_moment at;     /* of the residency sample that was used */
    int64_t total_bytes;        /* resident; CAIRN_UNKNOWN when never measured */
    struct cairn_rss_row *rows; /* bytes add up to total_bytes */
    size_t row_count;
    struct cairn_arena arena;
};

CAIRN_MUST_CHECK enum cairn_status cairn_rss(struct cairn_trace *trace,
                                             const struct cairn_selection *selection,
                                             const struct cairn_moment *at, struct cairn_rss *rss,
                                             struct cairn_error *error);
void cairn_rss_release(struct cairn_rss *rss);

#endif
