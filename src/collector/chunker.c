#include "collector/chunker.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "collector/snapshots.h"
#include "collector/table.h"
#include "collector/timeline.h"

#define ZSTD_LEVEL 3 /* for columns of chunks it takes no more time than 1 */
/* Writing thousands of changed accounts at every commit would keep the store busy for nothing: above this number the changed ones wait for up to ACCOUNTS_NS. New accounts never wait. */
#define ACCOUNTS_AT_ONCE 1024u
#define ACCOUNTS_NS      2000000000ll
#define HISTOGRAMS_NS    5000000000ll
#define PEAK_NS          5000000000ll

struct process_row {
    struct cairn_process row;
    bool known, changed;
    struct cairn_aggregate_process written; /* numbers at the last write */
};

struct cairn_chunker {
    struct cairn_pipeline *pipeline;
    pthread_t thread;
    struct cairn_chunker_figures figures;
    struct cairn_aggregate aggregate;
    struct cairn_timeline timeline;
    struct cairn_snapshots snapshots;
    struct cairn_batch *batch; /* being filled */
    struct cairn_event_encoder *encoder;
    struct cairn_batch *lost; /* takes rows when memory ran out; never sent */
    bool failed;

    uint32_t chunk;               /* number of the open chunk */
    uint32_t chunk_events;        /* of it, applied so far */
    uint32_t chunk_encoded;       /* of it, in its last row */
    struct cairn_buffer keyframe; /* goes behind the chunk's first row */
    bool keyframe_due;

    size_t accounts_written; /* accounts with a row */
    int64_t accounts_t_ns, histograms_t_ns, peak_t_ns;
    struct process_row *processes; /* by number */
    size_t process_count, process_capacity;
    int64_t timeline_next_ns;
};

static struct cairn_batch *batch(struct cairn_chunker *chunker)
{
    if (!chunker->batch) {
        chunker->batch = cairn_batch_new();
    }
    if (!chunker->batch) {
        chunker->failed = true;
        return chunker->lost;
    }
    return chunker->batch;
}

static void send(struct cairn_chunker *chunker)
{
    if (chunker->batch) {
        chunker->batch->failed |= chunker->failed || chunker->aggregate.failed;
        cairn_queue_push(&chunker->pipeline->batches, chunker->batch);
        chunker->batch = NULL;
    }
}

static void set_next_tick(struct cairn_chunker *chunker)
{
    chunker->aggregate.next_tick_ns = chunker->timeline_next_ns < chunker->snapshots.next_ns
                                          ? chunker->timeline_next_ns
                                          : chunker->snapshots.next_ns;
}

/* Time passes: the timeline's intervals and the periodic snapshots that end before t_ns. What is stamped at the end of one
 * belongs to it, as a moment is after every event stamped at it. */
static void tick(void *state, int64_t t_ns)
{
    struct cairn_chunker *chunker = state;
    const int64_t over_ns = t_ns - 1;
    chunker->timeline_next_ns =
        cairn_timeline_tick(&chunker->timeline, &chunker->aggregate, over_ns, false, batch(chunker));
    if (over_ns >= chunker->snapshots.next_ns) {
        cairn_snapshots_tick(&chunker->snapshots, &chunker->aggregate, over_ns, batch(chunker));
    }
    set_next_tick(chunker);
}

/* --- Chunks --- */

static void begin_chunk(struct cairn_chunker *chunker)
{
    cairn_aggregate_begin_chunk(&chunker->aggregate);
    chunker->chunk_events = 0;
    chunker->chunk_encoded = 0;
    if (chunker->chunk % CAIRN_KEYFRAME_CHUNKS != 0) {
        return;
    }
    struct cairn_account_totals *rows = NULL;
    size_t count = 0;
    cairn_buffer_release(&chunker->keyframe);
    if (!cairn_aggregate_totals(&chunker->aggregate, &rows, &count) ||
        cairn_totals_encode(rows, count, ZSTD_LEVEL, &chunker->keyframe, NULL) != CAIRN_OK) {
        chunker->failed = true;
    }
    free(rows);
    chunker->keyframe_due = true;
}

