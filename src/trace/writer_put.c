#include <string.h>

#include "trace/writer_private.h"

struct cairn_put cairn_put_begin(struct cairn_writer *writer, unsigned slot, const char *sql)
{
    struct cairn_put put = {.writer = writer};
    if (!cairn_writer_begin(writer)) {
        return put;
    }
    sqlite3_stmt **const kept = &writer->statements[slot];
    if (!*kept) {
        const int result = sqlite3_prepare_v3(writer->db, sql, -1, SQLITE_PREPARE_PERSISTENT, kept, NULL);
        if (result != SQLITE_OK) {
            cairn_writer_keep_failure(writer, result);
            return put;
        }
    }
    put.statement = *kept;
    return put;
}

static void check_bound(struct cairn_put *put, int result)
{
    if (result != SQLITE_OK) {
        cairn_writer_keep_failure(put->writer, result);
        put->statement = NULL;
    }
}

void cairn_put_integer(struct cairn_put *put, int64_t value)
{
    if (put->statement) {
        check_bound(put, sqlite3_bind_int64(put->statement, ++put->bound, value));
    }
}

static void put_null(struct cairn_put *put)
{
    if (put->statement) {
        check_bound(put, sqlite3_bind_null(put->statement, ++put->bound));
    }
}

void cairn_put_optional(struct cairn_put *put, int64_t value)
{
    if (value == CAIRN_UNKNOWN) {
        put_null(put);
    } else {
        cairn_put_integer(put, value);
    }
}

void cairn_put_reference(struct cairn_put *put, uint32_t number)
{
    if (number == 0) {
        put_null(put);
    } else {
        cairn_put_integer(put, number);
    }
}

void cairn_put_text(struct cairn_put *put, const char *text)
{
    if (!text) {
        put_null(put);
    } else if (put->statement) {
        put->borrows = true;
        check_bound(put, sqlite3_bind_text64(put->statement, ++put->bound, text, strlen(text), SQLITE_STATIC,
                                             SQLITE_UTF8));
    }
}

void cairn_put_blob(struct cairn_put *put, const void *data, size_t size)
{
    if (!data) {
        put_null(put);
    } else if (put->statement) {
        put->borrows = true;
        check_bound(put, sqlite3_bind_blob64(put->statement, ++put->bound, data, size, SQLITE_STATIC));
    }
}

void cairn_put_end(struct cairn_put *put)
{
    if (!put->statement) {
        return;
    }
    sqlite3_step(put->statement);
    const int result = sqlite3_reset(put->statement);
    if (result != SQLITE_OK) {
        cairn_writer_keep_failure(put->writer, result);
    }
    if (put->borrows) {
        sqlite3_clear_bindings(put->statement);
    }
}

void cairn_writer_finalize_rows(struct cairn_writer *writer)
{
    for (size_t i = 0; i < CAIRN_WRITER_STATEMENTS; i++) {
        sqlite3_finalize(writer->statements[i]);
        writer->statements[i] = NULL;
    }
}
