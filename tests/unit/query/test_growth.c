#include "query/growth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model.h"
#include "names.h"
#include "query/top.h"

#define STEPS   300
#define STEP_NS INT64_C(10000000)

/* The stacks of five sites; what they are called does not matter. */
enum { LEAK = 4, SLOW = 5, WARM = 6, SAW = 7, STEP = 8 };

static uint64_t allocate(struct fixture *fixture, int64_t t_ns, uint32_t stack, uint64_t size)
{
    return fixture_push(fixture, t_ns,
                        (struct cairn_event){.kind = CAIRN_EVENT_ALLOC,
                                             .account = fixture_account(fixture, 1, 0, stack),
                                             .size = size});
}

static void release(struct fixture *fixture, int64_t t_ns, uint32_t stack, uint64_t size, uint64_t birth)
{
    fixture_push(fixture, t_ns,
                 (struct cairn_event){.kind = CAIRN_EVENT_FREE,
                                      .account = fixture_account(fixture, 1, 0, stack),
                                      .size = size,
                                      .birth = birth});
}

/* A steady leak, a slow one, a cache that fills during warm-up, a saw-tooth, and one late large block; at the end all of
 * the leak is freed, as tidy programs do. */
static void make_sites(struct fixture *fixture)
{
    static uint64_t births[STEPS];
    uint64_t tooth[10];
    fixture->events = calloc(STEPS * 8, sizeof(*fixture->events));
    assert_non_null(fixture->events);
    for (int i = 0; i < STEPS; i++) {
        const int64_t t_ns = i * STEP_NS;
        births[i] = allocate(fixture, t_ns, LEAK, 1000);
        if (i % 10 == 0) {
            allocate(fixture, t_ns, SLOW, 100);
        }
        if (i < STEPS / 4) {
            allocate(fixture, t_ns, WARM, 100000);
        }
        tooth[i % 10] = allocate(fixture, t_ns, SAW, 50000);
        for (int k = 0; i % 10 == 9 && k < 10; k++) {
            release(fixture, t_ns + 1000, SAW, 50000, tooth[k]);
        }
        if (i == STEPS * 9 / 10) {
            allocate(fixture, t_ns, STEP, 200000);
        }
    }
    for (int i = 0; i < STEPS; i++) {
        release(fixture, STEPS * STEP_NS, LEAK, 1000, births[i]);
    }
    fixture->duration_ns = STEPS * STEP_NS;
}

static struct fixture fixture;
static struct cairn_trace *trace;

