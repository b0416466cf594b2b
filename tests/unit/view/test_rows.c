#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "view/rows.h"

static void test_texts_are_clean_and_outlive_their_source(void **state)
{
    (void)state;
    struct cairn_rows rows = {.items = NULL};
    char name[] = "evil\033]0;owned\007", file[] = "/src/\ttab.c";
    const struct cairn_site site = {.site_id = 7,
                                    .function = name,
                                    .file = file,
                                    .line = 3,
                                    .module = "/usr/bin/shop",
                                    .offset = CAIRN_UNKNOWN,
                                    .lang = CAIRN_LANG_NATIVE,
                                    .source_file = 4};
    struct cairn_row *row = cairn_rows_add(&rows, CAIRN_NO_PARENT);
    cairn_rows_site(&rows, row, &site, CAIRN_BY_FUNCTION);
    memset(name, 'x', sizeof(name) - 1);
    memset(file, 'x', sizeof(file) - 1);
    assert_string_equal(row->name, "evil\\e]0;owned\\x07");
    assert_string_equal(row->place, "\\ttab.c:3");
    assert_string_equal(row->module, "shop");
    assert_string_equal(row->function, "evil\033]0;owned\007");
    assert_string_equal(row->file, "/src/\ttab.c");
    assert_int_equal(row->source_file, 4);
    assert_int_equal(row->site_id, 7);
    assert_false(rows.failed);
    cairn_rows_release(&rows);
}

static void test_places_by_grouping(void **state)
{
    (void)state;
    struct cairn_rows rows = {.items = NULL};
    const struct cairn_site line = {.function = "f", .file = "/a/b.c", .line = 9, .offset = CAIRN_UNKNOWN};
    const struct cairn_site many = {
        .function = "f", .file = "/a/b.c", .line = CAIRN_UNKNOWN, .offset = CAIRN_UNKNOWN};
    const struct cairn_site bare = {
        .module = "/lib/libx.so", .line = CAIRN_UNKNOWN, .offset = 0x1234, .lang = CAIRN_LANG_NATIVE};
    struct cairn_row *row = cairn_rows_add(&rows, CAIRN_NO_PARENT);
    cairn_rows_site(&rows, row, &line, CAIRN_BY_LINE);
    assert_string_equal(row->name, "b.c:9");
    assert_string_equal(row->place, "f");
    row = cairn_rows_add(&rows, 0);
    assert_int_equal(row->depth, 1);
    cairn_rows_site(&rows, row, &many, CAIRN_BY_FUNCTION);
    assert_string_equal(row->place, "b.c");
    row = cairn_rows_add(&rows, 1);
    cairn_rows_site(&rows, row, &bare, CAIRN_BY_FUNCTION);
    assert_string_equal(row->name, "libx.so+0x1234");
    assert_string_equal(row->place, "");
    cairn_rows_release(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts_are_clean_and_outlive_their_source),
                                       cmocka_unit_test(test_places_by_grouping)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
