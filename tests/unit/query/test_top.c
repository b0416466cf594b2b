#include "query/top.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model.h"
#include "names.h"
#include "query/site_label.h"
#include "question.h"

struct expected_row {
    char name[NAME_SIZE];
    struct cairn_counts counts;
    int64_t stack_values[128]; /* of the metric, by stack */
};

/* The answer by brute force. */
struct expected {
    struct expected_row rows[256];
    size_t count;
    struct cairn_counts total;
};

static void add(struct cairn_counts *to, const struct cairn_counts *from)
{
    to->live_bytes += from->live_bytes;
    to->live_blocks += from->live_blocks;
    to->allocated_bytes += from->allocated_bytes;
    to->allocations += from->allocations;
    to->reallocs += from->reallocs;
    to->temporary += from->temporary;
    to->peak_bytes += from->peak_bytes;
}

static bool is_zero(const struct cairn_counts *counts)
{
    return !counts->live_bytes && !counts->live_blocks && !counts->allocated_bytes && !counts->allocations &&
           !counts->reallocs && !counts->temporary && !counts->peak_bytes;
}

static void add_to_row(struct expected *expected, const char *name, const struct cairn_counts *counts,
                       uint32_t stack, enum cairn_metric metric)
{
    size_t i = 0;
    while (i < expected->count && strcmp(expected->rows[i].name, name) != 0) {
        i++;
    }
    assert_true(i < sizeof(expected->rows) / sizeof(expected->rows[0]));
    if (i == expected->count) {
        expected->rows[expected->count++] = (struct expected_row){.counts = {.live_bytes = 0}};
        memcpy(expected->rows[i].name, name, NAME_SIZE);
    }
    add(&expected->rows[i].counts, counts);
    expected->rows[i].stack_values[stack] += cairn_counts_metric(counts, metric);
}

/* Every name on the stack from the charged frame outward, once. */
static void add_path(struct expected *expected, const struct question *question,
                     const struct cairn_account *account, const struct cairn_counts *counts)
{
    const struct fixture *fixture = question->fixture;
    const struct fixture_stack *stack = &fixture->stacks[account->stack];
    char names[FIXTURE_STACK_MAX + 1][NAME_SIZE];
    size_t count = 0;
    const size_t first = stack->count ? names_charged(fixture, account, question->selection.lang) : 0;
    for (size_t i = first; i < stack->count || i == 0; i++) {
        const uint32_t frame = stack->count ? stack->frames[i] : 0;
        if (frame && i > first && fixture->frames[frame - 1].kind != CAIRN_FRAME_PLAIN) {
            continue;
        }
        if (frame && question->selection.lang != CAIRN_LANG_ALL &&
            (fixture->frames[frame - 1].lang == CAIRN_LANG_PYTHON) !=
                (question->selection.lang == CAIRN_LANG_ONLY_PYTHON)) {
            continue;
        }
        names_of_frame(fixture, frame, question->selection.by, names[count]);
        bool seen = false;
        for (size_t k = 0; k < count; k++) {
            seen = seen || strcmp(names[k], names[count]) == 0;
        }
        count += !seen;
    }
    for (size_t i = 0; i < count; i++) {
        add_to_row(expected, names[i], counts, account->stack, question->selection.metric);
    }
}

