#include "random_trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "model.h"
#include "trace/site.h"

#define LEVEL 1 /* of zstd */

void fixture_path(char *path, size_t size, const char *name)
{
    snprintf(path, size, "/tmp/cairn-query-%d-%s.cairn", (int)getpid(), name);
}

/* The collector's part: the frame an account is charged to, by the built-in rule. */
static void charge_sites(struct fixture *fixture)
{
    struct cairn_site_rule *rule;
    struct cairn_error error;
    assert_int_equal(cairn_site_rule_new(true, NULL, 0, &rule, &error), CAIRN_OK);
    for (size_t i = 0; i < fixture->account_count; i++) {
        struct cairn_site_candidate candidates[FIXTURE_STACK_MAX];
        const struct fixture_stack *stack = &fixture->stacks[fixture->accounts[i].stack];
        for (size_t k = 0; k < stack->count; k++) {
            const struct cairn_frame *frame = &fixture->frames[stack->frames[k] - 1];
            candidates[k] = (struct cairn_site_candidate){
                .skipped = cairn_site_rule_skips(
                    rule, frame->function ? fixture->functions[frame->function - 1].name : NULL,
                    frame->module ? fixture->modules[frame->module - 1].path : NULL,
                    (enum cairn_lang)frame->lang),
                .lang = (enum cairn_lang)frame->lang,
            };
        }
        if (stack->count) {
            fixture->accounts[i].site =
                stack->frames[cairn_site_rule_choose(candidates, stack->count, false)];
        }
    }
    cairn_site_rule_free(rule);
}

static void write_names(struct fixture *fixture, struct cairn_writer *writer)
{
    for (size_t i = 0; i < fixture->module_count; i++) {
        cairn_writer_module(writer, &fixture->modules[i]);
    }
    for (size_t i = 0; i < fixture->file_count; i++) {
        cairn_writer_source_file(writer, &fixture->files[i]);
    }
    for (size_t i = 0; i < fixture->function_count; i++) {
        cairn_writer_function(writer, &fixture->functions[i]);
    }
    for (size_t i = 0; i < fixture->frame_count; i++) {
        cairn_writer_frame(writer, &fixture->frames[i]);
    }
}

/* Rows of the trie. A stack's parent is the one whose frames are its own but for the innermost. */
static void write_stacks(struct fixture *fixture, struct cairn_writer *writer)
{
    for (size_t i = 1; i <= fixture->stack_count; i++) {
        const struct fixture_stack *stack = &fixture->stacks[i];
        const size_t own = fixture->frames[stack->frames[0] - 1].inlined_into ? 2 : 1;
        size_t parent = stack->count > own ? SIZE_MAX : 0;
        for (size_t k = 1; k < i && parent == SIZE_MAX; k++) {
            const struct fixture_stack *other = &fixture->stacks[k];
            if (other->count + own == stack->count &&
                memcmp(other->frames, stack->frames + own, other->count * sizeof(uint32_t)) == 0) {
                parent = k;
            }
        }
        assert_true(parent != SIZE_MAX);
        cairn_writer_stack(writer, &(struct cairn_stack_row){
                                       .stack = (uint32_t)i,
                                       .parent = (uint32_t)parent,
                                       .frame = stack->frames[0],
                                       .depth = (uint32_t)stack->count,
                                   });
    }
}

/* The difference of two states as rows; `from` NULL: the state itself. */
static size_t totals_rows(const struct fixture *fixture, const struct cairn_totals *from,
                          const struct cairn_totals *to, struct cairn_account_totals *rows)
{
    size_t count = 0;
    const struct cairn_totals none = {.live_bytes = 0};
    for (size_t i = 0; i < fixture->account_count; i++) {
        const struct cairn_totals *before = from ? &from[i] : &none;
        const struct cairn_totals change = {
            .live_bytes = to[i].live_bytes - before->live_bytes,
            .live_blocks = to[i].live_blocks - before->live_blocks,
            .allocated_bytes = to[i].allocated_bytes - before->allocated_bytes,
            .allocations = to[i].allocations - before->allocations,
            .reallocs = to[i].reallocs - before->reallocs,
            .temporary = to[i].temporary - before->temporary,
            .live_variance = to[i].live_variance - before->live_variance,
            .allocated_variance = to[i].allocated_variance - before->allocated_variance,
        };
        if (memcmp(&change, &none, sizeof(change)) != 0) {
            rows[count++] = (struct cairn_account_totals){.account = (uint32_t)i + 1, .totals = change};
        }
    }
    return count;
}

static void heap_of(const struct fixture *fixture, const struct cairn_totals *totals, int64_t *bytes,
                    int64_t *blocks)
{
    *bytes = *blocks = 0;
    for (size_t i = 0; i < fixture->account_count; i++) {
        if (fixture->accounts[i].domain <= CAIRN_DOMAIN_LAST_HEAP) {
            *bytes += totals[i].live_bytes;
            *blocks += totals[i].live_blocks;
        }
    }
}

