#include "trace/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace/part.h"
#include "trace/schema.h"

#define COLUMNS_MOST 64

enum cairn_status cairn_copy_failed(struct cairn_copy *copy)
{
    return cairn_fail(copy->error, CAIRN_E_IO, "%s: cannot be written: %s", copy->path,
                      copy->to ? sqlite3_errmsg(copy->to) : "out of memory");
}

enum cairn_status cairn_copy_prepare(struct cairn_copy *copy, const char *sql, sqlite3_stmt **statement)
{
    return sqlite3_prepare_v2(copy->to, sql, -1, statement, NULL) == SQLITE_OK ? CAIRN_OK
                                                                               : cairn_copy_failed(copy);
}

enum cairn_status cairn_copy_put(struct cairn_copy *copy, sqlite3_stmt *statement)
{
    const enum cairn_status status =
        sqlite3_step(statement) == SQLITE_DONE ? CAIRN_OK : cairn_copy_failed(copy);
    sqlite3_reset(statement);
    return status;
}

static enum cairn_status exec(struct cairn_copy *copy, const char *sql)
{
    return sqlite3_exec(copy->to, sql, NULL, NULL, NULL) == SQLITE_OK ? CAIRN_OK : cairn_copy_failed(copy);
}

/* An empty trace. Until it is whole it has no application id, so that nobody takes a part for a trace. */
static enum cairn_status make_target(struct cairn_copy *copy)
{
    struct cairn_buffer name = CAIRN_BUFFER_INIT;
    cairn_buffer_format(&name, "%s%s", copy->path[0] == '/' ? "" : "./", copy->path);
    const int result = name.failed ? SQLITE_NOMEM
                                   : sqlite3_open_v2(name.data, &copy->to,
                                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, "unix");
    cairn_buffer_release(&name);
    if (result != SQLITE_OK) {
        return cairn_copy_failed(copy);
    }
    char pragmas[128];
    snprintf(pragmas, sizeof(pragmas),
             "PRAGMA page_size = %d; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN",
             CAIRN_PAGE_BYTES);
    const enum cairn_status status = exec(copy, pragmas);
    return status == CAIRN_OK ? exec(copy, cairn_schema_text) : status;
}

static enum cairn_status finish_target(struct cairn_copy *copy)
{
    char header[96];
    snprintf(header, sizeof(header), "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
             CAIRN_APPLICATION_ID, CAIRN_SCHEMA_VERSION);
    return exec(copy, header);
}

/* How one table is copied row by row. */
struct table_copy {
    sqlite3_stmt *read, *write;
    int columns;
    struct {
        cairn_copy_change *change; /* NULL: as it is */
        const void *how;
    } column[COLUMNS_MOST];
};

/* The statements for one table: what is read, and what is written. Names are those of our own schema. */
static enum cairn_status make_statements(struct cairn_copy *copy, const char *table, struct table_copy *made)
{
    struct cairn_buffer read = CAIRN_BUFFER_INIT, write = CAIRN_BUFFER_INIT;
    sqlite3_stmt *names = NULL;
    cairn_buffer_format(&read, "PRAGMA table_info(\"%s\")", table);
    enum cairn_status status = cairn_copy_prepare(copy, cairn_buffer_cstr(&read), &names);
    cairn_buffer_reset(&read);
    cairn_buffer_text(&read, "SELECT ");
    cairn_buffer_format(&write, "INSERT INTO \"%s\" VALUES (", table);
    while (status == CAIRN_OK && made->columns < COLUMNS_MOST && sqlite3_step(names) == SQLITE_ROW) {
        const char *column = (const char *)sqlite3_column_text(names, 1);
        const int at = made->columns++;
        cairn_buffer_format(&read, "%s\"%s\"", at ? ", " : "", column ? column : "");
        cairn_buffer_text(&write, at ? ", ?" : "?");
        if (!copy->plan->find_column ||
            !copy->plan->find_column(copy, table, column ? column : "", &made->column[at].change,
                                     &made->column[at].how)) {
            made->column[at].change = NULL;
        }
    }
    sqlite3_finalize(names);
    cairn_buffer_format(&read, " FROM \"%s\"", table);
    cairn_buffer_text(&write, ")");
    if (status == CAIRN_OK && (read.failed || write.failed)) {
        status = cairn_reader_no_memory(copy->from, copy->error);
    }
    if (status == CAIRN_OK &&
        sqlite3_prepare_v2(copy->from->db, read.data, -1, &made->read, NULL) != SQLITE_OK) {
        status = cairn_reader_failed(copy->from, sqlite3_extended_errcode(copy->from->db), copy->error);
    }
    if (status == CAIRN_OK) {
        status = cairn_copy_prepare(copy, write.data, &made->write);
    }
    cairn_buffer_release(&read);
    cairn_buffer_release(&write);
    return status;
}