static struct expected *expect(const struct question *question)
{
    const struct fixture *fixture = question->fixture;
    const struct cairn_selection *selection = &question->selection;
    struct expected *expected = calloc(1, sizeof(*expected));
    struct cairn_totals *at = model_state(fixture, question->at.position);
    struct cairn_totals *from = model_state(fixture, question->span.from.position);
    struct cairn_totals *to = model_state(fixture, question->span.to.position);
    struct cairn_totals *peak =
        model_state(fixture, model_peak(fixture, selection->process, question->span.from.position,
                                        question->span.to.position));
    assert_non_null(expected);
    for (size_t i = 0; i < fixture->account_count; i++) {
        const struct cairn_account *account = &fixture->accounts[i];
        const struct cairn_counts counts = {
            .live_bytes = at[i].live_bytes,
            .live_blocks = at[i].live_blocks,
            .allocated_bytes = to[i].allocated_bytes - from[i].allocated_bytes,
            .allocations = to[i].allocations - from[i].allocations,
            .reallocs = to[i].reallocs - from[i].reallocs,
            .temporary = to[i].temporary - from[i].temporary,
            .peak_bytes = peak[i].live_bytes,
        };
        char name[NAME_SIZE];
        const bool heap = account->domain <= CAIRN_DOMAIN_LAST_HEAP;
        if (heap != (selection->memory == CAIRN_MEMORY_HEAP) ||
            (selection->process && selection->process != account->process) ||
            !names_of_account(fixture, account, selection->by, selection->lang, name)) {
            continue;
        }
        add(&expected->total, &counts);
        if (selection->tid && fixture->threads[account->thread - 1].tid != selection->tid) {
            continue;
        }
        if (selection->cumulative) {
            add_path(expected, question, account, &counts);
        } else {
            add_to_row(expected, name, &counts, account->stack, selection->metric);
        }
    }
    free(at);
    free(from);
    free(to);
    free(peak);
    return expected;
}

static void assert_counts_equal(const struct cairn_counts *found, const struct cairn_counts *expected)
{
    assert_int_equal(found->live_bytes, expected->live_bytes);
    assert_int_equal(found->live_blocks, expected->live_blocks);
    assert_int_equal(found->allocated_bytes, expected->allocated_bytes);
    assert_int_equal(found->allocations, expected->allocations);
    assert_int_equal(found->reallocs, expected->reallocs);
    assert_int_equal(found->temporary, expected->temporary);
    assert_int_equal(found->peak_bytes, expected->peak_bytes);
}

static void check_row(const struct question *question, const struct cairn_top_row *row,
                      const struct expected *expected)
{
    char name[NAME_SIZE];
    names_of_site(&row->site, question->selection.by, name);
    size_t i = 0;
    while (i < expected->count && strcmp(expected->rows[i].name, name) != 0) {
        i++;
    }
    if (i == expected->count) {
        fail_msg("no row is called %s", name);
    }
    assert_counts_equal(&row->counts, &expected->rows[i].counts);
    int64_t heaviest = 0;
    for (size_t k = 0; k < 128; k++) {
        heaviest =
            expected->rows[i].stack_values[k] > heaviest ? expected->rows[i].stack_values[k] : heaviest;
    }
    const enum cairn_metric metric = question->selection.metric;
    if (question->selection.by != CAIRN_BY_THREAD && question->selection.by != CAIRN_BY_PROCESS) {
        assert_int_equal(expected->rows[i].stack_values[row->heaviest_stack], heaviest);
    }
    const int64_t total = cairn_counts_metric(&expected->total, metric);
    const double percent =
        total ? 100.0 * (double)cairn_counts_metric(&row->counts, metric) / (double)total : 0;
    assert_true(percent - row->percent < 1e-9 && row->percent - percent < 1e-9);
}

static void check(const struct question *question)
{
    struct expected *expected = expect(question);
    struct cairn_top top;
    struct cairn_error error;
    if (cairn_top(question->trace, &question->selection, &question->at, &question->span, &top, &error) !=
        CAIRN_OK) {
        fail_msg("%s", error.message);
    }
    size_t count = 0;
    for (size_t i = 0; i < expected->count; i++) {
        count += !is_zero(&expected->rows[i].counts);
    }
    assert_int_equal(top.rows_total, count);
    assert_int_equal(top.row_count, count);
    assert_counts_equal(&top.total, &expected->total);
    for (size_t i = 0; i < top.row_count; i++) {
        check_row(question, &top.rows[i], expected);
        if (i > 0) {
            assert_true(cairn_counts_metric(&top.rows[i - 1].counts, question->selection.metric) >=
                        cairn_counts_metric(&top.rows[i].counts, question->selection.metric));
        }
    }
    cairn_top_release(&top);
    free(expected);
}

