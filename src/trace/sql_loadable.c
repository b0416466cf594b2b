#include "trace/sql_loadable.h"

#include <stdlib.h>

#define SQLITE_CORE 1 /* calls go to the library that this one is linked with, as the reader's do */
#include <sqlite3ext.h>

#include "trace/sql_private.h"

static void destroy(void *sql)
{
    cairn_sql_close(sql);
}

static int refuse(char **message, const char *sentence)
{
    *message = sqlite3_mprintf("cairn: %s", sentence);
    return SQLITE_ERROR;
}

int cairn_sql_load(sqlite3 *db, const sqlite3_api_routines *api, cairn_sql_moment *moment, char **message)
{
    struct cairn_error error;
    /* Two copies of SQLite in one process would lose each other's locks, and lay out handles in their own ways. */
    if (api->sourceid() != sqlite3_sourceid()) {
        return refuse(message, "this program has an SQLite of its own built in: use cairn sql");
    }
    const char *path = sqlite3_db_filename(db, "main");
    if (!path || !*path) {
        return refuse(message, "no trace is open: start sqlite3 with its name");
    }
    struct cairn_sql *sql = calloc(1, sizeof(*sql));
    if (!sql) {
        return SQLITE_NOMEM;
    }
    sql->moment = moment;
    if (cairn_trace_open(path, NULL, &sql->data, &error) != CAIRN_OK) {
        free(sql);
        return refuse(message, error.message);
    }
    /* The first one owns it: SQLite calls destroy() when the connection is closed, and when this call fails. */
    int result = sqlite3_create_module_v2(db, "events", &cairn_sql_events, sql, destroy);
    if (result == SQLITE_OK) {
        result = sqlite3_create_module_v2(db, "heap_at", &cairn_sql_heap_at, sql, NULL);
    }
    if (result == SQLITE_OK) {
        result = sqlite3_create_module_v2(db, "heap_diff", &cairn_sql_heap_diff, sql, NULL);
    }
    return result;
}
