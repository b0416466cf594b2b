/* Lines of any length and number, over the borders of what is read at once, and files that end within one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "import/lines.h"

static char path[] = "/tmp/cairn-lines-XXXXXX";

static void write_file(const char *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static struct cairn_lines *open_lines(void)
{
    struct cairn_lines *lines;
    struct cairn_error error;
    assert_int_equal(cairn_lines_open(path, &lines, &error), CAIRN_OK);
    return lines;
}

/* Line i is i % 7,000 bytes of one letter. */
static void test_many_lines(void **state)
{
    (void)state;
    enum { LINES = 3000 };
    char *bytes = malloc(LINES * 7001), *at = bytes;
    assert_non_null(bytes);
    for (int i = 0; i < LINES; i++) {
        memset(at, 'a' + i % 26, (size_t)(i * 37 % 7000));
        at += i * 37 % 7000;
        *at++ = '\n';
    }
    write_file(bytes, (size_t)(at - bytes));
    free(bytes);
    struct cairn_lines *lines = open_lines();
    struct cairn_error error;
    char *text;
    size_t length;
    for (int i = 0; i < LINES; i++) {
        assert_int_equal(cairn_lines_next(lines, &text, &length, &error), CAIRN_OK);
        assert_non_null(text);
        assert_int_equal(length, i * 37 % 7000);
        assert_int_equal(strlen(text), length);
        assert_true(length == 0 || (text[0] == 'a' + i % 26 && text[length - 1] == text[0]));
        assert_int_equal(cairn_lines_number(lines), i + 1);
    }
    for (int i = 0; i < 2; i++) { /* the end stays the end */
        assert_int_equal(cairn_lines_next(lines, &text, &length, &error), CAIRN_OK);
        assert_null(text);
    }
    cairn_lines_close(lines);
}

static void test_the_longest_line(void **state)
{
    (void)state;
    static char bytes[CAIRN_LINE_MOST_BYTES + 8];
    struct cairn_error error;
    char *text;
    size_t length;
    memset(bytes, 'x', sizeof bytes);
    bytes[0] = bytes[CAIRN_LINE_MOST_BYTES + 1] = bytes[CAIRN_LINE_MOST_BYTES + 3] = '\n';
    write_file(bytes, CAIRN_LINE_MOST_BYTES + 4);
    struct cairn_lines *lines = open_lines();
    const size_t lengths[] = {0, CAIRN_LINE_MOST_BYTES, 1};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(cairn_lines_next(lines, &text, &length, &error), CAIRN_OK);
        assert_int_equal(length, lengths[i]);
    }
    cairn_lines_close(lines);

    bytes[CAIRN_LINE_MOST_BYTES + 1] = 'x';
    write_file(bytes, CAIRN_LINE_MOST_BYTES + 4);
    lines = open_lines();
    assert_int_equal(cairn_lines_next(lines, &text, &length, &error), CAIRN_OK);
    assert_int_equal(cairn_lines_next(lines, &text, &length, &error), CAIRN_E_FORMAT);
    assert_non_null(strstr(error.message, "line 2: it is longer than"));
    cairn_lines_close(lines);
}

static void test_a_file_that_ends_within_a_line(void **state)
{
    (void)state;
    struct cairn_error error;
    char *text;
    size_t length;
    write_file("one\ntwo", 7);
    struct cairn_lines *lines = open_lines();
    assert_int_equal(cairn_lines_next(lines, &text, &length, &error), CAIRN_OK);
    assert_string_equal(text, "one");
    assert_int_equal(cairn_lines_next(lines, &text, &length, &error), CAIRN_E_FORMAT);
    assert_non_null(strstr(error.message, "line 2: the file ends within it"));
    cairn_lines_close(lines);

    write_file("", 0);
    lines = open_lines();
    assert_int_equal(cairn_lines_next(lines, &text, &length, &error), CAIRN_OK);
    assert_null(text);
    cairn_lines_close(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_lines),
        cmocka_unit_test(test_the_longest_line),
        cmocka_unit_test(test_a_file_that_ends_within_a_line),
    };
    const int file = mkstemp(path);
    if (file < 0) {
        return 1;
    }
    close(file);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
