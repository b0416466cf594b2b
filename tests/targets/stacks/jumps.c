/* Stacks that are left sideways: longjmp over many frames, siglongjmp out of a signal handler, coroutines by
 * makecontext and swapcontext on heap memory and on mappings with guard pages that come and go. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define NOINLINE        __attribute__((noinline))
#define COROUTINES      4
#define COROUTINE_BYTES 65536u
#define PAGE_BYTES      4096u

static unsigned long allocations;

NOINLINE static void touch(size_t size)
{
    void *volatile block = malloc(size);
    free(block);
    allocations++;
}

static jmp_buf back;

NOINLINE static void dive(int depth, int jump_at)
{
    volatile char room[32];
    room[0] = (char)depth;
    touch(16 + (size_t)depth);
    if (depth == jump_at) {
        longjmp(back, 1);
    }
    if (depth < 100) {
        dive(depth + 1, jump_at);
    }
    touch((size_t)room[0]);
}

NOINLINE static void long_jumps(void)
{
    for (volatile int i = 0; i < 200; i++) {
        if (setjmp(back) == 0) {
            dive(0, i % 17);
        }
        touch(5);
    }
}

static sigjmp_buf out_of_handler;

static void handler(int number)
{
    touch((size_t)number);
    siglongjmp(out_of_handler, 1);
}

NOINLINE static void raises(int depth)
{
    touch(8);
    if (depth == 0) {
        raise(SIGUSR1);
    } else {
        raises(depth - 1);
    }
    touch(9);
}

NOINLINE static void signal_jumps(void)
{
    signal(SIGUSR1, handler);
    for (volatile int i = 0; i < 200; i++) {
        if (sigsetjmp(out_of_handler, 1) == 0) {
            raises(i % 11);
        }
        touch(6);
    }
}

static ucontext_t scheduler, coroutines[COROUTINES];
static int finished[COROUTINES];

NOINLINE static void yield_deep(int self, int depth)
{
    touch(24 + (size_t)depth);
    if (depth > 0) {
        yield_deep(self, depth - 1);
    } else {
        swapcontext(&coroutines[self], &scheduler);
    }
    touch(25);
}

static void body(int self)
{
    for (int i = 0; i < 5; i++) {
        yield_deep(self, (self + i) % 6);
        touch(7);
    }
    finished[self] = 1;
}

/* On the heap, or on a mapping of its own with an unreadable page on either side. */
static void *make_stack(int mapped)
{
    if (!mapped) {
        return malloc(COROUTINE_BYTES);
    }
    char *memory =
        mmap(NULL, COROUTINE_BYTES + 2 * PAGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(memory + PAGE_BYTES, COROUTINE_BYTES, PROT_READ | PROT_WRITE);
    return memory + PAGE_BYTES;
}

static void drop_stack(void *stack, int mapped)
{
    if (mapped) {
        munmap((char *)stack - PAGE_BYTES, COROUTINE_BYTES + 2 * PAGE_BYTES);
    } else {
        free(stack);
    }
}

NOINLINE static void run_coroutines(int mapped)
{
    void *stacks[COROUTINES];
    for (int i = 0; i < COROUTINES; i++) {
        stacks[i] = make_stack(mapped);
        finished[i] = 0;
        getcontext(&coroutines[i]);
        coroutines[i].uc_stack.ss_sp = stacks[i];
        coroutines[i].uc_stack.ss_size = COROUTINE_BYTES;
        coroutines[i].uc_link = &scheduler;
        makecontext(&coroutines[i], (void (*)(void))body, 1, i);
    }
    for (int left = COROUTINES; left > 0;) {
        for (int i = 0; i < COROUTINES; i++) {
            if (!finished[i]) {
                swapcontext(&scheduler, &coroutines[i]);
                touch(3);
                left -= finished[i];
            }
        }
    }
    for (int i = 0; i < COROUTINES; i++) {
        drop_stack(stacks[i], mapped);
    }
}

int main(void)
{
    long_jumps();
    signal_jumps();
    for (int i = 0; i < 30; i++) {
        run_coroutines(i & 1);
    }
    printf("%lu allocations\n", allocations);
    return 0;
}
