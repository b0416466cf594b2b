/* Ordinary frames of every shape: recursion (direct and mutual), inlined leaves, alloca and variable-length arrays whose
 * old slots stay behind, tail calls, frames larger than 64 KiB, realigned frames. Every allocation's stack must be what
 * libunwind says, in whatever order the shapes follow each other. */
#include <alloca.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline))

static unsigned long seed = 1, allocations;

static unsigned long roll(unsigned long below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

static inline __attribute__((always_inline)) void touch(size_t size)
{
    volatile char *block = malloc(size);
    block[0] = 1;
    free((void *)block);
    allocations++;
}

NOINLINE static void plain(unsigned depth);
NOINLINE static void any(unsigned depth);

NOINLINE static void leaf(unsigned depth)
{
    touch(10 + depth);
}

NOINLINE static void two_sites(unsigned depth)
{
    touch(20);
    if (depth > 0) {
        any(depth - 1);
    }
    touch(30);
}

NOINLINE static void plain(unsigned depth)
{
    if (depth > 0) {
        any(depth - 1);
    }
    leaf(depth);
    __asm__ volatile("");
}

/* The frame's size changes from call to call: what an earlier, deeper call left in the same slots looks like frames. */
NOINLINE static void with_alloca(unsigned depth)
{
    const size_t size = 16 + roll(40) * 16;
    volatile char *room = alloca(size);
    room[0] = room[size - 1] = (char)depth;
    if (depth > 0) {
        any(depth - 1);
    }
    touch(size);
    if (roll(2)) {
        room = alloca(48);
        room[0] = 1;
        leaf(1);
    }
}

NOINLINE static void with_array(unsigned depth)
{
    const size_t count = 1 + roll(64);
    volatile long values[count];
    values[0] = values[count - 1] = (long)depth;
    touch(count);
    if (depth > 0) {
        any(depth - 1);
    }
}

NOINLINE static void tail_caller(unsigned depth)
{
    if (depth > 0) {
        any(depth - 1);
    }
    leaf(depth); /* a jump where the compiler makes tail calls */
}

NOINLINE static void large(unsigned depth)
{
    volatile char room[70000];
    room[0] = room[sizeof room - 1] = (char)depth;
    if (depth > 0) {
        any(depth - 1);
    }
    touch(40);
}

NOINLINE static void realigned(unsigned depth)
{
    alignas(64) volatile char room[128];
    room[0] = room[127] = (char)((size_t)room & 63);
    if (depth > 0) {
        any(depth - 1);
    }
    touch(50);
}

/* Realigned and with alloca: the CFA itself is saved in the frame. */
NOINLINE static void realigned_alloca(unsigned depth)
{
    alignas(32) volatile char room[64];
    volatile char *more = alloca(32 + roll(10) * 32);
    room[0] = more[0] = (char)depth;
    if (depth > 0) {
        any(depth - 1);
    }
    touch(60);
}

NOINLINE static void many_arguments(unsigned depth, long a, long b, long c, long d, long e, long f, long g,
                                    long h)
{
    volatile long sum = a + b + c + d + e + f + g + h;
    if (depth > 0) {
        any(depth - 1);
    }
    touch((size_t)sum);
}

NOINLINE static void pushes_arguments(unsigned depth)
{
    many_arguments(depth, 1, 2, 3, 4, 5, 6, 7, (long)depth);
    __asm__ volatile("");
}

static int by_depth(const void *a, const void *b)
{
    touch(5);
    return *(const int *)a - *(const int *)b;
}

/* Through the C library and back. */
NOINLINE static void through_qsort(unsigned depth)
{
    int values[] = {5, 3, (int)depth, 1, 4};
    qsort(values, 5, sizeof values[0], by_depth);
    if (depth > 0) {
        any(depth - 1);
    }
}

NOINLINE static void any(unsigned depth)
{
    static void (*const shapes[])(unsigned) = {
        leaf,          two_sites, plain,     with_alloca,      with_array,
        tail_caller,   large,     realigned, realigned_alloca, pushes_arguments,
        through_qsort,
    };
    shapes[roll(sizeof shapes / sizeof shapes[0])](depth);
    __asm__ volatile("");
}

int main(void)
{
    for (int i = 0; i < 4000; i++) {
        any((unsigned)roll(30));
    }
    printf("%lu allocations\n", allocations);
    return 0;
}
