/* Object graphs on their way into the trace: the moment comes with the rings, the graph itself over a connection from a still
 * image of the target; a thread of its own receives it, joins its objects to the recorded blocks and derives the rest. */
#ifndef CAIRN_COLLECTOR_GRAPHS_H
#define CAIRN_COLLECTOR_GRAPHS_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/session.h"

struct cairn_graph_ask;
struct cairn_recorder;
struct cairn_target;

/* A GRAPH record was merged: the live blocks of this moment are kept for the graph with that serial. `numbers` as in the
 * record: the serial, and above it whose request it answers. */
void cairn_graphs_moment(struct cairn_recorder *recorder, struct cairn_target *target, uint64_t numbers,
                         const char *name, int64_t t_ns);
/* A GRAPH_DONE record was merged; `numbers` as in the record. */
void cairn_graphs_pause(struct cairn_recorder *recorder, const struct cairn_target *target, uint64_t numbers);
/* Both take the connection over. */
void cairn_graphs_stream(struct cairn_recorder *recorder, struct cairn_session_call *call);
void cairn_graphs_hold(struct cairn_recorder *recorder, struct cairn_session_call *call);
/* Begins to look at a program that does nothing by itself, which stands still meanwhile. False when that cannot be. */
bool cairn_graphs_in_place(struct cairn_recorder *recorder, struct cairn_target *target,
                           struct cairn_graph_ask *ask, int64_t now_ns);
/* Starts what can start, and takes in what is done. */
void cairn_graphs_tend(struct cairn_recorder *recorder, int64_t now_ns);
/* Whether a graph is still to come. */
bool cairn_graphs_expected(const struct cairn_recorder *recorder);
/* Ends all of them. */
void cairn_graphs_free(struct cairn_recorder *recorder);

/* graph_store.c: derives what is derived of the graph, and sends it to the store. Called by a thread of its own; takes what
 * is in `input`, which stays to be released. */
struct cairn_graph_input;
enum cairn_status cairn_graph_store(struct cairn_recorder *recorder, uint32_t number,
                                    struct cairn_graph_input *input, struct cairn_error *error);

#endif
