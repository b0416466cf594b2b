#include "query/key_map.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 64u

/* The finaliser of MurmurHash3 (Appleby, public domain): spreads consecutive row numbers over the table. */
static uint64_t mix(uint64_t key)
{
    key ^= key >> 33;
    key *= 0xff51afd7ed558ccdull;
    key ^= key >> 33;
    key *= 0xc4ceb9fe1a85ec53ull;
    return key ^ key >> 33;
}

void cairn_key_map_release(struct cairn_key_map *map)
{
    free(map->slots);
    *map = (struct cairn_key_map){.slots = NULL};
}

/* The slot of `key`, or the empty one where it belongs. The table always has empty slots. */
static struct cairn_key_slot *find(const struct cairn_key_map *map, uint64_t key)
{
    const size_t mask = map->capacity - 1;
    size_t at = (size_t)mix(key) & mask;
    while (map->slots[at].value != CAIRN_KEY_MAP_NONE && map->slots[at].key != key) {
        at = (at + 1) & mask;
    }
    return &map->slots[at];
}

static bool grow(struct cairn_key_map *map)
{
    struct cairn_key_map larger = {.capacity = map->capacity ? map->capacity * 2 : FIRST_CAPACITY,
                                   .count = map->count};
    larger.slots = malloc(larger.capacity * sizeof(*larger.slots));
    if (!larger.slots) {
        return false;
    }
    for (size_t i = 0; i < larger.capacity; i++) {
        larger.slots[i] = (struct cairn_key_slot){.value = CAIRN_KEY_MAP_NONE};
    }
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->slots[i].value != CAIRN_KEY_MAP_NONE) {
            *find(&larger, map->slots[i].key) = map->slots[i];
        }
    }
    free(map->slots);
    *map = larger;
    return true;
}

uint32_t cairn_key_map_get(const struct cairn_key_map *map, uint64_t key)
{
    return map->capacity ? find(map, key)->value : CAIRN_KEY_MAP_NONE;
}

static struct cairn_key_slot *slot_for(struct cairn_key_map *map, uint64_t key)
{
    if (map->count * 3 >= map->capacity * 2 && !grow(map)) {
        return NULL;
    }
    return find(map, key);
}

uint32_t cairn_key_map_add(struct cairn_key_map *map, uint64_t key, uint32_t value)
{
    struct cairn_key_slot *slot = slot_for(map, key);
    if (!slot) {
        return CAIRN_KEY_MAP_NONE;
    }
    if (slot->value == CAIRN_KEY_MAP_NONE) {
        *slot = (struct cairn_key_slot){.key = key, .value = value};
        map->count++;
    }
    return slot->value;
}

bool cairn_key_map_set(struct cairn_key_map *map, uint64_t key, uint32_t value)
{
    struct cairn_key_slot *slot = slot_for(map, key);
    if (!slot) {
        return false;
    }
    map->count += slot->value == CAIRN_KEY_MAP_NONE;
    *slot = (struct cairn_key_slot){.key = key, .value = value};
    return true;
}

/* FNV-1a over the bytes; the mix makes the key depend on the order of texts and on where one ends. */
uint64_t cairn_key_text(uint64_t key, const char *text)
{
    uint64_t hash = 0xcbf29ce484222325ull;
    for (const char *at = text ? text : "\1"; *at; at++) {
        hash = (hash ^ (unsigned char)*at) * 0x100000001b3ull;
    }
    return mix(key * 31 + hash);
}

uint64_t cairn_key_number(uint64_t key, uint64_t number)
{
    return mix(key * 31 + number + 0x9e3779b97f4a7c15ull);
}