static struct cairn_chunk chunk_row(const struct cairn_chunker *chunker)
{
    const struct cairn_aggregate *aggregate = &chunker->aggregate;
    return (struct cairn_chunk){
        .chunk = chunker->chunk,
        .first_event = aggregate->chunk_first_event,
        .events = chunker->chunk_events,
        .first_t_ns = aggregate->chunk_first_t_ns,
        .last_t_ns = aggregate->last_t_ns,
        .start_bytes = aggregate->chunk_start_bytes,
        .start_blocks = aggregate->chunk_start_blocks,
        .max_bytes = aggregate->chunk_max_bytes,
        .max_event = aggregate->chunk_max_event,
        .allocations = aggregate->chunk_allocations,
        .frees = aggregate->chunk_frees,
        .oldest_freed_event = aggregate->chunk_oldest_freed == UINT64_MAX
                                  ? CAIRN_UNKNOWN
                                  : (int64_t)aggregate->chunk_oldest_freed,
        .has_data = true,
    };
}

/* The row of the open chunk with everything applied so far; a later one replaces it unless it is sealed. */
static void write_chunk(struct cairn_chunker *chunker, const struct cairn_chunk_buffer *buffer, bool sealed)
{
    struct cairn_buffer data = CAIRN_BUFFER_INIT, delta = CAIRN_BUFFER_INIT;
    struct cairn_account_totals *rows = NULL;
    size_t count = 0;
    if (cairn_event_encoder_chunk(chunker->encoder, buffer->events, chunker->chunk_events,
                                  chunker->aggregate.chunk_first_event, ZSTD_LEVEL, &data,
                                  NULL) != CAIRN_OK ||
        !cairn_aggregate_chunk_delta(&chunker->aggregate, &rows, &count) ||
        cairn_totals_encode(rows, count, ZSTD_LEVEL, &delta, NULL) != CAIRN_OK) {
        chunker->failed = true;
    } else {
        const struct cairn_chunk row = chunk_row(chunker);
        cairn_batch_chunk(batch(chunker), &row, &data, &delta, sealed);
        if (chunker->keyframe_due) {
            cairn_batch_keyframe(batch(chunker), chunker->chunk, &chunker->keyframe);
            chunker->keyframe_due = false;
        }
        chunker->chunk_encoded = chunker->chunk_events;
    }
    free(rows);
    cairn_buffer_release(&data);
    cairn_buffer_release(&delta);
}

/* --- Rows of accounts, processes, the recording --- */

static void write_account(struct cairn_chunker *chunker, uint32_t number, bool with_histogram)
{
    struct cairn_aggregate *aggregate = &chunker->aggregate;
    struct cairn_aggregate_account *account = &aggregate->accounts[number - 1];
    const struct cairn_aggregate_cold *cold = &aggregate->cold[number - 1];
    struct cairn_account row = {.account = number,
                                .process = cold->identity.process,
                                .thread = cold->identity.thread,
                                .domain = cold->identity.domain,
                                .stack = cold->identity.stack,
                                .site = cold->site,
                                .totals = account->now};
    if (account->flags & CAIRN_AGGREGATE_ENDED) {
        row.totals.live_bytes = cold->end_bytes;
        row.totals.live_blocks = cold->end_blocks;
    }
    cairn_aggregate_account_peak(aggregate, number, &row.peak_bytes, &row.peak_blocks);

    struct cairn_buffer histogram = CAIRN_BUFFER_INIT;
    if (with_histogram && (account->flags & CAIRN_AGGREGATE_CELLS)) {
        struct cairn_histogram_cell cells[CAIRN_SIZE_BUCKETS * CAIRN_LIFETIME_BUCKETS];
        const size_t count = cairn_histogram_cells(&account->histogram, cells);
        if (cairn_histogram_encode(cells, count, &histogram, NULL) != CAIRN_OK) {
            chunker->failed = true;
        }
        account->flags &= (uint8_t)~CAIRN_AGGREGATE_CELLS;
    }
    cairn_batch_account(batch(chunker), &row, &histogram);
    cairn_buffer_release(&histogram);
    account->flags &= (uint8_t) ~(CAIRN_AGGREGATE_DIRTY | CAIRN_AGGREGATE_WAITING);
    if (row.peak_bytes != account->now.live_bytes || row.peak_blocks != account->now.live_blocks) {
        account->flags |= CAIRN_AGGREGATE_WAITING;
    }
}

