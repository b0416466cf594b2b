/* Order: threads that hand addresses to each other as fast as they can, read while they write; garbage in rings; threads
 * that stop inside a hook; records that come late. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/ring_reader.h"
#include "rig.h"

#define THREADS       4u
#define ADDRESSES     64u /* few, so that an address freed here is soon taken there */
#define ROUNDS        200000u

#define WAITED_FOR_NS 20000000  /* how long a thread inside a hook holds the others up, at least */
#define HELD_FOR_NS   500000000 /* the same of one that runs, or that the kernel holds */

/* An allocator for addresses: a stack of free ones, so that the last freed is the next given. */
static struct {
    pthread_mutex_t lock;
    uint64_t free_list[ADDRESSES];
    size_t count;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct worker {
    pthread_t thread;
    struct rig *rig;
    struct rig_process *process;
    uint32_t index;
    uint64_t allocations, frees, bytes;
    int64_t longest_ns; /* of what it was inside for */
};

static uint64_t take_address(void)
{
    pthread_mutex_lock(&pool.lock);
    const uint64_t address = pool.count ? pool.free_list[--pool.count] : 0;
    pthread_mutex_unlock(&pool.lock);
    return address;
}

static void give_address(uint64_t address)
{
    pthread_mutex_lock(&pool.lock);
    pool.free_list[pool.count++] = address;
    pthread_mutex_unlock(&pool.lock);
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

/* As an agent does: an allocation is recorded after the real call, a free before it. */
static void *work(void *state)
{
    struct worker *worker = state;
    struct rig_writer writer;
    rig_writer_open(&writer, worker->rig, worker->process, gettid());
    const uint32_t node = rig_node(&writer, worker->rig, 0, 0x1000 + worker->index);
    uint64_t held[8] = {0};
    uint64_t seed = worker->index * 2654435761u + 1;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        uint64_t *slot = &held[seed >> 61];
        const int64_t begun_ns = now_ns();
        if (*slot) {
            rig_free(&writer, worker->rig, *slot);
            give_address(*slot);
            worker->frees++;
            *slot = 0;
        } else if ((*slot = take_address()) != 0) {
            const uint64_t size = seed >> 40 & 0xfff;
            rig_alloc(&writer, worker->rig, node, *slot, size);
            worker->allocations++;
            worker->bytes += size;
        }
        const int64_t took_ns = now_ns() - begun_ns;
        worker->longest_ns = took_ns > worker->longest_ns ? took_ns : worker->longest_ns;
    }
    rig_writer_close(&writer, worker->rig);
    return NULL;
}

/* --- A recorder that gets no processor for a while, at any instruction --- */

static void stand_still(int signal)
{
    (void)signal;
    const struct timespec wait = {.tv_nsec = WAITED_FOR_NS + WAITED_FOR_NS / 4};
    nanosleep(&wait, NULL);
}

struct disturber {
    pthread_t thread, recorder;
    atomic_bool enough;
};

static void *disturb(void *state)
{
    struct disturber *disturber = state;
    while (!atomic_load(&disturber->enough)) {
        const struct timespec pause = {.tv_nsec = 3 * WAITED_FOR_NS / 2}; /* the recorder runs in between */
        nanosleep(&pause, NULL);
        pthread_kill(disturber->recorder, SIGUSR1);
    }
    return NULL;
}

static void disturber_start(struct disturber *disturber)
{
    const struct sigaction action = {.sa_handler = stand_still, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    *disturber = (struct disturber){.recorder = pthread_self()};
    pthread_create(&disturber->thread, NULL, disturb, disturber);
}

static void disturber_stop(struct disturber *disturber)
{
    atomic_store(&disturber->enough, true);
    pthread_join(disturber->thread, NULL);
}

/* False where a thread stood still inside for so long that the others were not kept waiting, and order suffered by it. */
static bool addresses_are_shared(bool disturbed)
{
    struct rig rig;
    struct rig_process process = {.pid = getpid()}; /* the recorder sees that a thread wants to run */
    struct worker workers[THREADS];
    rig_start(&rig);
    rig_hello(&rig, &process, NULL, 0);
    pool.count = 0;
    for (uint64_t i = 0; i < ADDRESSES; i++) {
        give_address(0x10000 + i * 64);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.rig = &rig, .process = &process, .index = i};
        pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    }
    struct disturber disturber;
    if (disturbed) {
        disturber_start(&disturber);
    }
    for (bool busy = true; busy;) {
        cairn_recorder_drain(rig.recorder);
        busy = false;
        for (uint32_t i = 0; i < THREADS; i++) {
            busy |= atomic_load(&process.header->rings[i].state) == CAIRN_RING_OWNED ||
                    atomic_load(&process.header->rings[i].generation) == 0;
        }
    }
    if (disturbed) {
        disturber_stop(&disturber);
    }
    uint64_t allocations = 0, frees = 0, bytes = 0;
    bool in_time = true;
    for (uint32_t i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        /* The recorder counts by another clock, from when it looked. */
        in_time = in_time && workers[i].longest_ns < WAITED_FOR_NS / 2;
        allocations += workers[i].allocations;
        frees += workers[i].frees;
        bytes += workers[i].bytes;
    }
    rig_end(&rig, &process);
    rig_finish(&rig);

    const struct cairn_ledger_counts *counts = cairn_ledger_counts(rig.recorder->ledger);
    uint64_t late = counts->unknown_frees + counts->lost_frees;
    for (size_t i = 0; i < rig.event_count; i++) {
        late +=
            rig.events[i].kind == CAIRN_EVENT_LOST; /* its free came behind the next block at its address */
    }
    if (!in_time && late > 0) {
        rig_release(&rig);
        return false;
    }
    assert_int_equal(counts->unknown_frees, 0);
    assert_int_equal(counts->lost_frees, 0);
    assert_int_equal(rig.event_count, allocations + frees);
    uint64_t seen_bytes = 0, last = 0;
    for (size_t i = 0; i < rig.event_count; i++) {
        const struct cairn_event *event = &rig.events[i];
        assert_true(event->t_ns >= last && event->t_ns % 1000 == 0);
        last = event->t_ns;
        if (event->kind == CAIRN_EVENT_ALLOC) {
            seen_bytes += event->size;
            allocations--;
        } else {
            assert_int_equal(event->kind, CAIRN_EVENT_FREE);
            assert_true(event->birth < i);
            assert_int_equal(rig.events[event->birth].size, event->size);
            assert_int_equal(rig.events[event->birth].account, event->account);
            frees--;
        }
    }
    assert_int_equal(allocations, 0);
    assert_int_equal(frees, 0);
    assert_int_equal(seen_bytes, bytes);
    assert_int_equal(rig.threads, 2 * THREADS); /* each begins and ends */
    rig_release(&rig);
    return true;
}

static void share_addresses(bool disturbed)
{
    for (int i = 0; i < 20; i++) {
        if (addresses_are_shared(disturbed)) {
            return;
        }
    }
    skip();
}

static void threads_that_share_addresses(void **state)
{
    (void)state;
    share_addresses(false);
}

static void a_recorder_that_is_held_up(void **state)
{
    (void)state;
    share_addresses(true);
}

/* Rings full of noise, cursors that jump: the recorder lives on, and the healthy ring beside them is whole. */
static void garbage_is_survived(void **state)
{
    (void)state;
    uint64_t seed = 42;
    for (int round = 0; round < 300; round++) {
        struct rig rig;
        struct rig_process process = {.pid = 0};
        rig_start(&rig);
        rig_hello(&rig, &process, NULL, 0);
        struct rig_writer good;
        rig_writer_open(&good, &rig, &process, 1);
        for (uint32_t ring = 1; ring < CAIRN_RINGS_PER_SEGMENT; ring++) {
            uint64_t *words = (uint64_t *)(void *)((uint8_t *)process.header + CAIRN_SEGMENT_HEADER_BYTES +
                                                   (uint64_t)ring * CAIRN_RING_BYTES);
            for (size_t i = 0; i < 4096; i++) {
                seed = seed * 6364136223846793005ull + 1442695040888963407ull;
                words[i] = seed >> 8;
                if (seed >> 60 < 12) {
                    words[i] = (words[i] & ~0xffull) | (seed >> 32) % (CAIRN_RECORD_KIND_COUNT + 1);
                }
            }
            const uint64_t heads[] = {4096 * 8, 17, CAIRN_RING_BYTES, UINT64_MAX - 7, 1ull << 63, 800, 8};
            atomic_store(&process.header->rings[ring].head, heads[(seed >> 33) % 7]);
            atomic_store(&process.header->rings[ring].state, (uint32_t)(seed >> 20) % 4);
        }
        rig_alloc(&good, &rig, 0, 0x5000, 10);
        rig_free(&good, &rig, 0x5000);
        cairn_recorder_drain(rig.recorder);
        rig_alloc(&good, &rig, 0, 0x6000, 20);
        rig_end(&rig, &process);
        rig_finish(&rig);
        uint64_t found = 0;
        const uint32_t thread = 1;
        for (size_t i = 0; i < rig.event_count; i++) {
            const struct cairn_event *event = &rig.events[i];
            found += event->kind == CAIRN_EVENT_ALLOC && rig.accounts[event->account - 1].thread == thread;
        }
        assert_true(found >= 2);
        rig_release(&rig);
    }
}

/* A full ring is taken by one drain, in pieces that end inside records and inside the padding at the ring's end. */
static void pieces_end_anywhere(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_process process = {.pid = 0};
    struct rig_writer writer;
    rig_start(&rig);
    rig_hello(&rig, &process, NULL, 0);
    rig_writer_open(&writer, &rig, &process, 1);
    static uint64_t text[CAIRN_RECORD_MAX_WORDS] = {CAIRN_RECORD_TEXT};
    uint64_t seed = 7, allocations = 0;
    for (int round = 0; round < 200; round++) {
        for (;;) {
            seed = seed * 6364136223846793005ull + 1442695040888963407ull;
            const uint32_t words = 4 + (uint32_t)(seed >> 40) % (CAIRN_RECORD_MAX_WORDS - 4);
            if (writer.head + 3 * CAIRN_RECORD_MAX_WORDS * 8 - atomic_load(&writer.control->tail) >
                CAIRN_RING_BYTES) {
                break;
            }
            text[1] = (uint64_t)(words - 4) * 8 | 99ull << 32; /* a kind that says nothing */
            rig_write(&writer, &rig, text, words);
            rig_alloc(&writer, &rig, 0, (++allocations) * 64, 48);
        }
        cairn_recorder_drain(rig.recorder);
        assert_true(atomic_load(&writer.control->tail) == writer.head);
        rig_drain_until(&rig, allocations); /* what was taken is applied, so that there is room for more */
    }
    rig_end(&rig, &process);
    rig_finish(&rig);
    assert_int_equal(rig.event_count, allocations);
    rig_release(&rig);
}

/* A thread that stays inside a hook holds the others up for a bounded time, and what it then says is still right. */
static void late_records_match_the_older_block(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_process process = {.pid = 0};
    rig_start(&rig);
    rig_hello(&rig, &process, NULL, 0);
    struct rig_writer stuck, other;
    rig_writer_open(&stuck, &rig, &process, process.pid); /* that thread sleeps */
    rig_writer_open(&other, &rig, &process, process.pid);
    rig_alloc(&stuck, &rig, 0, 0x5000, 100);
    rig_drain_until(&rig, 1);

    /* It frees 0x5000 and allocates 0x7000, but does not get to commit either. */
    const int64_t entered = cairn_clock_elapsed_ns(&rig.recorder->clock);
    atomic_store(&stuck.control->inside, 1);
    const uint64_t early = rig_stamp(&stuck, &rig);
    usleep(2000);
    rig_alloc(&other, &rig, 0, 0x5000, 200);
    rig_free(&other, &rig, 0x7000);
    rig_drain_for(&rig, 5000000);
    const uint64_t position = cairn_ledger_position(rig.recorder->ledger);
    const bool in_time = cairn_clock_elapsed_ns(&rig.recorder->clock) - entered < WAITED_FOR_NS;
    assert_true(position == 1 || !in_time); /* they wait for it… */
    rig_drain_until(&rig, 3);               /* …but not for ever: LOST, ALLOC */

    const uint64_t late_free[2] = {CAIRN_RECORD_FREE, 0x5000};
    const uint64_t late_alloc[3] = {CAIRN_RECORD_ALLOC, 0x7000, 300};
    rig_write_stamped(&stuck, early, late_free, 2);
    rig_write_stamped(&stuck, early + 1, late_alloc, 3);
    atomic_store(&stuck.control->inside, 0);
    rig_end(&rig, &process);
    rig_finish(&rig);

    static const uint8_t kinds[] = {CAIRN_EVENT_ALLOC, CAIRN_EVENT_LOST, CAIRN_EVENT_ALLOC, CAIRN_EVENT_ALLOC,
                                    CAIRN_EVENT_FREE};
    static const uint64_t sizes[] = {100, 100, 200, 300, 300};
    assert_int_equal(rig.event_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(rig.events[i].kind, kinds[i]);
        assert_int_equal(rig.events[i].size, sizes[i]);
    }
    const struct cairn_ledger_counts *counts = cairn_ledger_counts(rig.recorder->ledger);
    assert_int_equal(counts->lost_frees, 0);
    assert_int_equal(counts->unknown_frees, 0);
    rig_release(&rig);
}

/* A process whose thread the kernel holds, as one that touches memory: it waits for a child to let its memory go. */
static pid_t start_held(void)
{
    const pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (vfork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;) {
                pause();
            }
        }
        _exit(0);
    }
    while (cairn_thread_state(pid, pid) != 'D') {
        sched_yield();
    }
    return pid;
}

