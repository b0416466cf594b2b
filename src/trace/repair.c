#include "trace/repair.h"

#include <inttypes.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/human.h"
#include "cairn/trace.h"

#define WAIT_MS 1000 /* for a reader that is just looking */

static enum cairn_status failed(sqlite3 *db, const char *path, struct cairn_error *error)
{
    const int code = db != NULL ? sqlite3_errcode(db) & 0xff : SQLITE_NOMEM;
    if (code == SQLITE_READONLY || code == SQLITE_CANTOPEN || code == SQLITE_PERM) {
        return cairn_fail(
            error, CAIRN_E_IO,
            "%s: cannot be repaired: the file or its folder cannot be written: copy it and its -wal to "
            "a folder of yours",
            path);
    }
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
        return cairn_fail(error, CAIRN_E_BUSY,
                          "%s: cannot be repaired: another program reads it: close that first", path);
    }
    return cairn_fail(error, CAIRN_E_IO, "%s: cannot be repaired: %s: the trace stays as it was", path,
                      db != NULL ? sqlite3_errmsg(db) : "out of memory");
}

/* What there is to do, and until when the recording is known. */
struct work {
    bool ends;   /* it has no end */
    bool merges; /* its newest part is in the -wal */
    int64_t duration_ns;
};

static bool has_wal(const char *path)
{
    char name[PATH_MAX];
    return snprintf(name, sizeof name, "%s-wal", path) < (int)sizeof name && access(name, F_OK) == 0;
}

/* Every check of a stranger's file is made here. */
static enum cairn_status examine(const char *path, struct work *work, struct cairn_error *error)
{
    struct cairn_trace *trace;
    enum cairn_status status = cairn_trace_open(path, NULL, &trace, error);
    if (status != CAIRN_OK) {
        return status;
    }
    const struct cairn_recording *recording = cairn_trace_recording(trace);
    *work = (struct work){
        .ends = !recording->complete, .merges = has_wal(path), .duration_ns = recording->duration_ns};
    if (work->ends && cairn_trace_is_live(trace)) {
        status = cairn_fail(error, CAIRN_E_BUSY,
                            "%s: is still being recorded: wait until the program has ended", path);
    }
    cairn_trace_close(trace);
    return status;
}

static bool insert_note(sqlite3 *db, int64_t duration_ns)
{
    sqlite3_stmt *statement;
    char text[128], when[CAIRN_HUMAN_MAX];
    snprintf(text, sizeof text, "the recorder died: what happened after %s is not known",
             cairn_human_duration(when, duration_ns));
    if (sqlite3_prepare_v2(db,
                           "INSERT INTO note (note, process, t_ns, text)"
                           " SELECT coalesce(max(note), 0) + 1, NULL, ?1, ?2 FROM note",
                           -1, &statement, NULL) != SQLITE_OK) {
        return false;
    }
    sqlite3_bind_int64(statement, 1, duration_ns);
    sqlite3_bind_text(statement, 2, text, -1, SQLITE_STATIC);
    const bool done = sqlite3_step(statement) == SQLITE_DONE;
    return sqlite3_finalize(statement) == SQLITE_OK && done;
}

static bool complete(sqlite3 *db, const struct work *work)
{
    static const char begin[] = "PRAGMA synchronous = FULL; BEGIN IMMEDIATE;"
                                "UPDATE recording SET complete = 1, closing = 0,"
                                " stopped_why = coalesce(stopped_why, 'recorder died')";
    static const char merge[] = "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE";
    const bool ended = !work->ends || (sqlite3_exec(db, begin, NULL, NULL, NULL) == SQLITE_OK &&
                                       insert_note(db, work->duration_ns) &&
                                       sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
    return ended && sqlite3_exec(db, merge, NULL, NULL, NULL) == SQLITE_OK;
}

enum cairn_status cairn_trace_repair(const char *path, struct cairn_error *error)
{
    struct work work = {.ends = false};
    enum cairn_status status = examine(path, &work, error);
    if (status != CAIRN_OK || (!work.ends && !work.merges)) {
        return status;
    }
    /* "./" in front: SQLite reads names such as ":memory:" or "file:…" in a way of its own. */
    char *name = malloc(strlen(path) + 3);
    if (name == NULL) {
        return cairn_fail(error, CAIRN_E_NOMEM, "%s: cannot be repaired: out of memory", path);
    }
    sprintf(name, "%s%s", path[0] == '/' ? "" : "./", path);
    sqlite3 *db = NULL;
    if (sqlite3_open_v2(name, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        status = failed(db, path, error);
    } else {
        sqlite3_busy_timeout(db, WAIT_MS);
        sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
        if (!complete(db, &work)) {
            status = failed(db, path, error);
        }
    }
    sqlite3_close(db);
    free(name);
    return status;
}