static void test_every_grouping_and_metric(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 6; seed++) {
        struct fixture fixture;
        fixture_init(&fixture, &(struct fixture_options){.seed = seed,
                                                         .events = 300 + seed * 60,
                                                         .processes = 1 + seed % 3,
                                                         .python = seed % 2,
                                                         .mapped = seed > 3,
                                                         .incomplete = seed == 5,
                                                         .sample_bytes = seed % 3 == 0 ? 300 : 0});
        struct cairn_trace *trace = question_trace(&fixture);
        for (int by = 0; by < CAIRN_BY_COUNT; by++) {
            for (int metric = 0; by != CAIRN_BY_TYPE && metric < CAIRN_METRIC_COUNT; metric++) {
                struct question question = question_ask(&fixture, trace);
                question.selection = names_selection((enum cairn_by)by, (enum cairn_metric)metric);
                check(&question);
            }
        }
        cairn_trace_close(trace);
        fixture_release(&fixture);
    }
}

static void test_spans_and_selections(void **state)
{
    (void)state;
    for (uint32_t seed = 11; seed <= 16; seed++) {
        struct fixture fixture;
        fixture_init(&fixture, &(struct fixture_options){.seed = seed,
                                                         .events = 600,
                                                         .processes = 1 + seed % 3,
                                                         .python = seed % 2,
                                                         .mapped = true,
                                                         .sample_bytes = seed % 2 ? 100 : 0});
        struct cairn_trace *trace = question_trace(&fixture);
        const uint32_t end = (uint32_t)model_end_position(&fixture);
        for (int round = 0; round < 24; round++) {
            struct question question = question_ask(&fixture, trace);
            const uint32_t a = fixture_random(&fixture, end + 1), b = fixture_random(&fixture, end + 1);
            question.selection =
                names_selection((enum cairn_by)fixture_random(&fixture, 5),
                                (enum cairn_metric)fixture_random(&fixture, CAIRN_METRIC_COUNT));
            question.span.from = question_moment(&fixture, a < b ? a : b);
            question.span.to = question_moment(&fixture, a < b ? b : a);
            question.selection.process = fixture_random(&fixture, fixture.options.processes + 1);
            question.selection.lang = (enum cairn_lang_choice)fixture_random(&fixture, 3);
            question.selection.memory = fixture_random(&fixture, 4) ? CAIRN_MEMORY_HEAP : CAIRN_MEMORY_MAPPED;
            question.selection.tid =
                fixture_random(&fixture, 3)
                    ? 0
                    : fixture.threads[fixture_random(&fixture, (uint32_t)fixture.thread_count)].tid;
            check(&question);
        }
        cairn_trace_close(trace);
        fixture_release(&fixture);
    }
}

static void test_cumulative(void **state)
{
    (void)state;
    static const enum cairn_by places[] = {CAIRN_BY_FUNCTION, CAIRN_BY_LINE, CAIRN_BY_FILE, CAIRN_BY_MODULE};
    for (uint32_t seed = 21; seed <= 24; seed++) {
        struct fixture fixture;
        fixture_init(&fixture, &(struct fixture_options){
                                   .seed = seed, .events = 500, .processes = 2, .python = seed % 2});
        struct cairn_trace *trace = question_trace(&fixture);
        for (int round = 0; round < 12; round++) {
            struct question question = question_ask(&fixture, trace);
            question.selection = names_selection(
                places[round % 4], (enum cairn_metric)fixture_random(&fixture, CAIRN_METRIC_COUNT));
            question.selection.cumulative = true;
            question.selection.lang = (enum cairn_lang_choice)(round / 4);
            check(&question);
        }
        cairn_trace_close(trace);
        fixture_release(&fixture);
    }
}

