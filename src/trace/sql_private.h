/* What the virtual tables share. Internal to trace. */
#ifndef CAIRN_TRACE_SQL_PRIVATE_H
#define CAIRN_TRACE_SQL_PRIVATE_H

#include <sqlite3.h>

#include "trace/sql.h"

/* `shown` has the connection that statements run on; `data` is a handle of its own for states and events. */
struct cairn_sql {
    struct cairn_trace *shown, *data;
    cairn_sql_moment *moment;
    struct cairn_error failure; /* of a virtual table, for the answer */
    bool failed;
    bool declaring; /* a virtual table of ours names its columns, which takes a CREATE TABLE */
};

extern const sqlite3_module cairn_sql_events, cairn_sql_heap_at, cairn_sql_heap_diff;

/* Keeps the failure for cairn_sql_run(); SQLite's code for it. */
int cairn_sql_failed(struct cairn_sql *sql, sqlite3_vtab *table, const struct cairn_error *error);

struct cairn_sql_table {
    sqlite3_vtab base;
    struct cairn_sql *sql;
};
/* xConnect and xDisconnect of all three. */
int cairn_sql_connect(sqlite3 *db, struct cairn_sql *sql, const char *columns, sqlite3_vtab **table);
int cairn_sql_disconnect(sqlite3_vtab *table);

#endif
