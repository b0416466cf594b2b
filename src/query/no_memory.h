/* The sentence when memory runs out. Internal to query. */
#ifndef CAIRN_QUERY_NO_MEMORY_H
#define CAIRN_QUERY_NO_MEMORY_H

#include "base/status.h"

/* Inline, so that analysers see that it never returns CAIRN_OK. */
static inline enum cairn_status cairn_no_memory(struct cairn_error *error, const char *what)
{
    cairn_fail(error, CAIRN_E_NOMEM, "out of memory for %s", what);
    return CAIRN_E_NOMEM;
}

#endif
