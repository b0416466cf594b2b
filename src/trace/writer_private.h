/* What the writer's files share. Internal to trace.
 *
 *   writer.c          the file's life: create, commit, checkpoint, close
 *   writer_put.c      one row into one statement
 *   writer_rows.c     one statement a kind of row
 *   writer_graph.c    the same for object graphs
 *   writer_reserve.c  disk space kept back for the last checkpoint
 */
#ifndef CAIRN_TRACE_WRITER_PRIVATE_H
#define CAIRN_TRACE_WRITER_PRIVATE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "trace/writer.h"

#define CAIRN_WRITER_GRAPH_STATEMENTS 27u /* the first one of writer_graph.c */
#define CAIRN_WRITER_STATEMENTS       39u

struct cairn_writer {
    char *path;
    sqlite3 *db;
    int file; /* descriptor of the trace, whatever name it has by now, or -1; closed behind `db`, whose locks would go with it */
    sqlite3_stmt *statements[CAIRN_WRITER_STATEMENTS]; /* prepared at first use */
    int wal_lock;                                      /* descriptor, or -1 */
    int reserve;                                       /* descriptor of the reserve, or -1 */
    int64_t reserve_bytes;
    int64_t wal_bytes; /* what a checkpoint may have to move, as of the last commit */
    bool on_disk;      /* a checkpoint has made a part of the trace durable */
    int64_t dropped_chunks;
    bool in_transaction;
    struct cairn_error failure; /* status CAIRN_OK: none */
};

/* Keeps the first failure, with a sentence made from SQLite's and the system's view of it. */
void cairn_writer_keep_failure(struct cairn_writer *writer, int result);
/* Begins a transaction unless one is open. False when the writer has failed. */
bool cairn_writer_begin(struct cairn_writer *writer);
void cairn_writer_finalize_rows(struct cairn_writer *writer);

/* One row under way: its values in the order of the statement's parameters. After a failure `statement` is NULL and
 * everything does nothing. Texts and blobs are borrowed until cairn_put_end(). */
struct cairn_put {
    struct cairn_writer *writer;
    sqlite3_stmt *statement;
    int bound;
    bool borrows; /* texts or blobs */
};

/* `slot` is where the prepared statement of `sql` is kept. */
struct cairn_put cairn_put_begin(struct cairn_writer *writer, unsigned slot, const char *sql);
void cairn_put_integer(struct cairn_put *put, int64_t value);
/* CAIRN_UNKNOWN is NULL. */
void cairn_put_optional(struct cairn_put *put, int64_t value);
/* The number of another table's row; 0 is NULL. */
void cairn_put_reference(struct cairn_put *put, uint32_t number);
void cairn_put_text(struct cairn_put *put, const char *text);
void cairn_put_blob(struct cairn_put *put, const void *data, size_t size);
void cairn_put_end(struct cairn_put *put);

/* A file of its own without a name, so that it goes with the process. Where the file system cannot preallocate there is
 * none. */
void cairn_reserve_open(struct cairn_writer *writer);
/* Makes it hold at least what a checkpoint may need; false when the disk has no room for that. */
bool cairn_reserve_fit(struct cairn_writer *writer);
void cairn_reserve_give_back(struct cairn_writer *writer);

#endif
