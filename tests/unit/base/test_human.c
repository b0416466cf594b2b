#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/human.h"

static void test_bytes(void **state)
{
    (void)state;
    char text[CAIRN_HUMAN_MAX];
    const struct {
        int64_t bytes;
        const char *plain, *narrow;
    } cases[] = {
        {0, "0 B", "0"},
        {512, "512 B", "512"},
        {1023, "1023 B", "1023"},
        {1024, "1.0 KiB", "1.0K"},
        {1536, "1.5 KiB", "1.5K"},
        {10240, "10.0 KiB", "10.0K"},
        {1048575, "1.0 MiB", "1.0M"},
        {-1572864, "-1.5 MiB", "-1.5M"},
        {INT64_MAX, "8.0 EiB", "8.0E"},
        {INT64_MIN, "–", "–"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(cairn_human_bytes(text, cases[i].bytes), cases[i].plain);
        assert_string_equal(cairn_human_bytes_short(text, cases[i].bytes), cases[i].narrow);
    }
    assert_string_equal(cairn_human_bytes_signed(text, 2048), "+2.0 KiB");
    assert_string_equal(cairn_human_bytes_signed(text, 0), "0 B");
    assert_string_equal(cairn_human_bytes_signed(text, -5), "-5 B");
}

static void test_counts_and_durations(void **state)
{
    (void)state;
    char text[CAIRN_HUMAN_MAX];
    assert_string_equal(cairn_human_count(text, 999), "999");
    assert_string_equal(cairn_human_count(text, 12345), "12.3 k");
    assert_string_equal(cairn_human_count(text, 999999), "1.0 M");
    assert_string_equal(cairn_human_count(text, -4500000), "-4.5 M");
    assert_string_equal(cairn_human_blocks(text, 1), "1 block");
    assert_string_equal(cairn_human_blocks(text, 12345), "12.3 k blocks");
    assert_string_equal(cairn_human_duration(text, 850), "850 ns");
    assert_string_equal(cairn_human_duration(text, 12500000), "12.5 ms");
    assert_string_equal(cairn_human_duration(text, 12500000000), "12.5 s");
    assert_string_equal(cairn_human_duration(text, 192000000000), "3 m 12 s");
    assert_string_equal(cairn_human_duration(text, 7440000000000), "2 h 04 m");
}

static void test_parse_bytes(void **state)
{
    (void)state;
    int64_t bytes = -1;
    struct cairn_error error;
    const struct {
        const char *text;
        int64_t bytes;
    } good[] = {{"4096", 4096},        {"200M", 200 << 20},
                {"1.5GiB", 3ll << 29}, {"10 GiB", 10ll << 30},
                {"1kb", 1024},         {"0", 0},
                {".5K", 512},          {"7B", 7}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(cairn_parse_bytes(good[i].text, &bytes, &error), CAIRN_OK);
        assert_int_equal(bytes, good[i].bytes);
    }
    const char *const bad[] = {"",     "M",     "-5",           "12Q", "1.5GiBs",
                               "0x10", "1e400", "99999999999G", "nan", "5 M M"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bytes = 77;
        assert_int_equal(cairn_parse_bytes(bad[i], &bytes, &error), CAIRN_E_USAGE);
        assert_int_equal(bytes, 77);
        assert_true(error.message[0] != 0);
    }
}

static void test_parse_duration(void **state)
{
    (void)state;
    int64_t ns = -1;
    struct cairn_error error;
    const struct {
        const char *text;
        int64_t ns;
    } good[] = {{"12.5s", 12500000000},
                {"300ms", 300000000},
                {"5m", 300000000000},
                {"2h", 7200000000000},
                {"250us", 250000},
                {"10ns", 10},
                {"0s", 0}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(cairn_parse_duration(good[i].text, &ns, &error), CAIRN_OK);
        assert_int_equal(ns, good[i].ns);
    }
    const char *const bad[] = {"", "12", "5 parsecs", "-1s", "s", "1h30m", "1e30h"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(cairn_parse_duration(bad[i], &ns, &error), CAIRN_E_USAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes), cmocka_unit_test(test_counts_and_durations),
        cmocka_unit_test(test_parse_bytes), cmocka_unit_test(test_parse_duration)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
