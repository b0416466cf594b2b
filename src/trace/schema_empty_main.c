/* cairn-empty-trace FILE: part of the build. Writes a trace of nothing, schema.sql in an SQLite file, which is compiled in. */
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>

#include "trace/schema.h"

#define TEXT_OF(value)   #value
#define SET(name, value) "PRAGMA " name " = " TEXT_OF(value) ";"

static bool make(sqlite3 *db)
{
    static const char begin[] = SET("page_size", CAIRN_PAGE_BYTES) SET("journal_mode", OFF)
        SET("synchronous", OFF) "BEGIN;" SET("application_id", CAIRN_APPLICATION_ID)
            SET("user_version", CAIRN_SCHEMA_VERSION);
    return sqlite3_exec(db, begin, NULL, NULL, NULL) == SQLITE_OK &&
           sqlite3_exec(db, cairn_schema_text, NULL, NULL, NULL) == SQLITE_OK &&
           sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
}

int main(int argc, char **argv)
{
    sqlite3 *db = NULL;
    if (argc != 2) {
        fprintf(stderr, "usage: cairn-empty-trace FILE\n");
        return 2;
    }
    (void)remove(argv[1]);
    const bool made = sqlite3_open(argv[1], &db) == SQLITE_OK && make(db);
    if (!made) {
        fprintf(stderr, "cairn-empty-trace: %s: %s\n", argv[1], sqlite3_errmsg(db));
    }
    return sqlite3_close(db) == SQLITE_OK && made ? 0 : 1;
}
