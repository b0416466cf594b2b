/* The moment of an object graph, native or Python: the other threads are held where they are, a still image is made, and the
 * program goes on while the image tells what there is. Where no image can be made the program itself stands still until all
 * is told. */
#ifndef CAIRN_AGENT_GRAPH_MOMENT_H
#define CAIRN_AGENT_GRAPH_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/thread.h"

/* How one kind of graph is told. `prepare` notes down what only the program itself knows, with the other threads held;
 * `tell` then runs in a still image, which ends when it returns, or (`in_place`) in the program. */
struct cairn_graph_teller {
    void (*prepare)(struct cairn_graph_teller *teller, uint32_t serial);
    void (*tell)(const struct cairn_graph_teller *teller, bool in_place);
    bool image_only; /* the program is in the middle of something */
    bool at_end;     /* the program ends right after */
};

/* `asked`: the number of the collector's request, 0: the program asks itself. `sp` as for events. */
void cairn_graph_moment(const char *name, uint32_t asked, uintptr_t sp, struct cairn_graph_teller *teller);

/* Whether the recording wants graphs of that kind (enum cairn_option_bits) of this process. */
bool cairn_graph_wanted(uint32_t option);
/* Whether the graph at the end of this process is to be taken now: once, where the recording wants it, and the process is
 * its first, lived a while, or is a large one. */
bool cairn_graph_take_end(void);
/* The process ends without the C library's exit. */
void cairn_graph_at_end(uintptr_t sp);

/* The collector asks for a graph; called by whichever thread comes first, right before it records `draft`. */
void cairn_graph_answer(const struct cairn_draft *draft, uintptr_t sp);

#endif
