/* The frames of one stack after another in a buffer that is kept. Internal to query. */
#ifndef CAIRN_QUERY_STACK_FRAMES_H
#define CAIRN_QUERY_STACK_FRAMES_H

#include "cairn/trace.h"

/* Zero-initialise. `frames[0 … count)` are innermost first, borrowed from the trace. */
struct cairn_stack_frames {
    const struct cairn_frame **frames;
    size_t count, capacity;
};

/* Fills it with the frames of `stack`; false when memory ran out. */
bool cairn_stack_frames_load(struct cairn_stack_frames *walk, struct cairn_trace *trace, uint32_t stack);
void cairn_stack_frames_release(struct cairn_stack_frames *walk);

#endif
