#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/suggest.h"

static void test_distance(void **state)
{
    (void)state;
    assert_int_equal(cairn_edit_distance("", ""), 0);
    assert_int_equal(cairn_edit_distance("abc", ""), 3);
    assert_int_equal(cairn_edit_distance("kitten", "sitting"), 3);
    assert_int_equal(cairn_edit_distance("tpo", "top"), 1);
    assert_int_equal(cairn_edit_distance("ca", "abc"),
                     3); /* optimal string alignment, not unrestricted Damerau */
    assert_int_equal(
        cairn_edit_distance("0123456789012345678901234567890123456789012345678901234567890123456789", "0"),
        SIZE_MAX);
}

static const char *suggest(const char *word)
{
    static const char *const candidates[] = {"record", "view", "top", "tree", "timeline", "leaks"};
    struct cairn_suggestion suggestion;
    cairn_suggestion_init(&suggestion, word);
    for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; i++) {
        cairn_suggestion_consider(&suggestion, candidates[i]);
    }
    return suggestion.best;
}

static void test_suggestions(void **state)
{
    (void)state;
    assert_string_equal(suggest("reocrd"), "record");
    assert_string_equal(suggest("tpo"), "top");
    assert_string_equal(suggest("leak"), "leaks");
    assert_string_equal(suggest("time"), "timeline");
    assert_null(suggest("nonsense"));
    assert_null(suggest("x"));
    assert_null(suggest(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_suggestions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
