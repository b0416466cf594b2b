/* A least-recently-used cache bounded in bytes: decoded chunks, states, stacks.
 *
 * Keys are 64-bit numbers; values are the caller's pointers with a size. A value that is pinned is never evicted.
 * Hits, misses and evictions are counted for people to see. Not thread-safe. */
#ifndef CAIRN_BASE_LRU_H
#define CAIRN_BASE_LRU_H

#include <stddef.h>
#include <stdint.h>

struct cairn_lru;

struct cairn_lru_stats {
    uint64_t hits, misses, evictions;
    size_t entries, used_bytes, limit_bytes;
};

/* `destroy` frees one value when it is evicted, replaced, or the cache closes. NULL when memory ran out. */
struct cairn_lru *cairn_lru_new(size_t limit_bytes, void (*destroy)(void *value));
void cairn_lru_free(struct cairn_lru *cache);
/* The value, made the most recent one, or NULL. Borrowed until the next put, unless pinned. */
void *cairn_lru_get(struct cairn_lru *cache, uint64_t key);
/* Takes ownership of `value` in every case (a failed put destroys it and returns -1). A single value above the
 * limit is kept until the next put. A value whose key is pinned does not replace the pinned one: the put fails. */
int cairn_lru_put(struct cairn_lru *cache, uint64_t key, void *value, size_t size_bytes);
/* Pins count: as many unpins as pins. Unknown keys are ignored. */
void cairn_lru_pin(struct cairn_lru *cache, uint64_t key);
void cairn_lru_unpin(struct cairn_lru *cache, uint64_t key);
void cairn_lru_stats(const struct cairn_lru *cache, struct cairn_lru_stats *stats);

#endif