static enum cairn_status copy_row(struct cairn_copy *copy, const struct table_copy *table)
{
    for (int i = 0; i < table->columns; i++) {
        sqlite3_value *value = sqlite3_column_value(table->read, i);
        if (table->column[i].change) {
            const enum cairn_status status =
                table->column[i].change(copy, table->column[i].how, value, table->write, i + 1);
            if (status != CAIRN_OK) {
                return status;
            }
        } else if (sqlite3_bind_value(table->write, i + 1, value) != SQLITE_OK) {
            return cairn_copy_failed(copy);
        }
    }
    return cairn_copy_put(copy, table->write);
}

static enum cairn_status copy_table(struct cairn_copy *copy, const char *name)
{
    struct table_copy table = {.columns = 0};
    int result = SQLITE_DONE;
    enum cairn_status status = CAIRN_OK;
    if (copy->plan->write_table && copy->plan->write_table(copy, name, &status)) {
        return status;
    }
    status = make_statements(copy, name, &table);
    while (status == CAIRN_OK && (result = sqlite3_step(table.read)) == SQLITE_ROW) {
        if (!copy->plan->keeps_row || copy->plan->keeps_row(copy, name, table.read)) {
            status = copy_row(copy, &table);
        }
    }
    if (status == CAIRN_OK && result != SQLITE_DONE) {
        status = cairn_reader_failed(copy->from, result, copy->error);
    }
    sqlite3_finalize(table.read);
    sqlite3_finalize(table.write);
    return status;
}

/* The tables that the schema has, in its order. */
static enum cairn_status copy_tables(struct cairn_copy *copy)
{
    sqlite3_stmt *tables = NULL;
    enum cairn_status status = cairn_copy_prepare(
        copy, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid", &tables);
    while (status == CAIRN_OK && sqlite3_step(tables) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(tables, 0);
        status = name ? copy_table(copy, name) : cairn_copy_failed(copy);
    }
    sqlite3_finalize(tables);
    return status;
}

static enum cairn_status copy_all(struct cairn_copy *copy)
{
    enum cairn_status status = copy->plan->begin ? copy->plan->begin(copy) : CAIRN_OK;
    if (status == CAIRN_OK) {
        status = make_target(copy);
    }
    if (status == CAIRN_OK) {
        status = copy_tables(copy);
    }
    if (status == CAIRN_OK) {
        status = finish_target(copy);
    }
    if (sqlite3_close(copy->to) != SQLITE_OK && status == CAIRN_OK) {
        status = cairn_fail(copy->error, CAIRN_E_IO, "%s: cannot be written", copy->path);
    }
    copy->to = NULL;
    return status;
}

/* A name of its own until it is whole, so that a file it replaces stays until then. */
static enum cairn_status write_copy(struct cairn_copy *copy, const char *to, bool replace, int64_t *bytes)
{
    struct stat about = {.st_size = 0};
    struct cairn_buffer part = CAIRN_BUFFER_INIT;
    enum cairn_status status = cairn_part_begin(copy->from->path, to, replace, &part, copy->error);
    if (status != CAIRN_OK) {
        cairn_buffer_release(&part);
        return status;
    }
    const int file = open(part.data, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) {
        status = cairn_fail_errno(copy->error, "%s: cannot be made", part.data);
        cairn_buffer_release(&part);
        return status;
    }
    copy->path = part.data;
    status = copy_all(copy);
    if (status == CAIRN_OK && (fsync(file) != 0 || fstat(file, &about) != 0)) {
        status = cairn_fail_errno(copy->error, "%s: cannot be written", part.data);
    }
    if (status == CAIRN_OK) {
        status = cairn_part_finish(part.data, to, replace, copy->error);
    }
    close(file);
    if (status != CAIRN_OK) {
        unlink(part.data);
    }
    cairn_buffer_release(&part);
    *bytes = about.st_size;
    return status;
}

enum cairn_status cairn_trace_copy(const char *from, const char *to, bool replace,
                                   const struct cairn_copy_plan *plan, int64_t *bytes_before,
                                   int64_t *bytes_after, struct cairn_error *error)
{
    struct cairn_copy copy = {.plan = plan, .error = error};
    enum cairn_status status = cairn_trace_open(from, NULL, &copy.from, error);
    if (status != CAIRN_OK) {
        return status;
    }
    if (cairn_trace_is_live(copy.from)) {
        status = cairn_fail(error, CAIRN_E_BUSY,
                            "%s: is still being recorded: wait until the program has ended", from);
    } else {
        *bytes_before = cairn_trace_file_bytes(copy.from);
        status = cairn_reader_hold(copy.from, error);
        if (status == CAIRN_OK) {
            status = write_copy(&copy, to, replace, bytes_after);
            cairn_reader_unhold(copy.from);
        }
    }
    cairn_trace_close(copy.from);
    return status;
}
