/* unwinding FOLDER: cancels threads in the middle of everything, jumps between contexts, overflows a stack that has an
 * alternate one.
 *
 * What must hold: it ends with 0, and no call stands still. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <ucontext.h>

#include "books.h"

static void *allocate_for_ever(void *unused)
{
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL);
    while (!unused) {
        free(malloc(100));
        pthread_testcancel();
    }
    return NULL;
}

static void cancel_some(void)
{
    for (int i = 0; i < 50; i++) {
        pthread_t id;
        if (pthread_create(&id, NULL, allocate_for_ever, NULL) != 0) {
            exit(3);
        }
        usleep(200);
        pthread_cancel(id);
        pthread_join(id, NULL);
    }
}

static ucontext_t main_context, coroutines[2];
static char *coroutine_stacks[2];
static int rounds;

static void coroutine(int self)
{
    while (rounds++ < 10000) {
        free(malloc((size_t)rounds));
        swapcontext(&coroutines[self], &coroutines[1 - self]);
    }
    swapcontext(&coroutines[self], &main_context);
}

static void switch_contexts(void)
{
    for (int i = 0; i < 2; i++) {
        coroutine_stacks[i] = malloc(64 << 10);
        getcontext(&coroutines[i]);
        coroutines[i].uc_stack.ss_sp = coroutine_stacks[i];
        coroutines[i].uc_stack.ss_size = 64 << 10;
        makecontext(&coroutines[i], (void (*)(void))coroutine, 1, i);
    }
    swapcontext(&main_context, &coroutines[0]);
    free(coroutine_stacks[0]);
    free(coroutine_stacks[1]);
}

static sigjmp_buf after_overflow;

static void on_overflow(int number)
{
    (void)number;
    free(malloc(64));
    siglongjmp(after_overflow, 1);
}

__attribute__((noinline)) static int overflow(volatile int *depth)
{
    volatile char room[256];
    room[0] = (char)*depth;
    (*depth)++;
    return *depth < 0 ? room[0] : overflow(depth) + room[0];
}

static void overflow_the_stack(void)
{
    static char alternate[65536];
    const stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    struct sigaction action = {.sa_handler = on_overflow, .sa_flags = SA_ONSTACK};
    sigaltstack(&stack, NULL);
    sigaction(SIGSEGV, &action, NULL);
    volatile int depth = 0;
    if (sigsetjmp(after_overflow, 1) == 0) {
        exit(overflow(&depth) ? 4 : 5);
    }
}

int main(void)
{
    cancel_some();
    switch_contexts();
    overflow_the_stack();
    for (int i = 0; i < 1000; i++) {
        free(malloc((size_t)i));
    }
    return 0;
}
