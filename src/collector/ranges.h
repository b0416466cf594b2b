/* The address space that one process mapped itself (mmap, brk): disjoint ranges, each of one mapping's pages. A fork
 * shares them until one side changes. Not thread-safe. */
#ifndef CAIRN_COLLECTOR_RANGES_H
#define CAIRN_COLLECTOR_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cairn_range {
    uint64_t start, end;
    uint64_t birth, time_us; /* of the event that made the mapping */
    uint32_t account;
    bool split; /* other ranges may be of the same mapping */
};

struct cairn_ranges;

struct cairn_ranges *cairn_ranges_new(void);
/* The same ranges once more: counted, not copied. */
struct cairn_ranges *cairn_ranges_share(struct cairn_ranges *ranges);
/* Tolerates NULL. */
void cairn_ranges_free(struct cairn_ranges *ranges);
size_t cairn_ranges_count(const struct cairn_ranges *ranges);

/* All functions that change `*ranges` replace it by a copy while it is shared; false when memory ran out. */

/* Adds a range that overlaps none. */
bool cairn_ranges_add(struct cairn_ranges **ranges, const struct cairn_range *range);

/* What was cut out of a range. `last`: nothing is left of its mapping. */
struct cairn_range_cut {
    struct cairn_range of; /* as it was before */
    uint64_t bytes;
    bool last;
};
/* Takes [start, end) away and calls `visit` for every range it touched, in order. `visit` must not change the ranges. */
bool cairn_ranges_cut(struct cairn_ranges **ranges, uint64_t start, uint64_t end,
                      void (*visit)(void *state, const struct cairn_range_cut *cut), void *state);
/* The range that is exactly [start, end) and all of its mapping, or NULL. Borrowed until the next change. */
const struct cairn_range *cairn_ranges_exact(const struct cairn_ranges *ranges, uint64_t start, uint64_t end);
/* Calls `visit` for every range; where it returns true the range's birth, time and account as it left them stay. */
bool cairn_ranges_update(struct cairn_ranges **ranges, bool (*visit)(void *state, struct cairn_range *range),
                         void *state);

#endif
