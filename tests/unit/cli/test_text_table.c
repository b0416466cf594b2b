#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "cli/text_table.h"

static const struct cairn_text_column columns[] = {
    {.title = "SIZE"},
    {.title = "COUNT", .leaves = 1},
    {.title = "NAME", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 6},
    {.title = "PLACE", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 4, .leaves = 2},
};

static const char *print(struct capture *capture, const struct cairn_console *terminal, const char *name)
{
    struct cairn_text_table table;
    cairn_text_table_init(&table, terminal, columns, 4);
    cairn_text_table_row(&table);
    cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, "12 MiB");
    cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, "3");
    cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, name);
    cairn_text_table_cell(&table, CAIRN_STYLE_FAINT, "file.c:10");
    cairn_text_table_note(&table, CAIRN_STYLE_PLAIN, "a note");
    cairn_text_table_row(&table);
    cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, "1 B");
    capture_open(capture);
    cairn_text_table_print(&table, &capture->stream);
    cairn_text_table_release(&table);
    return capture_finish(capture);
}

static void test_no_width(void **state)
{
    static struct capture capture;
    const struct cairn_console terminal = {.width = 0, .utf8 = true};
    (void)state;
    assert_string_equal(print(&capture, &terminal, "a_name_that_is_rather_long"),
                        "  SIZE  COUNT  NAME                        PLACE\n"
                        "12 MiB      3  a_name_that_is_rather_long  file.c:10\n"
                        "               a note\n"
                        "   1 B\n");
}

static void test_fits_any_width(void **state)
{
    static struct capture capture;
    static const char *const names[] = {"short", "a_name_that_is_rather_long", "漢字漢字漢字漢字漢字漢字漢字",
                                        "e\xcc\x81"
                                        "e\xcc\x81"
                                        "e\xcc\x81 combining",
                                        "\x1b[31mred\n"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        for (size_t width = 16; width < 90; width++) {
            const struct cairn_console terminal = {.width = width, .utf8 = true};
            static char text[4096];
            strcpy(text, print(&capture, &terminal, names[i]));
            for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
                assert_true(cairn_text_columns(line) <= width);
                assert_null(strchr(line, '\x1b'));
            }
        }
    }
}

static void test_cut_with_dots(void **state)
{
    static struct capture capture;
    const struct cairn_console terminal = {.width = 40, .utf8 = true};
    const struct cairn_console ascii = {.width = 40};
    (void)state;
    assert_non_null(strstr(print(&capture, &terminal, "a_name_that_is_rather_long"), "…"));
    assert_null(strstr(print(&capture, &ascii, "a_name_that_is_rather_lóng"), "\xc3"));
    assert_non_null(strstr(print(&capture, &ascii, "a_name_that_is_rather_long"), "~"));
}

static void test_colour(void **state)
{
    static struct capture capture;
    const struct cairn_console terminal = {.width = 80, .utf8 = true, .colour = true};
    (void)state;
    assert_non_null(strstr(print(&capture, &terminal, "name"), "\033[2mfile.c:10\033[0m"));
}

static void test_sparkline(void **state)
{
    const struct cairn_console terminal = {.utf8 = true}, ascii = {.utf8 = false};
    const double values[] = {0, 1, 4, 8};
    char out[32];
    (void)state;
    cairn_sparkline(&terminal, values, 4, out, sizeof out);
    assert_string_equal(out, " ▂▅█");
    cairn_sparkline(&ascii, values, 4, out, sizeof out);
    assert_int_equal(strlen(out), 4);
    cairn_sparkline(&terminal, values, 0, out, sizeof out);
    assert_string_equal(out, "");
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_width),      cmocka_unit_test(test_fits_any_width),
        cmocka_unit_test(test_cut_with_dots), cmocka_unit_test(test_colour),
        cmocka_unit_test(test_sparkline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
