#include "collector/store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collector/symbolise.h"
#include "collector/table.h"

#define CHECKPOINT_NS  3000000000ll
#define STACKS_AT_ONCE 512u

/* Blobs of sealed chunks in the file, oldest first: what can be dropped to keep it small. */
struct kept_chunk {
    uint32_t chunk;
    size_t bytes;
    int64_t last_t_ns;
};

struct cairn_store {
    struct cairn_pipeline *pipeline;
    struct cairn_writer *writer;
    struct cairn_symboliser *symboliser;
    pthread_t thread;
    int64_t max_size_bytes;
    _Atomic int64_t file_bytes, finished_bytes;
    _Atomic uint64_t commits;

    pthread_mutex_t lock; /* guards the two below */
    bool failed;
    struct cairn_error error;

    struct kept_chunk *kept;
    size_t kept_first, kept_count, kept_capacity;
    int64_t put_bytes; /* about so many since the last look at the limit */
    int64_t exact_from_ns;
    int64_t checkpointed_ns;
};

/* The last item of the queue. */
static char end_marker;

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static void fail(struct cairn_store *store, const struct cairn_error *error)
{
    pthread_mutex_lock(&store->lock);
    if (!store->failed) {
        store->failed = true;
        store->error = *error;
    }
    pthread_mutex_unlock(&store->lock);
}

bool cairn_store_failed(struct cairn_store *store, struct cairn_error *error)
{
    pthread_mutex_lock(&store->lock);
    const bool failed = store->failed;
    if (failed && error) {
        *error = store->error;
    }
    pthread_mutex_unlock(&store->lock);
    return failed;
}

int64_t cairn_store_file_bytes(const struct cairn_store *store)
{
    return atomic_load_explicit(&store->file_bytes, memory_order_relaxed);
}

uint64_t cairn_store_commits(const struct cairn_store *store)
{
    return atomic_load_explicit(&store->commits, memory_order_acquire);
}

/* Kept free for what one look at the limit does not see coming. */
static int64_t reserve_bytes(const struct cairn_store *store)
{
    return store->max_size_bytes / 20;
}

/* Drops the oldest single events where the trace would come too near to its limit with so many bytes more. The newest sealed
 * chunk stays. */
static void make_room(struct cairn_store *store, size_t more)
{
    store->put_bytes = 0;
    if (store->max_size_bytes <= 0) {
        return;
    }
    int64_t free_bytes;
    const int64_t file = cairn_writer_pages_bytes(store->writer, &free_bytes);
    atomic_store_explicit(&store->finished_bytes, file, memory_order_relaxed);
    int64_t bytes = file - free_bytes + (int64_t)more;
    if (store->kept_count < 2 || bytes <= store->max_size_bytes - reserve_bytes(store)) {
        return;
    }
    /* Some more than needed, so that this does not happen at every chunk. */
    const struct kept_chunk *last = NULL;
    while (store->kept_count > 1 && bytes > store->max_size_bytes - 2 * reserve_bytes(store)) {
        last = &store->kept[store->kept_first++];
        store->kept_count--;
        bytes -= (int64_t)last->bytes;
    }
    store->exact_from_ns = last->last_t_ns + 1;
    cairn_writer_drop_events(store->writer, last->chunk, store->exact_from_ns);
    if (store->kept_first > store->kept_count) {
        memmove(store->kept, store->kept + store->kept_first, store->kept_count * sizeof *store->kept);
        store->kept_first = 0;
    }
}

int64_t cairn_store_finished_bytes(const struct cairn_store *store)
{
    return atomic_load_explicit(&store->finished_bytes, memory_order_relaxed);
}

static void write_chunk(struct cairn_store *store, const struct cairn_batch_chunk *chunk)
{
    if (chunk->sealed) {
        make_room(store, chunk->data.length);
    }
    cairn_writer_chunk(store->writer, &chunk->row, chunk->data.data, chunk->data.length, chunk->delta.data,
                       chunk->delta.length);
    if (!chunk->sealed) {
        return;
    }
    struct kept_chunk *kept =
        cairn_grown(store->kept, &store->kept_capacity, store->kept_first + store->kept_count, sizeof *kept);
    if (kept) { /* without it the chunk is merely never dropped */
        store->kept = kept;
        kept[store->kept_first + store->kept_count++] = (struct kept_chunk){
            .chunk = chunk->row.chunk, .bytes = chunk->data.length, .last_t_ns = chunk->row.last_t_ns};
    }
}

