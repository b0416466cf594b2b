#include "graph/csr.h"

#include <stdlib.h>

static enum cairn_status allocate(struct cairn_csr *csr, uint32_t nodes, uint32_t edges,
                                  struct cairn_error *error)
{
    *csr = (struct cairn_csr){.nodes = nodes, .edges = edges};
    csr->first = calloc((size_t)nodes + 1, sizeof *csr->first);
    csr->target = malloc(((size_t)edges + 1) * sizeof *csr->target);
    if (!csr->first || !csr->target) {
        cairn_csr_release(csr);
        return cairn_fail(error, CAIRN_E_NOMEM, "object graph: no memory for %u nodes and %u edges", nodes,
                          edges);
    }
    return CAIRN_OK;
}

/* Turns counts into starts: afterwards first[v] is where row v is filled next, and once all rows are filled, where row
 * v + 1 begins; shift_back() then makes it the usual meaning. */
static void counts_to_starts(struct cairn_csr *csr)
{
    uint32_t start = 0;
    for (uint32_t v = 0; v < csr->nodes; v++) {
        const uint32_t count = csr->first[v];
        csr->first[v] = start;
        start += count;
    }
    csr->first[csr->nodes] = start;
}

static void shift_back(struct cairn_csr *csr)
{
    for (uint32_t v = csr->nodes; v > 0; v--) {
        csr->first[v] = csr->first[v - 1];
    }
    csr->first[0] = 0;
}

enum cairn_status cairn_csr_build(struct cairn_csr *csr, uint32_t nodes, const uint32_t *sources,
                                  const uint32_t *targets, size_t edges, struct cairn_error *error)
{
    *csr = (struct cairn_csr){.nodes = 0};
    if (nodes > CAIRN_CSR_NODES_MAX || edges >= UINT32_MAX) {
        return cairn_fail(error, CAIRN_E_LIMIT,
                          "object graph: %u nodes and %zu edges are more than a graph may have", nodes,
                          edges);
    }
    for (size_t i = 0; i < edges; i++) {
        if (sources[i] >= nodes || targets[i] >= nodes) {
            return cairn_fail(error, CAIRN_E_FORMAT,
                              "object graph: edge %zu leads to a node that is not there", i);
        }
    }
    const enum cairn_status status = allocate(csr, nodes, (uint32_t)edges, error);
    if (status != CAIRN_OK) {
        return status;
    }
    for (size_t i = 0; i < edges; i++) {
        csr->first[sources[i]]++;
    }
    counts_to_starts(csr);
    for (size_t i = 0; i < edges; i++) {
        csr->target[csr->first[sources[i]]++] = targets[i];
    }
    shift_back(csr);
    return CAIRN_OK;
}

enum cairn_status cairn_csr_reverse(const struct cairn_csr *forward, struct cairn_csr *reverse,
                                    struct cairn_error *error)
{
    const enum cairn_status status = allocate(reverse, forward->nodes, forward->edges, error);
    if (status != CAIRN_OK) {
        return status;
    }
    for (uint32_t e = 0; e < forward->edges; e++) {
        reverse->first[forward->target[e]]++;
    }
    counts_to_starts(reverse);
    for (uint32_t v = 0; v < forward->nodes; v++) {
        for (uint32_t e = forward->first[v]; e < forward->first[v + 1]; e++) {
            reverse->target[reverse->first[forward->target[e]]++] = v;
        }
    }
    shift_back(reverse);
    return CAIRN_OK;
}

void cairn_csr_release(struct cairn_csr *csr)
{
    free(csr->first);
    free(csr->target);
    *csr = (struct cairn_csr){.nodes = 0};
}
