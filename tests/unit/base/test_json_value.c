#include "base/json_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fault.h"

static enum cairn_status parse(struct cairn_arena *arena, const char *text,
                               const struct cairn_json_value **value)
{
    return cairn_json_parse(arena, text, strlen(text), value, NULL);
}

static void test_values(void **state)
{
    (void)state;
    struct cairn_arena arena = CAIRN_ARENA_INIT;
    const struct cairn_json_value *value;
    assert_int_equal(
        parse(&arena,
              " {\"a\": [1, -2.5, 9223372036854775807, 1e3, 9223372036854775808], \"b\": null,"
              "\"c\": true, \"d\": \"x\\n\\u00e9\\ud83d\\ude00\\ud800y\", \"e\": {}, \"f\": []} ",
              &value),
        CAIRN_OK);
    const struct cairn_json_value *item = cairn_json_member(value, "a")->first;
    assert_true(item->whole && item->integer == 1);
    item = item->next;
    assert_false(item->whole);
    assert_true(item->real < -2.4 && item->real > -2.6);
    item = item->next;
    assert_true(item->whole && item->integer == INT64_MAX);
    assert_false(item->next->whole);
    assert_false(item->next->next->whole);
    assert_int_equal(cairn_json_member(value, "b")->type, CAIRN_JSON_NULL);
    assert_true(cairn_json_member(value, "c")->boolean);
    assert_string_equal(cairn_json_member_text(value, "d"), "x\n\xc3\xa9\xf0\x9f\x98\x80\xef\xbf\xbdy");
    assert_int_equal(cairn_json_member(value, "e")->type, CAIRN_JSON_OBJECT);
    assert_null(cairn_json_member(value, "f")->first);
    assert_null(cairn_json_member(value, "g"));
    assert_null(cairn_json_member(cairn_json_member(value, "f"), "g"));
    assert_null(cairn_json_member_text(NULL, "g"));
    cairn_arena_release(&arena);
}

static void test_what_is_no_json(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",           "{",
        "[1,]",       "{\"a\"}",
        "{\"a\":1,}", "{1:2}",
        "01",         "1.",
        "-",          "1e",
        "\"a",        "\"\\x\"",
        "\"\\u12\"",  "\"\n\"",
        "tru",        "nul",
        "[1] 2",      "[1 2]",
        "+1",         "'a'",
        "\"\\",       "\"\\uD8",
        "[\"a\"",     "{\"a\":",
        "NaN",        "123456789012345678901234567890123456789012345678901234567890123456789",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct cairn_arena arena = CAIRN_ARENA_INIT;
        const struct cairn_json_value *value = NULL;
        /* A copy of just the right size lets the sanitizer see every byte read too many. */
        const size_t length = strlen(bad[i]);
        char *copy = malloc(length + !length);
        assert_non_null(copy);
        memcpy(copy, bad[i], length);
        if (cairn_json_parse(&arena, copy, length, &value, NULL) != CAIRN_E_FORMAT) {
            fail_msg("%s was taken for JSON", bad[i]);
        }
        assert_null(value);
        free(copy);
        cairn_arena_release(&arena);
    }
}

static void test_depth_is_bounded(void **state)
{
    (void)state;
    static char deep[100000];
    struct cairn_arena arena = CAIRN_ARENA_INIT;
    const struct cairn_json_value *value;
    memset(deep, '[', sizeof(deep));
    assert_int_equal(cairn_json_parse(&arena, deep, sizeof(deep), &value, NULL), CAIRN_E_FORMAT);
    cairn_arena_release(&arena);
}

static void test_no_memory(void **state)
{
    (void)state;
    const char *text = "{\"a\": [1, \"two\", {\"three\": null}]}";
    enum cairn_status status = CAIRN_E_NOMEM;
    for (unsigned long nth = 1; status != CAIRN_OK; nth++) {
        struct cairn_arena arena = CAIRN_ARENA_INIT;
        const struct cairn_json_value *value;
        fault_allocation(nth);
        status = parse(&arena, text, &value);
        const bool failed = fault_happened();
        assert_int_equal(status, failed ? CAIRN_E_NOMEM : CAIRN_OK);
        cairn_arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_what_is_no_json),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
