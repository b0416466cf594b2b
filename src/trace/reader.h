/* The handle behind cairn/trace.h, and what the reader's files share. Internal to trace.
 *
 *   reader_open.c      a connection to a file that may be hostile: every check before the first row is read
 *   reader.c           the handle: open, refresh, close
 *   reader_cursor.c    one SQL query over the handle's connection
 *   reader_tables.c    tables that are loaded whole, as arrays
 *   reader_rows.c      rows that depend on a question: timeline, residency, snapshot sites, histograms, source
 *   reader_stacks.c    the trie of stacks
 *   reader_chunks.c    decoded chunks, positions and times
 *   reader_ledger.c    what an event does to totals
 *   reader_totals.c    key frames and what chunks changed
 *   reader_state.c     the ledger at a position
 *   reader_peak.c, reader_survived.c
 */
#ifndef CAIRN_TRACE_READER_H
#define CAIRN_TRACE_READER_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/lru.h"
#include "cairn/trace.h"

/* --- Values that a cache and its users hold together. One malloc each; freed with the last reference. --- */
struct cairn_shared {
    size_t references;
};
void cairn_shared_drop(void *value); /* tolerates NULL */

/* All events of one chunk. */
struct cairn_decoded {
    struct cairn_shared shared;
    size_t count;
    struct cairn_event events[];
};

/* A state and the memory of its totals. */
struct cairn_kept_state {
    struct cairn_shared shared;
    struct cairn_state state;
    struct cairn_totals totals[];
};

struct cairn_kept_group;

/* --- What was read from the file, as of one commit. --- */
enum cairn_table_id {
    CAIRN_TABLE_RECORDING,
    CAIRN_TABLE_PROCESS,
    CAIRN_TABLE_THREAD,
    CAIRN_TABLE_NOTE,
    CAIRN_TABLE_MODULE,
    CAIRN_TABLE_FILE,
    CAIRN_TABLE_FUNCTION,
    CAIRN_TABLE_FRAME,
    CAIRN_TABLE_ACCOUNT,
    CAIRN_TABLE_CHUNK,
    CAIRN_TABLE_KEYFRAME,
    CAIRN_TABLE_SNAPSHOT,
    CAIRN_TABLE_RESIDENCY,
    CAIRN_TABLE_SOURCE,
    CAIRN_TABLE_COUNT
};

/* Rows in ascending order of their key: the first member, or several of residency and source. */
struct cairn_table {
    void *rows;
    size_t count;
    bool loaded;
};

/* Stacks as an array indexed by number; number 0 is the root. */
struct cairn_stack_node {
    uint32_t parent, frame;
};

/* Accounts by process: those of processes[i] are accounts[first[i]] up to accounts[first[i + 1]]. */
struct cairn_members {
    uint32_t *processes, *first, *accounts; /* owned */
    size_t process_count;
};

struct cairn_contents {
    struct cairn_arena texts;
    struct cairn_table tables[CAIRN_TABLE_COUNT];
    struct cairn_table graphs;       /* reader_graph.c */
    struct cairn_stack_node *stacks; /* NULL until loaded in bulk */
    size_t stack_limit;              /* numbers below */
    size_t stack_count;
    struct cairn_members members;
    bool members_loaded;
    struct cairn_lru *cache; /* of struct cairn_shared */
    struct cairn_kept_state
        *last_border; /* the state before border_chunk: neighbours are a few deltas away */
    size_t border_chunk;
    struct cairn_kept_state *last_state;
    struct cairn_kept_group *last_group; /* reader_totals.c */
};

struct cairn_trace {
    char *path;
    struct cairn_trace_options options;
    struct cairn_buffer schema;          /* what sqlite_schema must hold, once made, … */
    uint32_t schema_version;             /* … in this version */
    struct cairn_event_decoder *decoder; /* NULL until needed */
    sqlite3 *db; /* NULL while a live trace is idle: an open connection keeps the writer from closing */
    sqlite3_stmt *stack_lookup;
    uint32_t stack_lookups, stack_most; /* rows looked up alone; the largest number among them */
    unsigned holds;                     /* uses of `db` under way */
    int failure;                        /* SQLite's code of the last one */
    bool live, cancelled;
    int64_t file_bytes;
    struct cairn_contents *contents;
    void *companion;
    void (*destroy_companion)(void *companion);
};

