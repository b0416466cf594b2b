#include "query/suppressions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "random_trace.h"

static void test_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool matches;
    } rows[] = {
        {"foo", "foo", true},     {"foo", "a_foo_b", true},
        {"foo", "oo", false},     {"^foo", "foobar", true},
        {"^foo", "a_foo", false}, {"foo$", "a_foo", true},
        {"foo$", "foob", false},  {"^foo$", "foo", true},
        {"f*o", "xfabco", true},  {"f*o*z", "f__o__", false},
        {"*", "", true},          {"^$", "", true},
        {"^$", "a", false},       {"a*b*c", "aXbXbXc", true},
        {"^a*c$", "abcbc", true}, {"lib*.so", "/usr/libx.so.1", true},
        {"aab", "aaab", true},    {"", "x", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (cairn_suppression_matches(rows[i].pattern, rows[i].text) != rows[i].matches) {
            fail_msg("%s on %s", rows[i].pattern, rows[i].text);
        }
    }
}

static enum cairn_status load(const char *text, struct cairn_suppressions **suppressions,
                              struct cairn_error *error)
{
    char path[128];
    fixture_path(path, sizeof(path), "suppressions");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    const enum cairn_status status = cairn_suppressions_load(path, suppressions, error);
    unlink(path);
    return status;
}

static void test_files(void **state)
{
    (void)state;
    struct cairn_suppressions *suppressions;
    struct cairn_error error;
    assert_int_equal(load("# comment\n\n  leak:libx.so \r\nleak:^main$", &suppressions, &error), CAIRN_OK);
    cairn_suppressions_free(suppressions);
    assert_int_equal(load("", &suppressions, &error), CAIRN_OK);
    cairn_suppressions_free(suppressions);
    assert_int_equal(load("leak:a\nrace:b\n", &suppressions, &error), CAIRN_E_USAGE);
    assert_non_null(strstr(error.message, ":2:"));
    assert_int_equal(load("leak:\n", &suppressions, &error), CAIRN_E_USAGE);
    assert_int_equal(cairn_suppressions_load("/nonexistent/s", &suppressions, &error), CAIRN_E_IO);
    assert_int_equal(cairn_suppressions_load("/tmp", &suppressions, &error), CAIRN_E_USAGE);
    assert_int_equal(cairn_suppressions_load("/dev/zero", &suppressions, &error), CAIRN_E_USAGE);
    cairn_suppressions_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
