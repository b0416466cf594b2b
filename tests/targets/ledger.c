/* A program that keeps exact books of its own heap.
 *
 *   ledger SEED THREADS OPERATIONS FILE [ordered] [portable]
 *
 * Every thread does OPERATIONS random heap calls: malloc, calloc, the aligned ones, realloc (from NULL, in place, moved,
 * to nothing, failing), frees of its own blocks and of other threads'. Each kind of call is made in a function of its
 * own, ledger_… (not named like an allocator, which no site is), its site. The books live in static tables and are written with write(2) into FILE at the end, "name value" a
 * line, so that they do not disturb what they count:
 *
 *   pid, allocations, reallocs, frees, allocated_bytes, live_bytes, live_blocks, peak_bytes (0: not known)
 *   MOMENT.SITE.live_bytes, .live_blocks, .allocated_bytes, .allocations   at the moments a, b and end
 *   ab.SITE.survived_bytes, .survived_blocks                       born after a, still there at b
 *
 * What must hold: the sums between the marks ledger-begin and ledger-end are those of any exact recording, and so is the
 * state at the marks ledger-a, ledger-b and ledger-end. With one thread, or `ordered` (one call at a time), so is the peak.
 * `portable` leaves out pvalloc, which not every allocator has. Blocks stay alive at the end. The threads live from before ledger-begin to after ledger-end. */
#include <cairn/cairn.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS_MAX 64
#define SLOTS       2048 /* blocks a thread holds */
#define SHARED      512  /* places where blocks change threads */

enum site { MALLOC, CALLOC, ALIGNED, REALLOC, SITES };
static const char *const site_names[SITES] = {"ledger_fresh", "ledger_zeroed", "ledger_aligned",
                                              "ledger_resized"};

enum moment { AT_A, AT_B, AT_END, MOMENTS };
static const char *const moment_names[MOMENTS] = {"a", "b", "end"};

struct block {
    char *memory; /* NULL: none */
    size_t size;
    enum site site;
    unsigned phase; /* moments that had passed when it was born */
};

struct sums {
    int64_t live_bytes, live_blocks;
    uint64_t allocated_bytes, allocations; /* reallocs included */
};

struct books {
    struct sums sites[SITES];
    uint64_t allocations, reallocs, frees;
};

struct worker {
    _Alignas(64) uint64_t random;
    struct books books;
    struct block slots[SLOTS];
};

static struct worker workers[THREADS_MAX];
static struct shared_place {
    pthread_mutex_t lock;
    struct block block;
} shared[SHARED];
static pthread_barrier_t barrier;
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static bool ordered, portable;
static int threads;
static uint64_t operations;
static unsigned phase;
static int64_t live_bytes, peak_bytes; /* kept where calls are in order */
static struct sums moments[MOMENTS][SITES];
static struct {
    int64_t bytes, blocks;
} survived[SITES];

static uint64_t next_random(struct worker *worker)
{
    worker->random ^= worker->random << 13;
    worker->random ^= worker->random >> 7;
    worker->random ^= worker->random << 17;
    return worker->random * 0x2545f4914f6cdd1dull;
}

static size_t random_size(struct worker *worker)
{
    const uint64_t value = next_random(worker) >> 16;
    switch (value & 63) {
    case 0:
        return 0;
    case 1:
        return 100000 + (value >> 8) % 300000; /* the allocator maps some of these */
    case 2:
    case 3:
    case 4:
        return 1024 + (value >> 8) % 16384;
    default:
        return 1 + (value >> 8) % 512;
    }
}

static void change_live(int64_t bytes)
{
    if (ordered) {
        live_bytes += bytes;
        peak_bytes = live_bytes > peak_bytes ? live_bytes : peak_bytes;
    }
}

static void enter_books(struct worker *worker, struct block *block, void *memory, size_t size, enum site site)
{
    struct sums *sums = &worker->books.sites[site];
    *block = (struct block){.memory = memory, .size = size, .site = site, .phase = phase};
    sums->live_bytes += (int64_t)size;
    sums->live_blocks++;
    sums->allocated_bytes += size;
    sums->allocations++;
    if (size > 0) {
        block->memory[0] = 1;
    }
}

static void strike_out(struct worker *worker, struct block *block)
{
    struct sums *sums = &worker->books.sites[block->site];
    sums->live_bytes -= (int64_t)block->size;
    sums->live_blocks--;
    block->memory = NULL;
}

static void born(struct worker *worker, struct block *block, void *memory, size_t size, enum site site)
{
    if (!memory) {
        return;
    }
    worker->books.allocations++;
    enter_books(worker, block, memory, size, site);
    change_live((int64_t)size);
}

