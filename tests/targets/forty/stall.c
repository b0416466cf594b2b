/* stall MILLISECONDS FILE: four threads allocate and free for so long; each notes the longest time between two of its
 * steps. Writes "steps N", "longest_us N", "held_us N" into FILE; prints what does not depend on time.
 *
 * held_us is how long a thread waited at most, in the step in which its recorder died, for room in its ring: the agent counts
 * that where both sides see it. 0 without a recorder, or where it did not die.
 *
 * What must hold: it ends by itself and prints the same, whatever becomes of the recorder meanwhile. */
#include <linux/futex.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "wire/ring.h"

#define THREADS 4

struct worker {
    long steps, longest_us, held_us;
};

static long milliseconds;
static struct worker workers[THREADS];
static const struct cairn_segment_header *segment; /* NULL: nobody records */

static long now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void find_segment(void)
{
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && fgets(line, sizeof line, maps)) {
        unsigned long low;
        if (strstr(line, "memfd:cairn") && sscanf(line, "%lx", &low) == 1) {
            segment = (const struct cairn_segment_header *)low;
            break;
        }
    }
    if (maps) {
        fclose(maps);
    }
}

/* The calling thread's, which it has from its first allocation on. */
static const struct cairn_ring_control *own_ring(void)
{
    for (uint32_t i = 0; segment && i < CAIRN_RINGS_PER_SEGMENT; i++) {
        if (segment->rings[i].tid == (int)syscall(SYS_gettid)) {
            return &segment->rings[i];
        }
    }
    return NULL;
}

static long most(long a, long b)
{
    return a > b ? a : b;
}

static void *work(void *state)
{
    struct worker *self = state;
    void *kept[64] = {malloc(1)};
    const struct cairn_ring_control *ring = own_ring();
    uint64_t stalled_ns = ring ? ring->stalled_ns : 0;
    const long begun = now_us();
    for (long last = begun, now; last < begun + milliseconds * 1000; last = now) {
        for (int i = 0; i < 64; i++) {
            free(kept[i]);
            kept[i] = malloc(16 + (size_t)(self->steps * 7 % 500));
        }
        self->steps++;
        now = now_us();
        self->longest_us = most(self->longest_us, now - last);
        if (ring) {
            const uint64_t waited_ns = ring->stalled_ns - stalled_ns;
            stalled_ns += waited_ns;
            if (segment->collector_alive & FUTEX_OWNER_DIED) {
                self->held_us = (long)(waited_ns / 1000);
                ring = NULL;
            }
        }
    }
    for (int i = 0; i < 64; i++) {
        free(kept[i]);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    struct worker all = {.steps = 0};
    milliseconds = argc > 1 ? atol(argv[1]) : 100;
    free(malloc(1));
    find_segment();
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0) {
            return 1;
        }
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        all.steps += workers[i].steps;
        all.longest_us = most(all.longest_us, workers[i].longest_us);
        all.held_us = most(all.held_us, workers[i].held_us);
    }
    FILE *file = argc > 2 ? fopen(argv[2], "we") : NULL;
    if (file) {
        fprintf(file, "steps %ld\nlongest_us %ld\nheld_us %ld\n", all.steps, all.longest_us, all.held_us);
        fclose(file);
    }
    printf("%d threads ended\n", THREADS);
    return 7;
}
