/* Blocks that are held in every way there is, and blocks that nothing holds. Sizes say which is which: below 1000 all is held
 * at the end. Of 1000 … 1999 each is lost with nothing that leads to it (a leak; but the ring of 1008 leads to itself), those of
 * 2000 … 2999 hang on such a one. LeakSanitizer says the same of this program ("native_graph quiet": without the thread that
 * lives on). */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef WITHOUT_CAIRN
#include <cairn/cairn.h>
#endif

struct link {
    struct link *next;
    char rest[];
};

/* Not static: what a compiler sees nobody read, it does not store. */
struct link *kept_list;        /* 100 of 40 */
void *kept_tree[2];            /* 63 of 56 */
char *kept_inside;             /* 72, by a pointer to its middle */
_Thread_local void *kept_here; /* 88 */
struct link *kept_ring;        /* 3 of 104 */
void *kept_large;              /* 1 MiB, which holds 120 at its end */
void **kept_mapping;           /* mapped memory that holds 136 */
void *volatile shown;          /* keeps the compiler from knowing */

static __attribute__((noinline)) void *make(size_t size)
{
    void *block = malloc(size);
    memset(block, 0, size);
    return block;
}

static __attribute__((noinline)) struct link *chain(size_t count, size_t first, size_t others)
{
    struct link *head = NULL;
    while (count-- > 0) {
        struct link *link = make(count == 0 ? first : others);
        link->next = head;
        head = link;
    }
    return head;
}

static __attribute__((noinline)) struct link *ring(size_t count, size_t first, size_t others)
{
    struct link *head = chain(count, first, others), *last = head;
    while (last->next) {
        last = last->next;
    }
    last->next = head;
    return head;
}

static __attribute__((noinline)) void *tree(unsigned depth)
{
    void **node = make(56);
    if (depth > 1) {
        node[0] = tree(depth - 1);
        node[6] = tree(depth - 1);
    }
    return node;
}

static __attribute__((noinline)) void keep(void)
{
    kept_list = chain(100, 40, 40);
    kept_tree[1] = tree(6);
    kept_inside = (char *)make(72) + 20;
    kept_here = make(88);
    kept_ring = ring(3, 104, 104);
    char *large = make(1 << 20);
    void *at_its_end = make(120);
    memcpy(large + (1 << 20) - sizeof(void *), &at_its_end, sizeof(void *));
    kept_large = large;
    kept_mapping = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    kept_mapping[1000] = make(136);
}

static __attribute__((noinline)) void lose(void)
{
    shown = make(1000);
    shown = chain(5, 1024, 2024);
    shown = ring(2, 1008, 1008);
    /* What is free does not hold anything. */
    void **given_back = make(3000);
    given_back[10] = make(1040);
    free(given_back);
    shown = NULL;
}

/* The arena of a thread, and its stack, outlive it. */
static void *lose_in_thread(void *unused)
{
    (void)unused;
    void *volatile here[64];
    for (size_t i = 0; i < 64; i++) {
        here[i] = NULL;
    }
    here[0] = make(1056);
    void **given_back = make(3000);
    given_back[10] = here[0];
    free(given_back);
    return NULL;
}

static pthread_barrier_t ready;

static void *live_on(void *unused)
{
    (void)unused;
    void *volatile here = make(152);
    pthread_barrier_wait(&ready);
    for (;;) {
        pause();
    }
    return here;
}

/* Of what the calls before left on the stack nothing is to be found. */
static __attribute__((noinline)) void wipe_stack(void)
{
    volatile char room[1 << 16];
    for (size_t i = 0; i < sizeof room; i++) {
        room[i] = 0;
    }
}

int main(int argc, char **argv)
{
    pthread_t thread;
    (void)argv;
    keep();
    lose();
    pthread_create(&thread, NULL, lose_in_thread, NULL);
    pthread_join(thread, NULL);
    if (argc == 1) {
        pthread_barrier_init(&ready, NULL, 2);
        pthread_create(&thread, NULL, live_on, NULL);
        pthread_barrier_wait(&ready);
    }
    wipe_stack();
#ifndef WITHOUT_CAIRN
    cairn_graph("asked");
#endif
    return 0;
}
