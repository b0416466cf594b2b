#include "trace/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "trace/schema.h"
#include "trace/schema_empty.h"
#include "trace/wal_lock.h"
#include "trace/writer_private.h"

#define TEXT_OF(value)       TEXT_OF_AGAIN(value)
#define TEXT_OF_AGAIN(value) #value
#define SET_VERSION          "PRAGMA user_version = " TEXT_OF(CAIRN_SCHEMA_VERSION)

#define LOCK_WAIT_MS         1000 /* for a reader that looks while the schema is made or the mode changes */
#define CLOSE_WAITS          150  /* for live readers to let go */
#define CLOSE_WAIT_NS        20000000 /* between two tries: 3 s in all */
#define NS_PER_SECOND        1000000000
#define WAL_FRAME_BYTES      (CAIRN_PAGE_BYTES + 24)

static const char *const companions[] = {"-wal", "-shm", "-journal"};

static void remove_companions(const char *path)
{
    char name[PATH_MAX];
    for (size_t i = 0; i < sizeof companions / sizeof companions[0]; i++) {
        if (snprintf(name, sizeof name, "%s%s", path, companions[i]) < (int)sizeof name) {
            unlink(name);
        }
    }
}

/* Two writers of one name would share one -shm file, whatever becomes of the main file. */
static enum cairn_status check_free(const char *path, bool replace, struct cairn_error *error)
{
    if (cairn_wal_is_locked(path)) {
        return cairn_fail(error, CAIRN_E_BUSY, "%s: is being recorded right now: choose another name with -o",
                          path);
    }
    struct stat file;
    if (!replace || lstat(path, &file) != 0) {
        return CAIRN_OK;
    }
    if (!S_ISREG(file.st_mode)) {
        return cairn_fail(error, CAIRN_E_IO, "%s: is no regular file and stays: choose another name with -o",
                          path);
    }
    return unlink(path) == 0 ? CAIRN_OK : cairn_fail_errno(error, "%s: cannot be replaced", path);
}

static enum cairn_status make_file(struct cairn_writer *writer, bool replace, struct cairn_error *error)
{
    const char *path = writer->path;
    const enum cairn_status status = check_free(path, replace, error);
    if (status != CAIRN_OK) {
        return status;
    }
    writer->file = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (writer->file < 0) {
        return errno == EEXIST
                   ? cairn_fail(error, CAIRN_E_IO,
                                "%s: exists already: choose another name with -o, or replace it with -f",
                                path)
                   : cairn_fail_errno(error, "%s: cannot be made", path);
    }
    fchmod(writer->file, 0600); /* whatever the umask takes away */
    remove_companions(path);
    return CAIRN_OK;
}

static const char *reason_of(struct cairn_writer *writer, int result)
{
    const int code = writer->db ? sqlite3_system_errno(writer->db) : 0;
    if ((result & 0xFF) == SQLITE_FULL || code == ENOSPC) {
        return "the disk is full";
    }
    if (code == EDQUOT) {
        return "the disk quota is used up";
    }
    if (code == EFBIG) {
        return "the limit of file sizes is reached (ulimit -f)";
    }
    if ((result & 0xFF) == SQLITE_IOERR && code != 0) {
        return strerror(code);
    }
    return writer->db ? sqlite3_errmsg(writer->db) : sqlite3_errstr(result);
}

void cairn_writer_keep_failure(struct cairn_writer *writer, int result)
{
    if (writer->failure.status != CAIRN_OK) {
        return;
    }
    if ((result & 0xFF) == SQLITE_NOMEM) {
        cairn_fail(&writer->failure, CAIRN_E_NOMEM,
                   "%s: out of memory while writing: what was committed before is kept", writer->path);
    } else {
        cairn_fail(&writer->failure, CAIRN_E_IO,
                   "%s: %s: what was committed before is kept; make room or choose another folder with -o",
                   writer->path, reason_of(writer, result));
    }
}

static int run(struct cairn_writer *writer, const char *sql)
{
    return sqlite3_exec(writer->db, sql, NULL, NULL, NULL);
}

