/* A small map from 64-bit keys to 64-bit values: unfolded rows, sparklines. */
#ifndef CAIRN_VIEW_KEYMAP_H
#define CAIRN_VIEW_KEYMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise. */
struct cairn_keymap {
    uint64_t *keys; /* 0: free, so key 0 is stored as another number */
    uint64_t *values;
    size_t capacity, count;
};

void cairn_keymap_release(struct cairn_keymap *map);
void cairn_keymap_clear(struct cairn_keymap *map);
/* False when memory ran out: the map is as it was. */
bool cairn_keymap_put(struct cairn_keymap *map, uint64_t key, uint64_t value);
void cairn_keymap_remove(struct cairn_keymap *map, uint64_t key);
/* NULL when it is not there; borrowed until the next put or remove. */
const uint64_t *cairn_keymap_get(const struct cairn_keymap *map, uint64_t key);

/* Mixes numbers into a key: a row's key from its parent's and its own. */
uint64_t cairn_key_mix(uint64_t parent, uint64_t own);

#endif
