/* The table of what redaction does names every text and BLOB of the schema; replaced names stay apart from each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "trace/redact_rules.h"
#include "trace/redact_words.h"
#include "trace/schema.h"

static const struct cairn_redact_rule *find(const char *table, const char *column)
{
    const struct cairn_redact_rule *found = NULL;
    for (const struct cairn_redact_rule *rule = cairn_redact_rules; rule->table; rule++) {
        if (strcmp(rule->table, table) == 0 && strcmp(rule->column, column) == 0) {
            assert_null(found);
            found = rule;
        }
    }
    return found;
}

static void every_text_has_a_rule(void **state)
{
    (void)state;
    sqlite3 *db;
    sqlite3_stmt *columns;
    size_t texts = 0, rules = 0;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, cairn_schema_text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db,
                           "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c "
                           "WHERE m.type = 'table' AND c.type <> 'INTEGER'",
                           -1, &columns, NULL),
        SQLITE_OK);
    for (; sqlite3_step(columns) == SQLITE_ROW; texts++) {
        const char *table = (const char *)sqlite3_column_text(columns, 0);
        const char *column = (const char *)sqlite3_column_text(columns, 1);
        if (!find(table, column)) {
            fail_msg("no rule says what becomes of %s.%s", table, column);
        }
    }
    sqlite3_finalize(columns);
    sqlite3_close(db);
    while (cairn_redact_rules[rules].table) {
        rules++;
    }
    assert_int_equal(rules, texts);
}

static void path(struct cairn_redact_words *words, const char *text, bool folder, bool file,
                 const char *expected)
{
    struct cairn_buffer out = CAIRN_BUFFER_INIT;
    assert_true(cairn_redact_path(words, text, strlen(text), folder, file, &out));
    assert_string_equal(cairn_buffer_cstr(&out), expected);
    cairn_buffer_release(&out);
}

static void paths_stay_apart(void **state)
{
    (void)state;
    struct cairn_redact_words words = {.slots = NULL};
    path(&words, "/home/a/main.c", true, false, "folder1/main.c");
    path(&words, "/home/b/main.c", true, false, "folder2/main.c");
    path(&words, "/home/a/other.c", true, true, "folder1/file3.c");
    path(&words, "/home/b/other.c", false, true, "/home/b/file3.c");
    path(&words, "secret", true, true, "file4");
    path(&words, "/lib/libc.so.6", true, true, "folder5/libc.so.6");
    path(&words, "/usr/bin/python3.11", true, true, "folder6/python3.11");
    path(&words, "/usr/bin/pythonista", true, true, "folder6/file7");
    path(&words, "", true, true, "");
    path(&words, "/", true, true, "folder8/");
    cairn_redact_words_release(&words);
}

static void many_words(void **state)
{
    (void)state;
    struct cairn_redact_words words = {.slots = NULL};
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < 5000; i++) {
            assert_int_equal(cairn_redact_words_number(&words, "mark", (const char *)&i, sizeof(i)), i + 1);
        }
    }
    assert_int_equal(cairn_redact_words_find(&words, "thread", "\1\0\0\0", 4), 0);
    assert_int_equal(cairn_redact_words_find(&words, "mark", "\1\0\0\0", 4), 2);
    cairn_redact_words_release(&words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text_has_a_rule),
        cmocka_unit_test(paths_stay_apart),
        cmocka_unit_test(many_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