/* Others wait longer for it than for one that sleeps, and what it says comes in order. */
static void a_thread_in_the_kernel_is_waited_for(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_process process = {.pid = start_held()};
    rig_start(&rig);
    rig_hello(&rig, &process, NULL, 0);
    struct rig_writer held, other;
    rig_writer_open(&held, &rig, &process, process.pid);
    rig_writer_open(&other, &rig, &process, process.pid);
    rig_alloc(&held, &rig, 0, 0x5000, 100);
    rig_drain_until(&rig, 1);

    const int64_t entered = cairn_clock_elapsed_ns(&rig.recorder->clock);
    atomic_store(&held.control->inside, 1);
    const uint64_t early = rig_stamp(&held, &rig);
    usleep(2000);
    rig_alloc(&other, &rig, 0, 0x5000, 200);
    rig_drain_for(&rig, 3 * WAITED_FOR_NS);
    const bool waits = cairn_ledger_position(rig.recorder->ledger) == 1;
    const bool in_time = cairn_clock_elapsed_ns(&rig.recorder->clock) - entered < HELD_FOR_NS;
    assert_true(waits || !in_time);

    rig_write_stamped(&held, early, (const uint64_t[2]){CAIRN_RECORD_FREE, 0x5000}, 2);
    atomic_store(&held.control->inside, 0);
    rig_drain_until(&rig, 3);
    rig_end(&rig, &process);
    rig_finish(&rig);
    static const uint8_t kinds[] = {CAIRN_EVENT_ALLOC, CAIRN_EVENT_FREE, CAIRN_EVENT_ALLOC};
    for (size_t i = 0; waits && i < 3; i++) {
        assert_int_equal(rig.events[i].kind, kinds[i]);
    }
    rig_release(&rig);
}

