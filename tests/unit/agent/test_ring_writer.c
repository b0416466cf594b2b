/* The producer's side of a ring: wrapping, waiting, and the ends of a recording. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/process.h"
#include "agent/ring_writer.h"

static int stops;

void cairn_process_stop(void)
{
    stops++;
}

struct ring {
    struct cairn_segment_header header;
    uint64_t words[CAIRN_RING_BYTES / 8];
};

static struct ring *ring;

static struct cairn_ring_writer open_writer(uint64_t at)
{
    memset(&ring->header, 0, sizeof ring->header);
    stops = 0;
    atomic_store(&ring->header.collector_alive, 1234);
    struct cairn_ring_control *control = &ring->header.rings[0];
    atomic_store(&control->head, at);
    atomic_store(&control->tail, at);
    return (struct cairn_ring_writer){.control = control,
                                      .segment = &ring->header,
                                      .words = ring->words,
                                      .head = at,
                                      .tail_seen = at,
                                      .clock_kind = CAIRN_CLOCK_TSC};
}

static void test_wraps_with_a_pad(void **state)
{
    (void)state;
    const uint64_t at = 5ull * CAIRN_RING_BYTES - 16;
    struct cairn_ring_writer writer = open_writer(at);
    ring->words[CAIRN_RING_BYTES / 8 - 2] = 77;
    uint64_t *record = cairn_ring_writer_reserve(&writer, 3);
    assert_ptr_equal(record, ring->words);
    assert_int_equal(ring->words[CAIRN_RING_BYTES / 8 - 2], CAIRN_RECORD_PAD);
    /* The pad is told before the record. */
    assert_int_equal(atomic_load(&writer.control->head), at + 16);
    cairn_ring_writer_commit(&writer, 3);
    assert_int_equal(atomic_load(&writer.control->head), at + 16 + 24);
}

static void test_fits_exactly(void **state)
{
    (void)state;
    struct cairn_ring_writer writer = open_writer(CAIRN_RING_BYTES - 24);
    assert_ptr_equal(cairn_ring_writer_reserve(&writer, 3), ring->words + CAIRN_RING_BYTES / 8 - 3);
    cairn_ring_writer_commit(&writer, 3);
    assert_ptr_equal(cairn_ring_writer_reserve(&writer, 3), ring->words);
}

static void fill(struct cairn_ring_writer *writer)
{
    for (uint64_t i = 0; i < CAIRN_RING_BYTES / 8 / 1024; i++) {
        assert_non_null(cairn_ring_writer_reserve(writer, 1024));
        cairn_ring_writer_commit(writer, 1024);
    }
}

static void *drain_later(void *state)
{
    struct cairn_ring_control *control = state;
    usleep(20000);
    atomic_store(&control->tail, atomic_load(&control->head));
    return NULL;
}

static void test_waits_for_room(void **state)
{
    (void)state;
    struct cairn_ring_writer writer = open_writer(0);
    pthread_t id;
    fill(&writer);
    assert_int_equal(pthread_create(&id, NULL, drain_later, writer.control), 0);
    assert_non_null(cairn_ring_writer_reserve(&writer, 1));
    pthread_join(id, NULL);
    assert_in_range(atomic_load(&writer.control->stalled_ns), 10000000, 10000000000);
    assert_int_equal(stops, 0);
}

static void test_collector_died(void **state)
{
    (void)state;
    struct cairn_ring_writer writer = open_writer(0);
    fill(&writer);
    atomic_store(&ring->header.collector_alive, 1234 | 0x40000000u);
    assert_null(cairn_ring_writer_reserve(&writer, 1));
    assert_int_equal(stops, 1);
}

static void test_collector_stopped(void **state)
{
    (void)state;
    struct cairn_ring_writer writer = open_writer(0);
    fill(&writer);
    atomic_store(&ring->header.control, CAIRN_CONTROL_STOP);
    assert_null(cairn_ring_writer_reserve(&writer, 1));
    /* There is no ring after a fork. */
    writer = (struct cairn_ring_writer){.control = NULL};
    assert_null(cairn_ring_writer_reserve(&writer, 1));
}

static void test_stamps_never_decrease(void **state)
{
    (void)state;
    struct cairn_ring_writer writer = open_writer(0);
    assert_int_equal(cairn_ring_writer_advance(&writer, 100), 100);
    assert_int_equal(cairn_ring_writer_advance(&writer, 90), 100);
    assert_int_equal(cairn_ring_writer_advance(&writer, 101), 101);
    writer.clock_kind = CAIRN_CLOCK_STOPPED;
    assert_int_equal(cairn_ring_writer_now(&writer), 101);
    writer.clock_kind = CAIRN_CLOCK_MONOTONIC;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const uint64_t before = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    assert_in_range(cairn_ring_writer_now(&writer), before, before + 1000000000u);
}

/* How many of `most` stamps in a row are the first one. */
static unsigned count_shared(struct cairn_ring_writer *writer, unsigned most)
{
    const uint64_t first = cairn_ring_writer_stamp_near(writer);
    unsigned shared = 1;
    while (shared < most && cairn_ring_writer_stamp_near(writer) == first) {
        shared++;
    }
    return shared;
}

static void test_stamps_are_shared(void **state)
{
    (void)state;
    struct cairn_ring_writer writer = open_writer(0);
    assert_int_equal(count_shared(&writer, 100), 1); /* the collector sleeps */
    atomic_store(&ring->header.beat, 7);
    assert_int_equal(count_shared(&writer, 100), CAIRN_STAMP_SHARERS);
    writer.shared_left = 0;
    const uint64_t before = cairn_ring_writer_stamp_near(&writer);
    assert_int_equal(cairn_ring_writer_stamp_near(&writer), before);
    atomic_store(&ring->header.beat, 8); /* it has looked */
    assert_true(cairn_ring_writer_stamp_near(&writer) > before);
    atomic_store(&cairn_ring_writers_many, true);
    assert_int_equal(count_shared(&writer, 100), 1);
    atomic_store(&cairn_ring_writers_many, false);
}

int main(void)
{
    ring = aligned_alloc(CAIRN_CACHE_LINE, (sizeof *ring + 63) & ~(size_t)63);
    if (!ring) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wraps_with_a_pad),  cmocka_unit_test(test_fits_exactly),
        cmocka_unit_test(test_waits_for_room),    cmocka_unit_test(test_collector_died),
        cmocka_unit_test(test_collector_stopped), cmocka_unit_test(test_stamps_never_decrease),
        cmocka_unit_test(test_stamps_are_shared),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(ring);
    return failed;
}
