/* Malloc and free pairs at a chosen stack depth: what a recorder costs, measured from inside.
 *
 *   pairs --pairs N --depth D --live L --threads T --paths P --sizes S
 *
 * D frames of recursion stand still; below them each pair is made through three frames picked by the pair's path number, one
 * of P. L blocks are alive at any time: a pair frees the oldest and makes a new one of 16 bytes or more, of S sizes (512, a
 * power of two). Prints one line: nanoseconds a pair, pairs, seconds, peak resident KiB, when it ended (CLOCK_MONOTONIC). */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

struct job {
    uint64_t pairs, live, paths, sizes;
    uint64_t depth;
    void **blocks;
    uint64_t next, seed;
    double seconds;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

__attribute__((noinline)) static void pair(struct job *job)
{
    job->seed = job->seed * 6364136223846793005u + 1442695040888963407u;
    const size_t size = 16 + ((job->seed >> 40) & (job->sizes - 1));
    void **slot = &job->blocks[job->next];
    job->next = job->next + 1 == job->live ? 0 : job->next + 1;
    free(*slot);
    *slot = malloc(size);
    *(volatile char *)*slot = 1;
}

#define STEP(name, next)                                                                                     \
    __attribute__((noinline)) static void name(struct job *job, uint64_t path)                               \
    {                                                                                                        \
        switch (path & 7) {                                                                                  \
        case 0:                                                                                              \
            next(job, path >> 3);                                                                            \
            __asm__ volatile("nop # 0");                                                                     \
            break;                                                                                           \
        case 1:                                                                                              \
            next(job, path >> 3);                                                                            \
            __asm__ volatile("nop # 1");                                                                     \
            break;                                                                                           \
        case 2:                                                                                              \
            next(job, path >> 3);                                                                            \
            __asm__ volatile("nop # 2");                                                                     \
            break;                                                                                           \
        case 3:                                                                                              \
            next(job, path >> 3);                                                                            \
            __asm__ volatile("nop # 3");                                                                     \
            break;                                                                                           \
        case 4:                                                                                              \
            next(job, path >> 3);                                                                            \
            __asm__ volatile("nop # 4");                                                                     \
            break;                                                                                           \
        case 5:                                                                                              \
            next(job, path >> 3);                                                                            \
            __asm__ volatile("nop # 5");                                                                     \
            break;                                                                                           \
        case 6:                                                                                              \
            next(job, path >> 3);                                                                            \
            __asm__ volatile("nop # 6");                                                                     \
            break;                                                                                           \
        default:                                                                                             \
            next(job, path >> 3);                                                                            \
            __asm__ volatile("nop # 7");                                                                     \
            break;                                                                                           \
        }                                                                                                    \
    }

__attribute__((noinline)) static void last_step(struct job *job, uint64_t path)
{
    (void)path;
    pair(job);
    __asm__ volatile("");
}

/* Each level has eight call sites: 512 inner paths, more by the loop's two entrances. */
STEP(third_step, last_step)
STEP(second_step, third_step)
STEP(first_step, second_step)

__attribute__((noinline)) static void loop(struct job *job)
{
    const uint64_t start = now_ns();
    for (uint64_t i = 0; i < job->pairs; i++) {
        first_step(job, (i * 2654435761u >> 7) % job->paths);
    }
    job->seconds = (double)(now_ns() - start) / 1e9;
}

__attribute__((noinline)) static void descend(struct job *job, uint64_t depth)
{
    volatile char room[64];
    room[0] = (char)depth;
    if (depth > 0) {
        descend(job, depth - 1);
    } else {
        loop(job);
    }
    room[1] = room[0];
}

static void *run(void *state)
{
    struct job *job = state;
    job->blocks = calloc(job->live, sizeof *job->blocks);
    descend(job, job->depth > 8 ? job->depth - 8 : 0);
    for (uint64_t i = 0; i < job->live; i++) {
        free(job->blocks[i]);
    }
    free(job->blocks);
    return NULL;
}

static uint64_t option(int argc, char **argv, const char *name, uint64_t fallback)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return strtoull(argv[i + 1], NULL, 10);
        }
    }
    return fallback;
}

int main(int argc, char **argv)
{
    const uint64_t threads = option(argc, argv, "--threads", 1);
    struct job jobs[64] = {{.pairs = 0}};
    pthread_t ids[64];
    if (threads < 1 || threads > 64) {
        fputs("pairs: --threads is 1 to 64\n", stderr);
        return 2;
    }
    double seconds = 0;
    for (uint64_t i = 0; i < threads; i++) {
        jobs[i] = (struct job){.pairs = option(argc, argv, "--pairs", 2000000),
                               .live = option(argc, argv, "--live", 1000),
                               .paths = option(argc, argv, "--paths", 64),
                               .sizes = option(argc, argv, "--sizes", 512),
                               .depth = option(argc, argv, "--depth", 20),
                               .seed = i + 1};
        if (threads == 1) {
            run(&jobs[i]);
        } else if (pthread_create(&ids[i], NULL, run, &jobs[i]) != 0) {
            return 1;
        }
    }
    for (uint64_t i = 0; i < threads; i++) {
        if (threads > 1) {
            pthread_join(ids[i], NULL);
        }
        seconds = jobs[i].seconds > seconds ? jobs[i].seconds : seconds;
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%.1f ns/pair %llu pairs %.3f s %ld KiB, ended at %llu ns\n",
           seconds * 1e9 / (double)jobs[0].pairs, (unsigned long long)jobs[0].pairs * threads, seconds,
           usage.ru_maxrss, (unsigned long long)now_ns());
    return 0;
}
