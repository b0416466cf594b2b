/* Allocations that the agent itself causes in the C library, the loader or libunwind (dlsym's errors, dlopen): between
 * begin and end the calling thread's malloc, calloc, realloc, … come out of a private store and are never recorded.
 * Blocks of that store are recognised by their address for ever, whoever frees them. */
#ifndef CAIRN_AGENT_OWN_H
#define CAIRN_AGENT_OWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* They nest. */
void cairn_own_begin(void);
void cairn_own_end(void);

extern __thread unsigned cairn_own_depth __attribute__((visibility("hidden"), tls_model("initial-exec")));

/* Whether this thread is between the two. */
static inline bool cairn_own_active(void)
{
    return cairn_own_depth > 0;
}

/* Whether no thread is. */
bool cairn_own_is_idle(void);

/* Zeroed, and never moved. `alignment` is a power of two. NULL and ENOMEM: no room. */
void *cairn_own_allocate(size_t size, size_t alignment);
/* A small block is given out again. What the C library asks for a thread at a time (where its stack lies) comes back, or ten
 * thousand threads would need more than there is. May be called from anywhere. */
void cairn_own_free(void *block);
size_t cairn_own_size(const void *block);

#define CAIRN_OWN_BYTES (512u << 10)
extern uint8_t cairn_own_store[CAIRN_OWN_BYTES] __attribute__((visibility("hidden")));

static inline bool cairn_own_holds(const void *block)
{
    return (uintptr_t)block - (uintptr_t)cairn_own_store < CAIRN_OWN_BYTES;
}

#endif
