#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <locale.h>

#include "view/canvas.h"

static struct cairn_canvas canvas;

static int setup(void **state)
{
    (void)state;
    setlocale(LC_CTYPE, "C.UTF-8");
    canvas = (struct cairn_canvas){.ascii = false};
    return cairn_canvas_resize(&canvas, 12, 3) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    cairn_canvas_release(&canvas);
    return 0;
}

static void assert_canvas(const char *expected)
{
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    cairn_canvas_text(&canvas, &text);
    assert_string_equal(cairn_buffer_cstr(&text), expected);
    cairn_buffer_release(&text);
}

static void test_text_is_cut_where_it_does_not_fit(void **state)
{
    (void)state;
    assert_int_equal(cairn_draw_text(&canvas, 0, 0, 12, 0, "parse_line"), 10);
    assert_int_equal(cairn_draw_text(&canvas, 0, 1, 6, 0, "parse_line"), 6);
    cairn_draw_right(&canvas, 0, 2, 12, 0, "1.5M");
    assert_canvas("parse_line\nparse…\n        1.5M\n");
    assert_int_equal(cairn_draw_text(&canvas, 0, 0, 0, 0, "x"), 0);
    assert_int_equal(cairn_draw_text(&canvas, 0, 7, 5, 0, "x"), 0);
    cairn_draw_text(&canvas, 10, 0, 5, 0, "beyond");
    cairn_draw_text(&canvas, -3, 1, 9, 0, "....left");
    assert_canvas("parse_linebe\n.left…\n        1.5M\n");
}

static void test_wide_and_combining_characters(void **state)
{
    (void)state;
    assert_int_equal(cairn_text_width(&canvas, "表e\xcc\x81x"), 4);
    cairn_draw_text(&canvas, 0, 0, 12, 0, "表テ e\xcc\x81.");
    assert_int_equal(cairn_canvas_cell(&canvas, 1, 0)->glyph, 0);
    assert_int_equal(cairn_canvas_cell(&canvas, 5, 0)->combining, 0x301);
    /* A wide one is not cut through the middle. */
    cairn_draw_text(&canvas, 0, 1, 4, 0, "a表テ");
    /* Overwriting one half takes the other away. */
    cairn_draw_text(&canvas, 1, 0, 1, 0, "|");
    assert_canvas(" |テ e\xcc\x81.\na表…\n\n");
}

static void test_bad_bytes_are_no_end(void **state)
{
    (void)state;
    cairn_draw_text(&canvas, 0, 0, 12, 0, "a\xff\xc3(\xe2\x82");
    assert_canvas("a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\n\n\n");
}

static void test_what_would_move_the_terminal_stays_out(void **state)
{
    (void)state;
    assert_int_equal(cairn_text_width(&canvas, "\033[H\n\xc2\x9b\xe2\x80\xae\xe2\x80\x8b"), 7);
    cairn_draw_text(&canvas, 0, 0, 12, 0, "\033[H\n\xc2\x9b\xe2\x80\xae\xe2\x80\x8b");
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    cairn_canvas_text(&canvas, &text);
    assert_string_equal(cairn_buffer_cstr(&text),
                        "\xef\xbf\xbd[H\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\n\n\n");
    cairn_buffer_release(&text);
}

static void test_ascii_has_a_likeness_for_what_we_draw(void **state)
{
    (void)state;
    canvas.ascii = true;
    cairn_draw_text(&canvas, 0, 0, 12, 0, "a ← b → c…");
    cairn_draw_text(&canvas, 0, 1, 12, 0, "▁▄█ ▸▾▲▼ 表");
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    cairn_canvas_text(&canvas, &text);
    assert_string_equal(cairn_buffer_cstr(&text), "a <- b -> c~\n_=# +-^v ?\n\n");
    cairn_buffer_release(&text);
    assert_int_equal(cairn_text_width(&canvas, "a ← b"), 6);
}

static void test_wrapping_breaks_at_blanks(void **state)
{
    (void)state;
    assert_int_equal(cairn_draw_wrapped(&canvas, 0, 0, 12, 3, 0, "one two three four five"), 3);
    assert_canvas("one two\nthree four\nfive\n");
    cairn_canvas_clear(&canvas);
    assert_int_equal(cairn_draw_wrapped(&canvas, 0, 0, 12, 2, 0, "one two three four five"), 2);
    assert_canvas("one two\nthree four …\n\n");
    cairn_canvas_clear(&canvas);
    assert_int_equal(cairn_draw_wrapped(&canvas, 0, 0, 12, 3, 0, "short"), 1);
    assert_int_equal(cairn_draw_wrapped(&canvas, 0, 1, 12, 3, 0, "withoutanyblankatall"), 1);
    assert_canvas("short\nwithoutanyb…\n\n");
}

static void test_skipping_columns(void **state)
{
    (void)state;
    assert_string_equal(cairn_text_skip(&canvas, "表テab", 2), "テab");
    assert_string_equal(cairn_text_skip(&canvas, "ab", 5), "");
    assert_string_equal(cairn_text_skip(&canvas, "ab", 0), "ab");
}

static void test_utf8_round_trip(void **state)
{
    (void)state;
    static const uint32_t codes[] = {'a', 0x7f, 0x80, 0x7ff, 0x800, 0xfffc, 0x10000, 0x10ffff};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        struct cairn_buffer text = CAIRN_BUFFER_INIT;
        cairn_utf8_append(&text, codes[i]);
        const char *at = cairn_buffer_cstr(&text);
        assert_int_equal(cairn_utf8_next(&at), codes[i]);
        assert_int_equal(*at, 0);
        assert_int_equal(cairn_utf8_next(&at), 0);
        cairn_buffer_release(&text);
    }
}

static void test_pens(void **state)
{
    (void)state;
    cairn_draw_text(&canvas, 0, 0, 4, CAIRN_STYLE_DIM, "dim");
    cairn_draw_text(&canvas, 4, 0, 4, CAIRN_STYLE_DIM | CAIRN_PEN_SELECTED, "sel");
    cairn_draw_flag(&canvas, 0, 0, 1, CAIRN_PEN_MATCH);
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    cairn_canvas_pens(&canvas, &text);
    assert_string_equal(cairn_buffer_cstr(&text), "*bb.BBB.....\n............\n............\n");
    cairn_buffer_release(&text);
}

static void test_themes_define_every_style(void **state)
{
    (void)state;
    size_t count = 0;
    for (const struct cairn_theme *theme; (theme = cairn_theme_at(count)) != NULL; count++) {
        assert_ptr_equal(cairn_theme_find(theme->name), theme);
        for (int style = 0; style < CAIRN_STYLE_COUNT; style++) {
            const struct cairn_look *look = &theme->looks[style];
            /* Black on black is what a forgotten one would be. */
            assert_false(look->ink == 0 && look->paper == 0);
            assert_false(look->ink8 == 0 && look->paper8 == 0);
            if (strcmp(theme->name, "mono") == 0) {
                assert_int_equal(look->ink, -1);
                assert_int_equal(look->paper, -1);
            }
        }
    }
    assert_int_equal(count, 4);
    assert_null(cairn_theme_find("pink"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_text_is_cut_where_it_does_not_fit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wide_and_combining_characters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_bytes_are_no_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_would_move_the_terminal_stays_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ascii_has_a_likeness_for_what_we_draw, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrapping_breaks_at_blanks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_skipping_columns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_utf8_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pens, setup, teardown),
        cmocka_unit_test(test_themes_define_every_style),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
