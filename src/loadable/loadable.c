/* cairn_sql.so: `.load` it into sqlite3, and a trace that is open there has events, heap_at(t) and heap_diff(a, b). */
#include "query/moment.h"
#include "trace/sql_loadable.h"

/* CMakeLists.txt gives it the name that SQLite looks for in a file of this name. */
__attribute__((visibility("default"))) int CAIRN_LOADABLE_ENTRY(struct sqlite3 *db, char **message,
                                                                const struct sqlite3_api_routines *api);

int CAIRN_LOADABLE_ENTRY(struct sqlite3 *db, char **message, const struct sqlite3_api_routines *api)
{
    return cairn_sql_load(db, api, cairn_moment_position, message);
}
