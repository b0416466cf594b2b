#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <locale.h>
#include <stdio.h>

#include "view/outline.h"

static const struct cairn_column COLUMNS[] = {
    {.title = "LIVE", .key = "live", .kind = CAIRN_COLUMN_BYTES, .width = 7, .value = 0, .sort = "live"},
    {.title = "BLOCKS",
     .key = "blocks",
     .kind = CAIRN_COLUMN_COUNT,
     .width = 7,
     .value = 1,
     .sort = "blocks"},
    {.title = "Δ",
     .key = "delta",
     .kind = CAIRN_COLUMN_BYTES_SIGNED,
     .width = 7,
     .value = 2,
     .sort = "delta"},
    {.title = "name", .kind = CAIRN_COLUMN_NAME, .sort = "name"},
};

static uint64_t seed = 1;

static uint64_t below(uint64_t limit)
{
    seed = cairn_key_mix(seed, 7);
    return seed % limit;
}

static struct cairn_row *add(struct cairn_rows *rows, uint32_t parent, uint64_t key, int64_t value)
{
    struct cairn_row *row = cairn_rows_add(rows, parent);
    assert_non_null(row);
    row->key = key;
    row->name = cairn_rows_format(rows, "row%d", (int)key);
    row->values[0] = value;
    row->values[1] = (int64_t)below(5);
    row->values[2] = (int64_t)below(21) - 10;
    return row;
}

/* A random forest of `count` rows with keys 1 … count. */
static void plant(struct cairn_rows *rows, size_t count)
{
    *rows = (struct cairn_rows){.items = NULL};
    for (size_t i = 0; i < count; i++)
        add(rows, i == 0 || below(4) == 0 ? CAIRN_NO_PARENT : (uint32_t)below(i), i + 1, (int64_t)below(50));
}

/* Visible rows hang together: each child below its unfolded parent, siblings in order. */
static void check_visible(const struct cairn_outline *outline)
{
    const struct cairn_column *column = &outline->columns[outline->sort_column];
    size_t expected = 0;
    for (size_t i = 0; i < outline->rows.count; i++) {
        bool shown = true;
        for (uint32_t up = outline->rows.items[i].parent; up != CAIRN_NO_PARENT;
             up = outline->rows.items[up].parent)
            shown &= cairn_outline_is_unfolded(outline, &outline->rows.items[up]);
        expected += shown;
    }
    assert_int_equal(outline->visible_count, expected);
    int64_t last[64];
    uint32_t parents[64];
    for (size_t i = 0; i < outline->visible_count; i++) {
        const struct cairn_row *row = &outline->rows.items[outline->visible[i]];
        const unsigned depth = row->depth;
        assert_true(depth < 64);
        if (row->parent != CAIRN_NO_PARENT)
            assert_int_equal(parents[depth - 1], row->parent);
        parents[depth] = outline->visible[i];
        int64_t value = row->values[column->value];
        if (column->kind == CAIRN_COLUMN_BYTES_SIGNED)
            value = value < 0 ? -value : value;
        const bool sibling = i > 0 && outline->rows.items[outline->visible[i - 1]].depth == depth &&
                             outline->rows.items[outline->visible[i - 1]].parent == row->parent;
        if (sibling && column->kind != CAIRN_COLUMN_NAME)
            assert_true(outline->reverse ? last[depth] <= value : last[depth] >= value);
        last[depth] = value;
    }
    assert_true(outline->visible_count == 0 || outline->cursor < outline->visible_count);
    assert_true(outline->cursor >= outline->top);
    assert_true(outline->cursor < outline->top + (size_t)outline->page);
}

static uint64_t current_key(const struct cairn_outline *outline)
{
    const struct cairn_row *row = cairn_outline_current(outline);
    return row != NULL ? row->key : 0;
}

/* Random walks: whatever happens, the cursor stays on its row where it still is to be seen. */
static void test_the_cursor_stays_on_its_row(void **state)
{
    (void)state;
    struct cairn_outline outline;
    struct cairn_canvas canvas = {.ascii = false};
    assert_true(cairn_canvas_resize(&canvas, 80, 24));
    cairn_outline_init(&outline, COLUMNS, 4, 0);
    struct cairn_rows rows;
    plant(&rows, 60);
    cairn_outline_set_rows(&outline, &rows);
    for (int step = 0; step < 3000; step++) {
        const struct cairn_outline_look look = {.focused = true};
        const struct cairn_rect area = {0, 0, 20 + (int)below(60), 1 + (int)below(24)};
        uint64_t before = current_key(&outline);
        switch (below(9)) {
        case 0:
            plant(&rows, 40 + below(40));
            before = before <= rows.count ? before : 0;
            cairn_outline_set_rows(&outline, &rows);
            /* In another forest its ancestors may be folded. */
            before = 0;
            break;
        case 1:
            cairn_outline_sort_step(&outline, below(2) == 0 ? 1 : -1);
            break;
        case 2:
            cairn_outline_sort_reverse(&outline);
            break;
        case 3:
            cairn_outline_set_folded(&outline, cairn_outline_current(&outline), below(2) == 0);
            break;
        case 4:
            cairn_outline_move(&outline, (int)below(21) - 10);
            before = 0;
            break;
        case 5:
            cairn_outline_page(&outline, (int)below(5) - 2);
            before = 0;
            break;
        case 6:
            cairn_outline_fold_all(&outline, below(2) == 0);
            before = 0;
            break;
        case 7:
            cairn_outline_hot_path(&outline);
            before = 0;
            break;
        default:
            cairn_outline_draw(&outline, &canvas, area, &look);
        }
        check_visible(&outline);
        if (before != 0)
            assert_int_equal(current_key(&outline), before);
    }
    cairn_outline_release(&outline);
    cairn_canvas_release(&canvas);
}

