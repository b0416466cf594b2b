/* flows FOLDER HOW: control goes where no call and no return leads.
 *   overflow  the stack ends; a handler on another one allocates and jumps out
 *   jump      longjmp over many frames, again and again
 *   contexts  two coroutines that hand over to each other
 *   cancel    threads cancelled wherever they are, in the middle of malloc too: with pool_malloc preloaded
 *   code      functions written at run time, without unwind tables or frame pointers, call malloc
 *
 * What must hold: the books, and that what is allocated afterwards has a stack of its own again: from main through
 * books_after, books_left or books_right alone. `cancel`: each cancelled thread may have one block more than it counted. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "../books.h"

__attribute__((noinline)) static void books_after(void)
{
    for (size_t i = 0; i < 1000; i++) {
        books_free(books_malloc(i), i);
    }
}

static sigjmp_buf place;

static void on_overflow(int number)
{
    (void)number;
    books_free(books_malloc(64), 64);
    siglongjmp(place, 1);
}

__attribute__((noinline)) static int overflow_deeper(volatile int *depth)
{
    volatile char room[256];
    room[0] = (char)*depth;
    (*depth)++;
    return *depth < 0 ? room[0] : overflow_deeper(depth) + room[0];
}

static int overflow(void)
{
    static char alternate[65536];
    const stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    struct sigaction action = {.sa_handler = on_overflow, .sa_flags = SA_ONSTACK};
    sigaltstack(&stack, NULL);
    sigaction(SIGSEGV, &action, NULL);
    volatile int depth = 0;
    if (sigsetjmp(place, 1) == 0) {
        return overflow_deeper(&depth) ? 4 : 5;
    }
    books_after();
    return 0;
}

__attribute__((noinline)) static void jump_deeper(volatile int depth)
{
    volatile char room[64];
    room[0] = (char)depth;
    books_free(books_malloc(16), 16);
    if (depth == 0) {
        siglongjmp(place, 1);
    }
    jump_deeper(depth - 1);
    room[1] = room[0];
}

static int jump(void)
{
    for (volatile int i = 0; i < 300; i++) {
        if (sigsetjmp(place, 0) == 0) {
            jump_deeper(i % 40);
        }
        books_after();
    }
    return 0;
}

static ucontext_t main_context, coroutines[2];
static int rounds;

__attribute__((noinline)) static void books_left(size_t size)
{
    books_free(books_malloc(size), size);
}

__attribute__((noinline)) static void books_right(size_t size)
{
    books_free(books_malloc(size), size);
}

static void coroutine(int self)
{
    while (rounds++ < 10000) {
        (self ? books_right : books_left)((size_t)rounds);
        swapcontext(&coroutines[self], &coroutines[1 - self]);
    }
    swapcontext(&coroutines[self], &main_context);
}

static int contexts(void)
{
    static char stacks[2][64 << 10];
    for (int i = 0; i < 2; i++) {
        getcontext(&coroutines[i]);
        coroutines[i].uc_stack.ss_sp = stacks[i];
        coroutines[i].uc_stack.ss_size = sizeof stacks[i];
        makecontext(&coroutines[i], (void (*)(void))coroutine, 1, i);
    }
    swapcontext(&main_context, &coroutines[0]);
    books_after();
    return 0;
}

static void *books_for_ever(void *unused)
{
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    while (!unused) {
        void *block = malloc(32);
        books_in(32);
        books_out(32);
        free(block);
    }
    return NULL;
}

static int cancel(void)
{
    for (int i = 0; i < 100; i++) {
        pthread_t id;
        if (pthread_create(&id, NULL, books_for_ever, NULL) != 0) {
            return 3;
        }
        usleep((useconds_t)(50 + i * 7));
        pthread_cancel(id);
        pthread_join(id, NULL);
    }
    books_after();
    return 0;
}

static void books_called(void)
{
    books_free(books_malloc(48), 48);
}

static int code(void)
{
    static const uint8_t bare[] = {0x48, 0x83, 0xec, 0x08, /* sub rsp, 8 */
                                   0xff, 0xd7,             /* call rdi */
                                   0x48, 0x83, 0xc4, 0x08, 0xc3};
    static const uint8_t misleading[] = {0x55,                                     /* push rbp */
                                         0x48, 0xc7, 0xc5, 0x39, 0x30, 0x00, 0x00, /* mov rbp, 12345 */
                                         0xff, 0xd7, 0x5d, 0xc3};
    uint8_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        return 77;
    }
    for (int i = 0; i < 2000; i++) {
        memcpy(page, i % 2 ? bare : misleading, i % 2 ? sizeof bare : sizeof misleading);
        void (*function)(void (*)(void));
        memcpy(&function, &page, sizeof function);
        function(books_called);
    }
    books_after();
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } ways[] = {
        {"overflow", overflow}, {"jump", jump}, {"contexts", contexts}, {"cancel", cancel}, {"code", code}};
    int status = 2;
    for (size_t i = 0; argc > 2 && i < sizeof ways / sizeof ways[0]; i++) {
        if (strcmp(argv[2], ways[i].name) == 0) {
            status = ways[i].run();
        }
    }
    books_write(argc > 1 ? argv[1] : NULL);
    return status;
}
