#include "trace/described.h"

#include <string.h>

#include "trace/event_columns.h"
#include "trace/untold.h"

/* Columns of a SELECT list, in order. */
struct columns {
    struct cairn_cursor *cursor;
    int next;
};

static int64_t take(struct columns *columns)
{
    return cairn_cursor_int(columns->cursor, columns->next++);
}

static int64_t take_optional(struct columns *columns)
{
    return cairn_cursor_optional(columns->cursor, columns->next++);
}

static uint32_t take_number(struct columns *columns)
{
    return cairn_cursor_number(columns->cursor, columns->next++);
}

static uint64_t take_natural(struct columns *columns)
{
    return cairn_cursor_natural(columns->cursor, columns->next++);
}

static const char *take_text(struct columns *columns)
{
    return cairn_cursor_text(columns->cursor, columns->next++);
}

/* Of a column that is never NULL. */
static const char *take_name(struct columns *columns)
{
    const char *text = take_text(columns);
    return text ? text : "";
}

/* The recording's row is loaded before any other table's. */
static unsigned untold(const struct cairn_cursor *cursor)
{
    const struct cairn_recording *recording = cairn_trace_recording(cursor->trace);
    return recording != NULL ? recording->untold : 0;
}

/* Its key is the row number, which is not kept: there is one row. */
static void read_recording(struct cairn_cursor *cursor, void *into)
{
    struct columns in = {.cursor = cursor};
    struct cairn_recording *row = into;
    row->trace_id = take_name(&in);
    row->writer = take_name(&in);
    row->program = take_name(&in);
    row->args = take_text(&in);
    row->host = take_text(&in);
    row->pid = take(&in);
    row->started_unix_ns = take(&in);
    row->utc_offset_s = take(&in);
    row->duration_ns = (int64_t)take_natural(&in);
    row->exit_status = take_optional(&in);
    row->signal = take_optional(&in);
    row->stopped_why = take_text(&in);
    row->complete = take(&in) != 0;
    row->closing = take(&in) != 0;
    row->events = (int64_t)take_natural(&in);
    row->alloc_events = take(&in);
    row->free_events = take(&in);
    row->realloc_events = take(&in);
    row->unknown_free_events = take(&in);
    row->lost_events = take(&in);
    row->allocated_bytes = take(&in);
    row->peak_t_ns = take(&in);
    row->peak_event = take(&in);
    row->peak_bytes = take(&in);
    row->peak_blocks = take(&in);
    row->end_bytes = take(&in);
    row->end_blocks = take(&in);
    row->rss_peak_bytes = take_optional(&in);
    row->sample_bytes = take(&in);
    row->max_depth = take(&in);
    row->stalled_ns = take(&in);
    row->exact_from_ns = take(&in);
    row->untold = cairn_untold_by(take_text(&in));
    cairn_untold_recording(row);
}

static void read_process(struct cairn_cursor *cursor, void *into)
{
    struct columns in = {.cursor = cursor};
    struct cairn_process *row = into;
    row->process = take_number(&in);
    row->pid = take(&in);
    row->parent = take_number(&in);
    row->program = take_name(&in);
    row->args = take_text(&in);
    row->started_ns = take(&in);
    row->ended_ns = take_optional(&in);
    row->exit_status = take_optional(&in);
    row->signal = take_optional(&in);
    row->python = take_text(&in);
    row->origin = take_name(&in);
    row->peak_t_ns = take(&in);
    row->peak_event = take(&in);
    row->peak_bytes = take(&in);
    row->peak_blocks = take(&in);
    row->end_bytes = take(&in);
    row->end_blocks = take(&in);
    cairn_untold_process(untold(cursor), row);
}

static void read_thread(struct cairn_cursor *cursor, void *into)
{
    struct columns in = {.cursor = cursor};
    struct cairn_thread *row = into;
    row->thread = take_number(&in);
    row->process = take_number(&in);
    row->tid = take(&in);
    cairn_untold_thread(untold(cursor), row);
    row->name = take_text(&in);
    row->started_ns = take(&in);
    row->ended_ns = take_optional(&in);
}