static void commit(struct cairn_store *store)
{
    struct cairn_error error = {.status = CAIRN_OK};
    make_room(store, 0);
    atomic_store_explicit(&store->file_bytes, cairn_writer_file_bytes(store->writer), memory_order_relaxed);
    if (cairn_writer_commit(store->writer, &error) != CAIRN_OK) {
        fail(store, &error);
        return;
    }
    /* Pairs with the acquire in cairn_store_commits(). */
    atomic_fetch_add_explicit(&store->commits, 1, memory_order_release);
    const int64_t now = now_ns();
    if (now - store->checkpointed_ns >= CHECKPOINT_NS) {
        cairn_writer_checkpoint(store->writer);
        store->checkpointed_ns = now;
    }
}

/* A graph that there is no memory to write leaves no row of its own: readers do not see its parts. */
static void write_graph(struct cairn_store *store, struct cairn_graph_parcel *parcel)
{
    while (cairn_graph_built_write(parcel->built, store->writer)) {
        make_room(store, 0);
    }
}

/* What a row and its indexes come to in the file, on average. */
#define ROW_BYTES 96

/* About what an entry adds to the file; a graph and a chunk look at the limit themselves. */
static int64_t entry_bytes(const struct cairn_batch_entry *entry)
{
    switch (entry->kind) {
    case CAIRN_BATCH_ACCOUNT_STACKS:
        return 0;
    case CAIRN_BATCH_ACCOUNT:
        return ROW_BYTES + (int64_t)entry->of.account.histogram.length;
    case CAIRN_BATCH_CHUNK:
        return ROW_BYTES + (int64_t)(entry->of.chunk.data.length + entry->of.chunk.delta.length);
    case CAIRN_BATCH_KEYFRAME:
        return ROW_BYTES + (int64_t)entry->of.keyframe.data.length;
    case CAIRN_BATCH_SNAPSHOT:
        return ROW_BYTES + (int64_t)(entry->of.snapshot.site_count * sizeof *entry->of.snapshot.sites);
    default:
        return ROW_BYTES;
    }
}

static void write_entry(struct cairn_store *store, const struct cairn_batch_entry *entry)
{
    struct cairn_writer *writer = store->writer;
    switch (entry->kind) {
    case CAIRN_BATCH_RECORDING: {
        struct cairn_recording row = entry->of.recording;
        row.exact_from_ns = store->exact_from_ns;
        cairn_writer_recording(writer, &row);
        break;
    }
    case CAIRN_BATCH_PROCESS:
        cairn_writer_process(writer, &entry->of.process);
        break;
    case CAIRN_BATCH_THREAD:
        cairn_writer_thread(writer, &entry->of.thread);
        break;
    case CAIRN_BATCH_NOTE:
        cairn_writer_note(writer, entry->of.note.process, entry->of.note.t_ns, entry->of.note.text);
        break;
    case CAIRN_BATCH_MODULE:
        cairn_writer_module(writer, &entry->of.module);
        break;
    case CAIRN_BATCH_SOURCE_FILE:
        cairn_writer_source_file(writer, &entry->of.source_file);
        break;
    case CAIRN_BATCH_FUNCTION:
        cairn_writer_function(writer, &entry->of.function);
        break;
    case CAIRN_BATCH_FRAME:
        cairn_writer_frame(writer, &entry->of.frame);
        break;
    case CAIRN_BATCH_PYTHON_FRAME:
        cairn_writer_frame(writer, &(struct cairn_frame){.frame = entry->of.python_frame.frame,
                                                         .line = entry->of.python_frame.line
                                                                     ? entry->of.python_frame.line
                                                                     : CAIRN_UNKNOWN,
                                                         .offset = CAIRN_UNKNOWN,
                                                         .lang = CAIRN_LANG_PYTHON});
        break;
    case CAIRN_BATCH_STACK: /* write_stacks() */
    case CAIRN_BATCH_ACCOUNT_STACKS:
        break;
    case CAIRN_BATCH_ACCOUNT:
        cairn_writer_account(writer, &entry->of.account.row, entry->of.account.histogram.data,
                             entry->of.account.histogram.length);
        break;
    case CAIRN_BATCH_ACCOUNT_SITE:
        cairn_writer_account_site(writer, entry->of.account_site.account, entry->of.account_site.frame);
        break;
    case CAIRN_BATCH_CHUNK:
        write_chunk(store, &entry->of.chunk);
        break;
    case CAIRN_BATCH_KEYFRAME:
        cairn_writer_keyframe(writer, entry->of.keyframe.chunk, entry->of.keyframe.data.data,
                              entry->of.keyframe.data.length);
        break;
    case CAIRN_BATCH_SNAPSHOT:
        cairn_writer_snapshot(writer, &entry->of.snapshot.row, entry->of.snapshot.sites,
                              entry->of.snapshot.site_count);
        break;
    case CAIRN_BATCH_DROP_SNAPSHOT:
        cairn_writer_drop_snapshot(writer, entry->of.dropped_snapshot);
        break;
    case CAIRN_BATCH_TIMELINE:
        cairn_writer_timeline(writer, entry->of.timeline.level, &entry->of.timeline.point);
        break;
    case CAIRN_BATCH_DROP_TIMELINE:
        cairn_writer_drop_timeline(writer, entry->of.timeline.level, entry->of.timeline.before_t_ns);
        break;
    case CAIRN_BATCH_RESIDENCY:
        cairn_writer_residency(writer, &entry->of.residency);
        break;
    case CAIRN_BATCH_SOURCE:
        cairn_writer_source(writer, &entry->of.source);
        break;
    case CAIRN_BATCH_GRAPH:
        write_graph(store, entry->of.graph);
        break;
    case CAIRN_BATCH_COMMIT:
        commit(store);
        break;
    }
}

