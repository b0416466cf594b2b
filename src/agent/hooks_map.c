/* Address space: mappings and the program break, never mixed into heap bytes. What the C library and the loader map for
 * themselves does not pass here, nor do the agent's own pages. */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/event.h"
#include "agent/machine.h"
#include "agent/own.h"
#include "agent/python/allocators.h"
#include "agent/real.h"

#define PAGE_BYTES 4096u

/* Not what the agent maps; and nothing where the program brings a malloc of its own: that maps while it holds its locks, and
 * what an event may ask of the C library (where a stack ends) would call it again. */
static inline bool is_told(void)
{
    return !cairn_own_active() && !cairn_real.free_of_program;
}

static void *map(void *address, size_t length, int prot, int flags, int fd, off_t offset,
                 const struct cairn_registers *at)
{
    cairn_real_resolve();
    void *memory = cairn_real.mmap(address, length, prot, flags, fd, offset);
    if (memory == MAP_FAILED || !is_told()) {
        return memory;
    }
    if (cairn_python_depth > 0) {
        const struct cairn_draft arena = {.kind = CAIRN_RECORD_ALLOC,
                                          .domain = CAIRN_DOMAIN_PYTHON_ARENA,
                                          .words = 2,
                                          .node_word = 0,
                                          .word = {(uintptr_t)memory, length}};
        cairn_event_record(&arena, at, at->sp);
    } else {
        const struct cairn_draft draft = {
            .kind = CAIRN_RECORD_MAP,
            .words = 3,
            .node_word = 0,
            .word = {(uintptr_t)memory, length, (uint32_t)prot | (uint64_t)(uint32_t)flags << 32}};
        cairn_event_record(&draft, at, at->sp);
    }
    return memory;
}

CAIRN_HOOK void *mmap(void *address, size_t length, int prot, int flags, int fd, off_t offset)
{
    const struct cairn_registers at = CAIRN_CALLER();
    return map(address, length, prot, flags, fd, offset, &at);
}

CAIRN_HOOK void *mmap64(void *address, size_t length, int prot, int flags, int fd, off64_t offset)
{
    const struct cairn_registers at = CAIRN_CALLER();
    return map(address, length, prot, flags, fd, offset, &at);
}

/* Told before the call, so that whoever is given the range next is told later. The call can then fail only for want of
 * kernel memory (the limit of mappings), and the recording says so. */
CAIRN_HOOK int munmap(void *address, size_t length)
{
    const struct cairn_registers at = CAIRN_CALLER();
    cairn_real_resolve();
    const bool sound = length > 0 && ((uintptr_t)address & (PAGE_BYTES - 1)) == 0 && is_told();
    if (sound && cairn_python_depth > 0) {
        const struct cairn_draft arena = {.kind = CAIRN_RECORD_FREE,
                                          .domain = CAIRN_DOMAIN_PYTHON_ARENA,
                                          .words = 1,
                                          .node_word = CAIRN_NODE_NOWHERE,
                                          .word = {(uintptr_t)address}};
        cairn_event_record(&arena, NULL, at.sp);
    } else if (sound) {
        const struct cairn_draft draft = {.kind = CAIRN_RECORD_UNMAP,
                                          .words = 2,
                                          .node_word = CAIRN_NODE_NOWHERE,
                                          .word = {(uintptr_t)address, length}};
        cairn_event_record(&draft, NULL, at.sp);
    }
    const int status = cairn_real.munmap(address, length);
    if (sound && status != 0) {
        cairn_event_text(CAIRN_TEXT_NOTE,
                         "a munmap failed after it was recorded: mapped bytes are shown too low", 0, at.sp);
    }
    return status;
}

CAIRN_HOOK void *mremap(void *address, size_t old_length, size_t new_length, int flags, ...)
{
    const struct cairn_registers at = CAIRN_CALLER();
    va_list arguments;
    va_start(arguments, flags);
    void *wanted = (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) ? va_arg(arguments, void *) : NULL;
    va_end(arguments);
    cairn_real_resolve();
    void *memory = cairn_real.mremap(address, old_length, new_length, flags, wanted);
    if (memory == MAP_FAILED || !is_told()) {
        return memory;
    }
    /* The old range stays where it was asked to, or where a shared mapping was doubled (old length 0). */
    const bool is_new = (flags & MREMAP_DONTUNMAP) || old_length == 0;
    const struct cairn_draft moved = {
        .kind = CAIRN_RECORD_REMAP,
        .words = 4,
        .node_word = 2,
        .word = {(uintptr_t)address, old_length, (uintptr_t)memory, new_length}};
    const struct cairn_draft added = {.kind = CAIRN_RECORD_MAP,
                                      .words = 3,
                                      .node_word = 0,
                                      .word = {(uintptr_t)memory, new_length, PROT_READ | PROT_WRITE}};
    cairn_event_record(is_new ? &added : &moved, &at, at.sp);
    return memory;
}

static void record_break(uintptr_t position, const struct cairn_registers *at)
{
    if (!is_told()) {
        return;
    }
    const struct cairn_draft draft = {
        .kind = CAIRN_RECORD_BREAK, .words = 2, .node_word = 1, .word = {position}};
    cairn_event_record(&draft, at, at->sp);
}

/* The collector takes the first record for the start: where the break stood before the first change. */
static void record_start_of_break(uintptr_t position, const struct cairn_registers *at)
{
    static _Atomic bool told;
    if (!atomic_exchange_explicit(&told, true, memory_order_relaxed)) {
        record_break(position, at);
    }
}

CAIRN_HOOK int brk(void *address)
{
    const struct cairn_registers at = CAIRN_CALLER();
    cairn_real_resolve();
    record_start_of_break((uintptr_t)cairn_real.sbrk(0), &at);
    const int status = cairn_real.brk(address);
    if (status == 0) {
        record_break((uintptr_t)address, &at);
    }
    return status;
}

CAIRN_HOOK void *sbrk(intptr_t increment)
{
    const struct cairn_registers at = CAIRN_CALLER();
    cairn_real_resolve();
    void *former = cairn_real.sbrk(increment);
    if (increment != 0 && former != (void *)-1) {
        record_start_of_break((uintptr_t)former, &at);
        record_break((uintptr_t)former + (uintptr_t)increment, &at);
    }
    return former;
}
