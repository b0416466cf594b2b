/* Mapped ranges against an array of pages: random maps, cuts and forks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/ranges.h"

#define PAGES 300u

static uint64_t seed = 1181783497276652981ull;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Which mapping each page is of; 0: none. */
struct model {
    uint64_t births[PAGES];
};

struct expectation {
    struct model *model;
    uint64_t bytes;
};

static uint64_t pages_of(const struct model *model, uint64_t birth)
{
    uint64_t count = 0;
    for (size_t i = 0; i < PAGES; i++) {
        count += model->births[i] == birth;
    }
    return count;
}

static void check_cut(void *state, const struct cairn_range_cut *cut)
{
    struct expectation *expectation = state;
    struct model *model = expectation->model;
    expectation->bytes += cut->bytes;
    /* One call a range: count down its pages in the model and see whether the mapping is gone. */
    uint64_t left = cut->bytes / 4096;
    for (size_t i = (size_t)(cut->of.start / 4096); left && i < cut->of.end / 4096; i++) {
        if (model->births[i] == (cut->of.birth | 1ull << 63)) {
            model->births[i] = 0;
            left--;
        }
    }
    assert_int_equal(left, 0);
    const uint64_t rest = pages_of(model, cut->of.birth) + pages_of(model, cut->of.birth | 1ull << 63);
    assert_int_equal(cut->last, rest == 0);
}

static void cut_model(struct model *model, struct cairn_ranges **ranges, uint64_t from, uint64_t to)
{
    uint64_t expected = 0;
    for (uint64_t i = from; i < to; i++) {
        if (model->births[i]) {
            model->births[i] |= 1ull << 63; /* about to go */
            expected++;
        }
    }
    struct expectation expectation = {.model = model};
    assert_true(cairn_ranges_cut(ranges, from * 4096, to * 4096, check_cut, &expectation));
    assert_int_equal(expectation.bytes, expected * 4096);
}

static void step(struct model *model, struct cairn_ranges **ranges, uint64_t birth)
{
    const uint64_t from = next_random() % PAGES;
    uint64_t to = from + 1 + next_random() % 20;
    to = to < PAGES ? to : PAGES;
    cut_model(model, ranges, from, to);
    if (next_random() % 3) {
        const struct cairn_range range = {
            .start = from * 4096, .end = to * 4096, .birth = birth, .account = (uint32_t)birth};
        assert_true(cairn_ranges_add(ranges, &range));
        for (uint64_t i = from; i < to; i++) {
            model->births[i] = birth;
        }
        const struct cairn_range *exact = cairn_ranges_exact(*ranges, from * 4096, to * 4096);
        assert_non_null(exact);
        assert_int_equal(exact->birth, birth);
    }
}

static void same_as_pages(void **state)
{
    (void)state;
    struct cairn_ranges *ranges = cairn_ranges_new(), *fork = NULL;
    struct model model = {{0}}, forked;
    for (uint64_t i = 1; i < 20000; i++) {
        step(&model, &ranges, i);
        if (i % 1000 == 500) {
            fork = cairn_ranges_share(ranges);
            forked = model;
        } else if (i % 1000 == 700) {
            /* The fork is as it was then, and can change alone. */
            step(&forked, &fork, i + 1000000);
            cut_model(&forked, &fork, 0, PAGES);
            assert_int_equal(cairn_ranges_count(fork), 0);
            cairn_ranges_free(fork);
        }
    }
    cut_model(&model, &ranges, 0, PAGES);
    assert_int_equal(cairn_ranges_count(ranges), 0);
    cairn_ranges_free(ranges);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
