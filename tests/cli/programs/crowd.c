/* crowd threads|forks|growing: four threads, or four children, each allocate and free 24,000 times from forty depths of a recursion,
 * keep some of it, and grow; or one thread does, half a second long, which keeps half of what it allocates and replaces the other
 * half later. Marks @half (of whom comes first) and @done. */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cairn/cairn.h>

#define WORKERS 4
#define ROUNDS  600
#define DEPTHS  40
#define KEPT    4096

static void *kept[WORKERS][ROUNDS * DEPTHS / 2];
static int growing;

/* Of another size in each round, so that no two moments look alike. */
__attribute__((noinline, noclone)) static void at_depth(unsigned depth, unsigned worker, unsigned round)
{
    if (depth > 0) {
        at_depth(depth - 1, worker, round);
        __asm__ volatile(""); /* no tail call */
        return;
    }
    void **slot = &kept[worker][(round * 2654435761u + worker) % KEPT];
    if (growing) {
        slot = &kept[round % 2][round / 2 % (round % 2 ? ROUNDS * DEPTHS / 2 : KEPT)];
    }
    free(*slot);
    *slot = malloc(16 + (round * 40503u + worker * 97) % 3000);
    free(malloc(round % 700 + 1));
}

static void *work(void *number)
{
    const unsigned worker = (unsigned)(uintptr_t)number;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned depth = 0; depth < DEPTHS; depth++) {
            at_depth(depth, worker, round * DEPTHS + depth);
        }
        if (growing) {
            usleep(1000);
        }
        if (round == ROUNDS / 2 && worker == 0) {
            cairn_mark("half");
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    const int forks = argc > 1 && strcmp(argv[1], "forks") == 0;
    pthread_t threads[WORKERS];
    growing = argc > 1 && strcmp(argv[1], "growing") == 0;
    const uintptr_t workers = growing ? 1 : WORKERS;
    for (uintptr_t i = 0; i < workers; i++) {
        if (!forks) {
            if (pthread_create(&threads[i], NULL, work, (void *)i) != 0) {
                return 1;
            }
        } else if (fork() == 0) {
            work((void *)i);
            exit(0);
        }
    }
    for (uintptr_t i = 0; i < workers; i++) {
        if (!forks) {
            pthread_join(threads[i], NULL);
        } else {
            wait(NULL);
        }
    }
    cairn_mark("done");
    return 0;
}
