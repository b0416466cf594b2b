#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "view/keys.h"
#include "view/screen.h"

static void test_names_read_back(void **state)
{
    (void)state;
    const struct cairn_key_binding *binding;
    for (size_t i = 0; (binding = cairn_key_binding_at(i)) != NULL; i++)
        for (size_t k = 0; k < 4 && binding->keys[k] != CAIRN_KEY_NONE; k++) {
            char name[CAIRN_KEY_NAME_MAX];
            assert_int_equal(cairn_key_parse(cairn_key_name(binding->keys[k], name)), binding->keys[k]);
        }
    assert_int_equal(cairn_key_parse("ctrl-c"), CAIRN_KEY_CTRL('C'));
    assert_int_equal(cairn_key_parse("é"), 0xe9);
    assert_int_equal(cairn_key_parse("Hyper-X"), CAIRN_KEY_NONE);
    assert_int_equal(cairn_key_parse(""), CAIRN_KEY_NONE);
}

static bool has_key(const struct cairn_key_binding *binding, cairn_key key)
{
    for (size_t k = 0; k < 4; k++)
        if (binding->keys[k] == key)
            return true;
    return false;
}

/* No key has two meanings on one screen, and none is shadowed everywhere it could act. */
static void test_no_key_means_two_things(void **state)
{
    (void)state;
    const struct cairn_key_binding *one, *two;
    for (size_t i = 0; (one = cairn_key_binding_at(i)) != NULL; i++)
        for (size_t j = i + 1; (two = cairn_key_binding_at(j)) != NULL; j++)
            for (size_t k = 0; k < 4 && one->keys[k] != CAIRN_KEY_NONE; k++)
                if (has_key(two, one->keys[k]))
                    assert_int_equal(one->screens & two->screens, 0);
}

static void test_every_binding_explains_itself(void **state)
{
    (void)state;
    const struct cairn_key_binding *binding;
    for (size_t i = 0; (binding = cairn_key_binding_at(i)) != NULL; i++) {
        assert_int_not_equal(binding->keys[0], CAIRN_KEY_NONE);
        assert_int_not_equal(binding->action, CAIRN_DO_NOTHING);
        assert_int_not_equal(binding->screens, 0);
        assert_non_null(binding->help);
        assert_true(strlen(binding->help) > 1 && strlen(binding->help) < 90);
        size_t group = 0;
        while (cairn_key_group_at(group) != NULL && cairn_key_group_at(group) != binding->group)
            group++;
        assert_non_null(cairn_key_group_at(group));
    }
}

static void test_lookup(void **state)
{
    (void)state;
    assert_int_equal(cairn_key_lookup('j', CAIRN_SCREEN_TREE)->action, CAIRN_DO_MOVE);
    assert_null(cairn_key_lookup('z', CAIRN_SCREEN_OVERVIEW));
    assert_int_equal(cairn_key_lookup('z', CAIRN_SCREEN_DIFF)->action, CAIRN_DO_HIDE_SAME);
    assert_null(cairn_key_lookup(CAIRN_KEY_NONE, CAIRN_SCREEN_TREE));
    for (int screen = 0; screen < CAIRN_SCREEN_COUNT; screen++)
        assert_non_null(cairn_key_lookup(CAIRN_KEY_ENTER, (enum cairn_screen_id)screen));
}

static void test_screens_are_reached_by_digits_of_their_own(void **state)
{
    (void)state;
    const struct cairn_screen_class *class;
    for (size_t i = 0; (class = cairn_screen_class_at(i)) != NULL; i++) {
        assert_ptr_equal(cairn_screen_class_of(class->id), class);
        if (class->digit == 0)
            continue;
        assert_ptr_equal(cairn_screen_class_of_digit(class->digit), class);
        assert_null(cairn_key_lookup((cairn_key) class->digit, class->id));
    }
    assert_null(cairn_screen_class_of_digit('9'));
}

static void test_the_document_has_every_key(void **state)
{
    (void)state;
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    cairn_keys_document(&text);
    const struct cairn_key_binding *binding;
    for (size_t i = 0; (binding = cairn_key_binding_at(i)) != NULL; i++)
        assert_non_null(strstr(cairn_buffer_cstr(&text), binding->help));
    cairn_buffer_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_read_back),
        cmocka_unit_test(test_no_key_means_two_things),
        cmocka_unit_test(test_every_binding_explains_itself),
        cmocka_unit_test(test_lookup),
        cmocka_unit_test(test_screens_are_reached_by_digits_of_their_own),
        cmocka_unit_test(test_the_document_has_every_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
