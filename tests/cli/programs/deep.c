/* Three branches of calls and a chain 60 calls deep below main. */
#include <stdlib.h>

#define NEVER_INLINE __attribute__((noinline, noclone))

static void *volatile sink;

NEVER_INLINE static void leaf(size_t size)
{
    sink = malloc(size);
}

NEVER_INLINE static void left(void)
{
    leaf(4000);
    sink = sink;
}

NEVER_INLINE static void middle(void)
{
    leaf(2000);
    sink = sink;
}

NEVER_INLINE static int chain(int depth)
{
    if (depth == 0) {
        leaf(1000);
        return 1;
    }
    return chain(depth - 1) + 1;
}

int main(void)
{
    left();
    middle();
    return chain(60) == 61 ? 0 : 1;
}
