#include <stdlib.h>
#include <string.h>

#include "trace/reader.h"

/* Texts of an honest file are in it once; one that shares pages between rows would fill any memory. */
#define TEXTS_SLACK_BYTES (INT64_C(16) << 20)
#define TEXTS_PER_BYTE    4

void cairn_cursor_open(struct cairn_cursor *cursor, struct cairn_trace *trace, struct cairn_arena *texts,
                       const char *subject, const char *sql, struct cairn_error *error)
{
    *cursor = (struct cairn_cursor){.trace = trace, .texts = texts, .subject = subject, .error = error};
    cursor->status = cairn_reader_hold(trace, error);
    if (cursor->status != CAIRN_OK) {
        cursor->trace = NULL;
        return;
    }
    const int result = sqlite3_prepare_v2(trace->db, sql, -1, &cursor->statement, NULL);
    if (result != SQLITE_OK) {
        cursor->status = cairn_reader_failed(trace, result, error);
    }
}

void cairn_cursor_bind(struct cairn_cursor *cursor, int index, int64_t value)
{
    if (cursor->status == CAIRN_OK) {
        const int result = sqlite3_bind_int64(cursor->statement, index, value);
        if (result != SQLITE_OK) {
            cursor->status = cairn_reader_failed(cursor->trace, result, cursor->error);
        }
    }
}

void cairn_cursor_rewind(struct cairn_cursor *cursor)
{
    if (cursor->statement) {
        sqlite3_reset(cursor->statement);
    }
}

bool cairn_cursor_next(struct cairn_cursor *cursor)
{
    if (cursor->status != CAIRN_OK) {
        return false;
    }
    const int result = sqlite3_step(cursor->statement);
    if (result != SQLITE_ROW && result != SQLITE_DONE) {
        cursor->status = cairn_reader_failed(cursor->trace, result, cursor->error);
    }
    return result == SQLITE_ROW;
}

enum cairn_status cairn_cursor_close(struct cairn_cursor *cursor)
{
    sqlite3_finalize(cursor->statement);
    cursor->statement = NULL;
    if (cursor->trace) {
        cairn_reader_unhold(cursor->trace);
        cursor->trace = NULL;
    }
    return cursor->status;
}

void cairn_cursor_damaged(struct cairn_cursor *cursor)
{
    if (cursor->status == CAIRN_OK) {
        cursor->status = cairn_reader_damaged(cursor->trace, cursor->subject, cursor->error);
    }
}

int64_t cairn_cursor_int(struct cairn_cursor *cursor, int column)
{
    return sqlite3_column_int64(cursor->statement, column);
}

int64_t cairn_cursor_optional(struct cairn_cursor *cursor, int column)
{
    return sqlite3_column_type(cursor->statement, column) == SQLITE_NULL
               ? CAIRN_UNKNOWN
               : sqlite3_column_int64(cursor->statement, column);
}

uint64_t cairn_cursor_natural(struct cairn_cursor *cursor, int column)
{
    const int64_t value = sqlite3_column_int64(cursor->statement, column);
    if (value < 0) {
        cairn_cursor_damaged(cursor);
        return 0;
    }
    return (uint64_t)value;
}

uint32_t cairn_cursor_number(struct cairn_cursor *cursor, int column)
{
    const int64_t value = sqlite3_column_int64(cursor->statement, column);
    if (value < 0 || value > UINT32_MAX) {
        cairn_cursor_damaged(cursor);
        return 0;
    }
    return (uint32_t)value;
}

const char *cairn_cursor_text(struct cairn_cursor *cursor, int column)
{
    if (cursor->status != CAIRN_OK || sqlite3_column_type(cursor->statement, column) == SQLITE_NULL) {
        return NULL;
    }
    const void *text = sqlite3_column_text(cursor->statement, column);
    const int length = sqlite3_column_bytes(cursor->statement, column);
    const size_t most = (size_t)(cursor->trace->file_bytes * TEXTS_PER_BYTE + TEXTS_SLACK_BYTES);
    if (text && cursor->texts->total_bytes + (size_t)length > most) {
        cairn_cursor_damaged(cursor);
        return "";
    }
    char *copy = text ? cairn_arena_copy(cursor->texts, text, (size_t)length) : NULL;
    if (!copy) {
        cursor->status = cairn_reader_no_memory(cursor->trace, cursor->error);
    }
    return copy ? copy : "";
}

const void *cairn_cursor_blob(struct cairn_cursor *cursor, int column, size_t *size)
{
    *size = 0;
    if (sqlite3_column_type(cursor->statement, column) == SQLITE_NULL) {
        return NULL;
    }
    const void *blob = sqlite3_column_blob(cursor->statement, column);
    const int length = sqlite3_column_bytes(cursor->statement, column);
    if (!blob && length > 0) {
        cursor->status = cairn_reader_no_memory(cursor->trace, cursor->error);
        return NULL;
    }
    *size = (size_t)length;
    return blob ? blob : "";
}