static struct cairn_chunk chunk_row(const struct fixture *fixture, uint32_t chunk, uint64_t first,
                                    uint64_t last)
{
    struct cairn_chunk row = {
        .chunk = chunk,
        .first_event = first,
        .events = last - first,
        .first_t_ns = (int64_t)fixture->events[first].t_ns,
        .last_t_ns = (int64_t)fixture->events[last - 1].t_ns,
        .oldest_freed_event = CAIRN_UNKNOWN,
        .max_bytes = INT64_MIN,
        .has_data = true,
    };
    for (uint64_t i = first; i < last; i++) {
        const struct cairn_event *event = &fixture->events[i];
        const bool frees = event->kind == CAIRN_EVENT_FREE || event->kind == CAIRN_EVENT_LOST ||
                           event->kind == CAIRN_EVENT_REALLOC;
        const bool names = frees || event->kind == CAIRN_EVENT_ADOPT;
        row.allocations += event->kind == CAIRN_EVENT_ALLOC || event->kind == CAIRN_EVENT_REALLOC;
        row.frees += frees;
        if (names && event->birth < first &&
            (row.oldest_freed_event == CAIRN_UNKNOWN || (int64_t)event->birth < row.oldest_freed_event)) {
            row.oldest_freed_event = (int64_t)event->birth;
        }
        struct cairn_totals *after = model_state(fixture, i + 1);
        int64_t bytes, blocks;
        heap_of(fixture, after, &bytes, &blocks);
        free(after);
        if (bytes > row.max_bytes) {
            row.max_bytes = bytes;
            row.max_event = i;
        }
    }
    return row;
}

static void write_chunk(struct fixture *fixture, struct cairn_writer *writer, uint32_t chunk, uint64_t first,
                        uint64_t last)
{
    struct cairn_totals *before = model_state(fixture, first), *after = model_state(fixture, last);
    struct cairn_account_totals *rows = calloc(fixture->account_count + 1, sizeof(*rows));
    struct cairn_buffer data = CAIRN_BUFFER_INIT, delta = CAIRN_BUFFER_INIT, keyframe = CAIRN_BUFFER_INIT;
    struct cairn_error error;
    assert_non_null(rows);
    assert_int_equal(cairn_events_encode(fixture->events + first, last - first, first, LEVEL, &data, &error),
                     CAIRN_OK);
    size_t count = totals_rows(fixture, before, after, rows);
    assert_int_equal(cairn_totals_encode(rows, count, LEVEL, &delta, &error), CAIRN_OK);
    struct cairn_chunk row = chunk_row(fixture, chunk, first, last);
    heap_of(fixture, before, &row.start_bytes, &row.start_blocks);
    cairn_writer_chunk(writer, &row, data.data, data.length, delta.data, delta.length);
    if (chunk % CAIRN_KEYFRAME_CHUNKS == 0) {
        count = totals_rows(fixture, NULL, before, rows);
        assert_int_equal(cairn_totals_encode(rows, count, LEVEL, &keyframe, &error), CAIRN_OK);
        cairn_writer_keyframe(writer, chunk, keyframe.data, keyframe.length);
    }
    cairn_buffer_release(&data);
    cairn_buffer_release(&delta);
    cairn_buffer_release(&keyframe);
    free(rows);
    free(before);
    free(after);
}

/* Size and lifetime of every block an account made. */
static void encode_histogram(const struct fixture *fixture, uint32_t account, struct cairn_buffer *blob)
{
    struct cairn_histogram_cell cells[512];
    size_t count = 0;
    for (uint64_t i = 0; i < fixture->event_count; i++) {
        const struct cairn_event *event = &fixture->events[i];
        if (event->account != account ||
            (event->kind != CAIRN_EVENT_ALLOC && event->kind != CAIRN_EVENT_REALLOC)) {
            continue;
        }
        uint8_t lifetime = CAIRN_LIFETIME_LIVE;
        bool temporary = false;
        for (uint64_t k = i + 1; k < fixture->event_count; k++) {
            const struct cairn_event *end = &fixture->events[k];
            if (end->birth == i && (end->kind == CAIRN_EVENT_FREE || end->kind == CAIRN_EVENT_LOST ||
                                    end->kind == CAIRN_EVENT_REALLOC)) {
                lifetime = (uint8_t)cairn_lifetime_bucket(end->t_ns - event->t_ns);
                temporary = end->flags & CAIRN_EVENT_TEMPORARY;
                break;
            }
        }
        const uint8_t size = (uint8_t)cairn_size_bucket(event->size);
        size_t at = 0;
        while (at < count && (cells[at].size_bucket != size || cells[at].lifetime_bucket != lifetime)) {
            at++;
        }
        if (at == count) {
            cells[count++] = (struct cairn_histogram_cell){.size_bucket = size, .lifetime_bucket = lifetime};
        }
        cells[at].blocks++;
        cells[at].temporary += temporary;
    }
    struct cairn_error error;
    assert_int_equal(cairn_histogram_encode(cells, count, blob, &error), CAIRN_OK);
}

