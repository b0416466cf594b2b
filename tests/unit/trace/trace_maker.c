#include "trace_maker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(enum cairn_status status, const struct cairn_error *error)
{
    if (status != CAIRN_OK) {
        fprintf(stderr, "trace_maker: %s\n", error->message);
        abort();
    }
}

static void *resize(void *memory, size_t size)
{
    void *grown = realloc(memory, size);
    if (!grown) {
        abort();
    }
    return grown;
}

void maker_open(struct trace_maker *maker, const char *path, size_t chunk_events, unsigned keyframe_chunks)
{
    struct cairn_error error;
    *maker = (struct trace_maker){.chunk_events = chunk_events, .keyframe_chunks = keyframe_chunks};
    check(cairn_writer_create(path, true, &maker->writer, &error), &error);
    maker->events = resize(NULL, chunk_events * sizeof(*maker->events));
    maker->recording = (struct cairn_recording){
        .trace_id = "7b7e6f5e-1f0c-4f8e-9a53-0a1b2c3d4e5f",
        .writer = "cairn test",
        .program = "program",
        .pid = 1000,
        .started_unix_ns = INT64_C(1700000000000000000),
        .exit_status = 0,
        .signal = CAIRN_UNKNOWN,
        .stopped_why = NULL,
        .rss_peak_bytes = CAIRN_UNKNOWN,
        .max_depth = 256,
    };
}

uint32_t maker_process(struct trace_maker *maker, uint32_t parent)
{
    const uint32_t number = (uint32_t)++maker->process_count;
    if (number > sizeof(maker->processes) / sizeof(maker->processes[0])) {
        abort();
    }
    maker->processes[number - 1] = (struct cairn_process){
        .process = number,
        .parent = parent,
        .pid = 1000 + number,
        .program = "program",
        .origin = parent ? "fork" : "start",
        .ended_ns = CAIRN_UNKNOWN,
        .exit_status = CAIRN_UNKNOWN,
        .signal = CAIRN_UNKNOWN,
    };
    cairn_writer_process(maker->writer, &maker->processes[number - 1]);
    const struct cairn_thread thread = {
        .thread = number, .process = number, .tid = 1000 + number, .name = "main", .ended_ns = CAIRN_UNKNOWN};
    cairn_writer_thread(maker->writer, &thread);
    return number;
}

uint32_t maker_account(struct trace_maker *maker, uint32_t process, uint32_t domain, uint32_t stack,
                       uint32_t site)
{
    if (maker->account_count == maker->account_capacity) {
        maker->account_capacity = maker->account_capacity ? maker->account_capacity * 2 : 64;
        maker->accounts = resize(maker->accounts, maker->account_capacity * sizeof(*maker->accounts));
        maker->touched = resize(maker->touched, maker->account_capacity * sizeof(*maker->touched));
    }
    const uint32_t number = (uint32_t)++maker->account_count;
    maker->accounts[number - 1] = (struct maker_account){.row = {.account = number,
                                                                 .process = process,
                                                                 .thread = process,
                                                                 .domain = domain,
                                                                 .stack = stack,
                                                                 .site = site}};
    return number;
}

/* An account that changes has its value at the last peak written down first. */
static void fix_peak(struct trace_maker *maker, struct maker_account *account)
{
    if (account->epoch != maker->peak_epoch) {
        account->epoch = maker->peak_epoch;
        account->row.peak_bytes = account->now.live_bytes;
        account->row.peak_blocks = account->now.live_blocks;
    }
}

/* The account, marked as changed in the open chunk. */
static struct maker_account *touch(struct trace_maker *maker, uint32_t number)
{
    struct maker_account *account = &maker->accounts[number - 1];
    fix_peak(maker, account);
    if (account->touched != maker->chunk.chunk + 1) {
        account->touched = maker->chunk.chunk + 1;
        account->at_border = account->now;
        maker->touched[maker->touched_count++] = number;
    }
    return account;
}

static void change(struct trace_maker *maker, uint32_t number, int64_t bytes, int64_t blocks)
{
    struct maker_account *account = touch(maker, number);
    account->now.live_bytes += bytes;
    account->now.live_blocks += blocks;
    if (account->row.domain <= CAIRN_DOMAIN_LAST_HEAP) {
        maker->heap_bytes += bytes;
        maker->heap_blocks += blocks;
        maker->process_heap[account->row.process - 1] += bytes;
    }
}

