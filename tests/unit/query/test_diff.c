#include "query/diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model.h"
#include "names.h"

struct expected_row {
    char name[NAME_SIZE];
    struct cairn_diff_counts counts;
};

struct expected {
    struct expected_row rows[256];
    size_t count;
    struct cairn_diff_counts total;
};

static void add(struct cairn_diff_counts *to, const struct cairn_diff_counts *from)
{
    to->a_bytes += from->a_bytes;
    to->b_bytes += from->b_bytes;
    to->a_blocks += from->a_blocks;
    to->b_blocks += from->b_blocks;
    to->survived_bytes += from->survived_bytes;
    to->survived_blocks += from->survived_blocks;
    to->delta_bytes = to->b_bytes - to->a_bytes;
    to->delta_blocks = to->b_blocks - to->a_blocks;
}

static struct expected_row *row_of(struct expected *expected, const char *name)
{
    for (size_t i = 0; i < expected->count; i++) {
        if (strcmp(expected->rows[i].name, name) == 0) {
            return &expected->rows[i];
        }
    }
    assert_true(expected->count < sizeof(expected->rows) / sizeof(expected->rows[0]));
    struct expected_row *row = &expected->rows[expected->count++];
    *row = (struct expected_row){.counts = {.a_bytes = 0}};
    memcpy(row->name, name, strlen(name) + 1);
    return row;
}

/* One trace, two positions. */
static struct expected *expect(const struct fixture *fixture, const struct cairn_selection *selection,
                               uint64_t a, uint64_t b)
{
    struct expected *expected = calloc(1, sizeof(*expected));
    struct cairn_totals *at_a = model_state(fixture, a), *at_b = model_state(fixture, b);
    struct cairn_totals *survived = model_survived(fixture, a, b);
    assert_non_null(expected);
    for (size_t i = 0; i < fixture->account_count; i++) {
        const struct cairn_account *account = &fixture->accounts[i];
        char name[NAME_SIZE];
        const struct cairn_diff_counts counts = {
            .a_bytes = at_a[i].live_bytes,
            .b_bytes = at_b[i].live_bytes,
            .a_blocks = at_a[i].live_blocks,
            .b_blocks = at_b[i].live_blocks,
            .survived_bytes = survived[i].live_bytes,
            .survived_blocks = survived[i].live_blocks,
        };
        if (account->domain <= CAIRN_DOMAIN_LAST_HEAP &&
            (selection->process == 0 || selection->process == account->process) &&
            names_of_account(fixture, account, selection->by, selection->lang, name)) {
            add(&row_of(expected, name)->counts, &counts);
            add(&expected->total, &counts);
        }
    }
    free(at_a);
    free(at_b);
    free(survived);
    return expected;
}

static void assert_counts_equal(const struct cairn_diff_counts *found,
                                const struct cairn_diff_counts *expected)
{
    assert_int_equal(found->a_bytes, expected->a_bytes);
    assert_int_equal(found->b_bytes, expected->b_bytes);
    assert_int_equal(found->delta_bytes, expected->delta_bytes);
    assert_int_equal(found->a_blocks, expected->a_blocks);
    assert_int_equal(found->b_blocks, expected->b_blocks);
    assert_int_equal(found->delta_blocks, expected->delta_blocks);
    assert_int_equal(found->survived_bytes, expected->survived_bytes);
    assert_int_equal(found->survived_blocks, expected->survived_blocks);
}

static bool is_empty(const struct cairn_diff_counts *counts)
{
    return !counts->a_bytes && !counts->a_blocks && !counts->b_bytes && !counts->b_blocks;
}

static void check_state(const struct cairn_diff_row *row)
{
    const struct cairn_diff_counts *counts = &row->counts;
    switch (row->state) {
    case CAIRN_DIFF_NEW:
        assert_true(counts->a_blocks == 0 && counts->b_blocks > 0);
        break;
    case CAIRN_DIFF_GONE:
        assert_true(counts->a_blocks > 0 && counts->b_blocks == 0);
        break;
    case CAIRN_DIFF_GREW:
        assert_true(counts->delta_bytes > 0 || (counts->delta_bytes == 0 && counts->delta_blocks > 0));
        break;
    case CAIRN_DIFF_SHRANK:
        assert_true(counts->delta_bytes < 0 || (counts->delta_bytes == 0 && counts->delta_blocks < 0));
        break;
    case CAIRN_DIFF_SAME:
        assert_true(counts->delta_bytes == 0 && counts->delta_blocks == 0);
        break;
    }
}

