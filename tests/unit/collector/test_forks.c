/* What forked children inherit, in whatever order their parents' records and their own come, and their ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rig.h"

/* The child says HELLO before its parent's FORK record came through the merge: its records wait for it. */
static void a_child_that_is_early(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_process parent = {.pid = 0}, child = {.pid = 0}, late = {.pid = 0};
    struct rig_writer writer, own;
    rig_start(&rig);
    rig_hello(&rig, &parent, NULL, 0);
    rig_writer_open(&writer, &rig, &parent, 1);
    rig_alloc(&writer, &rig, 0, 0x5000, 100);
    const uint64_t first[2] = {CAIRN_RECORD_FORK, 1}, second[2] = {CAIRN_RECORD_FORK, 2};
    rig_write(&writer, &rig, first, 2);
    rig_hello(&rig, &child, &parent, 1);
    rig_writer_open(&own, &rig, &child, 2);
    rig_free(&own, &rig, 0x5000);        /* the inherited one: no event */
    rig_alloc(&own, &rig, 0, 0x5000, 7); /* its own */
    rig_write(&writer, &rig, second, 2);
    rig_free(&writer, &rig, 0x5000);
    rig_drain_until(&rig, 3);
    rig_hello(&rig, &late, &parent, 2); /* the image is there already */
    rig_writer_open(&own, &rig, &late, 3);
    rig_free(&own, &rig, 0x5000);
    rig_drain_for(&rig, 5000000);
    assert_int_equal(cairn_ledger_position(rig.recorder->ledger), 3);
    rig_end(&rig, &parent);
    rig_end(&rig, &child);
    rig_end(&rig, &late);
    rig_finish(&rig);
    assert_int_equal(cairn_ledger_counts(rig.recorder->ledger)->unknown_frees, 0);
    assert_int_equal(rig.events[1].kind, CAIRN_EVENT_ALLOC);
    assert_int_equal(rig.accounts[rig.events[1].account - 1].process, child.number);
    assert_int_equal(rig.events[2].kind, CAIRN_EVENT_FREE);
    assert_int_equal(rig.events[2].size, 100);
    rig_release(&rig);
}

/* Both are gone before anything was read: the child, which died first, is nobody's heir. */
static void a_child_that_died_before_its_parent(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_process parent = {.pid = 0}, child = {.pid = 0};
    struct rig_writer writer, own;
    rig_start(&rig);
    rig_hello(&rig, &parent, NULL, 0);
    rig_writer_open(&writer, &rig, &parent, 1);
    rig_alloc(&writer, &rig, 0, 0x5000, 100);
    const uint64_t fork[2] = {CAIRN_RECORD_FORK, 1};
    rig_write(&writer, &rig, fork, 2);
    rig_hello(&rig, &child, &parent, 1);
    rig_writer_open(&own, &rig, &child, 2);
    rig_alloc(&own, &rig, 0, 0x6000, 7);
    rig_end(&rig, &child);
    rig_end(&rig, &parent);
    for (int i = 0; i < 3; i++) {
        cairn_recorder_drain(rig.recorder);
    }
    rig_finish(&rig);
    assert_int_equal(rig.event_count, 2);
    assert_int_equal(rig.events[0].kind, CAIRN_EVENT_ALLOC);
    assert_int_equal(rig.events[1].kind, CAIRN_EVENT_ALLOC);
    rig_release(&rig);
}

/* A fork from a time that never comes: nobody waits for its child for ever. */
static void a_fork_of_the_future(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_process process = {.pid = 0};
    struct rig_writer writer;
    rig_start(&rig);
    rig.options.follow = true;
    rig_hello(&rig, &process, NULL, 0);
    rig_writer_open(&writer, &rig, &process, 1);
    const uint64_t fork[2] = {CAIRN_RECORD_FORK, 1};
    rig_write_stamped(&writer, UINT64_C(1) << 54, fork, 2);
    rig_end(&rig, &process);
    for (int i = 0; i < 3; i++) {
        cairn_recorder_drain(rig.recorder);
    }
    const int64_t now_ns = cairn_clock_elapsed_ns(&rig.recorder->clock);
    assert_true(cairn_recorder_expects_children(rig.recorder, now_ns));
    assert_false(cairn_recorder_expects_children(rig.recorder, now_ns + 60000000000));
    rig_finish(&rig);
    rig_release(&rig);
}

/* A child that was not announced, of a parent that is gone: what it inherits is not known, and that is said. */
static void a_raw_clone_of_a_dead_parent(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_process parent = {.pid = 0}, child = {.pid = 0};
    struct rig_writer writer, own;
    rig_start(&rig);
    rig_hello(&rig, &parent, NULL, 0);
    rig_writer_open(&writer, &rig, &parent, 1);
    rig_alloc(&writer, &rig, 0, 0x5000, 100);
    rig_end(&rig, &parent);
    while (rig.recorder->targets[0]->state != CAIRN_TARGET_DONE) {
        cairn_recorder_drain(rig.recorder);
    }
    rig_hello(&rig, &child, &parent, 0);
    rig_writer_open(&own, &rig, &child, 2);
    rig_alloc(&own, &rig, 0, 0x5000, 7);
    rig_end(&rig, &child);
    rig_finish(&rig);
    assert_int_equal(rig.event_count, 3);
    assert_int_equal(rig.events[1].kind, CAIRN_EVENT_END);
    assert_int_equal(rig.events[2].size, 7);
    assert_int_equal(rig.notes, 1);
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_that_is_early),
        cmocka_unit_test(a_child_that_died_before_its_parent),
        cmocka_unit_test(a_fork_of_the_future),
        cmocka_unit_test(a_raw_clone_of_a_dead_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
