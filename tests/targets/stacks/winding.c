/* Recursion that goes another way each time, far deeper than stacks are kept, with allocations at all depths on the way in and out. */
#include <stdio.h>
#include <stdlib.h>

#define NOINLINE __attribute__((noinline))
#define WAYS     5u

static unsigned long allocations;
static unsigned seed = 7;

static unsigned roll(unsigned below)
{
    seed = seed * 1103515245u + 12345u;
    return (seed >> 16) % below;
}

NOINLINE static void touch(size_t size)
{
    void *volatile block = malloc(size);
    free(block);
    allocations++;
}

static unsigned wind(unsigned depth);

#define WAY(number)                                                                                          \
    NOINLINE static unsigned way_##number(unsigned depth)                                                    \
    {                                                                                                        \
        volatile char room[16 * (number) + 16];                                                              \
        room[number] = (char)depth;                                                                          \
        if (roll(3) == 0) {                                                                                  \
            touch(10 + (number));                                                                            \
        }                                                                                                    \
        const unsigned below = wind(depth);                                                                  \
        if (roll(4) == 0) {                                                                                  \
            touch(20 + (number));                                                                            \
        }                                                                                                    \
        return below + 1 + (unsigned)(room[number] & 0);                                                     \
    }
WAY(0)
WAY(1)
WAY(2)
WAY(3)
WAY(4)

NOINLINE static unsigned wind(unsigned depth)
{
    static unsigned (*const ways[WAYS])(unsigned) = {way_0, way_1, way_2, way_3, way_4};
    if (depth == 0) {
        touch(30);
        return 1;
    }
    unsigned frames = 0;
    if (roll(100) == 0) {
        frames = ways[roll(WAYS)](roll(depth)); /* a branch that ends somewhere */
    }
    return frames + ways[roll(WAYS)](depth - 1 - (depth > 1 ? roll(2) : 0));
}

int main(int argc, char **argv)
{
    const unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 6;
    unsigned frames = 0;
    for (unsigned i = 0; i < rounds; i++) {
        frames += wind(100 + 200 * i);
    }
    printf("%u frames, %lu allocations\n", frames, allocations);
    return 0;
}