/* A thread that was given up wakes, and writes more than one look takes: others wait for all of it. */
static void a_thread_that_was_given_up_counts_again(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_process process = {.pid = 0};
    rig_start(&rig);
    rig_hello(&rig, &process, NULL, 0);
    struct rig_writer late, other;
    rig_writer_open(&late, &rig, &process, process.pid); /* that thread sleeps */
    rig_writer_open(&other, &rig, &process, process.pid);
    rig_alloc(&late, &rig, 0, 0x5000, 100);
    rig_drain_until(&rig, 1);
    atomic_store(&late.control->inside, 1);
    usleep(2000);
    rig_alloc(&other, &rig, 0, 0x6000, 200);
    rig_drain_until(&rig, 2); /* without waiting for it any longer */

    const uint64_t alloc[3] = {CAIRN_RECORD_ALLOC, 0x7000, 300}, release[2] = {CAIRN_RECORD_FREE, 0x7000};
    const uint64_t rounds = 3 * CAIRN_RING_PIECE_BYTES / (sizeof alloc + sizeof release);
    for (uint64_t i = 0; i < rounds; i++) {
        rig_write_stamped(&late, rig_stamp(&late, &rig), alloc, 3);
        rig_write_stamped(&late, rig_stamp(&late, &rig), release, 2);
    }
    rig_alloc(&other, &rig, 0, 0x7000, 400);
    usleep(2000);
    rig_drain_for(&rig, 1000000);
    atomic_store(&late.control->inside, 0);
    rig_end(&rig, &process);
    rig_finish(&rig);
    assert_int_equal(rig.event_count, 2 + 2 * rounds + 1);
    assert_int_equal(cairn_ledger_counts(rig.recorder->ledger)->lost_frees, 0);
    assert_int_equal(rig.events[rig.event_count - 1].size, 400);
    rig_release(&rig);
}

