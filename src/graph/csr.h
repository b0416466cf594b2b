/* A directed graph in compressed sparse rows: the form every algorithm of this folder works on.
 *
 * Nodes are 0 … nodes − 1. Row v holds target[first[v]] … target[first[v + 1] − 1]. 32-bit throughout: at most 2^32 − 3
 * nodes and 2^32 − 1 edges; 4 bytes an edge and 4 a node in each direction. */
#ifndef CAIRN_GRAPH_CSR_H
#define CAIRN_GRAPH_CSR_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct cairn_csr {
    uint32_t nodes, edges;
    uint32_t *first;  /* nodes + 1 */
    uint32_t *target; /* edges */
};

#define CAIRN_CSR_NODES_MAX (UINT32_MAX - 2)

/* From an edge list; edges of one source keep their order. On failure `csr` is empty. */
CAIRN_MUST_CHECK enum cairn_status cairn_csr_build(struct cairn_csr *csr, uint32_t nodes,
                                                   const uint32_t *sources, const uint32_t *targets,
                                                   size_t edges, struct cairn_error *error);
/* The same edges backwards; rows are sorted by source. */
CAIRN_MUST_CHECK enum cairn_status cairn_csr_reverse(const struct cairn_csr *forward,
                                                     struct cairn_csr *reverse, struct cairn_error *error);
void cairn_csr_release(struct cairn_csr *csr);

#endif