static void write_accounts(struct fixture *fixture, struct cairn_writer *writer)
{
    struct cairn_totals *last = model_state(fixture, fixture->event_count), *end = model_end(fixture);
    struct cairn_totals *peak = model_state(fixture, model_peak(fixture, 0, 0, fixture->event_count));
    for (size_t i = 0; i < fixture->account_count; i++) {
        struct cairn_account row = fixture->accounts[i];
        struct cairn_buffer histogram = CAIRN_BUFFER_INIT;
        row.totals = last[i];
        row.totals.live_bytes = end[i].live_bytes;
        row.totals.live_blocks = end[i].live_blocks;
        row.peak_bytes = peak[i].live_bytes;
        row.peak_blocks = peak[i].live_blocks;
        encode_histogram(fixture, row.account, &histogram);
        cairn_writer_account(writer, &row, histogram.data, histogram.length);
        cairn_buffer_release(&histogram);
    }
    free(last);
    free(end);
    free(peak);
}

static void write_snapshots(struct fixture *fixture, struct cairn_writer *writer)
{
    for (size_t i = 0; i < fixture->snapshot_count; i++) {
        struct cairn_snapshot *row = &fixture->snapshots[i];
        struct cairn_totals *state = model_state(fixture, row->event);
        struct cairn_snapshot_site *sites = calloc(fixture->account_count + 1, sizeof(*sites));
        size_t count = 0;
        assert_non_null(sites);
        heap_of(fixture, state, &row->bytes, &row->blocks);
        for (size_t k = 0; k < fixture->account_count; k++) {
            if (state[k].live_bytes || state[k].live_blocks) {
                sites[count++] = (struct cairn_snapshot_site){.account = (uint32_t)k + 1,
                                                              .live_bytes = state[k].live_bytes,
                                                              .live_blocks = state[k].live_blocks};
            }
        }
        cairn_writer_snapshot(writer, row, sites, count);
        free(sites);
        free(state);
    }
}

static void write_recording(struct fixture *fixture, struct cairn_writer *writer)
{
    const uint64_t peak = model_peak(fixture, 0, 0, fixture->event_count);
    struct cairn_totals *at_peak = model_state(fixture, peak);
    struct cairn_recording row = {
        .trace_id = "00000000-0000-4000-8000-000000000000",
        .writer = "cairn test",
        .program = "/usr/bin/prog",
        .pid = 4001,
        .started_unix_ns = INT64_C(1700000000) * 1000000000, /* 22:13:20 UTC */
        .utc_offset_s = 3600,
        .duration_ns = fixture->duration_ns,
        .exit_status = fixture->options.incomplete ? CAIRN_UNKNOWN : 0,
        .signal = CAIRN_UNKNOWN,
        .stopped_why = fixture->options.incomplete ? NULL : "exited",
        .complete = !fixture->options.incomplete,
        .events = (int64_t)fixture->event_count,
        .peak_t_ns = peak ? (int64_t)fixture->events[peak - 1].t_ns : 0,
        .peak_event = (int64_t)peak,
        .rss_peak_bytes = CAIRN_UNKNOWN,
        .sample_bytes = fixture->options.sample_bytes,
        .max_depth = 256,
    };
    heap_of(fixture, at_peak, &row.peak_bytes, &row.peak_blocks);
    cairn_writer_recording(writer, &row);
    free(at_peak);
}

static void write_trace(struct fixture *fixture)
{
    struct cairn_writer *writer;
    struct cairn_error error;
    assert_int_equal(cairn_writer_create(fixture->path, true, &writer, &error), CAIRN_OK);
    write_recording(fixture, writer);
    for (size_t i = 0; i < fixture->process_count; i++) {
        cairn_writer_process(writer, &fixture->processes[i]);
    }
    for (size_t i = 0; i < fixture->thread_count; i++) {
        cairn_writer_thread(writer, &fixture->threads[i]);
    }
    write_names(fixture, writer);
    write_stacks(fixture, writer);
    write_accounts(fixture, writer);
    uint32_t chunk = 0;
    for (uint64_t first = 0; first < fixture->event_count; first += FIXTURE_CHUNK_EVENTS, chunk++) {
        const uint64_t last = first + FIXTURE_CHUNK_EVENTS;
        write_chunk(fixture, writer, chunk, first, last < fixture->event_count ? last : fixture->event_count);
    }
    write_snapshots(fixture, writer);
    if (fixture->options.write_more) {
        fixture->options.write_more(fixture, writer);
    }
    assert_int_equal(cairn_writer_close(writer, &error), CAIRN_OK);
}

void fixture_init(struct fixture *fixture, const struct fixture_options *options)
{
    char name[32];
    *fixture = (struct fixture){.options = *options, .random = options->seed * 0x9e3779b97f4a7c15ull + 1};
    snprintf(name, sizeof(name), "%u-%d", options->seed, options->lines_moved);
    fixture_path(fixture->path, sizeof(fixture->path), name);
    fixture_make_code(fixture);
    fixture_make_stacks(fixture);
    fixture_make_processes(fixture);
    if (options->make_events) {
        options->make_events(fixture);
    } else {
        fixture_make_events(fixture);
    }
    charge_sites(fixture);
    write_trace(fixture);
}

void fixture_release(struct fixture *fixture)
{
    unlink(fixture->path);
    free(fixture->stacks);
    free(fixture->events);
}
