#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "view/keymap.h"

#define KEYS 300u

/* Random puts and removes against an array. */
static void test_against_an_array(void **state)
{
    (void)state;
    struct cairn_keymap map = {.keys = NULL};
    uint64_t model[KEYS] = {0}, seed = 1;
    bool there[KEYS] = {false};
    assert_null(cairn_keymap_get(&map, 5));
    cairn_keymap_remove(&map, 5);
    for (int step = 0; step < 20000; step++) {
        seed = cairn_key_mix(seed, 1);
        const uint64_t key = seed % KEYS;
        if (seed >> 60 < 9) {
            assert_true(cairn_keymap_put(&map, key, seed));
            model[key] = seed;
            there[key] = true;
        } else {
            cairn_keymap_remove(&map, key);
            there[key] = false;
        }
        const uint64_t asked = (seed >> 20) % KEYS;
        const uint64_t *value = cairn_keymap_get(&map, asked);
        assert_int_equal(value != NULL, there[asked]);
        if (value != NULL)
            assert_int_equal(*value, model[asked]);
    }
    size_t count = 0;
    for (size_t i = 0; i < KEYS; i++)
        count += there[i];
    assert_int_equal(map.count, count);
    cairn_keymap_clear(&map);
    assert_int_equal(map.count, 0);
    assert_null(cairn_keymap_get(&map, 5));
    cairn_keymap_release(&map);
}

static void test_paths_have_keys_of_their_own(void **state)
{
    (void)state;
    assert_int_not_equal(cairn_key_mix(1, 2), cairn_key_mix(2, 1));
    assert_int_not_equal(cairn_key_mix(0, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_an_array),
                                       cmocka_unit_test(test_paths_have_keys_of_their_own)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
