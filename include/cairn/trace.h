/* Reading a trace: opaque handle, plain rows, and the state of the ledger at any moment.
 *
 * A trace is read-only, may come from a stranger, and may still be growing (cairn_trace_refresh). Nothing here reads
 * the whole file: opening is constant time, tables that every question needs are loaded on first use, and decoded
 * chunks and states live in a byte-bounded cache. One handle belongs to one thread; open a second handle to read from
 * another thread. Borrowed pointers stay valid until the handle is closed or refreshed. */
#ifndef CAIRN_TRACE_H
#define CAIRN_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/lru.h"
#include "base/status.h"
#include "trace/rows.h"

struct cairn_trace;

struct cairn_trace_options {
    size_t cache_bytes;             /* 0: 64 MiB */
    bool (*cancelled)(void *state); /* asked now and then; true makes the call return CAIRN_E_CANCELLED */
    void *cancelled_state;
    const struct cairn_trace
        *like; /* one that is open, or NULL: what any trace must look like is taken over from it, while
                                       this one is opened only */
};

CAIRN_MUST_CHECK enum cairn_status cairn_trace_open(const char *path,
                                                    const struct cairn_trace_options *options,
                                                    struct cairn_trace **trace, struct cairn_error *error);
void cairn_trace_close(struct cairn_trace *trace);
/* Looks for new commits of a recording that still runs. `changed` says whether anything is new; then everything
 * borrowed before is stale. Lets go of the file when the writer is closing and opens it again. */
CAIRN_MUST_CHECK enum cairn_status cairn_trace_refresh(struct cairn_trace *trace, bool *changed,
                                                       struct cairn_error *error);
/* Brackets around several questions at once: a recording that still runs is connected to once for all of them instead of once for
 * each. Not for longer: its writer waits for readers when it ends. Nothing is refreshed in between. */
CAIRN_MUST_CHECK enum cairn_status cairn_trace_hold(struct cairn_trace *trace, struct cairn_error *error);
void cairn_trace_unhold(struct cairn_trace *trace);
const char *cairn_trace_path(const struct cairn_trace *trace);
int64_t cairn_trace_file_bytes(const struct cairn_trace *trace);
/* The version of the file's schema: of an older one what it stands for is the same. */
uint32_t cairn_trace_schema_version(const struct cairn_trace *trace);
/* Whether a collector still writes it: not complete, and its WAL is held. */
bool cairn_trace_is_live(const struct cairn_trace *trace);
void cairn_trace_cache_stats(const struct cairn_trace *trace, struct cairn_lru_stats *stats);
/* Asks the options' `cancelled`: for loops above this layer that run long between two calls. */
bool cairn_trace_cancelled(const struct cairn_trace *trace);

/* One object of the layer above that is derived from the trace (query's account → site maps). It belongs to the handle:
 * `destroy` is called when the handle is closed, when a refresh found something new, or when another one is set. */
void cairn_trace_set_companion(struct cairn_trace *trace, void *companion, void (*destroy)(void *companion));
/* NULL when none is set. */
void *cairn_trace_companion(const struct cairn_trace *trace);

/* --- Rows. Arrays are loaded once, sorted by key, borrowed. --- */
const struct cairn_recording *cairn_trace_recording(const struct cairn_trace *trace);
CAIRN_MUST_CHECK enum cairn_status cairn_trace_processes(struct cairn_trace *trace,
                                                         const struct cairn_process **rows, size_t *count,
                                                         struct cairn_error *error);
CAIRN_MUST_CHECK enum cairn_status cairn_trace_threads(struct cairn_trace *trace,
                                                       const struct cairn_thread **rows, size_t *count,
                                                       struct cairn_error *error);
CAIRN_MUST_CHECK enum cairn_status cairn_trace_notes(struct cairn_trace *trace,
                                                     const struct cairn_note **rows, size_t *count,
                                                     struct cairn_error *error);
CAIRN_MUST_CHECK enum cairn_status cairn_trace_modules(struct cairn_trace *trace,
                                                       const struct cairn_module **rows, size_t *count,
                                                       struct cairn_error *error);
CAIRN_MUST_CHECK enum cairn_status cairn_trace_snapshots(struct cairn_trace *trace,
                                                         const struct cairn_snapshot **rows, size_t *count,
                                                         struct cairn_error *error);
/* accounts[i].account == i + 1. */
CAIRN_MUST_CHECK enum cairn_status cairn_trace_accounts(struct cairn_trace *trace,
                                                        const struct cairn_account **rows, size_t *count,
                                                        struct cairn_error *error);
/* Number of stacks and frames, for `info`. */
CAIRN_MUST_CHECK enum cairn_status cairn_trace_counts(struct cairn_trace *trace, int64_t *stacks,
                                                      int64_t *frames, struct cairn_error *error);
/* One level with about `wanted` points over [from_ns, to_ns]. The caller frees `points`. */
CAIRN_MUST_CHECK enum cairn_status cairn_trace_timeline(struct cairn_trace *trace, int64_t from_ns,
                                                        int64_t to_ns, size_t wanted,
                                                        struct cairn_timeline_point **points, size_t *count,
                                                        struct cairn_error *error);
/* The residency rows nearest to t_ns. The caller frees `rows`; texts are borrowed from the trace. */
CAIRN_MUST_CHECK enum cairn_status cairn_trace_residency(struct cairn_trace *trace, int64_t t_ns,
                                                         struct cairn_residency **rows, size_t *count,
                                                         struct cairn_error *error);