/* --- The connection. --- */
/* Opens trace->db with a read transaction, after every check of reader_open.c. */
CAIRN_MUST_CHECK enum cairn_status cairn_reader_connect(struct cairn_trace *trace, struct cairn_error *error);
void cairn_reader_disconnect(struct cairn_trace *trace);
/* A hold keeps the connection and its transaction; a live trace lets go of the file after the last one. */
CAIRN_MUST_CHECK enum cairn_status cairn_reader_hold(struct cairn_trace *trace, struct cairn_error *error);
void cairn_reader_unhold(struct cairn_trace *trace);
/* The sentence for an SQLite failure. */
enum cairn_status cairn_reader_failed(struct cairn_trace *trace, int result, struct cairn_error *error);
/* CAIRN_E_FORMAT: `what` does not hold together. */
enum cairn_status cairn_reader_damaged(const struct cairn_trace *trace, const char *what,
                                       struct cairn_error *error);
enum cairn_status cairn_reader_no_memory(const struct cairn_trace *trace, struct cairn_error *error);
/* CAIRN_E_CANCELLED when the user asked to stop. */
CAIRN_MUST_CHECK enum cairn_status cairn_reader_go_on(struct cairn_trace *trace, struct cairn_error *error);

/* --- Queries. --- */
/* The first failure stays in `status`; columns read after it are 0 or NULL. */
struct cairn_cursor {
    struct cairn_trace *trace;
    struct cairn_arena *texts;
    sqlite3_stmt *statement;
    const char *subject; /* "threads": what a damaged row is named after */
    enum cairn_status status;
    struct cairn_error *error;
};

/* `texts` takes what cairn_cursor_text() returns. Close it in every case; closing returns the first failure. */
void cairn_cursor_open(struct cairn_cursor *cursor, struct cairn_trace *trace, struct cairn_arena *texts,
                       const char *subject, const char *sql, struct cairn_error *error);
void cairn_cursor_bind(struct cairn_cursor *cursor, int index, int64_t value);
/* For another run with other values. */
void cairn_cursor_rewind(struct cairn_cursor *cursor);
/* False at the end and after a failure. */
bool cairn_cursor_next(struct cairn_cursor *cursor);
CAIRN_MUST_CHECK enum cairn_status cairn_cursor_close(struct cairn_cursor *cursor);
void cairn_cursor_damaged(struct cairn_cursor *cursor);
int64_t cairn_cursor_int(struct cairn_cursor *cursor, int column);
/* NULL is CAIRN_UNKNOWN. */
int64_t cairn_cursor_optional(struct cairn_cursor *cursor, int column);
/* NULL is 0; a number that does not fit is damage. */
uint32_t cairn_cursor_number(struct cairn_cursor *cursor, int column);
/* A number that is not negative. */
uint64_t cairn_cursor_natural(struct cairn_cursor *cursor, int column);
/* NULL stays NULL. The copy lives in `texts`. */
const char *cairn_cursor_text(struct cairn_cursor *cursor, int column);
/* Borrowed until the next step; NULL when the column is NULL. */
const void *cairn_cursor_blob(struct cairn_cursor *cursor, int column, size_t *size);

/* --- Tables. --- */
CAIRN_MUST_CHECK enum cairn_status cairn_reader_table(struct cairn_trace *trace, enum cairn_table_id id,
                                                      const struct cairn_table **table,
                                                      struct cairn_error *error);
/* The row with that key (of a table whose key is one number), or NULL. */
const void *cairn_reader_find(struct cairn_trace *trace, enum cairn_table_id id, uint32_t key);
struct cairn_contents *cairn_contents_new(size_t cache_bytes);
void cairn_contents_free(struct cairn_contents *contents);

