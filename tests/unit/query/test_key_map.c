#include "query/key_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_finds_what_was_added(void **state)
{
    (void)state;
    struct cairn_key_map map = {.slots = NULL};
    assert_int_equal(cairn_key_map_get(&map, 0), CAIRN_KEY_MAP_NONE);
    for (uint32_t i = 0; i < 5000; i++) {
        assert_int_equal(cairn_key_map_add(&map, (uint64_t)i << 32 | (i % 7), i), i);
    }
    for (uint32_t i = 0; i < 5000; i++) {
        assert_int_equal(cairn_key_map_get(&map, (uint64_t)i << 32 | (i % 7)), i);
        assert_int_equal(cairn_key_map_add(&map, (uint64_t)i << 32 | (i % 7), i + 1), i);
        assert_int_equal(cairn_key_map_get(&map, (uint64_t)i << 32 | 8), CAIRN_KEY_MAP_NONE);
    }
    assert_int_equal(map.count, 5000);
    assert_true(cairn_key_map_set(&map, 0, 9));
    assert_int_equal(cairn_key_map_get(&map, 0), 9);
    assert_int_equal(map.count, 5000);
    cairn_key_map_release(&map);
}

static void test_keys_tell_texts_apart(void **state)
{
    (void)state;
    assert_true(cairn_key_text(0, "") != cairn_key_text(0, NULL));
    assert_true(cairn_key_text(cairn_key_text(0, "ab"), "c") != cairn_key_text(cairn_key_text(0, "a"), "bc"));
    assert_true(cairn_key_text(cairn_key_text(0, "a"), "b") != cairn_key_text(cairn_key_text(0, "b"), "a"));
    assert_true(cairn_key_number(0, 0) != cairn_key_number(0, 1));
    assert_int_equal(cairn_key_text(5, "x"), cairn_key_text(5, "x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_what_was_added),
        cmocka_unit_test(test_keys_tell_texts_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
