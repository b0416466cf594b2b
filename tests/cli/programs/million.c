/* A million events: four threads, each with 1,000 slots that are filled, resized and emptied as a fixed sequence of numbers
 * says. What lies in them at the end stays. */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#define THREADS 4
#define STEPS   250000
#define SLOTS   1000

static void *slots[THREADS][SLOTS];

__attribute__((noinline, noclone)) static void *make(size_t size)
{
    return malloc(size);
}

__attribute__((noinline, noclone)) static void *resize(void *block, size_t size)
{
    return realloc(block, size);
}

static void *work(void *own)
{
    void **mine = own;
    uint64_t state = (uint64_t)(mine - slots[0]) + 88172645463325252u;
    for (int i = 0; i < STEPS; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        void **slot = &mine[state % SLOTS];
        const size_t size = 1 + (state >> 20) % 5000;
        if (!*slot) {
            *slot = make(size);
        } else if ((state >> 40) % 3 == 0) {
            *slot = resize(*slot, size);
        } else {
            free(*slot);
            *slot = NULL;
        }
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, work, slots[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    return 0;
}
