#include "query/site_label.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct cairn_site named = {.function = "parse_line",
                                        .file = "/src/lex.c",
                                        .line = 88,
                                        .module = "/usr/bin/app",
                                        .offset = CAIRN_UNKNOWN,
                                        .tid = CAIRN_UNKNOWN};

static const char *label(const struct cairn_site *site, enum cairn_by by)
{
    static char text[128];
    return cairn_site_label(site, by, text, sizeof(text));
}

static void test_labels(void **state)
{
    (void)state;
    struct cairn_site unnamed = {.module = "/usr/lib/libx.so.1", .line = CAIRN_UNKNOWN, .offset = 0x1234};
    struct cairn_site thread = {.tid = 12, .thread_name = "worker"},
                      process = {.tid = 40, .process_name = "/bin/cc1"};
    assert_string_equal(label(&named, CAIRN_BY_FUNCTION), "parse_line");
    assert_string_equal(label(&named, CAIRN_BY_LINE), "lex.c:88");
    assert_string_equal(label(&named, CAIRN_BY_FILE), "/src/lex.c");
    assert_string_equal(label(&named, CAIRN_BY_MODULE), "/usr/bin/app");
    assert_string_equal(label(&unnamed, CAIRN_BY_FUNCTION), "libx.so.1+0x1234");
    assert_string_equal(label(&unnamed, CAIRN_BY_LINE), "libx.so.1+0x1234");
    assert_string_equal(label(&thread, CAIRN_BY_THREAD), "thread 12 worker");
    assert_string_equal(label(&process, CAIRN_BY_PROCESS), "pid 40 cc1");
    thread.process_apart = process.process_apart = 3;
    assert_string_equal(label(&thread, CAIRN_BY_THREAD), "thread 12 worker (process 3)");
    assert_string_equal(label(&process, CAIRN_BY_PROCESS), "pid 40 cc1 (process 3)");
    thread.thread_name = NULL;
    thread.process_apart = 0;
    assert_string_equal(label(&thread, CAIRN_BY_THREAD), "thread 12");
}

static void test_cut_where_there_is_no_room(void **state)
{
    (void)state;
    char text[6];
    assert_string_equal(cairn_site_label(&named, CAIRN_BY_FUNCTION, text, sizeof(text)), "parse");
}

static void test_phrases(void **state)
{
    (void)state;
    char text[128];
    struct cairn_site site = named;
    assert_string_equal(cairn_site_phrase(NULL, &site, CAIRN_BY_FUNCTION, 0, text, sizeof(text)),
                        "parse_line() lex.c:88");
    site.function = "grow(int)";
    site.line = CAIRN_UNKNOWN;
    assert_string_equal(cairn_site_phrase(NULL, &site, CAIRN_BY_LINE, 0, text, sizeof(text)),
                        "grow(int) lex.c");
    site.function = "[no stack]";
    assert_string_equal(cairn_site_phrase(NULL, &site, CAIRN_BY_FUNCTION, 0, text, sizeof(text)),
                        "[no stack]");
}

static void test_shares(void **state)
{
    (void)state;
    char text[CAIRN_SHARE_SIZE];
    assert_string_equal(cairn_share(100, text), "all");
    assert_string_equal(cairn_share(99.97, text), "over 99 %");
    assert_string_equal(cairn_share(64.4, text), "64 %");
    assert_string_equal(cairn_share(0.2, text), "under 1 %");
    assert_string_equal(cairn_share(0, text), "nothing");
}

static void test_order_of_names(void **state)
{
    (void)state;
    struct cairn_site other = named;
    assert_int_equal(cairn_site_compare(&named, &other), 0);
    other.line = 90;
    assert_true(cairn_site_compare(&named, &other) < 0);
    other.function = "a";
    assert_true(cairn_site_compare(&named, &other) > 0);
    other.function = NULL;
    assert_true(cairn_site_compare(&named, &other) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels),         cmocka_unit_test(test_cut_where_there_is_no_room),
        cmocka_unit_test(test_phrases),        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_order_of_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
