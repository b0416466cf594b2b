/* From the messages of wire/graph.h to a graph's input. Whatever comes is what a stranger's process wrote. */
#ifndef CAIRN_COLLECTOR_GRAPH_RECEIVE_H
#define CAIRN_COLLECTOR_GRAPH_RECEIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "collector/live_map.h"
#include "graph/input.h"

/* A graph while it is received. Zero-initialise, then cairn_graph_input_init(&input). */
struct cairn_graph_receiver {
    struct cairn_graph_input input;
    uint32_t *strings; /* wire number − 1 → input's */
    size_t string_count, string_capacity;
    const struct cairn_live_map *live; /* blocks of the moment; borrowed */
    bool *held_outside;                /* by node */
    size_t held_capacity;
    bool ended;
};

void cairn_graph_receiver_release(struct cairn_graph_receiver *receiver);
/* Takes one message in. CAIRN_E_FORMAT for nonsense, CAIRN_E_LIMIT above what a graph may hold. */
CAIRN_MUST_CHECK enum cairn_status cairn_graph_receive(struct cairn_graph_receiver *receiver,
                                                       const void *message, size_t bytes,
                                                       struct cairn_error *error);
/* After END: every number leads somewhere, and what only C code holds is a root of its own kind. */
CAIRN_MUST_CHECK enum cairn_status cairn_graph_receive_finish(struct cairn_graph_receiver *receiver,
                                                              struct cairn_error *error);

#endif
