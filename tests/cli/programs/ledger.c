/* Allocates known amounts, so that every number of an answer can be checked:
 *   keep   1,000 blocks of 100 bytes, all live at the end
 *   churn  5,000 blocks of 300 bytes, each freed at once: temporary
 *   grow   one block, reallocated from 10 to 10,000 bytes in 10 steps, live at the end
 *   burst  1 block of 8 MiB, freed before the end: the peak
 * With marks @kept (after keep) and @done (after everything). */
#include <stdlib.h>
#include <string.h>

#include <cairn/cairn.h>

#define NEVER_INLINE __attribute__((noinline, noclone))

static void *volatile kept[1000];
static void *volatile grown;
/* What is written here cannot be optimised away. */
static void *volatile sink;

NEVER_INLINE static void keep(void)
{
    for (int i = 0; i < 1000; i++) {
        kept[i] = malloc(100);
    }
}

NEVER_INLINE static void churn(void)
{
    for (int i = 0; i < 5000; i++) {
        sink = malloc(300);
        free(sink);
    }
}

NEVER_INLINE static void grow(void)
{
    grown = malloc(10);
    for (size_t size = 1000; size <= 10000; size += 1000) {
        grown = realloc(grown, size);
    }
}

NEVER_INLINE static void burst(void)
{
    sink = malloc(8 << 20);
    memset(sink, 1, 8 << 20);
    free(sink);
}

int main(int argc, char **argv)
{
    keep();
    cairn_mark("kept");
    churn();
    grow();
    burst();
    cairn_mark("done");
    return argc > 1 ? atoi(argv[1]) : 0;
}
