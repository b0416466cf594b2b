#include "collector/live_map.h"

#include <stdlib.h>

#include "collector/live_young.h"

#define YOUNG_FROM   16384u /* blocks put: short programs, and their many children, do without */
#define ADDRESS_MASK ((1ull << 48) - 1)

static uint64_t hash_of(const struct cairn_live_map *map, uint64_t key)
{
    return cairn_live_hash(map->table.space, key);
}

struct cairn_live_map *cairn_live_map_new(struct cairn_live_space *space)
{
    struct cairn_live_map *map = calloc(1, sizeof *map);
    if (!map || !cairn_live_table_init(&map->table, space)) {
        free(map);
        return NULL;
    }
    return map;
}

/* Moves every young block into the table. False when memory ran out: then some are still young. */
static bool settle(struct cairn_live_map *map)
{
    for (size_t i = 0; map->young && i < CAIRN_YOUNG_PLACES; i++) {
        struct cairn_live_slot *slot = &map->young[i];
        if (cairn_young_is_block(slot)) {
            const uint64_t hash = cairn_live_slot_hash(map->table.space, slot);
            if (!cairn_live_table_add(&map->table, hash, slot)) {
                return false;
            }
            cairn_young_leave_key(slot, CAIRN_YOUNG_NO_KEY);
        }
    }
    return true;
}

struct cairn_live_map *cairn_live_map_fork(struct cairn_live_map *map)
{
    struct cairn_live_map *child = malloc(sizeof *child);
    if (!child || !settle(map)) {
        free(child);
        return NULL;
    }
    *child = (struct cairn_live_map){.table = cairn_live_table_share(&map->table), .count = map->count};
    return child;
}

void cairn_live_map_free(struct cairn_live_map *map)
{
    if (map) {
        cairn_live_table_release(&map->table);
        free(map->young);
        free(map);
    }
}

uint64_t cairn_live_map_count(const struct cairn_live_map *map)
{
    return map->count;
}

/* The array for young blocks, once the map has seen enough of them. Without memory it works without. */
static void grow_up(struct cairn_live_map *map)
{
    map->young = malloc(CAIRN_YOUNG_PLACES * sizeof *map->young);
    for (size_t i = 0; map->young && i < CAIRN_YOUNG_PLACES; i++) {
        cairn_young_leave_key(&map->young[i], CAIRN_YOUNG_NO_KEY);
    }
}

static bool store_giant(struct cairn_live_map *map, const struct cairn_live_block *block)
{
    return block->size < CAIRN_SIZE_IS_GIANT ||
           cairn_live_giant_store(map->table.space, block->birth, block->size);
}

/* A block that is in no young place. */
static enum cairn_live_put put_in_table(struct cairn_live_map *map, uint64_t hash,
                                        const struct cairn_live_block *block, struct cairn_live_block *old)
{
    const uint64_t key = cairn_live_key(block->address & ADDRESS_MASK, block->domain);
    struct cairn_live_slot packed;
    cairn_live_pack(&packed, block);
    if (!store_giant(map, block)) {
        return CAIRN_LIVE_FAILED;
    }
    if (cairn_live_table_find(&map->table, hash, key)) {
        struct cairn_live_slot *own = cairn_live_table_own(&map->table, hash, key);
        if (!own) {
            return CAIRN_LIVE_FAILED;
        }
        cairn_live_unpack(map->table.space, own, old);
        *own = packed;
        return CAIRN_LIVE_REPLACED;
    }
    if (!cairn_live_table_add(&map->table, hash, &packed)) {
        return CAIRN_LIVE_FAILED;
    }
    map->count++;
    return CAIRN_LIVE_NEW;
}

enum cairn_live_put cairn_live_map_put(struct cairn_live_map *map, const struct cairn_live_block *block,
                                       struct cairn_live_block *old)
{
    const uint64_t key = cairn_live_key(block->address & ADDRESS_MASK, block->domain);
    const uint64_t hash = hash_of(map, key);
    if (__builtin_expect(!map->young, 0)) {
        if (++map->puts >= YOUNG_FROM) {
            grow_up(map);
            map->puts = 0;
        }
        return put_in_table(map, hash, block, old);
    }
    struct cairn_live_slot *place = cairn_young_place(map, hash);
    const bool giant = block->size >= CAIRN_SIZE_IS_GIANT;
    if (__builtin_expect(!giant && cairn_young_clear(map, place, hash, key), 1)) {
        cairn_live_pack(place, block);
        map->count++;
        return CAIRN_LIVE_NEW;
    }
    if (cairn_live_slot_key(place) != key) {
        return put_in_table(map, hash, block, old);
    }
    const bool replaced = cairn_young_is_block(place);
    if (replaced) {
        cairn_live_unpack_slot(place, old);
        map->count--;
    }
    /* Its key is gone from there, so it may come to either place. */
    cairn_young_leave_key(place, CAIRN_YOUNG_NO_KEY);
    struct cairn_live_block none;
    const enum cairn_live_put put = put_in_table(map, hash, block, &none);
    return put == CAIRN_LIVE_NEW && replaced ? CAIRN_LIVE_REPLACED : put;
}

bool cairn_live_map_take(struct cairn_live_map *map, uint64_t address, uint8_t domain,
                         struct cairn_live_block *block)
{
    const uint64_t key = cairn_live_key(address, domain), hash = hash_of(map, key);
    if (map->young) {
        return cairn_young_take(map, cairn_young_place(map, hash), hash, key, block);
    }
    if (!cairn_live_table_take(&map->table, hash, key, block)) {
        return false;
    }
    map->count--;
    return true;
}

bool cairn_live_map_find(const struct cairn_live_map *map, uint64_t address, uint8_t domain,
                         struct cairn_live_block *block)
{
    const uint64_t key = cairn_live_key(address, domain), hash = hash_of(map, key);
    const struct cairn_live_slot *slot = map->young ? cairn_young_place(map, hash) : NULL;
    if (!slot || !cairn_young_is_block(slot) || cairn_live_slot_key(slot) != key) {
        slot = cairn_live_table_find(&map->table, hash, key);
    }
    if (slot) {
        cairn_live_unpack(map->table.space, slot, block);
    }
    return slot != NULL;
}

void cairn_live_map_visit(const struct cairn_live_map *map,
                          void (*visit)(void *state, const struct cairn_live_block *block), void *state)
{
    for (size_t i = 0; map->young && i < CAIRN_YOUNG_PLACES; i++) {
        if (cairn_young_is_block(&map->young[i])) {
            struct cairn_live_block block;
            cairn_live_unpack_slot(&map->young[i], &block);
            visit(state, &block);
        }
    }
    cairn_live_table_visit(&map->table, visit, state);
}

bool cairn_live_map_update(struct cairn_live_map *map,
                           bool (*visit)(void *state, struct cairn_live_block *block), void *state)
{
    return settle(map) && cairn_live_table_update(&map->table, visit, state);
}

void cairn_young_load(const struct cairn_live_map *map, const struct cairn_live_slot *place, uint64_t hash)
{
    if (place && cairn_young_is_block(place)) {
        cairn_live_table_prefetch(&map->table, cairn_live_slot_hash(map->table.space, place));
    }
    cairn_live_table_prefetch(&map->table, hash);
}

void cairn_live_map_prefetch(const struct cairn_live_map *map, uint64_t address, uint8_t domain)
{
    cairn_young_ahead(map, cairn_live_key(address, domain));
}
