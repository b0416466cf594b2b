/* The draw: a block of s bytes is taken with probability 1 − exp(−s / mean), whatever came before it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/sampling.h"

static bool takes(struct cairn_sampling *sampling, size_t size)
{
    if (cairn_sampling_passes_over(sampling, size)) {
        return false;
    }
    cairn_sampling_draw(sampling);
    return true;
}

/* Of `blocks`, within five standard deviations. */
static void assert_share(uint64_t taken, uint64_t blocks, double p)
{
    const double expected = p * (double)blocks, deviation = sqrt(expected * (1 - p)) + 1;
    assert_true(fabs((double)taken - expected) < 5 * deviation);
}

static double chance(size_t size, uint64_t mean)
{
    return -expm1(-(double)(size ? size : 1) / (double)mean);
}

static void test_share_by_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 16, 100, 1000, 4096, 20000, 200000};
    static const uint64_t means[] = {1, 3, 64, 4096, 65536};
    enum { BLOCKS = 300000 };
    for (size_t m = 0; m < sizeof means / sizeof means[0]; m++) {
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            struct cairn_sampling sampling;
            cairn_sampling_init(&sampling, means[m], 7, s);
            uint64_t taken = 0;
            for (unsigned i = 0; i < BLOCKS; i++) {
                taken += takes(&sampling, sizes[s]);
            }
            assert_share(taken, BLOCKS, chance(sizes[s], means[m]));
        }
    }
}

/* A small block behind a large one, a large one behind a small one: each as if it were alone. */
static void test_mixed_sizes(void **state)
{
    (void)state;
    static const size_t sizes[] = {10, 50000, 300, 8000};
    enum { MEAN = 10000, ROUNDS = 400000 };
    uint64_t taken[4] = {0};
    struct cairn_sampling sampling;
    cairn_sampling_init(&sampling, MEAN, 11, 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        for (size_t s = 0; s < 4; s++) {
            taken[s] += takes(&sampling, sizes[s]);
        }
    }
    for (size_t s = 0; s < 4; s++) {
        assert_share(taken[s], ROUNDS, chance(sizes[s], MEAN));
    }
}

/* Gaps are exponential: their mean, their deviation, and how many are beyond three means. */
static void test_gaps(void **state)
{
    (void)state;
    enum { MEAN = 524288, DRAWS = 1000000 };
    struct cairn_sampling sampling;
    cairn_sampling_init(&sampling, MEAN, 1, 2);
    double sum = 0, squares = 0;
    uint64_t long_ones = 0;
    for (unsigned i = 0; i < DRAWS; i++) {
        cairn_sampling_draw(&sampling);
        assert_true(sampling.left >= 1);
        const double gap = (double)sampling.left / MEAN;
        sum += gap;
        squares += gap * gap;
        long_ones += gap > 3;
    }
    assert_true(fabs(sum / DRAWS - 1) < 0.005);
    assert_true(fabs(squares / DRAWS - 2) < 0.02);
    assert_share(long_ones, DRAWS, exp(-3));
}

static void test_seeds_and_streams(void **state)
{
    (void)state;
    struct cairn_sampling one, again, other_stream, other_seed;
    cairn_sampling_init(&one, 1000000, 5, 1);
    cairn_sampling_init(&again, 1000000, 5, 1);
    cairn_sampling_init(&other_stream, 1000000, 5, 2);
    cairn_sampling_init(&other_seed, 1000000, 6, 1);
    assert_int_equal(one.left, again.left);
    assert_int_not_equal(one.left, other_stream.left);
    assert_int_not_equal(one.left, other_seed.left);
}

static void test_every_block_without_a_mean(void **state)
{
    (void)state;
    struct cairn_sampling sampling;
    cairn_sampling_init(&sampling, 0, 5, 1);
    for (size_t size = 0; size < 1000; size++) {
        assert_false(cairn_sampling_passes_over(&sampling, size));
    }
    assert_false(cairn_sampling_went_on(&sampling));
}

static void test_went_on(void **state)
{
    (void)state;
    struct cairn_sampling sampling;
    cairn_sampling_init(&sampling, 1 << 30, 5, 1);
    assert_false(cairn_sampling_went_on(&sampling));
    assert_true(cairn_sampling_passes_over(&sampling, 0));
    assert_true(cairn_sampling_went_on(&sampling));
    cairn_sampling_draw(&sampling);
    assert_false(cairn_sampling_went_on(&sampling));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_share_by_size),
        cmocka_unit_test(test_mixed_sizes),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_seeds_and_streams),
        cmocka_unit_test(test_every_block_without_a_mean),
        cmocka_unit_test(test_went_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