/* Whether the row in the file says something else than the account does. */
static bool row_is_stale(const struct cairn_aggregate *aggregate,
                         const struct cairn_aggregate_account *account)
{
    return (account->flags & CAIRN_AGGREGATE_DIRTY) ||
           ((account->flags & CAIRN_AGGREGATE_WAITING) && account->epoch != aggregate->peak_epoch);
}

/* With every commit: rows of the same transaction may name them before. */
static void write_new_accounts(struct cairn_chunker *chunker)
{
    for (; chunker->accounts_written < chunker->aggregate.account_count; chunker->accounts_written++) {
        write_account(chunker, (uint32_t)chunker->accounts_written + 1, true);
    }
}

static void write_accounts(struct cairn_chunker *chunker, int64_t t_ns, bool everything)
{
    struct cairn_aggregate *aggregate = &chunker->aggregate;
    size_t stale = 0;
    for (size_t i = 0; i < chunker->accounts_written; i++) {
        stale += row_is_stale(aggregate, &aggregate->accounts[i]);
    }
    const bool histograms = everything || t_ns - chunker->histograms_t_ns >= HISTOGRAMS_NS;
    const bool all =
        everything || histograms || stale <= ACCOUNTS_AT_ONCE || t_ns - chunker->accounts_t_ns >= ACCOUNTS_NS;
    for (size_t i = 0; all && i < chunker->accounts_written; i++) {
        const struct cairn_aggregate_account *account = &aggregate->accounts[i];
        if (row_is_stale(aggregate, account) || (histograms && (account->flags & CAIRN_AGGREGATE_CELLS))) {
            write_account(chunker, (uint32_t)i + 1, histograms);
        }
    }
    write_new_accounts(chunker);
    if (all) {
        chunker->accounts_t_ns = t_ns;
    }
    if (histograms) {
        chunker->histograms_t_ns = t_ns;
    }
}

static struct process_row *process_row(struct cairn_chunker *chunker, uint32_t number)
{
    while (chunker->process_count <= number) {
        struct process_row *grown = cairn_grown(chunker->processes, &chunker->process_capacity,
                                                chunker->process_count, sizeof *grown);
        if (!grown) {
            chunker->failed = true;
            return NULL;
        }
        chunker->processes = grown;
        grown[chunker->process_count++] = (struct process_row){.known = false};
    }
    return &chunker->processes[number];
}

static void write_process(struct cairn_chunker *chunker, uint32_t number)
{
    struct process_row *process = process_row(chunker, number);
    const struct cairn_aggregate_process *sums = cairn_aggregate_process(&chunker->aggregate, number);
    if (!process || !sums || !process->known) {
        return;
    }
    struct cairn_process row = process->row;
    row.peak_t_ns = sums->peak.t_ns;
    row.peak_event = (int64_t)sums->peak.event;
    row.peak_bytes = sums->peak.bytes;
    row.peak_blocks = sums->peak.blocks;
    row.end_bytes = sums->ended ? sums->end_bytes : sums->bytes;
    row.end_blocks = sums->ended ? sums->end_blocks : sums->blocks;
    cairn_batch_process(batch(chunker), &row);
    process->written = *sums;
    process->changed = false;
}

static void write_processes(struct cairn_chunker *chunker)
{
    for (uint32_t i = 0; i < chunker->process_count; i++) {
        const struct process_row *process = &chunker->processes[i];
        const struct cairn_aggregate_process *sums = cairn_aggregate_process(&chunker->aggregate, i);
        if (process->known && sums &&
            (process->changed || process->written.bytes != sums->bytes ||
             process->written.blocks != sums->blocks || process->written.peak.bytes != sums->peak.bytes ||
             process->written.ended != sums->ended)) {
            write_process(chunker, i);
        }
    }
}

static void write_recording(struct cairn_chunker *chunker, const struct cairn_recording *known)
{
    const struct cairn_aggregate *aggregate = &chunker->aggregate;
    struct cairn_recording row = *known;
    row.events = (int64_t)aggregate->position;
    row.alloc_events = aggregate->counts.allocations;
    row.free_events = aggregate->counts.frees;
    row.realloc_events = aggregate->counts.reallocs;
    row.allocated_bytes = aggregate->counts.allocated_bytes;
    row.peak_t_ns = aggregate->peak.t_ns;
    row.peak_event = (int64_t)aggregate->peak.event;
    row.peak_bytes = aggregate->peak.bytes;
    row.peak_blocks = aggregate->peak.blocks;
    row.end_bytes = aggregate->heap_bytes;
    row.end_blocks = aggregate->heap_blocks;
    cairn_batch_recording(batch(chunker), &row);
}

