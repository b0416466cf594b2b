/* Threads that come and go. With an argument, one that stays, while the first one has ended. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define THREADS     50
#define STACK_BYTES 16384 /* quick to make */

static void *go(void *unused)
{
    (void)unused;
    free(malloc(10));
    return NULL;
}

static void *wait_for_end(void *unused)
{
    (void)unused;
    for (;;) {
        pause();
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, STACK_BYTES);
    pthread_t waiting, threads[THREADS];
    (void)argv;
    if (write(STDOUT_FILENO, "begun\n", 6) != 6) {
        return 1;
    }
    if (argc > 1) {
        pthread_create(&waiting, NULL, wait_for_end, NULL);
        pthread_exit(NULL);
    }
    for (;;) {
        for (int i = 0; i < THREADS; i++) {
            pthread_create(&threads[i], &small, go, NULL);
        }
        for (int i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
        }
    }
}
