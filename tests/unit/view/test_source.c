#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "view/source.h"

static char root[] = "/tmp/cairn-source-XXXXXX";

static void put(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int setup(void **state)
{
    (void)state;
    char path[256];
    if (mkdtemp(root) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/src", root);
    mkdir(path, 0700);
    put("src/lex.c", "one\n\ttwo\nthree\n");
    snprintf(path, sizeof(path), "%s/src/out.c", root);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    snprintf(path, sizeof(path), "%s/src/fifo.c", root);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(path, sizeof(path), "%s/src/large.c", root);
    const int large = open(path, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(ftruncate(large, 9 << 20), 0);
    close(large);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -r %s", root);
    return system(command);
}

static void assert_opens(const char *path, const char *below)
{
    char found[256], expected[256];
    const int descriptor = cairn_source_open(root, path, found, sizeof(found));
    if (below == NULL) {
        assert_int_equal(descriptor, -1);
        return;
    }
    assert_true(descriptor >= 0);
    close(descriptor);
    snprintf(expected, sizeof(expected), "%s/%s", root, below);
    assert_string_equal(found, expected);
}

static void test_the_longest_end_of_the_path_wins(void **state)
{
    (void)state;
    assert_opens("/build/1/src/lex.c", "src/lex.c");
    assert_opens("src/lex.c", "src/lex.c");
    put("lex.c", "another\n");
    assert_opens("/build/1/src/lex.c", "src/lex.c");
    assert_opens("/elsewhere/lex.c", "lex.c");
    assert_opens("/build/nothing.c", NULL);
}

static void test_nothing_outside_of_the_root(void **state)
{
    (void)state;
    assert_opens("../../etc/passwd", NULL);
    assert_opens("/etc/passwd", NULL);
    assert_opens("src/../../../etc/passwd", NULL);
    assert_opens("src/out.c", NULL);
    assert_opens("src/fifo.c", NULL);
    assert_opens("src/large.c", NULL);
    assert_opens("src", NULL);
    assert_opens("", NULL);
    assert_opens("///", NULL);
}

static void test_drawing_without_lines(void **state)
{
    (void)state;
    struct cairn_canvas canvas = {.ascii = true};
    assert_true(cairn_canvas_resize(&canvas, 40, 5));
    const struct cairn_source source = {.title = "", .why_not = "no source file is known for this place"};
    cairn_source_draw(&source, &canvas, (struct cairn_rect){0, 0, 40, 5});
    cairn_source_draw(&source, &canvas, (struct cairn_rect){0, 0, 40, 1});
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    cairn_canvas_text(&canvas, &text);
    assert_non_null(strstr(cairn_buffer_cstr(&text), "no source file is known"));
    cairn_buffer_release(&text);
    cairn_canvas_release(&canvas);
}

static void test_holes_are_shown(void **state)
{
    (void)state;
    struct cairn_canvas canvas = {.ascii = true};
    assert_true(cairn_canvas_resize(&canvas, 30, 6));
    struct cairn_source_text lines[] = {{3, "three"}, {4, "four"}, {20, "twenty"}, {21, "more"}};
    const struct cairn_source source = {.title = "a.c:20", .line = 20, .lines = lines, .count = 4};
    cairn_source_draw(&source, &canvas, (struct cairn_rect){0, 0, 30, 6});
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    cairn_canvas_text(&canvas, &text);
    assert_string_equal(cairn_buffer_cstr(&text), "-- a.c:20 --------------------\n"
                                                  "     3  three\n"
                                                  "     4  four\n"
                                                  "     ~\n"
                                                  ">   20  twenty\n"
                                                  "    21  more\n");
    cairn_buffer_release(&text);
    cairn_canvas_release(&canvas);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_longest_end_of_the_path_wins),
        cmocka_unit_test(test_nothing_outside_of_the_root),
        cmocka_unit_test(test_drawing_without_lines),
        cmocka_unit_test(test_holes_are_shown),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
