/* Which of a trace's object graphs is meant. */
#ifndef CAIRN_QUERY_GRAPH_CHOICE_H
#define CAIRN_QUERY_GRAPH_CHOICE_H

#include "cairn/graph.h"

/* Opens "2", a number as `cairn info` lists them, "@name", the last one of that name, or with NULL the last one. CAIRN_E_USAGE,
 * CAIRN_E_NOT_FOUND. */
CAIRN_MUST_CHECK enum cairn_status cairn_graph_choose(struct cairn_trace *trace, const char *text,
                                                      struct cairn_graph **graph, struct cairn_error *error);

#endif