static void read_note(struct cairn_cursor *cursor, void *into)
{
    struct columns in = {.cursor = cursor};
    struct cairn_note *row = into;
    row->note = take_number(&in);
    row->process = take_number(&in);
    row->t_ns = take(&in);
    row->text = take_name(&in);
}

static void read_module(struct cairn_cursor *cursor, void *into)
{
    struct columns in = {.cursor = cursor};
    struct cairn_module *row = into;
    row->module = take_number(&in);
    row->path = take_name(&in);
    row->build_id = take_text(&in);
    row->symbols = take_text(&in);
}

static void read_file(struct cairn_cursor *cursor, void *into)
{
    struct columns in = {.cursor = cursor};
    struct cairn_source_file *row = into;
    row->file = take_number(&in);
    row->path = take_name(&in);
}

static void read_function(struct cairn_cursor *cursor, void *into)
{
    struct columns in = {.cursor = cursor};
    struct cairn_function *row = into;
    row->function = take_number(&in);
    row->name = take_name(&in);
    row->linkage_name = take_text(&in);
    row->lang = take(&in) == CAIRN_LANG_PYTHON ? CAIRN_LANG_PYTHON : CAIRN_LANG_NATIVE;
}

static void read_frame(struct cairn_cursor *cursor, void *into)
{
    struct columns in = {.cursor = cursor};
    struct cairn_frame *row = into;
    row->frame = take_number(&in);
    row->function = take_number(&in);
    row->file = take_number(&in);
    row->line = take_optional(&in);
    row->module = take_number(&in);
    row->offset = take_optional(&in);
    row->lang = take(&in) == CAIRN_LANG_PYTHON ? CAIRN_LANG_PYTHON : CAIRN_LANG_NATIVE;
    const int64_t kind = take(&in);
    row->kind = kind == CAIRN_FRAME_TRUNCATED || kind == CAIRN_FRAME_STOPPED ? (int)kind : CAIRN_FRAME_PLAIN;
    row->inlined_into = take_number(&in);
}

static void read_account(struct cairn_cursor *cursor, void *into)
{
    struct columns in = {.cursor = cursor};
    struct cairn_account *row = into;
    row->account = take_number(&in);
    row->process = take_number(&in);
    row->thread = take_number(&in);
    row->domain = take_number(&in);
    row->stack = take_number(&in);
    row->site = take_number(&in);
    row->totals.live_bytes = take(&in);
    row->totals.live_blocks = take(&in);
    row->totals.allocated_bytes = take(&in);
    row->totals.allocations = take(&in);
    row->totals.reallocs = take(&in);
    row->totals.temporary = take(&in);
    row->peak_bytes = take(&in);
    row->peak_blocks = take(&in);
}

static enum cairn_status check_accounts(struct cairn_trace *trace, struct cairn_table *table,
                                        struct cairn_error *error)
{
    const struct cairn_account *rows = table->rows;
    /* They ascend, so the last number says whether there are holes. */
    return table->count == 0 || rows[table->count - 1].account == table->count
               ? CAIRN_OK
               : cairn_reader_damaged(trace, "accounts are missing", error);
}

static void read_chunk(struct cairn_cursor *cursor, void *into)
{
    struct columns in = {.cursor = cursor};
    struct cairn_chunk *row = into;
    row->chunk = take_number(&in);
    row->first_event = take_natural(&in);
    row->events = take_natural(&in);
    row->first_t_ns = take(&in);
    row->last_t_ns = take(&in);
    row->start_bytes = take(&in);
    row->start_blocks = take(&in);
    row->max_bytes = take(&in);
    row->max_event = take_natural(&in);
    row->allocations = take(&in);
    row->frees = take(&in);
    row->oldest_freed_event = take_optional(&in);
    row->has_data = take(&in) != 0;
}

