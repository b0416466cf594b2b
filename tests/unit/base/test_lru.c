#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/lru.h"
#include "fault.h"

static int destroyed;

static void count_destroyed(void *value)
{
    free(value);
    destroyed++;
}

static void test_evicts_the_oldest(void **state)
{
    (void)state;
    struct cairn_lru *cache = cairn_lru_new(100, count_destroyed);
    struct cairn_lru_stats stats;
    destroyed = 0;
    for (uint64_t key = 0; key < 10; key++) {
        assert_int_equal(cairn_lru_put(cache, key, malloc(1), 10), 0);
    }
    assert_non_null(cairn_lru_get(cache, 0)); /* now 1 is the oldest */
    assert_int_equal(cairn_lru_put(cache, 10, malloc(1), 10), 0);
    assert_null(cairn_lru_get(cache, 1));
    assert_non_null(cairn_lru_get(cache, 0));
    cairn_lru_stats(cache, &stats);
    assert_int_equal(stats.evictions, 1);
    assert_int_equal(stats.hits, 2);
    assert_int_equal(stats.misses, 1);
    assert_int_equal(stats.used_bytes, 100);
    assert_int_equal(stats.entries, 10);
    cairn_lru_free(cache);
    assert_int_equal(destroyed, 11);
}

static void test_pins_hold(void **state)
{
    (void)state;
    struct cairn_lru *cache = cairn_lru_new(20, count_destroyed);
    assert_int_equal(cairn_lru_put(cache, 1, malloc(1), 10), 0);
    cairn_lru_pin(cache, 1);
    for (uint64_t key = 2; key < 20; key++) {
        assert_int_equal(cairn_lru_put(cache, key, malloc(1), 10), 0);
    }
    assert_non_null(cairn_lru_get(cache, 1));
    cairn_lru_unpin(cache, 1);
    cairn_lru_unpin(cache, 1);
    cairn_lru_unpin(cache, 999);
    assert_int_equal(cairn_lru_put(cache, 30, malloc(1), 10), 0);
    assert_int_equal(cairn_lru_put(cache, 31, malloc(1), 10), 0);
    assert_null(cairn_lru_get(cache, 1));
    cairn_lru_free(cache);
}

static void test_replaces_and_holds_one_too_large(void **state)
{
    (void)state;
    struct cairn_lru *cache = cairn_lru_new(10, count_destroyed);
    struct cairn_lru_stats stats;
    char *large = malloc(1);
    assert_int_equal(cairn_lru_put(cache, 1, malloc(1), 5), 0);
    assert_int_equal(cairn_lru_put(cache, 1, large, 500), 0);
    assert_ptr_equal(cairn_lru_get(cache, 1), large);
    assert_int_equal(cairn_lru_put(cache, 2, malloc(1), 5), 0);
    assert_null(cairn_lru_get(cache, 1));
    cairn_lru_stats(cache, &stats);
    assert_int_equal(stats.used_bytes, 5);
    cairn_lru_free(cache);
    cairn_lru_free(NULL);
}

/* Against a model: the last K distinct keys touched are the ones there. */
static void test_many_keys(void **state)
{
    (void)state;
    enum { KEEP = 1000, KEYS = 4000 };
    struct cairn_lru *cache = cairn_lru_new(KEEP, count_destroyed);
    static uint64_t touched[KEYS];
    uint64_t random = 1, clock = 0;
    for (int step = 0; step < 50000; step++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        const uint64_t key = (random >> 33) % KEYS;
        if (!cairn_lru_get(cache, key)) {
            assert_int_equal(cairn_lru_put(cache, key, malloc(1), 1), 0);
        }
        touched[key] = ++clock;
    }
    uint64_t newer[KEYS] = {0};
    for (size_t a = 0; a < KEYS; a++) {
        for (size_t b = 0; b < KEYS; b++) {
            newer[a] += touched[b] > touched[a];
        }
    }
    for (size_t key = 0; key < KEYS; key++) {
        assert_int_equal(cairn_lru_get(cache, key) != NULL, newer[key] < KEEP && touched[key] > 0);
    }
    cairn_lru_free(cache);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    for (unsigned long at = 1; at <= 2; at++) {
        fault_allocation(at);
        assert_null(cairn_lru_new(10, count_destroyed));
        assert_true(fault_happened());
    }
    struct cairn_lru *cache = cairn_lru_new(1000, count_destroyed);
    void *value = malloc(1);
    destroyed = 0;
    fault_allocation(1);
    assert_int_equal(cairn_lru_put(cache, 1, value, 1), -1);
    assert_true(fault_happened());
    assert_int_equal(destroyed, 1);
    /* Without memory for more buckets it goes on with those it has. */
    for (uint64_t key = 0; key < 500; key++) {
        value = malloc(1);
        fault_allocation(2);
        assert_int_equal(cairn_lru_put(cache, key, value, 1), 0);
        fault_happened();
    }
    for (uint64_t key = 0; key < 500; key++) {
        assert_non_null(cairn_lru_get(cache, key));
    }
    cairn_lru_free(cache);
}

static void test_a_pinned_value_is_not_replaced(void **state)
{
    (void)state;
    struct cairn_lru *cache = cairn_lru_new(100, count_destroyed);
    char *pinned = malloc(1);
    destroyed = 0;
    assert_int_equal(cairn_lru_put(cache, 1, pinned, 1), 0);
    cairn_lru_pin(cache, 1);
    assert_int_equal(cairn_lru_put(cache, 1, malloc(1), 1), -1);
    assert_int_equal(destroyed, 1);
    assert_ptr_equal(cairn_lru_get(cache, 1), pinned);
    cairn_lru_unpin(cache, 1);
    assert_int_equal(cairn_lru_put(cache, 1, malloc(1), 1), 0);
    assert_int_equal(destroyed, 2);
    cairn_lru_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_out_of_memory),
                                       cmocka_unit_test(test_a_pinned_value_is_not_replaced),
                                       cmocka_unit_test(test_evicts_the_oldest),
                                       cmocka_unit_test(test_pins_hold),
                                       cmocka_unit_test(test_replaces_and_holds_one_too_large),
                                       cmocka_unit_test(test_many_keys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
