/* hungry FILE: takes memory a MiB at a time and touches it, until somebody kills the program for it. FILE, which outlives it,
 * has a uint64: the calls of hungry_site() that returned.
 *
 * What must hold: at most one more is recorded. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static __attribute__((noinline)) char *hungry_site(void)
{
    char *volatile block = malloc(1 << 20);
    return block;
}

int main(int argc, char **argv)
{
    const int file = argc > 1 ? open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600) : -1;
    if (file < 0 || ftruncate(file, sizeof(uint64_t)) != 0) {
        return 2;
    }
    volatile uint64_t *counter = mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    for (;;) {
        char *block = hungry_site();
        (*counter)++;
        if (!block) {
            return 3;
        }
        memset(block, 1, 1 << 20);
    }
}
