/* A graph under construction, and the steps that derive its parts. Internal to graph.
 *
 *   build.c         the order of the steps
 *   build_edges.c   nodes in order of address, edges as rows
 *   build_leaks.c   cycles and leak classes
 *   build_types.c   types and accounts
 *   build_chunks.c  what is written of it as BLOBs
 *   build_write.c   into the trace
 */
#ifndef CAIRN_GRAPH_BUILD_PARTS_H
#define CAIRN_GRAPH_BUILD_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "graph/build.h"
#include "graph/csr.h"
#include "graph/dominators.h"
#include "trace/graph_shelf.h"

/* The edges by target: those to v are edge[first[v] … first[v + 1]), each from `source` beside it. */
struct cairn_edges_by_target {
    uint32_t *first, *source, *edge;
};

/* What is written as BLOBs: objects, lists, strings, identities. */
enum cairn_build_stage {
    CAIRN_BUILD_OBJECTS,
    CAIRN_BUILD_REFERENTS,
    CAIRN_BUILD_REFERRERS, /* behind the one before */
    CAIRN_BUILD_DOMINATED,
    CAIRN_BUILD_BY_TYPE,
    CAIRN_BUILD_BY_CYCLE,
    CAIRN_BUILD_BY_ACCOUNT,
    CAIRN_BUILD_LEAKS,
    CAIRN_BUILD_STRINGS,
    CAIRN_BUILD_KEYS, /* behind BY_TYPE, by the same hand */
};

/* Somebody who encodes some stages of a graph, one after the other. */
struct cairn_build_hand {
    struct cairn_graph_built *built;
    struct cairn_graph_shelf *shelf;
    const enum cairn_build_stage *stages; /* what is left to do, `stage_count` of them */
    size_t stage_count;
    uint32_t at;                  /* the next chunk of the first one */
    struct cairn_csr lists;       /* of the stage, by size */
    struct cairn_csr of_type;     /* objects, by size */
    uint32_t type, key;           /* of the next identity: key `key` of type `type` */
    struct cairn_graph_key *keys; /* of one chunk */
    uint64_t *unsorted, *sorted;  /* of one type */
    enum cairn_status status;
};

enum cairn_write_phase {
    CAIRN_WRITE_TYPES,
    CAIRN_WRITE_ROOTS,
    CAIRN_WRITE_ACCOUNTS,
    CAIRN_WRITE_HERE,  /* the stages of the thread that writes */
    CAIRN_WRITE_THERE, /* the others */
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

    struct cairn_graph_type *types; /* by number */
    struct cairn_graph_account *accounts;
    size_t account_count;

    enum cairn_write_phase phase;
    uint32_t at; /* what of the phase comes next */
    struct cairn_build_hand here, there;
    pthread_t helper;
    bool helped;       /* `there` belongs to the thread `helper`, until it is joined */
    _Atomic bool stop; /* it had better */
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

/* build_chunks.c: encodes the hand's next chunk; false when it has nothing left to do, or no memory (its status). */
CAIRN_MUST_CHECK bool cairn_build_shelve(struct cairn_build_hand *hand);
void cairn_build_hand_release(struct cairn_build_hand *hand);

/* build_write.c: no thread encodes any more. */
void cairn_build_stop_writing(struct cairn_graph_built *built);

#endif