static void publish(struct cairn_chunker *chunker)
{
    const struct cairn_aggregate *aggregate = &chunker->aggregate;
    atomic_store_explicit(&chunker->figures.live_bytes, aggregate->heap_bytes, memory_order_relaxed);
    atomic_store_explicit(&chunker->figures.live_blocks, aggregate->heap_blocks, memory_order_relaxed);
    atomic_store_explicit(&chunker->figures.peak_bytes, aggregate->peak.bytes, memory_order_relaxed);
    atomic_store_explicit(&chunker->figures.events, (int64_t)aggregate->position, memory_order_relaxed);
}

/* --- Messages --- */

static void on_events(struct cairn_chunker *chunker, const struct cairn_message *message)
{
    const struct cairn_chunk_buffer *buffer = message->of.events.buffer;
    const uint32_t done = chunker->chunk_events;
    cairn_aggregate_events(&chunker->aggregate, buffer->events + done, buffer->lifetimes + done,
                           message->of.events.count - done);
    chunker->chunk_events = message->of.events.count;
    publish(chunker);
    if (message->of.events.sealed) {
        write_chunk(chunker, buffer, true);
        /* The one used last is the next: it is still in the processor's caches. */
        cairn_queue_push_first(&chunker->pipeline->buffers, message->of.events.buffer);
        chunker->chunk++;
        begin_chunk(chunker);
        send(chunker);
    }
}

/* Who charges them to a site learns of them before they are written. */
static void on_accounts(struct cairn_chunker *chunker, const struct cairn_message *message)
{
    const struct cairn_account_identity *list = message->of.accounts.list;
    const size_t count = message->of.accounts.count;
    const uint32_t first = (uint32_t)chunker->aggregate.account_count + 1;
    cairn_aggregate_add_accounts(&chunker->aggregate, list, count);
    uint32_t *stacks = cairn_batch_account_stacks(batch(chunker), first, count);
    for (size_t i = 0; stacks && i < count; i++) {
        stacks[i] = list[i].stack;
    }
    send(chunker);
}

static void on_process(struct cairn_chunker *chunker, const struct cairn_message *message)
{
    struct process_row *process = process_row(chunker, message->of.process.process);
    if (!process) {
        return;
    }
    const bool is_new = !process->known;
    process->row = message->of.process;
    process->known = true;
    process->changed = true;
    if (is_new) {
        write_process(chunker, message->of.process.process);
    }
}

/* A row that is to be written anyway brings its site along. */
static void on_sites(struct cairn_chunker *chunker, const struct cairn_message *message)
{
    struct cairn_aggregate *aggregate = &chunker->aggregate;
    for (size_t i = 0; i < message->of.sites.count; i++) {
        const struct cairn_account_site *site = &message->of.sites.list[i];
        if (site->account >= 1 && site->account <= aggregate->account_count) {
            aggregate->cold[site->account - 1].site = site->frame;
            if (site->account <= chunker->accounts_written &&
                !(aggregate->accounts[site->account - 1].flags & CAIRN_AGGREGATE_DIRTY)) {
                cairn_batch_account_site(batch(chunker), site->account, site->frame);
            }
        }
    }
}

static void on_commit(struct cairn_chunker *chunker, const struct cairn_message *message,
                      const struct cairn_chunk_buffer *buffer)
{
    if (chunker->chunk_encoded != chunker->chunk_events && buffer) {
        write_chunk(chunker, buffer, false);
    }
    const bool everything = message->of.commit.everything;
    write_accounts(chunker, message->t_ns, everything);
    if (everything || message->t_ns - chunker->peak_t_ns >= PEAK_NS) {
        cairn_snapshots_peak(&chunker->snapshots, &chunker->aggregate, batch(chunker));
        chunker->peak_t_ns = message->t_ns;
    }
    if (everything) {
        cairn_timeline_tick(&chunker->timeline, &chunker->aggregate, message->t_ns, true, batch(chunker));
    }
    write_processes(chunker);
    write_recording(chunker, &message->of.commit.row);
    cairn_batch_commit(batch(chunker));
    send(chunker);
}

