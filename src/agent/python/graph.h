/* The object graph of a Python program: taken by a still image of the process, which walks every object and tells the
 * collector, while the program goes on. */
#ifndef CAIRN_AGENT_PYTHON_GRAPH_H
#define CAIRN_AGENT_PYTHON_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

/* Needs the GIL. `name` may be "". Does nothing in recordings without graphs. */
void cairn_python_graph(const char *name);
/* The one at the end of the program, where the recording wants it and the process is worth one. */
void cairn_python_exit_graph(void);
/* The same where the program ends without the interpreter's own end (_exit), if the calling thread holds the lock. False
 * where there is no interpreter whose graphs are wanted. */
bool cairn_python_end_graph(void);
/* The collector asks, with that number: at the interpreter's next convenient moment. When it asks again (not `first`) its
 * first thread is busy with something else; then while any other thread of it allocates. False where there is no
 * interpreter whose graphs are wanted. */
bool cairn_python_graph_asked(uint32_t asked, bool first, bool allocates);

#endif
