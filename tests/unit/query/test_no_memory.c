/* Every question with every one of its allocations failing, once each: it says so and lets go of what it holds, and the
 * handle answers the next question. */
#include "query/diff.h"
#include "query/growth.h"
#include "query/leaks.h"
#include "query/rss.h"
#include "query/sizes.h"
#include "query/timeline.h"
#include "query/top.h"
#include "query/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fault.h"
#include "random_trace.h"

#define ROUNDS_MAX 20000ul

static struct fixture fixture;
static struct cairn_span span;
static struct cairn_moment at;

typedef enum cairn_status question(struct cairn_trace *trace, struct cairn_error *error);

static const struct cairn_selection by_line = {.by = CAIRN_BY_LINE, .process = 1};

static enum cairn_status ask_moment(struct cairn_trace *trace, struct cairn_error *error)
{
    struct cairn_moment moment;
    return cairn_moment_parse(trace, "@before+1ms", NULL, 0, &moment, error);
}

static enum cairn_status ask_top(struct cairn_trace *trace, struct cairn_error *error)
{
    struct cairn_top top;
    const enum cairn_status status = cairn_top(trace, &by_line, &at, &span, &top, error);
    if (status == CAIRN_OK) {
        cairn_top_release(&top);
    }
    return status;
}

static enum cairn_status ask_cumulative(struct cairn_trace *trace, struct cairn_error *error)
{
    static const struct cairn_selection selection = {
        .by = CAIRN_BY_FUNCTION, .cumulative = true, .lang = CAIRN_LANG_ONLY_PYTHON, .tid = 4001};
    struct cairn_top top;
    const enum cairn_status status = cairn_top(trace, &selection, &at, &span, &top, error);
    if (status == CAIRN_OK) {
        cairn_top_release(&top);
    }
    return status;
}

static enum cairn_status ask_filtered(struct cairn_trace *trace, struct cairn_error *error)
{
    static const char *const keep[] = {"main"};
    struct cairn_filter *filter;
    struct cairn_top top;
    enum cairn_status status = cairn_filter_new(keep, 1, NULL, 0, &filter, error);
    if (status == CAIRN_OK) {
        const struct cairn_selection selection = {.by = CAIRN_BY_THREAD, .filter = filter};
        status = cairn_top(trace, &selection, &at, &span, &top, error);
        cairn_filter_free(filter);
        if (status == CAIRN_OK) {
            cairn_top_release(&top);
        }
    }
    return status;
}

static enum cairn_status ask_trends(struct cairn_trace *trace, struct cairn_error *error)
{
    const int64_t ids[] = {1, 2};
    int64_t *values;
    const enum cairn_status status = cairn_top_trends(trace, &by_line, ids, 2, &span, 5, &values, error);
    if (status == CAIRN_OK) {
        free(values);
    }
    return status;
}

static enum cairn_status ask_sentence(struct cairn_trace *trace, struct cairn_error *error)
{
    struct cairn_top top = {.at = at, .span = span};
    char text[200];
    return cairn_top_sentence(trace, &top, &by_line, text, sizeof(text), error);
}

static enum cairn_status ask_tree(struct cairn_trace *trace, struct cairn_error *error)
{
    struct cairn_tree tree;
    const enum cairn_status status = cairn_tree(trace, &by_line, &at, &span, false, &tree, error);
    if (status == CAIRN_OK) {
        cairn_tree_release(&tree);
    }
    return status;
}

static enum cairn_status ask_diff(struct cairn_trace *trace, struct cairn_error *error)
{
    struct cairn_diff diff;
    const enum cairn_status status = cairn_diff(trace, &span.from, trace, &at, &by_line, &diff, error);
    if (status == CAIRN_OK) {
        cairn_diff_release(&diff);
    }
    return status;
}

static enum cairn_status ask_diff_of_two(struct cairn_trace *trace, struct cairn_error *error)
{
    struct cairn_trace *other;
    struct cairn_diff diff;
    enum cairn_status status = cairn_trace_open(fixture.path, NULL, &other, error);
    if (status == CAIRN_OK) {
        status = cairn_diff(trace, &at, other, &span.to, &by_line, &diff, error);
        if (status == CAIRN_OK) {
            cairn_diff_release(&diff);
        }
        cairn_trace_close(other);
    }
    return status;
}

