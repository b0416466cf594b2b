/* Strongly connected components: which objects keep each other alive in a cycle. */
#ifndef CAIRN_GRAPH_COMPONENTS_H
#define CAIRN_GRAPH_COMPONENTS_H

#include <stdbool.h>

#include "graph/csr.h"

#define CAIRN_COMPONENT_NONE UINT32_MAX

/* component[v] for every node: 0 … count − 1, sinks first (reverse topological order). With `skip` (may be NULL), nodes
 * for which skip[v] is true, and edges to them, are left out: their component is CAIRN_COMPONENT_NONE.
 * Tarjan 1972, without recursion; time and memory linear. The caller frees `*component`. */
CAIRN_MUST_CHECK enum cairn_status cairn_components(const struct cairn_csr *graph, const bool *skip,
                                                    uint32_t **component, uint32_t *count,
                                                    struct cairn_error *error);

#endif
