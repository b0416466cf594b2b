#include "writer_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

char fixture_folder[] = "/tmp/cairn-writer-XXXXXX";
char fixture_path[PATH_MAX];
struct cairn_error fixture_error;

int fixture_make_folder(void **state)
{
    (void)state;
    return mkdtemp(fixture_folder) ? 0 : -1;
}

static void remove_all(const char *name)
{
    DIR *dir = opendir(name);
    char file[PATH_MAX];
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        if (snprintf(file, sizeof file, "%s/%s", name, entry->d_name) < (int)sizeof file &&
            unlink(file) != 0) {
            rmdir(file);
        }
    }
    closedir(dir);
}

int fixture_remove_folder(void **state)
{
    (void)state;
    remove_all(fixture_folder);
    return rmdir(fixture_folder);
}

int fixture_fresh(void **state)
{
    (void)state;
    remove_all(fixture_folder);
    snprintf(fixture_path, sizeof fixture_path, "%s/trace.cairn", fixture_folder);
    fixture_error.message[0] = '\0';
    return 0;
}

int count_files(void)
{
    DIR *dir = opendir(fixture_folder);
    int count = -2;
    assert_non_null(dir);
    while (readdir(dir)) {
        count++;
    }
    closedir(dir);
    return count;
}

sqlite3 *open_plain(void)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open_v2(fixture_path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    return db;
}

int64_t ask(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW) {
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    }
    const int64_t answer = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return answer;
}

const char *ask_text(sqlite3 *db, const char *sql)
{
    static char text[1024];
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW) {
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    }
    const char *found = (const char *)sqlite3_column_text(statement, 0);
    snprintf(text, sizeof text, "%s", found ? found : "NULL");
    sqlite3_finalize(statement);
    return text;
}

int64_t ask_file(const char *sql)
{
    sqlite3 *db = open_plain();
    const int64_t answer = ask(db, sql);
    sqlite3_close(db);
    return answer;
}

struct cairn_writer *create(void)
{
    struct cairn_writer *writer = NULL;
    if (cairn_writer_create(fixture_path, false, &writer, &fixture_error) != CAIRN_OK) {
        fail_msg("%s", fixture_error.message);
    }
    return writer;
}

void put_recording(struct cairn_writer *writer, bool complete)
{
    const struct cairn_recording row = {.trace_id = "id",
                                        .writer = "cairn",
                                        .program = "program",
                                        .exit_status = CAIRN_UNKNOWN,
                                        .signal = CAIRN_UNKNOWN,
                                        .rss_peak_bytes = CAIRN_UNKNOWN,
                                        .stopped_why = complete ? "exited" : NULL,
                                        .complete = complete};
    cairn_writer_recording(writer, &row);
}

void commit(struct cairn_writer *writer)
{
    if (cairn_writer_commit(writer, &fixture_error) != CAIRN_OK) {
        fail_msg("%s", fixture_error.message);
    }
}

void close_well(struct cairn_writer *writer)
{
    if (cairn_writer_close(writer, &fixture_error) != CAIRN_OK) {
        fail_msg("%s", fixture_error.message);
    }
}
