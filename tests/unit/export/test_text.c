#include "export/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect(void (*write)(FILE *, const char *), const char *text, const char *wanted)
{
    char *made = NULL;
    size_t size;
    FILE *out = open_memstream(&made, &size);
    assert_non_null(out);
    write(out, text);
    fclose(out);
    assert_string_equal(made, wanted);
    free(made);
}

static void test_json(void **state)
{
    (void)state;
    expect(cairn_export_json_text, NULL, "null");
    expect(cairn_export_json_text, "a\"b\\c", "\"a\\\"b\\\\c\"");
    expect(cairn_export_json_text, "</script><!--&", "\"\\u003c/script\\u003e\\u003c!--\\u0026\"");
    expect(cairn_export_json_text, "\x1b]0;\x07\n", "\"\\\\e]0;\\\\x07\\\\n\"");
    expect(cairn_export_json_text, "\xff\xe2\x80\xae", "\"\\\\xFF\\\\u{202E}\"");
}

static void test_csv(void **state)
{
    (void)state;
    expect(cairn_export_csv_text, NULL, "\"\"");
    expect(cairn_export_csv_text, "a,\"b\"\n", "\"a,\"\"b\"\"\\n\"");
}

static void test_dot(void **state)
{
    (void)state;
    expect(cairn_export_dot_text, "a\"]; b\\N\nc", "\"a\\\"]; b\\\\N\\nc\"");
}

static void test_numbers(void **state)
{
    (void)state;
    char *made = NULL;
    size_t size;
    FILE *out = open_memstream(&made, &size);
    assert_non_null(out);
    cairn_export_json_number(out, CAIRN_UNKNOWN);
    cairn_export_json_number(out, -3);
    fclose(out);
    assert_string_equal(made, "null-3");
    free(made);
}

static void test_labels(void **state)
{
    (void)state;
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    const struct cairn_site site = {
        .function = "evil\x1b[31m", .file = "/a/b\n.c", .line = 3, .offset = CAIRN_UNKNOWN};
    assert_string_equal(cairn_export_label(&text, &site, CAIRN_BY_FUNCTION), "evil\\e[31m");
    assert_string_equal(cairn_export_place(&text, &site), "b\\n.c:3");
    const struct cairn_site nameless = {.module = "/lib/x.so", .line = CAIRN_UNKNOWN, .offset = 16};
    assert_string_equal(cairn_export_label(&text, &nameless, CAIRN_BY_FUNCTION), "x.so+0x10");
    assert_string_equal(cairn_export_place(&text, &nameless), "");
    cairn_buffer_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),    cmocka_unit_test(test_csv),    cmocka_unit_test(test_dot),
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
