/* A trace of nothing, as it was made while cairn was built: compiling some forty statements takes milliseconds. */
#ifndef CAIRN_TRACE_SCHEMA_EMPTY_H
#define CAIRN_TRACE_SCHEMA_EMPTY_H

#include <sqlite3.h>

/* Opens it as a database in memory that is only read: schema.sql, its version and the application id, no rows. SQLite's result; `*db` is
 * to be closed in any case. */
int cairn_schema_open_empty(sqlite3 **db);

#endif
