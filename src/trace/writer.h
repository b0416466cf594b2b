/* The one writing connection of a trace. Not thread-safe: one thread owns it at a time.
 *
 * Rows go into the open transaction; cairn_writer_commit() makes them visible (the collector calls it at least every
 * 250 ms). `put` inserts a row or replaces the one with its key, except where it says otherwise. A put that fails keeps
 * the first error: later puts do nothing and commit returns it, so that call sites need not check every row. */
#ifndef CAIRN_TRACE_WRITER_H
#define CAIRN_TRACE_WRITER_H

#include "base/status.h"
#include "trace/graph_rows.h"
#include "trace/rows.h"

struct cairn_writer;

/* Creates `path` (O_EXCL | O_NOFOLLOW, mode 0600; `replace` removes an existing regular file first), makes the schema
 * in rollback mode, then switches to WAL. */
CAIRN_MUST_CHECK enum cairn_status
cairn_writer_create(const char *path, bool replace, struct cairn_writer **writer, struct cairn_error *error);
CAIRN_MUST_CHECK enum cairn_status cairn_writer_commit(struct cairn_writer *writer,
                                                       struct cairn_error *error);
/* What the rows since the last commit belong to will not come: they go, as after a put that failed. Keeps the first error. */
void cairn_writer_fail(struct cairn_writer *writer, const struct cairn_error *error);
/* Moves committed pages from the WAL into the file without waiting for readers. */
void cairn_writer_checkpoint(struct cairn_writer *writer);
/* Commits, sets `closing`, waits up to 3 s for readers, leaves one plain file in rollback mode. Frees the writer in every
 * case. A recording that failed before says so in `complete` and `stopped_why`, keeps everything of its last commit, and
 * the first failure is returned. CAIRN_E_BUSY: a reader did not let go; the trace is whole, with its WAL beside it.
 * CAIRN_E_NOT_FOUND: the file was deleted, or another one put in its place; one that was moved is whole. */
CAIRN_MUST_CHECK enum cairn_status cairn_writer_close(struct cairn_writer *writer, struct cairn_error *error);
/* Removes the file and frees the writer: nothing was recorded. */
void cairn_writer_discard(struct cairn_writer *writer);
/* Bytes of the file and its WAL so far. */
int64_t cairn_writer_file_bytes(const struct cairn_writer *writer);
/* Bytes of the file's pages, what was put since the last commit among them and the WAL's own not; `free_bytes`: of those that hold
 * nothing and are used before the file grows. 0 when the writer has failed. */
int64_t cairn_writer_pages_bytes(struct cairn_writer *writer, int64_t *free_bytes);

void cairn_writer_recording(struct cairn_writer *writer, const struct cairn_recording *row);
void cairn_writer_process(struct cairn_writer *writer, const struct cairn_process *row);
void cairn_writer_thread(struct cairn_writer *writer, const struct cairn_thread *row);
void cairn_writer_note(struct cairn_writer *writer, uint32_t process, int64_t t_ns, const char *text);
void cairn_writer_module(struct cairn_writer *writer, const struct cairn_module *row);
void cairn_writer_source_file(struct cairn_writer *writer, const struct cairn_source_file *row);
void cairn_writer_function(struct cairn_writer *writer, const struct cairn_function *row);
void cairn_writer_frame(struct cairn_writer *writer, const struct cairn_frame *row);
void cairn_writer_stack(struct cairn_writer *writer, const struct cairn_stack_row *row);
void cairn_writer_stacks(struct cairn_writer *writer, const struct cairn_stack_row *rows, size_t count);
/* `histogram` may be NULL: the column keeps what it has. */
void cairn_writer_account(struct cairn_writer *writer, const struct cairn_account *row, const void *histogram,
                          size_t histogram_size);
/* Only the column `site`, of an account that has its row. */
void cairn_writer_account_site(struct cairn_writer *writer, uint32_t account, uint32_t frame);
void cairn_writer_chunk(struct cairn_writer *writer, const struct cairn_chunk *row, const void *data,
                        size_t data_size, const void *delta, size_t delta_size);
/* Drops the data of the oldest chunks up to and with `chunk`, keeps the rest of their rows. `exact_from_ns` is the first moment behind
 * them; the recording's row, if it was put, says so. */
void cairn_writer_drop_events(struct cairn_writer *writer, uint32_t chunk, int64_t exact_from_ns);
void cairn_writer_keyframe(struct cairn_writer *writer, uint32_t chunk, const void *data, size_t data_size);
void cairn_writer_snapshot(struct cairn_writer *writer, const struct cairn_snapshot *row,
                           const struct cairn_snapshot_site *sites, size_t site_count);
void cairn_writer_drop_snapshot(struct cairn_writer *writer, uint32_t snapshot);
void cairn_writer_timeline(struct cairn_writer *writer, uint32_t level,
                           const struct cairn_timeline_point *point);
/* Drops the points of `level` before `before_t_ns`; of every level when it is UINT32_MAX. */
void cairn_writer_drop_timeline(struct cairn_writer *writer, uint32_t level, int64_t before_t_ns);
void cairn_writer_residency(struct cairn_writer *writer, const struct cairn_residency *row);
void cairn_writer_source(struct cairn_writer *writer, const struct cairn_source_line *row);

/* --- Object graphs. Parts first, those of graph_shelf.h too, cairn_writer_graph() last: it makes the graph visible. --- */
void cairn_writer_graph(struct cairn_writer *writer, const struct cairn_graph_info *row);
void cairn_writer_graph_type(struct cairn_writer *writer, uint32_t graph, const struct cairn_graph_type *row);
void cairn_writer_graph_root(struct cairn_writer *writer, uint32_t graph,
                             const struct cairn_graph_root_row *row);
void cairn_writer_graph_account(struct cairn_writer *writer, uint32_t graph,
                                const struct cairn_graph_account *row);

#endif