/* A run of stacks, which come by the thousand; returns the entry behind it. */
static const struct cairn_batch_entry *write_stacks(struct cairn_store *store,
                                                    const struct cairn_batch_entry *entry)
{
    struct cairn_stack_row rows[STACKS_AT_ONCE];
    size_t count = 0;
    for (; entry && entry->kind == CAIRN_BATCH_STACK && count < STACKS_AT_ONCE; entry = entry->next) {
        rows[count++] = entry->of.stack;
    }
    cairn_writer_stacks(store->writer, rows, count);
    store->put_bytes += (int64_t)count * ROW_BYTES;
    return entry;
}

static void carry_out(struct cairn_store *store, struct cairn_batch *batch)
{
    if (batch->failed) {
        struct cairn_error error;
        cairn_fail(&error, CAIRN_E_NOMEM,
                   "the recorder ran out of memory: what was committed before is kept");
        fail(store, &error);
        cairn_writer_fail(store->writer, &error);
    }
    /* Before the rows are written: meanwhile they get their names, whose rows are in the queue behind these. Only this thread
     * sets `failed`, so it may read it without the lock. */
    if (store->symboliser && !store->failed && !batch->resolved) {
        cairn_symboliser_see(store->symboliser, batch);
    }
    for (const struct cairn_batch_entry *entry = batch->first; entry && !store->failed;) {
        if (entry->kind == CAIRN_BATCH_STACK) {
            entry = write_stacks(store, entry);
        } else {
            write_entry(store, entry);
            store->put_bytes += entry_bytes(entry);
            entry = entry->next;
        }
        if (store->put_bytes > reserve_bytes(store) / 4) {
            make_room(store, 0);
        }
    }
    if (batch->written) {
        batch->written(batch->written_state);
    }
    cairn_batch_free(batch);
}

static void *store_thread(void *state)
{
    cairn_pipeline_enter_stage("cairn-store");
    struct cairn_store *store = state;
    for (;;) {
        void *item = cairn_queue_pop(&store->pipeline->batches);
        if (item == &end_marker) {
            return NULL;
        }
        carry_out(store, item);
    }
}

enum cairn_status cairn_store_start(struct cairn_pipeline *pipeline, struct cairn_writer *writer,
                                    int64_t max_size_bytes, struct cairn_symboliser *symboliser,
                                    struct cairn_store **store, struct cairn_error *error)
{
    struct cairn_store *made = calloc(1, sizeof *made);
    if (!made) {
        return cairn_fail(error, CAIRN_E_NOMEM, "the recorder ran out of memory");
    }
    made->pipeline = pipeline;
    made->writer = writer;
    made->max_size_bytes = max_size_bytes;
    made->symboliser = symboliser;
    made->checkpointed_ns = now_ns();
    pthread_mutex_init(&made->lock, NULL);
    if (pthread_create(&made->thread, NULL, store_thread, made) != 0) {
        pthread_mutex_destroy(&made->lock);
        free(made);
        return cairn_fail(error, CAIRN_E_SYSTEM, "cannot start a thread for the recorder");
    }
    *store = made;
    return CAIRN_OK;
}

static void stop_thread(struct cairn_store *store)
{
    cairn_queue_push(&store->pipeline->batches, &end_marker);
    pthread_join(store->thread, NULL);
}

static void store_free(struct cairn_store *store)
{
    pthread_mutex_destroy(&store->lock);
    free(store->kept);
    free(store);
}

enum cairn_status cairn_store_finish(struct cairn_store *store, struct cairn_error *error)
{
    stop_thread(store);
    struct cairn_error closing = {.status = CAIRN_OK};
    enum cairn_status status = cairn_writer_close(store->writer, &closing);
    if (store->failed) {
        closing = store->error;
        status = closing.status;
    }
    if (status != CAIRN_OK && error) {
        *error = closing;
    }
    store_free(store);
    return status;
}

void cairn_store_discard(struct cairn_store *store)
{
    stop_thread(store);
    cairn_writer_discard(store->writer);
    store_free(store);
}
