/* The virtual tables of sql.h for a connection that is not ours: what the loadable extension for sqlite3 adds. */
#ifndef CAIRN_TRACE_SQL_LOADABLE_H
#define CAIRN_TRACE_SQL_LOADABLE_H

#include "trace/sql.h"

struct sqlite3;
struct sqlite3_api_routines;

/* Adds them to `db`, whose main database is a trace, for as long as it is open. SQLite's code; where it is not 0, *message is a
 * sentence for its shell, which SQLite frees. The trace is opened once more, with every check of a stranger's file. */
int cairn_sql_load(struct sqlite3 *db, const struct sqlite3_api_routines *api, cairn_sql_moment *moment,
                   char **message);

#endif