static void check(const struct fixture *fixture, struct cairn_trace *trace,
                  const struct cairn_selection *selection, uint64_t a, uint64_t b)
{
    struct expected *expected = expect(fixture, selection, a, b);
    struct cairn_diff diff;
    struct cairn_error error;
    const struct cairn_moment at_a = {.position = a}, at_b = {.position = b};
    if (cairn_diff(trace, &at_a, trace, &at_b, selection, &diff, &error) != CAIRN_OK) {
        fail_msg("%s", error.message);
    }
    size_t count = 0;
    for (size_t i = 0; i < expected->count; i++) {
        count += !is_empty(&expected->rows[i].counts);
    }
    assert_int_equal(diff.row_count, count);
    assert_counts_equal(&diff.total, &expected->total);
    double percents = 0;
    for (size_t i = 0; i < diff.row_count; i++) {
        char name[NAME_SIZE];
        names_of_site(&diff.rows[i].site, selection->by, name);
        assert_counts_equal(&diff.rows[i].counts, &row_of(expected, name)->counts);
        check_state(&diff.rows[i]);
        percents += diff.rows[i].percent;
        assert_true(i == 0 ||
                    llabs(diff.rows[i - 1].counts.delta_bytes) >= llabs(diff.rows[i].counts.delta_bytes));
    }
    assert_true(percents == 0 || (percents > 99.999 && percents < 100.001));
    assert_true(strlen(diff.verdict) > 0);
    cairn_diff_release(&diff);
    free(expected);
}

static void test_one_trace(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 4; seed++) {
        struct fixture fixture;
        struct cairn_trace *trace;
        fixture_init(&fixture, &(struct fixture_options){.seed = seed,
                                                         .events = 700,
                                                         .processes = seed % 3 + 1,
                                                         .python = seed % 2,
                                                         .mapped = true,
                                                         .sample_bytes = seed > 2 ? 150 : 0});
        assert_int_equal(cairn_trace_open(fixture.path, NULL, &trace, NULL), CAIRN_OK);
        const uint32_t end = (uint32_t)model_end_position(&fixture);
        for (int round = 0; round < 30; round++) {
            static const enum cairn_by groupings[] = {CAIRN_BY_FUNCTION, CAIRN_BY_LINE,  CAIRN_BY_FILE,
                                                      CAIRN_BY_MODULE,   CAIRN_BY_STACK, CAIRN_BY_THREAD,
                                                      CAIRN_BY_PROCESS};
            uint64_t a = fixture_random(&fixture, end + 1), b = fixture_random(&fixture, end + 1);
            const struct cairn_selection selection = {
                .by = groupings[round % 7],
                .process = round % 4 == 3 ? fixture_random(&fixture, fixture.options.processes + 1) : 0,
                .lang = (enum cairn_lang_choice)(round % 3),
            };
            if (round == 5) {
                b = a;
            }
            if (a > b) {
                const uint64_t swapped = a;
                a = b;
                b = swapped;
            }
            check(&fixture, trace, &selection, a, b);
        }
        cairn_trace_close(trace);
        fixture_release(&fixture);
    }
}

/* The later moment first: what grew shrinks, and nothing survives. */
static void test_backwards(void **state)
{
    (void)state;
    struct fixture fixture;
    struct cairn_trace *trace;
    struct cairn_diff there, back;
    fixture_init(&fixture, &(struct fixture_options){.seed = 9, .events = 500, .processes = 1});
    assert_int_equal(cairn_trace_open(fixture.path, NULL, &trace, NULL), CAIRN_OK);
    const struct cairn_moment a = {.position = 100}, b = {.position = 400};
    const struct cairn_selection selection = {.by = CAIRN_BY_FUNCTION};
    assert_int_equal(cairn_diff(trace, &a, trace, &b, &selection, &there, NULL), CAIRN_OK);
    assert_int_equal(cairn_diff(trace, &b, trace, &a, &selection, &back, NULL), CAIRN_OK);
    assert_int_equal(there.total.delta_bytes, -back.total.delta_bytes);
    assert_int_equal(back.total.survived_bytes, 0);
    assert_int_equal(there.row_count, back.row_count);
    cairn_diff_release(&there);
    cairn_diff_release(&back);
    cairn_trace_close(trace);
    fixture_release(&fixture);
}

static void test_stacks_of_rows(void **state)
{
    (void)state;
    struct fixture fixture;
    struct cairn_trace *trace;
    struct cairn_diff diff, stacks;
    fixture_init(&fixture, &(struct fixture_options){.seed = 12, .events = 700, .processes = 2});
    assert_int_equal(cairn_trace_open(fixture.path, NULL, &trace, NULL), CAIRN_OK);
    const struct cairn_moment a = {.position = 150}, b = {.position = 650};
    const struct cairn_selection selection = {.by = CAIRN_BY_FUNCTION};
    assert_int_equal(cairn_diff(trace, &a, trace, &b, &selection, &diff, NULL), CAIRN_OK);
    for (size_t i = 0; i < diff.row_count; i++) {
        struct cairn_diff_counts sum = {.a_bytes = 0};
        int64_t largest = -1;
        assert_int_equal(
            cairn_diff_stacks(trace, &a, trace, &b, &selection, diff.rows[i].site.site_id, &stacks, NULL),
            CAIRN_OK);
        for (size_t k = 0; k < stacks.row_count; k++) {
            add(&sum, &stacks.rows[k].counts);
            if (stacks.rows[k].stack == diff.rows[i].stack) {
                largest = llabs(stacks.rows[k].counts.delta_bytes);
            }
            assert_true(k == 0 || llabs(stacks.rows[k - 1].counts.delta_bytes) >=
                                      llabs(stacks.rows[k].counts.delta_bytes));
        }
        assert_counts_equal(&sum, &diff.rows[i].counts);
        assert_int_equal(largest, llabs(stacks.rows[0].counts.delta_bytes));
        cairn_diff_release(&stacks);
    }
    cairn_diff_release(&diff);
    cairn_trace_close(trace);
    fixture_release(&fixture);
}