static void end_process(struct trace_maker *maker, uint32_t process)
{
    struct cairn_process *row = &maker->processes[process - 1];
    for (size_t i = 0; i < maker->account_count; i++) {
        struct maker_account *account = &maker->accounts[i];
        if (account->row.process == process) {
            account->row.totals = account->now;
            change(maker, account->row.account, -account->now.live_bytes, -account->now.live_blocks);
        }
    }
    row->ended_ns = maker->recording.duration_ns;
}

static void allocate(struct trace_maker *maker, const struct cairn_event *event)
{
    struct cairn_totals *totals = &touch(maker, event->account)->now;
    totals->allocated_bytes += (int64_t)event->size;
    totals->allocations++;
    totals->reallocs += event->kind == CAIRN_EVENT_ALLOC && (event->flags & CAIRN_EVENT_BY_REALLOC) ? 1 : 0;
    change(maker, event->account, (int64_t)event->size, 1);
    maker->recording.allocated_bytes += (int64_t)event->size;
    maker->chunk.allocations++;
}

static void release(struct trace_maker *maker, uint32_t account, uint64_t size, uint8_t flags)
{
    touch(maker, account)->now.temporary += flags & CAIRN_EVENT_TEMPORARY ? 1 : 0;
    change(maker, account, -(int64_t)size, -1);
    maker->chunk.frees++;
}

static void apply(struct trace_maker *maker, const struct cairn_event *event)
{
    struct cairn_recording *recording = &maker->recording;
    switch (event->kind) {
    case CAIRN_EVENT_ALLOC:
        allocate(maker, event);
        recording->alloc_events++;
        break;
    case CAIRN_EVENT_REALLOC:
        release(maker, event->old_account, event->old_size, event->flags);
        allocate(maker, event);
        touch(maker, event->account)->now.reallocs++;
        recording->realloc_events++;
        break;
    case CAIRN_EVENT_ADOPT:
        change(maker, event->account, (int64_t)event->size, 1);
        break;
    case CAIRN_EVENT_SHRINK:
        change(maker, event->account, -(int64_t)event->size, 0);
        break;
    case CAIRN_EVENT_END:
        end_process(maker, event->account);
        break;
    default:
        release(maker, event->account, event->size, event->flags);
        recording->free_events++;
    }
}

static void add_row(struct cairn_account_totals *rows, size_t *count, uint32_t account,
                    const struct cairn_totals *totals, const struct cairn_totals *minus)
{
    const struct cairn_totals difference = {
        .live_bytes = totals->live_bytes - minus->live_bytes,
        .live_blocks = totals->live_blocks - minus->live_blocks,
        .allocated_bytes = totals->allocated_bytes - minus->allocated_bytes,
        .allocations = totals->allocations - minus->allocations,
        .reallocs = totals->reallocs - minus->reallocs,
        .temporary = totals->temporary - minus->temporary,
    };
    static const struct cairn_totals zero;
    if (memcmp(&difference, &zero, sizeof(zero)) != 0) {
        rows[(*count)++] = (struct cairn_account_totals){.account = account, .totals = difference};
    }
}

