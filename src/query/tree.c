#include "query/tree.h"

#include <stdlib.h>

#include "query/context.h"
#include "query/no_memory.h"
#include "query/rank.h"
#include "query/sum.h"
#include "query/sums.h"

/* The shape with this question's numbers. */
struct filled {
    const struct cairn_tree_shape *shape;
    struct cairn_counts *counts;  /* by node: everything below it, too */
    int64_t *self;                /* of the metric */
    struct cairn_site *sites;     /* by node, so that rank can sort them */
    uint32_t *first_child, *next; /* lists of the nodes that are not empty */
    uint32_t *scratch;
    uint32_t roots;
    size_t used;
};

static void filled_release(struct filled *filled)
{
    free(filled->counts);
    free(filled->self);
    free(filled->sites);
    free(filled->first_child);
    free(filled->next);
    free(filled->scratch);
}

static bool filled_init(struct filled *filled, const struct cairn_tree_shape *shape)
{
    const size_t count = shape->node_count + 1;
    *filled = (struct filled){
        .shape = shape,
        .counts = calloc(count, sizeof(*filled->counts)),
        .self = calloc(count, sizeof(*filled->self)),
        .sites = calloc(count, sizeof(*filled->sites)),
        .first_child = malloc(count * sizeof(*filled->first_child)),
        .next = malloc(count * sizeof(*filled->next)),
        .scratch = malloc(count * sizeof(*filled->scratch)),
        .roots = CAIRN_NO_NODE,
    };
    return filled->counts && filled->self && filled->sites && filled->first_child && filled->next &&
           filled->scratch;
}

static void add_accounts(struct filled *filled, const struct cairn_question *question,
                         const struct cairn_columns *columns, struct cairn_counts *total)
{
    for (size_t i = 0; i < question->count; i++) {
        if (!cairn_question_counts(question, i)) {
            continue;
        }
        struct cairn_counts counts = {.live_bytes = 0};
        cairn_columns_add(columns, i, &counts);
        cairn_counts_add(total, &counts);
        const uint32_t last = filled->shape->last_node[i];
        if (last != CAIRN_NO_NODE && cairn_question_keeps(question, i)) {
            cairn_counts_add(&filled->counts[last], &counts);
        }
    }
    cairn_counts_finish(total, columns);
}

/* Adds every node to its parent, children first, and lists those that are not empty. */
static void propagate(struct filled *filled, enum cairn_metric metric, const struct cairn_columns *columns)
{
    const struct cairn_tree_shape *shape = filled->shape;
    for (size_t node = 0; node < shape->node_count; node++) {
        filled->first_child[node] = CAIRN_NO_NODE;
        filled->self[node] = shape->bottom_up ? 0 : cairn_counts_metric(&filled->counts[node], metric);
    }
    for (size_t node = shape->node_count; node-- > 0;) {
        if (cairn_counts_are_zero(&filled->counts[node])) {
            continue;
        }
        const uint32_t parent = shape->parent[node];
        uint32_t *list = &filled->roots;
        if (parent != CAIRN_NO_NODE) {
            cairn_counts_add(&filled->counts[parent], &filled->counts[node]);
            list = &filled->first_child[parent];
        } else if (shape->bottom_up) {
            filled->self[node] = cairn_counts_metric(&filled->counts[node], metric);
        }
        filled->next[node] = *list;
        *list = (uint32_t)node;
        filled->sites[node] = shape->places.sites[shape->place[node]];
        cairn_counts_finish(&filled->counts[node], columns);
        filled->used++;
    }
}