static void flat(struct cairn_outline *outline)
{
    static const int64_t values[] = {50, 40, 30, 20, 10};
    struct cairn_rows rows = {.items = NULL};
    for (size_t i = 0; i < 5; i++)
        add(&rows, CAIRN_NO_PARENT, i + 1, values[i]);
    cairn_outline_init(outline, COLUMNS, 4, 0);
    cairn_outline_set_rows(outline, &rows);
    outline->page = 3;
}

static void test_scroll_comes_back_too(void **state)
{
    (void)state;
    struct cairn_outline outline;
    flat(&outline);
    cairn_outline_move(&outline, 3);
    assert_int_equal(outline.top, 1);
    /* A new row above: the cursor's row keeps its height on the screen. */
    struct cairn_rows rows = {.items = NULL};
    add(&rows, CAIRN_NO_PARENT, 9, 45);
    for (size_t i = 0; i < 5; i++)
        add(&rows, CAIRN_NO_PARENT, i + 1, 50 - 10 * (int64_t)i);
    cairn_outline_set_rows(&outline, &rows);
    assert_int_equal(current_key(&outline), 4);
    assert_int_equal(outline.cursor, 4);
    assert_int_equal(outline.top, 2);
    cairn_outline_release(&outline);
}

static void test_an_untouched_cursor_stays_on_top(void **state)
{
    (void)state;
    struct cairn_outline outline;
    flat(&outline);
    struct cairn_rows rows = {.items = NULL};
    add(&rows, CAIRN_NO_PARENT, 9, 70);
    add(&rows, CAIRN_NO_PARENT, 1, 50);
    cairn_outline_set_rows(&outline, &rows);
    assert_int_equal(current_key(&outline), 9);
    /* Somebody came back to the first row: now it is theirs. */
    cairn_outline_top(&outline);
    add(&rows, CAIRN_NO_PARENT, 9, 10);
    add(&rows, CAIRN_NO_PARENT, 1, 50);
    cairn_outline_set_rows(&outline, &rows);
    assert_int_equal(current_key(&outline), 9);
    assert_int_equal(outline.cursor, 1);
    cairn_outline_release(&outline);
}

static void test_children_come_later(void **state)
{
    (void)state;
    struct cairn_outline outline;
    flat(&outline);
    outline.rows.items[1].expandable = true;
    cairn_outline_move(&outline, 2);
    struct cairn_rows rows = {.items = NULL};
    add(&rows, CAIRN_NO_PARENT, 21, 5)->function = "raw";
    add(&rows, 0, 22, 3);
    cairn_outline_add_children(&outline, 2, &rows);
    assert_false(outline.rows.items[1].expandable);
    assert_int_equal(outline.visible_count, 5);
    assert_int_equal(current_key(&outline), 3);
    cairn_outline_set_folded(&outline, &outline.rows.items[1], false);
    assert_int_equal(outline.visible_count, 6);
    cairn_outline_fold_all(&outline, false);
    assert_int_equal(outline.visible_count, 7);
    assert_int_equal(outline.rows.items[outline.visible[3]].depth, 2);
    /* A second time, and for a row that is gone: nothing happens. */
    add(&rows, CAIRN_NO_PARENT, 23, 5);
    cairn_outline_add_children(&outline, 2, &rows);
    add(&rows, CAIRN_NO_PARENT, 23, 5);
    cairn_outline_add_children(&outline, 77, &rows);
    assert_int_equal(outline.rows.count, 7);
    cairn_outline_release(&outline);
}

