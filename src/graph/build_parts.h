/* A graph under construction, and the steps that derive its parts. Internal to graph.
 *
 *   build.c         the order of the steps
 *   build_edges.c   nodes in order of address, edges as rows
 *   build_leaks.c   cycles and leak classes
 *   build_types.c   types and accounts
 *   build_write.c   into the trace
 */
#ifndef CAIRN_GRAPH_BUILD_PARTS_H
#define CAIRN_GRAPH_BUILD_PARTS_H

#include "graph/build.h"
#include "graph/csr.h"
#include "graph/dominators.h"

/* The edges by target: those to v are edge[first[v] … first[v + 1]), each from `source` beside it. */
struct cairn_edges_by_target {
    uint32_t *first, *source, *edge;
};

enum cairn_build_stage {
    CAIRN_WRITE_TYPES,
    CAIRN_WRITE_ROOTS,
    CAIRN_WRITE_ACCOUNTS,
    CAIRN_WRITE_OBJECTS,
    CAIRN_WRITE_REFERENTS,
    CAIRN_WRITE_REFERRERS,
    CAIRN_WRITE_DOMINATED,
    CAIRN_WRITE_BY_TYPE,
    CAIRN_WRITE_BY_CYCLE,
    CAIRN_WRITE_BY_ACCOUNT,
    CAIRN_WRITE_LEAKS,
    CAIRN_WRITE_STRINGS,
    CAIRN_WRITE_KEYS,
    CAIRN_WRITE_GRAPH,
    CAIRN_WRITE_DONE
};

/* Arrays are by object, in order of address, unless said otherwise. */
struct cairn_graph_built {
    struct cairn_graph_info info;
    const char *const *strings; /* borrowed from the input */
    char *name;
    struct cairn_graph_node *nodes; /* `type` is a type's number once types are made */
    struct cairn_graph_root *roots;

    /* Edges as they came: names and confidence beside `edges.target`. */
    struct cairn_csr edges;
    uint32_t *labels;
    uint8_t *confidences;
    size_t weak_edges;

    uint32_t lasting_roots; /* the first ones; behind them those that hold in passing */
    uint32_t *dominator, *parent, *parent_label, *cycle, *root_of;
    uint8_t *parent_confidence, *class;
    uint64_t *retained;
    uint32_t *by_size; /* all objects, largest retained size first */

    struct cairn_edges_by_target referrers; /* rows by the size of their sources */
    struct cairn_csr lists;                 /* of the stage, by size */
    struct cairn_csr of_type;               /* objects, by size */

    struct cairn_graph_type *types; /* by number */
    struct cairn_graph_account *accounts;
    size_t account_count;

    enum cairn_build_stage stage;
    uint32_t at;        /* what of the stage comes next */
    uint32_t type, key; /* of the next identity: key `key` of type `type` */
    enum cairn_status status;
    struct cairn_graph_key *keys; /* of one chunk */
    uint64_t *unsorted, *sorted;  /* of one type */
};

enum cairn_status cairn_build_no_memory(struct cairn_error *error, uint32_t objects);

/* build_edges.c */
CAIRN_MUST_CHECK enum cairn_status
cairn_build_take(struct cairn_graph_built *built, struct cairn_graph_input *input, struct cairn_error *error);
/* The edges that keep things alive: `*own` when that is not all of them (release it), else `built->edges` itself. */
CAIRN_MUST_CHECK enum cairn_status cairn_build_strong(const struct cairn_graph_built *built,
                                                      struct cairn_csr *own, const struct cairn_csr **strong,
                                                      struct cairn_error *error);
CAIRN_MUST_CHECK enum cairn_status cairn_build_referrers(struct cairn_graph_built *built,
                                                         struct cairn_error *error);
/* All objects for which row_of() is below `rows`, in the order of by_size. */
CAIRN_MUST_CHECK enum cairn_status cairn_build_lists(const struct cairn_graph_built *built, uint32_t rows,
                                                     uint32_t (*row_of)(const struct cairn_graph_built *built,
                                                                        uint32_t object),
                                                     struct cairn_csr *lists, struct cairn_error *error);

/* build_leaks.c: `cycle` and `class`. */
CAIRN_MUST_CHECK enum cairn_status cairn_build_leaks(struct cairn_graph_built *built,
                                                     const struct cairn_csr *strong,
                                                     const struct cairn_dominators *dominators,
                                                     struct cairn_error *error);

/* build_types.c: types with their retained sizes; sums by account. */
CAIRN_MUST_CHECK enum cairn_status cairn_build_types(struct cairn_graph_built *built,
                                                     const struct cairn_dominators *dominators,
                                                     struct cairn_error *error);
CAIRN_MUST_CHECK enum cairn_status cairn_build_accounts(struct cairn_graph_built *built,
                                                        struct cairn_error *error);

#endif
