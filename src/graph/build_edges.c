#include <stdlib.h>
#include <string.h>

#include "graph/build_parts.h"
#include "graph/order.h"

#define PREFETCH_NODES 16u

static uint64_t address_of(const void *state, uint32_t index)
{
    return ((const struct cairn_graph_node *)state)[index].address;
}

static bool is_in_order(const struct cairn_graph_node *nodes, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        if (nodes[i].address < nodes[i - 1].address) {
            return false;
        }
    }
    return true;
}

/* The nodes as `order` wants them, and number[old], the new number of an old one. They lie all over: some are asked for ahead. */
static struct cairn_graph_node *permuted(const struct cairn_graph_node *nodes, const uint32_t *order,
                                         uint32_t count, uint32_t *number)
{
    struct cairn_graph_node *sorted = malloc(((size_t)count + 1) * sizeof *sorted);
    for (uint32_t i = 0; sorted && i < count; i++) {
        if (count - i > PREFETCH_NODES) {
            __builtin_prefetch(&nodes[order[i + PREFETCH_NODES]]);
            __builtin_prefetch(&number[order[i + PREFETCH_NODES]], 1);
        }
        sorted[i] = nodes[order[i]];
        number[order[i]] = i;
    }
    return sorted;
}

/* `*number`: the new number of every old one; NULL when they stay. */
static enum cairn_status sort_nodes(struct cairn_graph_built *built, uint32_t **number,
                                    struct cairn_error *error)
{
    const uint32_t count = built->info.objects;
    *number = NULL;
    if (is_in_order(built->nodes, count)) {
        return CAIRN_OK;
    }
    uint32_t *order = NULL;
    const enum cairn_status status = cairn_order(count, address_of, built->nodes, &order, error);
    uint32_t *inverse = status == CAIRN_OK ? malloc(count * sizeof *inverse) : NULL;
    if (!inverse) {
        free(order);
        return status != CAIRN_OK ? status : cairn_build_no_memory(error, count);
    }
    struct cairn_graph_node *sorted = permuted(built->nodes, order, count, inverse);
    free(order);
    if (!sorted) {
        free(inverse);
        return cairn_build_no_memory(error, count);
    }
    free(built->nodes);
    built->nodes = sorted;
    *number = inverse;
    return CAIRN_OK;
}

static uint32_t label_of(const struct cairn_graph_edge *edge, uint32_t strings)
{
    if (edge->name != 0) {
        return edge->name < strings ? CAIRN_LABEL_STRING(edge->name) : CAIRN_LABEL_NONE;
    }
    return edge->index <= CAIRN_LABEL_LARGEST_INDEX ? CAIRN_LABEL_INDEX(edge->index) : CAIRN_LABEL_NONE;
}

static enum cairn_status take_edges(struct cairn_graph_built *built, const struct cairn_graph_edge *edges,
                                    const uint32_t *number, struct cairn_error *error)
{
    struct cairn_csr *csr = &built->edges;
    const uint32_t nodes = built->info.objects, count = built->info.edges;
    for (uint32_t e = 0; e < count; e++) {
        if (edges[e].source >= nodes || edges[e].target >= nodes) {
            return cairn_fail(error, CAIRN_E_FORMAT,
                              "object graph: edge %u leads to an object that is not there", e);
        }
    }
    *csr = (struct cairn_csr){.nodes = nodes, .edges = count};
    csr->first = calloc((size_t)nodes + 2, sizeof *csr->first);
    csr->target = malloc(((size_t)count + 1) * sizeof *csr->target);
    built->labels = malloc(((size_t)count + 1) * sizeof *built->labels);
    built->confidences = malloc((size_t)count + 1);
    if (!csr->first || !csr->target || !built->labels || !built->confidences) {
        return cairn_build_no_memory(error, nodes);
    }
    /* first[v + 1] counts row v, then is where the row is filled next, and in the end where it ends. */
    for (uint32_t e = 0; e < count; e++) {
        const uint32_t source = number ? number[edges[e].source] : edges[e].source;
        csr->first[source + 1]++;
    }
    uint32_t start = 0;
    for (uint32_t v = 0; v < nodes; v++) {
        const uint32_t row = csr->first[v + 1];
        csr->first[v + 1] = start;
        start += row;
    }
    for (uint32_t e = 0; e < count; e++) {
        const uint32_t source = number ? number[edges[e].source] : edges[e].source;
        const uint32_t at = csr->first[source + 1]++;
        csr->target[at] = number ? number[edges[e].target] : edges[e].target;
        built->labels[at] = label_of(&edges[e], built->info.strings);
        built->confidences[at] = edges[e].confidence & 3;
        built->weak_edges += edges[e].confidence == CAIRN_EDGE_WEAK;
    }
    return CAIRN_OK;
}

