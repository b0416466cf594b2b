#include "graph/dominators.h"

#include <stdlib.h>
#include <string.h>

#include "graph/components.h"

/* Works on preorder numbers: 0 is the virtual root above all entries, 1 … visited are nodes. */
struct semi_nca {
    const struct cairn_csr *forward, *reverse;
    uint32_t visited;     /* numbers given so far */
    uint32_t last_rooted; /* numbers up to this one were reached from the roots */
    uint32_t *number;     /* node → preorder number, 0: not visited */
    uint32_t *node;       /* number → node */
    uint32_t *parent;     /* number → number, in the search tree */
    uint32_t *semi;       /* number → number */
    uint32_t *label;      /* number → number with the least semi on the compressed path */
    uint32_t *ancestor;   /* number → number: the forest that compression shortens; later: the dominator */
    uint32_t *stack;      /* nodes of the search, numbers of a path under compression */
    uint32_t *edge;       /* node → its next edge in the search */
    bool *entry;          /* node: directly below the virtual root */
};

static void visit(struct semi_nca *walk, uint32_t node, uint32_t parent)
{
    const uint32_t number = ++walk->visited;
    walk->number[node] = number;
    walk->node[number] = node;
    walk->parent[number] = parent;
    walk->edge[node] = walk->forward->first[node];
}

static void search(struct semi_nca *walk, uint32_t entry)
{
    size_t depth = 0;
    walk->entry[entry] = true;
    if (walk->number[entry]) {
        return;
    }
    visit(walk, entry, 0);
    walk->stack[depth++] = entry;
    while (depth > 0) {
        const uint32_t node = walk->stack[depth - 1];
        if (walk->edge[node] == walk->forward->first[node + 1]) {
            depth--;
            continue;
        }
        const uint32_t target = walk->forward->target[walk->edge[node]++];
        if (!walk->number[target]) {
            visit(walk, target, walk->number[node]);
            walk->stack[depth++] = target;
        }
    }
}

/* The number with the least semi-dominator on the way from v up to the top of its tree in the forest of numbers above
 * `linked`; shortens that way. */
static uint32_t evaluate(struct semi_nca *walk, uint32_t v, uint32_t linked)
{
    if (v < linked) {
        return v;
    }
    size_t depth = 0;
    uint32_t top = v;
    while (walk->ancestor[top] >= linked) {
        walk->stack[depth++] = top;
        top = walk->ancestor[top];
    }
    uint32_t best = walk->label[top];
    const uint32_t above = walk->ancestor[top];
    while (depth > 0) {
        const uint32_t below = walk->stack[--depth];
        walk->ancestor[below] = above;
        if (walk->semi[best] < walk->semi[walk->label[below]]) {
            walk->label[below] = best;
        } else {
            best = walk->label[below];
        }
    }
    return best;
}

static void find_semi_dominators(struct semi_nca *walk)
{
    for (uint32_t v = 0; v <= walk->visited; v++) {
        walk->semi[v] = walk->label[v] = v;
        walk->ancestor[v] = walk->parent[v];
    }
    for (uint32_t w = walk->visited; w > 0; w--) {
        const uint32_t node = walk->node[w];
        uint32_t semi = walk->entry[node] ? 0 : walk->parent[w];
        for (uint32_t e = walk->reverse->first[node]; e < walk->reverse->first[node + 1]; e++) {
            const uint32_t v = walk->number[walk->reverse->target[e]];
            if (w <= walk->last_rooted && v > walk->last_rooted) {
                continue; /* garbage keeps nothing alive */
            }
            const uint32_t candidate = walk->semi[evaluate(walk, v, w + 1)];
            semi = candidate < semi ? candidate : semi;
        }
        walk->semi[w] = semi;
    }
}

static void find_dominators(struct semi_nca *walk)
{
    uint32_t *dominator = walk->ancestor;
    for (uint32_t w = 1; w <= walk->visited; w++) {
        uint32_t d = walk->parent[w];
        while (d > walk->semi[w]) {
            d = dominator[d];
        }
        dominator[w] = d;
    }
}

