/* cairn for target programs: named moments, snapshots, custom allocators, pauses.
 *
 * Header only, C and C++; nothing to link (before glibc 2.34: -ldl). In a program that is not being recorded every function
 * does nothing, at the cost of a test of one variable. Safe in any thread; not in signal handlers. */
#ifndef CAIRN_CAIRN_H
#define CAIRN_CAIRN_H

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the recorder offers. Later versions add members at the end and raise `size`. */
struct cairn_agent_interface {
    size_t size; /* of this struct, as the recorder has it */
    void (*mark)(const char *name);
    void (*snapshot)(const char *name);
    void (*graph)(const char *name);
    void (*pause)(void);
    void (*resume)(void);
    void (*block_alloc)(const void *block, size_t size);
    void (*block_free)(const void *block);
    void (*traced_bytes)(uint64_t *current, uint64_t *peak);
    void (*reset_peak)(void);
};

/* NULL where this program is not being recorded. The recorder is looked up by name at the first call: a weak symbol would
 * silently stay NULL in programs that are not position-independent. */
static inline const struct cairn_agent_interface *cairn_agent(void)
{
    static const struct cairn_agent_interface *found;
    static int looked_up;
    if (!__atomic_load_n(&looked_up, __ATOMIC_ACQUIRE)) {
        const struct cairn_agent_interface *agent =
            /* NULL is RTLD_DEFAULT, which strict language modes do not declare. */
            (const struct cairn_agent_interface *)dlsym(NULL, "cairn_agent_interface_1");
        if (!agent) {
            (void)dlerror(); /* frees the message about the missing name */
        }
        __atomic_store_n(&found, agent, __ATOMIC_RELAXED);
        __atomic_store_n(&looked_up, 1, __ATOMIC_RELEASE);
    }
    return __atomic_load_n(&found, __ATOMIC_RELAXED);
}

/* Names this moment: `@name` wherever cairn takes a time. */
static inline void cairn_mark(const char *name)
{
    const struct cairn_agent_interface *agent = cairn_agent();
    if (agent) {
        agent->mark(name);
    }
}

/* Takes a snapshot of the heap at this moment. `name` may be NULL. */
static inline void cairn_snapshot(const char *name)
{
    const struct cairn_agent_interface *agent = cairn_agent();
    if (agent) {
        agent->snapshot(name);
    }
}

/* Asks for a snapshot with the graph of objects. `name` may be NULL. */
static inline void cairn_graph(const char *name)
{
    const struct cairn_agent_interface *agent = cairn_agent();
    if (agent) {
        agent->graph(name);
    }
}

/* From here to cairn_resume() allocations of this process are not recorded; frees are. They do not nest. */
static inline void cairn_pause(void)
{
    const struct cairn_agent_interface *agent = cairn_agent();
    if (agent) {
        agent->pause();
    }
}

static inline void cairn_resume(void)
{
    const struct cairn_agent_interface *agent = cairn_agent();
    if (agent) {
        agent->resume();
    }
}

/* A custom allocator or pool hands out `block`: it is charged to the caller's caller like a malloc. Call it after the block
 * was taken, and cairn_block_free() before it is given back. NULL is no block. */
static inline void cairn_block_alloc(const void *block, size_t size)
{
    const struct cairn_agent_interface *agent = cairn_agent();
    if (agent && block) {
        agent->block_alloc(block, size);
    }
}

static inline void cairn_block_free(const void *block)
{
    const struct cairn_agent_interface *agent = cairn_agent();
    if (agent && block) {
        agent->block_free(block);
    }
}

/* Live heap bytes of this process and their peak, as the recorder knows them by now (it follows some milliseconds behind).
 * Either pointer may be NULL. Both are 0 when not recorded. */
static inline void cairn_traced_bytes(uint64_t *current, uint64_t *peak)
{
    const struct cairn_agent_interface *agent = cairn_agent();
    if (current) {
        *current = 0;
    }
    if (peak) {
        *peak = 0;
    }
    if (agent) {
        agent->traced_bytes(current, peak);
    }
}

/* The peak of cairn_traced_bytes() starts again at the present value. */
static inline void cairn_reset_peak(void)
{
    const struct cairn_agent_interface *agent = cairn_agent();
    if (agent) {
        agent->reset_peak();
    }
}

#ifdef __cplusplus
}
#endif

#endif