/* A ring is taken again and again; stacks of a new owner have nothing of the old one's. */
static void rings_are_used_again(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_process process = {.pid = 0};
    rig_start(&rig);
    rig_hello(&rig, &process, NULL, 0);
    for (uint32_t i = 0; i < 200; i++) {
        struct rig_writer writer;
        rig_writer_open(&writer, &rig, &process, (int32_t)i + 1);
        const uint32_t outer = rig_node(&writer, &rig, 0, 0x1000 + i);
        rig_node(&writer, &rig, outer, 0x2000);
        rig_alloc(&writer, &rig, 2, 0x10000 + i * 32, i);
        rig_writer_close(&writer, &rig);
        cairn_recorder_drain(rig.recorder);
    }
    rig_end(&rig, &process);
    rig_finish(&rig);
    assert_int_equal(rig.event_count, 200);
    assert_int_equal(rig.account_count, 200);
    for (size_t i = 0; i < 200; i++) {
        const struct cairn_account_identity *account = &rig.accounts[rig.events[i].account - 1];
        assert_int_equal(account->thread, i + 1);
        const struct cairn_stack_row *inner = &rig.stacks[account->stack - 1];
        assert_int_equal(inner->depth, 2);
        const struct cairn_frame *frame = &rig.frames[rig.stacks[inner->parent - 1].frame - 1];
        assert_int_equal(frame->offset, 0x1000 + i - 1);
    }
    rig_release(&rig);
}

