#include "agent/frame_rules.h"

#include <link.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/code_lookup.h"

#define THREADS 3
#define SAMPLES 40000u

struct range {
    uintptr_t low, high;
};

static int find_libc_code(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    struct range *range = data;
    if (strstr(info->dlpi_name, "/libc.so") == NULL) {
        return 0;
    }
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_X)) {
            range->low = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            range->high = range->low + info->dlpi_phdr[i].p_memsz;
        }
    }
    return 1;
}

static struct range libc_code(void)
{
    struct range range = {0};
    dl_iterate_phdr(find_libc_code, &range);
    assert_true(range.high - range.low > SAMPLES);
    return range;
}

/* The same module is found with and without the C library's lock-free look-up. */
static void test_look_up_before_and_after_setup(void **state)
{
    (void)state;
    struct cairn_code_module before = {0}, after = {0};
    const uintptr_t here = (uintptr_t)&test_look_up_before_and_after_setup;
    assert_true(cairn_code_find(here, &before));
    cairn_code_lookup_setup();
    assert_true(cairn_code_find(here, &after));
    assert_true(before.eh_frame_hdr == after.eh_frame_hdr);
    assert_int_equal(before.segment_count, after.segment_count);
    for (uint32_t i = 0; i < before.segment_count; i++) {
        assert_true(before.segments[i].low == after.segments[i].low);
        assert_true(before.segments[i].high == after.segments[i].high);
    }
    assert_true(before.eh_frame_hdr != 0);
    const struct cairn_code_segment *segment = cairn_code_segment_of(&after, here, 1);
    assert_non_null(segment);
    assert_true(segment->executable);
    assert_null(cairn_code_segment_of(&after, segment->high - 4, 5));
    assert_false(cairn_code_find(8, &after));
}

/* What was kept is what is read again, through growth and a full table. */
static void test_kept_rules_are_the_learned_ones(void **state)
{
    (void)state;
    const struct range range = libc_code();
    for (int round = 0; round < 2; round++) {
        for (uintptr_t code = range.low + 1; code < range.high; code += 2) {
            const cairn_rule first = cairn_frame_rule(code);
            assert_int_equal(first, cairn_frame_rule(code));
        }
    }
    for (uintptr_t code = range.low + 1; code < range.low + SAMPLES; code++) {
        assert_int_equal(cairn_frame_rule(code), cairn_frame_rule_learn(code));
    }
    const struct cairn_rule_table *table = atomic_load(&cairn_frame_rules.table);
    assert_true(atomic_load(&table->count) <= table->mask / 2 + 1);
    cairn_frame_rules_flush();
    assert_int_equal(atomic_load(&table->count), 0);
    assert_int_equal(cairn_frame_rule(range.low + 100), cairn_frame_rule_learn(range.low + 100));
}

static void test_addresses_of_nothing(void **state)
{
    (void)state;
    assert_int_equal(cairn_frame_rule(1ull << 62), cairn_rule_special(CAIRN_RULE_STOP));
    assert_int_equal(cairn_frame_rule(4096), cairn_rule_special(CAIRN_RULE_FRAME_POINTER));
}

static cairn_rule expected[SAMPLES];
static struct range sampled;
static atomic_bool stop_flushing;

static void *look_up_all(void *wrong)
{
    atomic_uint *count = wrong;
    for (int round = 0; round < 20; round++) {
        for (uint32_t i = 0; i < SAMPLES; i++) {
            if (cairn_frame_rule(sampled.low + 1 + i) != expected[i]) {
                atomic_fetch_add(count, 1);
            }
        }
    }
    return NULL;
}

static void *flush_often(void *unused)
{
    while (!atomic_load(&stop_flushing)) {
        cairn_frame_rules_flush();
    }
    return unused;
}

static void test_threads_that_learn_while_one_flushes(void **state)
{
    (void)state;
    sampled = libc_code();
    for (uint32_t i = 0; i < SAMPLES; i++) {
        expected[i] = cairn_frame_rule_learn(sampled.low + 1 + i);
    }
    atomic_uint wrong = 0;
    pthread_t threads[THREADS], flusher;
    pthread_create(&flusher, NULL, flush_often, NULL);
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, look_up_all, &wrong);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    atomic_store(&stop_flushing, true);
    pthread_join(flusher, NULL);
    assert_int_equal(atomic_load(&wrong), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_look_up_before_and_after_setup),
        cmocka_unit_test(test_kept_rules_are_the_learned_ones),
        cmocka_unit_test(test_addresses_of_nothing),
        cmocka_unit_test(test_threads_that_learn_while_one_flushes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
