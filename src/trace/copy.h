/* A copy of a trace in a new file (no freed pages, no WAL), with columns and tables changed on the way. Internal to trace;
 * slim.h and redact.h are what others call. */
#ifndef CAIRN_TRACE_COPY_H
#define CAIRN_TRACE_COPY_H

#include <sqlite3.h>

#include "trace/reader.h"

struct cairn_copy {
    struct cairn_trace *from; /* held open, every check passed */
    sqlite3 *to;
    const char *path; /* of the new file, borrowed */
    const struct cairn_copy_plan *plan;
    struct cairn_error *error;
};

/* Binds to parameter `index` of `write` what the copy has in place of `value`. */
typedef enum cairn_status cairn_copy_change(struct cairn_copy *copy, const void *how, sqlite3_value *value,
                                            sqlite3_stmt *write, int index);

/* Tables that the plan writes itself, and columns that it changes; every other one is copied as it is. */
struct cairn_copy_plan {
    /* NULL, or what is to be known before the first table is written. */
    enum cairn_status (*begin)(struct cairn_copy *copy);
    /* False: the table is copied row by row. Otherwise `*status` says how writing it ended. */
    bool (*write_table)(struct cairn_copy *copy, const char *table, enum cairn_status *status);
    /* False: the column stays. Otherwise `*change` is called with `*how` for each of its values. */
    bool (*find_column)(const struct cairn_copy *copy, const char *table, const char *column,
                        cairn_copy_change **change, const void **how);
    /* NULL, or false: the row, whose columns are those of the table, is left out. */
    bool (*keeps_row)(const struct cairn_copy *copy, const char *table, sqlite3_stmt *row);
    void *state;
};

/* `from` goes through every check of a stranger's trace and must not be recorded any more. `to` is made (0600); an existing
 * file is refused, or replaced with `replace`. Nothing is left behind after a failure. */
CAIRN_MUST_CHECK enum cairn_status cairn_trace_copy(const char *from, const char *to, bool replace,
                                                    const struct cairn_copy_plan *plan, int64_t *bytes_before,
                                                    int64_t *bytes_after, struct cairn_error *error);

/* The sentence for what SQLite could not write. */
enum cairn_status cairn_copy_failed(struct cairn_copy *copy);
/* Prepares a statement on the new file. */
CAIRN_MUST_CHECK enum cairn_status cairn_copy_prepare(struct cairn_copy *copy, const char *sql,
                                                      sqlite3_stmt **statement);
/* Runs it once and makes it ready for the next row. */
CAIRN_MUST_CHECK enum cairn_status cairn_copy_put(struct cairn_copy *copy, sqlite3_stmt *statement);

#endif
