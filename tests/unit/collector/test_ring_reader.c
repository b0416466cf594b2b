/* Stamps in a ring that no clock gave: neither the trace's times nor its order suffer by them, and nobody waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rig.h"

#define HOUR_NS 3600000000000

static void records_of_the_future_came_now(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_process process = {.pid = 0};
    struct rig_writer liar, other;
    rig_start(&rig);
    rig_hello(&rig, &process, NULL, 0);
    rig_writer_open(&liar, &rig, &process, 1);
    rig_writer_open(&other, &rig, &process, 2);
    const uint64_t alloc[3] = {CAIRN_RECORD_ALLOC, 0x5000, 100}, release[2] = {CAIRN_RECORD_FREE, 0x5000};
    rig_write_stamped(&liar, rig_stamp(&liar, &rig) + cairn_clock_units(&rig.recorder->clock, HOUR_NS), alloc,
                      3);
    rig_drain_until(&rig, 1);
    rig_write_stamped(&liar, UINT64_MAX >> 8, release, 2);
    rig_alloc(&other, &rig, 0, 0x6000, 200);
    rig_drain_until(&rig, 3);
    rig_alloc(&other, &rig, 0, 0x5000, 300);
    rig_drain_until(&rig, 4);
    liar.last_stamp = 0; /* its clock is right again */
    rig_free(&liar, &rig, 0x5000);
    rig_drain_until(&rig, 5);
    const uint64_t now_ns = (uint64_t)cairn_clock_elapsed_ns(&rig.recorder->clock);
    rig_end(&rig, &process);
    rig_finish(&rig);

    assert_int_equal(rig.event_count, 5);
    for (size_t i = 0; i < rig.event_count; i++) {
        assert_true(rig.events[i].t_ns <= now_ns);
    }
    assert_int_equal(rig.events[3].size, 300);
    assert_int_equal(rig.events[4].kind, CAIRN_EVENT_FREE);
    assert_int_equal(cairn_ledger_counts(rig.recorder->ledger)->unknown_frees, 0);
    rig_release(&rig);
}

/* Those of a look before stay as they are, also where they are later by the slack. */
static void records_that_were_held_back_stay_in_order(void **state)
{
    (void)state;
    static uint64_t words[CAIRN_RING_BYTES / 8];
    struct cairn_ring_control control = {.state = CAIRN_RING_OWNED};
    struct cairn_ring_reader reader;
    static const uint64_t stamps[] = {10, 1000, 20, 5000}, told[] = {10, 100, 100, 120};
    cairn_ring_reader_init(&reader, &control, words);
    for (size_t i = 0; i < 4; i++) {
        words[2 * i] = stamps[i] << 8 | CAIRN_RECORD_FREE;
    }
    atomic_store(&control.inside, 1);
    atomic_store(&control.head, 3 * 16);
    assert_int_equal(cairn_ring_reader_copy(&reader, 5), 3 * 16);
    cairn_ring_reader_hold_back(&reader, 100);
    assert_int_equal(reader.bound, 100);
    atomic_store(&control.head, 4 * 16);
    assert_int_equal(cairn_ring_reader_copy(&reader, 5), 16);
    cairn_ring_reader_hold_back(&reader, 120);
    assert_int_equal(reader.bound, 120);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(cairn_record_stamp(reader.staged + reader.begin + 2 * i), told[i]);
    }
    cairn_ring_reader_release(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_of_the_future_came_now),
        cmocka_unit_test(records_that_were_held_back_stay_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