/* Offset and limit cut the same list, and what is cut is the rest of the total. */
static void test_slices(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture,
                 &(struct fixture_options){.seed = 31, .events = 500, .processes = 1, .python = true});
    struct cairn_trace *trace = question_trace(&fixture);
    struct question question = question_ask(&fixture, trace);
    question.selection = names_selection(CAIRN_BY_LINE, CAIRN_METRIC_ALLOCATED);
    struct cairn_top all, part;
    assert_int_equal(cairn_top(trace, &question.selection, &question.at, &question.span, &all, NULL),
                     CAIRN_OK);
    question.selection.limit = 5;
    question.selection.offset = 3;
    assert_int_equal(cairn_top(trace, &question.selection, &question.at, &question.span, &part, NULL),
                     CAIRN_OK);
    assert_int_equal(part.row_count, 5);
    assert_int_equal(part.rows_total, all.rows_total);
    struct cairn_counts sum = part.other;
    for (size_t i = 0; i < part.row_count; i++) {
        assert_int_equal(part.rows[i].site.site_id, all.rows[i + 3].site.site_id);
        add(&sum, &part.rows[i].counts);
    }
    assert_counts_equal(&sum, &part.total);
    cairn_top_release(&part);
    question.selection.offset = all.rows_total + 7;
    assert_int_equal(cairn_top(trace, &question.selection, &question.at, &question.span, &part, NULL),
                     CAIRN_OK);
    assert_int_equal(part.row_count, 0);
    assert_counts_equal(&part.other, &part.total);
    cairn_top_release(&part);
    cairn_top_release(&all);
    cairn_trace_close(trace);
    fixture_release(&fixture);
}

/* The stacks of every site add up to it; site numbers are the same in another handle. */
static void test_stacks_of_sites(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture,
                 &(struct fixture_options){.seed = 41, .events = 700, .processes = 2, .python = true});
    struct cairn_trace *trace = question_trace(&fixture), *other = question_trace(&fixture);
    for (int by = 0; by < CAIRN_BY_COUNT; by++) {
        if (by == CAIRN_BY_TYPE) {
            continue;
        }
        struct question question = question_ask(&fixture, trace);
        question.selection = names_selection((enum cairn_by)by, CAIRN_METRIC_LIVE);
        struct cairn_top top;
        assert_int_equal(cairn_top(trace, &question.selection, &question.at, &question.span, &top, NULL),
                         CAIRN_OK);
        for (size_t i = 0; i < top.row_count; i++) {
            struct cairn_top stacks;
            struct cairn_counts sum = {.live_bytes = 0};
            assert_int_equal(cairn_top_stacks(other, &question.selection, top.rows[i].site.site_id,
                                              &question.at, &question.span, &stacks, NULL),
                             CAIRN_OK);
            assert_int_equal(stacks.row_count, top.rows[i].stacks);
            assert_int_equal(stacks.rows[0].heaviest_stack, stacks.rows[0].site.site_id);
            for (size_t k = 0; k < stacks.row_count; k++) {
                add(&sum, &stacks.rows[k].counts);
                assert_true(k == 0 ||
                            stacks.rows[k - 1].counts.live_bytes >= stacks.rows[k].counts.live_bytes);
            }
            assert_counts_equal(&sum, &top.rows[i].counts);
            assert_int_equal(stacks.rows[0].counts.live_bytes > 0 ? stacks.rows[0].heaviest_stack
                                                                  : top.rows[i].heaviest_stack,
                             stacks.rows[0].counts.live_bytes > 0 && stacks.row_count > 1 &&
                                     stacks.rows[0].counts.live_bytes == stacks.rows[1].counts.live_bytes
                                 ? stacks.rows[0].heaviest_stack
                                 : top.rows[i].heaviest_stack);
            cairn_top_release(&stacks);
        }
        cairn_top_release(&top);
    }
    cairn_trace_close(trace);
    cairn_trace_close(other);
    fixture_release(&fixture);
}

static bool stack_has(const struct fixture *fixture, uint32_t stack, const char *part)
{
    for (size_t i = 0; i < fixture->stacks[stack].count; i++) {
        const struct cairn_frame *frame = &fixture->frames[fixture->stacks[stack].frames[i] - 1];
        if ((frame->function && strstr(fixture->functions[frame->function - 1].name, part)) ||
            (frame->file && strstr(fixture->files[frame->file - 1].path, part)) ||
            (frame->module && strstr(fixture->modules[frame->module - 1].path, part))) {
            return true;
        }
    }
    return false;
}

