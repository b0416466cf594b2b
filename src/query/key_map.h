/* A hash map from 64-bit keys to 32-bit values, for the indexes of query: open addressing, never shrinks. */
#ifndef CAIRN_QUERY_KEY_MAP_H
#define CAIRN_QUERY_KEY_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Values are indexes; this one marks an empty slot and is never stored. */
#define CAIRN_KEY_MAP_NONE UINT32_MAX

struct cairn_key_slot {
    uint64_t key;
    uint32_t value;
};

/* Zero-initialise. `capacity` is 0 or a power of two above `count`. */
struct cairn_key_map {
    struct cairn_key_slot *slots;
    size_t capacity, count;
};

void cairn_key_map_release(struct cairn_key_map *map);
/* The value of `key`, or CAIRN_KEY_MAP_NONE. */
uint32_t cairn_key_map_get(const struct cairn_key_map *map, uint64_t key);
/* The value of `key`, after storing `value` there when it had none; CAIRN_KEY_MAP_NONE when memory ran out. */
uint32_t cairn_key_map_add(struct cairn_key_map *map, uint64_t key, uint32_t value);
/* Makes `value` the value of `key`; false when memory ran out. */
bool cairn_key_map_set(struct cairn_key_map *map, uint64_t key, uint32_t value);

/* Hashes of texts to make keys from: start with 0, feed one text (NULL differs from "") or number after another. */
uint64_t cairn_key_text(uint64_t key, const char *text);
uint64_t cairn_key_number(uint64_t key, uint64_t number);

#endif
