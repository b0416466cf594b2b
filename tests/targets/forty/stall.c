/* stall MILLISECONDS FILE: four threads allocate and free for so long; each notes the longest time between two of its
 * steps. Writes "steps N", "longest_us N" into FILE; prints what does not depend on time.
 *
 * What must hold: it ends by itself and prints the same, whatever becomes of the recorder meanwhile. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define THREADS 4

static long milliseconds;
static long steps[THREADS], longest_us[THREADS];

static long now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void *work(void *state)
{
    const long self = (long *)state - steps;
    void *kept[64] = {NULL};
    const long begun = now_us();
    for (long last = begun, now; last < begun + milliseconds * 1000; last = now) {
        for (int i = 0; i < 64; i++) {
            free(kept[i]);
            kept[i] = malloc(16 + (size_t)(steps[self] * 7 % 500));
        }
        steps[self]++;
        now = now_us();
        longest_us[self] = now - last > longest_us[self] ? now - last : longest_us[self];
    }
    for (int i = 0; i < 64; i++) {
        free(kept[i]);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    long all = 0, longest = 0;
    milliseconds = argc > 1 ? atol(argv[1]) : 100;
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, work, &steps[i]) != 0) {
            return 1;
        }
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        all += steps[i];
        longest = longest_us[i] > longest ? longest_us[i] : longest;
    }
    FILE *file = argc > 2 ? fopen(argv[2], "we") : NULL;
    if (file) {
        fprintf(file, "steps %ld\nlongest_us %ld\n", all, longest);
        fclose(file);
    }
    printf("%d threads ended\n", THREADS);
    return 7;
}
