/* Holds 1,000 bytes for a while, and 8 MiB more for a moment in its middle. */
#include <stdlib.h>
#include <unistd.h>

static void *volatile kept, *volatile sink;

int main(void)
{
    kept = malloc(1000);
    usleep(50000);
    sink = malloc(8 << 20);
    free(sink);
    usleep(50000);
    sink = malloc(10);
    return 0;
}