bool cairn_writer_begin(struct cairn_writer *writer)
{
    if (writer->failure.status != CAIRN_OK) {
        return false;
    }
    if (!writer->in_transaction) {
        const int result = run(writer, "BEGIN IMMEDIATE");
        if (result != SQLITE_OK) {
            cairn_writer_keep_failure(writer, result);
            return false;
        }
        writer->in_transaction = true;
    }
    return true;
}

static int on_commit(void *state, sqlite3 *db, const char *name, int pages)
{
    struct cairn_writer *const writer = state;
    (void)db;
    (void)name;
    writer->wal_bytes = (int64_t)pages * WAL_FRAME_BYTES;
    return SQLITE_OK;
}

/* In one transaction. */
static int copy_empty_trace(struct cairn_writer *writer)
{
    sqlite3 *empty;
    int result = cairn_schema_open_empty(&empty);
    if (result == SQLITE_OK) {
        sqlite3_backup *backup = sqlite3_backup_init(writer->db, "main", empty, "main");
        if (backup) {
            sqlite3_backup_step(backup, -1);
            result = sqlite3_backup_finish(backup);
        } else {
            result = sqlite3_extended_errcode(writer->db);
        }
    }
    sqlite3_close(empty);
    return result;
}

/* The schema goes in while the file is still in rollback mode: a recorder that is killed at any moment leaves either an
 * empty file or one with its application_id in it. Nothing has to survive a power failure yet. */
static int make_schema(struct cairn_writer *writer)
{
    int result = run(writer, "PRAGMA synchronous = OFF; PRAGMA cache_size = -16384");
    if (result == SQLITE_OK) {
        result = copy_empty_trace(writer);
    }
    if (result == SQLITE_OK) {
        /* The mode is a number in the first page, which is written whole or not at all: no journal has to be made for that. Opens the
         * WAL, which the lock is on, and writes its header, which later would wait for the disk. */
        result = run(writer,
                     "PRAGMA journal_mode = MEMORY; PRAGMA journal_mode = WAL; BEGIN IMMEDIATE;" SET_VERSION
                     "; COMMIT; PRAGMA synchronous = NORMAL");
    }
    if (result == SQLITE_OK) {
        sqlite3_wal_hook(writer->db, on_commit, writer); /* takes the place of the automatic checkpoint */
    }
    return result;
}

/* A name that SQLite takes for neither an URI nor a word of its own. */
static char *plain_name(const char *path)
{
    char *name = NULL;
    return asprintf(&name, "%s%s", path[0] == '/' ? "" : "./", path) < 0 ? NULL : name;
}

static void writer_free(struct cairn_writer *writer)
{
    cairn_writer_finalize_rows(writer);
    sqlite3_close(writer->db);
    if (writer->file >= 0) {
        close(writer->file);
    }
    cairn_reserve_give_back(writer);
    if (writer->wal_lock >= 0) {
        close(writer->wal_lock);
    }
    free(writer->path);
    free(writer);
}