/* --- Chunks. --- */
/* The chunk that holds event `position`; the number of chunks when it is behind the last event. */
CAIRN_MUST_CHECK enum cairn_status cairn_reader_chunk_of(struct cairn_trace *trace, uint64_t position,
                                                         size_t *chunk, struct cairn_error *error);
/* The same for the end of a span. The last chunk of a live trace is rewritten as it grows, so that its delta and its cross
 * section may be ahead of what was read: it is never taken as a whole, and stands for the position behind it, too. */
CAIRN_MUST_CHECK enum cairn_status cairn_reader_chunk_until(struct cairn_trace *trace, uint64_t position,
                                                            size_t *chunk, struct cairn_error *error);
uint64_t cairn_reader_events(const struct cairn_chunk *chunks, size_t count); /* of all these chunks */
/* Loaded before: by cairn_reader_chunk_of(). */
const struct cairn_chunk *cairn_reader_chunks(const struct cairn_trace *trace, size_t *count);
/* The caller drops it with cairn_shared_drop(). `keep` false leaves the cache to others: for long scans. */
CAIRN_MUST_CHECK enum cairn_status cairn_reader_decode(struct cairn_trace *trace, size_t chunk, bool keep,
                                                       struct cairn_decoded **decoded,
                                                       struct cairn_error *error);
/* The same where it is in the cache already (and stays there), else NULL. */
const struct cairn_decoded *cairn_reader_decoded(struct cairn_trace *trace, size_t chunk);
/* Gives a chunk's blob to `unpack`, which says how many events are in it. */
typedef enum cairn_status cairn_unpack(void *state, struct cairn_event_decoder *decoder, const void *blob,
                                       size_t size, size_t *count, struct cairn_error *error);
CAIRN_MUST_CHECK enum cairn_status cairn_reader_unpack(struct cairn_trace *trace, size_t chunk,
                                                       cairn_unpack *unpack, void *state,
                                                       struct cairn_error *error);
/* trace->decoder, made on first use; NULL when memory ran out. */
struct cairn_event_decoder *cairn_reader_decoder(struct cairn_trace *trace);
/* CAIRN_E_NOT_FOUND: the events asked for were dropped to keep the trace small. */
enum cairn_status cairn_reader_dropped(const struct cairn_trace *trace, struct cairn_error *error);
/* Events of the recording; a position behind it is CAIRN_E_NOT_FOUND. */
CAIRN_MUST_CHECK enum cairn_status cairn_reader_check_position(struct cairn_trace *trace, uint64_t position,
                                                               struct cairn_error *error);

/* --- States. --- */
/* The state before the first event of `chunk` (or after the last event). The caller drops it. */
CAIRN_MUST_CHECK enum cairn_status cairn_reader_border(struct cairn_trace *trace, size_t chunk,
                                                       struct cairn_kept_state **state,
                                                       struct cairn_error *error);
CAIRN_MUST_CHECK enum cairn_status cairn_reader_state(struct cairn_trace *trace, uint64_t position,
                                                      struct cairn_kept_state **state,
                                                      struct cairn_error *error);
/* A private copy that may be changed. */
CAIRN_MUST_CHECK enum cairn_status cairn_reader_copy_state(struct cairn_trace *trace,
                                                           const struct cairn_kept_state *state,
                                                           struct cairn_kept_state **copy,
                                                           struct cairn_error *error);
/* A chunk's delta, of accounts that exist. The caller frees `rows`. */
CAIRN_MUST_CHECK enum cairn_status cairn_reader_delta(struct cairn_trace *trace, size_t chunk,
                                                      struct cairn_account_totals **rows, size_t *count,
                                                      struct cairn_error *error);
/* The same of the key frame before a chunk, which has one. */
CAIRN_MUST_CHECK enum cairn_status cairn_reader_keyframe(struct cairn_trace *trace, size_t chunk,
                                                         struct cairn_account_totals **rows, size_t *count,
                                                         struct cairn_error *error);
void cairn_reader_group_free(struct cairn_kept_group *kept); /* tolerates NULL */

#endif
