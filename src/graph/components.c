#include "graph/components.h"

#include <stdlib.h>

/* `low` doubles as the visit number (0: not visited); `edge` is the next edge of a node on the path. */
struct tarjan {
    const struct cairn_csr *graph;
    const bool *skip;
    uint32_t *component, *low, *edge, *path, *open;
    uint32_t path_length, open_count, visited, components;
};

static void enter(struct tarjan *walk, uint32_t node)
{
    walk->low[node] = ++walk->visited;
    walk->edge[node] = walk->graph->first[node];
    walk->path[walk->path_length++] = node;
    walk->open[walk->open_count++] = node;
}

/* Node is done: a component when nothing in it reaches further up. `number` is its own visit number. */
static void leave(struct tarjan *walk, uint32_t node, uint32_t number)
{
    if (walk->low[node] == number) {
        uint32_t member;
        do {
            member = walk->open[--walk->open_count];
            walk->component[member] = walk->components;
        } while (member != node);
        walk->components++;
    }
}

/* One whole tree from `root`. `number[v]` is v's visit number. */
static void search(struct tarjan *walk, uint32_t root, uint32_t *number)
{
    enter(walk, root);
    number[root] = walk->visited;
    while (walk->path_length > 0) {
        const uint32_t node = walk->path[walk->path_length - 1];
        if (walk->edge[node] < walk->graph->first[node + 1]) {
            const uint32_t target = walk->graph->target[walk->edge[node]++];
            if (walk->skip && walk->skip[target]) {
                continue;
            }
            if (walk->low[target] == 0) {
                enter(walk, target);
                number[target] = walk->visited;
            } else if (walk->component[target] == CAIRN_COMPONENT_NONE && number[target] < walk->low[node]) {
                walk->low[node] = number[target];
            }
            continue;
        }
        walk->path_length--;
        leave(walk, node, number[node]);
        if (walk->path_length > 0) {
            const uint32_t parent = walk->path[walk->path_length - 1];
            if (walk->low[node] < walk->low[parent]) {
                walk->low[parent] = walk->low[node];
            }
        }
    }
}

enum cairn_status cairn_components(const struct cairn_csr *graph, const bool *skip, uint32_t **component,
                                   uint32_t *count, struct cairn_error *error)
{
    const size_t nodes = (size_t)graph->nodes + 1;
    struct tarjan walk = {.graph = graph, .skip = skip};
    uint32_t *arrays = calloc(nodes * 5, sizeof *arrays);
    walk.component = malloc(nodes * sizeof *walk.component);
    if (!arrays || !walk.component) {
        free(arrays);
        free(walk.component);
        return cairn_fail(error, CAIRN_E_NOMEM, "object graph: no memory to find cycles in %u nodes",
                          graph->nodes);
    }
    walk.low = arrays;
    walk.edge = arrays + nodes;
    walk.path = arrays + 2 * nodes;
    walk.open = arrays + 3 * nodes;
    uint32_t *number = arrays + 4 * nodes;
    for (size_t v = 0; v < nodes; v++) {
        walk.component[v] = CAIRN_COMPONENT_NONE;
    }
    for (uint32_t v = 0; v < graph->nodes; v++) {
        if (walk.low[v] == 0 && !(skip && skip[v])) {
            search(&walk, v, number);
        }
    }
    free(arrays);
    *component = walk.component;
    *count = walk.components;
    return CAIRN_OK;
}