static void test_search_finds_what_is_folded(void **state)
{
    (void)state;
    struct cairn_outline outline;
    struct cairn_rows rows = {.items = NULL};
    add(&rows, CAIRN_NO_PARENT, 1, 9);
    add(&rows, 0, 2, 8);
    add(&rows, 1, 3, 7)->name = "needle";
    add(&rows, CAIRN_NO_PARENT, 4, 6)->place = "needle.c:3";
    cairn_outline_init(&outline, COLUMNS, 4, 0);
    cairn_outline_set_rows(&outline, &rows);
    regex_t expression;
    assert_int_equal(regcomp(&expression, "need", REG_EXTENDED), 0);
    assert_int_equal(outline.visible_count, 2);
    assert_true(cairn_outline_search(&outline, &expression, 1, true));
    assert_int_equal(current_key(&outline), 3);
    assert_true(cairn_outline_search(&outline, &expression, 1, false));
    assert_int_equal(current_key(&outline), 4);
    assert_true(cairn_outline_search(&outline, &expression, 1, false));
    assert_int_equal(current_key(&outline), 3);
    assert_true(cairn_outline_search(&outline, &expression, -1, false));
    assert_int_equal(current_key(&outline), 4);
    regfree(&expression);
    assert_int_equal(regcomp(&expression, "nowhere", REG_EXTENDED), 0);
    assert_false(cairn_outline_search(&outline, &expression, 1, true));
    assert_int_equal(current_key(&outline), 4);
    regfree(&expression);
    cairn_outline_release(&outline);
}

static void test_hidden_rows(void **state)
{
    (void)state;
    struct cairn_outline outline;
    flat(&outline);
    outline.rows.items[0].same = outline.rows.items[3].same = true;
    cairn_outline_move(&outline, 2);
    outline.hide_same = true;
    cairn_outline_refresh(&outline);
    assert_int_equal(outline.visible_count, 3);
    assert_int_equal(current_key(&outline), 3);
    cairn_outline_release(&outline);
}

static void test_places_on_the_screen(void **state)
{
    (void)state;
    struct cairn_outline outline;
    struct cairn_canvas canvas = {.ascii = false};
    assert_true(cairn_canvas_resize(&canvas, 60, 10));
    flat(&outline);
    const struct cairn_outline_look look = {.focused = true};
    cairn_outline_draw(&outline, &canvas, (struct cairn_rect){2, 3, 50, 5}, &look);
    int column;
    assert_int_equal(cairn_outline_hit(&outline, 10, 4, NULL), 0);
    assert_int_equal(cairn_outline_hit(&outline, 10, 6, NULL), 2);
    assert_int_equal(cairn_outline_hit(&outline, 10, 8, NULL), SIZE_MAX);
    assert_int_equal(cairn_outline_hit(&outline, 1, 4, NULL), SIZE_MAX);
    assert_int_equal(cairn_outline_hit(&outline, 16, 3, &column), SIZE_MAX);
    assert_int_equal(column, 1);
    /* Too small for anything: nothing is drawn, nothing breaks. */
    cairn_outline_draw(&outline, &canvas, (struct cairn_rect){0, 0, 5, 1}, &look);
    cairn_outline_draw(&outline, &canvas, (struct cairn_rect){0, 0, 0, 0}, &look);
    cairn_outline_release(&outline);
    cairn_canvas_release(&canvas);
}

/* A path that is too long keeps its end, with what matches there; other names keep their beginning. */
static void test_paths_keep_their_end(void **state)
{
    (void)state;
    struct cairn_outline outline;
    struct cairn_rows rows = {.items = NULL};
    struct cairn_canvas canvas = {.ascii = false};
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    regex_t encoder;
    assert_int_equal(regcomp(&encoder, "encoder", REG_EXTENDED), 0);
    assert_true(cairn_canvas_resize(&canvas, 20, 4));
    for (uint64_t key = 1; key <= 2; key++) {
        struct cairn_row *row = add(&rows, CAIRN_NO_PARENT, key, (int64_t)(10 - key));
        row->name = "/usr/lib/python3/json/encoder.py";
        row->path = key == 1;
    }
    cairn_outline_init(&outline, &COLUMNS[3], 1, 0);
    cairn_outline_set_rows(&outline, &rows);
    const struct cairn_outline_look look = {.match = &encoder};
    cairn_outline_draw(&outline, &canvas, (struct cairn_rect){0, 0, 20, 4}, &look);
    cairn_canvas_text(&canvas, &text);
    assert_non_null(strstr(cairn_buffer_cstr(&text), "…3/json/encoder.py"));
    assert_non_null(strstr(cairn_buffer_cstr(&text), "/usr/lib/python3/…"));
    cairn_buffer_reset(&text);
    cairn_canvas_pens(&canvas, &text);
    assert_non_null(strstr(cairn_buffer_cstr(&text), "g.aaaaaaaa*******aaa\n"));
    regfree(&encoder);
    cairn_buffer_release(&text);
    cairn_outline_release(&outline);
    cairn_canvas_release(&canvas);
}

