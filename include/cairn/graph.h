/* Reading object graphs: which object keeps which other one alive.
 *
 * A graph is never read whole. Looking at one object, or at a page of a list, decodes chunks of a few kilobytes, which stay in
 * a bounded cache. Numbers that come out of here lead to things that are there: a damaged graph is CAIRN_E_FORMAT. A handle
 * belongs to the trace it was opened on: close it before the trace is closed or refreshed. */
#ifndef CAIRN_GRAPH_H
#define CAIRN_GRAPH_H

#include "base/arena.h"
#include "cairn/trace.h"
#include "trace/graph_rows.h"

/* Every graph of the trace, by number. Borrowed from the trace. */
CAIRN_MUST_CHECK enum cairn_status cairn_trace_graphs(struct cairn_trace *trace,
                                                      const struct cairn_graph_info **rows, size_t *count,
                                                      struct cairn_error *error);

struct cairn_graph;
/* `number` 0: the one taken last. CAIRN_E_NOT_FOUND names those that are there. */
CAIRN_MUST_CHECK enum cairn_status cairn_graph_open(struct cairn_trace *trace, uint32_t number,
                                                    struct cairn_graph **graph, struct cairn_error *error);
void cairn_graph_close(struct cairn_graph *graph); /* tolerates NULL */
const struct cairn_graph_info *cairn_graph_about(const struct cairn_graph *graph);
struct cairn_trace *cairn_graph_trace(const struct cairn_graph *graph);

/* Types by number, which is by retained size, largest first. Loaded once, borrowed from the graph. */
CAIRN_MUST_CHECK enum cairn_status cairn_graph_types(struct cairn_graph *graph,
                                                     const struct cairn_graph_type **rows, size_t *count,
                                                     struct cairn_error *error);
/* Sums by account, type and class, in that order. Loaded once, borrowed from the graph. */
CAIRN_MUST_CHECK enum cairn_status cairn_graph_accounts(struct cairn_graph *graph,
                                                        const struct cairn_graph_account **rows,
                                                        size_t *count, struct cairn_error *error);
/* Its texts are borrowed from the graph. */
CAIRN_MUST_CHECK enum cairn_status cairn_graph_root(struct cairn_graph *graph, uint32_t root,
                                                    struct cairn_graph_root_row *row,
                                                    struct cairn_error *error);
CAIRN_MUST_CHECK enum cairn_status cairn_graph_object(struct cairn_graph *graph, uint32_t id,
                                                      struct cairn_object *object, struct cairn_error *error);
/* The object at that address, or the one that it lies in. */
CAIRN_MUST_CHECK enum cairn_status cairn_graph_find(struct cairn_graph *graph, uint64_t address, uint32_t *id,
                                                    struct cairn_error *error);
/* Links offset … of a list, at most `capacity`, largest retained size first; `total` is the whole list's length. */
CAIRN_MUST_CHECK enum cairn_status cairn_graph_links(struct cairn_graph *graph, enum cairn_graph_links kind,
                                                     uint32_t list, size_t offset, struct cairn_link *links,
                                                     size_t capacity, size_t *count, size_t *total,
                                                     struct cairn_error *error);
/* A copy in `arena`. */
CAIRN_MUST_CHECK enum cairn_status cairn_graph_string(struct cairn_graph *graph, uint32_t number,
                                                      struct cairn_arena *arena, const char **text,
                                                      struct cairn_error *error);
/* Chunk 0, 1, 2, … of the identities: ascending by type, then by key. `count` 0: there are no more. The caller frees
 * `*keys`. */
CAIRN_MUST_CHECK enum cairn_status cairn_graph_keys(struct cairn_graph *graph, uint32_t chunk,
                                                    struct cairn_graph_key **keys, size_t *count,
                                                    struct cairn_error *error);

#endif
