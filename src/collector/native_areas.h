/* Where a native program may keep what holds its blocks alive: data of modules, stacks, thread-local storage, and memory it
 * mapped by itself. What an allocator manages is none of them: old pointers lie there in what is free. */
#ifndef CAIRN_COLLECTOR_NATIVE_AREAS_H
#define CAIRN_COLLECTOR_NATIVE_AREAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "collector/image_memory.h"
#include "collector/native_blocks.h"
#include "collector/native_modules.h"
#include "collector/native_threads.h"

enum cairn_native_area_kind {
    CAIRN_AREA_DATA,
    CAIRN_AREA_REGISTERS,
    CAIRN_AREA_STACK,
    CAIRN_AREA_TLS,
    CAIRN_AREA_MAPPING,
    CAIRN_AREA_BEFORE, /* of an allocator, where no recorded block is: blocks from before the recording, or free memory */
};

struct cairn_native_area {
    uint64_t start, end;
    enum cairn_native_area_kind kind;
    struct cairn_native_module *module; /* DATA; borrowed */
    int32_t thread;                     /* REGISTERS, STACK, TLS: its tid, 0: not known */
};

struct cairn_native_areas {
    struct cairn_native_area *areas;
    size_t count, capacity;
    uint32_t whole_stacks; /* of threads whose stack pointer is not known */
};

/* Zero-initialised or found areas can be released. They borrow the modules. `has_unknown_blocks`: the program ran before it was
 * recorded, so that what lies between recorded blocks may hold them, too. */
CAIRN_MUST_CHECK enum cairn_status
cairn_native_areas_find(struct cairn_native_areas *areas, struct cairn_image_memory *memory,
                        const struct cairn_native_modules *modules, const struct cairn_native_blocks *blocks,
                        const struct cairn_native_threads *threads, bool has_unknown_blocks,
                        struct cairn_error *error);
void cairn_native_areas_release(struct cairn_native_areas *areas);

#endif
