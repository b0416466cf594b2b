#include "graph/build.h"

#include <stdlib.h>
#include <string.h>

#include "graph/build_parts.h"
#include "graph/order.h"
#include "graph/reach.h"

#define ACCOUNTS_MOST (1u << 26)          /* numbers above are no accounts of a trace */
#define SIZES_MOST    (UINT64_C(1) << 61) /* of all objects */
#define SERIAL_MOST   (UINT64_C(1) << 62)

enum cairn_status cairn_build_no_memory(struct cairn_error *error, uint32_t objects)
{
    return cairn_fail(error, CAIRN_E_NOMEM, "object graph: not enough memory for %u objects", objects);
}

/* The image was a stranger's memory: what cannot be true is not believed. Sums of sizes stay in 64 bits. */
static uint64_t believe(uint64_t bytes, uint64_t *sum)
{
    if (bytes > SIZES_MOST - *sum) {
        return 0;
    }
    *sum += bytes;
    return bytes;
}

static void clean_nodes(struct cairn_graph_built *built)
{
    uint64_t shallow = 0, blocks = 0, unseen = 0;
    for (uint32_t v = 0; v < built->info.objects; v++) {
        struct cairn_graph_node *node = &built->nodes[v];
        node->shallow_bytes = believe(node->shallow_bytes, &shallow);
        node->block_bytes = believe(node->block_bytes, &blocks);
        node->unseen_bytes = believe(node->unseen_bytes, &unseen);
        node->birth = node->birth < SERIAL_MOST ? node->birth : CAIRN_GRAPH_NO_EVENT;
        node->account = node->account < ACCOUNTS_MOST ? node->account : 0;
        node->label = node->label < built->info.strings ? node->label : 0;
    }
    built->info.shallow_bytes = (int64_t)(shallow + unseen);
}

/* parent and its edge, out of the tree's edges: these are of `strong`, whose rows are those of `edges` but for weak ones. */
static void keep_parents(struct cairn_graph_built *built, const struct cairn_csr *strong, const uint32_t *via)
{
    const struct cairn_csr *edges = &built->edges;
    for (uint32_t v = 0; v < built->info.objects; v++) {
        built->parent[v] = CAIRN_NO_OBJECT;
    }
    for (uint32_t v = 0; v < built->info.objects; v++) {
        uint32_t own = strong->first[v];
        for (uint32_t e = edges->first[v]; e < edges->first[v + 1]; e++) {
            if (built->confidences[e] == CAIRN_EDGE_WEAK) {
                continue;
            }
            const uint32_t target = edges->target[e];
            if (via[target] == own++) {
                built->parent[target] = v;
                built->parent_label[target] = built->labels[e];
                built->parent_confidence[target] = built->confidences[e];
            }
        }
    }
}

static enum cairn_status find_ways(struct cairn_graph_built *built, const struct cairn_csr *strong,
                                   const uint32_t *roots, struct cairn_error *error)
{
    uint32_t *via;
    const enum cairn_status status =
        cairn_shortest_tree(strong, roots, built->info.roots, built->lasting_roots, &via, error);
    if (status == CAIRN_OK) {
        keep_parents(built, strong, via);
        free(via);
    }
    return status;
}

static uint64_t smallness(const void *state, uint32_t index)
{
    return UINT64_MAX - ((const uint64_t *)state)[index];
}

static enum cairn_status find_sizes(struct cairn_graph_built *built,
                                    const struct cairn_dominators *dominators, struct cairn_error *error)
{
    const uint32_t nodes = built->info.objects;
    for (uint32_t v = 0; v < nodes; v++) {
        built->retained[v] = built->nodes[v].shallow_bytes + built->nodes[v].unseen_bytes;
        built->dominator[v] = dominators->dominator[v];
    }
    cairn_retained_sizes(dominators, built->retained, built->retained);
    return cairn_order(nodes, smallness, built->retained, &built->by_size, error);
}

static enum cairn_status allocate(struct cairn_graph_built *built, struct cairn_error *error)
{
    const size_t nodes = (size_t)built->info.objects + 1;
    built->dominator = malloc(nodes * sizeof *built->dominator);
    built->parent = malloc(nodes * sizeof *built->parent);
    built->parent_label = calloc(nodes, sizeof *built->parent_label);
    built->parent_confidence = calloc(nodes, sizeof *built->parent_confidence);
    built->cycle = malloc(nodes * sizeof *built->cycle);
    built->class = malloc(nodes * sizeof *built->class);
    built->retained = malloc(nodes * sizeof *built->retained);
    return built->dominator && built->parent && built->parent_label && built->parent_confidence &&
                   built->cycle && built->class && built->retained
               ? CAIRN_OK
               : cairn_build_no_memory(error, built->info.objects);
}

