/* An extendible hash of packed blocks: see live_map.h. Private to the live map's files. */
#ifndef CAIRN_COLLECTOR_LIVE_TABLE_H
#define CAIRN_COLLECTOR_LIVE_TABLE_H

#include "collector/live_slot.h"

struct cairn_live_directory;

struct cairn_live_table {
    struct cairn_live_space *space;
    struct cairn_live_directory *directory;
};

/* False when memory ran out. */
bool cairn_live_table_init(struct cairn_live_table *table, struct cairn_live_space *space);
/* A second table with the same blocks, in constant time. */
struct cairn_live_table cairn_live_table_share(const struct cairn_live_table *table);
void cairn_live_table_release(struct cairn_live_table *table);

/* `key` is cairn_live_key()'s, `hash` its cairn_live_hash(). */
const struct cairn_live_slot *cairn_live_table_find(const struct cairn_live_table *table, uint64_t hash,
                                                    uint64_t key);
/* The same, to be written to; NULL when it is not there or memory ran out. */
struct cairn_live_slot *cairn_live_table_own(struct cairn_live_table *table, uint64_t hash, uint64_t key);
/* A block whose key is not there. False when memory ran out. */
bool cairn_live_table_add(struct cairn_live_table *table, uint64_t hash, const struct cairn_live_slot *slot);
/* Takes a block out; false when there is none, or memory ran out. */
bool cairn_live_table_take(struct cairn_live_table *table, uint64_t hash, uint64_t key,
                           struct cairn_live_block *block);
/* As cairn_live_map_visit and cairn_live_map_update. */
void cairn_live_table_visit(const struct cairn_live_table *table,
                            void (*visit)(void *state, const struct cairn_live_block *block), void *state);
bool cairn_live_table_update(struct cairn_live_table *table,
                             bool (*visit)(void *state, struct cairn_live_block *block), void *state);
void cairn_live_table_prefetch(const struct cairn_live_table *table, uint64_t hash);

#endif
