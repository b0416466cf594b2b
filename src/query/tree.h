/* The call tree, from main down or bottom-up: `cairn tree`, the viewer's Tree and, later, Flame. */
#ifndef CAIRN_QUERY_TREE_H
#define CAIRN_QUERY_TREE_H

#include "query/moment.h"
#include "query/selection.h"

/* A node; children are `child_count` nodes from index `first_child` on, sorted as the selection says. By function unless
 * the selection groups by line. */
struct cairn_tree_node {
    struct cairn_site site;
    struct cairn_counts counts;
    int64_t self_bytes; /* of the metric, charged to this node itself (bottom-up: to its root) */
    double percent;
    uint32_t parent; /* index; UINT32_MAX for roots */
    uint32_t first_child, child_count;
    uint32_t depth;
};

struct cairn_tree {
    struct cairn_moment at;
    struct cairn_span span;
    struct cairn_counts total;
    struct cairn_tree_node
        *nodes; /* roots are the first root_count; breadth-first, so children are contiguous */
    size_t node_count, root_count;
    struct cairn_arena arena;
};

/* bottom_up: roots are sites, children their callers. Recursion is not folded: a path is a path. Paths lead outward from the
 * frame that is charged: what the site rule passes over is in no node. A stack that was cut ends in "[truncated]" or
 * "[unwinding stopped]". Limit and offset are the caller's to apply. */
CAIRN_MUST_CHECK enum cairn_status
cairn_tree(struct cairn_trace *trace, const struct cairn_selection *selection, const struct cairn_moment *at,
           const struct cairn_span *span, bool bottom_up, struct cairn_tree *tree, struct cairn_error *error);
void cairn_tree_release(struct cairn_tree *tree);

#endif
