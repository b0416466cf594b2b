#include "query/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "model.h"
#include "names.h"
#include "query/top.h"

#define NO_LIMITS                                                                                            \
    {                                                                                                        \
        .most = { CAIRN_UNKNOWN, CAIRN_UNKNOWN, CAIRN_UNKNOWN, CAIRN_UNKNOWN }                               \
    }

struct setting {
    struct fixture fixture;
    struct cairn_trace *trace;
    struct cairn_span whole;
};

static void open_setting(struct setting *setting, uint32_t seed)
{
    fixture_init(&setting->fixture,
                 &(struct fixture_options){.seed = seed, .events = 600, .processes = seed % 2 + 1});
    assert_int_equal(cairn_trace_open(setting->fixture.path, NULL, &setting->trace, NULL), CAIRN_OK);
    assert_int_equal(cairn_span_parse(setting->trace, NULL, NULL, 0, &setting->whole, NULL), CAIRN_OK);
}

static void close_setting(struct setting *setting)
{
    cairn_trace_close(setting->trace);
    fixture_release(&setting->fixture);
}

static struct cairn_check check(struct setting *setting, const struct cairn_check_limits *limits)
{
    const struct cairn_selection selection = {.by = CAIRN_BY_FUNCTION};
    struct cairn_check made;
    struct cairn_error error;
    if (cairn_check(setting->trace, &selection, &setting->whole, true, limits, &made, &error) != CAIRN_OK) {
        fail_msg("%s", error.message);
    }
    return made;
}

/* What the model of the ledger says about the whole recording. */
static void expect(const struct fixture *fixture, int64_t found[CAIRN_MEASURE_COUNT])
{
    struct cairn_totals *end = model_end(fixture);
    struct cairn_totals *last = model_state(fixture, fixture->event_count);
    struct cairn_totals *peak = model_state(fixture, model_peak(fixture, 0, 0, fixture->event_count));
    memset(found, 0, CAIRN_MEASURE_COUNT * sizeof(*found));
    for (size_t i = 0; i < fixture->account_count; i++) {
        if (fixture->accounts[i].domain <= CAIRN_DOMAIN_LAST_HEAP) {
            found[CAIRN_MEASURE_PEAK] += peak[i].live_bytes;
            found[CAIRN_MEASURE_LEAKED] += end[i].live_bytes;
            found[CAIRN_MEASURE_ALLOCATED] += last[i].allocated_bytes;
            found[CAIRN_MEASURE_ALLOCATIONS] += last[i].allocations;
        }
    }
    free(end);
    free(last);
    free(peak);
}

static void test_measures(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 4; seed++) {
        struct setting setting;
        int64_t found[CAIRN_MEASURE_COUNT];
        const struct cairn_check_limits limits = NO_LIMITS;
        open_setting(&setting, seed);
        expect(&setting.fixture, found);
        struct cairn_check made = check(&setting, &limits);
        assert_true(made.passed);
        assert_int_equal(made.row_count, 0);
        for (size_t i = 0; i < CAIRN_MEASURE_COUNT; i++) {
            int64_t sum = 0;
            for (size_t k = 0; k < made.measured[i].site_count; k++) {
                sum += made.measured[i].sites[k].value;
                assert_true(k == 0 || made.measured[i].sites[k - 1].value >= made.measured[i].sites[k].value);
            }
            assert_int_equal(made.measured[i].found, found[i]);
            assert_int_equal(sum, found[i]);
        }
        cairn_check_release(&made);
        close_setting(&setting);
    }
}

static void test_limits(void **state)
{
    (void)state;
    struct setting setting;
    int64_t found[CAIRN_MEASURE_COUNT];
    open_setting(&setting, 5);
    expect(&setting.fixture, found);
    for (int i = 0; i < CAIRN_MEASURE_COUNT; i++) {
        for (int64_t below = 0; below <= 1; below++) {
            struct cairn_check_limits limits = NO_LIMITS;
            limits.most[i] = found[i] - below;
            limits.blame_limit = 2;
            struct cairn_check made = check(&setting, &limits);
            assert_int_equal(made.passed, below == 0);
            assert_int_equal(made.row_count, 1);
            assert_int_equal(made.rows[0].measure, i);
            assert_int_equal(made.rows[0].found, found[i]);
            assert_int_equal(made.rows[0].blame_count, below == 0 ? 0 : 2);
            assert_true(made.rows[0].blame_total >= made.rows[0].blame_count);
            cairn_check_release(&made);
        }
    }
    close_setting(&setting);
}

