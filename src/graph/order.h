/* The order of many numbers. */
#ifndef CAIRN_GRAPH_ORDER_H
#define CAIRN_GRAPH_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* order[0 … count) are the indexes in ascending order of key_of(state, index); equal keys keep their order. Radix sort:
 * linear, with 24 bytes of memory an element. The caller frees `*order`. */
CAIRN_MUST_CHECK enum cairn_status cairn_order(uint32_t count,
                                               uint64_t (*key_of)(const void *state, uint32_t index),
                                               const void *state, uint32_t **order,
                                               struct cairn_error *error);

#endif
