#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "capture.h"
#include "cli/json.h"
#include "trace/rows.h"

static const char *write_one(struct capture *capture, const char *text)
{
    struct cairn_json json;
    capture_open(capture);
    cairn_json_init(&json, &capture->stream);
    cairn_json_text(&json, NULL, text);
    cairn_json_finish(&json);
    return capture_finish(capture);
}

static void test_text_is_escaped(void **state)
{
    static struct capture capture;
    (void)state;
    assert_string_equal(write_one(&capture, "plain"), "\"plain\"\n");
    assert_string_equal(write_one(&capture, "a\"b\\c"), "\"a\\\"b\\\\c\"\n");
    assert_string_equal(write_one(&capture, "\x1b[31m\n\x7f"), "\"\\u001b[31m\\u000a\\u007f\"\n");
    assert_string_equal(write_one(&capture, "\xc2\x9b"
                                            "31m"),
                        "\"\\u009b31m\"\n");
    assert_string_equal(write_one(&capture, "\xe2\x80\xae"
                                            "b\xf3\xa0\x81\xa1"),
                        "\"\\u202eb\\udb40\\udc61\"\n");
    assert_string_equal(write_one(&capture, "größe 漢 🙂"), "\"größe 漢 🙂\"\n");
}

/* One U+FFFD for each maximal part that is not well-formed: the examples of Unicode 15, table 3-8 and around. */
static void test_bad_utf8_is_replaced(void **state)
{
    static struct capture capture;
    (void)state;
    assert_string_equal(write_one(&capture, "a\xff"
                                            "b"),
                        "\"a\xef\xbf\xbd"
                        "b\"\n");
    assert_string_equal(write_one(&capture, "\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"\n");
    assert_string_equal(write_one(&capture, "\xe2\x82"), "\"\xef\xbf\xbd\"\n");
    assert_string_equal(write_one(&capture, "\xf0\x9f\x99"
                                            "x"),
                        "\"\xef\xbf\xbdx\"\n");
    assert_string_equal(write_one(&capture, "\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"\n");
    assert_string_equal(write_one(&capture, "\xf4\x90\x80\x80"),
                        "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"\n");
}

static void test_numbers(void **state)
{
    static struct capture capture;
    struct cairn_json json;
    (void)state;
    capture_open(&capture);
    cairn_json_init(&json, &capture.stream);
    cairn_json_object(&json, NULL);
    cairn_json_array(&json, "list");
    cairn_json_array(&json, NULL);
    cairn_json_integer(&json, NULL, INT64_MAX);
    cairn_json_integer(&json, NULL, -INT64_MAX);
    cairn_json_integer(&json, NULL, CAIRN_UNKNOWN);
    cairn_json_real(&json, NULL, 12.5);
    cairn_json_real(&json, NULL, NAN);
    cairn_json_real(&json, NULL, INFINITY);
    cairn_json_bool(&json, NULL, true);
    cairn_json_null(&json, NULL);
    cairn_json_text(&json, NULL, NULL);
    cairn_json_finish(&json);
    assert_string_equal(
        capture_finish(&capture),
        "{\n \"list\": [\n  [9223372036854775807, -9223372036854775807, null, 12.5, null, null, true, "
        "null, null]\n ]\n}\n");
}

static void test_nesting(void **state)
{
    static struct capture capture;
    struct cairn_json json;
    (void)state;
    capture_open(&capture);
    cairn_json_init(&json, &capture.stream);
    cairn_json_object(&json, NULL);
    cairn_json_object(&json, "empty");
    cairn_json_end(&json);
    cairn_json_array(&json, "rows");
    cairn_json_object(&json, NULL);
    cairn_json_integer(&json, "a", 1);
    cairn_json_integer(&json, "b", 2);
    cairn_json_end(&json);
    cairn_json_object(&json, NULL);
    cairn_json_end(&json);
    cairn_json_end(&json);
    cairn_json_bool(&json, "last", false);
    cairn_json_end(&json);
    cairn_json_end(&json); /* one too many: nothing */
    cairn_json_finish(&json);
    assert_string_equal(capture_finish(&capture),
                        "{\n \"empty\": {},\n \"rows\": [\n  {\"a\": 1, \"b\": 2},\n  {}\n ],\n"
                        " \"last\": false\n}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_is_escaped),
        cmocka_unit_test(test_bad_utf8_is_replaced),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_nesting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