static enum cairn_status start(struct cairn_writer *writer, struct cairn_error *error)
{
    char *const name = plain_name(writer->path);
    int result = SQLITE_NOMEM;
    if (name) {
        result = sqlite3_open_v2(name, &writer->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
        free(name);
    }
    if (result == SQLITE_OK) {
        sqlite3_extended_result_codes(writer->db, 1);
        sqlite3_busy_timeout(writer->db, LOCK_WAIT_MS);
        result = make_schema(writer);
    }
    if (result != SQLITE_OK) {
        cairn_writer_keep_failure(writer, result);
        return cairn_fail(error, writer->failure.status, "%s: cannot be made: %s", writer->path,
                          reason_of(writer, result));
    }
    writer->wal_lock = cairn_wal_lock(writer->path);
    cairn_reserve_open(writer);
    if (!cairn_reserve_fit(writer)) {
        return cairn_fail(error, CAIRN_E_IO, "%s: cannot be made: the disk is full", writer->path);
    }
    return CAIRN_OK;
}

enum cairn_status cairn_writer_create(const char *path, bool replace, struct cairn_writer **writer,
                                      struct cairn_error *error)
{
    struct cairn_writer *const made = calloc(1, sizeof(*made));
    if (made) {
        made->file = made->wal_lock = made->reserve = -1;
        made->path = strdup(path);
    }
    if (!made || !made->path) {
        free(made);
        return cairn_fail(error, CAIRN_E_NOMEM, "%s: out of memory", path);
    }
    enum cairn_status status = make_file(made, replace, error);
    if (status != CAIRN_OK) {
        writer_free(made);
        return status;
    }
    status = start(made, error);
    if (status != CAIRN_OK) {
        cairn_writer_discard(made);
        return status;
    }
    *writer = made;
    return CAIRN_OK;
}

enum cairn_status cairn_writer_commit(struct cairn_writer *writer, struct cairn_error *error)
{
    if (writer->in_transaction && writer->failure.status == CAIRN_OK) {
        const int result = run(writer, "COMMIT");
        if (result != SQLITE_OK) {
            cairn_writer_keep_failure(writer, result);
        }
    }
    if (writer->in_transaction && writer->failure.status != CAIRN_OK && !sqlite3_get_autocommit(writer->db)) {
        run(writer, "ROLLBACK");
    }
    writer->in_transaction = false;
    if (writer->failure.status == CAIRN_OK && !cairn_reserve_fit(writer)) {
        cairn_writer_keep_failure(writer, SQLITE_FULL);
    }
    if (writer->failure.status != CAIRN_OK && error) {
        *error = writer->failure;
    }
    return writer->failure.status;
}

void cairn_writer_fail(struct cairn_writer *writer, const struct cairn_error *error)
{
    if (writer->failure.status == CAIRN_OK) {
        writer->failure = *error;
    }
}

void cairn_writer_checkpoint(struct cairn_writer *writer)
{
    if (writer->in_transaction || writer->failure.status != CAIRN_OK) {
        return;
    }
    int frames = 0, moved = 0;
    const int result =
        sqlite3_wal_checkpoint_v2(writer->db, "main", SQLITE_CHECKPOINT_PASSIVE, &frames, &moved);
    writer->on_disk = true;
    if (result == SQLITE_OK && frames >= moved) {
        writer->wal_bytes = (int64_t)(frames - moved) * WAL_FRAME_BYTES;
    } else if (result != SQLITE_OK && (result & 0xFF) != SQLITE_BUSY && (result & 0xFF) != SQLITE_LOCKED) {
        cairn_writer_keep_failure(writer, result);
    }
}

static bool is_busy(int result)
{
    return (result & 0xFF) == SQLITE_BUSY || (result & 0xFF) == SQLITE_LOCKED;
}

/* Waits until the file, and its name, are on the disk. */
static int make_durable(struct cairn_writer *writer)
{
    sqlite3_file *file = NULL;
    int result = sqlite3_file_control(writer->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (result == SQLITE_OK && file && file->pMethods) {
        result = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
    }
    char folder[PATH_MAX];
    const int length = snprintf(folder, sizeof folder, "%s", writer->path);
    if (result == SQLITE_OK && length < (int)sizeof folder) {
        const int directory = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory >= 0) {
            fdatasync(directory); /* some file systems cannot, as SQLite knows, too */
            close(directory);
        }
    }
    return result;
}

/* Moves everything from the WAL into the file, durably. SQLite waits for the disk twice: for the WAL, so that a power failure while the
 * file is written costs nothing that was there before, and for the file. Where nothing is on the disk so far, once will do. */
static int empty_wal(struct cairn_writer *writer)
{
    if (!writer->on_disk) {
        run(writer, "PRAGMA synchronous = OFF");
    }
    const int result = sqlite3_wal_checkpoint_v2(writer->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return result == SQLITE_OK && !writer->on_disk ? make_durable(writer) : result;
}

/* Empties the WAL into the file and goes back to rollback mode, which needs the file for itself. What comes behind the emptying changes
 * the header and `closing` only, a page each, and needs neither waiting for the disk nor a journal in a file. */
static int try_to_settle(struct cairn_writer *writer)
{
    const int result = empty_wal(writer);
    return result == SQLITE_OK ? run(writer, "PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY")
                               : result;
}

static int settle(struct cairn_writer *writer)
{
    sqlite3_busy_timeout(writer->db, 0);
    int result = try_to_settle(writer);
    for (int waits = 0; is_busy(result) && waits < CLOSE_WAITS; waits++) {
        nanosleep(&(struct timespec){.tv_nsec = CLOSE_WAIT_NS}, NULL);
        result = try_to_settle(writer);
    }
    if (result != SQLITE_OK && !writer->on_disk && writer->wal_lock >= 0) { /* both files stay */
        fdatasync(writer->wal_lock);
        (void)make_durable(writer);
    }
    sqlite3_busy_timeout(writer->db, LOCK_WAIT_MS);
    return result;
}

/* A recording that could not be written to its end says so. The other columns stay as of the last commit, which they
 * belong to. */
static void mark_failed(struct cairn_writer *writer)
{
    const bool full = strstr(writer->failure.message, "disk is full") != NULL;
    run(writer, full ? "UPDATE recording SET complete = 0, stopped_why = 'disk full'"
                : writer->failure.status == CAIRN_E_NOMEM
                    ? "UPDATE recording SET complete = 0, stopped_why = 'out of memory'"
                    : "UPDATE recording SET complete = 0, stopped_why = 'could not be written'");
}

/* A last word that cannot be written leaves the trace as of the last commit, which is still made one file where that can be. */
static void say_last_words(struct cairn_writer *writer, enum cairn_status status)
{
    if (status != CAIRN_OK) {
        /* What could not grow may have been the WAL alone: emptied, it has room again. */
        writer->on_disk = true;
        sqlite3_wal_checkpoint_v2(writer->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        mark_failed(writer);
    }
    run(writer, "UPDATE recording SET closing = 1");
}

/* A trace that was moved has another name, and is whole. */
static bool is_deleted(const struct cairn_writer *writer)
{
    struct stat file, named;
    return fstat(writer->file, &file) == 0 && file.st_nlink == 0 &&
           (stat(writer->path, &named) != 0 || named.st_ino != file.st_ino || named.st_dev != file.st_dev);
}

static enum cairn_status finish(struct cairn_writer *writer, struct cairn_error *error)
{
    const enum cairn_status status = cairn_writer_commit(writer, error);
    cairn_writer_finalize_rows(writer);
    cairn_reserve_give_back(writer);
    say_last_words(writer, status);
    int result = settle(writer);
    if (result == SQLITE_OK) {
        /* A reader that came in between keeps this from being said: nobody looks at it in a trace that nobody writes. */
        const int said = run(writer, "UPDATE recording SET closing = 0");
        result = is_busy(said) ? SQLITE_OK : said;
    } else {
        /* Closing would try once more, and take the WAL away from a file that says it has one. */
        sqlite3_db_config(writer->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
    }
    if (is_deleted(writer)) {
        return cairn_fail(error, CAIRN_E_NOT_FOUND,
                          "%s: was deleted or replaced while it was written, so nothing is left of it",
                          writer->path);
    }
    if (status != CAIRN_OK || result == SQLITE_OK) {
        return status;
    }
    /* Everything was committed: nothing is missing, but that it is one file. */
    return cairn_fail(
        error, is_busy(result) ? CAIRN_E_BUSY : CAIRN_E_IO,
        "%s: %s, so its newest part stays in %s-wal: keep both files together; later, cairn info "
        "--repair makes them one",
        writer->path, is_busy(result) ? "another program keeps it open" : reason_of(writer, result),
        writer->path);
}

enum cairn_status cairn_writer_close(struct cairn_writer *writer, struct cairn_error *error)
{
    const enum cairn_status status = finish(writer, error);
    writer_free(writer);
    return status;
}

void cairn_writer_discard(struct cairn_writer *writer)
{
    if (!writer) {
        return;
    }
    unlink(writer->path);
    cairn_writer_finalize_rows(writer);
    sqlite3_close(writer->db);
    writer->db = NULL;
    remove_companions(writer->path);
    writer_free(writer);
}

static int64_t bytes_of(const char *path, const char *suffix)
{
    char name[PATH_MAX];
    struct stat file;
    return snprintf(name, sizeof name, "%s%s", path, suffix) < (int)sizeof name && stat(name, &file) == 0
               ? (int64_t)file.st_size
               : 0;
}

int64_t cairn_writer_file_bytes(const struct cairn_writer *writer)
{
    return bytes_of(writer->path, "") + bytes_of(writer->path, "-wal");
}
