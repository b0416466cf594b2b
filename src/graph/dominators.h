/* Who keeps whom alive: immediate dominators and retained sizes.
 *
 * A node's immediate dominator is the closest node whose death would free it. Nodes that several roots hold in different
 * ways belong to no single node: their dominator is CAIRN_DOMINATOR_ROOTS. What no root reaches hangs below a second top,
 * CAIRN_DOMINATOR_NONE, so that garbage has retained sizes too; an edge from garbage to a reachable node keeps nothing
 * alive and is left out.
 *
 * Semi-NCA (Georgiadis, Tarjan, Werneck: "Finding dominators in practice", 2006), without recursion, on 32-bit arrays. */
#ifndef CAIRN_GRAPH_DOMINATORS_H
#define CAIRN_GRAPH_DOMINATORS_H

#include <stdbool.h>

#include "graph/csr.h"

#define CAIRN_DOMINATOR_ROOTS UINT32_MAX
#define CAIRN_DOMINATOR_NONE  (UINT32_MAX - 1)

struct cairn_dominators {
    uint32_t nodes;
    uint32_t *dominator; /* of each node */
    bool *reachable;     /* from the roots */
    uint32_t *order;     /* all nodes, each behind its dominator */
};

/* `reverse` is cairn_csr_reverse(forward). A root may be named twice. */
CAIRN_MUST_CHECK enum cairn_status
cairn_dominators_find(const struct cairn_csr *forward, const struct cairn_csr *reverse, const uint32_t *roots,
                      size_t root_count, struct cairn_dominators *result, struct cairn_error *error);
void cairn_dominators_release(struct cairn_dominators *result);

/* retained[v] = shallow[v] + the shallow sizes of all that v dominates, in bytes. `retained` has room for all nodes and
 * may be `shallow` itself. */
void cairn_retained_sizes(const struct cairn_dominators *dominators, const uint64_t *shallow,
                          uint64_t *retained);

#endif
