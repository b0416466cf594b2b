#include "query/grow.h"

#include <stdint.h>
#include <stdlib.h>

#define FIRST_CAPACITY 64u

void *cairn_grow(void *array, size_t element_size, size_t needed, size_t *capacity)
{
    if (array && needed <= *capacity) {
        return array;
    }
    size_t wanted = *capacity ? *capacity : FIRST_CAPACITY;
    while (wanted < needed) {
        wanted *= 2;
    }
    void *larger = wanted <= SIZE_MAX / element_size ? realloc(array, wanted * element_size) : NULL;
    if (larger) {
        *capacity = wanted;
    }
    return larger;
}