static void test_files(void **state)
{
    (void)state;
    struct cairn_outline outline;
    struct cairn_rows rows = {.items = NULL};
    struct cairn_row *row = add(&rows, CAIRN_NO_PARENT, 1, 1536);
    row->values[1] = CAIRN_UNKNOWN;
    row->values[2] = -3;
    row->name = "a, \"b\" \\";
    row->place = "x.c:1";
    cairn_outline_init(&outline, COLUMNS, 4, 0);
    cairn_outline_set_rows(&outline, &rows);
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    cairn_outline_csv(&outline, &text);
    assert_string_equal(cairn_buffer_cstr(&text), "depth,live,blocks,delta,name,place,module\n"
                                                  "0,1536,,-3,\"a, \"\"b\"\" \\\",x.c:1,\n");
    cairn_buffer_reset(&text);
    cairn_outline_json(&outline, &text);
    assert_string_equal(
        cairn_buffer_cstr(&text),
        "[\n {\"depth\": 0, \"live\": 1536, \"blocks\": null, \"delta\": -3, \"name\": \"a, \\\"b\\\" "
        "\\\\\", \"place\": \"x.c:1\", \"module\": \"\"}\n]\n");
    cairn_buffer_reset(&text);
    cairn_outline_row_text(&outline, cairn_outline_current(&outline), &text);
    assert_string_equal(cairn_buffer_cstr(&text), "1.5K  –  -3  a, \"b\" \\  x.c:1");
    cairn_buffer_release(&text);
    cairn_outline_release(&outline);
}

/* Before anything is drawn nobody knows how many rows fit: the first drawing scrolls, if it must. Later the window stays where it
 * is while the row is in it; a row outside comes to its middle. */
static void test_rows_are_revealed_where_they_are(void **state)
{
    (void)state;
    struct cairn_outline outline;
    struct cairn_rows rows = {.items = NULL};
    for (uint64_t i = 0; i < 40; i++)
        add(&rows, CAIRN_NO_PARENT, i + 1, 100 - (int64_t)i);
    cairn_outline_init(&outline, COLUMNS, 4, 0);
    cairn_outline_set_rows(&outline, &rows);
    cairn_outline_reveal(&outline, 1);
    assert_int_equal(outline.cursor, 1);
    assert_int_equal(outline.top, 0);
    outline.page = 10;
    cairn_outline_move(&outline, 0);
    assert_int_equal(outline.top, 0);
    cairn_outline_reveal(&outline, 25);
    assert_int_equal(outline.top, 20);
    cairn_outline_reveal(&outline, 29);
    assert_int_equal(outline.top, 20);
    cairn_outline_reveal(&outline, 20);
    assert_int_equal(outline.top, 20);
    cairn_outline_reveal(&outline, 3);
    assert_int_equal(outline.top, 0);
    cairn_outline_reveal(&outline, 39);
    assert_int_equal(outline.top, 30);
    cairn_outline_release(&outline);
}

static void test_values(void **state)
{
    (void)state;
    char out[CAIRN_VALUE_MAX];
    assert_string_equal(cairn_value_text(CAIRN_COLUMN_BYTES, 1536, out), "1.5K");
    assert_string_equal(cairn_value_text(CAIRN_COLUMN_BYTES_SIGNED, 1536, out), "+1.5K");
    assert_string_equal(cairn_value_text(CAIRN_COLUMN_BYTES_SIGNED, 0, out), "0");
    assert_string_equal(cairn_value_text(CAIRN_COLUMN_RATE, -1536, out), "-1.5K/s");
    assert_string_equal(cairn_value_text(CAIRN_COLUMN_PERCENT, 9950, out), "99.5");
    assert_string_equal(cairn_value_text(CAIRN_COLUMN_ARROW, -1, out), "▼");
    assert_string_equal(cairn_value_text(CAIRN_COLUMN_NUMBER, 27, out), "27");
    assert_string_equal(cairn_value_text(CAIRN_COLUMN_AGE, CAIRN_UNKNOWN, out), "–");
    struct cairn_buffer spark = CAIRN_BUFFER_INIT;
    cairn_spark((const int64_t[]){0, 1, 50, 100, -5}, 5, &spark);
    assert_string_equal(cairn_buffer_cstr(&spark), " ▁▅█ ");
    cairn_buffer_release(&spark);
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_cursor_stays_on_its_row),
        cmocka_unit_test(test_scroll_comes_back_too),
        cmocka_unit_test(test_an_untouched_cursor_stays_on_top),
        cmocka_unit_test(test_children_come_later),
        cmocka_unit_test(test_search_finds_what_is_folded),
        cmocka_unit_test(test_hidden_rows),
        cmocka_unit_test(test_places_on_the_screen),
        cmocka_unit_test(test_paths_keep_their_end),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_rows_are_revealed_where_they_are),
        cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
