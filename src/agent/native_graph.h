/* The object graph of a native program: a still image of the process stands still while the collector reads its memory. A
 * program with a Python interpreter has its own (python/graph.h). */
#ifndef CAIRN_AGENT_NATIVE_GRAPH_H
#define CAIRN_AGENT_NATIVE_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

/* False, and nothing done, where the recording wants no graphs or an interpreter is there. `asked`, `sp` as for
 * cairn_graph_moment(). */
bool cairn_native_graph(const char *name, uint32_t asked, uintptr_t sp);
/* The one at the end of the program, where the recording wants it and the process is worth one. */
void cairn_native_exit_graph(uintptr_t sp);

#endif
