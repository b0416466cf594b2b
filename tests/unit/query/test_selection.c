#include "query/selection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "names.h"

static void test_words_and_back(void **state)
{
    (void)state;
    for (int i = 0; i < CAIRN_BY_COUNT; i++) {
        assert_int_equal(cairn_by_parse(cairn_by_name((enum cairn_by)i)), i);
    }
    for (int i = 0; i < CAIRN_METRIC_COUNT; i++) {
        assert_int_equal(cairn_metric_parse(cairn_metric_name((enum cairn_metric)i)), i);
    }
    for (int i = 0; i < CAIRN_SORT_COUNT; i++) {
        assert_int_equal(cairn_sort_parse(cairn_sort_name((enum cairn_sort)i)), i);
    }
    assert_int_equal(cairn_by_parse("functions"), -1);
    assert_int_equal(cairn_metric_parse(""), -1);
    assert_int_equal(cairn_sort_parse("live"), -1);
}

static void test_metrics(void **state)
{
    (void)state;
    const struct cairn_counts counts = {
        .live_bytes = 1, .allocated_bytes = 2, .allocations = 3, .temporary = 4, .peak_bytes = 5};
    for (int i = 0; i < CAIRN_METRIC_COUNT; i++) {
        assert_int_equal(cairn_counts_metric(&counts, (enum cairn_metric)i), i + 1);
    }
}

static void test_processes(void **state)
{
    (void)state;
    struct fixture fixture;
    struct cairn_trace *trace;
    struct cairn_error error;
    uint32_t process = 0;
    fixture_init(&fixture, &(struct fixture_options){.seed = 7, .events = 60, .processes = 3});
    assert_int_equal(cairn_trace_open(fixture.path, NULL, &trace, &error), CAIRN_OK);
    assert_int_equal(cairn_process_parse(trace, "2", &process, &error), CAIRN_OK);
    assert_int_equal(process, 2);
    assert_int_equal(cairn_process_parse(trace, "4003", &process, &error), CAIRN_OK);
    assert_int_equal(process, 3);
    assert_int_equal(cairn_process_parse(trace, "17", &process, &error), CAIRN_E_NOT_FOUND);
    assert_non_null(strstr(error.message, "2 (pid 4002, child)"));
    static const char *const wrong[] = {"", "x", "-1", "0", "1x", "99999999999999999999", " 1"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_true(cairn_process_parse(trace, wrong[i], &process, &error) != CAIRN_OK);
    }
    assert_int_equal(process, 3);
    cairn_trace_close(trace);
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_and_back),
        cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
