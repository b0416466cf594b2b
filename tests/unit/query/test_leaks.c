#include "query/leaks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "model.h"
#include "names.h"

struct expected {
    int64_t bytes, blocks, age_ns;
};

/* Live at the end by stack; ages from the birth of the oldest block to the end of its process. */
static void expect(const struct fixture *fixture, int64_t min_age_ns, struct expected *rows)
{
    for (size_t i = 0; i < fixture->account_count; i++) {
        const struct cairn_account *account = &fixture->accounts[i];
        const struct cairn_process *process = &fixture->processes[account->process - 1];
        const int64_t end_ns = process->ended_ns == CAIRN_UNKNOWN ? fixture->duration_ns : process->ended_ns;
        int64_t bytes, blocks;
        const uint64_t cutoff = min_age_ns == 0        ? UINT64_MAX
                                : end_ns >= min_age_ns ? model_position(fixture, end_ns - min_age_ns)
                                                       : 0;
        const uint64_t oldest = model_oldest(fixture, account->account, cutoff, &bytes, &blocks);
        if (account->domain > CAIRN_DOMAIN_LAST_HEAP || (bytes == 0 && blocks == 0)) {
            continue;
        }
        struct expected *row = &rows[account->stack];
        const int64_t age_ns = end_ns - (int64_t)fixture->events[oldest].t_ns;
        row->age_ns = row->blocks == 0 || age_ns > row->age_ns ? age_ns : row->age_ns;
        row->bytes += bytes;
        row->blocks += blocks;
    }
}

static void check(const struct fixture *fixture, struct cairn_trace *trace, int64_t min_age_ns)
{
    struct expected *rows = calloc(fixture->stack_count + 1, sizeof(*rows));
    struct cairn_leaks leaks;
    struct cairn_error error;
    const struct cairn_selection selection = {.by = CAIRN_BY_STACK};
    assert_non_null(rows);
    expect(fixture, min_age_ns, rows);
    if (cairn_leaks(trace, &selection, min_age_ns, NULL, &leaks, &error) != CAIRN_OK) {
        fail_msg("%s", error.message);
    }
    int64_t bytes = 0, blocks = 0;
    size_t count = 0;
    for (size_t i = 0; i <= fixture->stack_count; i++) {
        count += rows[i].blocks > 0;
    }
    assert_int_equal(leaks.row_count, count);
    assert_false(leaks.by_graph);
    for (size_t i = 0; i < leaks.row_count; i++) {
        const struct expected *row = &rows[leaks.rows[i].stack];
        assert_int_equal(leaks.rows[i].bytes, row->bytes);
        assert_int_equal(leaks.rows[i].blocks, row->blocks);
        assert_int_equal(leaks.rows[i].oldest_age_ns, row->age_ns);
        assert_int_equal(leaks.rows[i].class, CAIRN_LEAK_UNKNOWN);
        assert_true(i == 0 || leaks.rows[i - 1].bytes >= leaks.rows[i].bytes);
        bytes += row->bytes;
        blocks += row->blocks;
    }
    assert_int_equal(leaks.bytes, bytes);
    assert_int_equal(leaks.blocks, blocks);
    cairn_leaks_release(&leaks);
    free(rows);
}

static void test_live_at_the_end(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 4; seed++) {
        struct fixture fixture;
        struct cairn_trace *trace;
        fixture_init(&fixture, &(struct fixture_options){.seed = seed,
                                                         .events = 500,
                                                         .processes = seed % 3 + 1,
                                                         .mapped = true,
                                                         .incomplete = seed == 4,
                                                         .sample_bytes = seed > 1 ? 120 : 0});
        assert_int_equal(cairn_trace_open(fixture.path, NULL, &trace, NULL), CAIRN_OK);
        check(&fixture, trace, 0);
        check(&fixture, trace, 1000);
        check(&fixture, trace, fixture.duration_ns / 3);
        check(&fixture, trace, fixture.duration_ns * 2);
        cairn_trace_close(trace);
        fixture_release(&fixture);
    }
}

static void test_suppressed(void **state)
{
    (void)state;
    struct fixture fixture;
    struct cairn_trace *trace;
    struct cairn_suppressions *suppressions;
    struct cairn_leaks all, some;
    char path[128];
    fixture_init(&fixture, &(struct fixture_options){.seed = 6, .events = 500, .processes = 1});
    assert_int_equal(cairn_trace_open(fixture.path, NULL, &trace, NULL), CAIRN_OK);
    fixture_path(path, sizeof(path), "suppress");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("leak:parse_*\nleak:libwork.so.1$\n", file);
    fclose(file);
    assert_int_equal(cairn_suppressions_load(path, &suppressions, NULL), CAIRN_OK);
    unlink(path);
    const struct cairn_selection selection = {.by = CAIRN_BY_FUNCTION};
    assert_int_equal(cairn_leaks(trace, &selection, 0, NULL, &all, NULL), CAIRN_OK);
    assert_int_equal(cairn_leaks(trace, &selection, 0, suppressions, &some, NULL), CAIRN_OK);
    assert_true(some.suppressed_bytes > 0 && some.bytes > 0);
    assert_int_equal(some.bytes + some.suppressed_bytes, all.bytes);
    assert_int_equal(some.blocks + some.suppressed_blocks, all.blocks);
    for (size_t i = 0; i < some.row_count; i++) {
        assert_true(!some.rows[i].site.function || strcmp(some.rows[i].site.function, "parse_line") != 0);
    }
    cairn_leaks_release(&all);
    cairn_leaks_release(&some);
    cairn_suppressions_free(suppressions);
    cairn_trace_close(trace);
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live_at_the_end),
        cmocka_unit_test(test_suppressed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
