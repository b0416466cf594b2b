#include "query/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define KIB INT64_C(1024)
#define MIB (1024 * KIB)

static struct cairn_site sites[40];
static struct cairn_diff_counts counts[40];
static struct cairn_verdict_row rows[40];
static size_t row_count;
static struct cairn_diff diff;

static int set_up(void **state)
{
    (void)state;
    static int one_trace;
    row_count = 0;
    diff = (struct cairn_diff){
        .trace_a = (struct cairn_trace *)&one_trace,
        .trace_b = (struct cairn_trace *)&one_trace,
        .a = {.position = 10},
        .b = {.position = 20},
    };
    return 0;
}

static void add(const char *function, int64_t a_bytes, int64_t b_bytes, int64_t survived, int64_t allocated)
{
    const size_t i = row_count++;
    sites[i] = (struct cairn_site){.site_id = (int64_t)i,
                                   .function = function,
                                   .file = "/src/lex.c",
                                   .line = 88,
                                   .offset = CAIRN_UNKNOWN};
    counts[i] = (struct cairn_diff_counts){
        .a_bytes = a_bytes,
        .b_bytes = b_bytes,
        .delta_bytes = b_bytes - a_bytes,
        .a_blocks = a_bytes != 0,
        .b_blocks = b_bytes != 0,
        .delta_blocks = (b_bytes != 0) - (a_bytes != 0),
        .survived_bytes = survived,
    };
    rows[i] =
        (struct cairn_verdict_row){.site = &sites[i], .counts = &counts[i], .allocated_bytes = allocated};
}

static const char *verdict(void)
{
    static char text[512];
    cairn_verdict(&diff, CAIRN_BY_FUNCTION, rows, row_count, text, sizeof(text));
    return text;
}

static void test_nothing(void **state)
{
    (void)state;
    assert_string_equal(verdict(), "nothing changed");
    diff.total.b_bytes = MIB;
    assert_string_equal(verdict(), "no row passes the filter");
    add("f", MIB, MIB, 0, 0);
    assert_string_equal(verdict(), "nothing changed");
    add("g", 0, 0, 0, 3 * MIB);
    assert_string_equal(verdict(),
                        "nothing grew or shrank: of 3.0 MiB allocated between A and B as much was freed");
    diff.b.position = 10;
    assert_string_equal(verdict(), "A and B are the same moment");
}

static void test_blocks_alone(void **state)
{
    (void)state;
    add("f", MIB, MIB, 0, 0);
    counts[0].delta_blocks = -7;
    assert_string_equal(verdict(), "every place holds as many bytes as before, in 7 fewer blocks");
}

static void test_one_site_grows(void **state)
{
    (void)state;
    add("parse_line", 10 * MIB, 101 * MIB, 91 * MIB, 91 * MIB);
    add("other", 0, 9 * MIB, 9 * MIB, 9 * MIB);
    assert_string_equal(verdict(),
                        "91 % of the growth comes from parse_line() lex.c:88, all of it alive at B");
    rows[0].allocated_bytes = 910 * MIB;
    assert_string_equal(verdict(),
                        "91 % of the growth comes from parse_line() lex.c:88, 10 % of what it allocated "
                        "since A is alive at B");
    row_count = 1;
    rows[0].allocated_bytes = 91 * MIB;
    assert_string_equal(verdict(),
                        "all of the growth comes from parse_line() lex.c:88, all of it alive at B");
}

static void test_shares_are_not_rounded_up(void **state)
{
    (void)state;
    add("f", 0, 9999 * KIB, 9999 * KIB, 9999 * KIB);
    add("g", 0, KIB, KIB, KIB);
    assert_string_equal(verdict(), "over 99 % of the growth comes from f() lex.c:88, all of it alive at B");
}

static void test_spread_growth(void **state)
{
    (void)state;
    static char names[20][8];
    for (int i = 0; i < 20; i++) {
        names[i][0] = (char)('a' + i);
        add(names[i], 0, 5 * MIB, 5 * MIB, 5 * MIB);
    }
    assert_string_equal(verdict(), "the growth is spread over 20 places: the largest, a() lex.c:88, has 5 %");
}

static void test_shrinking(void **state)
{
    (void)state;
    add("load", 90 * MIB, 0, 0, 0);
    add("keep", 20 * MIB, 10 * MIB, 0, 0);
    assert_string_equal(verdict(), "90 % of what went was from load() lex.c:88, which has nothing left at B");
    add("more", 0, MIB, MIB, MIB);
    assert_string_equal(verdict(), "90 % of what went was from load() lex.c:88, which has nothing left at B");
    counts[0].b_bytes = 10 * MIB;
    counts[0].delta_bytes = -80 * MIB;
    assert_string_equal(verdict(),
                        "89 % of what went was from load() lex.c:88, down from 90.0 MiB to 10.0 MiB");
}

static void test_both_directions(void **state)
{
    (void)state;
    add("up", 0, 8 * MIB, 8 * MIB, 8 * MIB);
    add("down", 4 * MIB, 0, 0, 0);
    assert_string_equal(verdict(),
                        "8.0 MiB came and 4.0 MiB went: all of the growth comes from up() lex.c:88, all of "
                        "it alive at B; all of what went was from down() lex.c:88, which has nothing left "
                        "at B");
}

static void test_two_traces(void **state)
{
    (void)state;
    diff.trace_b = NULL;
    add("up", MIB, 8 * MIB, CAIRN_UNKNOWN, CAIRN_UNKNOWN);
    assert_string_equal(verdict(), "all of the growth comes from up() lex.c:88, from 1.0 MiB to 8.0 MiB");
    counts[0].a_bytes = 0;
    counts[0].delta_bytes = 8 * MIB;
    assert_string_equal(verdict(), "all of the growth comes from up() lex.c:88, which A has not");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nothing, set_up),
        cmocka_unit_test_setup(test_blocks_alone, set_up),
        cmocka_unit_test_setup(test_one_site_grows, set_up),
        cmocka_unit_test_setup(test_shares_are_not_rounded_up, set_up),
        cmocka_unit_test_setup(test_spread_growth, set_up),
        cmocka_unit_test_setup(test_shrinking, set_up),
        cmocka_unit_test_setup(test_both_directions, set_up),
        cmocka_unit_test_setup(test_two_traces, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