/* The same program twice, the second time with its lines moved: every row meets its twin. */
static void test_two_traces_of_one_program(void **state)
{
    (void)state;
    static const enum cairn_by groupings[] = {CAIRN_BY_FUNCTION, CAIRN_BY_LINE,  CAIRN_BY_FILE,
                                              CAIRN_BY_MODULE,   CAIRN_BY_STACK, CAIRN_BY_THREAD,
                                              CAIRN_BY_PROCESS};
    struct fixture before, after;
    struct cairn_trace *trace_a, *trace_b;
    fixture_init(&before,
                 &(struct fixture_options){.seed = 21, .events = 600, .processes = 2, .python = true});
    fixture_init(&after, &(struct fixture_options){
                             .seed = 21, .events = 600, .processes = 2, .python = true, .lines_moved = true});
    assert_int_equal(cairn_trace_open(before.path, NULL, &trace_a, NULL), CAIRN_OK);
    assert_int_equal(cairn_trace_open(after.path, NULL, &trace_b, NULL), CAIRN_OK);
    const struct cairn_moment a = {.position = 500}, b = {.position = 500};
    for (size_t i = 0; i < sizeof(groupings) / sizeof(groupings[0]); i++) {
        struct cairn_diff diff;
        struct cairn_error error;
        const struct cairn_selection selection = {.by = groupings[i]};
        if (cairn_diff(trace_a, &a, trace_b, &b, &selection, &diff, &error) != CAIRN_OK) {
            fail_msg("%s", error.message);
        }
        assert_true(diff.row_count > 0);
        for (size_t k = 0; k < diff.row_count; k++) {
            assert_int_equal(diff.rows[k].state, CAIRN_DIFF_SAME);
            assert_int_equal(diff.rows[k].counts.delta_bytes, 0);
            assert_true(diff.rows[k].counts.survived_bytes == CAIRN_UNKNOWN);
            assert_false(diff.rows[k].stack_of_a);
        }
        assert_string_equal(diff.verdict, "nothing changed");
        cairn_diff_release(&diff);
    }
    cairn_trace_close(trace_a);
    cairn_trace_close(trace_b);
    fixture_release(&before);
    fixture_release(&after);
}

/* Two moments of one recording told by two handles of it: the same rows as by one, but for what survived. */
static void test_two_handles(void **state)
{
    (void)state;
    struct fixture fixture;
    struct cairn_trace *trace, *other;
    fixture_init(&fixture, &(struct fixture_options){.seed = 23, .events = 600, .processes = 1});
    assert_int_equal(cairn_trace_open(fixture.path, NULL, &trace, NULL), CAIRN_OK);
    assert_int_equal(cairn_trace_open(fixture.path, NULL, &other, NULL), CAIRN_OK);
    const struct cairn_moment a = {.position = 120}, b = {.position = 520};
    struct cairn_diff one, two;
    const struct cairn_selection selection = {.by = CAIRN_BY_LINE};
    assert_int_equal(cairn_diff(trace, &a, trace, &b, &selection, &one, NULL), CAIRN_OK);
    assert_int_equal(cairn_diff(trace, &a, other, &b, &selection, &two, NULL), CAIRN_OK);
    assert_int_equal(one.row_count, two.row_count);
    for (size_t i = 0; i < one.row_count; i++) {
        assert_int_equal(one.rows[i].counts.a_bytes, two.rows[i].counts.a_bytes);
        assert_int_equal(one.rows[i].counts.b_bytes, two.rows[i].counts.b_bytes);
        assert_int_equal(one.rows[i].state, two.rows[i].state);
        assert_int_equal(one.rows[i].site.line, two.rows[i].site.line);
        struct cairn_diff stacks;
        assert_int_equal(
            cairn_diff_stacks(trace, &a, other, &b, &selection, two.rows[i].site.site_id, &stacks, NULL),
            CAIRN_OK);
        int64_t sum = 0;
        for (size_t k = 0; k < stacks.row_count; k++) {
            sum += stacks.rows[k].counts.delta_bytes;
        }
        assert_int_equal(sum, two.rows[i].counts.delta_bytes);
        cairn_diff_release(&stacks);
    }
    cairn_diff_release(&one);
    cairn_diff_release(&two);
    cairn_trace_close(trace);
    cairn_trace_close(other);
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_trace),      cmocka_unit_test(test_backwards),
        cmocka_unit_test(test_stacks_of_rows), cmocka_unit_test(test_two_traces_of_one_program),
        cmocka_unit_test(test_two_handles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
