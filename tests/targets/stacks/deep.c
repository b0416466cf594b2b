/* A recursion of 100,000 frames that allocates on the way down and up, and one that stands at a depth and allocates there:
 * a stack is cut at the recorder's depth, its cost bounded by that. */
#include <stdio.h>
#include <stdlib.h>

#define NOINLINE __attribute__((noinline))

static unsigned long allocations;

NOINLINE static void touch(size_t size)
{
    void *volatile block = malloc(size);
    free(block);
    allocations++;
}

NOINLINE static unsigned descend(unsigned depth, unsigned step)
{
    if (depth == 0) {
        for (int i = 0; i < 100; i++) {
            touch(7);
        }
        return 1;
    }
    if (depth % step == 0) {
        touch(20);
    }
    const unsigned below = descend(depth - 1, step);
    if (depth % step == 1) {
        touch(21);
    }
    return below + 1;
}

int main(void)
{
    unsigned total = descend(100000, 1000);
    total += descend(1100, 1);
    for (unsigned depth = 0; depth < 40; depth++) {
        total += descend(depth, 3);
    }
    printf("%u frames, %lu allocations\n", total, allocations);
    return 0;
}
