#include "query/timeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "random_trace.h"

#define POINTS  400
#define STEP_NS INT64_C(1000000)

/* Ten allocations in every interval of a millisecond but in a quiet tenth of a second. */
static bool is_quiet(int i)
{
    return i >= 100 && i < 200;
}

static void write_points(const struct fixture *fixture, struct cairn_writer *writer)
{
    (void)fixture;
    for (int i = 1; i <= POINTS; i++) {
        if (!is_quiet(i)) {
            cairn_writer_timeline(writer, 0,
                                  &(struct cairn_timeline_point){
                                      .t_ns = i * STEP_NS,
                                      .heap_bytes = i * 100,
                                      .heap_blocks = i,
                                      .heap_max_bytes = i * 100 + (i == 50 ? 1000000 : 0),
                                      .allocations = 10,
                                      .frees = 5,
                                      .rss_bytes = i % 10 ? CAIRN_UNKNOWN : i * 4096,
                                      .rss_anonymous_bytes = CAIRN_UNKNOWN,
                                      .rss_file_bytes = CAIRN_UNKNOWN,
                                      .rss_shared_bytes = CAIRN_UNKNOWN,
                                  });
        }
    }
}

static void no_events(struct fixture *fixture)
{
    fixture->duration_ns = POINTS * STEP_NS;
}

static struct fixture fixture;
static struct cairn_trace *trace;

static int set_up(void **state)
{
    (void)state;
    fixture_init(&fixture, &(struct fixture_options){.seed = 4,
                                                     .processes = 1,
                                                     .make_events = no_events,
                                                     .write_more = write_points,
                                                     .incomplete = true});
    assert_int_equal(cairn_trace_open(fixture.path, NULL, &trace, NULL), CAIRN_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cairn_trace_close(trace);
    fixture_release(&fixture);
    return 0;
}

static void ask(int64_t from_ns, int64_t to_ns, size_t wanted, struct cairn_rate_point **points,
                size_t *count)
{
    const struct cairn_span span = {.from = {.t_ns = from_ns}, .to = {.t_ns = to_ns}};
    struct cairn_error error;
    if (cairn_timeline(trace, &span, wanted, points, count, &error) != CAIRN_OK) {
        fail_msg("%s", error.message);
    }
}

static void test_rates(void **state)
{
    (void)state;
    struct cairn_rate_point *points;
    size_t count;
    ask(0, POINTS * STEP_NS, 1000, &points, &count);
    assert_int_equal(count, 300);
    for (size_t i = 0; i < count; i++) {
        /* Also behind the quiet part: its point is of one interval, not of the pause. */
        assert_true(points[i].allocations_per_s > 9999 && points[i].allocations_per_s < 10001);
        assert_true(points[i].frees_per_s > 4999 && points[i].frees_per_s < 5001);
    }
    free(points);
    ask(250 * STEP_NS, 260 * STEP_NS, 1000, &points, &count);
    assert_true(count > 0 && points[0].allocations_per_s > 9999 && points[0].allocations_per_s < 10001);
    free(points);
}

static void test_fewer_points(void **state)
{
    (void)state;
    for (size_t wanted = 0; wanted < 60; wanted += 7) {
        struct cairn_rate_point *points;
        size_t count;
        int64_t highest = 0;
        double allocations = 0;
        ask(0, POINTS * STEP_NS, wanted, &points, &count);
        assert_true(count > 0 && count <= (wanted ? wanted : 1) * 2);
        int64_t before_ns = 0;
        for (size_t i = 0; i < count; i++) {
            highest = points[i].heap_max_bytes > highest ? points[i].heap_max_bytes : highest;
            allocations += points[i].allocations_per_s * (double)(points[i].t_ns - before_ns) / 1e9;
            before_ns = points[i].t_ns;
        }
        assert_int_equal(highest, 1005000);
        assert_int_equal(points[count - 1].heap_bytes, POINTS * 100);
        assert_int_equal(points[count - 1].rss_bytes, POINTS * 4096);
        /* Also over the pause: every point counts for all of the time behind the one before. */
        assert_true(allocations > 2999.5 && allocations < 3000.5);
        free(points);
    }
}

static void test_span_without_points(void **state)
{
    (void)state;
    struct cairn_rate_point *points;
    size_t count;
    ask(120 * STEP_NS, 130 * STEP_NS, 10, &points, &count);
    assert_int_equal(count, 0);
    free(points);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_fewer_points),
        cmocka_unit_test(test_span_without_points),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
