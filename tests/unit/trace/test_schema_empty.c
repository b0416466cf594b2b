/* The trace of nothing that is compiled in is what schema.sql makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>
#include <string.h>

#include <cmocka.h>

#include "trace/schema.h"
#include "trace/schema_empty.h"

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    return statement;
}

static int ask(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = prepare(db, sql);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    const int answer = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return answer;
}

static sqlite3 *open_empty(void)
{
    sqlite3 *db;
    assert_int_equal(cairn_schema_open_empty(&db), SQLITE_OK);
    return db;
}

static void test_it_is_the_schema(void **state)
{
    (void)state;
    static const char every[] = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY rowid";
    sqlite3 *made, *kept = open_empty();
    assert_int_equal(sqlite3_open(":memory:", &made), SQLITE_OK);
    assert_int_equal(sqlite3_exec(made, cairn_schema_text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_stmt *of_made = prepare(made, every), *of_kept = prepare(kept, every);
    int rows = 0;
    for (; sqlite3_step(of_made) == SQLITE_ROW; rows++) {
        assert_int_equal(sqlite3_step(of_kept), SQLITE_ROW);
        for (int column = 0; column < 4; column++) {
            const char *text = (const char *)sqlite3_column_text(of_made, column);
            const char *other = (const char *)sqlite3_column_text(of_kept, column);
            assert_string_equal(text ? text : "NULL", other ? other : "NULL");
        }
    }
    assert_int_equal(sqlite3_step(of_kept), SQLITE_DONE);
    assert_true(rows > 30);
    sqlite3_finalize(of_made);
    sqlite3_finalize(of_kept);
    sqlite3_close(made);
    sqlite3_close(kept);
}

static void test_it_says_whose_it_is(void **state)
{
    (void)state;
    sqlite3 *db = open_empty();
    assert_int_equal(ask(db, "PRAGMA application_id"), CAIRN_APPLICATION_ID);
    assert_int_equal(ask(db, "PRAGMA user_version"), CAIRN_SCHEMA_VERSION);
    assert_int_equal(ask(db, "PRAGMA page_size"), CAIRN_PAGE_BYTES);
    assert_int_equal(ask(db, "SELECT count(*) FROM recording"), 0);
    sqlite3_stmt *check = prepare(db, "PRAGMA integrity_check");
    assert_int_equal(sqlite3_step(check), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(check, 0), "ok");
    sqlite3_finalize(check);
    sqlite3_close(db);
}

/* It lies in memory that the processor holds from writing. */
static void test_nothing_can_be_written(void **state)
{
    (void)state;
    sqlite3 *db = open_empty();
    assert_int_not_equal(sqlite3_exec(db, "INSERT INTO note (t_ns, text) VALUES (1, 'x')", NULL, NULL, NULL),
                         SQLITE_OK);
    sqlite3_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_the_schema),
        cmocka_unit_test(test_it_says_whose_it_is),
        cmocka_unit_test(test_nothing_can_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
