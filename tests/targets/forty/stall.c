/* stall MILLISECONDS FILE: four threads allocate and free for so long; each notes the longest time between two of its
 * steps. Writes "steps N" and "longest_us N" into FILE, and a line "held WAITED QUEUED UNTIL" for each thread whose recorder died;
 * prints what does not depend on time.
 *
 * Of the step in which its recorder died: WAITED is how long the thread waited for room in its ring (the agent counts that where
 * both sides see it), QUEUED how long it was ready to run and had no processor, in nanoseconds; UNTIL is the clock at the step's end
 * (CLOCK_MONOTONIC).
 *
 * What must hold: it ends by itself and prints the same, whatever becomes of the recorder meanwhile. */
#include <fcntl.h>
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
    long steps, longest_ns;
    bool was_held;
    long waited_ns, queued_ns, until_ns;
};

static long milliseconds;
static struct worker workers[THREADS];
static const struct cairn_segment_header *segment; /* NULL: nobody records */

static long now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000 + now.tv_nsec;
}

/* How long the thread whose schedstat that is has stood ready without a processor so far. 0 where the kernel does not tell. */
static long queued_ns(int schedstat)
{
    char text[96];
    long queued = 0;
    const ssize_t got = pread(schedstat, text, sizeof text - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    sscanf(text, "%*d %ld", &queued);
    return queued;
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
    const int schedstat = ring ? open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC) : -1;
    long stalled = ring ? (long)ring->stalled_ns : 0, queued = ring ? queued_ns(schedstat) : 0;
    const long begun = now_ns();
    for (long last = begun, now; last < begun + milliseconds * 1000000; last = now) {
        for (int i = 0; i < 64; i++) {
            free(kept[i]);
            kept[i] = malloc(16 + (size_t)(self->steps * 7 % 500));
        }
        self->steps++;
        now = now_ns();
        self->longest_ns = most(self->longest_ns, now - last);
        if (ring) {
            const long stalled_before = stalled, queued_before = queued;
            stalled = (long)ring->stalled_ns;
            queued = queued_ns(schedstat);
            if (segment->collector_alive & FUTEX_OWNER_DIED) {
                self->was_held = true;
                self->waited_ns = stalled - stalled_before;
                self->queued_ns = queued - queued_before;
                self->until_ns = now;
                ring = NULL;
            }
        }
    }
    for (int i = 0; i < 64; i++) {
        free(kept[i]);
    }
    close(schedstat);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    long steps = 0, longest_ns = 0;
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
        steps += workers[i].steps;
        longest_ns = most(longest_ns, workers[i].longest_ns);
    }
    FILE *file = argc > 2 ? fopen(argv[2], "we") : NULL;
    for (int i = 0; file && i < THREADS; i++) {
        if (workers[i].was_held) {
            fprintf(file, "held %ld %ld %ld\n", workers[i].waited_ns, workers[i].queued_ns,
                    workers[i].until_ns);
        }
    }
    if (file) {
        fprintf(file, "steps %ld\nlongest_us %ld\n", steps, longest_ns / 1000);
        fclose(file);
    }
    printf("%d threads ended\n", THREADS);
    return 7;
}
