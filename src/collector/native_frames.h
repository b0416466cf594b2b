/* The calls that a still image's threads stand in: where on its stack each one's frame lies, and in which code. By libdw,
 * from call frame information; a stack's rest without it stays unknown. */
#ifndef CAIRN_COLLECTOR_NATIVE_FRAMES_H
#define CAIRN_COLLECTOR_NATIVE_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "collector/image_memory.h"
#include "collector/native_modules.h"
#include "collector/native_threads.h"

struct cairn_native_frame {
    uint64_t low, high; /* of the stack, the return address of the call included */
    uint64_t code;      /* an address in the instruction that runs or calls */
};

struct cairn_native_frames {
    struct cairn_native_frame *list; /* ascending */
    size_t count, capacity;
};

/* Finds what it can: where that is nothing, the list is empty. Zero-initialised or found frames can be released. */
void cairn_native_frames_find(struct cairn_native_frames *frames, struct cairn_image_memory *memory,
                              const struct cairn_native_modules *modules,
                              const struct cairn_native_threads *threads);
void cairn_native_frames_release(struct cairn_native_frames *frames);

/* The frame that `address` of a stack is a part of, or NULL. */
const struct cairn_native_frame *cairn_native_frames_at(const struct cairn_native_frames *frames,
                                                        uint64_t address);

#endif
