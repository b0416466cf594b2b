/* What is known of the threads of a still image: where their stacks begin, and what their registers held. */
#ifndef CAIRN_COLLECTOR_NATIVE_THREADS_H
#define CAIRN_COLLECTOR_NATIVE_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/held_threads.h"
#include "wire/session.h"

#define CAIRN_RED_ZONE_BYTES 128u /* a function may use them without moving the stack pointer */

struct cairn_native_thread {
    int32_t tid;
    uint64_t handle;      /* where the C library keeps it: above its stack */
    uint64_t stack;       /* the lowest address in use; 0: not known */
    bool saves_registers; /* CAIRN_SESSION_IMAGE_REGISTERS words at `stack` are its registers */
    const uint64_t
        *registers; /* CAIRN_HELD_REGISTERS of them, borrowed from the held threads; NULL: not known */
    uint64_t code;  /* the instruction that it stands before, where the registers are known */
};

struct cairn_native_threads {
    struct cairn_native_thread *list;
    size_t count, capacity;
    bool complete; /* no other thread lived */
};

/* From what the image says of itself and from what was held; `held` is borrowed. False without memory. */
bool cairn_native_threads_build(struct cairn_native_threads *threads, const struct cairn_session_image *image,
                                const struct cairn_held_threads *held);
void cairn_native_threads_release(struct cairn_native_threads *threads);

/* The thread whose stack pointer, or whose handle, is in start … end; NULL when there is none. */
const struct cairn_native_thread *cairn_native_threads_by_stack(const struct cairn_native_threads *threads,
                                                                uint64_t start, uint64_t end);
const struct cairn_native_thread *cairn_native_threads_by_handle(const struct cairn_native_threads *threads,
                                                                 uint64_t start, uint64_t end);

#endif
