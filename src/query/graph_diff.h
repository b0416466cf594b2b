/* What changed between two graphs of one process, by type: objects are told apart by the serial number of their block. */
#ifndef CAIRN_QUERY_GRAPH_DIFF_H
#define CAIRN_QUERY_GRAPH_DIFF_H

#include "cairn/graph.h"

struct cairn_graph_diff_row {
    const char *type; /* borrowed from the graphs */
    int lang;
    int64_t a_count, b_count, delta_count, delta_bytes; /* bytes: shallow */
    int64_t born, gone, survived;
};

struct cairn_graph_diff {
    struct cairn_graph_diff_row *rows; /* by |delta_bytes|, then by delta_count, then by name */
    size_t row_count;
    int64_t a_objects, b_objects, a_bytes, b_bytes;
};

CAIRN_MUST_CHECK enum cairn_status cairn_graph_diff(struct cairn_graph *a, struct cairn_graph *b,
                                                    struct cairn_graph_diff *diff, struct cairn_error *error);
void cairn_graph_diff_release(struct cairn_graph_diff *diff);

#endif
