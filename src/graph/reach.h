/* Shortest ways and what hangs off a node. */
#ifndef CAIRN_GRAPH_REACH_H
#define CAIRN_GRAPH_REACH_H

#include <stdbool.h>

#include "graph/csr.h"

#define CAIRN_REACH_ROOT UINT32_MAX       /* a root itself */
#define CAIRN_REACH_NONE (UINT32_MAX - 1) /* no root leads here */

/* Breadth-first tree from the roots: via[v] is the edge (index in `forward`) by which v is reached first. Following
 * sources up gives a shortest path from the first `preferred` roots, or, where none of these leads, from the others. The caller
 * frees `*via`. */
CAIRN_MUST_CHECK enum cairn_status cairn_shortest_tree(const struct cairn_csr *forward, const uint32_t *roots,
                                                       size_t root_count, size_t preferred, uint32_t **via,
                                                       struct cairn_error *error);

/* The node an edge starts from. Logarithmic. */
uint32_t cairn_edge_source(const struct cairn_csr *forward, uint32_t edge);

/* Bytes of `start` and all that can be reached from it, each node once; nodes with stop[v] (may be NULL) are neither
 * counted nor entered, `start` itself always is. */
CAIRN_MUST_CHECK enum cairn_status cairn_deep_size(const struct cairn_csr *forward, uint32_t start,
                                                   const uint64_t *shallow, const bool *stop, uint64_t *bytes,
                                                   uint64_t *count, struct cairn_error *error);

#endif
