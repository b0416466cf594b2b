/* Where objects were allocated: from a row of a ranking, or a stack, to the objects of a graph that came from there. */
#ifndef CAIRN_QUERY_OBJECT_ORIGIN_H
#define CAIRN_QUERY_OBJECT_ORIGIN_H

#include "query/objects.h"
#include "query/selection.h"

/* The places meant: one stack, or, with stack 0, the site with that number under `selection`. */
struct cairn_object_origin {
    uint32_t stack;
    int64_t site_id;
    const struct cairn_selection *selection; /* not needed with a stack */
};

/* As cairn_objects_list(): the objects of all accounts of that origin, largest retained size first. */
CAIRN_MUST_CHECK enum cairn_status cairn_objects_from(struct cairn_graph *graph,
                                                      const struct cairn_object_origin *origin, size_t offset,
                                                      size_t limit, struct cairn_objects *objects,
                                                      struct cairn_error *error);

#endif
