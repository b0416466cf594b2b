/* Arrays that grow by doubling. Internal to query. */
#ifndef CAIRN_QUERY_GROW_H
#define CAIRN_QUERY_GROW_H

#include <stddef.h>

/* `array` with room for `needed` elements, moved where it must be, and `*capacity` with it; NULL when memory ran out, and
 * then `array` and `*capacity` are as they were. */
void *cairn_grow(void *array, size_t element_size, size_t needed, size_t *capacity);

#endif
