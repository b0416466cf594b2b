/* Threads on stacks of every kind: the default, small ones, memory of the program's own; cancelled threads, whose clean-up
 * handlers run while the C library unwinds; thread-local destructors. */
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define NOINLINE    __attribute__((noinline))
#define OWN_BYTES   (1u << 20)
#define THREADS     4
#define GENERATIONS 20

static pthread_key_t key;

NOINLINE static void touch(size_t size)
{
    void *volatile block = malloc(size);
    free(block);
}

NOINLINE static void deeper(int depth)
{
    volatile char room[40];
    room[0] = (char)depth;
    touch(10);
    if (depth > 0) {
        deeper(depth - 1);
    }
    touch((size_t)room[0]);
}

static void destroy(void *block)
{
    deeper(3);
    free(block);
}

static void clean_up(void *block)
{
    deeper(2);
    free(block);
}

static void *run(void *argument)
{
    pthread_setspecific(key, malloc(8));
    for (int i = 0; i < 40; i++) {
        deeper(i % 12);
    }
    return argument;
}

static void *run_until_cancelled(void *argument)
{
    pthread_cleanup_push(clean_up, malloc(9));
    for (;;) {
        deeper(2);
        usleep(100);
    }
    pthread_cleanup_pop(1);
    return argument;
}

static void start(pthread_t *thread, int kind, void **own_stack, void *(*body)(void *))
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    *own_stack = NULL;
    if (kind == 1) {
        pthread_attr_setstacksize(&attributes, PTHREAD_STACK_MIN + 65536);
    } else if (kind == 2) {
        *own_stack = mmap(NULL, OWN_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        pthread_attr_setstack(&attributes, *own_stack, OWN_BYTES);
    }
    pthread_create(thread, &attributes, body, NULL);
    pthread_attr_destroy(&attributes);
}

int main(void)
{
    pthread_key_create(&key, destroy);
    for (int generation = 0; generation < GENERATIONS; generation++) {
        pthread_t threads[THREADS];
        void *own_stacks[THREADS];
        for (int i = 0; i < THREADS; i++) {
            start(&threads[i], i % 3, &own_stacks[i], i == 3 ? run_until_cancelled : run);
        }
        usleep(300);
        pthread_cancel(threads[3]);
        for (int i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
            if (own_stacks[i] != NULL) {
                munmap(own_stacks[i], OWN_BYTES);
            }
        }
    }
    printf("%d threads\n", THREADS * GENERATIONS);
    return 0;
}
