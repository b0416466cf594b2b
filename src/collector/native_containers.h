/* What blocks belong to the standard library's containers (libstdc++): told from their heads, wherever those lie, and believed only
 * when the whole container hangs together as its head says. */
#ifndef CAIRN_COLLECTOR_NATIVE_CONTAINERS_H
#define CAIRN_COLLECTOR_NATIVE_CONTAINERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/image_memory.h"
#include "collector/native_blocks.h"

enum cairn_container_part {
    CAIRN_PART_NONE = 0,
    CAIRN_PART_VECTOR_ITEMS,
    CAIRN_PART_STRING_TEXT,
    CAIRN_PART_TREE_NODE, /* map, set and their multi kinds */
    CAIRN_PART_LIST_NODE,
    CAIRN_PART_HASH_BUCKETS,
    CAIRN_PART_HASH_NODE,
    CAIRN_PART_DEQUE_MAP,
    CAIRN_PART_DEQUE_ITEMS,
    CAIRN_PART_COUNT,
};

/* A head that is to be looked at when all memory was gone through. */
struct cairn_container_head {
    uint64_t address; /* of the word that points to the first node */
    uint64_t first, count;
    enum cairn_container_part part; /* of its nodes */
    bool starts_block;              /* as every node of a list does, too */
};

struct cairn_native_containers {
    const struct cairn_native_blocks *blocks;
    uint8_t *parts; /* enum cairn_container_part by block; owned */
    struct cairn_container_head *heads;
    size_t head_count, head_capacity;
};

/* False where there is no memory. Zero-initialised or built containers can be released. */
bool cairn_native_containers_init(struct cairn_native_containers *containers,
                                  const struct cairn_native_blocks *blocks);
void cairn_native_containers_release(struct cairn_native_containers *containers);

/* A word at `address` points to the start of block `target`; `words` is what begins with it, of which `count` words can be read. */
void cairn_native_containers_notice(struct cairn_native_containers *containers, uint64_t address,
                                    uint32_t target, const uint8_t *words, size_t count);
/* Follows what was noticed. */
void cairn_native_containers_follow(struct cairn_native_containers *containers,
                                    struct cairn_image_memory *memory);

/* "std::list node", NULL for CAIRN_PART_NONE. */
const char *cairn_container_part_name(enum cairn_container_part part);

#endif