static void test_filters(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture,
                 &(struct fixture_options){.seed = 51, .events = 700, .processes = 1, .python = true});
    struct cairn_trace *trace = question_trace(&fixture);
    struct question question = question_ask(&fixture, trace);
    question.at = question.span.to;
    struct cairn_filter *filter;
    struct cairn_top top;
    assert_int_equal(cairn_filter_new((const char *const[]){"helper", "cache/util"}, 2,
                                      (const char *const[]){"libwork"}, 1, &filter, NULL),
                     CAIRN_OK);
    question.selection = names_selection(CAIRN_BY_STACK, CAIRN_METRIC_ALLOCATED);
    question.selection.filter = filter;
    assert_int_equal(cairn_top(trace, &question.selection, &question.at, &question.span, &top, NULL),
                     CAIRN_OK);
    struct cairn_totals *totals = model_state(&fixture, question.at.position);
    int64_t kept = 0, found = 0;
    for (size_t i = 0; i < fixture.account_count; i++) {
        const uint32_t stack = fixture.accounts[i].stack;
        if ((stack_has(&fixture, stack, "helper") || stack_has(&fixture, stack, "cache/util")) &&
            !stack_has(&fixture, stack, "libwork")) {
            kept += totals[i].allocated_bytes;
        }
    }
    double percents = 0;
    for (size_t i = 0; i < top.row_count; i++) {
        found += top.rows[i].counts.allocated_bytes;
        percents += top.rows[i].percent;
    }
    assert_true(kept > 0 && kept < top.total.allocated_bytes);
    assert_int_equal(found, kept);
    assert_true(percents < 100); /* of the total before the filter */
    free(totals);
    cairn_top_release(&top);
    cairn_filter_free(filter);
    cairn_trace_close(trace);
    fixture_release(&fixture);
}

static void test_bad_filter_is_named(void **state)
{
    (void)state;
    struct cairn_filter *filter;
    struct cairn_error error;
    assert_int_equal(cairn_filter_new((const char *const[]){"a("}, 1, NULL, 0, &filter, &error),
                     CAIRN_E_USAGE);
    assert_non_null(strstr(error.message, "a("));
}

/* A rule of the caller's: what it skips is charged to the next frame outward. */
static void test_rules(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, &(struct fixture_options){.seed = 61, .events = 500, .processes = 1});
    struct cairn_trace *trace = question_trace(&fixture);
    struct question question = question_ask(&fixture, trace);
    question.selection = names_selection(CAIRN_BY_FUNCTION, CAIRN_METRIC_ALLOCATED);
    struct cairn_top plain, skipping;
    struct cairn_site_rule *rule;
    assert_int_equal(cairn_top(trace, &question.selection, &question.at, &question.span, &plain, NULL),
                     CAIRN_OK);
    assert_int_equal(cairn_site_rule_new(true, (const char *const[]){"^helper$"}, 1, &rule, NULL), CAIRN_OK);
    question.selection.rule = rule;
    assert_int_equal(cairn_top(trace, &question.selection, &question.at, &question.span, &skipping, NULL),
                     CAIRN_OK);
    int64_t before = 0, after = 0;
    for (size_t i = 0; i < plain.row_count; i++) {
        const char *function = plain.rows[i].site.function;
        before += function && strcmp(function, "helper") == 0 ? plain.rows[i].counts.allocated_bytes : 0;
    }
    /* Stacks of nothing but what is skipped stay with the innermost frame. */
    int64_t only_skipped = 0;
    struct cairn_totals *totals = model_state(&fixture, question.span.to.position);
    for (size_t i = 0; i < fixture.account_count; i++) {
        const struct fixture_stack *stack = &fixture.stacks[fixture.accounts[i].stack];
        bool all = stack->count > 0;
        for (size_t k = 0; k < stack->count; k++) {
            const uint32_t function = fixture.frames[stack->frames[k] - 1].function;
            const char *name = function ? fixture.functions[function - 1].name : "";
            all = all && (strcmp(name, "helper") == 0 || strcmp(name, "xmalloc") == 0 ||
                          strncmp(name, "std::", 5) == 0);
        }
        const uint32_t innermost = stack->count ? fixture.frames[stack->frames[0] - 1].function : 0;
        if (all && innermost && strcmp(fixture.functions[innermost - 1].name, "helper") == 0) {
            only_skipped += totals[i].allocated_bytes;
        }
    }
    for (size_t i = 0; i < skipping.row_count; i++) {
        const char *function = skipping.rows[i].site.function;
        after += function && strcmp(function, "helper") == 0 ? skipping.rows[i].counts.allocated_bytes : 0;
    }
    assert_true(before > after);
    assert_int_equal(after, only_skipped);
    assert_counts_equal(&plain.total, &skipping.total);
    free(totals);
    cairn_top_release(&plain);
    cairn_top_release(&skipping);
    cairn_site_rule_free(rule);
    cairn_trace_close(trace);
    fixture_release(&fixture);
}

