/* The Python frames of a thread, read from the interpreter's own structs: about 15 ns a frame the first time, and less
 * where frames outer to a change were seen before (validated, never assumed). */
#ifndef CAIRN_AGENT_PYTHON_FRAMES_H
#define CAIRN_AGENT_PYTHON_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/python/layout.h"

/* Deeper stacks are cut at the outer end. */
#define CAIRN_PYTHON_DEPTH_MAX 4096u

struct cairn_python_frame {
    uintptr_t frame, previous, code;
    uintptr_t lasti; /* as it stands in memory */
    uint32_t node;   /* the caller's: what it made of this frame and all outer ones */
    uint32_t number; /* the caller's: of the code; 0: not asked for */
    uint32_t offset; /* of the instruction, bytes from the code's first; or CAIRN_PYTHON_NOT_BEGUN */
};

/* One thread's frames, outermost first. Zeroed memory is an empty one. */
struct cairn_python_frames {
    uint32_t count; /* frames of the last walk */
    uint32_t kept;  /* of them, how many are as they were in the walk before: their nodes still hold */
    uint32_t
        dropped; /* frames beyond the outermost one, as far as they were counted; 0: the stack is whole */
    uint16_t hints[256];
    struct cairn_python_frame frames[CAIRN_PYTHON_DEPTH_MAX];
    /* Of the walk under way, innermost first, and the one that is looked at. */
    struct cairn_python_frame fresh[CAIRN_PYTHON_DEPTH_MAX + 1];
};

/* Walks from `thread_state` (may be 0: no frames). Keeps at most `max_depth` innermost frames (stack_cut.h); those that
 * are not Python code, or not begun, are left out. */
void cairn_python_frames_walk(struct cairn_python_frames *frames, const struct cairn_python_layout *layout,
                              uintptr_t thread_state, uintptr_t code_type, uint32_t max_depth);

/* Nothing kept holds any more: a new ring, nodes numbered anew, a code object that was freed. */
void cairn_python_frames_forget(struct cairn_python_frames *frames);

#endif
