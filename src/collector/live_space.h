/* The memory of live maps: segments of one page each, on huge pages, and the sizes that a slot has no room for. Private to
 * the live map's files. */
#ifndef CAIRN_COLLECTOR_LIVE_SPACE_H
#define CAIRN_COLLECTOR_LIVE_SPACE_H

#include "collector/live_map.h"

#define CAIRN_SEGMENT_PAGE  4096u
#define CAIRN_GROUPS        20u
#define CAIRN_GROUP_SLOTS   8u
#define CAIRN_SEGMENT_SLOTS (CAIRN_GROUPS * CAIRN_GROUP_SLOTS)
#define CAIRN_SIZE_BITS     37u
#define CAIRN_SIZE_IS_GIANT ((1ull << CAIRN_SIZE_BITS) - 1)

/* A packed block:
 *   w0  address 48 | domain 3 | time low 13
 *   w1  time high 27 | size 37
 *   w2  birth 40 | account 24 */
struct cairn_live_slot {
    uint64_t w0, w1, w2;
};

/* Slots in groups of eight. Each slot has a byte of its key's hash in its group's word of `tags`, 0 when it is empty, so
 * that a look at one word tells which slots to compare. A key whose home group is full goes into the next one that is
 * not; every group it passed counts it in `passed`, so that a search knows where to stop and nothing has to move when a
 * block goes. */
struct cairn_live_segment {
    uint32_t references; /* directories that point here */
    uint16_t count;
    uint8_t depth;
    uint8_t spare;
    struct cairn_live_segment *next_free;
    uint64_t tags[CAIRN_GROUPS];
    uint8_t passed[CAIRN_GROUPS];
    uint8_t spare_too[60];
    struct cairn_live_slot slots[CAIRN_SEGMENT_SLOTS];
};
_Static_assert(sizeof(struct cairn_live_segment) == CAIRN_SEGMENT_PAGE, "a segment is a page");

struct cairn_live_space {
    uint64_t secret; /* a target cannot choose addresses that collide */
    struct cairn_live_segment *free_segments;
    uint8_t *unused; /* of the newest memory, what no segment was taken from yet */
    size_t unused_count;
    struct cairn_live_block_of_memory *memory;
    size_t bytes, used; /* used: segments */
    struct cairn_live_giant *giants;
    size_t giant_count, giant_capacity;
};

/* One reference, depth as given; what else is in it is whatever was there. NULL when memory ran out. */
struct cairn_live_segment *cairn_live_segment_new(struct cairn_live_space *space, uint8_t depth);
/* The same without any block. */
struct cairn_live_segment *cairn_live_segment_new_empty(struct cairn_live_space *space, uint8_t depth);
void cairn_live_segment_release(struct cairn_live_space *space, struct cairn_live_segment *segment);

/* Sizes of CAIRN_SIZE_IS_GIANT and more, by birth. Births only grow. */
bool cairn_live_giant_store(struct cairn_live_space *space, uint64_t birth, uint64_t size);
uint64_t cairn_live_giant_size(const struct cairn_live_space *space, uint64_t birth);

#endif
