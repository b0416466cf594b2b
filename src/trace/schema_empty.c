#include "trace/schema_empty.h"

#include <stdint.h>

#include "trace/schema.h"

int cairn_schema_open_empty(sqlite3 **db)
{
    const int result = sqlite3_open_v2(
        ":memory:", db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX, NULL);
    if (result != SQLITE_OK) {
        return result;
    }
    const sqlite3_int64 size = (sqlite3_int64)cairn_schema_empty_size;
    /* Read only: not one byte of it is written. */
    return sqlite3_deserialize(*db, "main", (unsigned char *)(uintptr_t)cairn_schema_empty, size, size,
                               SQLITE_DESERIALIZE_READONLY);
}
