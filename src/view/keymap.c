#include "view/keymap.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 64

static uint64_t stored(uint64_t key)
{
    return key != 0 ? key : UINT64_MAX;
}

uint64_t cairn_key_mix(uint64_t parent, uint64_t own)
{
    /* The finaliser of splitmix64. */
    uint64_t mixed = parent * 0x9e3779b97f4a7c15u + own + 0x632be59bd9b4e019u;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return mixed ^ mixed >> 31;
}

void cairn_keymap_release(struct cairn_keymap *map)
{
    free(map->keys);
    free(map->values);
    *map = (struct cairn_keymap){.keys = NULL};
}

void cairn_keymap_clear(struct cairn_keymap *map)
{
    if (map->keys != NULL)
        memset(map->keys, 0, map->capacity * sizeof(*map->keys));
    map->count = 0;
}

/* The key's place, or the free one where it belongs. */
static size_t place(const struct cairn_keymap *map, uint64_t key)
{
    size_t at = (size_t)cairn_key_mix(0, key) & (map->capacity - 1);
    while (map->keys[at] != 0 && map->keys[at] != key)
        at = (at + 1) & (map->capacity - 1);
    return at;
}

static bool grow(struct cairn_keymap *map)
{
    const size_t capacity = map->capacity == 0 ? FIRST_CAPACITY : map->capacity * 2;
    uint64_t *keys = calloc(capacity, sizeof(*keys)), *values = calloc(capacity, sizeof(*values));
    if (keys == NULL || values == NULL) {
        free(keys);
        free(values);
        return false;
    }
    const struct cairn_keymap before = *map;
    *map = (struct cairn_keymap){.keys = keys, .values = values, .capacity = capacity, .count = before.count};
    for (size_t i = 0; i < before.capacity; i++) {
        if (before.keys[i] == 0)
            continue;
        const size_t at = place(map, before.keys[i]);
        keys[at] = before.keys[i];
        values[at] = before.values[i];
    }
    free(before.keys);
    free(before.values);
    return true;
}

bool cairn_keymap_put(struct cairn_keymap *map, uint64_t key, uint64_t value)
{
    if (map->count * 2 >= map->capacity && !grow(map))
        return false;
    const size_t at = place(map, stored(key));
    map->count += map->keys[at] == 0;
    map->keys[at] = stored(key);
    map->values[at] = value;
    return true;
}

void cairn_keymap_remove(struct cairn_keymap *map, uint64_t key)
{
    if (map->capacity == 0)
        return;
    size_t hole = place(map, stored(key));
    if (map->keys[hole] == 0)
        return;
    map->keys[hole] = 0;
    map->count--;
    /* Those behind that were pushed on by it move back. */
    for (size_t at = (hole + 1) & (map->capacity - 1); map->keys[at] != 0;
         at = (at + 1) & (map->capacity - 1)) {
        const uint64_t key_here = map->keys[at], value_here = map->values[at];
        map->keys[at] = 0;
        const size_t home = place(map, key_here);
        map->keys[home] = key_here;
        map->values[home] = value_here;
    }
}

const uint64_t *cairn_keymap_get(const struct cairn_keymap *map, uint64_t key)
{
    if (map->capacity == 0)
        return NULL;
    const size_t at = place(map, stored(key));
    return map->keys[at] == 0 ? NULL : &map->values[at];
}
