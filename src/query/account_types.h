/* Which type an account's blocks are of, where an object graph tells. Internal to query.
 *
 * A graph knows single objects, an account is a stack. Most stacks make objects of one type; where one makes several, all of it
 * counts for the type that most of its bytes are of. The last graph of each process is asked. */
#ifndef CAIRN_QUERY_ACCOUNT_TYPES_H
#define CAIRN_QUERY_ACCOUNT_TYPES_H

#include "cairn/graph.h"

struct cairn_account_type {
    const char *name; /* owned by the types */
    int lang;
};

struct cairn_account_types {
    size_t account_count;
    uint32_t *of;                    /* by account − 1: a type's number, 1 …; 0: none is known */
    struct cairn_account_type *rows; /* by number − 1, in order of name */
    size_t count;
    struct cairn_arena texts;
};

/* CAIRN_E_NOT_FOUND where the trace holds no graph. */
CAIRN_MUST_CHECK enum cairn_status cairn_account_types_read(struct cairn_trace *trace,
                                                            struct cairn_account_types *types,
                                                            struct cairn_error *error);
void cairn_account_types_release(struct cairn_account_types *types);

#endif
