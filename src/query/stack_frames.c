#include "query/stack_frames.h"

#include <stdlib.h>

#define FIRST_CAPACITY 256u

static bool make_room(struct cairn_stack_frames *walk, size_t capacity)
{
    const struct cairn_frame **frames = realloc(walk->frames, capacity * sizeof(const struct cairn_frame *));
    if (!frames) {
        return false;
    }
    walk->frames = frames;
    walk->capacity = capacity;
    return true;
}

bool cairn_stack_frames_load(struct cairn_stack_frames *walk, struct cairn_trace *trace, uint32_t stack)
{
    if (!walk->frames && !make_room(walk, FIRST_CAPACITY)) {
        return false;
    }
    walk->count = cairn_trace_stack_frames(trace, stack, walk->frames, walk->capacity);
    if (walk->count > walk->capacity) {
        if (!make_room(walk, walk->count)) {
            return false;
        }
        walk->count = cairn_trace_stack_frames(trace, stack, walk->frames, walk->capacity);
    }
    return true;
}

void cairn_stack_frames_release(struct cairn_stack_frames *walk)
{
    free(walk->frames);
    *walk = (struct cairn_stack_frames){.frames = NULL};
}