/* Entries into what no root reaches: one node of each component that nothing else unreachable points to. */
static enum cairn_status search_unreachable(struct semi_nca *walk, struct cairn_error *error)
{
    const struct cairn_csr *graph = walk->forward;
    uint32_t *component = NULL, count = 0;
    bool *reached = malloc((size_t)graph->nodes + 1);
    if (!reached) {
        return cairn_fail(error, CAIRN_E_NOMEM, "object graph: no memory for %u nodes", graph->nodes);
    }
    for (uint32_t v = 0; v < graph->nodes; v++) {
        reached[v] = walk->number[v] != 0;
    }
    const enum cairn_status status = cairn_components(graph, reached, &component, &count, error);
    bool *held = calloc((size_t)count + 1, 1);
    if (status != CAIRN_OK || !held) {
        free(reached);
        free(component);
        free(held);
        return status != CAIRN_OK ? status : cairn_fail(error, CAIRN_E_NOMEM, "object graph: no memory");
    }
    for (uint32_t v = 0; v < graph->nodes; v++) {
        for (uint32_t e = graph->first[v]; !reached[v] && e < graph->first[v + 1]; e++) {
            const uint32_t target = graph->target[e];
            if (!reached[target] && component[target] != component[v]) {
                held[component[target]] = true;
            }
        }
    }
    for (uint32_t v = 0; v < graph->nodes; v++) {
        if (!reached[v] && !held[component[v]]) {
            held[component[v]] = true;
            search(walk, v);
        }
    }
    free(reached);
    free(component);
    free(held);
    return CAIRN_OK;
}

static void fill_result(const struct semi_nca *walk, struct cairn_dominators *result)
{
    const uint32_t *dominator = walk->ancestor;
    for (uint32_t w = 1; w <= walk->visited; w++) {
        const uint32_t node = walk->node[w];
        const bool reachable = w <= walk->last_rooted;
        result->order[w - 1] = node;
        result->reachable[node] = reachable;
        result->dominator[node] = dominator[w] ? walk->node[dominator[w]]
                                  : reachable  ? CAIRN_DOMINATOR_ROOTS
                                               : CAIRN_DOMINATOR_NONE;
    }
}

enum cairn_status cairn_dominators_find(const struct cairn_csr *forward, const struct cairn_csr *reverse,
                                        const uint32_t *roots, size_t root_count,
                                        struct cairn_dominators *result, struct cairn_error *error)
{
    const size_t nodes = (size_t)forward->nodes + 1;
    struct semi_nca walk = {.forward = forward, .reverse = reverse};
    uint32_t *arrays = calloc(nodes * 8, sizeof *arrays);
    walk.entry = calloc(nodes, 1);
    *result = (struct cairn_dominators){.nodes = forward->nodes};
    result->dominator = malloc(nodes * sizeof *result->dominator);
    result->order = malloc(nodes * sizeof *result->order);
    result->reachable = calloc(nodes, 1);
    enum cairn_status status = CAIRN_OK;
    if (!arrays || !walk.entry || !result->dominator || !result->order || !result->reachable) {
        status = cairn_fail(error, CAIRN_E_NOMEM, "object graph: no memory for the dominators of %u nodes",
                            forward->nodes);
        goto done;
    }
    uint32_t **const parts[] = {&walk.number, &walk.node,     &walk.parent, &walk.semi,
                                &walk.label,  &walk.ancestor, &walk.stack,  &walk.edge};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        *parts[i] = arrays + i * nodes;
    }
    for (size_t i = 0; i < root_count; i++) {
        if (roots[i] < forward->nodes) {
            search(&walk, roots[i]);
        }
    }
    walk.last_rooted = walk.visited;
    status = search_unreachable(&walk, error);
    if (status == CAIRN_OK) {
        find_semi_dominators(&walk);
        find_dominators(&walk);
        fill_result(&walk, result);
    }
done:
    free(arrays);
    free(walk.entry);
    if (status != CAIRN_OK) {
        cairn_dominators_release(result);
    }
    return status;
}

void cairn_dominators_release(struct cairn_dominators *result)
{
    free(result->dominator);
    free(result->order);
    free(result->reachable);
    *result = (struct cairn_dominators){.nodes = 0};
}

void cairn_retained_sizes(const struct cairn_dominators *dominators, const uint64_t *shallow,
                          uint64_t *retained)
{
    if (retained != shallow) {
        memcpy(retained, shallow, dominators->nodes * sizeof *retained);
    }
    for (uint32_t i = dominators->nodes; i-- > 0;) {
        const uint32_t node = dominators->order[i];
        const uint32_t dominator = dominators->dominator[node];
        if (dominator < CAIRN_DOMINATOR_NONE) {
            retained[dominator] += retained[node];
        }
    }
}
