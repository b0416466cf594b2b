/* Which sites and stacks of two maps are the same: trivially so for one trace, by names for two. Internal to query. */
#ifndef CAIRN_QUERY_DIFF_JOIN_H
#define CAIRN_QUERY_DIFF_JOIN_H

#include "query/site_map.h"

enum { CAIRN_SIDE_A = 0, CAIRN_SIDE_B = 1, CAIRN_SIDES = 2 };

/* Numbers rows and pairs (joined cells) from 0. For one trace both sides have one map, and everything is itself. */
struct cairn_diff_join {
    const struct cairn_site_map *maps[CAIRN_SIDES]; /* borrowed */
    bool one_trace;
    size_t row_count, pair_count;
    uint32_t *row_of[CAIRN_SIDES];  /* by site; NULL: itself */
    uint32_t *pair_of[CAIRN_SIDES]; /* by cell; NULL: itself */
    struct cairn_site *sites;       /* by row, owned, as B has them where it has them */
};

/* Sites are the same when function, file's base name and module's base name are; of these, lines: where most of a
 * function's are unchanged they say which is which, else their order does. Stacks: frame by frame, lines apart. Threads by
 * name, processes by program. */
CAIRN_MUST_CHECK enum cairn_status
cairn_diff_join_init(struct cairn_diff_join *join, struct cairn_trace *trace_a,
                     const struct cairn_site_map *map_a, struct cairn_trace *trace_b,
                     const struct cairn_site_map *map_b, struct cairn_error *error);
void cairn_diff_join_release(struct cairn_diff_join *join);

static inline uint32_t cairn_diff_join_row(const struct cairn_diff_join *join, int side, uint32_t site)
{
    return join->row_of[side] ? join->row_of[side][site] : site;
}

static inline uint32_t cairn_diff_join_pair(const struct cairn_diff_join *join, int side, uint32_t cell)
{
    return join->pair_of[side] ? join->pair_of[side][cell] : cell;
}

#endif
