/* burst FILE THREADS: threads allocate and free as fast as they can until somebody kills the program. FILE, which outlives it,
 * has a uint64 a thread: the allocations of burst_site() that returned. Of what was recorded when the program is killed, each
 * thread may have one more than it could count, never one less. */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define COUNTER_GAP 8 /* uint64: a cache line each */

static __attribute__((noinline)) void *burst_site(size_t size)
{
    void *volatile block = malloc(size);
    return block;
}

static void *burst(void *state)
{
    volatile uint64_t *counter = state;
    void *kept[64] = {NULL};
    for (uint64_t i = 0;; i++) {
        free(kept[i % 64]);
        kept[i % 64] = burst_site(16 + i * 7 % 500);
        *counter = i + 1;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    const int threads = argc > 2 ? atoi(argv[2]) : 1;
    const size_t size = (size_t)threads * COUNTER_GAP * sizeof(uint64_t);
    const int file = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || ftruncate(file, (off_t)size) != 0) {
        return 1;
    }
    uint64_t *counters = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (counters == MAP_FAILED) {
        return 1;
    }
    for (int i = 0; i < threads; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, burst, counters + (size_t)i * COUNTER_GAP) != 0) {
            return 1;
        }
    }
    pause();
    return 0;
}
