#include "graph/reach.h"

#include <stdlib.h>

/* A breadth-first tree under way. */
struct search {
    const struct cairn_csr *forward;
    uint32_t *reached_by, *queue;
    size_t head, tail;
};

/* Goes on from these roots as far as it leads. */
static void search_from(struct search *search, const uint32_t *roots, size_t count)
{
    const struct cairn_csr *forward = search->forward;
    for (size_t i = 0; i < count; i++) {
        if (roots[i] < forward->nodes && search->reached_by[roots[i]] == CAIRN_REACH_NONE) {
            search->reached_by[roots[i]] = CAIRN_REACH_ROOT;
            search->queue[search->tail++] = roots[i];
        }
    }
    while (search->head < search->tail) {
        const uint32_t node = search->queue[search->head++];
        for (uint32_t e = forward->first[node]; e < forward->first[node + 1]; e++) {
            const uint32_t target = forward->target[e];
            if (search->reached_by[target] == CAIRN_REACH_NONE) {
                search->reached_by[target] = e;
                search->queue[search->tail++] = target;
            }
        }
    }
}

enum cairn_status cairn_shortest_tree(const struct cairn_csr *forward, const uint32_t *roots,
                                      size_t root_count, size_t preferred, uint32_t **via,
                                      struct cairn_error *error)
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
    for (size_t v = 0; v < nodes; v++) {
        reached_by[v] = CAIRN_REACH_NONE;
    }
    struct search search = {.forward = forward, .reached_by = reached_by, .queue = queue};
    search_from(&search, roots, preferred);
    search_from(&search, roots + preferred, root_count - preferred);
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