static enum cairn_status check_chunks(struct cairn_trace *trace, struct cairn_table *table,
                                      struct cairn_error *error)
{
    const struct cairn_chunk *rows = table->rows;
    uint64_t next = 0;
    int64_t t_ns = 0;
    for (size_t i = 0; i < table->count; i++) {
        /* Single events that are gone take no memory: of them a chunk may stand for any number. */
        const uint64_t most = rows[i].has_data ? CAIRN_CHUNK_MOST_EVENTS : (uint64_t)INT64_MAX - next;
        const bool whole = rows[i].chunk == i && rows[i].first_event == next && rows[i].events > 0 &&
                           rows[i].events <= most && rows[i].first_t_ns >= t_ns &&
                           rows[i].last_t_ns >= rows[i].first_t_ns;
        if (!whole) {
            return cairn_reader_damaged(trace, "event chunks do not follow each other", error);
        }
        next += rows[i].events;
        t_ns = rows[i].last_t_ns;
    }
    return CAIRN_OK;
}

static void read_keyframe(struct cairn_cursor *cursor, void *into)
{
    uint32_t *row = into;
    *row = cairn_cursor_number(cursor, 0);
}

static void read_snapshot(struct cairn_cursor *cursor, void *into)
{
    struct columns in = {.cursor = cursor};
    struct cairn_snapshot *row = into;
    row->snapshot = take_number(&in);
    row->t_ns = take(&in);
    row->event = take_natural(&in);
    row->kind = take_name(&in);
    row->name = take_text(&in);
    row->process = take_number(&in);
    row->bytes = take(&in);
    row->blocks = take(&in);
    row->graph = take_number(&in);
    cairn_untold_snapshot(untold(cursor), row);
}

static void read_residency(struct cairn_cursor *cursor, void *into)
{
    struct columns in = {.cursor = cursor};
    struct cairn_residency *row = into;
    row->t_ns = take(&in);
    row->process = take_number(&in);
    row->category = take_name(&in);
    row->name = take_name(&in);
    row->rss_bytes = take(&in);
    row->pss_bytes = take(&in);
    row->swap_bytes = take(&in);
    row->size_bytes = take(&in);
}

static int compare_residency(const void *a, const void *b)
{
    const struct cairn_residency *left = a, *right = b;
    if (left->t_ns != right->t_ns) {
        return left->t_ns < right->t_ns ? -1 : 1;
    }
    if (left->process != right->process) {
        return left->process < right->process ? -1 : 1;
    }
    const int order = strcmp(left->category, right->category);
    return order ? order : strcmp(left->name, right->name);
}

static void read_source(struct cairn_cursor *cursor, void *into)
{
    struct columns in = {.cursor = cursor};
    struct cairn_source_line *row = into;
    row->file = take_number(&in);
    row->line = take(&in);
    row->text = take_name(&in);
}

static int compare_source(const void *a, const void *b)
{
    const struct cairn_source_line *left = a, *right = b;
    if (left->file != right->file) {
        return left->file < right->file ? -1 : 1;
    }
    return (left->line > right->line) - (left->line < right->line);
}

