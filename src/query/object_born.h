/* Which objects of a list are new: those whose block was allocated at or after an event. */
#ifndef CAIRN_QUERY_OBJECT_BORN_H
#define CAIRN_QUERY_OBJECT_BORN_H

#include "query/objects.h"

/* As cairn_objects_list(), of those made by event `first` or later; offset and total count these alone. Looks at every object of
 * the list: a million take some tens of milliseconds. */
CAIRN_MUST_CHECK enum cairn_status cairn_objects_born(struct cairn_graph *graph, enum cairn_graph_links kind,
                                                      uint32_t list, uint64_t first, size_t offset,
                                                      size_t limit, struct cairn_objects *objects,
                                                      struct cairn_error *error);

#endif
