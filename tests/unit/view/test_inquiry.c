#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "view/facts.h"
#include "view/inquiry.h"

static void assert_quoted(const char *word, const char *expected)
{
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    cairn_append_quoted(&text, word);
    assert_string_equal(cairn_buffer_cstr(&text), expected);
    cairn_buffer_release(&text);
}

static void test_words_are_quoted_for_a_shell(void **state)
{
    (void)state;
    assert_quoted("app.1234.cairn", "app.1234.cairn");
    assert_quoted("40%", "40%");
    assert_quoted("", "''");
    assert_quoted("a b", "'a b'");
    assert_quoted("$(rm -rf ~)", "'$(rm -rf ~)'");
    assert_quoted("it's", "'it'\\''s'");
    assert_quoted("~", "'~'");
}

static void test_wrappers_match_only_themselves(void **state)
{
    (void)state;
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    cairn_wrapper_expression("std::f<int*>(char)", &text);
    assert_string_equal(cairn_buffer_cstr(&text), "^std::f<int\\*>\\(char\\)$");
    cairn_buffer_release(&text);
}

static void test_moments_as_words(void **state)
{
    (void)state;
    char word[80];
    struct cairn_view_moment moment = {.moment = {.t_ns = 1234567, .label = "peak"}};
    cairn_moment_word(&moment, word, sizeof(word));
    assert_string_equal(word, "peak");
    moment.moment = (struct cairn_moment){.t_ns = 5, .label = "s12"};
    cairn_moment_word(&moment, word, sizeof(word));
    assert_string_equal(word, "s12");
    moment.moment = (struct cairn_moment){.t_ns = 1234567, .label = "1.234ms"};
    cairn_moment_word(&moment, word, sizeof(word));
    assert_string_equal(word, "1234567ns");
}

/* A name that several snapshots have would lead to another one of them. */
static void test_snapshots_by_name_or_number(void **state)
{
    (void)state;
    const struct cairn_fact_snapshot snapshots[] = {
        {.snapshot = 1, .kind = "periodic", .name = ""},
        {.snapshot = 2, .kind = "exit", .name = "exit"},
        {.snapshot = 3, .kind = "mark", .name = "after"},
        {.snapshot = 4, .kind = "exit", .name = "exit"},
    };
    const char *const words[] = {"s1", "s2", "@after", "s4"};
    const struct cairn_facts facts = {.snapshots = snapshots, .snapshot_count = 4};
    for (size_t i = 0; i < 4; i++) {
        char word[80];
        const struct cairn_view_moment moment = cairn_facts_snapshot(&facts, i);
        cairn_moment_word(&moment, word, sizeof(word));
        assert_string_equal(word, words[i]);
    }
}

static void test_what_is_not_set_is_start_or_here(void **state)
{
    (void)state;
    struct cairn_inquiry question = {.at = {.moment = {.t_ns = 7}}, .a = {.moment = {.t_ns = 3}}};
    assert_string_equal(cairn_inquiry_a(&question).moment.label, "start");
    assert_int_equal(cairn_inquiry_b(&question).moment.t_ns, 7);
    question.a_set = true;
    assert_int_equal(cairn_inquiry_a(&question).moment.t_ns, 3);
}

static void test_options_say_what_differs(void **state)
{
    (void)state;
    struct cairn_inquiry question = {.at = {.moment = {.label = "end"}}};
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    cairn_inquiry_options(&question, false, &text);
    assert_string_equal(cairn_buffer_cstr(&text), "");
    question.by = CAIRN_BY_LINE;
    question.metric = CAIRN_METRIC_PEAK;
    question.cumulative = true;
    question.lang = CAIRN_LANG_ONLY_NATIVE;
    question.process = 3;
    strcpy(question.filter, "a|b");
    cairn_inquiry_options(&question, true, &text);
    assert_string_equal(cairn_buffer_cstr(&text),
                        " --at end --by line --metric peak --cumulative --lang native"
                        " --process 3 --filter 'a|b'");
    cairn_buffer_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_are_quoted_for_a_shell),
        cmocka_unit_test(test_wrappers_match_only_themselves),
        cmocka_unit_test(test_moments_as_words),
        cmocka_unit_test(test_snapshots_by_name_or_number),
        cmocka_unit_test(test_what_is_not_set_is_start_or_here),
        cmocka_unit_test(test_options_say_what_differs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