static void write_module(struct rig_writer *writer, const struct rig *rig, uint64_t start, const char *path)
{
    uint64_t words[6 + 8] = {CAIRN_RECORD_MODULE,
                             (uint64_t)(2 + strlen(path)) | (uint64_t)CAIRN_TEXT_MODULE << 32,
                             start,
                             start + 0x1000,
                             start - 0x100,
                             2};
    memcpy(words + 6, "\xab\xcd", 2);
    memcpy((char *)(words + 6) + 2, path, strlen(path));
    rig_write(writer, rig, words, (uint32_t)(6 + (2 + strlen(path) + 7) / 8));
}

/* The same node, three libraries one after another at its address, and once none. */
static void code_where_other_code_was(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_process process = {.pid = 0};
    struct rig_writer writer;
    rig_start(&rig);
    rig_hello(&rig, &process, NULL, 0);
    rig_writer_open(&writer, &rig, &process, 1);
    write_module(&writer, &rig, 0x10000, "/lib/one.so");
    const uint32_t node = rig_node(&writer, &rig, 0, 0x10234);
    rig_alloc(&writer, &rig, node, 0x5000, 1);
    const uint64_t gone[2] = {CAIRN_RECORD_MODULE_GONE, 0x10000};
    rig_write(&writer, &rig, gone, 2);
    rig_alloc(&writer, &rig, node, 0x6000, 1);
    write_module(&writer, &rig, 0x10000, "/lib/two.so");
    rig_alloc(&writer, &rig, node, 0x7000, 1);
    write_module(&writer, &rig, 0xf800, "/lib/three.so"); /* over it: the dlclose was not seen */
    rig_alloc(&writer, &rig, node, 0x8000, 1);
    write_module(&writer, &rig, 0x10000, "/lib/one.so");
    rig_alloc(&writer, &rig, node, 0x9000, 1);
    rig_end(&rig, &process);
    rig_finish(&rig);

    static const char *const paths[] = {"/lib/one.so", NULL, "/lib/two.so", "/lib/three.so", "/lib/one.so"};
    static const int64_t offsets[] = {0x333, 0x10233, 0x333, 0xb33, 0x333};
    assert_int_equal(rig.event_count, 5);
    for (size_t i = 0; i < 5; i++) {
        const struct cairn_account_identity *account = &rig.accounts[rig.events[i].account - 1];
        const struct cairn_frame *frame = &rig.frames[rig.stacks[account->stack - 1].frame - 1];
        assert_int_equal(frame->offset, offsets[i]);
        if (paths[i]) {
            assert_string_equal(rig.modules[frame->module - 1].path, paths[i]);
            assert_string_equal(rig.modules[frame->module - 1].build_id, "abcd");
        } else {
            assert_int_equal(frame->module, 0);
        }
    }
    assert_int_equal(rig.events[0].account, rig.events[4].account);
    rig_release(&rig);
}

