/* Who writes a trace: the writer holds a lock on the -wal file for as long as it lives; SQLite itself never locks that
 * file, so that testing it disturbs no connection. The lock goes with its owner, however that one ends. */
#ifndef CAIRN_TRACE_WAL_LOCK_H
#define CAIRN_TRACE_WAL_LOCK_H

#include <stdbool.h>

/* Takes the lock on `path`-wal. Returns a descriptor to close at the end, or -1. */
int cairn_wal_lock(const char *path);
/* Whether a writer holds it. */
bool cairn_wal_is_locked(const char *path);
/* Whether there is such a file. */
bool cairn_wal_exists(const char *path);

#endif