static int set_up(void **state)
{
    (void)state;
    struct cairn_error error;
    fixture_init(&fixture, &(struct fixture_options){
                               .seed = 3, .processes = 1, .make_events = make_sites, .incomplete = true});
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

static void ask(struct cairn_growth *growth, enum cairn_sort sort)
{
    struct cairn_span span;
    struct cairn_error error;
    const struct cairn_selection selection = {.by = CAIRN_BY_STACK, .sort = sort};
    assert_int_equal(cairn_span_parse(trace, NULL, NULL, 0, &span, &error), CAIRN_OK);
    if (cairn_growth(trace, &selection, &span, growth, &error) != CAIRN_OK) {
        fail_msg("%s", error.message);
    }
}

static void test_steady_leak_comes_first(void **state)
{
    (void)state;
    struct cairn_growth growth;
    ask(&growth, CAIRN_SORT_METRIC);
    assert_int_equal(growth.row_count, 2);
    const struct cairn_growth_row *leak = &growth.rows[0], *slow = &growth.rows[1];
    assert_int_equal(leak->site.site_id, LEAK);
    assert_int_equal(leak->stack, LEAK);
    /* 1,000 bytes every 10 ms. */
    assert_true(leak->slope_bytes_per_s > 99000 && leak->slope_bytes_per_s < 101000);
    assert_true(leak->fit > 0.999);
    assert_true(leak->grew * 10 >=
                leak->of * 9); /* of moments that are nearer to each other than two allocations */
    assert_true(leak->of > 30);
    assert_true(leak->first_bytes > 95000 && leak->first_bytes < 105000);
    assert_true(leak->last_bytes > 290000);
    assert_int_equal(slow->site.site_id, SLOW);
    assert_true(slow->slope_bytes_per_s > 900 && slow->slope_bytes_per_s < 1100);
    cairn_growth_release(&growth);
}

static void test_other_orders(void **state)
{
    (void)state;
    struct cairn_growth growth;
    ask(&growth, CAIRN_SORT_LIVE_BYTES);
    assert_true(growth.rows[0].last_bytes >= growth.rows[1].last_bytes);
    cairn_growth_release(&growth);
}

static void test_spans_without_growth(void **state)
{
    (void)state;
    struct cairn_growth growth;
    struct cairn_span span;
    const struct cairn_selection selection = {.by = CAIRN_BY_STACK};
    assert_int_equal(cairn_span_parse(trace, "end", "end", 0, &span, NULL), CAIRN_OK);
    assert_int_equal(cairn_growth(trace, &selection, &span, &growth, NULL), CAIRN_OK);
    assert_int_equal(growth.row_count, 0);
    cairn_growth_release(&growth);
    assert_int_equal(cairn_span_parse(trace, "start", "start+5us", 0, &span, NULL), CAIRN_OK);
    assert_int_equal(cairn_growth(trace, &selection, &span, &growth, NULL), CAIRN_OK);
    assert_int_equal(growth.row_count, 0);
    cairn_growth_release(&growth);
}

/* A script: what it imports grows for a second, then it leaks within two milliseconds, and all is freed at its end. */
static void make_script(struct fixture *script)
{
    static uint64_t births[2000];
    script->events = calloc(8000, sizeof(*script->events));
    assert_non_null(script->events);
    int count = 0;
    for (int i = 0; i < 1000; i++) {
        births[count++] = allocate(script, i * INT64_C(1000000), WARM, 3000);
    }
    for (int i = 0; i < 100; i++) {
        const int64_t t_ns = INT64_C(1000000000) + i * 20000;
        births[count++] = allocate(script, t_ns, LEAK, 8000);
        for (int k = 0; k < 2; k++) {
            release(script, t_ns, SAW, 100, allocate(script, t_ns, SAW, 100));
        }
    }
    for (int i = 0; i < count; i++) {
        release(script, INT64_C(1003000000), i < 1000 ? WARM : LEAK, i < 1000 ? 3000 : 8000, births[i]);
    }
    script->duration_ns = INT64_C(1004000000);
}

static void test_leak_of_a_short_script(void **state)
{
    (void)state;
    struct fixture script;
    struct cairn_trace *other;
    struct cairn_growth growth;
    struct cairn_span span;
    const struct cairn_selection selection = {.by = CAIRN_BY_STACK};
    fixture_init(&script, &(struct fixture_options){.seed = 33, .processes = 1, .make_events = make_script});
    assert_int_equal(cairn_trace_open(script.path, NULL, &other, NULL), CAIRN_OK);
    assert_int_equal(cairn_span_parse(other, NULL, NULL, 0, &span, NULL), CAIRN_OK);
    assert_int_equal(cairn_growth(other, &selection, &span, &growth, NULL), CAIRN_OK);
    assert_int_equal(growth.row_count, 1);
    assert_int_equal(growth.rows[0].site.site_id, LEAK);
    assert_int_equal(growth.rows[0].first_bytes, 0);
    assert_int_equal(growth.rows[0].last_bytes, 800000);
    cairn_growth_release(&growth);
    cairn_trace_close(other);
    fixture_release(&script);
}

/* The sentence over the sites says how the largest one came about. */
static void test_sentence_tells_growth(void **state)
{
    (void)state;
    struct cairn_top top;
    struct cairn_span span;
    struct cairn_moment at;
    char text[300];
    const struct cairn_selection selection = {.by = CAIRN_BY_STACK};
    assert_int_equal(cairn_span_parse(trace, NULL, NULL, 0, &span, NULL), CAIRN_OK);
    assert_int_equal(cairn_moment_parse(trace, "20%", NULL, 0, &at, NULL), CAIRN_OK);
    assert_int_equal(cairn_top(trace, &selection, &at, &span, &top, NULL), CAIRN_OK);
    assert_int_equal(top.rows[0].site.site_id, WARM);
    assert_int_equal(cairn_top_sentence(trace, &top, &selection, text, sizeof(text), NULL), CAIRN_OK);
    assert_null(strstr(text, "grew in"));
    cairn_top_release(&top);
    assert_int_equal(cairn_moment_parse(trace, "80%", NULL, 0, &at, NULL), CAIRN_OK);
    assert_int_equal(cairn_top(trace, &selection, &at, &span, &top, NULL), CAIRN_OK);
    assert_int_equal(cairn_top_sentence(trace, &top, &selection, text, sizeof(text), NULL), CAIRN_OK);
    assert_null(strstr(text, "grew in"));
    cairn_top_release(&top);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steady_leak_comes_first),
        cmocka_unit_test(test_leak_of_a_short_script),
        cmocka_unit_test(test_other_orders),
        cmocka_unit_test(test_spans_without_growth),
        cmocka_unit_test(test_sentence_tells_growth),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