/* Marks stand behind the events of their thread before them, and in the order of time among all. */
static void marks_stand_where_they_were_made(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_process process = {.pid = 0};
    struct rig_writer one, two;
    rig_start(&rig);
    rig_hello(&rig, &process, NULL, 0);
    rig_writer_open(&one, &rig, &process, 1);
    rig_writer_open(&two, &rig, &process, 2);
    rig_alloc(&one, &rig, 0, 0x5000, 1);
    rig_alloc(&two, &rig, 0, 0x6000, 1);
    uint64_t mark[5] = {CAIRN_RECORD_TEXT, 5 | (uint64_t)CAIRN_TEXT_MARK << 32, 0, 0, 0};
    memcpy(mark + 4, "first", 5);
    rig_write(&one, &rig, mark, 5);
    rig_alloc(&two, &rig, 0, 0x7000, 1);
    rig_alloc(&one, &rig, 0, 0x8000, 1);
    memcpy(mark + 4, "later", 5);
    rig_write(&two, &rig, mark, 5);
    rig_end(&rig, &process);
    rig_finish(&rig);
    assert_int_equal(rig.snapshot_count, 2);
    assert_string_equal(rig.snapshots[0].name, "first");
    assert_int_equal(rig.snapshots[0].position, 2);
    assert_string_equal(rig.snapshots[1].name, "later");
    assert_int_equal(rig.snapshots[1].position, 4);
    rig_release(&rig);
}

/* A thread that stops inside a hook holds up the others' records until the recorder keeps no more of them; then all die.
 * False where this machine was too slow for that: the thread was no longer waited for. */
static bool everybody_dies_while_records_wait(void)
{
    enum { BATCHES = 21, BATCH = 10000 }; /* 4.8 MiB: more than is kept, less than that and a ring */
    struct rig rig;
    struct rig_process process = {.pid = 0};
    struct rig_writer stopped, busy;
    rig_start(&rig);
    rig_hello(&rig, &process, NULL, 0);
    rig_writer_open(&stopped, &rig, &process, 1000);
    rig_writer_open(&busy, &rig, &process, 1001);
    const uint32_t node = rig_node(&busy, &rig, 0, 0x1000);
    for (uint64_t i = 0; i < BATCHES; i++) {
        atomic_store(&stopped.control->inside, i + 1); /* not for so long that nobody waits for it */
        for (uint64_t j = 0; j < BATCH; j++) {
            rig_alloc(&busy, &rig, node, (i * BATCH + j + 1) * 64, 48);
        }
        cairn_recorder_drain(rig.recorder);
    }
    const bool waiting = atomic_load(&busy.control->head) != atomic_load(&busy.control->tail);
    rig_end(&rig, &process);
    rig_finish(&rig);
    assert_int_equal(rig.event_count, BATCHES * BATCH);
    rig_release(&rig);
    return waiting;
}

static void what_waits_in_a_ring_at_the_end_is_taken(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        if (everybody_dies_while_records_wait()) {
            return;
        }
    }
    skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_that_share_addresses),
        cmocka_unit_test(a_recorder_that_is_held_up),
        cmocka_unit_test(garbage_is_survived),
        cmocka_unit_test(pieces_end_anywhere),
        cmocka_unit_test(what_waits_in_a_ring_at_the_end_is_taken),
        cmocka_unit_test(late_records_match_the_older_block),
        cmocka_unit_test(a_thread_in_the_kernel_is_waited_for),
        cmocka_unit_test(a_thread_that_was_given_up_counts_again),
        cmocka_unit_test(rings_are_used_again),
        cmocka_unit_test(code_where_other_code_was),
        cmocka_unit_test(marks_stand_where_they_were_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
