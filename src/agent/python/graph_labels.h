/* What stands beside an object's type: how long a container is, what a type is called, and, where the user asked for them, short
 * values. Used in a still image only. */
#ifndef CAIRN_AGENT_PYTHON_GRAPH_LABELS_H
#define CAIRN_AGENT_PYTHON_GRAPH_LABELS_H

#include <stddef.h>
#include <stdint.h>

#include "agent/python/graph_objects.h"

#define CAIRN_GRAPH_VALUE_MAX 96u /* bytes of a value's text, at most */

/* The label's string number, 0 for none. `flags` are those of the object's type. */
uint32_t cairn_graph_label(const struct cairn_graph_objects *objects, uintptr_t object, unsigned long flags);
/* The text of a built-in str, bytes, number or bool into `out` (CAIRN_GRAPH_VALUE_MAX bytes of room); long ones are cut and
 * end with "…". Returns its length, 0 for all other objects and where values are nobody's business. */
size_t cairn_graph_value(const struct cairn_graph_objects *objects, uintptr_t object, unsigned long flags,
                         char *out);

#endif
