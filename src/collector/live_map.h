/* The live blocks of one process: (address, domain) → birth, size, account, time.
 *
 * An extendible hash: a directory of 4 KiB segments, each an open-addressed table that splits in two when it is full,
 * so that growing never rehashes more than one segment at a time. A block takes 25.6 bytes of a segment that is
 * between 45 % and 90 % full. A fork copies no block: directory and segments are counted and copied when one of their
 * processes changes them. Segments of all maps come from one space. Before it stands a small array of young blocks, which
 * most never leave. Not thread-safe. */
#ifndef CAIRN_COLLECTOR_LIVE_MAP_H
#define CAIRN_COLLECTOR_LIVE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the packed form holds: 2^40 events, 2^24 − 1 accounts; times wrap after 2^40 µs (12 days), which lifetimes (the
 * only use) bear. */
#define CAIRN_LIVE_ACCOUNT_BITS 24u
#define CAIRN_LIVE_ACCOUNT_MAX  ((1u << CAIRN_LIVE_ACCOUNT_BITS) - 1)
#define CAIRN_LIVE_TIME_MASK    ((1ull << 40) - 1)

struct cairn_live_block {
    uint64_t address; /* 48 bits */
    uint64_t size;
    uint64_t birth;   /* ordinal of the event that made it */
    uint64_t time_us; /* of that event, CAIRN_LIVE_TIME_MASK */
    uint32_t account;
    uint8_t domain; /* enum cairn_domain */
};

struct cairn_live_space;
struct cairn_live_map;

/* Shared by all maps of a recording. NULL when memory ran out. */
struct cairn_live_space *cairn_live_space_new(void);
/* All maps must have been freed. Tolerates NULL. */
void cairn_live_space_free(struct cairn_live_space *space);
/* Bytes of memory held for segments. */
size_t cairn_live_space_bytes(const struct cairn_live_space *space);

struct cairn_live_map *cairn_live_map_new(struct cairn_live_space *space);
/* A second map with the same blocks. Takes no longer for more blocks: the young ones, a few thousand at most, are moved into
 * the table that both share. NULL when memory ran out. */
struct cairn_live_map *cairn_live_map_fork(struct cairn_live_map *map);
/* Tolerates NULL. */
void cairn_live_map_free(struct cairn_live_map *map);
uint64_t cairn_live_map_count(const struct cairn_live_map *map);

enum cairn_live_put { CAIRN_LIVE_NEW, CAIRN_LIVE_REPLACED, CAIRN_LIVE_FAILED };
/* Adds a block; a block that was there under its address and domain goes into `old`. FAILED: memory ran out. */
enum cairn_live_put cairn_live_map_put(struct cairn_live_map *map, const struct cairn_live_block *block,
                                       struct cairn_live_block *old);
/* Takes a block out; false when there is none. */
bool cairn_live_map_take(struct cairn_live_map *map, uint64_t address, uint8_t domain,
                         struct cairn_live_block *block);
bool cairn_live_map_find(const struct cairn_live_map *map, uint64_t address, uint8_t domain,
                         struct cairn_live_block *block);

/* Calls `visit` for every block, in no order. Other threads may go on with forks of the map meanwhile. Sizes of 2^37 − 1 and
 * more come as that. */
void cairn_live_map_visit(const struct cairn_live_map *map,
                          void (*visit)(void *state, const struct cairn_live_block *block), void *state);

/* Calls `visit` for every block, in no order. Where `visit` returns true, the block's birth, time and account as it
 * left them are stored (address, domain and size must stay). False when memory for that ran out. */
bool cairn_live_map_update(struct cairn_live_map *map,
                           bool (*visit)(void *state, struct cairn_live_block *block), void *state);

/* Starts loading the cache lines a put or take of that key will need. */
void cairn_live_map_prefetch(const struct cairn_live_map *map, uint64_t address, uint8_t domain);

#endif