static void test_span_leaks_are_survivors(void **state)
{
    (void)state;
    struct setting setting;
    const struct cairn_selection selection = {.by = CAIRN_BY_LINE};
    const struct cairn_check_limits limits = NO_LIMITS;
    struct cairn_span span;
    struct cairn_check made;
    open_setting(&setting, 7);
    assert_int_equal(cairn_span_parse(setting.trace, "30%", "70%", 0, &span, NULL), CAIRN_OK);
    assert_int_equal(cairn_check(setting.trace, &selection, &span, false, &limits, &made, NULL), CAIRN_OK);
    struct cairn_totals *survived = model_survived(&setting.fixture, span.from.position, span.to.position);
    int64_t sum = 0;
    for (size_t i = 0; i < setting.fixture.account_count; i++) {
        sum += setting.fixture.accounts[i].domain <= CAIRN_DOMAIN_LAST_HEAP ? survived[i].live_bytes : 0;
    }
    assert_true(sum > 0);
    assert_int_equal(made.measured[CAIRN_MEASURE_LEAKED].found, sum);
    free(survived);
    cairn_check_release(&made);
    close_setting(&setting);
}

static void test_same_run_is_no_worse(void **state)
{
    (void)state;
    struct setting setting;
    const struct cairn_selection selection = {.by = CAIRN_BY_FUNCTION};
    struct cairn_check_limits limits = NO_LIMITS;
    struct cairn_baseline *baseline;
    open_setting(&setting, 9);
    assert_int_equal(
        cairn_baseline_of_trace(setting.trace, &selection, &setting.whole, true, NULL, &baseline, NULL),
        CAIRN_OK);
    limits.baseline = baseline;
    struct cairn_check made = check(&setting, &limits);
    assert_true(made.passed);
    assert_int_equal(made.row_count, CAIRN_MEASURE_COUNT);
    cairn_check_release(&made);
    cairn_baseline_free(baseline);
    close_setting(&setting);
}

/* Writes a baseline file, reads it and removes it. */
static enum cairn_status read_baseline(const char *text, struct cairn_baseline **baseline,
                                       struct cairn_error *error)
{
    char path[256];
    fixture_path(path, sizeof(path), "baseline");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(cairn_baseline_is_json(path), text[strspn(text, " \n")] == '{');
    const enum cairn_status status = cairn_baseline_of_json(path, baseline, error);
    unlink(path);
    return status;
}

static void test_blame_is_what_came_on_top(void **state)
{
    (void)state;
    struct setting setting;
    const struct cairn_check_limits none = NO_LIMITS;
    struct cairn_check_limits limits = NO_LIMITS;
    struct cairn_baseline *baseline;
    char text[4096];
    open_setting(&setting, 11);
    struct cairn_check before = check(&setting, &none);
    const struct cairn_measured *peak = &before.measured[CAIRN_MEASURE_PEAK];
    assert_true(peak->site_count > 1);
    const struct cairn_measured_site *first = &peak->sites[0], *second = &peak->sites[1];
    assert_non_null(first->site.function);
    /* The earlier run had all of the heaviest site, and of the next one but for 7 bytes. */
    snprintf(
        text, sizeof(text),
        " \n{\"schema\": \"cairn.check/1\", \"measures\": [{\"measure\": \"peak\", \"found\": 1, \"sites\": ["
        "{\"function\": \"%s\", \"file\": %s%s%s, \"module\": \"/elsewhere/%s\", \"value\": %lld},"
        "{\"function\": \"%s\", \"file\": %s%s%s, \"module\": \"%s\", \"value\": %lld}]},"
        "{\"measure\": \"later\", \"found\": 3}, {\"measure\": \"leaked\", \"found\": null}]}",
        first->site.function, first->site.file ? "\"" : "", first->site.file ? first->site.file : "null",
        first->site.file ? "\"" : "", strrchr(first->site.module, '/') + 1, (long long)first->value,
        second->site.function, second->site.file ? "\"" : "", second->site.file ? second->site.file : "null",
        second->site.file ? "\"" : "", second->site.module, (long long)second->value - 7);
    assert_int_equal(read_baseline(text, &baseline, NULL), CAIRN_OK);
    limits.baseline = baseline;
    struct cairn_check made = check(&setting, &limits);
    assert_false(made.passed);
    assert_int_equal(made.row_count, 1); /* other measures are not in the file */
    const struct cairn_check_row *row = &made.rows[0];
    assert_true(row->of_baseline);
    assert_int_equal(row->allowed, 1);
    assert_int_equal(row->blame_total, peak->site_count - 1);
    int64_t sum = 0;
    bool seen = false;
    for (size_t i = 0; i < row->blame_count; i++) {
        sum += row->blame[i].value;
        assert_int_not_equal(row->blame[i].site.site_id, first->site.site_id);
        if (row->blame[i].site.site_id == second->site.site_id) {
            assert_int_equal(row->blame[i].value, 7);
            seen = true;
        }
    }
    assert_true(seen);
    assert_int_equal(sum, peak->found - first->value - second->value + 7);
    cairn_check_release(&made);
    cairn_check_release(&before);
    cairn_baseline_free(baseline);
    close_setting(&setting);
}