static void test_what_is_not_there(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, &(struct fixture_options){.seed = 71, .events = 100, .processes = 1});
    struct cairn_trace *trace = question_trace(&fixture);
    struct question question = question_ask(&fixture, trace);
    struct cairn_top top;
    struct cairn_error error;
    question.selection = names_selection(CAIRN_BY_TYPE, CAIRN_METRIC_LIVE);
    assert_int_equal(cairn_top(trace, &question.selection, &question.at, &question.span, &top, &error),
                     CAIRN_E_NOT_FOUND);
    assert_non_null(strstr(error.message, "graph"));
    question.selection = names_selection(CAIRN_BY_LINE, CAIRN_METRIC_LIVE);
    question.selection.tid = 999999;
    assert_int_equal(cairn_top(trace, &question.selection, &question.at, &question.span, &top, &error),
                     CAIRN_E_NOT_FOUND);
    question.selection.tid = 0;
    question.selection.process = 99;
    assert_int_equal(cairn_top(trace, &question.selection, &question.at, &question.span, &top, &error),
                     CAIRN_E_NOT_FOUND);
    cairn_trace_close(trace);
    fixture_release(&fixture);
}

static bool always(void *state)
{
    (void)state;
    return true;
}

static void test_cancelled(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, &(struct fixture_options){.seed = 95, .events = 300, .processes = 1});
    struct cairn_trace *trace;
    const struct cairn_trace_options options = {.cancelled = always};
    if (cairn_trace_open(fixture.path, &options, &trace, NULL) == CAIRN_OK) {
        struct question question = question_ask(&fixture, trace);
        struct cairn_top top;
        question.selection = names_selection(CAIRN_BY_LINE, CAIRN_METRIC_LIVE);
        assert_int_equal(cairn_top(trace, &question.selection, &question.at, &question.span, &top, NULL),
                         CAIRN_E_CANCELLED);
        cairn_trace_close(trace);
    }
    fixture_release(&fixture);
}

static void test_sampled_error(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture,
                 &(struct fixture_options){.seed = 97, .events = 300, .processes = 1, .sample_bytes = 65536});
    struct cairn_trace *trace = question_trace(&fixture);
    struct question question = question_ask(&fixture, trace);
    struct cairn_top top;
    question.at = question.span.to;
    question.selection = names_selection(CAIRN_BY_LINE, CAIRN_METRIC_LIVE);
    assert_int_equal(cairn_top(trace, &question.selection, &question.at, &question.span, &top, NULL),
                     CAIRN_OK);
    /* Small blocks, rarely sampled: the error is near √(bytes × interval). */
    assert_true(top.rows[0].counts.error_bytes > 0);
    const double bytes = (double)top.total.live_bytes, error = (double)top.total.error_bytes;
    assert_true(error * error > bytes * 65536 * 0.8 && error * error < bytes * 65536 * 1.2);
    const int64_t live_error = top.total.error_bytes;
    cairn_top_release(&top);
    question.selection.metric = CAIRN_METRIC_ALLOCATED;
    assert_int_equal(cairn_top(trace, &question.selection, &question.at, &question.span, &top, NULL),
                     CAIRN_OK);
    assert_true(top.total.error_bytes > live_error);
    cairn_top_release(&top);
    cairn_trace_close(trace);
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_grouping_and_metric),
        cmocka_unit_test(test_spans_and_selections),
        cmocka_unit_test(test_cumulative),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_stacks_of_sites),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_bad_filter_is_named),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_what_is_not_there),
        cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_sampled_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
