/* The live blocks of a moment by address, and which of them a word points to. */
#ifndef CAIRN_COLLECTOR_NATIVE_BLOCKS_H
#define CAIRN_COLLECTOR_NATIVE_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "collector/live_map.h"

#define CAIRN_NO_BLOCK UINT32_MAX

struct cairn_native_block {
    uint64_t start, size, birth;
    uint32_t account;
    uint32_t outer; /* the block it lies in (a pool's chunk), or CAIRN_NO_BLOCK */
};

/* Blocks near each other, with the number of the first block of every 256 bytes. */
struct cairn_native_cluster {
    uint64_t start, last; /* of its first and its last block */
    uint32_t first, end;  /* blocks first … end − 1 */
    uint32_t *begins;
};

struct cairn_native_blocks {
    struct cairn_native_block *blocks; /* ascending; of equal starts the larger one first */
    size_t count, capacity;
    struct cairn_native_cluster *clusters;
    size_t cluster_count, cluster_capacity;
    bool failed;
};

/* Of the heap domains. Zero-initialised or built blocks can be released. */
CAIRN_MUST_CHECK enum cairn_status cairn_native_blocks_build(struct cairn_native_blocks *blocks,
                                                             const struct cairn_live_map *live,
                                                             struct cairn_error *error);
void cairn_native_blocks_release(struct cairn_native_blocks *blocks);

/* The innermost block that holds `address`, which starts there when it is a block's start; or CAIRN_NO_BLOCK. */
uint32_t cairn_native_blocks_find(const struct cairn_native_blocks *blocks, uint64_t address);
/* The first block that starts at `address` or later; `count` when there is none. */
size_t cairn_native_blocks_from(const struct cairn_native_blocks *blocks, uint64_t address);

#endif