const struct cairn_description cairn_descriptions[CAIRN_TABLE_COUNT] = {
    [CAIRN_TABLE_RECORDING] =
        {
            .subject = "the recording",
            .sql = "SELECT trace_id, writer, program, args, host, pid, started_unix_ns, utc_offset_s, "
                   "duration_ns, exit_status, signal, stopped_why, complete, closing, events, "
                   "alloc_events, free_events, realloc_events, unknown_free_events, lost_events, "
                   "allocated_bytes, peak_t_ns, peak_event, peak_bytes, peak_blocks, end_bytes, "
                   "end_blocks, rss_peak_bytes, sample_bytes, max_depth, stalled_ns, exact_from_ns, "
                   "(SELECT origin FROM process WHERE process = 1) FROM recording WHERE id = 1",
            .row_size = sizeof(struct cairn_recording),
            .read = read_recording,
        },
    [CAIRN_TABLE_PROCESS] =
        {
            .subject = "processes",
            .sql = "SELECT process, pid, parent, program, args, started_ns, ended_ns, exit_status, "
                   "signal, python, origin, peak_t_ns, peak_event, peak_bytes, peak_blocks, end_bytes, "
                   "end_blocks FROM process ORDER BY process",
            .row_size = sizeof(struct cairn_process),
            .read = read_process,
        },
    [CAIRN_TABLE_THREAD] =
        {
            .subject = "threads",
            .sql = "SELECT thread, process, tid, name, started_ns, ended_ns FROM thread ORDER BY thread",
            .row_size = sizeof(struct cairn_thread),
            .read = read_thread,
        },
    [CAIRN_TABLE_NOTE] =
        {
            .subject = "notes",
            .sql = "SELECT note, process, t_ns, text FROM note ORDER BY note",
            .row_size = sizeof(struct cairn_note),
            .read = read_note,
        },
    [CAIRN_TABLE_MODULE] =
        {
            .subject = "modules",
            .sql = "SELECT module, path, build_id, symbols FROM module ORDER BY module",
            .row_size = sizeof(struct cairn_module),
            .read = read_module,
        },
    [CAIRN_TABLE_FILE] =
        {
            .subject = "source files",
            .sql = "SELECT file, path FROM source_file ORDER BY file",
            .row_size = sizeof(struct cairn_source_file),
            .read = read_file,
        },
    [CAIRN_TABLE_FUNCTION] =
        {
            .subject = "functions",
            .sql = "SELECT function, name, linkage_name, lang FROM function ORDER BY function",
            .row_size = sizeof(struct cairn_function),
            .read = read_function,
        },
    [CAIRN_TABLE_FRAME] =
        {
            .subject = "frames",
            .sql = "SELECT frame, function, file, line, module, offset, lang, kind, inlined_into FROM "
                   "frame ORDER BY frame",
            .row_size = sizeof(struct cairn_frame),
            .read = read_frame,
        },
    [CAIRN_TABLE_ACCOUNT] =
        {
            .subject = "accounts",
            .sql = "SELECT account, process, thread, domain, stack, site, live_bytes, live_blocks, "
                   "allocated_bytes, allocations, reallocs, temporary, peak_bytes, peak_blocks FROM "
                   "account ORDER BY account",
            .row_size = sizeof(struct cairn_account),
            .read = read_account,
            .check = check_accounts,
        },
    [CAIRN_TABLE_CHUNK] =
        {
            .subject = "event chunks",
            .sql = "SELECT chunk, first_event, events, first_t_ns, last_t_ns, start_bytes, start_blocks, "
                   "max_bytes, max_event, allocations, frees, oldest_freed_event, typeof(data) = 'blob' "
                   "FROM event_chunk ORDER BY chunk",
            .row_size = sizeof(struct cairn_chunk),
            .read = read_chunk,
            .check = check_chunks,
        },
    [CAIRN_TABLE_KEYFRAME] =
        {
            .subject = "keyframes",
            .sql = "SELECT chunk FROM keyframe ORDER BY chunk",
            .row_size = sizeof(uint32_t),
            .read = read_keyframe,
        },
    [CAIRN_TABLE_SNAPSHOT] =
        {
            .subject = "snapshots",
            .sql = "SELECT snapshot, t_ns, event, kind, name, process, bytes, blocks, graph FROM "
                   "snapshot ORDER BY snapshot",
            .row_size = sizeof(struct cairn_snapshot),
            .read = read_snapshot,
        },
    [CAIRN_TABLE_RESIDENCY] =
        {
            .subject = "residency",
            .sql = "SELECT t_ns, process, category, name, rss_bytes, pss_bytes, swap_bytes, size_bytes "
                   "FROM residency ORDER BY t_ns, process, category, name",
            .row_size = sizeof(struct cairn_residency),
            .read = read_residency,
            .compare = compare_residency,
        },
    [CAIRN_TABLE_SOURCE] =
        {
            .subject = "source lines",
            .sql = "SELECT file, line, text FROM source ORDER BY file, line",
            .row_size = sizeof(struct cairn_source_line),
            .read = read_source,
            .compare = compare_source,
        },
};