/* Appends a list of siblings to the answer, in order. Returns how many. */
static uint32_t emit(struct filled *filled, const struct cairn_selection *selection, uint32_t list,
                     uint32_t parent, uint32_t depth, struct cairn_tree *tree)
{
    uint32_t count = 0;
    for (uint32_t node = list; node != CAIRN_NO_NODE; node = filled->next[node]) {
        filled->scratch[count++] = node;
    }
    const struct cairn_rank rank = {.selection = selection, .sites = filled->sites, .counts = filled->counts};
    cairn_rank_sort(&rank, filled->scratch, count);
    const int64_t total = cairn_counts_metric(&tree->total, selection->metric);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t node = filled->scratch[i];
        tree->nodes[tree->node_count++] = (struct cairn_tree_node){
            .site = filled->sites[node],
            .counts = filled->counts[node],
            .self_bytes = filled->self[node],
            .percent = cairn_percent(cairn_counts_metric(&filled->counts[node], selection->metric), total),
            .parent = parent,
            .first_child = node, /* of the shape, until this node's turn comes */
            .depth = depth,
        };
    }
    return count;
}

static enum cairn_status lay_out(struct filled *filled, const struct cairn_selection *selection,
                                 struct cairn_tree *tree, struct cairn_error *error)
{
    tree->nodes = cairn_arena_alloc(&tree->arena, (filled->used + 1) * sizeof(*tree->nodes));
    if (!tree->nodes) {
        return cairn_no_memory(error, "the tree");
    }
    tree->root_count = emit(filled, selection, filled->roots, UINT32_MAX, 0, tree);
    for (size_t i = 0; i < tree->node_count; i++) {
        const uint32_t node = tree->nodes[i].first_child;
        const uint32_t first = (uint32_t)tree->node_count, depth = tree->nodes[i].depth + 1;
        tree->nodes[i].child_count =
            emit(filled, selection, filled->first_child[node], (uint32_t)i, depth, tree);
        tree->nodes[i].first_child = first;
    }
    return CAIRN_OK;
}

static enum cairn_status fill(struct cairn_trace *trace, const struct cairn_selection *selection,
                              const struct cairn_tree_shape *shape, struct cairn_tree *tree,
                              struct cairn_error *error)
{
    struct cairn_question question;
    struct cairn_columns columns = {.trace = trace};
    struct filled filled = {.shape = NULL};
    enum cairn_status status = cairn_question_open(&question, trace, selection, error);
    if (status == CAIRN_OK) {
        status = cairn_columns_open(&columns, trace, selection, &tree->at, &tree->span, error);
    }
    if (status == CAIRN_OK && !filled_init(&filled, shape)) {
        status = cairn_no_memory(error, "the tree");
    }
    if (status == CAIRN_OK) {
        add_accounts(&filled, &question, &columns, &tree->total);
        propagate(&filled, selection->metric, &columns);
        status = lay_out(&filled, selection, tree, error);
    }
    filled_release(&filled);
    cairn_columns_release(&columns);
    cairn_question_release(&question);
    return status;
}

enum cairn_status cairn_tree(struct cairn_trace *trace, const struct cairn_selection *selection,
                             const struct cairn_moment *at, const struct cairn_span *span, bool bottom_up,
                             struct cairn_tree *tree, struct cairn_error *error)
{
    struct cairn_selection shown = *selection;
    shown.by = selection->by == CAIRN_BY_LINE ? CAIRN_BY_LINE : CAIRN_BY_FUNCTION;
    shown.cumulative = false;
    const struct cairn_tree_shape *shape;
    struct cairn_tree made = {.at = *at, .span = *span, .arena = CAIRN_ARENA_INIT};
    enum cairn_status status = cairn_context_tree_shape(trace, &shown, bottom_up, &shape, error);
    if (status == CAIRN_OK) {
        status = fill(trace, &shown, shape, &made, error);
    }
    if (status != CAIRN_OK) {
        cairn_tree_release(&made);
        return status;
    }
    *tree = made;
    return CAIRN_OK;
}

void cairn_tree_release(struct cairn_tree *tree)
{
    cairn_arena_release(&tree->arena);
    *tree = (struct cairn_tree){.nodes = NULL};
}
