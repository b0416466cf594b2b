#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "fault.h"

static void test_zeroed_aligned_kept(void **state)
{
    (void)state;
    struct cairn_arena arena = CAIRN_ARENA_INIT;
    unsigned char *parts[2000];
    for (size_t i = 0; i < 2000; i++) {
        parts[i] = cairn_arena_alloc(&arena, i);
        assert_non_null(parts[i]);
        assert_int_equal((uintptr_t)parts[i] % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < i; k++) {
            assert_int_equal(parts[i][k], 0);
        }
        memset(parts[i], (int)(i & 255), i);
    }
    for (size_t i = 0; i < 2000; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_int_equal(parts[i][k], i & 255);
        }
    }
    const size_t held = arena.total_bytes;
    cairn_arena_reset(&arena);
    assert_true(arena.total_bytes < held);
    const char *again = cairn_arena_copy(&arena, "abcdef", 3);
    assert_string_equal(again, "abc");
    cairn_arena_release(&arena);
    assert_int_equal(arena.total_bytes, 0);
}

static void test_absurd_sizes(void **state)
{
    (void)state;
    struct cairn_arena arena = CAIRN_ARENA_INIT;
    assert_null(cairn_arena_alloc(&arena, SIZE_MAX));
    assert_null(cairn_arena_alloc(&arena, SIZE_MAX / 2 + 1));
    assert_non_null(cairn_arena_alloc(&arena, 1 << 20));
    cairn_arena_release(&arena);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct cairn_arena arena = CAIRN_ARENA_INIT;
    fault_allocation(1);
    assert_null(cairn_arena_alloc(&arena, 10));
    assert_true(fault_happened());
    const char *kept = cairn_arena_copy(&arena, "kept", 4);
    const size_t held = arena.total_bytes;
    fault_allocation(1);
    assert_null(cairn_arena_alloc(&arena, 1 << 20));
    assert_true(fault_happened());
    assert_int_equal(arena.total_bytes, held);
    assert_string_equal(kept, "kept");
    cairn_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_out_of_memory),
                                       cmocka_unit_test(test_zeroed_aligned_kept),
                                       cmocka_unit_test(test_absurd_sizes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
