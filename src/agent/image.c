#include "agent/image.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "agent/machine.h"
#include "agent/memory.h"
#include "agent/patch.h"
#include "agent/process.h"
#include "agent/real.h"
#include "agent/thread.h"

/* A child that hangs (an object's own code, a lock it meets) ends by itself. */
#define LIFE_SECONDS 60
#define IMAGES_MAX   64u

static _Atomic int32_t images[IMAGES_MAX];

/* --- The child's allocator: only ever forward, nothing is given back. Its size stands before a block. --- */

#define AREA_BYTES ((size_t)4 << 20)

static uint8_t *area;
static size_t area_left;

static void *image_malloc(size_t size)
{
    const size_t needed = (size + 16 + 15) & ~(size_t)15;
    if (needed < size) {
        return NULL;
    }
    if (needed > area_left) {
        const size_t bytes = needed > AREA_BYTES ? (needed + 4095) & ~(size_t)4095 : AREA_BYTES;
        uint8_t *fresh = cairn_memory_map(bytes);
        if (!fresh) {
            return NULL;
        }
        area = fresh;
        area_left = bytes;
    }
    uint8_t *block = area + 16;
    memcpy(area, &size, sizeof size);
    /* Marks the block as ours: no block of the C library has this in front. */
    memcpy(area + 8, &(const void *){image_malloc}, sizeof(void *));
    area += needed;
    area_left -= needed;
    return block;
}

static void *image_calloc(size_t count, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? NULL : image_malloc(bytes);
}

static size_t image_size(void *block)
{
    const void *mark;
    size_t size;
    memcpy(&mark, (uint8_t *)block - 8, sizeof mark);
    memcpy(&size, (uint8_t *)block - 16, sizeof size);
    return mark == (const void *)image_malloc ? size : malloc_usable_size(block);
}

static void *image_realloc(void *block, size_t size)
{
    void *moved = image_malloc(size);
    if (moved && block) {
        const size_t old = image_size(block);
        memcpy(moved, block, old < size ? old : size);
    }
    return moved;
}

static void image_free(void *block)
{
    (void)block;
}

/* The default action, whatever the target does with SIGALRM; and the only signal that gets through. */
static void default_alarm(void)
{
    struct {
        void *handler;
        unsigned long flags;
        void *restorer;
        uint64_t mask;
    } action = {.handler = SIG_DFL};
    const uint64_t all_but_alarm = ~(1ull << (SIGALRM - 1));
    cairn_syscall4(SYS_rt_sigaction, SIGALRM, (long)&action, 0, sizeof action.mask);
    cairn_syscall4(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all_but_alarm, 0, sizeof all_but_alarm);
}

static void no_core(void)
{
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};
    cairn_syscall4(SYS_prlimit64, 0, RLIMIT_CORE, (long)&none, 0);
}

/* Where memory runs out it is the image that the system ends, not the program. */
static void be_first_to_go(void)
{
    const long fd =
        cairn_syscall4(SYS_openat, AT_FDCWD, (long)"/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC, 0);
    if (!cairn_syscall_failed(fd)) {
        cairn_syscall3(SYS_write, fd, (long)"1000", 4);
        cairn_syscall3(SYS_close, fd, 0, 0);
    }
}

static void become_image(void)
{
    struct cairn_process *process = cairn_process_here();
    if (process) {
        atomic_store_explicit(&process->state, CAIRN_PROCESS_OVER, memory_order_relaxed);
    }
    cairn_patch_keep();
    cairn_thread_abandon();
    /* Whoever waits for the end of what the target writes must not wait for the image. */
    cairn_syscall3(SYS_close_range, 0, ~0u, 0);
    cairn_real.malloc = image_malloc;
    cairn_real.calloc = image_calloc;
    cairn_real.realloc = image_realloc;
    cairn_real.free = image_free;
    cairn_real.plain = (struct cairn_plain_functions){.malloc = NULL}; /* nobody goes past these */
    default_alarm();
    no_core();
    be_first_to_go();
    const struct itimerval life = {.it_value = {.tv_sec = LIFE_SECONDS}};
    cairn_syscall3(SYS_setitimer, ITIMER_REAL, (long)&life, 0);
}

long cairn_image_clone(void)
{
    cairn_image_reap();
    const long pid = cairn_syscall6(SYS_clone, 0, 0, 0, 0, 0, 0);
    if (pid == 0) {
        become_image();
    } else if (pid > 0) {
        for (uint32_t i = 0; i < IMAGES_MAX; i++) {
            int32_t free_place = 0;
            if (atomic_compare_exchange_strong_explicit(&images[i], &free_place, (int32_t)pid,
                                                        memory_order_relaxed, memory_order_relaxed)) {
                break;
            }
        }
    }
    return pid;
}

uint32_t cairn_image_serial(void)
{
    static _Atomic uint32_t serials;
    return atomic_fetch_add_explicit(&serials, 1, memory_order_relaxed) + 1;
}

_Noreturn void cairn_image_end(void)
{
    for (;;) {
        cairn_syscall3(SYS_exit_group, 0, 0, 0);
    }
}

void cairn_image_reap(void)
{
    for (uint32_t i = 0; i < IMAGES_MAX; i++) {
        const int32_t pid = atomic_load_explicit(&images[i], memory_order_relaxed);
        if (pid > 0 && cairn_syscall4(SYS_wait4, pid, 0, (long)(__WCLONE | WNOHANG), 0) != 0) {
            atomic_store_explicit(&images[i], 0, memory_order_relaxed);
        }
    }
}
