#include "collector/code_map.h"

#include <stdlib.h>
#include <string.h>

struct cairn_code_map {
    uint32_t references;
    size_t count, capacity;
    struct cairn_code_range *ranges; /* by start, disjoint */
};

struct cairn_code_map *cairn_code_map_new(void)
{
    struct cairn_code_map *map = calloc(1, sizeof *map);
    if (map) {
        map->references = 1;
    }
    return map;
}

struct cairn_code_map *cairn_code_map_share(struct cairn_code_map *map)
{
    map->references++;
    return map;
}

void cairn_code_map_free(struct cairn_code_map *map)
{
    if (map && --map->references == 0) {
        free(map->ranges);
        free(map);
    }
}

/* Makes `*map` the caller's own, with room for one more. */
static bool prepare(struct cairn_code_map **map)
{
    struct cairn_code_map *own = *map;
    if (own->references > 1) {
        own = cairn_code_map_new();
        if (!own) {
            return false;
        }
        const size_t capacity = (*map)->count + 8;
        own->ranges = malloc(capacity * sizeof *own->ranges);
        if (!own->ranges) {
            free(own);
            return false;
        }
        own->capacity = capacity;
        own->count = (*map)->count;
        if (own->count) {
            memcpy(own->ranges, (*map)->ranges, own->count * sizeof *own->ranges);
        }
        (*map)->references--;
        *map = own;
    }
    if (own->count == own->capacity) {
        const size_t capacity = own->capacity ? own->capacity * 2 : 16;
        struct cairn_code_range *grown = realloc(own->ranges, capacity * sizeof *grown);
        if (!grown) {
            return false;
        }
        own->ranges = grown;
        own->capacity = capacity;
    }
    return true;
}

/* Index of the first range that ends above `address`. */
static size_t first_above(const struct cairn_code_map *map, uint64_t address)
{
    size_t low = 0, high = map->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (map->ranges[middle].end <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void erase(struct cairn_code_map *map, size_t from, size_t to)
{
    memmove(map->ranges + from, map->ranges + to, (map->count - to) * sizeof *map->ranges);
    map->count -= to - from;
}

bool cairn_code_map_add(struct cairn_code_map **map, const struct cairn_code_range *range, bool *changed)
{
    *changed = false;
    if (range->start >= range->end) {
        return true;
    }
    const struct cairn_code_range *known = cairn_code_map_find(*map, range->start);
    if (known && known->start == range->start && known->end == range->end && known->bias == range->bias &&
        known->module == range->module) {
        return true;
    }
    if (!prepare(map)) {
        return false;
    }
    struct cairn_code_map *own = *map;
    const size_t at = first_above(own, range->start);
    size_t behind = at;
    while (behind < own->count && own->ranges[behind].start < range->end) {
        behind++;
    }
    erase(own, at, behind);
    memmove(own->ranges + at + 1, own->ranges + at, (own->count - at) * sizeof *own->ranges);
    own->ranges[at] = *range;
    own->count++;
    *changed = true;
    return true;
}

bool cairn_code_map_remove(struct cairn_code_map **map, uint64_t start, bool *changed)
{
    *changed = false;
    const size_t at = first_above(*map, start);
    if (at == (*map)->count || (*map)->ranges[at].start != start) {
        return true;
    }
    if (!prepare(map)) {
        return false;
    }
    erase(*map, at, at + 1);
    *changed = true;
    return true;
}

const struct cairn_code_range *cairn_code_map_find(const struct cairn_code_map *map, uint64_t address)
{
    const size_t at = first_above(map, address);
    return at < map->count && map->ranges[at].start <= address ? &map->ranges[at] : NULL;
}
