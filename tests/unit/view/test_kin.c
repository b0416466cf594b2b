/* Callers and callees: the same whichever way the tree stands, and a recursive function counts once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "view/kin.h"

enum { MAIN = 1, SERVE, PARSE, WALK, ALLOC };

static const struct cairn_column columns[] = {{.title = "LIVE", .kind = CAIRN_COLUMN_BYTES, .sort = "live"},
                                              {.title = "", .kind = CAIRN_COLUMN_NAME}};

static uint32_t add(struct cairn_rows *rows, uint32_t parent, int64_t site, int64_t bytes)
{
    static const char *const names[] = {"", "main", "serve", "parse", "walk", "alloc"};
    struct cairn_row *row = cairn_rows_add(rows, parent);
    assert_non_null(row);
    row->key = rows->count;
    row->site_id = site;
    row->name = names[site];
    row->values[0] = bytes;
    return (uint32_t)rows->count - 1;
}

static void open_tree(struct cairn_outline *tree, struct cairn_rows *rows)
{
    cairn_outline_init(tree, columns, 2, 0);
    cairn_outline_set_rows(tree, rows);
    cairn_outline_fold_all(tree, false);
}

static void go_to(struct cairn_outline *tree, int64_t site)
{
    for (size_t i = 0; i < tree->rows.count; i++) {
        if (tree->rows.items[i].site_id == site) {
            cairn_outline_reveal(tree, i);
            return;
        }
    }
    fail();
}

static void expect(const struct cairn_kin_row *row, const char *name, int64_t value)
{
    assert_string_equal(row->name, name);
    assert_int_equal(row->value, value);
}

/* main → serve → parse → alloc 40, main → parse → alloc 10, main → serve → alloc 5. */
static void check_parse(struct cairn_outline *tree, bool bottom_up)
{
    struct cairn_kin kin = {.total = 0};
    go_to(tree, PARSE);
    cairn_kin_find(&kin, tree, bottom_up);
    assert_string_equal(kin.name, "parse");
    assert_int_equal(kin.total, 50);
    assert_int_equal(kin.caller_count, 2);
    expect(&kin.callers[0], "serve", 40);
    expect(&kin.callers[1], "main", 10);
    assert_int_equal(kin.callee_count, 1);
    expect(&kin.callees[0], "alloc", 50);
    go_to(tree, ALLOC);
    cairn_kin_find(&kin, tree, bottom_up);
    assert_int_equal(kin.total, 55);
    assert_int_equal(kin.caller_count, 2);
    expect(&kin.callers[0], "parse", 50);
    expect(&kin.callers[1], "serve", 5);
    assert_int_equal(kin.callee_count, 0);
    cairn_kin_release(&kin);
}

static void test_both_ways(void **state)
{
    struct cairn_rows rows = {.items = NULL};
    struct cairn_outline tree;
    (void)state;
    const uint32_t start = add(&rows, CAIRN_NO_PARENT, MAIN, 55);
    const uint32_t serve = add(&rows, start, SERVE, 45), parse = add(&rows, start, PARSE, 10);
    const uint32_t served = add(&rows, serve, PARSE, 40);
    add(&rows, serve, ALLOC, 5);
    add(&rows, parse, ALLOC, 10);
    add(&rows, served, ALLOC, 40);
    open_tree(&tree, &rows);
    check_parse(&tree, false);
    cairn_outline_release(&tree);

    rows = (struct cairn_rows){.items = NULL};
    const uint32_t alloc = add(&rows, CAIRN_NO_PARENT, ALLOC, 55);
    const uint32_t by_parse = add(&rows, alloc, PARSE, 50), by_serve = add(&rows, alloc, SERVE, 5);
    const uint32_t parse_by_serve = add(&rows, by_parse, SERVE, 40);
    add(&rows, by_parse, MAIN, 10);
    add(&rows, by_serve, MAIN, 5);
    add(&rows, parse_by_serve, MAIN, 40);
    open_tree(&tree, &rows);
    check_parse(&tree, true);
    cairn_outline_release(&tree);
}

/* main → walk → walk → walk → alloc 30. */
static void test_recursion(void **state)
{
    struct cairn_rows rows = {.items = NULL};
    struct cairn_outline tree;
    struct cairn_kin kin = {.total = 0};
    (void)state;
    uint32_t at = add(&rows, CAIRN_NO_PARENT, MAIN, 30);
    for (int i = 0; i < 3; i++)
        at = add(&rows, at, WALK, 30);
    add(&rows, at, ALLOC, 30);
    open_tree(&tree, &rows);
    go_to(&tree, WALK);
    cairn_kin_find(&kin, &tree, false);
    assert_int_equal(kin.total, 30);
    assert_int_equal(kin.caller_count, 1);
    expect(&kin.callers[0], "main", 30);
    assert_int_equal(kin.callee_count, 1);
    expect(&kin.callees[0], "alloc", 30);
    cairn_kin_release(&kin);
    cairn_outline_release(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_both_ways), cmocka_unit_test(test_recursion)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
