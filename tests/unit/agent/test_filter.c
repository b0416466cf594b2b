/* The set of sampled blocks: what was added is always found, once; what was not is found only where a bucket was full. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/filter.h"

static struct cairn_filter *filter;

static int make(void **state)
{
    (void)state;
    filter = calloc(1, sizeof *filter);
    return filter ? 0 : -1;
}

static int release(void **state)
{
    (void)state;
    free(filter);
    return 0;
}

static uint64_t key_of(uint64_t i)
{
    return 0x7f0000000000ull + i * 16;
}

static bool is_empty(void)
{
    static const struct cairn_filter nothing;
    return memcmp(filter, &nothing, sizeof nothing) == 0;
}

static void test_found_once(void **state)
{
    (void)state;
    enum { KEYS = 20000 };
    for (uint64_t i = 0; i < KEYS; i++) {
        assert_false(cairn_filter_take(filter, key_of(i)));
        cairn_filter_add(filter, key_of(i));
    }
    for (uint64_t i = KEYS; i < 2 * KEYS; i++) {
        assert_false(cairn_filter_take(filter, key_of(i)));
    }
    for (uint64_t i = 0; i < KEYS; i++) {
        assert_true(cairn_filter_take(filter, key_of(i)));
        assert_false(cairn_filter_take(filter, key_of(i)));
    }
    assert_true(is_empty());
}

/* The same address in two domains; the same key again, whose free went past us. */
static void test_domains_and_doubles(void **state)
{
    (void)state;
    const uint64_t block = key_of(5), pool = block | 3ull << 56;
    cairn_filter_add(filter, block);
    cairn_filter_add(filter, pool);
    assert_true(cairn_filter_take(filter, pool));
    assert_false(cairn_filter_take(filter, pool));
    cairn_filter_add(filter, block);
    assert_true(cairn_filter_take(filter, block));
    assert_false(cairn_filter_take(filter, block));
    assert_true(is_empty());
}

/* Keys of one bucket, more than it has places for. */
static void test_full_bucket(void **state)
{
    (void)state;
    enum { KEYS = 12 };
    uint64_t keys[KEYS + 1];
    size_t count = 0;
    const uint32_t bucket = cairn_filter_bucket(filter, key_of(0));
    for (uint64_t i = 0; count < KEYS + 1; i++) {
        if (cairn_filter_bucket(filter, key_of(i)) == bucket) {
            keys[count++] = key_of(i);
        }
    }
    for (size_t i = 0; i < CAIRN_FILTER_PLACES; i++) {
        cairn_filter_add(filter, keys[i]);
    }
    assert_false(cairn_filter_take(filter, keys[KEYS]));
    for (size_t i = CAIRN_FILTER_PLACES; i < KEYS; i++) {
        cairn_filter_add(filter, keys[i]);
    }
    for (size_t i = 0; i < KEYS; i++) {
        assert_true(cairn_filter_take(filter, keys[i]));
    }
    assert_true(cairn_filter_take(filter, keys[KEYS - 1])); /* found no place: taken for one from now on */
    assert_false(cairn_filter_take(filter, keys[KEYS]));    /* of another page, where there is none */
    cairn_filter_add(filter, keys[0]);                      /* its places are free again */
    assert_true(cairn_filter_take(filter, keys[0]));
}

/* Addresses of a heap spread over the buckets. */
static void test_spread(void **state)
{
    (void)state;
    enum { KEYS = 1 << 16 };
    for (uint64_t i = 0; i < KEYS; i++) {
        cairn_filter_add(filter, key_of(i * 3));
    }
    size_t full = 0;
    for (size_t b = 0; b < CAIRN_FILTER_BUCKETS; b++) {
        full += (filter->taken[b] & CAIRN_FILTER_FULL) != 0;
    }
    assert_true(full < CAIRN_FILTER_BUCKETS / 1000);
}

static size_t buckets_used(uint64_t mean_bytes)
{
    enum { KEYS = 1 << 16 };
    size_t used = 0;
    memset(filter, 0, sizeof *filter);
    cairn_filter_fit(filter, mean_bytes);
    for (uint64_t i = 0; i < KEYS; i++) {
        cairn_filter_add(filter, key_of(i * 7));
    }
    for (size_t b = 0; b < CAIRN_FILTER_BUCKETS; b++) {
        used += filter->taken[b] != 0;
    }
    for (uint64_t i = 0; i < KEYS; i++) {
        assert_true(cairn_filter_take(filter, key_of(i * 7)));
    }
    return used;
}

/* Far samples touch few pages. What is too much for the buckets is found all the same. */
static void test_narrow(void **state)
{
    (void)state;
    assert_true(buckets_used(1) > CAIRN_FILTER_BUCKETS / 2);
    assert_int_equal(buckets_used(65536), buckets_used(1));
    assert_true(buckets_used(131072) <= CAIRN_FILTER_BUCKETS / 2);
    assert_true(buckets_used(524288) <= CAIRN_FILTER_BUCKETS / 8);
    assert_int_equal(buckets_used(1ull << 40), buckets_used(524288));
    assert_int_equal(buckets_used(UINT64_MAX), buckets_used(524288));
}

enum { THREADS = 4, ROUNDS = 200000, HELD = 64 };

/* Adds and takes its own keys, which share buckets with the others'. */
static void *work(void *number)
{
    uint64_t held[HELD] = {0};
    uint64_t random = (uintptr_t)number + 1;
    size_t missed = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint64_t *place = &held[random >> 58];
        if (*place) {
            missed += !cairn_filter_take(filter, *place);
        }
        *place =
            key_of((random >> 40 & 0xfff) * THREADS * ROUNDS + (uint64_t)i * THREADS + (uintptr_t)number);
        cairn_filter_add(filter, *place);
    }
    for (size_t i = 0; i < HELD; i++) {
        missed += held[i] && !cairn_filter_take(filter, held[i]);
    }
    return (void *)missed;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, work, (void *)i), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *missed;
        assert_int_equal(pthread_join(threads[i], &missed), 0);
        assert_null(missed);
    }
    for (size_t b = 0; b < CAIRN_FILTER_BUCKETS; b++) {
        assert_int_equal(filter->taken[b] & ~CAIRN_FILTER_FULL, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_found_once, make, release),
        cmocka_unit_test_setup_teardown(test_domains_and_doubles, make, release),
        cmocka_unit_test_setup_teardown(test_full_bucket, make, release),
        cmocka_unit_test_setup_teardown(test_spread, make, release),
        cmocka_unit_test_setup_teardown(test_narrow, make, release),
        cmocka_unit_test_setup_teardown(test_threads, make, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
