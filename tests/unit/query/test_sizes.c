#include "query/sizes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "names.h"
#include "query/size_sites.h"

/* Blocks of a bucket by brute force. */
static void count(const struct fixture *fixture, int64_t low, int64_t high, uint32_t process,
                  struct cairn_sizes_row *row)
{
    for (uint64_t i = 0; i < fixture->event_count; i++) {
        const struct cairn_event *event = &fixture->events[i];
        if ((event->kind != CAIRN_EVENT_ALLOC && event->kind != CAIRN_EVENT_REALLOC) ||
            (int64_t)event->size < low || (int64_t)event->size > high ||
            fixture->accounts[event->account - 1].domain > CAIRN_DOMAIN_LAST_HEAP ||
            (process && fixture->accounts[event->account - 1].process != process)) {
            continue;
        }
        row->allocations++;
        bool freed = false;
        for (uint64_t k = i + 1; k < fixture->event_count && !freed; k++) {
            const struct cairn_event *end = &fixture->events[k];
            if (end->birth == i && (end->kind == CAIRN_EVENT_FREE || end->kind == CAIRN_EVENT_LOST ||
                                    end->kind == CAIRN_EVENT_REALLOC)) {
                freed = true;
                row->temporary += end->flags & CAIRN_EVENT_TEMPORARY;
            }
        }
        row->frees += freed;
        row->live += !freed;
    }
}

/* Its sites, of which each block has one, sum up to the row; the largest comes first. */
static void check_sites(struct cairn_trace *trace, const struct cairn_selection *selection,
                        const struct cairn_sizes_row *row)
{
    struct cairn_size_sites sites;
    struct cairn_sizes_row sum = {.allocations = 0};
    assert_int_equal(cairn_size_sites(trace, selection, row->size_low, &sites, NULL), CAIRN_OK);
    for (size_t i = 0; i < sites.row_count; i++) {
        assert_true(sites.rows[i].allocations > 0);
        assert_true(i == 0 || sites.rows[i].allocations <= sites.rows[i - 1].allocations);
        sum.allocations += sites.rows[i].allocations;
        sum.live += sites.rows[i].live;
        sum.temporary += sites.rows[i].temporary;
    }
    assert_int_equal(sum.allocations, row->allocations);
    assert_int_equal(sum.live, row->live);
    assert_int_equal(sum.temporary, row->temporary);
    cairn_size_sites_release(&sites);
}

static void test_against_events(void **state)
{
    (void)state;
    struct fixture fixture;
    struct cairn_trace *trace;
    fixture_init(&fixture,
                 &(struct fixture_options){.seed = 8, .events = 600, .processes = 2, .mapped = true});
    assert_int_equal(cairn_trace_open(fixture.path, NULL, &trace, NULL), CAIRN_OK);
    for (uint32_t process = 0; process <= 2; process++) {
        struct cairn_sizes sizes;
        struct cairn_error error;
        int64_t allocations = 0, last_high = -1;
        const struct cairn_selection selection = {.process = process};
        if (cairn_sizes(trace, &selection, &sizes, &error) != CAIRN_OK) {
            fail_msg("%s", error.message);
        }
        for (size_t i = 0; i < sizes.row_count; i++) {
            struct cairn_sizes_row row = {.allocations = 0};
            const struct cairn_sizes_row *found = &sizes.rows[i];
            int64_t lifetimes = 0, last_ns = 0;
            count(&fixture, found->size_low, found->size_high, process, &row);
            assert_int_equal(found->allocations, row.allocations);
            assert_int_equal(found->frees, row.frees);
            assert_int_equal(found->live, row.live);
            assert_int_equal(found->temporary, row.temporary);
            assert_true(found->size_low > last_high && found->size_high >= found->size_low);
            for (size_t k = 0; k < found->lifetime_count; k++) {
                assert_true(found->lifetimes[k].below_ns > last_ns);
                last_ns = found->lifetimes[k].below_ns;
                lifetimes += found->lifetimes[k].blocks;
            }
            assert_int_equal(lifetimes, found->frees);
            check_sites(trace, &selection, found);
            last_high = found->size_high;
            allocations += found->allocations;
        }
        struct cairn_sizes_row whole = {.allocations = 0};
        count(&fixture, 0, INT64_MAX, process, &whole);
        assert_int_equal(allocations, whole.allocations);
        cairn_sizes_release(&sizes);
    }
    cairn_trace_close(trace);
    fixture_release(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_events)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
