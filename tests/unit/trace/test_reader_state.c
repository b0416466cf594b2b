/* Every question about a moment, asked of random recordings at random positions, against a replay of single blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cairn/trace.h"
#include "random_events.h"

#define EVENTS    3000
#define QUESTIONS 80

struct subject {
    char path[64];
    struct random_events stream;
    struct cairn_trace *trace;
    uint64_t seed;
};

static void open_subject(struct subject *subject, uint64_t seed, size_t cache_bytes)
{
    static const size_t chunk_events[] = {1, 13, 64, 500, 1000, 65536};
    static const unsigned keyframe_chunks[] = {1, 3, 4, 16, 1000000};
    struct trace_maker maker;
    struct cairn_error error;
    const struct cairn_trace_options options = {.cache_bytes = cache_bytes};
    subject->seed = seed;
    snprintf(subject->path, sizeof(subject->path), "reader-state-%d.cairn", (int)getpid());
    random_events_make(&subject->stream, seed, EVENTS);
    maker_open(&maker, subject->path, chunk_events[seed % 6], keyframe_chunks[seed % 5]);
    random_events_record(&subject->stream, &maker);
    maker_close(&maker);
    if (cairn_trace_open(subject->path, &options, &subject->trace, &error) != CAIRN_OK) {
        fail_msg("%s", error.message);
    }
}

static void close_subject(struct subject *subject)
{
    cairn_trace_close(subject->trace);
    random_events_free(&subject->stream);
    unlink(subject->path);
}

/* Any position, often one at or beside a chunk's border. */
static uint64_t random_position(struct subject *subject)
{
    return random_below(&subject->seed, subject->stream.count + 1);
}

static void replay(const struct subject *subject, uint64_t position, struct model *model)
{
    model_init(model, &subject->stream);
    for (uint64_t i = 0; i < position; i++) {
        model_apply(model, i);
    }
}