/* Whether a root holds what it does in passing: a register, or a frame of the C library's way out of the program. What the program's
 * own data holds, too, is better explained by that. */
static bool is_passing(const struct cairn_graph_built *built, const struct cairn_graph_root *root)
{
    static const char *const ways_out[] = {"__run_exit_handlers", "__cxa_finalize", "_dl_fini"};
    const char *kind = built->strings[root->kind], *name = built->strings[root->name];
    bool out = false;
    for (size_t i = 0; i < sizeof ways_out / sizeof *ways_out; i++) {
        out |= strstr(name, ways_out[i]) != NULL;
    }
    return strcmp(kind, "register") == 0 || (out && strcmp(kind, "stack") == 0);
}

/* Puts those that hold in passing behind the others; each kind stays in its order. */
static enum cairn_status order_roots(struct cairn_graph_built *built, struct cairn_error *error)
{
    const uint32_t count = built->info.roots;
    struct cairn_graph_root *passing = malloc((count + 1) * sizeof *passing);
    uint32_t passing_count = 0;
    if (!passing) {
        return cairn_build_no_memory(error, built->info.objects);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (is_passing(built, &built->roots[i])) {
            passing[passing_count++] = built->roots[i];
        } else {
            built->roots[built->lasting_roots++] = built->roots[i];
        }
    }
    for (uint32_t i = 0; i < passing_count; i++) {
        built->roots[built->lasting_roots + i] = passing[i];
    }
    free(passing);
    return CAIRN_OK;
}

static enum cairn_status take_roots(struct cairn_graph_built *built, struct cairn_graph_root *roots,
                                    const uint32_t *number, struct cairn_error *error)
{
    const uint32_t count = built->info.roots;
    for (uint32_t i = 0; i < count; i++) {
        struct cairn_graph_root *root = &roots[i];
        if (root->node >= built->info.objects) {
            return cairn_fail(error, CAIRN_E_FORMAT,
                              "object graph: root %u leads to an object that is not there", i);
        }
        root->node = number ? number[root->node] : root->node;
        root->kind = root->kind < built->info.strings ? root->kind : 0;
        root->name = root->name < built->info.strings ? root->name : 0;
    }
    const enum cairn_status status = order_roots(built, error);
    for (uint32_t i = 0; status == CAIRN_OK && i < count; i++) {
        uint32_t *first = &built->root_of[roots[i].node];
        *first = *first == 0 ? i + 1 : *first;
    }
    return status;
}

enum cairn_status cairn_build_take(struct cairn_graph_built *built, struct cairn_graph_input *input,
                                   struct cairn_error *error)
{
    uint32_t *number;
    struct cairn_graph_edge *edges = input->edges;
    built->nodes = input->nodes;
    built->roots = input->roots;
    input->nodes = NULL;
    input->edges = NULL;
    input->roots = NULL;
    input->node_count = input->node_capacity = 0;
    input->edge_count = input->edge_capacity = 0;
    input->root_count = input->root_capacity = 0;
    built->root_of = calloc((size_t)built->info.objects + 1, sizeof *built->root_of);
    enum cairn_status status = built->root_of ? sort_nodes(built, &number, error)
                                              : cairn_build_no_memory(error, built->info.objects);
    if (status == CAIRN_OK) {
        status = take_edges(built, edges, number, error);
        if (status == CAIRN_OK) {
            status = take_roots(built, built->roots, number, error);
        }
        free(number);
    }
    free(edges);
    return status;
}

