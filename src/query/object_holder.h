/* Which one object most of the heap hangs on: what a user who asks "what holds the memory" wants to hear first. */
#ifndef CAIRN_QUERY_OBJECT_HOLDER_H
#define CAIRN_QUERY_OBJECT_HOLDER_H

#include "query/objects.h"

/* From the roots down the dominator tree, always to the child that retains most, for as long as it retains nearly all of what
 * its parent does: the last one is where the memory spreads out. Of a linked list it is the head. */
struct cairn_object_holder {
    bool found; /* it retains a tenth of the heap or more */
    uint32_t id;
    int64_t retained_bytes;
    double percent; /* of the whole heap's shallow bytes */
};
CAIRN_MUST_CHECK enum cairn_status
cairn_object_holder(struct cairn_graph *graph, struct cairn_object_holder *holder, struct cairn_error *error);

#endif