static enum cairn_status ask_growth(struct cairn_trace *trace, struct cairn_error *error)
{
    struct cairn_growth growth;
    const enum cairn_status status = cairn_growth(trace, &by_line, &span, &growth, error);
    if (status == CAIRN_OK) {
        cairn_growth_release(&growth);
    }
    return status;
}

static enum cairn_status ask_leaks(struct cairn_trace *trace, struct cairn_error *error)
{
    struct cairn_leaks leaks;
    const enum cairn_status status = cairn_leaks(trace, &by_line, 1000, NULL, &leaks, error);
    if (status == CAIRN_OK) {
        cairn_leaks_release(&leaks);
    }
    return status;
}

static enum cairn_status ask_sizes(struct cairn_trace *trace, struct cairn_error *error)
{
    struct cairn_sizes sizes;
    const enum cairn_status status = cairn_sizes(trace, &by_line, &sizes, error);
    if (status == CAIRN_OK) {
        cairn_sizes_release(&sizes);
    }
    return status;
}

static enum cairn_status ask_timeline(struct cairn_trace *trace, struct cairn_error *error)
{
    struct cairn_rate_point *points;
    size_t count;
    const enum cairn_status status = cairn_timeline(trace, &span, 10, &points, &count, error);
    if (status == CAIRN_OK) {
        free(points);
    }
    return status;
}

static enum cairn_status ask_rss(struct cairn_trace *trace, struct cairn_error *error)
{
    struct cairn_rss rss;
    const enum cairn_status status = cairn_rss(trace, &by_line, &at, &rss, error);
    if (status == CAIRN_OK) {
        cairn_rss_release(&rss);
    }
    return status;
}

static void write_memory(const struct fixture *made, struct cairn_writer *writer)
{
    (void)made;
    cairn_writer_residency(
        writer, &(struct cairn_residency){.process = 1, .category = "file", .name = "/x", .rss_bytes = 4096});
    cairn_writer_timeline(writer, 0, &(struct cairn_timeline_point){.t_ns = 1000000, .rss_bytes = 4096});
}

static int set_up(void **state)
{
    (void)state;
    struct cairn_trace *trace;
    fixture_init(&fixture, &(struct fixture_options){.seed = 17,
                                                     .events = 60,
                                                     .processes = 2,
                                                     .python = true,
                                                     .mapped = true,
                                                     .write_more = write_memory});
    assert_int_equal(cairn_trace_open(fixture.path, NULL, &trace, NULL), CAIRN_OK);
    assert_int_equal(cairn_span_parse(trace, "10%", "90%", 0, &span, NULL), CAIRN_OK);
    assert_int_equal(cairn_moment_parse(trace, "50%", NULL, 0, &at, NULL), CAIRN_OK);
    cairn_trace_close(trace);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_release(&fixture);
    return 0;
}

/* False when fewer than `countdown` allocations were made. */
static bool starve(question *ask, unsigned long countdown)
{
    struct cairn_trace *trace;
    struct cairn_error error = {.status = CAIRN_OK};
    assert_int_equal(cairn_trace_open(fixture.path, NULL, &trace, NULL), CAIRN_OK);
    fault_allocation(countdown);
    const enum cairn_status status = ask(trace, &error);
    const bool happened = fault_happened();
    if (status != CAIRN_OK && (status != CAIRN_E_NOMEM || error.message[0] == '\0')) {
        fail_msg("allocation %lu: %s: %s", countdown, cairn_status_name(status), error.message);
    }
    assert_true(happened || status == CAIRN_OK);
    assert_int_equal(ask(trace, &error), CAIRN_OK);
    cairn_trace_close(trace);
    return happened;
}

static void test_every_allocation(void **state)
{
    (void)state;
    static question *const questions[] = {
        ask_moment, ask_top,         ask_cumulative, ask_filtered, ask_trends, ask_sentence, ask_tree,
        ask_diff,   ask_diff_of_two, ask_growth,     ask_leaks,    ask_sizes,  ask_timeline, ask_rss};
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        unsigned long countdown = 1;
        while (starve(questions[i], countdown)) {
            countdown++;
            assert_true(countdown < ROUNDS_MAX);
        }
        assert_true(countdown > 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_allocation)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
