#include "agent/stack_memory.h"

#include <errno.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/resource.h>

#include "agent/machine.h"
#include "agent/own.h"
#include "agent/seccomp_filter.h"

/* How far the main stack is taken to reach where it has no limit. */
#define UNLIMITED_STACK_BYTES (1ull << 30)

/* Size of the kernel's signal set, and a `how` that no version of sigprocmask has. */
#define KERNEL_SIGSET_BYTES 8
#define NO_SUCH_OPERATION   (-1)

struct cairn_stack_bounds cairn_main_stack;
static bool probing_works;

static uintptr_t page_end(uintptr_t address)
{
    return (address | (CAIRN_STACK_PAGE_BYTES - 1)) + 1;
}

/* The kernel copies the set in before it looks at `how`: EINVAL means that it could, EFAULT that it could not. Unlike
 * a pipe or process_vm_readv this needs no descriptor and passes every seccomp filter that lets C programs run. */
static long probe(uintptr_t address)
{
    if (cairn_seccomp_refuses(CAIRN_CALLS_PROBE)) {
        return -EFAULT;
    }
    return cairn_syscall4(SYS_rt_sigprocmask, NO_SUCH_OPERATION, (long)address, 0, KERNEL_SIGSET_BYTES);
}

/* The kernel lays the auxiliary vector's random bytes above the first frame, and keeps other mappings away from the
 * main stack by at least its limit at exec. */
void cairn_stack_memory_setup(void)
{
    const int kept_errno = errno;
    const uintptr_t high = getauxval(AT_RANDOM) & ~(uintptr_t)(sizeof(uintptr_t) - 1);
    struct rlimit limit;
    uintptr_t bytes = UNLIMITED_STACK_BYTES;
    if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur < UNLIMITED_STACK_BYTES) {
        bytes = limit.rlim_cur;
    }
    cairn_main_stack = (struct cairn_stack_bounds){.low = high > bytes ? high - bytes : 0, .high = high};
    /* Where a kernel looks at `how` first, nothing unknown is read; 8 is in the page that mmap_min_addr keeps empty. */
    probing_works = probe(high - KERNEL_SIGSET_BYTES) == -EINVAL && probe(8) == -EFAULT;
    errno = kept_errno;
}

void cairn_stack_memory_init(struct cairn_stack_memory *memory)
{
    const int kept_errno = errno;
    if (cairn_main_stack.high == 0) {
        cairn_stack_memory_setup();
    }
    *memory = (struct cairn_stack_memory){.thread = cairn_main_stack};
    const uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    pthread_attr_t attributes;
    cairn_own_begin();
    if (!(here >= cairn_main_stack.low && here < cairn_main_stack.high) &&
        !cairn_seccomp_refuses(CAIRN_CALLS_BOUNDS) && pthread_getattr_np(pthread_self(), &attributes) == 0) {
        void *low = NULL;
        size_t bytes = 0;
        if (pthread_attr_getstack(&attributes, &low, &bytes) == 0) {
            memory->thread = (struct cairn_stack_bounds){
                .low = (uintptr_t)low + (bytes > CAIRN_STACK_ROOM_BYTES ? CAIRN_STACK_ROOM_BYTES : 0),
                .high = (uintptr_t)low + bytes};
        }
        pthread_attr_destroy(&attributes);
    }
    cairn_own_end();
    errno = kept_errno;
}

static bool probe_page(struct cairn_stack_memory *memory, uintptr_t address)
{
    return probing_works && memory->pages_probed++ < CAIRN_PROBED_PAGES_MAX && probe(address) == -EINVAL;
}

bool cairn_stack_memory_enter_unknown(struct cairn_stack_memory *memory, uintptr_t sp)
{
    memory->low = 0;
    memory->high = 0;
    memory->probed = false;
    if (!probe_page(memory, sp & ~(uintptr_t)(sizeof(uintptr_t) - 1))) {
        return false;
    }
    memory->low = sp;
    memory->high = page_end(sp);
    memory->probed = true;
    return true;
}

bool cairn_stack_memory_has_room(void)
{
    const uintptr_t here = (uintptr_t)__builtin_frame_address(0) & ~(uintptr_t)(sizeof(uintptr_t) - 1);
    return probing_works && probe(here - CAIRN_STACK_ROOM_BYTES) == -EINVAL;
}

bool cairn_stack_memory_reach(struct cairn_stack_memory *memory, uintptr_t address)
{
    if (cairn_stack_memory_holds(memory, address)) {
        return true;
    }
    if (!memory->probed || address < memory->low || (address & (sizeof(uintptr_t) - 1)) != 0 ||
        !probe_page(memory, address)) {
        return false;
    }
    if (address >= memory->high && address < memory->high + CAIRN_STACK_PAGE_BYTES) {
        memory->high = page_end(address);
    }
    return true;
}

void cairn_stack_memory_move(struct cairn_stack_memory *memory, uintptr_t sp)
{
    memory->low = sp;
    if (memory->probed) {
        memory->high = page_end(sp - sizeof(uintptr_t));
    }
}

bool cairn_stack_memory_word_is_readable(const struct cairn_stack_memory *memory, uintptr_t address)
{
    const uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    const struct cairn_stack_bounds *stacks[] = {&memory->thread, &cairn_main_stack};
    for (size_t i = 0; i < sizeof stacks / sizeof stacks[0]; i++) {
        const bool on_it = here >= stacks[i]->low && here < stacks[i]->high;
        if (on_it && address >= here && address <= stacks[i]->high - sizeof(uintptr_t)) {
            return true;
        }
    }
    return probing_works && probe(address) == -EINVAL;
}
