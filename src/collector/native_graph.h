/* The object graph of a native program, from a still image of it: live blocks are its nodes; what their requested bytes hold,
 * word by word, are its edges; data, stacks and thread-local storage are its roots. */
#ifndef CAIRN_COLLECTOR_NATIVE_GRAPH_H
#define CAIRN_COLLECTOR_NATIVE_GRAPH_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/status.h"
#include "collector/native_blocks.h"
#include "collector/native_threads.h"
#include "graph/input.h"

struct cairn_native_image {
    pid_t pid; /* stands still */
    const struct cairn_native_threads *threads;
    const struct cairn_native_blocks *blocks; /* live at that moment */
    bool has_unknown_blocks;                  /* others that live, too: it ran before it was recorded */
};

/* Fills nodes, edges and roots of `input` from the image. `whole_stacks` gets how many stacks had to be looked at from end
 * to end. Fails, with a sentence for the trace, where the image may not be read. */
CAIRN_MUST_CHECK enum cairn_status cairn_native_graph(struct cairn_graph_input *input,
                                                      const struct cairn_native_image *image,
                                                      uint32_t *whole_stacks, struct cairn_error *error);

#endif