static void test_tolerance(void **state)
{
    (void)state;
    struct setting setting;
    int64_t found[CAIRN_MEASURE_COUNT];
    struct cairn_check_limits limits = NO_LIMITS;
    struct cairn_baseline *baseline;
    char text[256];
    open_setting(&setting, 13);
    expect(&setting.fixture, found);
    snprintf(text, sizeof(text),
             "{\"schema\": \"cairn.check/1\", \"measures\": [{\"measure\": \"peak\", \"found\": %lld}]}",
             (long long)found[CAIRN_MEASURE_PEAK] * 10 / 11);
    assert_int_equal(read_baseline(text, &baseline, NULL), CAIRN_OK);
    limits.baseline = baseline;
    static const struct {
        double percent;
        bool passes;
    } cases[] = {{0, false}, {9, false}, {11, true}, {1e300, true}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        limits.tolerance_percent = cases[i].percent;
        struct cairn_check made = check(&setting, &limits);
        assert_int_equal(made.passed, cases[i].passes);
        cairn_check_release(&made);
    }
    cairn_baseline_free(baseline);
    close_setting(&setting);
}

static void test_foreign_baselines(void **state)
{
    (void)state;
    static const char *const foreign[] = {
        "", "{}", "{", "[1]", "{\"schema\": \"cairn.top/1\"}", "{\"schema\": 3}", "SQLite format 3",
    };
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        struct cairn_baseline *baseline = NULL;
        struct cairn_error error;
        assert_int_equal(read_baseline(foreign[i], &baseline, &error), CAIRN_E_FORMAT);
        assert_non_null(strstr(error.message, "is no baseline"));
        assert_null(baseline);
    }
    struct cairn_baseline *baseline;
    /* Members of other types, negative and huge numbers: taken as far as they make sense. */
    assert_int_equal(read_baseline("{\"schema\": \"cairn.check/1\", \"measures\": [1, null, {\"measure\": "
                                   "\"peak\", \"found\": -9223372036854775808, \"sites\": {\"a\": 1}}, "
                                   "{\"measure\": \"allocated\", \"found\": -5, \"sites\": [3, {\"value\": "
                                   "9223372036854775807}, {\"value\": 9223372036854775807}]}]}",
                                   &baseline, NULL),
                     CAIRN_OK);
    struct setting setting;
    struct cairn_check_limits limits = NO_LIMITS;
    open_setting(&setting, 15);
    limits.baseline = baseline;
    limits.tolerance_percent = 50;
    struct cairn_check made = check(&setting, &limits);
    assert_false(made.passed);
    cairn_check_release(&made);
    cairn_baseline_free(baseline);
    close_setting(&setting);
    assert_int_equal(cairn_baseline_of_json("/nonexistent/file", &baseline, NULL), CAIRN_E_IO);
    assert_false(cairn_baseline_is_json("/nonexistent/file"));
    assert_int_equal(cairn_baseline_of_json("/", &baseline, NULL), CAIRN_E_USAGE);
}

static void test_cumulative_is_refused(void **state)
{
    (void)state;
    struct setting setting;
    const struct cairn_selection selection = {.cumulative = true};
    const struct cairn_check_limits limits = NO_LIMITS;
    struct cairn_check made;
    open_setting(&setting, 17);
    assert_int_equal(cairn_check(setting.trace, &selection, &setting.whole, true, &limits, &made, NULL),
                     CAIRN_E_USAGE);
    close_setting(&setting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_measures),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_span_leaks_are_survivors),
        cmocka_unit_test(test_same_run_is_no_worse),
        cmocka_unit_test(test_blame_is_what_came_on_top),
        cmocka_unit_test(test_tolerance),
        cmocka_unit_test(test_foreign_baselines),
        cmocka_unit_test(test_cumulative_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
