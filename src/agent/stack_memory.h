/* The memory a walk may read: the stack that the thread stands on now.
 *
 * A thread's own stack and the main thread's are known from end to end and stay mapped. Any other (coroutines, signal
 * stacks, raw clones) is asked of the kernel page by page, for one walk only: its owner may unmap it right after. */
#ifndef CAIRN_AGENT_STACK_MEMORY_H
#define CAIRN_AGENT_STACK_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/stack.h"

#define CAIRN_STACK_PAGE_BYTES 4096u

/* Pages asked for in one walk, at most. */
#define CAIRN_PROBED_PAGES_MAX 512u

/* So much of the stack that it stands on a walk may take itself, when it meets code for the first time. */
#define CAIRN_STACK_ROOM_BYTES 3072u

struct cairn_stack_memory {
    struct cairn_stack_bounds thread; /* without the last bytes of it, where a walk has no room */
    /* Of the walk under way: every byte in [low, high) may be read. */
    uintptr_t low, high;
    bool probed;           /* high may move outward by asking */
    uint32_t pages_probed; /* in this walk */
};

/* The first thread's stack: set once, before any walk, and mapped as long as the process lives. */
extern struct cairn_stack_bounds cairn_main_stack __attribute__((visibility("hidden")));

/* Process-wide, before the first init. */
void cairn_stack_memory_setup(void);
/* On the thread it is for. May allocate (glibc reads a thread's attributes so): not on the usual path. */
void cairn_stack_memory_init(struct cairn_stack_memory *memory);

/* Whether there is room for a walk below where the caller stands, which is no known stack. Signal stacks may be nearly full of what
 * the kernel saves there. */
bool cairn_stack_memory_has_room(void);

/* Whether the eight bytes at `address` may be read now, on whatever memory: for single words beside a walk. */
bool cairn_stack_memory_word_is_readable(const struct cairn_stack_memory *memory, uintptr_t address);

bool cairn_stack_memory_enter_unknown(struct cairn_stack_memory *memory, uintptr_t sp);
/* Makes [address, address + 8) readable where it can be known to be: for words beyond `high`. */
bool cairn_stack_memory_reach(struct cairn_stack_memory *memory, uintptr_t address);
/* Goes on at `sp`, outward on the same stack; the word below it has been reached. */
void cairn_stack_memory_move(struct cairn_stack_memory *memory, uintptr_t sp);

/* Goes on at `sp`, maybe on another stack. `false` when not even the word there can be read. */
static inline bool cairn_stack_memory_enter(struct cairn_stack_memory *memory, uintptr_t sp)
{
    const struct cairn_stack_bounds *bounds = &memory->thread;
    if (__builtin_expect(sp - bounds->low >= bounds->high - bounds->low, 0)) {
        bounds = &cairn_main_stack;
        if (sp - bounds->low >= bounds->high - bounds->low) {
            return cairn_stack_memory_enter_unknown(memory, sp);
        }
    }
    memory->low = sp;
    memory->high = bounds->high;
    memory->probed = false;
    return true;
}

/* Whether a walk has begun on a stack whose end is known, and is not near it. */
static inline bool cairn_stack_memory_is_known(const struct cairn_stack_memory *memory)
{
    return memory->high != 0 && !memory->probed;
}

static inline bool cairn_stack_memory_holds(const struct cairn_stack_memory *memory, uintptr_t address)
{
    return address >= memory->low && address < memory->high && memory->high - address >= sizeof(uintptr_t);
}

/* A new walk, from `sp` on. Where nothing may be read there, the walk will find no outer frame. */
static inline void cairn_stack_memory_begin(struct cairn_stack_memory *memory, uintptr_t sp)
{
    memory->pages_probed = 0;
    cairn_stack_memory_enter(memory, sp);
}

#endif
