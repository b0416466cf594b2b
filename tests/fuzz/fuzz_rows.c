/* Rows that no recorder would write, in a file that SQLite finds nothing wrong with. An input is a list of changes: which
 * table, which column, which of its rows, and the number or bytes that it becomes. The top bit of its last byte makes it a slim
 * copy that they change. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "input.h"
#include "questions.h"
#include "scratch.h"

#define COLUMNS_MOST 400
#define CHANGES_MOST 8

struct place {
    char table[32], column[32];
    bool is_number;
};

static struct place places[COLUMNS_MOST];
static size_t place_count;

static void find_places(sqlite3 *db)
{
    sqlite3_stmt *columns;
    if (sqlite3_prepare_v2(db,
                           "SELECT m.name, c.name, c.type FROM sqlite_schema m, pragma_table_info(m.name) c "
                           "WHERE m.type = 'table' ORDER BY 1, 2",
                           -1, &columns, NULL) != SQLITE_OK) {
        abort();
    }
    while (place_count < COLUMNS_MOST && sqlite3_step(columns) == SQLITE_ROW) {
        struct place *place = &places[place_count++];
        snprintf(place->table, sizeof(place->table), "%s", (const char *)sqlite3_column_text(columns, 0));
        snprintf(place->column, sizeof(place->column), "%s", (const char *)sqlite3_column_text(columns, 1));
        place->is_number = strcmp((const char *)sqlite3_column_text(columns, 2), "INTEGER") == 0;
    }
    sqlite3_finalize(columns);
}

/* A wrong key is refused by SQLite, which is as good. */
static void change(sqlite3 *db, struct input *input)
{
    const struct place *place = &places[input_number(input, 2) % place_count];
    const unsigned choice = (unsigned)input_number(input, 1);
    char assignment[100], sql[400];
    sqlite3_stmt *update;
    if (place->is_number && choice & 0x80) {
        snprintf(assignment, sizeof(assignment), "\"%s\" + ?1", place->column);
    } else {
        snprintf(assignment, sizeof(assignment), "?1");
    }
    const bool one_row = choice & 1 && strcmp(place->table, "recording") != 0;
    const int length = snprintf(sql, sizeof(sql), "UPDATE OR REPLACE \"%s\" SET \"%s\" = %s", place->table,
                                place->column, assignment);
    if (one_row) {
        snprintf(sql + length, sizeof(sql) - (size_t)length,
                 " WHERE \"%s\" = (SELECT max(\"%s\") FROM \"%s\")", place->column, place->column,
                 place->table);
    }
    if (sqlite3_prepare_v2(db, sql, -1, &update, NULL) != SQLITE_OK) {
        abort();
    }
    if (place->is_number) {
        sqlite3_bind_int64(
            update, 1,
            (int64_t)((uint64_t)input_number(input, choice & 2 ? 8 : 1) - (choice & 4 ? 16u : 0u)));
    } else {
        size_t count;
        const uint8_t *bytes = input_bytes(input, (size_t)input_number(input, 1), &count);
        if (choice & 2) {
            sqlite3_bind_blob(update, 1, bytes, (int)count, SQLITE_STATIC);
        } else {
            sqlite3_bind_text(update, 1, (const char *)bytes, (int)count, SQLITE_STATIC);
        }
    }
    (void)sqlite3_step(update);
    sqlite3_finalize(update);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char path[256];
    struct input input = {.at = data, .left = size};
    size_t length;
    sqlite3 *db;
    const bool slim = size > 0 && data[size - 1] & 0x80;
    const uint8_t *honest = slim ? scratch_slim(&length) : scratch_trace(&length);
    if (path[0] == '\0') {
        memcpy(path, scratch_path("rows.cairn"), sizeof(path));
    }
    scratch_write(path, honest, length);
    if (sqlite3_open(path, &db) != SQLITE_OK ||
        sqlite3_exec(db, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN", NULL, NULL, NULL) !=
            SQLITE_OK) {
        abort();
    }
    if (place_count == 0) {
        find_places(db);
    }
    for (int i = 0; i < CHANGES_MOST && input.left > 0; i++) {
        change(db, &input);
    }
    sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    sqlite3_close(db);
    ask_some(path, size > 0 ? data[size - 1] : ASK_EVERYTHING); /* the last byte chooses */
    return 0;
}
