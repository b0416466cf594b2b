/* Who made the objects of a type. Native blocks have no other type than their size: the function that allocated most of
 * their bytes says what they are. */
#ifndef CAIRN_VIEW_TYPE_MAKERS_H
#define CAIRN_VIEW_TYPE_MAKERS_H

#include "cairn/graph.h"

struct cairn_type_maker {
    uint32_t function; /* 0: not known */
    bool alone;        /* it made nearly all of them */
};

/* `*makers`: one a type, by its number; the caller frees them. */
CAIRN_MUST_CHECK enum cairn_status
cairn_type_makers(struct cairn_graph *graph, struct cairn_type_maker **makers, struct cairn_error *error);

/* The function charged for an account's blocks; NULL where it is not known. Its name is borrowed from the trace. */
const char *cairn_maker_of_account(struct cairn_trace *trace, const struct cairn_account *account);

#endif