/* Whether it is known what sites held at a snapshot, to the event. Not where single events were dropped and a slim copy left its
 * rows out. */
CAIRN_MUST_CHECK enum cairn_status cairn_trace_has_sites(struct cairn_trace *trace,
                                                         const struct cairn_snapshot *snapshot, bool *has,
                                                         struct cairn_error *error);
CAIRN_MUST_CHECK enum cairn_status cairn_trace_snapshot_sites(struct cairn_trace *trace, uint32_t snapshot,
                                                              struct cairn_snapshot_site **rows,
                                                              size_t *count, struct cairn_error *error);
/* Cells of one account's histogram into `cells` (room for all buckets). */
CAIRN_MUST_CHECK enum cairn_status cairn_trace_histogram(struct cairn_trace *trace, uint32_t account,
                                                         struct cairn_histogram_cell *cells, size_t capacity,
                                                         size_t *count, struct cairn_error *error);

/* --- Names. Single look-ups with a cache; NULL when there is no such row. --- */
const struct cairn_frame *cairn_trace_frame(struct cairn_trace *trace, uint32_t frame);
const struct cairn_function *cairn_trace_function(struct cairn_trace *trace, uint32_t function);
const struct cairn_source_file *cairn_trace_source_file(struct cairn_trace *trace, uint32_t file);
const struct cairn_module *cairn_trace_module(struct cairn_trace *trace, uint32_t module);
/* The frames of a stack, innermost first, inlined ones expanded, into `frames` (room for `capacity`); returns how many
 * there are, which may be more. 0 for stack 0. */
size_t cairn_trace_stack_frames(struct cairn_trace *trace, uint32_t stack, const struct cairn_frame **frames,
                                size_t capacity);
/* Loads stacks, frames and functions in bulk: cheaper when a question will touch most of them. */
CAIRN_MUST_CHECK enum cairn_status cairn_trace_load_stacks(struct cairn_trace *trace,
                                                           struct cairn_error *error);
/* Excerpt lines of a file between first and last; the caller frees `rows`, texts are borrowed. */
CAIRN_MUST_CHECK enum cairn_status cairn_trace_source(struct cairn_trace *trace, uint32_t file,
                                                      int64_t first_line, int64_t last_line,
                                                      struct cairn_source_line **rows, size_t *count,
                                                      struct cairn_error *error);

/* --- Time. A position is a number of events: the state after that many events of the recording. --- */
/* How many events are stamped at or before t_ns. */
CAIRN_MUST_CHECK enum cairn_status cairn_trace_position_at(struct cairn_trace *trace, int64_t t_ns,
                                                           uint64_t *position, struct cairn_error *error);
/* The stamp of event `position` − 1 (0 for position 0). */
CAIRN_MUST_CHECK enum cairn_status cairn_trace_time_of(struct cairn_trace *trace, uint64_t position,
                                                       int64_t *t_ns, struct cairn_error *error);
/* The position before the END events that close the recording: they take away what was live when its processes ended. */
CAIRN_MUST_CHECK enum cairn_status cairn_trace_end(struct cairn_trace *trace, uint64_t *position,
                                                   struct cairn_error *error);
/* The largest heap (sum of heap domains of `process`, 0: of all) after an event in [from, to]: where, how much. */
CAIRN_MUST_CHECK enum cairn_status cairn_trace_peak_between(struct cairn_trace *trace, uint32_t process,
                                                            uint64_t from, uint64_t to, uint64_t *position,
                                                            int64_t *bytes, struct cairn_error *error);

/* The ledger after `position` events. totals[i] is of account i + 1. Live columns of processes that have ended by then
 * are 0 (the cumulative ones stay). Where single events were dropped (recording.exact_from_ns) the state is the one at the
 * nearest border of a chunk before, and its position says so; the recording's peak is known all the same. Shared and
 * counted: release each once. */
struct cairn_state {
    uint64_t position;
    size_t count;
    const struct cairn_totals *totals;
};
CAIRN_MUST_CHECK enum cairn_status cairn_trace_state(struct cairn_trace *trace, uint64_t position,
                                                     const struct cairn_state **state,
                                                     struct cairn_error *error);
void cairn_state_release(struct cairn_trace *trace, const struct cairn_state *state);

/* Whether that state is the one at `t_ns` to the event. Not where it would take single events that were dropped (slim copies,
 * --max-size): they are there from recording.exact_from_ns on. */
bool cairn_trace_is_exact(struct cairn_trace *trace, uint64_t position, int64_t t_ns);
/* Whether what had been allocated by then is exact, too: at a peak among dropped events only what was live is. */
bool cairn_trace_is_counted(struct cairn_trace *trace, uint64_t position, int64_t t_ns);

/* Per account (index account − 1): blocks allocated after position `a`, at most at `b`, and alive at `b`. The caller
 * frees `survived`; only live_bytes, live_blocks and live_variance are set. Where single events that it takes were dropped
 * (slim copies, --max-size) it is not known: `survived` becomes NULL. */
CAIRN_MUST_CHECK enum cairn_status cairn_trace_survived(struct cairn_trace *trace, uint64_t a, uint64_t b,
                                                        struct cairn_totals **survived, size_t *count,
                                                        struct cairn_error *error);

/* Every event in [from, to) in order; `visit` returns false to stop. */
CAIRN_MUST_CHECK enum cairn_status cairn_trace_events(struct cairn_trace *trace, uint64_t from, uint64_t to,
                                                      bool (*visit)(void *state, uint64_t ordinal,
                                                                    const struct cairn_event *event),
                                                      void *state, struct cairn_error *error);

#endif
