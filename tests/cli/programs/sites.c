/* Fifty places that allocate blocks of 16 bytes up to 1 MiB, each about 4 MiB in all, in an order of no meaning; some by
 * calloc, some by realloc, half of the blocks are given back. sites BOOK [THREADS]: writes what each place allocated and holds
 * to BOOK: name, allocated bytes, allocations, reallocs, live bytes, live blocks. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SITES      50
#define SITE_BYTES (4u << 20)
#define RING       256u
#define TENS(X)    X(0) X(1) X(2) X(3) X(4)
#define ONES(X, t) X(t, 0) X(t, 1) X(t, 2) X(t, 3) X(t, 4) X(t, 5) X(t, 6) X(t, 7) X(t, 8) X(t, 9)

struct book {
    uint64_t allocated_bytes, allocations, reallocs, live_bytes, live_blocks;
};

struct block {
    void *memory;
    size_t size;
    int site;
};

struct worker {
    uint64_t random;
    struct book books[SITES];
    struct block ring[RING];
    unsigned next;
};

static uint64_t draw(struct worker *worker)
{
    worker->random = worker->random * 6364136223846793005u + 1442695040888963407u;
    return worker->random >> 33;
}

static void count(struct book *book, size_t size)
{
    book->allocated_bytes += size;
    book->allocations++;
    book->live_bytes += size;
    book->live_blocks++;
}

static void count_realloc(struct book *book, size_t old_size)
{
    count(book, old_size);
    book->live_bytes -= old_size;
    book->live_blocks--;
    book->reallocs++;
}

/* A place of its own kind: 0 to 6 malloc, 7 calloc, 8 and 9 malloc and then realloc. */
#define SITE(t, kind)                                                                                        \
    static __attribute__((noinline)) void *site_##t##kind(size_t size, struct book *book)                    \
    {                                                                                                        \
        void *volatile memory = (kind) == 7 ? calloc(1, size) : malloc((kind) < 8 ? size : size / 2);        \
        if ((kind) >= 8) {                                                                                   \
            count_realloc(book, size / 2);                                                                   \
            memory = realloc(memory, size);                                                                  \
        }                                                                                                    \
        count(book, size);                                                                                   \
        return memory;                                                                                       \
    }
#define ROW(t) ONES(SITE, t)
TENS(ROW)
#undef ROW
static void *(*const sites[SITES])(size_t, struct book *) = {
#define NAME(t, o) site_##t##o,
#define ROW(t)     ONES(NAME, t)
    TENS(ROW)};

static void give_back(struct worker *worker, struct block *block)
{
    if (block->memory) {
        worker->books[block->site].live_bytes -= block->size;
        worker->books[block->site].live_blocks--;
        free(block->memory);
        block->memory = NULL;
    }
}

static void *work(void *state)
{
    struct worker *worker = state;
    double mean[SITES], size = 16;
    for (int i = 0; i < SITES; i++, size *= 1.25) {
        mean[i] = size;
    }
    uint64_t left = 0;
    uint32_t blocks[SITES];
    for (int i = 0; i < SITES; i++) {
        blocks[i] = (uint32_t)(SITE_BYTES / mean[i]) + 4;
        left += blocks[i];
    }
    while (left > 0) {
        /* A place that still has much to do is drawn more often. */
        int site = 0;
        for (uint64_t place = draw(worker) % left; place >= blocks[site]; site++) {
            place -= blocks[site];
        }
        blocks[site]--;
        left--;
        const size_t bytes = (size_t)(mean[site] / 2) + draw(worker) % (uint64_t)mean[site];
        void *memory = sites[site](bytes, &worker->books[site]);
        if (draw(worker) & 1) {
            struct block *place = &worker->ring[worker->next++ % RING];
            give_back(worker, place);
            *place = (struct block){.memory = memory, .size = bytes, .site = site};
        }
    }
    for (unsigned i = 0; i < RING; i++) {
        give_back(worker, &worker->ring[i]);
    }
    return NULL;
}

#define THREADS_MOST 8
static struct worker workers[THREADS_MOST];

int main(int argc, char **argv)
{
    const int threads = argc > 2 ? atoi(argv[2]) : 1;
    pthread_t handles[THREADS_MOST];
    for (int i = 0; i < threads && i < THREADS_MOST; i++) {
        workers[i].random = (uint64_t)i + 1;
        if (threads == 1) {
            work(&workers[0]);
        } else if (pthread_create(&handles[i], NULL, work, &workers[i]) != 0) {
            return 1;
        }
    }
    for (int i = 0; threads > 1 && i < threads && i < THREADS_MOST; i++) {
        pthread_join(handles[i], NULL);
        for (int s = 0; i > 0 && s < SITES; s++) {
            workers[0].books[s].allocated_bytes += workers[i].books[s].allocated_bytes;
            workers[0].books[s].allocations += workers[i].books[s].allocations;
            workers[0].books[s].reallocs += workers[i].books[s].reallocs;
            workers[0].books[s].live_bytes += workers[i].books[s].live_bytes;
            workers[0].books[s].live_blocks += workers[i].books[s].live_blocks;
        }
    }
    FILE *file = argc > 1 ? fopen(argv[1], "w") : NULL;
    for (int s = 0; file && s < SITES; s++) {
        const struct book *book = &workers[0].books[s];
        fprintf(file, "site_%02d %ju %ju %ju %ju %ju\n", s, (uintmax_t)book->allocated_bytes,
                (uintmax_t)book->allocations, (uintmax_t)book->reallocs, (uintmax_t)book->live_bytes,
                (uintmax_t)book->live_blocks);
    }
    return file && fclose(file) == 0 ? 0 : 1;
}
