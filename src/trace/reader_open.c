#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "trace/reader.h"
#include "trace/schema.h"
#include "trace/schema_empty.h"
#include "trace/wal_lock.h"

#define HEADER_BYTES      100u /* of an SQLite file */
#define MAGIC             "SQLite format 3"
#define PROGRESS_STEPS    20000 /* SQLite's instructions between two looks at `cancelled`: about a millisecond */
#define LONGEST_VALUE     (256 << 20) /* bytes of one text or BLOB */
#define LONGEST_SQL       (64 << 10)
#define SCHEMA_COLUMNS    4 /* type, name, table, SQL */
#define NAME_COLUMN       1
#define SQL_COLUMN        3
#define MODE_WAITS        20
#define MODE_WAIT_NS      5000000
#define LONGEST_WAIT_MS   1000               /* for a writer that checkpoints */
#define QUICK_CHECK_BYTES (INT64_C(1) << 20) /* below, looking at every page costs a millisecond or two */

struct header {
    int64_t file_bytes, page_bytes, pages; /* pages: 0 when the file does not say */
    uint32_t application_id, version;
    bool wal;
};

static uint32_t big_endian(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static enum cairn_status not_a_trace(const struct cairn_trace *trace, struct cairn_error *error)
{
    return cairn_fail(error, CAIRN_E_FORMAT, "%s: not a cairn trace: cairn record makes one", trace->path);
}

/* Without opening it: a FIFO would block, and closing a file drops the locks that SQLite holds on it in this process. */
static enum cairn_status check_file(struct cairn_trace *trace, struct cairn_error *error)
{
    struct stat file;
    if (stat(trace->path, &file) != 0) {
        return errno == ENOENT
                   ? cairn_fail(error, CAIRN_E_NOT_FOUND,
                                "%s: no such file: cairn alone lists the traces of this folder", trace->path)
                   : cairn_fail_errno(error, "%s: cannot be opened", trace->path);
    }
    if (!S_ISREG(file.st_mode)) {
        return cairn_fail(error, CAIRN_E_FORMAT, "%s: is %s, not a trace", trace->path,
                          S_ISDIR(file.st_mode) ? "a folder" : "no regular file");
    }
    if (access(trace->path, R_OK) != 0) {
        return cairn_fail_errno(error, "%s: cannot be read", trace->path);
    }
    if (file.st_size == 0) {
        return cairn_fail(error, CAIRN_E_FORMAT, "%s: the file is empty, not a trace", trace->path);
    }
    return CAIRN_OK;
}

/* From the descriptor that SQLite reads, before SQLite looks at anything. */
static enum cairn_status read_header(struct cairn_trace *trace, struct header *header,
                                     struct cairn_error *error)
{
    unsigned char bytes[HEADER_BYTES];
    sqlite3_file *file = NULL;
    sqlite3_int64 size = 0;
    int result = sqlite3_file_control(trace->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (result != SQLITE_OK || !file || !file->pMethods ||
        (result = file->pMethods->xFileSize(file, &size)) != SQLITE_OK) {
        return cairn_reader_failed(trace, result ? result : SQLITE_IOERR, error);
    }
    if (size < (int64_t)sizeof(bytes) ||
        (result = file->pMethods->xRead(file, bytes, sizeof(bytes), 0)) == SQLITE_IOERR_SHORT_READ) {
        return not_a_trace(trace, error);
    }
    if (result != SQLITE_OK) {
        return cairn_reader_failed(trace, result, error);
    }
    if (memcmp(bytes, MAGIC, sizeof(MAGIC)) != 0) {
        return not_a_trace(trace, error);
    }
    const uint32_t page = (uint32_t)bytes[16] << 8 | bytes[17];
    const bool pages_valid = memcmp(bytes + 24, bytes + 92, 4) == 0;
    *header = (struct header){
        .file_bytes = size,
        .page_bytes = page == 1 ? 65536 : page,
        .pages = pages_valid ? big_endian(bytes + 28) : 0,
        .application_id = big_endian(bytes + 68),
        .version = big_endian(bytes + 60),
        .wal = bytes[18] == 2 || bytes[19] == 2,
    };
    return CAIRN_OK;
}

static enum cairn_status judge_header(struct cairn_trace *trace, const struct header *header,
                                      struct cairn_error *error)
{
    if (header->application_id != CAIRN_APPLICATION_ID) {
        return cairn_fail(error, CAIRN_E_FORMAT,
                          "%s: an SQLite database of another program, not a cairn trace", trace->path);
    }
    if (header->version > CAIRN_SCHEMA_VERSION) {
        return cairn_fail(error, CAIRN_E_VERSION,
                          "%s: made by a newer cairn (trace version %" PRIu32
                          ", this one reads up to %d): open it with that version or update this one",
                          trace->path, header->version, CAIRN_SCHEMA_VERSION);
    }
    if (header->version < CAIRN_SCHEMA_OLDEST) {
        return cairn_fail(error, CAIRN_E_VERSION,
                          "%s: made by an older cairn (trace version %" PRIu32
                          ", this one reads %d to %d): record again, or open it with that version",
                          trace->path, header->version, CAIRN_SCHEMA_OLDEST, CAIRN_SCHEMA_VERSION);
    }
    if (header->wal && !cairn_wal_exists(trace->path)) {
        return cairn_fail(error, CAIRN_E_FORMAT,
                          "%s: %s-wal is missing, which holds the newest part of this trace: copy both files",
                          trace->path, trace->path);
    }
    if (!header->wal && header->page_bytes * header->pages > header->file_bytes) {
        return cairn_fail(error, CAIRN_E_FORMAT,
                          "%s: truncated: %" PRId64 " of %" PRId64 " bytes are there; copy it again",
                          trace->path, header->file_bytes, header->page_bytes * header->pages);
    }
    return CAIRN_OK;
}

static int on_progress(void *state)
{
    struct cairn_trace *trace = state;
    trace->cancelled = cairn_trace_cancelled(trace);
    return trace->cancelled;
}

static bool is_one_of(const char *name, const char *const *known)
{
    while (name && *known) {
        if (strcmp(name, *known++) == 0) {
            return true;
        }
    }
    return false;
}

/* Everything is denied but reading tables of the file itself, which check_schema() knows. */
static int authorize(void *state, int action, const char *first, const char *second, const char *database,
                     const char *through)
{
    static const char *const pragmas[] = {"cell_size_check", "mmap_size", "locking_mode", "quick_check",
                                          NULL};
    static const char *const functions[] = {"count", "min", "max", "typeof", NULL};
    (void)state;
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_TRANSACTION:
        return through ? SQLITE_DENY : SQLITE_OK;
    case SQLITE_READ:
        /* A table none of whose columns are named comes without a database; there is only one. */
        return !through && (!database || strcmp(database, "main") == 0) ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_PRAGMA:
        return is_one_of(first, pragmas) ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_FUNCTION:
        return is_one_of(second, functions) ? SQLITE_OK : SQLITE_DENY;
    default:
        return SQLITE_DENY;
    }
}

static void harden(struct cairn_trace *trace)
{
    static const struct {
        int option, value;
    } options[] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},   {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
        {SQLITE_DBCONFIG_DQS_DDL, 0},          {SQLITE_DBCONFIG_DQS_DML, 0},
        {SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0},  {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
        {SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1},
    };
    static const struct {
        int limit, value;
    } limits[] = {
        {SQLITE_LIMIT_LENGTH, LONGEST_VALUE},
        {SQLITE_LIMIT_SQL_LENGTH, LONGEST_SQL},
        {SQLITE_LIMIT_COLUMN, 64},
        {SQLITE_LIMIT_EXPR_DEPTH, 64},
        {SQLITE_LIMIT_COMPOUND_SELECT, 8},
        {SQLITE_LIMIT_VDBE_OP, 20000},
        {SQLITE_LIMIT_FUNCTION_ARG, 8},
        {SQLITE_LIMIT_ATTACHED, 0},
        {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1},
        {SQLITE_LIMIT_VARIABLE_NUMBER, 16},
        {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
        {SQLITE_LIMIT_WORKER_THREADS, 0},
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        sqlite3_db_config(trace->db, options[i].option, options[i].value, NULL);
    }
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        sqlite3_limit(trace->db, limits[i].limit, limits[i].value);
    }
    sqlite3_extended_result_codes(trace->db, 1);
    sqlite3_busy_timeout(trace->db, LONGEST_WAIT_MS);
    sqlite3_progress_handler(trace->db, PROGRESS_STEPS, on_progress, trace);
    sqlite3_set_authorizer(trace->db, authorize, NULL);
}

/* Appends every column of every row of sqlite_schema, each with a NUL behind. Of an older version than today's: what that had. */
static int describe_schema(sqlite3 *db, uint32_t version, struct cairn_buffer *out)
{
    sqlite3_stmt *statement;
    int result = sqlite3_prepare_v2(db, "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid",
                                    -1, &statement, NULL);
    if (result != SQLITE_OK) {
        return result;
    }
    while ((result = sqlite3_step(statement)) == SQLITE_ROW && out->length < LONGEST_SQL) {
        const char *name = (const char *)sqlite3_column_text(statement, NAME_COLUMN);
        const char *older = name ? cairn_schema_older(version, name) : NULL;
        for (int i = 0; i < SCHEMA_COLUMNS; i++) {
            const void *text = sqlite3_column_text(statement, i);
            if (i == SQL_COLUMN && older) {
                cairn_buffer_text(out, older);
            } else if (text) {
                cairn_buffer_append(out, text, (size_t)sqlite3_column_bytes(statement, i));
            }
            cairn_buffer_byte(out, '\0');
        }
    }
    sqlite3_finalize(statement);
    return result == SQLITE_DONE || result == SQLITE_ROW ? SQLITE_OK : result;
}

/* What SQLite keeps of schema.sql, or kept in that version. */
static int expected_schema(uint32_t version, struct cairn_buffer *out)
{
    sqlite3 *db;
    int result = cairn_schema_open_empty(&db);
    if (result == SQLITE_OK) {
        result = describe_schema(db, version, out);
    }
    sqlite3_close(db);
    return result;
}

/* A view, a virtual table or another index under a known name would run the stranger's SQL: not one byte may differ. */
static enum cairn_status check_schema(struct cairn_trace *trace, uint32_t version, struct cairn_error *error)
{
    struct cairn_buffer found = CAIRN_BUFFER_INIT;
    int result = SQLITE_OK;
    if (trace->schema.length == 0 || trace->schema_version != version) {
        cairn_buffer_reset(&trace->schema);
        trace->schema_version = version;
        result = expected_schema(version, &trace->schema);
    }
    if (result == SQLITE_OK) {
        result = describe_schema(trace->db, CAIRN_SCHEMA_VERSION, &found);
    }
    enum cairn_status status = CAIRN_OK;
    if (found.failed || trace->schema.failed) {
        status = cairn_reader_no_memory(trace, error);
    } else if (result != SQLITE_OK) {
        status = cairn_reader_failed(trace, result, error);
    } else if (found.length != trace->schema.length ||
               memcmp(cairn_buffer_cstr(&found), cairn_buffer_cstr(&trace->schema), found.length) != 0) {
        status = cairn_fail(error, CAIRN_E_FORMAT,
                            "%s: damaged or forged: its tables are not those of trace version %" PRIu32,
                            trace->path, version);
    }
    cairn_buffer_release(&found);
    return status;
}

/* Looks at every page of a small file; a large one is checked as it is read. */
static enum cairn_status quick_check(struct cairn_trace *trace, const struct header *header,
                                     struct cairn_error *error)
{
    sqlite3_stmt *statement;
    if (header->file_bytes > QUICK_CHECK_BYTES) {
        return CAIRN_OK;
    }
    int result = sqlite3_prepare_v2(trace->db, "PRAGMA quick_check(1)", -1, &statement, NULL);
    if (result != SQLITE_OK) {
        return cairn_reader_failed(trace, result, error);
    }
    result = sqlite3_step(statement);
    const char *verdict = result == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    const bool whole = verdict && strcmp(verdict, "ok") == 0;
    sqlite3_finalize(statement);
    if (result != SQLITE_ROW) {
        return cairn_reader_failed(trace, result, error);
    }
    return whole ? CAIRN_OK : cairn_reader_damaged(trace, "its pages do not hold together", error);
}

static int run(struct cairn_trace *trace, const char *sql)
{
    return sqlite3_exec(trace->db, sql, NULL, NULL, NULL);
}

/* The rest, once the file is known to be one of ours. `alone`: with a private index of the WAL instead of the shared one. */
static enum cairn_status start(struct cairn_trace *trace, const struct header *header, bool alone,
                               struct cairn_error *error)
{
    harden(trace);
    int result = run(trace, "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0");
    if (result == SQLITE_OK && alone) {
        result = run(trace, "PRAGMA locking_mode = EXCLUSIVE");
    }
    if (result == SQLITE_OK) {
        result = run(trace, "BEGIN");
    }
    if (result != SQLITE_OK) {
        return cairn_reader_failed(trace, result, error);
    }
    const enum cairn_status status = check_schema(trace, header->version, error);
    return status != CAIRN_OK || header->wal ? status : quick_check(trace, header, error);
}

/* A writer that ends removes the WAL a moment before the header says so. */
static bool is_between_modes(const struct cairn_trace *trace, const struct header *header)
{
    return header->wal && !cairn_wal_exists(trace->path);
}

/* A name that SQLite takes for neither an URI nor a word of its own. */
static char *plain_name(const char *path)
{
    char *name = malloc(strlen(path) + 3);
    if (name) {
        sprintf(name, "%s%s", path[0] == '/' ? "" : "./", path);
    }
    return name;
}

static enum cairn_status connect_with(struct cairn_trace *trace, bool alone, struct header *header,
                                      struct cairn_error *error)
{
    char *name = plain_name(trace->path);
    if (!name) {
        return cairn_reader_no_memory(trace, error);
    }
    /* The VFS without locks is the only one that takes a private WAL index on a file opened for reading. */
    const int result = sqlite3_open_v2(name, &trace->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
                                       alone ? "unix-none" : "unix");
    free(name);
    enum cairn_status status =
        result == SQLITE_OK ? read_header(trace, header, error) : cairn_reader_failed(trace, result, error);
    for (int waits = 0; status == CAIRN_OK && is_between_modes(trace, header) && waits < MODE_WAITS;
         waits++) {
        nanosleep(&(struct timespec){.tv_nsec = MODE_WAIT_NS}, NULL);
        status = read_header(trace, header, error);
    }
    if (status == CAIRN_OK) {
        status = judge_header(trace, header, error);
    }
    if (status == CAIRN_OK) {
        status = start(trace, header, alone, error);
    }
    return status;
}

enum cairn_status cairn_reader_connect(struct cairn_trace *trace, struct cairn_error *error)
{
    struct header header = {.wal = false};
    enum cairn_status status = check_file(trace, error);
    if (status != CAIRN_OK) {
        return status;
    }
    trace->failure = SQLITE_OK;
    status = connect_with(trace, false, &header, error);
    const int failure = trace->failure & 0xff;
    if (status != CAIRN_OK && header.wal && (failure == SQLITE_CANTOPEN || failure == SQLITE_READONLY) &&
        !cairn_wal_is_locked(trace->path)) {
        /* A folder that cannot be written has no place for the WAL's shared index; nobody writes, so none is needed. */
        cairn_reader_disconnect(trace);
        status = connect_with(trace, true, &header, error);
    }
    if (status != CAIRN_OK) {
        cairn_reader_disconnect(trace);
        return status;
    }
    trace->file_bytes = header.file_bytes;
    return CAIRN_OK;
}

void cairn_reader_disconnect(struct cairn_trace *trace)
{
    sqlite3_finalize(trace->stack_lookup);
    trace->stack_lookup = NULL;
    sqlite3_close(trace->db);
    trace->db = NULL;
}
