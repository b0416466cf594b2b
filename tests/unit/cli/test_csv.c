#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "capture.h"
#include "cli/csv.h"
#include "trace/rows.h"

static void test_fields(void **state)
{
    static struct capture capture;
    struct cairn_csv csv;
    (void)state;
    capture_open(&capture);
    cairn_csv_init(&csv, &capture.stream);
    cairn_csv_names(&csv, "a,b");
    cairn_csv_end_line(&csv);
    cairn_csv_text(&csv, "plain");
    cairn_csv_text(&csv, "with, comma");
    cairn_csv_text(&csv, "with \"quotes\"");
    cairn_csv_text(&csv, NULL);
    cairn_csv_integer(&csv, -5);
    cairn_csv_integer(&csv, CAIRN_UNKNOWN);
    cairn_csv_real(&csv, 0.25);
    cairn_csv_real(&csv, NAN);
    cairn_csv_bool(&csv, true);
    cairn_csv_end_line(&csv);
    assert_string_equal(capture_finish(&capture),
                        "a,b\nplain,\"with, comma\",\"with \"\"quotes\"\"\",,-5,,0.25,,true\n");
}

static void test_control_characters_become_visible(void **state)
{
    static struct capture capture;
    static char long_text[2000];
    struct cairn_csv csv;
    (void)state;
    capture_open(&capture);
    cairn_csv_init(&csv, &capture.stream);
    cairn_csv_text(&csv, "a\nb\x1b"
                         "c\xff");
    cairn_csv_end_line(&csv);
    assert_string_equal(capture_finish(&capture), "a\\nb\\ec\\xFF\n");

    capture_open(&capture);
    cairn_csv_init(&csv, &capture.stream);
    memset(long_text, 'x', sizeof long_text - 1);
    cairn_csv_text(&csv, long_text);
    assert_int_equal(strlen(capture_finish(&capture)), sizeof long_text - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_control_characters_become_visible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
