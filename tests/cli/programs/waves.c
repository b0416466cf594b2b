/* 300,000 events: three waves that allocate and free, each leaving 1,000 blocks of 64 bytes, with marks @one, @two, @three
 * behind them. */
#include <stdlib.h>

#include <cairn/cairn.h>

static void *volatile kept[3000];
static void *volatile sink;

__attribute__((noinline, noclone)) static void wave(int number)
{
    for (int i = 0; i < 50000; i++) {
        sink = malloc((size_t)(i % 500));
        free(sink);
    }
    for (int i = 0; i < 1000; i++) {
        kept[number * 1000 + i] = malloc(64);
    }
}

int main(void)
{
    static const char *const names[] = {"one", "two", "three"};
    for (int i = 0; i < 3; i++) {
        wave(i);
        cairn_mark(names[i]);
    }
    return 0;
}
