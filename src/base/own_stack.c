#include "base/own_stack.h"

#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <ucontext.h>
#include <unistd.h>

#define ENOUGH_BYTES ((size_t)2 << 20) /* glibc's choice for threads where there is no limit */

/* makecontext() passes numbers only. */
static struct call {
    int (*work)(int argc, char **argv);
    int argc;
    char **argv;
    int result;
} call;

static void make_call(void)
{
    call.result = call.work(call.argc, call.argv);
}

static void enlarge_those_of_threads(void)
{
    pthread_attr_t usual;
    size_t bytes;
    if (pthread_getattr_default_np(&usual) != 0) {
        return;
    }
    if (pthread_attr_getstacksize(&usual, &bytes) == 0 && bytes < ENOUGH_BYTES &&
        pthread_attr_setstacksize(&usual, ENOUGH_BYTES) == 0) {
        pthread_setattr_default_np(&usual);
    }
    pthread_attr_destroy(&usual);
}

/* NULL when memory ran out. The lowest page catches what goes too deep. */
static void *map_stack(void)
{
    void *stack = mmap(NULL, ENOUGH_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) {
        return NULL;
    }
    mprotect(stack, (size_t)sysconf(_SC_PAGESIZE), PROT_NONE);
    return stack;
}

int cairn_own_stack_run(int (*work)(int argc, char **argv), int argc, char **argv)
{
    struct rlimit limit;
    enlarge_those_of_threads();
    if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= ENOUGH_BYTES) {
        return work(argc, argv);
    }
    static ucontext_t here, there;
    void *stack = map_stack();
    if (!stack || getcontext(&there) != 0) {
        return work(argc, argv);
    }
    call = (struct call){.work = work, .argc = argc, .argv = argv};
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = ENOUGH_BYTES;
    there.uc_link = &here;
    makecontext(&there, make_call, 0);
    if (swapcontext(&here, &there) != 0) {
        return work(argc, argv);
    }
    return call.result; /* the stack stays mapped: the process ends */
}