static void check_state(struct subject *subject, uint64_t position)
{
    const struct cairn_state *state;
    struct cairn_error error;
    struct model model;
    replay(subject, position, &model);
    if (cairn_trace_state(subject->trace, position, &state, &error) != CAIRN_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(state->position, position);
    assert_int_equal(state->count, subject->stream.accounts);
    assert_memory_equal(state->totals, model.totals, state->count * sizeof(state->totals[0]));
    cairn_state_release(subject->trace, state);
    model_release(&model);
}

static void each_subject(void (*check)(struct subject *subject))
{
    for (uint64_t seed = 1; seed <= 15; seed++) {
        struct subject subject;
        open_subject(&subject, seed, seed % 3 == 0 ? 1 : 0);
        check(&subject);
        close_subject(&subject);
    }
}

static void states(struct subject *subject)
{
    for (int i = 0; i < QUESTIONS; i++) {
        const uint64_t position = random_position(subject);
        check_state(subject, position);
        for (uint64_t step = 1; step < 4 && position + step <= subject->stream.count; step++) {
            check_state(subject, position + step);
        }
    }
    check_state(subject, 0);
    check_state(subject, subject->stream.count);
}

static void test_states(void **state)
{
    (void)state;
    each_subject(states);
}

static void positions(struct subject *subject)
{
    const struct cairn_event *events = subject->stream.events;
    struct cairn_error error;
    for (int i = 0; i < QUESTIONS; i++) {
        uint64_t position, expected = 0;
        int64_t t_ns;
        const uint64_t asked = random_position(subject);
        assert_int_equal(cairn_trace_time_of(subject->trace, asked, &t_ns, &error), CAIRN_OK);
        assert_int_equal(t_ns, asked ? (int64_t)events[asked - 1].t_ns : 0);
        t_ns += (int64_t)random_below(&subject->seed, 3) * 500 - 500;
        while (expected < subject->stream.count && (int64_t)events[expected].t_ns <= t_ns) {
            expected++;
        }
        assert_int_equal(cairn_trace_position_at(subject->trace, t_ns, &position, &error), CAIRN_OK);
        assert_int_equal(position, expected);
    }
}

static void test_positions(void **state)
{
    (void)state;
    each_subject(positions);
}

static void peaks(struct subject *subject)
{
    for (int i = 0; i < QUESTIONS / 4; i++) {
        uint64_t from = random_position(subject), to = random_position(subject), position, best_position;
        const uint32_t process = (uint32_t)random_below(&subject->seed, subject->stream.processes + 1);
        int64_t bytes, best;
        struct cairn_error error;
        struct model model;
        if (from > to) {
            const uint64_t swap = from;
            from = to;
            to = swap;
        }
        replay(subject, from, &model);
        best = model_heap(&model, process);
        best_position = from;
        for (uint64_t at = from; at < to; at++) {
            model_apply(&model, at);
            if (model_heap(&model, process) > best) {
                best = model_heap(&model, process);
                best_position = at + 1;
            }
        }
        model_release(&model);
        if (cairn_trace_peak_between(subject->trace, process, from, to, &position, &bytes, &error) !=
            CAIRN_OK) {
            fail_msg("%s", error.message);
        }
        assert_int_equal(bytes, best);
        assert_int_equal(position, best_position);
    }
}

static void test_peaks(void **state)
{
    (void)state;
    each_subject(peaks);
}

static void survivors(struct subject *subject)
{
    for (int i = 0; i < QUESTIONS; i++) {
        uint64_t a = random_position(subject), b = random_position(subject);
        struct cairn_totals *survived, expected[256] = {{0}};
        struct cairn_error error;
        struct model model;
        size_t count;
        if (a > b) {
            const uint64_t swap = a;
            a = b;
            b = swap;
        }
        replay(subject, b, &model);
        for (size_t k = 0; k < model.block_count; k++) {
            if (model.blocks[k].origin >= a) {
                expected[model.blocks[k].account - 1].live_bytes += (int64_t)model.blocks[k].size;
                expected[model.blocks[k].account - 1].live_blocks++;
            }
        }
        model_release(&model);
        if (cairn_trace_survived(subject->trace, a, b, &survived, &count, &error) != CAIRN_OK) {
            fail_msg("%s", error.message);
        }
        assert_int_equal(count, subject->stream.accounts);
        assert_memory_equal(survived, expected, count * sizeof(expected[0]));
        free(survived);
    }
}

static void test_survivors(void **state)
{
    (void)state;
    each_subject(survivors);
}

struct comparison {
    const struct random_events *stream;
    uint64_t next, stop_at;
};

static bool compare_event(void *state, uint64_t ordinal, const struct cairn_event *event)
{
    struct comparison *comparison = state;
    struct cairn_event expected = comparison->stream->events[ordinal];
    expected.old_size = expected.kind == CAIRN_EVENT_ADOPT ? 0 : expected.old_size;
    assert_int_equal(ordinal, comparison->next++);
    assert_int_equal(event->t_ns, expected.t_ns);
    assert_int_equal(event->kind, expected.kind);
    assert_int_equal(event->size, expected.size);
    assert_int_equal(event->account, expected.account);
    assert_int_equal(event->birth, expected.birth);
    assert_int_equal(event->old_size, expected.old_size);
    assert_int_equal(event->old_account, expected.old_account);
    assert_int_equal(event->flags, expected.flags);
    return ordinal != comparison->stop_at;
}

static void events(struct subject *subject)
{
    struct cairn_error error;
    for (int i = 0; i < 10; i++) {
        uint64_t from = random_position(subject), to = random_position(subject);
        struct comparison comparison = {.stream = &subject->stream, .next = from, .stop_at = UINT64_MAX};
        assert_int_equal(cairn_trace_events(subject->trace, from, to, compare_event, &comparison, &error),
                         CAIRN_OK);
        assert_int_equal(comparison.next, from < to ? to : from);
        if (from < to) {
            comparison = (struct comparison){.stream = &subject->stream, .next = from, .stop_at = from};
            assert_int_equal(cairn_trace_events(subject->trace, from, to, compare_event, &comparison, &error),
                             CAIRN_OK);
            assert_int_equal(comparison.next, from + 1);
        }
    }
    assert_int_equal(cairn_trace_events(subject->trace, 0, EVENTS * 2, compare_event, NULL, &error),
                     CAIRN_E_NOT_FOUND);
}

static void test_events(void **state)
{
    (void)state;
    each_subject(events);
}

/* States that a caller holds outlive what the cache does. */
static void test_held_states(void **unused)
{
    struct subject subject;
    const struct cairn_state *held[64];
    struct cairn_lru_stats stats;
    struct cairn_error error;
    (void)unused;
    open_subject(&subject, 3, 1);
    for (uint64_t i = 0; i < 64; i++) {
        assert_int_equal(cairn_trace_state(subject.trace, i * 45, &held[i], &error), CAIRN_OK);
    }
    for (uint64_t i = 0; i < 64; i++) {
        struct model model;
        replay(&subject, i * 45, &model);
        assert_memory_equal(held[i]->totals, model.totals, held[i]->count * sizeof(model.totals[0]));
        model_release(&model);
        cairn_state_release(subject.trace, held[i]);
    }
    cairn_trace_cache_stats(subject.trace, &stats);
    assert_true(stats.evictions > 0);
    assert_true(stats.entries <= 1);
    close_subject(&subject);
}

/* The first chunks have lost their single events: borders, the peak and everything behind stay exact. */
static bool stop(void *state, uint64_t ordinal, const struct cairn_event *event)
{
    (void)state;
    (void)ordinal;
    (void)event;
    return false;
}

/* Of two snapshots between the borders of dropped chunks the first has its sites; of moments, borders and the peak are exact. */
static void check_exactness(struct subject *subject, const struct cairn_snapshot snapshots[2],
                            uint64_t border, uint64_t peak)
{
    struct cairn_error error;
    struct cairn_snapshot empty = snapshots[1];
    const struct cairn_event *events = subject->stream.events;
    bool has;
    for (int i = 0; i < 2; i++) {
        assert_false(cairn_trace_is_exact(subject->trace, snapshots[i].event, snapshots[i].t_ns));
        assert_int_equal(cairn_trace_has_sites(subject->trace, &snapshots[i], &has, &error), CAIRN_OK);
        assert_int_equal(has, i == 0);
    }
    empty.blocks = 0;
    assert_int_equal(cairn_trace_has_sites(subject->trace, &empty, &has, &error), CAIRN_OK);
    assert_true(has);
    assert_true(cairn_trace_is_exact(subject->trace, border - 100, (int64_t)events[border - 101].t_ns));
    assert_true(cairn_trace_is_exact(subject->trace, peak, (int64_t)events[peak - 1].t_ns));
    assert_true(cairn_trace_is_exact(subject->trace, border + 7, (int64_t)events[border + 6].t_ns));
}

static void test_dropped_events(void **unused)
{
    struct subject subject = {.seed = 4};
    struct trace_maker maker;
    struct cairn_error error;
    const struct cairn_state *state;
    struct cairn_totals *survived;
    struct model model;
    uint64_t position;
    int64_t t_ns, bytes;
    size_t count;
    (void)unused;
    snprintf(subject.path, sizeof(subject.path), "reader-dropped-%d.cairn", (int)getpid());
    random_events_make(&subject.stream, 4, EVENTS);
    maker_open(&maker, subject.path, 100, 4);
    random_events_record(&subject.stream, &maker);
    maker_commit(&maker);
    const uint64_t peak = (uint64_t)maker.recording.peak_event;
    const uint64_t border = (peak / 100 + 1) * 100; /* behind the peak */
    struct cairn_snapshot snapshots[2];
    for (uint32_t i = 0; i < 2; i++) {
        const uint64_t at = border - 137 + 100 * i; /* of two chunks, one of which the peak may be in */
        snapshots[i] = (struct cairn_snapshot){.snapshot = i + 1,
                                               .event = at,
                                               .t_ns = (int64_t)subject.stream.events[at - 1].t_ns,
                                               .kind = "periodic",
                                               .blocks = 3};
        cairn_writer_snapshot(maker.writer, &snapshots[i],
                              &(struct cairn_snapshot_site){.account = 1, .live_bytes = 9, .live_blocks = 3},
                              i == 0 ? 1 : 0);
    }
    maker.recording.exact_from_ns = 12000000000;
    cairn_writer_drop_events(maker.writer, (uint32_t)(border / 100) - 1, maker.recording.exact_from_ns);
    maker_close(&maker);
    assert_int_equal(cairn_trace_open(subject.path, NULL, &subject.trace, &error), CAIRN_OK);

    for (uint64_t at = 0; at <= border; at += 100) {
        check_state(&subject, at);
    }
    for (uint64_t at = border + 1; at <= subject.stream.count; at += 77) {
        check_state(&subject, at);
    }
    assert_int_equal(cairn_trace_state(subject.trace, border - 37, &state, &error), CAIRN_OK);
    assert_int_equal(state->position, border - 100);
    cairn_state_release(subject.trace, state);
    assert_int_equal(
        cairn_trace_peak_between(subject.trace, 0, 0, subject.stream.count, &position, &bytes, &error),
        CAIRN_OK);
    assert_int_equal(position, peak);
    assert_int_equal(cairn_trace_time_of(subject.trace, position, &t_ns, &error), CAIRN_OK);
    assert_int_equal(t_ns, subject.stream.events[peak - 1].t_ns);
    replay(&subject, peak, &model);
    assert_int_equal(cairn_trace_state(subject.trace, peak, &state, &error), CAIRN_OK);
    assert_int_equal(state->position, peak);
    for (size_t i = 0; i < state->count; i++) {
        assert_int_equal(state->totals[i].live_bytes, model.totals[i].live_bytes);
        assert_int_equal(state->totals[i].live_blocks, model.totals[i].live_blocks);
    }
    cairn_state_release(subject.trace, state);
    model_release(&model);
    assert_int_equal(cairn_trace_survived(subject.trace, 100, border + 5, &survived, &count, &error),
                     CAIRN_OK);
    assert_null(survived);
    assert_int_equal(cairn_trace_events(subject.trace, 100, 200, stop, NULL, &error), CAIRN_E_NOT_FOUND);
    assert_non_null(strstr(error.message, "they begin at 12.000 s"));
    assert_int_equal(cairn_trace_survived(subject.trace, border, border + 500, &survived, &count, &error),
                     CAIRN_OK);
    assert_non_null(survived);
    free(survived);
    assert_int_equal(
        cairn_trace_position_at(subject.trace, (int64_t)subject.stream.events[150].t_ns, &position, &error),
        CAIRN_OK);
    assert_int_equal(position % 100, 0);
    assert_true(position <= 151);
    check_exactness(&subject, snapshots, border, peak);
    close_subject(&subject);
}

static void test_wrong_questions(void **unused)
{
    struct subject subject;
    const struct cairn_state *state;
    struct cairn_totals *survived;
    struct cairn_error error;
    uint64_t position;
    int64_t number;
    size_t count;
    (void)unused;
    open_subject(&subject, 2, 0);
    assert_int_equal(cairn_trace_state(subject.trace, EVENTS * 2, &state, &error), CAIRN_E_NOT_FOUND);
    assert_non_null(strstr(error.message, "there is no event 6000"));
    assert_int_equal(cairn_trace_time_of(subject.trace, UINT64_MAX, &number, &error), CAIRN_E_NOT_FOUND);
    assert_int_equal(cairn_trace_survived(subject.trace, 2, 1, &survived, &count, &error), CAIRN_E_USAGE);
    assert_int_equal(cairn_trace_survived(subject.trace, 2, EVENTS * 2, &survived, &count, &error),
                     CAIRN_E_NOT_FOUND);
    assert_int_equal(cairn_trace_peak_between(subject.trace, 0, 2, 1, &position, &number, &error),
                     CAIRN_E_USAGE);
    assert_int_equal(cairn_trace_peak_between(subject.trace, 0, 2, EVENTS * 2, &position, &number, &error),
                     CAIRN_E_NOT_FOUND);
    close_subject(&subject);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),         cmocka_unit_test(test_positions),
        cmocka_unit_test(test_peaks),          cmocka_unit_test(test_survivors),
        cmocka_unit_test(test_events),         cmocka_unit_test(test_held_states),
        cmocka_unit_test(test_dropped_events), cmocka_unit_test(test_wrong_questions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