enum cairn_status cairn_build_strong(const struct cairn_graph_built *built, struct cairn_csr *own,
                                     const struct cairn_csr **strong, struct cairn_error *error)
{
    const struct cairn_csr *all = &built->edges;
    *own = (struct cairn_csr){.nodes = 0};
    *strong = all;
    if (built->weak_edges == 0) {
        return CAIRN_OK;
    }
    *own = (struct cairn_csr){.nodes = all->nodes, .edges = all->edges - (uint32_t)built->weak_edges};
    own->first = malloc(((size_t)all->nodes + 1) * sizeof *own->first);
    own->target = malloc(((size_t)own->edges + 1) * sizeof *own->target);
    if (!own->first || !own->target) {
        cairn_csr_release(own);
        return cairn_build_no_memory(error, all->nodes);
    }
    uint32_t at = 0;
    for (uint32_t v = 0; v < all->nodes; v++) {
        own->first[v] = at;
        for (uint32_t e = all->first[v]; e < all->first[v + 1]; e++) {
            if (built->confidences[e] != CAIRN_EDGE_WEAK) {
                own->target[at++] = all->target[e];
            }
        }
    }
    own->first[all->nodes] = at;
    *strong = own;
    return CAIRN_OK;
}

/* Rows are filled by their sources' size: none needs sorting. */
static void fill_referrers(struct cairn_graph_built *built)
{
    const struct cairn_csr *edges = &built->edges;
    struct cairn_edges_by_target *rows = &built->referrers;
    for (uint32_t e = 0; e < edges->edges; e++) {
        rows->first[edges->target[e] + 1]++;
    }
    uint32_t start = 0;
    for (uint32_t v = 0; v < edges->nodes; v++) {
        const uint32_t row = rows->first[v + 1];
        rows->first[v + 1] = start;
        start += row;
    }
    for (uint32_t i = 0; i < edges->nodes; i++) {
        const uint32_t source = built->by_size[i];
        for (uint32_t e = edges->first[source]; e < edges->first[source + 1]; e++) {
            const uint32_t at = rows->first[edges->target[e] + 1]++;
            rows->source[at] = source;
            rows->edge[at] = e;
        }
    }
}

enum cairn_status cairn_build_referrers(struct cairn_graph_built *built, struct cairn_error *error)
{
    const uint32_t nodes = built->info.objects, edges = built->info.edges;
    struct cairn_edges_by_target *rows = &built->referrers;
    rows->first = calloc((size_t)nodes + 2, sizeof *rows->first);
    rows->source = malloc(((size_t)edges + 1) * sizeof *rows->source);
    rows->edge = malloc(((size_t)edges + 1) * sizeof *rows->edge);
    if (!rows->first || !rows->source || !rows->edge) {
        return cairn_build_no_memory(error, nodes);
    }
    fill_referrers(built);
    return CAIRN_OK;
}

enum cairn_status cairn_build_lists(const struct cairn_graph_built *built, uint32_t rows,
                                    uint32_t (*row_of)(const struct cairn_graph_built *built,
                                                       uint32_t object),
                                    struct cairn_csr *lists, struct cairn_error *error)
{
    const uint32_t nodes = built->info.objects;
    *lists = (struct cairn_csr){.nodes = rows};
    lists->first = calloc((size_t)rows + 2, sizeof *lists->first);
    if (!lists->first) {
        return cairn_build_no_memory(error, nodes);
    }
    for (uint32_t v = 0; v < nodes; v++) {
        const uint32_t row = row_of(built, v);
        if (row < rows) {
            lists->first[row + 1]++;
            lists->edges++;
        }
    }
    lists->target = malloc(((size_t)lists->edges + 1) * sizeof *lists->target);
    if (!lists->target) {
        cairn_csr_release(lists);
        return cairn_build_no_memory(error, nodes);
    }
    uint32_t start = 0;
    for (uint32_t row = 0; row < rows; row++) {
        const uint32_t here = lists->first[row + 1];
        lists->first[row + 1] = start;
        start += here;
    }
    for (uint32_t i = 0; i < nodes; i++) {
        const uint32_t row = row_of(built, built->by_size[i]);
        if (row < rows) {
            lists->target[lists->first[row + 1]++] = built->by_size[i];
        }
    }
    return CAIRN_OK;
}
