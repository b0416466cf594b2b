/* What sampled blocks count for: the formulas, and rounding that adds nothing in the mean. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "trace/weight.h"

static double chance(uint64_t size, int64_t mean)
{
    return -expm1(-(double)(size ? size : 1) / (double)mean);
}

static void assert_near(double found, double expected, double tolerance)
{
    assert_true(fabs(found - expected) <= tolerance + fabs(expected) * 1e-12);
}

static void test_formulas(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {0, 1, 24, 1000, 65536, 524288, 5000000, 1ull << 30, 1ull << 46};
    static const int64_t means[] = {1, 512, 524288, 1ll << 40};
    for (size_t m = 0; m < sizeof means / sizeof means[0]; m++) {
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            const double size = (double)sizes[s], p = chance(sizes[s], means[m]);
            const struct cairn_weight weight = cairn_weigh(means[m], sizes[s], 17 * s + m);
            assert_near((double)weight.bytes, size / p, 1);
            assert_near((double)weight.blocks, 1 / p, 1);
            assert_near((double)weight.variance, size * size * (1 - p) / (p * p) / (double)means[m], 1);
        }
    }
}

/* Means over many births. */
static void test_rounding(void **state)
{
    (void)state;
    enum { BLOCKS = 1000000 };
    static const uint64_t sizes[] = {1, 100, 700, 5000};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        const double p = chance(sizes[s], 1000);
        double bytes = 0, blocks = 0;
        for (uint64_t birth = 0; birth < BLOCKS; birth++) {
            const struct cairn_weight weight = cairn_weigh(1000, sizes[s], birth);
            bytes += (double)weight.bytes;
            blocks += (double)weight.blocks;
        }
        /* A rounding's deviation is 1/2 at most. */
        assert_near(bytes / BLOCKS, (double)sizes[s] / p, 0.0025);
        assert_near(blocks / BLOCKS, 1 / p, 0.0025);
    }
}

static void test_exact(void **state)
{
    (void)state;
    const struct cairn_weight exact = cairn_weigh(0, 123, 5), certain = cairn_weigh(10, 1000, 5);
    const struct cairn_weight mapped = cairn_weigh_in(1000, 4, 100, 5);
    assert_true(exact.bytes == 123 && exact.blocks == 1 && exact.variance == 0);
    assert_true(certain.bytes == 1000 && certain.blocks == 1 && certain.variance == 0);
    assert_true(mapped.bytes == 100 && mapped.blocks == 1 && mapped.variance == 0);
}

/* A damaged trace may hold any number. */
static void test_hostile(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {0, 1, UINT64_MAX / 2, UINT64_MAX};
    static const int64_t means[] = {INT64_MIN, -1, 1, INT64_MAX};
    for (size_t m = 0; m < sizeof means / sizeof means[0]; m++) {
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            const struct cairn_weight weight = cairn_weigh(means[m], sizes[s], UINT64_MAX);
            assert_true(weight.blocks >= 1 && weight.variance >= 0);
        }
        assert_true(cairn_standard_error(means[m], INT64_MAX) >= 0);
        assert_int_equal(cairn_standard_error(means[m], -5), 0);
    }
}

static void test_standard_error(void **state)
{
    (void)state;
    /* A hundred small blocks at N = 1,000: each stands for N bytes, give or take N. */
    int64_t variance = 0;
    for (uint64_t birth = 0; birth < 100; birth++) {
        variance += cairn_weigh(1000, 1, birth).variance;
    }
    assert_near((double)cairn_standard_error(1000, variance), 10000, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formulas), cmocka_unit_test(test_rounding),       cmocka_unit_test(test_exact),
        cmocka_unit_test(test_hostile),  cmocka_unit_test(test_standard_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
