/* The memory of another process that stands still: what is mapped where, and what is there. */
#ifndef CAIRN_COLLECTOR_IMAGE_MEMORY_H
#define CAIRN_COLLECTOR_IMAGE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/status.h"

struct cairn_image_map {
    uint64_t start, end;
    uint64_t file_offset;
    bool readable, writable, shared;
    const char *path; /* "" for anonymous memory; owned by the memory */
};

struct cairn_image_memory {
    pid_t pid;
    struct cairn_image_map *maps; /* ascending */
    size_t map_count, map_capacity;
    int pagemap; /* or −1 */
    uint8_t *window;
    uint64_t window_start;
    size_t window_bytes;
    bool window_empty; /* pages that were never touched: nothing but zeros */
    bool gone;         /* the process has ended */
};

/* Fails where the process is gone or may not be read. Zero-initialised or opened memory can be closed. */
CAIRN_MUST_CHECK enum cairn_status cairn_image_memory_open(struct cairn_image_memory *memory, pid_t pid,
                                                           struct cairn_error *error);
void cairn_image_memory_close(struct cairn_image_memory *memory);

/* Fails where the process is gone by now, or may not be read. */
CAIRN_MUST_CHECK enum cairn_status cairn_image_memory_check(const struct cairn_image_memory *memory,
                                                            struct cairn_error *error);

/* The mapping that holds `address`, or NULL. */
const struct cairn_image_map *cairn_image_memory_map(const struct cairn_image_memory *memory,
                                                     uint64_t address);

/* What can be read from `address` on, up to `limit`: sets `bytes` (0: nothing, it is not mapped) and `content`, which holds
 * until the next call and is NULL where all of it is zeros. Quick where it was read along with an earlier call. */
void cairn_image_memory_at(struct cairn_image_memory *memory, uint64_t address, uint64_t limit,
                           const uint8_t **content, size_t *bytes);
/* One word; 0 where nothing can be read. */
uint64_t cairn_image_memory_word(struct cairn_image_memory *memory, uint64_t address);

#endif
