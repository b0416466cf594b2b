/* A hash from 128-bit keys to small numbers (1, 2, 3, …) that grow with every new key: frames, stacks, accounts, modules.
 *
 * The caller keeps the keys in an array of its own, indexed by number − 1; the table holds numbers and 32 bits of
 * hash. Not thread-safe. */
#ifndef CAIRN_COLLECTOR_TABLE_H
#define CAIRN_COLLECTOR_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cairn_table {
    uint64_t *cells; /* hash high << 32 | number; 0: empty */
    size_t mask, count;
};

void cairn_table_release(struct cairn_table *table);
/* Makes sure one more key fits; false when memory ran out. */
bool cairn_table_reserve(struct cairn_table *table);

static inline uint64_t cairn_table_hash(uint64_t a, uint64_t b)
{
    uint64_t h = (a ^ 0x9e3779b97f4a7c15ull) * 0xff51afd7ed558ccdull;
    h = (h ^ h >> 32 ^ b) * 0xc4ceb9fe1a85ec53ull;
    return h ^ h >> 29;
}

/* Walks the cells that may hold a key: start with cairn_table_first, go on with cairn_table_next until it returns 0 (not
 * there; `*cell` is then where cairn_table_add puts it). Returns a candidate's number. */
static inline uint32_t cairn_table_candidate(const struct cairn_table *table, uint64_t hash, size_t *cell)
{
    for (;; *cell = (*cell + 1) & table->mask) {
        const uint64_t value = table->cells[*cell];
        if (value == 0) {
            return 0;
        }
        if (value >> 32 == hash >> 32) {
            return (uint32_t)value;
        }
    }
}
static inline uint32_t cairn_table_first(const struct cairn_table *table, uint64_t hash, size_t *cell)
{
    *cell = (size_t)(hash >> 32) & table->mask;
    return cairn_table_candidate(table, hash, cell);
}
static inline uint32_t cairn_table_next(const struct cairn_table *table, uint64_t hash, size_t *cell)
{
    *cell = (*cell + 1) & table->mask;
    return cairn_table_candidate(table, hash, cell);
}
static inline void cairn_table_add(struct cairn_table *table, uint64_t hash, size_t cell, uint32_t number)
{
    table->cells[cell] = hash >> 32 << 32 | number;
    table->count++;
}

/* `array` (elements of `size` bytes) with room for `count` + 1, perhaps elsewhere; NULL when memory ran out, and then
 * `array` is as it was. */
void *cairn_grown(void *array, size_t *capacity, size_t count, size_t size);

#endif
