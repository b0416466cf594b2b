/* The young blocks of a live map. Private to the live map's files and to the ledger's quick ways.
 *
 * Most blocks die young, and the next one gets their address: what was allocated last stands in a small array of its own,
 * one place a key, that stays in the processor's nearer caches. A block moves into the table when another takes its place.
 * A place whose block was freed keeps its key, which is then known not to be in the table, either. */
#ifndef CAIRN_COLLECTOR_LIVE_YOUNG_H
#define CAIRN_COLLECTOR_LIVE_YOUNG_H

#include "collector/live_slot.h"
#include "collector/live_table.h"

#define CAIRN_YOUNG_PLACES 4096u

struct cairn_live_map {
    struct cairn_live_table table;
    struct cairn_live_slot *young; /* CAIRN_YOUNG_PLACES, or NULL */
    uint64_t count;
    uint32_t puts; /* until there are young ones */
};

/* What no block's word is: the key stands there alone. Giants go into the table at once. */
#define CAIRN_YOUNG_NO_BLOCK UINT64_MAX
/* Of domain 7, which there is not. */
#define CAIRN_YOUNG_NO_KEY (UINT64_MAX >> CAIRN_LIVE_LOW_TIME)

static inline bool cairn_young_is_block(const struct cairn_live_slot *place)
{
    return place->w1 != CAIRN_YOUNG_NO_BLOCK;
}

static inline void cairn_young_leave_key(struct cairn_live_slot *place, uint64_t key)
{
    place->w0 = key << CAIRN_LIVE_LOW_TIME;
    place->w1 = CAIRN_YOUNG_NO_BLOCK;
}

/* Bits of the hash that choose no segment in a table of less than 2^20 of them. */
static inline struct cairn_live_slot *cairn_young_place(const struct cairn_live_map *map, uint64_t hash)
{
    return &map->young[hash >> 32 & (CAIRN_YOUNG_PLACES - 1)];
}

/* Starts loading the table's lines for a key that is not in its place (NULL: there are no places), and for the block that is there. */
void cairn_young_load(const struct cairn_live_map *map, const struct cairn_live_slot *place, uint64_t hash);

/* Starts loading what a put or take of that key will need. Returns its place; NULL: there are none. */
static inline struct cairn_live_slot *cairn_young_ahead(const struct cairn_live_map *map, uint64_t key)
{
    const uint64_t hash = cairn_live_hash(map->table.space, key);
    struct cairn_live_slot *place = NULL;
    if (__builtin_expect(map->young != NULL, 1)) {
        place = cairn_young_place(map, hash);
        if (__builtin_expect(cairn_live_slot_key(place) == key, 1)) {
            return place;
        }
    }
    cairn_young_load(map, place, hash);
    return place;
}

/* Makes a key's place free for it, where the map has no block of that key (true) and there is memory. `hash` is the key's. */
static inline bool cairn_young_clear(struct cairn_live_map *map, struct cairn_live_slot *place, uint64_t hash,
                                     uint64_t key)
{
    if (__builtin_expect(cairn_live_slot_key(place) == key, 1)) {
        return !cairn_young_is_block(place);
    }
    return !cairn_live_table_find(&map->table, hash, key) &&
           (!cairn_young_is_block(place) ||
            cairn_live_table_add(&map->table, cairn_live_slot_hash(map->table.space, place), place));
}

/* Takes a block out of a map with young ones; false when there is none. */
static inline bool cairn_young_take(struct cairn_live_map *map, struct cairn_live_slot *place, uint64_t hash,
                                    uint64_t key, struct cairn_live_block *block)
{
    if (__builtin_expect(cairn_live_slot_key(place) == key, 1)) {
        if (!cairn_young_is_block(place)) {
            return false;
        }
        cairn_live_unpack_slot(place, block);
        place->w1 = CAIRN_YOUNG_NO_BLOCK;
    } else {
        if (!cairn_live_table_take(&map->table, hash, key, block)) {
            return false;
        }
        if (!cairn_young_is_block(place)) {
            cairn_young_leave_key(place, key);
        }
    }
    map->count--;
    return true;
}

#endif