static void *chunker_thread(void *state)
{
    cairn_pipeline_enter_stage("cairn-chunks");
    struct cairn_chunker *chunker = state;
    const struct cairn_chunk_buffer *open = NULL;
    for (bool ended = false; !ended;) {
        struct cairn_message *message = cairn_queue_pop(&chunker->pipeline->messages);
        switch (message->kind) {
        case CAIRN_MESSAGE_ACCOUNTS:
            on_accounts(chunker, message);
            break;
        case CAIRN_MESSAGE_EVENTS:
            on_events(chunker, message);
            open = message->of.events.sealed ? NULL : message->of.events.buffer;
            break;
        case CAIRN_MESSAGE_ROWS:
            send(chunker);
            cairn_queue_push(&chunker->pipeline->batches, message->of.rows);
            message->of.rows = NULL;
            break;
        case CAIRN_MESSAGE_PROCESS:
            on_process(chunker, message);
            break;
        case CAIRN_MESSAGE_SNAPSHOT:
            cairn_snapshots_take(&chunker->snapshots, &chunker->aggregate, message->of.snapshot.kind,
                                 message->of.snapshot.name[0] ? message->of.snapshot.name : NULL,
                                 message->of.snapshot.process, message->t_ns, batch(chunker));
            break;
        case CAIRN_MESSAGE_MEMORY:
            cairn_timeline_memory(&chunker->timeline, &message->of.memory);
            break;
        case CAIRN_MESSAGE_SITES:
            on_sites(chunker, message);
            break;
        case CAIRN_MESSAGE_TIME:
            if (message->t_ns > chunker->aggregate.next_tick_ns) {
                tick(chunker, message->t_ns);
            }
            break;
        case CAIRN_MESSAGE_COMMIT:
            on_commit(chunker, message, open);
            break;
        case CAIRN_MESSAGE_FINISH:
            send(chunker);
            ended = true;
            break;
        }
        cairn_message_free(message);
    }
    return NULL;
}

static void chunker_free(struct cairn_chunker *chunker)
{
    cairn_aggregate_release(&chunker->aggregate);
    cairn_timeline_release(&chunker->timeline);
    cairn_buffer_release(&chunker->keyframe);
    cairn_batch_free(chunker->batch);
    cairn_batch_free(chunker->lost);
    cairn_event_encoder_free(chunker->encoder);
    free(chunker->processes);
    free(chunker);
}

enum cairn_status cairn_chunker_start(struct cairn_pipeline *pipeline, int64_t snapshot_interval_ns,
                                      struct cairn_chunker **chunker, struct cairn_error *error)
{
    struct cairn_chunker *made = calloc(1, sizeof *made);
    if (!made) {
        return cairn_fail(error, CAIRN_E_NOMEM, "the recorder ran out of memory");
    }
    made->pipeline = pipeline;
    made->lost = cairn_batch_new();
    made->encoder = cairn_event_encoder_new();
    cairn_aggregate_init(&made->aggregate);
    made->aggregate.sample_bytes = pipeline->sample_bytes;
    cairn_snapshots_init(&made->snapshots, snapshot_interval_ns);
    if (!made->lost || !made->encoder || !cairn_timeline_init(&made->timeline)) {
        chunker_free(made);
        return cairn_fail(error, CAIRN_E_NOMEM, "the recorder ran out of memory");
    }
    made->timeline_next_ns = CAIRN_TIMELINE_STEP_NS;
    made->aggregate.tick = tick;
    made->aggregate.tick_state = made;
    set_next_tick(made);
    begin_chunk(made);
    if (pthread_create(&made->thread, NULL, chunker_thread, made) != 0) {
        chunker_free(made);
        return cairn_fail(error, CAIRN_E_SYSTEM, "cannot start a thread for the recorder");
    }
    *chunker = made;
    return CAIRN_OK;
}

const struct cairn_chunker_figures *cairn_chunker_figures(const struct cairn_chunker *chunker)
{
    return &chunker->figures;
}

void cairn_chunker_join(struct cairn_chunker *chunker)
{
    pthread_join(chunker->thread, NULL);
    chunker_free(chunker);
}
