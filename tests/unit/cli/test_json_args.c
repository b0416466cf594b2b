#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture.h"
#include "cli/json_args.h"

static const char *convert(const char *args)
{
    static struct capture capture;
    struct cairn_json json;
    capture_open(&capture);
    cairn_json_init(&json, &capture.stream);
    cairn_json_args(&json, NULL, args);
    cairn_json_finish(&json);
    return capture_finish(&capture);
}

static void test_arrays(void **state)
{
    (void)state;
    assert_string_equal(convert(NULL), "null\n");
    assert_string_equal(convert("[]"), "[]\n");
    assert_string_equal(convert(" [ \"a\" , \"b c\" ] "), "[\n \"a\",\n \"b c\"\n]\n");
    assert_string_equal(convert("[\"q\\\"\\\\\\n\\u00e9\\u20ac\"]"), "[\n \"q\\\"\\\\\\u000aé€\"\n]\n");
}

/* A stranger's trace may hold anything here. */
static void test_what_is_no_array_is_a_string(void **state)
{
    static const char *const bad[] = {"[",  "[\"a\"",      "[\"a\",]",  "[a]",       "[\"a\" \"b\"]",
                                      "{}", "[\"\\u12\"]", "[\"\\x\"]", "[\"a\"] x", ""};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(convert(bad[i])[0], '"');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_what_is_no_array_is_a_string),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
