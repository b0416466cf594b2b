#include "query/moment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model.h"
#include "names.h"

static struct fixture fixture;
static struct cairn_trace *trace;

static int set_up(void **state)
{
    (void)state;
    struct cairn_error error;
    fixture_init(&fixture, &(struct fixture_options){.seed = 5, .events = 2500, .processes = 2});
    if (cairn_trace_open(fixture.path, NULL, &trace, &error) != CAIRN_OK) {
        fail_msg("%s", error.message);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cairn_trace_close(trace);
    fixture_release(&fixture);
    return 0;
}

static struct cairn_moment parse(const char *text)
{
    struct cairn_moment moment = {.position = UINT64_MAX};
    struct cairn_error error;
    if (cairn_moment_parse(trace, text, NULL, 0, &moment, &error) != CAIRN_OK) {
        fail_msg("%s: %s", text, error.message);
    }
    return moment;
}

static void refuse(const char *text, enum cairn_status status, const char *says)
{
    struct cairn_moment moment = {.position = 77};
    struct cairn_error error;
    assert_int_equal(cairn_moment_parse(trace, text, NULL, 0, &moment, &error), status);
    assert_int_equal(moment.position, 77);
    if (!strstr(error.message, says)) {
        fail_msg("%s: \"%s\" does not say %s", text, error.message, says);
    }
}

static void assert_time(const char *text, int64_t t_ns)
{
    const struct cairn_moment moment = parse(text);
    const uint64_t position = model_position(&fixture, t_ns), end = model_end_position(&fixture);
    assert_int_equal(moment.t_ns, t_ns);
    assert_int_equal(moment.position, position < end ? position : end);
}

static void test_ends_and_peak(void **state)
{
    (void)state;
    assert_int_equal(parse("start").position, 0);
    assert_int_equal(parse("start").t_ns, 0);
    assert_int_equal(parse("end").position, model_end_position(&fixture));
    assert_int_equal(parse("end").t_ns, fixture.duration_ns);
    const uint64_t peak = model_peak(&fixture, 0, 0, fixture.event_count);
    assert_int_equal(parse("peak").position, peak);
    assert_int_equal(parse("peak").t_ns, fixture.events[peak - 1].t_ns);
    assert_string_equal(parse("peak").label, "peak");
}

static void test_peak_of_spans_and_processes(void **state)
{
    (void)state;
    struct cairn_span span;
    struct cairn_moment moment;
    assert_int_equal(cairn_span_parse(trace, "20%", "45%", 0, &span, NULL), CAIRN_OK);
    for (uint32_t process = 0; process <= 2; process++) {
        assert_int_equal(cairn_moment_parse(trace, "peak", &span, process, &moment, NULL), CAIRN_OK);
        assert_int_equal(moment.position,
                         model_peak(&fixture, process, span.from.position, span.to.position));
    }
    /* Percent stays of the recording. */
    assert_int_equal(cairn_moment_parse(trace, "50%", &span, 0, &moment, NULL), CAIRN_OK);
    assert_int_equal(moment.t_ns, fixture.duration_ns / 2);
}

static void test_times(void **state)
{
    (void)state;
    assert_time("0%", 0);
    assert_time("40%", (int64_t)((double)fixture.duration_ns * 0.4));
    assert_time("12.5%", (int64_t)((double)fixture.duration_ns * 0.125));
    assert_time("300ms", 300000000);
    assert_time("1.25s", 1250000000);
    assert_time("end-200ms", fixture.duration_ns - 200000000);
    assert_time("start+5ms", 5000000);
    assert_time("peak+1us", parse("peak").t_ns + 1000);
    assert_time("@before-1ms", parse("@before").t_ns - 1000000);
    assert_int_equal(parse("100%").position, model_end_position(&fixture));
}

static void test_snapshots_and_marks(void **state)
{
    (void)state;
    for (size_t i = 0; i < fixture.snapshot_count; i++) {
        char text[16];
        snprintf(text, sizeof(text), "s%u", fixture.snapshots[i].snapshot);
        assert_int_equal(parse(text).position, fixture.snapshots[i].event);
        assert_int_equal(parse(text).t_ns, fixture.snapshots[i].t_ns);
        if (fixture.snapshots[i].name) {
            snprintf(text, sizeof(text), "@%s", fixture.snapshots[i].name);
            assert_int_equal(parse(text).position, fixture.snapshots[i].event);
            assert_string_equal(parse(text).label, text);
        }
    }
    assert_int_equal(parse("@before#1").position, parse("@before").position);
}

/* The fixture began at 23:13:20 of its own clock. */
static void test_wall_clock(void **state)
{
    (void)state;
    assert_time("23:13:20", 0);
    assert_time("23:13:21", 1000000000);
    assert_time("23:13:20.25", 250000000);
    refuse("23:13", CAIRN_E_NOT_FOUND, "23:13:20 to 23:13:21");
    refuse("03:12:40", CAIRN_E_NOT_FOUND, "23:13:20 to 23:13:21");
    refuse("24:00:00", CAIRN_E_USAGE, "no moment");
    refuse("12:60:00", CAIRN_E_USAGE, "no moment");
    refuse("1:2:3:4", CAIRN_E_USAGE, "no moment");
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const words[] = {"",     "foo",  "12",  "s",    "sx",   "@",
                                        "40%%", "%",    "-5%", "1m%",  "end-", "end-5",
                                        "5m-",  "+5ms", "s7x", "12.5", "Peak", "start "};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        refuse(words[i], CAIRN_E_USAGE, "is no moment: use start, end, peak, 40%");
    }
    refuse("101%", CAIRN_E_USAGE, "more than the whole");
    refuse("1h", CAIRN_E_NOT_FOUND, "after the end of the recording, which is");
    refuse("end-1h", CAIRN_E_NOT_FOUND, "before the start");
    refuse("s5", CAIRN_E_NOT_FOUND, "s1…s4, s6…s10, s12…s");
    refuse("s99999999999999999999999", CAIRN_E_NOT_FOUND, "no snapshot");
    refuse("@nope", CAIRN_E_NOT_FOUND, "@before, @after");
    refuse("@before#2", CAIRN_E_NOT_FOUND, "@before, @after");
    refuse("@\x1b[31m", CAIRN_E_NOT_FOUND, "\\e[31m");
}