__attribute__((noinline)) static void ledger_free(struct worker *worker, struct block *block)
{
    char *memory = block->memory;
    const int64_t size = (int64_t)block->size;
    worker->books.frees++;
    strike_out(worker, block);
    change_live(-size);
    free(memory);
}

__attribute__((noinline)) static void ledger_fresh(struct worker *worker, struct block *block)
{
    const size_t size = random_size(worker);
    born(worker, block, malloc(size), size, MALLOC);
}

__attribute__((noinline)) static void ledger_zeroed(struct worker *worker, struct block *block)
{
    const size_t count = 1 + next_random(worker) % 7, size = random_size(worker);
    born(worker, block, calloc(count, size), count * size, CALLOC);
}

__attribute__((noinline)) static void ledger_aligned(struct worker *worker, struct block *block)
{
    const size_t alignment = (size_t)16 << next_random(worker) % 6, size = random_size(worker);
    void *memory = NULL;
    switch (next_random(worker) % 5) {
    case 0:
        memory = aligned_alloc(alignment, size);
        break;
    case 1:
        memory = memalign(alignment, size);
        break;
    case 2:
        memory = valloc(size);
        break;
    case 3:
        if (!portable) {
            memory = pvalloc(size);
            break;
        }
        /* fall through */
    default:
        if (posix_memalign(&memory, alignment, size) != 0) {
            memory = NULL;
        }
        break;
    }
    born(worker, block, memory, size, ALIGNED);
}

__attribute__((noinline)) static void ledger_resized(struct worker *worker, struct block *block)
{
    const size_t size = next_random(worker) % 4 == 0 ? block->size + 8 : random_size(worker);
    if (!block->memory) {
        born(worker, block, realloc(NULL, size), size, REALLOC);
        return;
    }
    if (size == 0) { /* the C library frees it, others hand out an empty block for it */
        void *empty = realloc(block->memory, 0);
        const int64_t freed = (int64_t)block->size;
        worker->books.frees++;
        strike_out(worker, block);
        change_live(-freed);
        born(worker, block, empty, 0, REALLOC);
        return;
    }
    void *memory =
        next_random(worker) % 8 == 0 ? reallocarray(block->memory, size, 1) : realloc(block->memory, size);
    if (!memory) {
        return;
    }
    const int64_t change = (int64_t)size - (int64_t)block->size;
    worker->books.reallocs++;
    strike_out(worker, block);
    enter_books(worker, block, memory, size, REALLOC);
    change_live(change);
}

/* Nothing of these may be recorded. Sizes that the compiler cannot see through. */
__attribute__((noinline)) static void ledger_fail(struct worker *worker, struct block *block)
{
    volatile size_t too_much = SIZE_MAX / 2 - next_random(worker) % 4096;
    void *memory = block->memory ? realloc(block->memory, too_much) : malloc(too_much);
    void *another = NULL;
    if (memory || calloc(too_much, 16) || posix_memalign(&another, 64, too_much) == 0) {
        abort();
    }
    free(NULL);
}

__attribute__((noinline)) static void exchange(struct worker *worker, struct block *block)
{
    struct shared_place *place = &shared[next_random(worker) % SHARED];
    pthread_mutex_lock(&place->lock);
    const struct block other = place->block;
    place->block = *block;
    pthread_mutex_unlock(&place->lock);
    *block = other;
}

static void step(struct worker *worker)
{
    struct block *block = &worker->slots[next_random(worker) % SLOTS];
    const uint64_t what = (next_random(worker) >> 20) % 100;
    if (what < 20) {
        exchange(worker, block);
    }
    if (what == 99) {
        ledger_fail(worker, block);
    } else if (what >= 70) {
        ledger_resized(worker, block);
    } else if (block->memory) {
        ledger_free(worker, block);
    } else if (what < 45) {
        ledger_fresh(worker, block);
    } else if (what < 60) {
        ledger_zeroed(worker, block);
    } else {
        ledger_aligned(worker, block);
    }
}

static void count_survivor(const struct block *block)
{
    if (block->memory && block->phase == 1) {
        survived[block->site].bytes += (int64_t)block->size;
        survived[block->site].blocks++;
    }
}

/* All threads stand still. */
static void note_moment(enum moment moment)
{
    for (int i = 0; i < threads; i++) {
        for (int site = 0; site < SITES; site++) {
            const struct sums *sums = &workers[i].books.sites[site];
            moments[moment][site].live_bytes += sums->live_bytes;
            moments[moment][site].live_blocks += sums->live_blocks;
            moments[moment][site].allocated_bytes += sums->allocated_bytes;
            moments[moment][site].allocations += sums->allocations;
        }
    }
    if (moment == AT_B) {
        for (int i = 0; i < threads; i++) {
            for (int slot = 0; slot < SLOTS; slot++) {
                count_survivor(&workers[i].slots[slot]);
            }
        }
        for (int i = 0; i < SHARED; i++) {
            count_survivor(&shared[i].block);
        }
    }
    phase++;
}

