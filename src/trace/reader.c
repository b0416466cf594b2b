#include "trace/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "trace/wal_lock.h"

#define DEFAULT_CACHE_BYTES ((size_t)64 << 20)
#define CLOSING_WAITS       200 /* of CLOSING_WAIT_NS: how long a writer may take to fold its WAL into the file */
#define CLOSING_WAIT_NS     10000000

void cairn_shared_drop(void *value)
{
    struct cairn_shared *shared = value;
    if (shared && --shared->references == 0) {
        free(shared);
    }
}

enum cairn_status cairn_reader_failed(struct cairn_trace *trace, int result, struct cairn_error *error)
{
    trace->failure = result;
    switch (result & 0xff) {
    case SQLITE_INTERRUPT:
        return cairn_fail(error, CAIRN_E_CANCELLED, "cancelled");
    case SQLITE_NOMEM:
        return cairn_reader_no_memory(trace, error);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return cairn_fail(error, CAIRN_E_BUSY, "%s: another program has locked it: try again", trace->path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_TOOBIG:
    case SQLITE_ERROR:
    case SQLITE_AUTH:
        return cairn_reader_damaged(trace, trace->db ? sqlite3_errmsg(trace->db) : sqlite3_errstr(result),
                                    error);
    default:
        return cairn_fail(error, CAIRN_E_IO, "%s: cannot be read: %s", trace->path, sqlite3_errstr(result));
    }
}

enum cairn_status cairn_reader_damaged(const struct cairn_trace *trace, const char *what,
                                       struct cairn_error *error)
{
    return cairn_fail(error, CAIRN_E_FORMAT, "%s: damaged: %s", trace->path, what);
}

enum cairn_status cairn_reader_no_memory(const struct cairn_trace *trace, struct cairn_error *error)
{
    return cairn_fail(error, CAIRN_E_NOMEM, "%s: not enough memory to read it", trace->path);
}

bool cairn_trace_cancelled(const struct cairn_trace *trace)
{
    return trace->options.cancelled && trace->options.cancelled(trace->options.cancelled_state);
}

enum cairn_status cairn_reader_go_on(struct cairn_trace *trace, struct cairn_error *error)
{
    return cairn_trace_cancelled(trace) ? cairn_fail(error, CAIRN_E_CANCELLED, "cancelled") : CAIRN_OK;
}

enum cairn_status cairn_reader_hold(struct cairn_trace *trace, struct cairn_error *error)
{
    if (!trace->db) {
        const enum cairn_status status = cairn_reader_connect(trace, error);
        if (status != CAIRN_OK) {
            return status;
        }
    }
    trace->holds++;
    return CAIRN_OK;
}

void cairn_reader_unhold(struct cairn_trace *trace)
{
    if (--trace->holds == 0 && trace->live) {
        cairn_reader_disconnect(trace);
    }
}

/* The row is in the first commit, some milliseconds behind the schema. */
static enum cairn_status without_recording(const struct cairn_trace *trace, size_t rows, bool written,
                                           struct cairn_error *error)
{
    if (written) {
        return cairn_fail(error, CAIRN_E_BUSY, "%s: its recording has only begun: try again in a moment",
                          trace->path);
    }
    return rows == 0
               ? cairn_fail(error, CAIRN_E_FORMAT,
                            "%s: is empty: its recorder was gone before it wrote anything: record again",
                            trace->path)
               : cairn_reader_damaged(trace, "it holds more than one recording", error);
}

/* What a live trace tells must be of one commit, so it is read in one transaction; of another one, tables are read when
 * they are asked for. A trace is live until its writer let go of it: one that is complete is still to be folded into one
 * file, which a connection kept open would prevent. */
static enum cairn_status load(struct cairn_trace *trace, bool written, struct cairn_error *error)
{
    static const enum cairn_table_id moving[] = {
        CAIRN_TABLE_PROCESS, CAIRN_TABLE_THREAD,   CAIRN_TABLE_NOTE,     CAIRN_TABLE_ACCOUNT,
        CAIRN_TABLE_CHUNK,   CAIRN_TABLE_KEYFRAME, CAIRN_TABLE_SNAPSHOT,
    };
    const struct cairn_table *table;
    enum cairn_status status = cairn_reader_table(trace, CAIRN_TABLE_RECORDING, &table, error);
    if (status == CAIRN_OK && table->count != 1) {
        status = without_recording(trace, table->count, written, error);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    trace->live = written;
    for (size_t i = 0; status == CAIRN_OK && trace->live && i < sizeof(moving) / sizeof(moving[0]); i++) {
        status = cairn_reader_table(trace, moving[i], &table, error);
    }
    return status;
}

/* Reads the file anew; what was read before stays when that fails. */
static enum cairn_status reload(struct cairn_trace *trace, struct cairn_error *error)
{
    struct cairn_contents *before = trace->contents;
    /* Asked before the first row is read: a writer that ends in between is met again at the next refresh. */
    const bool written = cairn_wal_is_locked(trace->path);
    trace->contents = cairn_contents_new(trace->options.cache_bytes);
    enum cairn_status status =
        trace->contents ? cairn_reader_hold(trace, error) : cairn_reader_no_memory(trace, error);
    if (status == CAIRN_OK) {
        status = load(trace, written, error);
        cairn_reader_unhold(trace);
    }
    if (status != CAIRN_OK) {
        cairn_contents_free(trace->contents);
        trace->contents = before;
        return status;
    }
    cairn_trace_set_companion(trace, NULL, NULL);
    cairn_contents_free(before);
    return CAIRN_OK;
}

enum cairn_status cairn_trace_open(const char *path, const struct cairn_trace_options *options,
                                   struct cairn_trace **trace, struct cairn_error *error)
{
    struct cairn_trace *made = calloc(1, sizeof(*made));
    if (made) {
        made->options = options ? *options : (struct cairn_trace_options){.cache_bytes = 0};
        const struct cairn_trace *like = made->options.like;
        made->options.like = NULL;
        if (like) {
            cairn_buffer_append(&made->schema, cairn_buffer_cstr(&like->schema), like->schema.length);
            made->schema_version = like->schema_version;
        }
        made->options.cache_bytes =
            made->options.cache_bytes ? made->options.cache_bytes : DEFAULT_CACHE_BYTES;
        made->path = strdup(path);
    }
    if (!made || !made->path) {
        cairn_trace_close(made);
        return cairn_fail(error, CAIRN_E_NOMEM, "not enough memory to open %s", path);
    }
    const enum cairn_status status = reload(made, error);
    if (status != CAIRN_OK) {
        cairn_trace_close(made);
        return status;
    }
    *trace = made;
    return CAIRN_OK;
}

void cairn_trace_close(struct cairn_trace *trace)
{
    if (!trace) {
        return;
    }
    cairn_trace_set_companion(trace, NULL, NULL);
    cairn_contents_free(trace->contents);
    cairn_reader_disconnect(trace);
    cairn_buffer_release(&trace->schema);
    cairn_event_decoder_free(trace->decoder);
    free(trace->path);
    free(trace);
}

/* The recording's row as it is now. Texts go into `texts`. */
static enum cairn_status look(struct cairn_trace *trace, bool *changed, bool *closing,
                              struct cairn_error *error)
{
    const struct cairn_recording *known = cairn_trace_recording(trace);
    struct cairn_arena texts = CAIRN_ARENA_INIT;
    struct cairn_cursor cursor;
    cairn_cursor_open(&cursor, trace, &texts, "the recording",
                      "SELECT trace_id, duration_ns, events, complete, closing FROM recording WHERE id = 1",
                      error);
    *changed = *closing = false;
    if (cairn_cursor_next(&cursor)) {
        const char *id = cairn_cursor_text(&cursor, 0);
        *changed =
            !id || strcmp(id, known->trace_id) != 0 || cairn_cursor_int(&cursor, 1) != known->duration_ns ||
            cairn_cursor_int(&cursor, 2) != known->events || cairn_cursor_int(&cursor, 3) != known->complete;
        *closing = cairn_cursor_int(&cursor, 4) != 0;
    } else {
        cairn_cursor_damaged(&cursor);
    }
    const enum cairn_status status = cairn_cursor_close(&cursor);
    cairn_arena_release(&texts);
    return status;
}

enum cairn_status cairn_trace_refresh(struct cairn_trace *trace, bool *changed, struct cairn_error *error)
{
    bool news = false, closing = false;
    enum cairn_status status = CAIRN_OK;
    if (trace->live) {
        status = look(trace, &news, &closing, error);
        /* The connection is closed by now: the writer can end. What it leaves is the whole trace. */
        for (int waits = 0; status == CAIRN_OK && closing && waits < CLOSING_WAITS; waits++) {
            if (!cairn_wal_exists(trace->path) || cairn_trace_cancelled(trace)) {
                break;
            }
            nanosleep(&(struct timespec){.tv_nsec = CLOSING_WAIT_NS}, NULL);
        }
        news = news || closing || !cairn_wal_is_locked(trace->path);
    }
    if (status == CAIRN_OK && news) {
        status = reload(trace, error);
    }
    if (status == CAIRN_OK) {
        *changed = news;
    }
    return status;
}

enum cairn_status cairn_trace_hold(struct cairn_trace *trace, struct cairn_error *error)
{
    return cairn_reader_hold(trace, error);
}

void cairn_trace_unhold(struct cairn_trace *trace)
{
    cairn_reader_unhold(trace);
}

const char *cairn_trace_path(const struct cairn_trace *trace)
{
    return trace->path;
}

uint32_t cairn_trace_schema_version(const struct cairn_trace *trace)
{
    return trace->schema_version;
}

int64_t cairn_trace_file_bytes(const struct cairn_trace *trace)
{
    return trace->file_bytes;
}

bool cairn_trace_is_live(const struct cairn_trace *trace)
{
    return trace->live;
}

void cairn_trace_cache_stats(const struct cairn_trace *trace, struct cairn_lru_stats *stats)
{
    cairn_lru_stats(trace->contents->cache, stats);
}

void cairn_trace_set_companion(struct cairn_trace *trace, void *companion, void (*destroy)(void *companion))
{
    if (trace->companion && trace->destroy_companion) {
        trace->destroy_companion(trace->companion);
    }
    trace->companion = companion;
    trace->destroy_companion = destroy;
}

void *cairn_trace_companion(const struct cairn_trace *trace)
{
    return trace->companion;
}
