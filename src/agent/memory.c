#include "agent/memory.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/machine.h"
#include "agent/seccomp_filter.h"

#define PAGE_BYTES 4096u
#define AREAS_MAX  8192u /* later ones stay where they are */

/* What is mapped now; `bytes` is set after `start` was claimed. */
static struct {
    _Atomic uintptr_t start;
    _Atomic size_t bytes;
} areas[AREAS_MAX];

static void remember(uintptr_t start, size_t bytes)
{
    for (uint32_t i = 0; start && i < AREAS_MAX; i++) {
        uintptr_t nobody = 0;
        if (atomic_compare_exchange_strong_explicit(&areas[i].start, &nobody, start, memory_order_relaxed,
                                                    memory_order_relaxed)) {
            atomic_store_explicit(&areas[i].bytes, bytes, memory_order_relaxed);
            return;
        }
    }
}

static void forget(uintptr_t start)
{
    for (uint32_t i = 0; i < AREAS_MAX; i++) {
        if (atomic_load_explicit(&areas[i].start, memory_order_relaxed) == start) {
            atomic_store_explicit(&areas[i].bytes, 0, memory_order_relaxed);
            atomic_store_explicit(&areas[i].start, 0, memory_order_relaxed);
            return;
        }
    }
}

static void *map(void *where, size_t bytes, int flags, int fd)
{
    const long memory =
        cairn_syscall6(SYS_mmap, (long)where, (long)bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
    return cairn_syscall_failed(memory) ? NULL : (void *)memory;
}

void *cairn_memory_map(size_t bytes)
{
    if (cairn_seccomp_refuses(CAIRN_CALLS_MAP)) {
        return NULL;
    }
    void *memory = map(NULL, bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    remember((uintptr_t)memory, bytes);
    return memory;
}

void *cairn_memory_map_wiped(size_t bytes)
{
    void *memory = cairn_memory_map(bytes);
    if (memory &&
        cairn_syscall_failed(cairn_syscall3(SYS_madvise, (long)memory, (long)bytes, MADV_WIPEONFORK))) {
        cairn_memory_unmap(memory, bytes);
        return NULL;
    }
    return memory;
}

void cairn_memory_wipe(void *memory, size_t bytes)
{
    /* The kernel keeps the pages of a program that has locked its memory. */
    if (cairn_syscall_failed(cairn_syscall3(SYS_madvise, (long)memory, (long)bytes, MADV_DONTNEED))) {
        memset(memory, 0, bytes);
    }
}

void *cairn_memory_map_shared(int fd, size_t bytes, void *where)
{
    void *memory = map(where, bytes, MAP_SHARED | (where ? MAP_FIXED : 0), fd);
    if (memory) {
        cairn_syscall3(SYS_madvise, (long)memory, (long)bytes, MADV_DONTDUMP);
    }
    return memory;
}

void cairn_memory_replace(void *memory, size_t bytes)
{
    map(memory, bytes, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1);
}

void cairn_memory_unmap(void *memory, size_t bytes)
{
    if (memory && !cairn_seccomp_refuses(CAIRN_CALLS_UNMAP)) {
        forget((uintptr_t)memory);
        cairn_syscall3(SYS_munmap, (long)memory, (long)bytes, 0);
    }
}

void cairn_memory_give_up(void)
{
    for (uint32_t i = 0; i < AREAS_MAX; i++) {
        const uintptr_t start = atomic_load_explicit(&areas[i].start, memory_order_relaxed);
        const size_t bytes = atomic_load_explicit(&areas[i].bytes, memory_order_relaxed);
        if (start && bytes) {
            cairn_syscall3(SYS_munmap, (long)start, (long)bytes, 0);
        }
    }
}

static _Atomic bool may_not_ask;

void cairn_memory_ask_no_more(void)
{
    atomic_store_explicit(&may_not_ask, true, memory_order_relaxed);
}

bool cairn_memory_is_readable(const uintptr_t *word)
{
    if (atomic_load_explicit(&may_not_ask, memory_order_relaxed) ||
        cairn_seccomp_refuses(CAIRN_CALLS_PROBE)) {
        return true;
    }
    /* The kernel copies the signal set before it finds that there is no such operation. */
    return cairn_syscall4(SYS_rt_sigprocmask, -1, (long)word, 0, sizeof *word) != -EFAULT;
}

bool cairn_memory_texts_are_readable(char *const *list)
{
    uintptr_t list_page = UINTPTR_MAX, text_page = UINTPTR_MAX; /* the last ones that were found to be */
    for (; list; list++) {
        if ((uintptr_t)list / PAGE_BYTES != list_page &&
            !cairn_memory_is_readable((const uintptr_t *)(const void *)list)) {
            return false;
        }
        list_page = (uintptr_t)list / PAGE_BYTES;
        if (!*list) {
            break;
        }
        if ((uintptr_t)*list / PAGE_BYTES != text_page &&
            !cairn_memory_is_readable((const uintptr_t *)((uintptr_t)*list & ~(uintptr_t)7))) {
            return false;
        }
        text_page = (uintptr_t)*list / PAGE_BYTES;
    }
    return true;
}