static void rest(struct worker *worker, const char *mark, int moment)
{
    pthread_barrier_wait(&barrier);
    if (worker == workers) {
        cairn_mark(mark);
        if (moment >= 0) {
            note_moment((enum moment)moment);
        }
    }
    pthread_barrier_wait(&barrier);
}

static void *work(void *state)
{
    struct worker *worker = state;
    rest(worker, "ledger-begin", -1);
    for (int third = 0; third < MOMENTS; third++) {
        static const char *const marks[MOMENTS] = {"ledger-a", "ledger-b", "ledger-end"};
        for (uint64_t i = 0; i < operations / MOMENTS; i++) {
            if (ordered && threads > 1) {
                pthread_mutex_lock(&order);
                step(worker);
                pthread_mutex_unlock(&order);
            } else {
                step(worker);
            }
        }
        rest(worker, marks[third], third);
    }
    return NULL;
}

static char report[16384];
static size_t report_length;

static void put(const char *where, const char *site, const char *what, int64_t value)
{
    report_length +=
        (size_t)snprintf(report + report_length, sizeof report - report_length, "%s%s%s%s%s %lld\n", where,
                         *where ? "." : "", site, *site ? "." : "", what, (long long)value);
}

static int write_report(const char *path)
{
    struct books sums = {.allocations = 0};
    for (int i = 0; i < threads; i++) {
        sums.allocations += workers[i].books.allocations;
        sums.reallocs += workers[i].books.reallocs;
        sums.frees += workers[i].books.frees;
    }
    struct sums all = {.live_bytes = 0};
    for (int site = 0; site < SITES; site++) {
        all.live_bytes += moments[AT_END][site].live_bytes;
        all.live_blocks += moments[AT_END][site].live_blocks;
        all.allocated_bytes += moments[AT_END][site].allocated_bytes;
    }
    put("", "", "pid", getpid());
    put("", "", "allocations", (int64_t)sums.allocations);
    put("", "", "reallocs", (int64_t)sums.reallocs);
    put("", "", "frees", (int64_t)sums.frees);
    put("", "", "allocated_bytes", (int64_t)all.allocated_bytes);
    put("", "", "live_bytes", all.live_bytes);
    put("", "", "live_blocks", all.live_blocks);
    put("", "", "peak_bytes", peak_bytes);
    for (int moment = 0; moment < MOMENTS; moment++) {
        for (int site = 0; site < SITES; site++) {
            const struct sums *at = &moments[moment][site];
            put(moment_names[moment], site_names[site], "live_bytes", at->live_bytes);
            put(moment_names[moment], site_names[site], "live_blocks", at->live_blocks);
            put(moment_names[moment], site_names[site], "allocated_bytes", (int64_t)at->allocated_bytes);
            put(moment_names[moment], site_names[site], "allocations", (int64_t)at->allocations);
        }
    }
    for (int site = 0; site < SITES; site++) {
        put("ab", site_names[site], "survived_bytes", survived[site].bytes);
        put("ab", site_names[site], "survived_blocks", survived[site].blocks);
    }
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return fd >= 0 && write(fd, report, report_length) == (ssize_t)report_length ? 0 : 1;
}

int main(int argc, char **argv)
{
    pthread_t ids[THREADS_MAX];
    if (argc < 5 || (threads = atoi(argv[2])) < 1 || threads > THREADS_MAX) {
        return 2;
    }
    operations = strtoull(argv[3], NULL, 10);
    ordered = threads == 1;
    for (int i = 5; i < argc; i++) {
        ordered |= strcmp(argv[i], "ordered") == 0;
        portable |= strcmp(argv[i], "portable") == 0;
    }
    for (int i = 0; i < SHARED; i++) {
        pthread_mutex_init(&shared[i].lock, NULL);
    }
    pthread_barrier_init(&barrier, NULL, (unsigned)threads);
    for (int i = 0; i < threads; i++) {
        workers[i].random =
            (strtoull(argv[1], NULL, 10) + 1) * 0x9e3779b97f4a7c15ull + (uint64_t)i * 7919 + 1;
        if (i > 0 && pthread_create(&ids[i], NULL, work, &workers[i]) != 0) {
            return 1;
        }
    }
    work(&workers[0]);
    for (int i = 1; i < threads; i++) {
        pthread_join(ids[i], NULL);
    }
    return write_report(argv[4]);
}
