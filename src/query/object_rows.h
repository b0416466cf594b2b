/* Rows of objects while they are collected. Internal to query. */
#ifndef CAIRN_QUERY_OBJECT_ROWS_H
#define CAIRN_QUERY_OBJECT_ROWS_H

#include "query/objects.h"

struct cairn_object_rows {
    struct cairn_graph *graph;
    struct cairn_objects made;
    size_t capacity, folded;
};

void cairn_object_rows_open(struct cairn_object_rows *rows, struct cairn_graph *graph);
/* Hands the rows over, or releases them after a failure; returns `status`. */
CAIRN_MUST_CHECK enum cairn_status cairn_object_rows_finish(struct cairn_object_rows *rows,
                                                            enum cairn_status status,
                                                            struct cairn_objects *objects);
CAIRN_MUST_CHECK enum cairn_status cairn_object_rows_add(struct cairn_object_rows *rows, uint32_t id,
                                                         bool has_edge, uint32_t label, int confidence,
                                                         struct cairn_error *error);
/* Rows of one list until there are `limit` of them (0: all). */
CAIRN_MUST_CHECK enum cairn_status cairn_object_rows_list(struct cairn_object_rows *rows,
                                                          enum cairn_graph_links kind, uint32_t list,
                                                          size_t offset, size_t limit, size_t *total,
                                                          struct cairn_error *error);

#endif
