/* Makes traces for tests and benchmarks: hands events to the writer as the collector does (chunks, deltas, keyframes,
 * accounts, process rows), from totals that it keeps by the words of event.h alone, without any of the reader's code. */
#ifndef CAIRN_TESTS_TRACE_MAKER_H
#define CAIRN_TESTS_TRACE_MAKER_H

#include "trace/rows.h"
#include "trace/writer.h"

struct maker_account {
    struct cairn_account row;      /* totals: at its process's end or now */
    struct cairn_totals now;       /* of the ledger */
    struct cairn_totals at_border; /* before the open chunk */
    uint32_t touched;              /* by chunk + 1 */
    uint64_t epoch;                /* of the peak that row.peak_bytes is of */
};

struct trace_maker {
    struct cairn_writer *writer;
    size_t chunk_events;
    unsigned keyframe_chunks;
    struct maker_account *accounts;
    size_t account_count, account_capacity;
    uint32_t *touched; /* accounts of the open chunk */
    size_t touched_count;
    struct cairn_event *events; /* of the open chunk */
    size_t count;
    uint64_t first_event;
    struct cairn_chunk chunk;
    int64_t heap_bytes, heap_blocks;
    uint64_t peak_epoch;
    struct cairn_recording recording;
    struct cairn_process processes[64];
    int64_t process_heap[64];
    size_t process_count;
};

/* Aborts on failure, as everything here: there is nothing to test without a trace. */
void maker_open(struct trace_maker *maker, const char *path, size_t chunk_events, unsigned keyframe_chunks);
uint32_t maker_process(struct trace_maker *maker, uint32_t parent);
uint32_t maker_account(struct trace_maker *maker, uint32_t process, uint32_t domain, uint32_t stack,
                       uint32_t site);
/* Returns its ordinal. */
uint64_t maker_event(struct trace_maker *maker, const struct cairn_event *event);
uint64_t maker_next(const struct trace_maker *maker);
/* Writes everything, the open chunk too, and commits; that chunk is written again as it grows. */
void maker_commit(struct trace_maker *maker);
/* Commits and closes. */
void maker_close(struct trace_maker *maker);

#endif