/* Of several processes' exits the program's own is meant: what exec made of the one that was started. */
static void set_exits(struct fixture *made)
{
    fixture_make_events(made);
    made->processes[2].pid = made->processes[0].pid;
    made->processes[2].origin = "exec";
    for (uint32_t i = 0; i < 3; i++) {
        static const uint32_t order[] = {2, 1, 3};
        made->snapshots[made->snapshot_count] = (struct cairn_snapshot){
            .snapshot = 500 + i,
            .process = order[i],
            .kind = "exit",
            .event = 10 + i,
            .t_ns = (int64_t)made->events[9 + i].t_ns,
        };
        made->snapshot_count++;
    }
}

static void test_exit_of_the_program(void **state)
{
    (void)state;
    struct fixture many;
    struct cairn_trace *other;
    struct cairn_moment moment;
    struct cairn_span span;
    fixture_init(
        &many, &(struct fixture_options){.seed = 8, .events = 300, .processes = 3, .make_events = set_exits});
    assert_int_equal(cairn_trace_open(many.path, NULL, &other, NULL), CAIRN_OK);
    assert_int_equal(cairn_moment_parse(other, "@exit", NULL, 0, &moment, NULL), CAIRN_OK);
    assert_int_equal(moment.position, 12);
    assert_int_equal(cairn_moment_parse(other, "@exit", NULL, 2, &moment, NULL), CAIRN_OK);
    assert_int_equal(moment.position, 10);
    assert_int_equal(cairn_moment_parse(other, "@exit", NULL, 77, &moment, NULL), CAIRN_OK);
    assert_int_equal(moment.position, 10);
    assert_int_equal(cairn_span_parse(other, "@exit", "@exit", 0, &span, NULL), CAIRN_OK);
    assert_int_equal(span.from.position, 12);
    assert_int_equal(span.to.position, 12);
    assert_int_equal(cairn_span_parse(other, "@exit", "@exit", 2, &span, NULL), CAIRN_OK);
    assert_int_equal(span.from.position, 10);
    assert_int_equal(span.to.position, 10);
    cairn_trace_close(other);
    fixture_release(&many);
}

static void test_moments_by_time(void **state)
{
    (void)state;
    struct cairn_moment moment;
    assert_int_equal(cairn_moment_at(trace, 1250000000, &moment, NULL), CAIRN_OK);
    assert_int_equal(moment.position, model_position(&fixture, 1250000000));
    assert_string_equal(moment.label, "1.25s");
    assert_int_equal(cairn_moment_at(trace, 300000000, &moment, NULL), CAIRN_OK);
    assert_string_equal(moment.label, "300ms");
    assert_int_equal(cairn_moment_at(trace, -5, &moment, NULL), CAIRN_OK);
    assert_int_equal(moment.position, model_position(&fixture, 0));
    assert_string_equal(moment.label, "0ms");
    assert_int_equal(cairn_moment_at(trace, INT64_MAX, &moment, NULL), CAIRN_OK);
    assert_int_equal(moment.position, model_end_position(&fixture));
}

static void test_spans(void **state)
{
    (void)state;
    struct cairn_span span;
    struct cairn_error error;
    assert_int_equal(cairn_span_parse(trace, NULL, NULL, 0, &span, &error), CAIRN_OK);
    assert_int_equal(span.from.position, 0);
    assert_int_equal(span.to.position, model_end_position(&fixture));
    assert_int_equal(cairn_span_parse(trace, "@before", "@after", 0, &span, &error), CAIRN_OK);
    assert_true(span.from.position < span.to.position);
    assert_int_equal(cairn_span_parse(trace, "@after", "@before", 0, &span, &error), CAIRN_E_USAGE);
    assert_non_null(strstr(error.message, "@after comes after @before"));
}

static void test_empty_recording(void **state)
{
    (void)state;
    struct fixture empty;
    struct cairn_trace *other;
    struct cairn_moment moment;
    struct cairn_error error;
    fixture_init(&empty,
                 &(struct fixture_options){.seed = 6, .events = 0, .processes = 1, .incomplete = true});
    assert_int_equal(cairn_trace_open(empty.path, NULL, &other, &error), CAIRN_OK);
    static const char *const words[] = {"start", "end", "peak", "50%"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (cairn_moment_parse(other, words[i], NULL, 0, &moment, &error) != CAIRN_OK) {
            fail_msg("%s", error.message);
        }
        assert_int_equal(moment.position, 0);
    }
    cairn_trace_close(other);
    fixture_release(&empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends_and_peak),
        cmocka_unit_test(test_peak_of_spans_and_processes),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_snapshots_and_marks),
        cmocka_unit_test(test_wall_clock),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_exit_of_the_program),
        cmocka_unit_test(test_moments_by_time),
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_empty_recording),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
