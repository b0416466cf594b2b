/* The recorder short of memory: the n-th allocation fails, once or from then on, for every n. Nothing may crash, and the events
 * that come out are still pairs. Linked with malloc, calloc and realloc wrapped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/aggregate.h"
#include "rig.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

/* Only this thread's allocations count, and only while it is armed. */
static __thread bool armed;
static __thread bool for_ever;
static __thread long countdown;

static bool fails(void)
{
    if (!armed || countdown > 0) {
        countdown -= armed;
        return false;
    }
    if (!for_ever) {
        armed = false;
    }
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return fails() ? NULL : __real_realloc(block, size);
}

static void write_story(struct rig_writer *writer, const struct rig *rig, uint32_t thread)
{
    for (uint32_t i = 0; i < 300; i++) {
        const uint32_t node = rig_node(writer, rig, i % 7 ? writer->nodes : 0, 0x1000 + i * 8 + thread);
        rig_alloc(writer, rig, node, 0x10000 + thread * 0x100000 + i * 64, i);
        if (i % 3 == 0) {
            rig_free(writer, rig, 0x10000 + thread * 0x100000 + i * 64);
        }
    }
    const uint64_t fork[2] = {CAIRN_RECORD_FORK, 1};
    rig_write(writer, rig, fork, 2);
    const uint64_t map[4] = {CAIRN_RECORD_MAP, 0x7f0000000000, 0x10000, 0};
    rig_write(writer, rig, map, 4);
    const uint64_t unmap[3] = {CAIRN_RECORD_UNMAP, 0x7f0000004000, 0x1000};
    rig_write(writer, rig, unmap, 3);
    const uint64_t name[5] = {CAIRN_RECORD_TEXT, 4 | (uint64_t)CAIRN_TEXT_THREAD_NAME << 32, 0, 0,
                              0x64636261};
    rig_write(writer, rig, name, 5);
}

/* Every free names a block that is live, and that is its size. */
static void check_pairs(const struct rig *rig)
{
    uint64_t *live = __real_calloc(rig->event_count + 1, sizeof *live);
    for (size_t i = 0; i < rig->event_count; i++) {
        const struct cairn_event *event = &rig->events[i];
        assert_true(event->kind == CAIRN_EVENT_END || event->account <= rig->account_count);
        if (event->kind == CAIRN_EVENT_FREE || event->kind == CAIRN_EVENT_LOST) {
            assert_true(event->birth < i && live[event->birth] >= event->size + 1);
            live[event->birth] = 0;
        } else if (event->kind == CAIRN_EVENT_ALLOC) {
            live[i] = event->size + 1;
        }
    }
    free(live);
}

/* Returns whether the failure was reached. */
static bool run(long at, bool from_then_on)
{
    struct rig rig;
    struct rig_process process = {.pid = 0};
    struct rig_writer writers[2];
    rig_start(&rig);
    rig_hello(&rig, &process, NULL, 0);
    for (uint32_t i = 0; i < 2; i++) {
        rig_writer_open(&writers[i], &rig, &process, (int32_t)i + 1);
        write_story(&writers[i], &rig, i);
    }
    rig_end(&rig, &process);
    struct cairn_recorder *recorder = rig.recorder;
    for (size_t i = 0; i < recorder->target_count; i++) {
        cairn_recorder_target_left(recorder, recorder->targets[i]);
    }
    countdown = at;
    for_ever = from_then_on;
    armed = true;
    for (int i = 0; i < 3; i++) {
        cairn_recorder_drain(recorder);
        cairn_recorder_send(recorder);
        cairn_ledger_send(recorder->ledger, true);
    }
    const bool reached = !armed || countdown <= 0;
    armed = false;
    rig_finish(&rig);
    check_pairs(&rig);
    rig_release(&rig);
    return reached;
}

static void every_allocation_fails_once(void **state)
{
    (void)state;
    long at = 0;
    while (run(at, false)) {
        at++;
    }
    assert_true(at > 20);
}

static void memory_is_gone_from_some_point_on(void **state)
{
    (void)state;
    for (long at = 0; run(at, true); at++) {
    }
}

static void sums_say_that_they_failed(void **state)
{
    (void)state;
    for (long at = 0;; at++) {
        struct cairn_account_identity identities[200];
        struct cairn_event events[400] = {{.t_ns = 0}};
        const uint8_t lifetimes[400] = {0};
        for (uint32_t i = 0; i < 200; i++) {
            identities[i] = (struct cairn_account_identity){.process = 1 + i % 3, .thread = 1, .stack = i};
            events[2 * i].account = i + 1;
            events[2 * i].size = i;
            events[2 * i + 1] =
                (struct cairn_event){.kind = CAIRN_EVENT_FREE, .account = i + 1, .size = i, .birth = 2 * i};
        }
        struct cairn_aggregate aggregate;
        countdown = at;
        for_ever = false;
        armed = true;
        cairn_aggregate_init(&aggregate);
        cairn_aggregate_add_accounts(&aggregate, identities, 200);
        if (!aggregate.failed) {
            cairn_aggregate_events(&aggregate, events, lifetimes, 400);
        }
        const bool reached = !armed;
        armed = false;
        assert_int_equal(aggregate.failed, reached);
        cairn_aggregate_release(&aggregate);
        if (!reached) {
            return;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_fails_once),
        cmocka_unit_test(memory_is_gone_from_some_point_on),
        cmocka_unit_test(sums_say_that_they_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
