/* From a captured graph to everything that is derived from it: dominators, retained sizes, shortest ways from the roots, cycles,
 * leaks, and the lists that answers are read from.
 *
 * Building needs no trace and may run on any thread; writing hands the result to the trace's writer in steps of about a
 * millisecond, so that its thread can do other things in between. About 130 bytes a node and 40 an edge at most. */
#ifndef CAIRN_GRAPH_BUILD_H
#define CAIRN_GRAPH_BUILD_H

#include <stdbool.h>

#include "graph/input.h"
#include "trace/writer.h"

struct cairn_graph_built;

/* Takes nodes, edges and roots out of `input`, whatever the result; its strings are borrowed until the built graph is freed.
 * `graph` is the number it will have in the trace. CAIRN_E_FORMAT when an edge or a root leads to no node. */
CAIRN_MUST_CHECK enum cairn_status cairn_graph_build(struct cairn_graph_input *input, uint32_t graph,
                                                     struct cairn_graph_built **built,
                                                     struct cairn_error *error);
void cairn_graph_built_free(struct cairn_graph_built *built);
const struct cairn_graph_info *cairn_graph_built_info(const struct cairn_graph_built *built);

/* Writes the next rows; false when there is nothing left to write (the graph's own row comes last). Failures of the writer
 * are its own: commit tells. Memory that ran out here is CAIRN_E_NOMEM in cairn_graph_built_status(). */
CAIRN_MUST_CHECK bool cairn_graph_built_write(struct cairn_graph_built *built, struct cairn_writer *writer);
enum cairn_status cairn_graph_built_status(const struct cairn_graph_built *built);

#endif
