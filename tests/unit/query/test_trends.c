#include "query/top.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "names.h"
#include "question.h"

/* Live bytes of sites at evenly spread points: exact at the points, whatever they were read from. */
static void test_trends(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, &(struct fixture_options){.seed = 81, .events = 900, .processes = 2});
    struct cairn_trace *trace = question_trace(&fixture);
    struct question question = question_ask(&fixture, trace);
    question.selection = names_selection(CAIRN_BY_FUNCTION, CAIRN_METRIC_LIVE);
    struct cairn_top last;
    int64_t ids[2], *values;
    question.at = question.span.to;
    question.span.to.t_ns = fixture.duration_ns;
    assert_int_equal(cairn_top(trace, &question.selection, &question.at, &question.span, &last, NULL),
                     CAIRN_OK);
    ids[0] = last.rows[0].site.site_id;
    ids[1] = -5; /* no such site */
    assert_int_equal(cairn_top_trends(trace, &question.selection, ids, 2, &question.span, 12, &values, NULL),
                     CAIRN_OK);
    assert_int_equal(values[0], 0);
    assert_int_equal(values[11], last.rows[0].counts.live_bytes);
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(values[12 + i], 0);
    }
    free(values);
    /* A span that is one moment. */
    question.span.from = question.span.to;
    assert_int_equal(cairn_top_trends(trace, &question.selection, ids, 1, &question.span, 3, &values, NULL),
                     CAIRN_OK);
    assert_int_equal(values[0], last.rows[0].counts.live_bytes);
    assert_int_equal(values[2], last.rows[0].counts.live_bytes);
    free(values);
    cairn_top_release(&last);
    cairn_trace_close(trace);
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
