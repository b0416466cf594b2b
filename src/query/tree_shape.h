/* The call tree of all stacks without its numbers: it does not depend on the moment. Internal to query. */
#ifndef CAIRN_QUERY_TREE_SHAPE_H
#define CAIRN_QUERY_TREE_SHAPE_H

#include "query/places.h"
#include "query/selection.h"
#include "query/site_map.h"

#define CAIRN_NO_NODE UINT32_MAX

/* Nodes come after their parents. From main down an account's last node is the one that pays; bottom-up the path goes
 * from there outward. */
struct cairn_tree_shape {
    struct cairn_site_map_key key; /* by: LINE or FUNCTION */
    bool bottom_up;
    size_t account_count, node_count;
    uint32_t
        *last_node; /* by account − 1: where its path ends; CAIRN_NO_NODE: not of the language asked for */
    uint32_t *parent; /* CAIRN_NO_NODE for roots */
    uint32_t *place;  /* index of places.sites */
    struct cairn_places places;
};

/* By line when the selection groups so, else by function. */
struct cairn_site_map_key cairn_tree_shape_key_of(const struct cairn_selection *selection);
CAIRN_MUST_CHECK enum cairn_status cairn_tree_shape_new(struct cairn_trace *trace,
                                                        const struct cairn_selection *selection,
                                                        bool bottom_up, struct cairn_tree_shape **shape,
                                                        struct cairn_error *error);
void cairn_tree_shape_free(struct cairn_tree_shape *shape);

#endif
