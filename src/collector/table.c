#include "collector/table.h"

#include <stdlib.h>

#define FIRST_CELLS 1024u

void cairn_table_release(struct cairn_table *table)
{
    free(table->cells);
    *table = (struct cairn_table){.cells = NULL};
}

/* A cell's place needs the low half of the hash, which is not kept: so cells are placed by the high half. */
static size_t place_of(uint64_t value, size_t mask)
{
    return (size_t)(value >> 32) & mask;
}

bool cairn_table_reserve(struct cairn_table *table)
{
    if (table->cells && table->count + 1 <= (table->mask + 1) / 4 * 3) {
        return true;
    }
    const size_t size = table->cells ? (table->mask + 1) * 2 : FIRST_CELLS;
    uint64_t *cells = calloc(size, sizeof *cells);
    if (!cells) {
        return false;
    }
    for (size_t i = 0; table->cells && i <= table->mask; i++) {
        if (table->cells[i]) {
            size_t at = place_of(table->cells[i], size - 1);
            while (cells[at]) {
                at = (at + 1) & (size - 1);
            }
            cells[at] = table->cells[i];
        }
    }
    free(table->cells);
    table->cells = cells;
    table->mask = size - 1;
    return true;
}

void *cairn_grown(void *array, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity) {
        return array;
    }
    const size_t wanted = *capacity ? *capacity * 2 : 64;
    void *grown = realloc(array, wanted * size);
    if (grown) {
        *capacity = wanted;
    }
    return grown;
}