static enum cairn_status find_dominators(const struct cairn_graph_built *built,
                                         const struct cairn_csr *strong, const uint32_t *roots,
                                         struct cairn_dominators *dominators, struct cairn_error *error)
{
    struct cairn_csr reverse;
    enum cairn_status status = cairn_csr_reverse(strong, &reverse, error);
    if (status == CAIRN_OK) {
        status = cairn_dominators_find(strong, &reverse, roots, built->info.roots, dominators, error);
        cairn_csr_release(&reverse);
    }
    return status;
}

/* What needs most memory comes first, before there is room for its results. */
static enum cairn_status derive(struct cairn_graph_built *built, const struct cairn_csr *strong,
                                const uint32_t *roots, struct cairn_error *error)
{
    struct cairn_dominators dominators = {.nodes = 0};
    enum cairn_status status = find_dominators(built, strong, roots, &dominators, error);
    if (status == CAIRN_OK) {
        status = allocate(built, error);
    }
    if (status == CAIRN_OK) {
        status = find_ways(built, strong, roots, error);
    }
    if (status == CAIRN_OK) {
        status = find_sizes(built, &dominators, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_build_leaks(built, strong, &dominators, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_build_types(built, &dominators, error);
    }
    cairn_dominators_release(&dominators);
    return status;
}

static enum cairn_status derive_all(struct cairn_graph_built *built, struct cairn_error *error)
{
    struct cairn_csr own;
    const struct cairn_csr *strong;
    uint32_t *roots = malloc(((size_t)built->info.roots + 1) * sizeof *roots);
    enum cairn_status status = roots ? cairn_build_strong(built, &own, &strong, error)
                                     : cairn_build_no_memory(error, built->info.objects);
    if (status == CAIRN_OK) {
        for (uint32_t i = 0; i < built->info.roots; i++) {
            roots[i] = built->roots[i].node;
        }
        status = derive(built, strong, roots, error);
        cairn_csr_release(&own);
    }
    free(roots);
    return status;
}

static enum cairn_status begin(struct cairn_graph_input *input, uint32_t graph,
                               struct cairn_graph_built **built, struct cairn_error *error)
{
    struct cairn_graph_built *made = calloc(1, sizeof *made);
    *built = made;
    if (!made) {
        return cairn_build_no_memory(error, (uint32_t)input->node_count);
    }
    if (input->node_count > CAIRN_CSR_NODES_MAX - 2 || input->edge_count >= UINT32_MAX ||
        input->string_count >= UINT32_MAX / 2 || input->root_count >= UINT32_MAX) {
        return cairn_fail(error, CAIRN_E_LIMIT, "object graph: %zu objects and %zu edges are too many",
                          input->node_count, input->edge_count);
    }
    made->info = (struct cairn_graph_info){.graph = graph,
                                           .process = input->process,
                                           .snapshot = input->snapshot,
                                           .t_ns = input->t_ns,
                                           .pause_ns = input->pause_ns,
                                           .objects = (uint32_t)input->node_count,
                                           .edges = (uint32_t)input->edge_count,
                                           .roots = (uint32_t)input->root_count,
                                           .strings = (uint32_t)input->string_count};
    made->strings = input->strings;
    if (input->name) {
        made->name = strdup(input->name);
        made->info.name = made->name;
        return made->name ? CAIRN_OK : cairn_build_no_memory(error, made->info.objects);
    }
    return CAIRN_OK;
}

enum cairn_status cairn_graph_build(struct cairn_graph_input *input, uint32_t graph,
                                    struct cairn_graph_built **built, struct cairn_error *error)
{
    struct cairn_graph_built *made;
    /* Number 0 is the empty string, in a graph without any other too. */
    const bool named = input->string_count > 0 || cairn_graph_input_string(input, "", 0) == 0;
    enum cairn_status status = begin(input, graph, &made, error);
    if (status == CAIRN_OK && !named) {
        status = cairn_build_no_memory(error, made->info.objects);
    }
    if (status == CAIRN_OK) {
        status = cairn_build_take(made, input, error);
    }
    if (status == CAIRN_OK) {
        clean_nodes(made);
        status = derive_all(made, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_build_accounts(made, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_build_referrers(made, error);
    }
    if (status != CAIRN_OK) {
        cairn_graph_built_free(made);
        return status;
    }
    *built = made;
    return CAIRN_OK;
}

const struct cairn_graph_info *cairn_graph_built_info(const struct cairn_graph_built *built)
{
    return &built->info;
}

void cairn_graph_built_free(struct cairn_graph_built *built)
{
    if (!built) {
        return;
    }
    cairn_build_stop_writing(built);
    void *const owned[] = {built->name,
                           built->nodes,
                           built->roots,
                           built->labels,
                           built->confidences,
                           built->dominator,
                           built->parent,
                           built->parent_label,
                           built->parent_confidence,
                           built->cycle,
                           built->root_of,
                           built->class,
                           built->retained,
                           built->by_size,
                           built->referrers.first,
                           built->referrers.source,
                           built->referrers.edge,
                           built->types,
                           built->accounts};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) {
        free(owned[i]);
    }
    cairn_csr_release(&built->edges);
    free(built);
}
