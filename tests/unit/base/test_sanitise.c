#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/sanitise.h"

static void check(const char *text, size_t length, const char *expected)
{
    char out[256];
    assert_int_equal(cairn_sanitise(out, sizeof out, text, length), strlen(expected));
    assert_string_equal(out, expected);
    assert_int_equal(cairn_is_clean(text, length),
                     strlen(expected) == length && memcmp(text, expected, length) == 0);
}

#define CHECK(text, expected) check("" text, sizeof(text) - 1, expected)

static void test_forms(void **state)
{
    (void)state;
    CHECK("", "");
    CHECK("plain \\ text", "plain \\ text");
    CHECK("a\nb\tc\rd", "a\\nb\\tc\\rd");
    CHECK("\033]0;evil\a", "\\e]0;evil\\x07");
    CHECK("nul\0byte\177", "nul\\x00byte\\x7F");
    CHECK("\302\233c1", "\\u{009B}c1");
    CHECK("\342\200\256rtl", "\\u{202E}rtl");
    CHECK("zero\342\200\213width", "zero\\u{200B}width");
    CHECK("\357\273\277bom", "\\u{FEFF}bom");
    CHECK("gr\303\274n \346\274\242 \360\237\220\247", "gr\303\274n \346\274\242 \360\237\220\247");
    CHECK("\377\300\200\355\240\200", "\\xFF\\xC0\\x80\\xED\\xA0\\x80");
    CHECK("cut\342\202", "cut\\xE2\\x82");
    CHECK("\364\220\200\200", "\\xF4\\x90\\x80\\x80");
    CHECK("\363\240\200\201tag", "\\u{E0001}tag");
}

static void test_cut_at_whole_forms(void **state)
{
    (void)state;
    const char text[] = "ab\ncd\303\274";
    char out[16];
    for (size_t size = 1; size <= sizeof out; size++) {
        memset(out, 'X', sizeof out);
        assert_int_equal(cairn_sanitise(out, size, text, sizeof text - 1), 8);
        assert_true(strlen(out) < size);
        assert_true(cairn_is_clean(out, strlen(out)));
        assert_true(strcmp(out, "ab\\") != 0 && strcmp(out, "ab\\ncd\303") != 0);
    }
    assert_int_equal(cairn_sanitise(NULL, 0, text, sizeof text - 1), 8);
}

/* Whatever comes in, what comes out is clean. */
static void test_random_bytes(void **state)
{
    (void)state;
    uint64_t random = 3;
    for (int round = 0; round < 20000; round++) {
        char text[32], out[512];
        for (size_t i = 0; i < sizeof text; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            text[i] = (char)(random >> 40);
        }
        const size_t length = cairn_sanitise(out, sizeof out, text, sizeof text);
        assert_int_equal(length, strlen(out));
        assert_true(cairn_is_clean(out, length));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms),
                                       cmocka_unit_test(test_cut_at_whole_forms),
                                       cmocka_unit_test(test_random_bytes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
