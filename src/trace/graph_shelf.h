/* BLOBs of an object graph that are encoded and wait for the trace's writer. So a thread without a writer can encode what another
 * one, which has it, puts into the file. Every shelf is one thread's at a time. */
#ifndef CAIRN_TRACE_GRAPH_SHELF_H
#define CAIRN_TRACE_GRAPH_SHELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "trace/graph_rows.h"

struct cairn_writer;
struct cairn_graph_shelf;

/* For BLOBs of the graph with that number; NULL when memory ran out. */
struct cairn_graph_shelf *cairn_graph_shelf_new(uint32_t graph);
/* Tolerates NULL. */
void cairn_graph_shelf_free(struct cairn_graph_shelf *shelf);

/* Each adds one chunk, counted from 0; false when memory ran out: then the graph is not whole any more. */

/* CAIRN_GRAPH_CHUNK_ROWS objects in every chunk but the last. */
CAIRN_MUST_CHECK bool cairn_graph_shelve_objects(struct cairn_graph_shelf *shelf, uint32_t chunk,
                                                 const struct cairn_object *objects, size_t count);
/* CAIRN_GRAPH_CHUNK_ROWS lists in every chunk but the last; list i is links[first[i] … first[i + 1]). */
CAIRN_MUST_CHECK bool cairn_graph_shelve_links(struct cairn_graph_shelf *shelf, enum cairn_graph_links kind,
                                               uint32_t chunk, const uint32_t *first, size_t lists,
                                               const struct cairn_link *links);
/* CAIRN_GRAPH_CHUNK_STRINGS strings in every chunk but the last. */
CAIRN_MUST_CHECK bool cairn_graph_shelve_strings(struct cairn_graph_shelf *shelf, uint32_t chunk,
                                                 const char *const *strings, size_t count);
/* At most CAIRN_GRAPH_PART_KEYS keys; ascending by type, then by key, over all chunks. */
CAIRN_MUST_CHECK bool cairn_graph_shelve_keys(struct cairn_graph_shelf *shelf, uint32_t chunk,
                                              const struct cairn_graph_key *keys, size_t count);

/* Writes what was added first and was not written yet, about a millisecond's worth; false when nothing is left. Failures of the
 * writer are its own: commit tells. */
bool cairn_writer_graph_shelved(struct cairn_writer *writer, struct cairn_graph_shelf *shelf);

#endif
