#include "graph/reach.h"

#include <stdlib.h>

enum cairn_status cairn_shortest_tree(const struct cairn_csr *forward, const uint32_t *roots,
                                      size_t root_count, uint32_t **via, struct cairn_error *error)
{
    const size_t nodes = (size_t)forward->nodes + 1;
    uint32_t *reached_by = malloc(nodes * sizeof *reached_by);
    uint32_t *queue = malloc(nodes * sizeof *queue);
    if (!reached_by || !queue) {
        free(reached_by);
        free(queue);
        return cairn_fail(error, CAIRN_E_NOMEM, "object graph: no memory for the paths of %u nodes",
                          forward->nodes);
    }
    size_t head = 0, tail = 0;
    for (size_t v = 0; v < nodes; v++) {
        reached_by[v] = CAIRN_REACH_NONE;
    }
    for (size_t i = 0; i < root_count; i++) {
        if (roots[i] < forward->nodes && reached_by[roots[i]] == CAIRN_REACH_NONE) {
            reached_by[roots[i]] = CAIRN_REACH_ROOT;
            queue[tail++] = roots[i];
        }
    }
    while (head < tail) {
        const uint32_t node = queue[head++];
        for (uint32_t e = forward->first[node]; e < forward->first[node + 1]; e++) {
            const uint32_t target = forward->target[e];
            if (reached_by[target] == CAIRN_REACH_NONE) {
                reached_by[target] = e;
                queue[tail++] = target;
            }
        }
    }
    free(queue);
    *via = reached_by;
    return CAIRN_OK;
}

uint32_t cairn_edge_source(const struct cairn_csr *forward, uint32_t edge)
{
    uint32_t low = 0, high = forward->nodes; /* first[low] <= edge < first[high] */
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;
        if (forward->first[middle] <= edge) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

enum cairn_status cairn_deep_size(const struct cairn_csr *forward, uint32_t start, const uint64_t *shallow,
                                  const bool *stop, uint64_t *bytes, uint64_t *count,
                                  struct cairn_error *error)
{
    const size_t nodes = (size_t)forward->nodes + 1;
    bool *seen = calloc(nodes, sizeof *seen);
    uint32_t *queue = malloc(nodes * sizeof *queue);
    if (!seen || !queue || start >= forward->nodes) {
        free(seen);
        free(queue);
        return start >= forward->nodes && seen && queue
                   ? cairn_fail(error, CAIRN_E_NOT_FOUND, "object graph: there is no node %u", start)
                   : cairn_fail(error, CAIRN_E_NOMEM, "object graph: no memory for %u nodes", forward->nodes);
    }
    size_t tail = 0;
    uint64_t total = 0;
    seen[start] = true;
    queue[tail++] = start;
    for (size_t head = 0; head < tail; head++) {
        const uint32_t node = queue[head];
        total += shallow[node];
        for (uint32_t e = forward->first[node]; e < forward->first[node + 1]; e++) {
            const uint32_t target = forward->target[e];
            if (!seen[target] && !(stop && stop[target])) {
                seen[target] = true;
                queue[tail++] = target;
            }
        }
    }
    free(seen);
    free(queue);
    *bytes = total;
    *count = tail;
    return CAIRN_OK;
}
