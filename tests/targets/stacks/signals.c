/* Signal handlers that allocate: on the same stack, on an alternate one, nested, and at instructions a timer picks
 * (prologues, epilogues, leaves, linkage tables). The interrupted frame carries its exact pc. Nothing here interrupts
 * the allocator itself. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

#define NOINLINE __attribute__((noinline))

static volatile sig_atomic_t handled;

NOINLINE static void touch(size_t size)
{
    void *volatile block = malloc(size);
    free(block);
}

NOINLINE static void deeper(int depth)
{
    volatile char room[24];
    room[0] = (char)depth;
    if (depth > 0) {
        deeper(depth - 1);
    }
    touch((size_t)(16 + room[0]));
}

static void on_user(int number)
{
    handled++;
    deeper(number % 3 + 1);
}

static void on_nested(int number)
{
    handled++;
    touch((size_t)number);
    raise(SIGUSR1);
    touch(12);
}

NOINLINE static void raises(int number, int depth)
{
    touch(40);
    if (depth > 0) {
        raises(number, depth - 1);
    } else {
        raise(number);
    }
    touch(41);
}

NOINLINE static int faults(const int *nowhere)
{
    int value;
    __asm__ volatile("movl (%1), %0" : "=a"(value) : "D"(nowhere));
    return value + 1;
}

/* Lets the load that faulted be made again, from somewhere. */
static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)info;
    static const int somewhere = 41;
    ucontext_t *interrupted = context;
    deeper(number % 4);
    interrupted->uc_mcontext.gregs[REG_RDI] = (greg_t)&somewhere;
}

static void on_timer(int number)
{
    handled++;
    deeper(number & 1);
}

/* Small frames, leaves, calls through the linkage table: everywhere a timer may strike. */
NOINLINE static unsigned mix(unsigned value)
{
    return value * 2654435761u ^ value >> 7;
}

NOINLINE static unsigned recurse(unsigned depth, unsigned value)
{
    return depth == 0 ? mix(value) : mix(recurse(depth - 1, value + 1)) + depth;
}

static unsigned long work(void)
{
    struct itimerval often = {.it_interval = {.tv_usec = 150}, .it_value = {.tv_usec = 150}};
    const struct itimerval never = {0};
    setitimer(ITIMER_REAL, &often, NULL);
    unsigned long sum = 0;
    char text[200];
    const int until = handled + 600;
    struct timespec begin, now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        sum += recurse((unsigned)sum % 20, (unsigned)sum);
        memset(text, (int)sum, sizeof text - 1);
        text[sizeof text - 1] = '\0';
        sum += strlen(text) + (unsigned long)abs((int)sum % 5) + (unsigned long)atoi("12");
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (handled < until && now.tv_sec - begin.tv_sec < 10);
    setitimer(ITIMER_REAL, &never, NULL);
    return sum != 0;
}

static void install(int number, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigaction(number, &action, NULL);
}

int main(void)
{
    static char alternate[65536];
    const stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    sigaltstack(&stack, NULL);
    struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &fault, NULL);
    unsigned long total = 0;
    for (int on_alternate = 0; on_alternate < 2; on_alternate++) {
        const int flags = SA_RESTART | (on_alternate ? SA_ONSTACK : 0);
        install(SIGUSR1, on_user, 0);
        install(SIGUSR2, on_nested, flags);
        install(SIGALRM, on_timer, flags);
        for (int i = 0; i < 60; i++) {
            raises(i & 1 ? SIGUSR1 : SIGUSR2, i % 9);
            touch(13);
        }
        total += (unsigned long)faults(NULL);
        total += work();
        touch(14);
    }
    printf("%lu\n", total);
    return 0;
}
