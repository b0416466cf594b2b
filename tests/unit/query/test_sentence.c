#include "query/top.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "names.h"
#include "query/site_label.h"
#include "question.h"

static void test_sentence(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, &(struct fixture_options){.seed = 91, .events = 400, .processes = 1});
    struct cairn_trace *trace = question_trace(&fixture);
    struct question question = question_ask(&fixture, trace);
    for (int metric = 0; metric < CAIRN_METRIC_COUNT; metric++) {
        struct cairn_top top;
        char text[400];
        question.selection = names_selection(CAIRN_BY_MODULE, (enum cairn_metric)metric);
        question.at = question.span.to;
        assert_int_equal(cairn_top(trace, &question.selection, &question.at, &question.span, &top, NULL),
                         CAIRN_OK);
        assert_int_equal(cairn_top_sentence(trace, &top, &question.selection, text, sizeof(text), NULL),
                         CAIRN_OK);
        char share[CAIRN_SHARE_SIZE];
        cairn_share(top.rows[0].percent, share);
        assert_non_null(strstr(text, share));
        assert_non_null(strstr(text, top.rows[0].site.module));
        cairn_top_release(&top);
    }
    struct cairn_top top;
    char text[400];
    question.selection = names_selection(CAIRN_BY_FUNCTION, CAIRN_METRIC_LIVE);
    question.at = question_moment(&fixture, 0);
    assert_int_equal(cairn_top(trace, &question.selection, &question.at, &question.span, &top, NULL),
                     CAIRN_OK);
    assert_int_equal(cairn_top_sentence(trace, &top, &question.selection, text, sizeof(text), NULL),
                     CAIRN_OK);
    assert_string_equal(text, "nothing is live at this moment");
    cairn_top_release(&top);
    cairn_trace_close(trace);
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
