/* Where objects were allocated: from a row of a ranking, or a stack, to the objects of a graph that came from there. */
#ifndef CAIRN_QUERY_OBJECT_ORIGIN_H
#define CAIRN_QUERY_OBJECT_ORIGIN_H

#include "query/objects.h"
#include "query/selection.h"

/* The places meant: one stack, or, with stack 0, the site with that number under `selection`. Which objects: of all types,
 * however old, when zero-initialised. */
struct cairn_object_origin {
    uint32_t stack;
    int64_t site_id;
    const struct cairn_selection *selection; /* not needed with a stack */
    uint32_t type;                           /* number + 1 of the only one; 0: all */
    uint64_t first;                          /* made by that event or later; 0: all */
};

/* Marks the accounts meant: `*marks` has a byte for each of the `*count` accounts of the trace, 1 for those. The caller frees it. */
CAIRN_MUST_CHECK enum cairn_status cairn_origin_accounts(struct cairn_trace *trace,
                                                         const struct cairn_object_origin *origin,
                                                         uint8_t **marks, size_t *count,
                                                         struct cairn_error *error);
/* Whether an object of those accounts is of the type and the age that are meant. */
bool cairn_origin_takes(const struct cairn_object_origin *origin, const struct cairn_object *object);
/* As cairn_objects_list(): the objects of all accounts of that origin, largest retained size first. Where a type or an event is
 * named every object of those accounts is looked at. */
CAIRN_MUST_CHECK enum cairn_status cairn_objects_from(struct cairn_graph *graph,
                                                      const struct cairn_object_origin *origin, size_t offset,
                                                      size_t limit, struct cairn_objects *objects,
                                                      struct cairn_error *error);

#endif