static int compare_number(const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static void write_chunk(struct trace_maker *maker)
{
    struct cairn_buffer events = CAIRN_BUFFER_INIT, delta = CAIRN_BUFFER_INIT;
    struct cairn_account_totals *rows = resize(NULL, (maker->account_count + 1) * sizeof(*rows));
    struct cairn_error error;
    size_t row_count = 0;
    check(cairn_events_encode(maker->events, maker->count, maker->first_event, 1, &events, &error), &error);
    qsort(maker->touched, maker->touched_count, sizeof(*maker->touched), compare_number);
    for (size_t i = 0; i < maker->touched_count; i++) {
        const struct maker_account *account = &maker->accounts[maker->touched[i] - 1];
        add_row(rows, &row_count, account->row.account, &account->now, &account->at_border);
    }
    check(cairn_totals_encode(rows, row_count, 1, &delta, &error), &error);
    maker->chunk.first_event = maker->first_event;
    maker->chunk.events = maker->count;
    maker->chunk.first_t_ns = (int64_t)maker->events[0].t_ns;
    maker->chunk.last_t_ns = (int64_t)maker->events[maker->count - 1].t_ns;
    maker->chunk.has_data = true;
    cairn_writer_chunk(maker->writer, &maker->chunk, events.data, events.length, delta.data, delta.length);
    cairn_buffer_release(&events);
    cairn_buffer_release(&delta);
    free(rows);
}

static void write_keyframe(struct trace_maker *maker)
{
    struct cairn_buffer blob = CAIRN_BUFFER_INIT;
    struct cairn_account_totals *rows = resize(NULL, (maker->account_count + 1) * sizeof(*rows));
    const struct cairn_totals zero = {0};
    struct cairn_error error;
    size_t count = 0;
    for (size_t i = 0; i < maker->account_count; i++) {
        add_row(rows, &count, (uint32_t)i + 1, &maker->accounts[i].now, &zero);
    }
    check(cairn_totals_encode(rows, count, 1, &blob, &error), &error);
    cairn_writer_keyframe(maker->writer, maker->chunk.chunk, blob.data, blob.length);
    cairn_buffer_release(&blob);
    free(rows);
}

static void start_chunk(struct trace_maker *maker)
{
    const uint32_t number = maker->first_event == 0 ? 0 : maker->chunk.chunk + 1;
    maker->chunk = (struct cairn_chunk){
        .chunk = number,
        .start_bytes = maker->heap_bytes,
        .start_blocks = maker->heap_blocks,
        .max_bytes = INT64_MIN,
        .oldest_freed_event = CAIRN_UNKNOWN,
    };
    maker->touched_count = 0;
    if (number > 0 && number % maker->keyframe_chunks == 0) {
        write_keyframe(maker);
    }
}

uint64_t maker_next(const struct trace_maker *maker)
{
    return maker->first_event + maker->count;
}

uint64_t maker_event(struct trace_maker *maker, const struct cairn_event *event)
{
    if (maker->count == 0) {
        start_chunk(maker);
    }
    const uint64_t ordinal = maker_next(maker);
    struct cairn_event *kept = &maker->events[maker->count++];
    *kept = *event;
    kept->t_ns -= kept->t_ns % CAIRN_EVENT_TIME_UNIT_NS;
    maker->recording.duration_ns = (int64_t)event->t_ns;
    maker->recording.events++;
    apply(maker, event);
    struct cairn_chunk *chunk = &maker->chunk;
    const bool names = event->kind != CAIRN_EVENT_ALLOC && event->kind != CAIRN_EVENT_END;
    if (names && event->birth < maker->first_event &&
        (chunk->oldest_freed_event == CAIRN_UNKNOWN || (int64_t)event->birth < chunk->oldest_freed_event)) {
        chunk->oldest_freed_event = (int64_t)event->birth;
    }
    if (maker->heap_bytes > chunk->max_bytes) {
        chunk->max_bytes = maker->heap_bytes;
        chunk->max_event = ordinal;
    }
    if (maker->heap_bytes > maker->recording.peak_bytes) {
        maker->recording.peak_bytes = maker->heap_bytes;
        maker->recording.peak_blocks = maker->heap_blocks;
        maker->recording.peak_event = (int64_t)ordinal + 1;
        maker->recording.peak_t_ns = (int64_t)kept->t_ns;
        maker->peak_epoch++;
    }
    for (size_t i = 0; i < maker->process_count; i++) {
        if (maker->process_heap[i] > maker->processes[i].peak_bytes) {
            maker->processes[i].peak_bytes = maker->process_heap[i];
            maker->processes[i].peak_event = (int64_t)ordinal + 1;
            maker->processes[i].peak_t_ns = (int64_t)kept->t_ns;
        }
    }
    if (maker->count == maker->chunk_events) {
        write_chunk(maker);
        maker->first_event += maker->count;
        maker->count = 0;
    }
    return ordinal;
}

static void write_rows(struct trace_maker *maker)
{
    if (maker->count > 0) {
        write_chunk(maker);
    }
    for (size_t i = 0; i < maker->process_count; i++) {
        cairn_writer_process(maker->writer, &maker->processes[i]);
    }
    for (size_t i = 0; i < maker->account_count; i++) {
        struct maker_account *account = &maker->accounts[i];
        if (maker->processes[account->row.process - 1].ended_ns == CAIRN_UNKNOWN) {
            account->row.totals = account->now;
        }
        fix_peak(maker, account);
        cairn_writer_account(maker->writer, &account->row, NULL, 0);
    }
    maker->recording.end_bytes = maker->heap_bytes;
    maker->recording.end_blocks = maker->heap_blocks;
    cairn_writer_recording(maker->writer, &maker->recording);
}

void maker_commit(struct trace_maker *maker)
{
    struct cairn_error error;
    write_rows(maker);
    check(cairn_writer_commit(maker->writer, &error), &error);
}

void maker_close(struct trace_maker *maker)
{
    struct cairn_error error;
    maker->recording.complete = true;
    maker->recording.stopped_why = "exited";
    maker_commit(maker);
    check(cairn_writer_close(maker->writer, &error), &error);
    free(maker->accounts);
    free(maker->touched);
    free(maker->events);
}
