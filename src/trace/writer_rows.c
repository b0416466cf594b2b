#include "trace/writer_private.h"

enum statement {
    PUT_RECORDING,
    PUT_PROCESS,
    PUT_THREAD,
    PUT_NOTE,
    PUT_MODULE,
    PUT_SOURCE_FILE,
    PUT_FUNCTION,
    PUT_FRAME,
    PUT_STACK,
    PUT_STACKS,
    PUT_ACCOUNT,
    SET_ACCOUNT_SITE,
    PUT_CHUNK,
    PUT_CHUNK_DELTA,
    DROP_EVENTS,
    SET_EXACT_FROM,
    PUT_KEYFRAME,
    PUT_SNAPSHOT,
    PUT_SNAPSHOT_SITE,
    PUT_SNAPSHOT_SITES,
    DROP_SNAPSHOT_SITES,
    DROP_SNAPSHOT,
    PUT_TIMELINE,
    DROP_TIMELINE,
    PUT_RESIDENCY,
    PUT_SOURCE,
    PAGES_BYTES,
    STATEMENT_COUNT
};
_Static_assert(STATEMENT_COUNT <= CAIRN_WRITER_GRAPH_STATEMENTS, "more statements than the writer keeps");

/* Rows of four columns that come by the thousand go in groups: half of a row alone is beginning and ending a statement. */
#define GROUP          32u
#define FOUR           "(?, ?, ?, ?)"
#define TWICE(x)       x ", " x
#define FOURS          TWICE(TWICE(TWICE(TWICE(TWICE(FOUR)))))

#define PUT_STACK_HEAD "INSERT OR REPLACE INTO stack (stack, parent, frame, depth) VALUES "
#define PUT_SNAPSHOT_SITE_HEAD                                                                               \
    "INSERT INTO snapshot_site (snapshot, account, live_bytes, live_blocks) VALUES "

/* Parameters are bound in the order of the columns named. An account keeps its histogram where none is given. */
static const char *const texts[STATEMENT_COUNT] = {
    [PUT_RECORDING] =
        "INSERT OR REPLACE INTO recording (id, trace_id, writer, program, args, host, pid, started_unix_ns, "
        "utc_offset_s, duration_ns, exit_status, signal, stopped_why, complete, closing, events, "
        "alloc_events, "
        "free_events, realloc_events, unknown_free_events, lost_events, allocated_bytes, peak_t_ns, "
        "peak_event, "
        "peak_bytes, peak_blocks, end_bytes, end_blocks, rss_peak_bytes, sample_bytes, max_depth, "
        "stalled_ns, "
        "exact_from_ns) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "?, ?, ?, "
        "?, ?, ?, ?, ?)",
    [PUT_PROCESS] =
        "INSERT OR REPLACE INTO process (process, pid, parent, program, args, started_ns, ended_ns, "
        "exit_status, "
        "signal, python, origin, peak_t_ns, peak_event, peak_bytes, peak_blocks, end_bytes, end_blocks) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [PUT_THREAD] = "INSERT OR REPLACE INTO thread (thread, process, tid, name, started_ns, ended_ns) "
                   "VALUES (?, ?, ?, ?, ?, ?)",
    [PUT_NOTE] = "INSERT INTO note (process, t_ns, text) VALUES (?, ?, ?)",
    [PUT_MODULE] = "INSERT OR REPLACE INTO module (module, path, build_id, symbols) VALUES (?, ?, ?, ?)",
    [PUT_SOURCE_FILE] = "INSERT INTO source_file (file, path) VALUES (?, ?) "
                        "ON CONFLICT (file) DO UPDATE SET path = excluded.path",
    [PUT_FUNCTION] =
        "INSERT OR REPLACE INTO function (function, name, linkage_name, lang) VALUES (?, ?, ?, ?)",
    [PUT_FRAME] = "INSERT OR REPLACE INTO frame (frame, function, file, line, module, offset, lang, kind, "
                  "inlined_into) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [PUT_STACK] = PUT_STACK_HEAD FOUR,
    [PUT_STACKS] = PUT_STACK_HEAD FOURS,
    [PUT_ACCOUNT] =
        "INSERT INTO account (account, process, thread, domain, stack, site, live_bytes, live_blocks, "
        "allocated_bytes, allocations, reallocs, temporary, peak_bytes, peak_blocks, histogram) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account) DO UPDATE SET "
        "process = excluded.process, thread = excluded.thread, domain = excluded.domain, stack = "
        "excluded.stack, "
        "site = excluded.site, live_bytes = excluded.live_bytes, live_blocks = excluded.live_blocks, "
        "allocated_bytes = excluded.allocated_bytes, allocations = excluded.allocations, "
        "reallocs = excluded.reallocs, temporary = excluded.temporary, peak_bytes = excluded.peak_bytes, "
        "peak_blocks = excluded.peak_blocks, histogram = coalesce(excluded.histogram, histogram)",
    [SET_ACCOUNT_SITE] = "UPDATE account SET site = ? WHERE account = ?",
    [PUT_CHUNK] =
        "INSERT OR REPLACE INTO event_chunk (chunk, first_event, events, first_t_ns, last_t_ns, "
        "start_bytes, start_blocks, max_bytes, max_event, allocations, frees, oldest_freed_event, data) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [PUT_CHUNK_DELTA] = "INSERT OR REPLACE INTO chunk_delta (chunk, data) VALUES (?, ?)",
    [DROP_EVENTS] = "UPDATE event_chunk SET data = NULL WHERE chunk BETWEEN ? AND ? AND data IS NOT NULL",
    [SET_EXACT_FROM] = "UPDATE recording SET exact_from_ns = ?",
    [PUT_KEYFRAME] = "INSERT OR REPLACE INTO keyframe (chunk, data) VALUES (?, ?)",
    [PUT_SNAPSHOT] =
        "INSERT OR REPLACE INTO snapshot (snapshot, t_ns, event, kind, name, process, bytes, blocks, "
        "graph) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [PUT_SNAPSHOT_SITE] = PUT_SNAPSHOT_SITE_HEAD FOUR,
    [PUT_SNAPSHOT_SITES] = PUT_SNAPSHOT_SITE_HEAD FOURS,
    [DROP_SNAPSHOT_SITES] = "DELETE FROM snapshot_site WHERE snapshot = ?",
    [DROP_SNAPSHOT] = "DELETE FROM snapshot WHERE snapshot = ?",
    [PUT_TIMELINE] = "INSERT OR REPLACE INTO timeline (level, t_ns, heap_bytes, heap_blocks, heap_max_bytes, "
                     "mapped_bytes, "
                     "allocations, frees, rss_bytes, rss_anonymous_bytes, rss_file_bytes, rss_shared_bytes) "
                     "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [DROP_TIMELINE] = "DELETE FROM timeline WHERE level BETWEEN ? AND ? AND t_ns < ?",
    [PUT_RESIDENCY] =
        "INSERT OR REPLACE INTO residency (t_ns, process, category, name, rss_bytes, pss_bytes, "
        "swap_bytes, size_bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    [PUT_SOURCE] = "INSERT OR REPLACE INTO source (file, line, text) VALUES (?, ?, ?)",
    [PAGES_BYTES] = "SELECT page_count * page_size, freelist_count * page_size FROM pragma_page_count, "
                    "pragma_freelist_count, pragma_page_size",
};

static struct cairn_put begin(struct cairn_writer *writer, enum statement which)
{
    return cairn_put_begin(writer, which, texts[which]);
}

void cairn_writer_recording(struct cairn_writer *writer, const struct cairn_recording *row)
{
    struct cairn_put out = begin(writer, PUT_RECORDING);
    cairn_put_text(&out, row->trace_id);
    cairn_put_text(&out, row->writer);
    cairn_put_text(&out, row->program);
    cairn_put_text(&out, row->args);
    cairn_put_text(&out, row->host);
    cairn_put_integer(&out, row->pid);
    cairn_put_integer(&out, row->started_unix_ns);
    cairn_put_integer(&out, row->utc_offset_s);
    cairn_put_integer(&out, row->duration_ns);
    cairn_put_optional(&out, row->exit_status);
    cairn_put_optional(&out, row->signal);
    cairn_put_text(&out, row->stopped_why);
    cairn_put_integer(&out, row->complete);
    cairn_put_integer(&out, row->closing);
    cairn_put_integer(&out, row->events);
    cairn_put_integer(&out, row->alloc_events);
    cairn_put_integer(&out, row->free_events);
    cairn_put_integer(&out, row->realloc_events);
    cairn_put_integer(&out, row->unknown_free_events);
    cairn_put_integer(&out, row->lost_events);
    cairn_put_integer(&out, row->allocated_bytes);
    cairn_put_integer(&out, row->peak_t_ns);
    cairn_put_integer(&out, row->peak_event);
    cairn_put_integer(&out, row->peak_bytes);
    cairn_put_integer(&out, row->peak_blocks);
    cairn_put_integer(&out, row->end_bytes);
    cairn_put_integer(&out, row->end_blocks);
    cairn_put_optional(&out, row->rss_peak_bytes);
    cairn_put_integer(&out, row->sample_bytes);
    cairn_put_integer(&out, row->max_depth);
    cairn_put_integer(&out, row->stalled_ns);
    cairn_put_integer(&out, row->exact_from_ns);
    cairn_put_end(&out);
}

void cairn_writer_process(struct cairn_writer *writer, const struct cairn_process *row)
{
    struct cairn_put out = begin(writer, PUT_PROCESS);
    cairn_put_integer(&out, row->process);
    cairn_put_integer(&out, row->pid);
    cairn_put_reference(&out, row->parent);
    cairn_put_text(&out, row->program);
    cairn_put_text(&out, row->args);
    cairn_put_integer(&out, row->started_ns);
    cairn_put_optional(&out, row->ended_ns);
    cairn_put_optional(&out, row->exit_status);
    cairn_put_optional(&out, row->signal);
    cairn_put_text(&out, row->python);
    cairn_put_text(&out, row->origin);
    cairn_put_integer(&out, row->peak_t_ns);
    cairn_put_integer(&out, row->peak_event);
    cairn_put_integer(&out, row->peak_bytes);
    cairn_put_integer(&out, row->peak_blocks);
    cairn_put_integer(&out, row->end_bytes);
    cairn_put_integer(&out, row->end_blocks);
    cairn_put_end(&out);
}

void cairn_writer_thread(struct cairn_writer *writer, const struct cairn_thread *row)
{
    struct cairn_put out = begin(writer, PUT_THREAD);
    cairn_put_integer(&out, row->thread);
    cairn_put_integer(&out, row->process);
    cairn_put_integer(&out, row->tid);
    cairn_put_text(&out, row->name);
    cairn_put_integer(&out, row->started_ns);
    cairn_put_optional(&out, row->ended_ns);
    cairn_put_end(&out);
}

void cairn_writer_note(struct cairn_writer *writer, uint32_t process, int64_t t_ns, const char *text)
{
    struct cairn_put out = begin(writer, PUT_NOTE);
    cairn_put_reference(&out, process);
    cairn_put_integer(&out, t_ns);
    cairn_put_text(&out, text);
    cairn_put_end(&out);
}

void cairn_writer_module(struct cairn_writer *writer, const struct cairn_module *row)
{
    struct cairn_put out = begin(writer, PUT_MODULE);
    cairn_put_integer(&out, row->module);
    cairn_put_text(&out, row->path);
    cairn_put_text(&out, row->build_id);
    cairn_put_text(&out, row->symbols);
    cairn_put_end(&out);
}

void cairn_writer_source_file(struct cairn_writer *writer, const struct cairn_source_file *row)
{
    struct cairn_put out = begin(writer, PUT_SOURCE_FILE);
    cairn_put_integer(&out, row->file);
    cairn_put_text(&out, row->path);
    cairn_put_end(&out);
}

void cairn_writer_function(struct cairn_writer *writer, const struct cairn_function *row)
{
    struct cairn_put out = begin(writer, PUT_FUNCTION);
    cairn_put_integer(&out, row->function);
    cairn_put_text(&out, row->name);
    cairn_put_text(&out, row->linkage_name);
    cairn_put_integer(&out, row->lang);
    cairn_put_end(&out);
}

void cairn_writer_frame(struct cairn_writer *writer, const struct cairn_frame *row)
{
    struct cairn_put out = begin(writer, PUT_FRAME);
    cairn_put_integer(&out, row->frame);
    cairn_put_reference(&out, row->function);
    cairn_put_reference(&out, row->file);
    cairn_put_optional(&out, row->line);
    cairn_put_reference(&out, row->module);
    cairn_put_optional(&out, row->offset);
    cairn_put_integer(&out, row->lang);
    cairn_put_integer(&out, row->kind);
    cairn_put_reference(&out, row->inlined_into);
    cairn_put_end(&out);
}

void cairn_writer_stacks(struct cairn_writer *writer, const struct cairn_stack_row *rows, size_t count)
{
    for (size_t done = 0; done < count;) {
        const size_t group = count - done >= GROUP ? GROUP : 1;
        struct cairn_put out = begin(writer, group == GROUP ? PUT_STACKS : PUT_STACK);
        for (const size_t end = done + group; done < end; done++) {
            cairn_put_integer(&out, rows[done].stack);
            cairn_put_integer(&out, rows[done].parent);
            cairn_put_integer(&out, rows[done].frame);
            cairn_put_integer(&out, rows[done].depth);
        }
        cairn_put_end(&out);
    }
}

void cairn_writer_stack(struct cairn_writer *writer, const struct cairn_stack_row *row)
{
    cairn_writer_stacks(writer, row, 1);
}

void cairn_writer_account(struct cairn_writer *writer, const struct cairn_account *row, const void *histogram,
                          size_t histogram_size)
{
    struct cairn_put out = begin(writer, PUT_ACCOUNT);
    cairn_put_integer(&out, row->account);
    cairn_put_integer(&out, row->process);
    cairn_put_integer(&out, row->thread);
    cairn_put_integer(&out, row->domain);
    cairn_put_integer(&out, row->stack);
    cairn_put_reference(&out, row->site);
    cairn_put_integer(&out, row->totals.live_bytes);
    cairn_put_integer(&out, row->totals.live_blocks);
    cairn_put_integer(&out, row->totals.allocated_bytes);
    cairn_put_integer(&out, row->totals.allocations);
    cairn_put_integer(&out, row->totals.reallocs);
    cairn_put_integer(&out, row->totals.temporary);
    cairn_put_integer(&out, row->peak_bytes);
    cairn_put_integer(&out, row->peak_blocks);
    cairn_put_blob(&out, histogram, histogram_size);
    cairn_put_end(&out);
}

void cairn_writer_account_site(struct cairn_writer *writer, uint32_t account, uint32_t frame)
{
    struct cairn_put out = begin(writer, SET_ACCOUNT_SITE);
    cairn_put_reference(&out, frame);
    cairn_put_integer(&out, account);
    cairn_put_end(&out);
}

void cairn_writer_chunk(struct cairn_writer *writer, const struct cairn_chunk *row, const void *data,
                        size_t data_size, const void *delta, size_t delta_size)
{
    struct cairn_put out = begin(writer, PUT_CHUNK);
    cairn_put_integer(&out, row->chunk);
    cairn_put_integer(&out, (int64_t)row->first_event);
    cairn_put_integer(&out, (int64_t)row->events);
    cairn_put_integer(&out, row->first_t_ns);
    cairn_put_integer(&out, row->last_t_ns);
    cairn_put_integer(&out, row->start_bytes);
    cairn_put_integer(&out, row->start_blocks);
    cairn_put_integer(&out, row->max_bytes);
    cairn_put_integer(&out, (int64_t)row->max_event);
    cairn_put_integer(&out, row->allocations);
    cairn_put_integer(&out, row->frees);
    cairn_put_optional(&out, row->oldest_freed_event);
    cairn_put_blob(&out, data, data_size);
    cairn_put_end(&out);
    out = begin(writer, PUT_CHUNK_DELTA);
    cairn_put_integer(&out, row->chunk);
    cairn_put_blob(&out, delta, delta_size);
    cairn_put_end(&out);
}

void cairn_writer_drop_events(struct cairn_writer *writer, uint32_t chunk, int64_t exact_from_ns)
{
    struct cairn_put out = begin(writer, DROP_EVENTS);
    cairn_put_integer(&out, writer->dropped_chunks);
    cairn_put_integer(&out, chunk);
    cairn_put_end(&out);
    if (chunk >= writer->dropped_chunks) {
        writer->dropped_chunks = (int64_t)chunk + 1;
    }
    out = begin(writer, SET_EXACT_FROM);
    cairn_put_integer(&out, exact_from_ns);
    cairn_put_end(&out);
}

int64_t cairn_writer_pages_bytes(struct cairn_writer *writer, int64_t *free_bytes)
{
    *free_bytes = 0;
    const struct cairn_put out = begin(writer, PAGES_BYTES);
    if (!out.statement) {
        return 0;
    }
    int64_t bytes = 0;
    const int result = sqlite3_step(out.statement);
    if (result == SQLITE_ROW) {
        bytes = sqlite3_column_int64(out.statement, 0);
        *free_bytes = sqlite3_column_int64(out.statement, 1);
    } else {
        cairn_writer_keep_failure(writer, result);
    }
    sqlite3_reset(out.statement);
    return bytes;
}

void cairn_writer_keyframe(struct cairn_writer *writer, uint32_t chunk, const void *data, size_t data_size)
{
    struct cairn_put out = begin(writer, PUT_KEYFRAME);
    cairn_put_integer(&out, chunk);
    cairn_put_blob(&out, data, data_size);
    cairn_put_end(&out);
}

static void drop_snapshot_sites(struct cairn_writer *writer, uint32_t snapshot)
{
    struct cairn_put out = begin(writer, DROP_SNAPSHOT_SITES);
    cairn_put_integer(&out, snapshot);
    cairn_put_end(&out);
}

static void put_snapshot_sites(struct cairn_writer *writer, uint32_t snapshot,
                               const struct cairn_snapshot_site *sites, size_t count)
{
    for (size_t done = 0; done < count;) {
        const size_t group = count - done >= GROUP ? GROUP : 1;
        struct cairn_put out = begin(writer, group == GROUP ? PUT_SNAPSHOT_SITES : PUT_SNAPSHOT_SITE);
        for (const size_t end = done + group; done < end; done++) {
            cairn_put_integer(&out, snapshot);
            cairn_put_integer(&out, sites[done].account);
            cairn_put_integer(&out, sites[done].live_bytes);
            cairn_put_integer(&out, sites[done].live_blocks);
        }
        cairn_put_end(&out);
    }
}

void cairn_writer_snapshot(struct cairn_writer *writer, const struct cairn_snapshot *row,
                           const struct cairn_snapshot_site *sites, size_t site_count)
{
    drop_snapshot_sites(writer, row->snapshot);
    struct cairn_put out = begin(writer, PUT_SNAPSHOT);
    cairn_put_integer(&out, row->snapshot);
    cairn_put_integer(&out, row->t_ns);
    cairn_put_integer(&out, (int64_t)row->event);
    cairn_put_text(&out, row->kind);
    cairn_put_text(&out, row->name);
    cairn_put_reference(&out, row->process);
    cairn_put_integer(&out, row->bytes);
    cairn_put_integer(&out, row->blocks);
    cairn_put_reference(&out, row->graph);
    cairn_put_end(&out);
    put_snapshot_sites(writer, row->snapshot, sites, site_count);
}

void cairn_writer_drop_snapshot(struct cairn_writer *writer, uint32_t snapshot)
{
    drop_snapshot_sites(writer, snapshot);
    struct cairn_put out = begin(writer, DROP_SNAPSHOT);
    cairn_put_integer(&out, snapshot);
    cairn_put_end(&out);
}

void cairn_writer_timeline(struct cairn_writer *writer, uint32_t level,
                           const struct cairn_timeline_point *point)
{
    struct cairn_put out = begin(writer, PUT_TIMELINE);
    cairn_put_integer(&out, level);
    cairn_put_integer(&out, point->t_ns);
    cairn_put_integer(&out, point->heap_bytes);
    cairn_put_integer(&out, point->heap_blocks);
    cairn_put_integer(&out, point->heap_max_bytes);
    cairn_put_integer(&out, point->mapped_bytes);
    cairn_put_integer(&out, point->allocations);
    cairn_put_integer(&out, point->frees);
    cairn_put_optional(&out, point->rss_bytes);
    cairn_put_optional(&out, point->rss_anonymous_bytes);
    cairn_put_optional(&out, point->rss_file_bytes);
    cairn_put_optional(&out, point->rss_shared_bytes);
    cairn_put_end(&out);
}

void cairn_writer_drop_timeline(struct cairn_writer *writer, uint32_t level, int64_t before_t_ns)
{
    struct cairn_put out = begin(writer, DROP_TIMELINE);
    cairn_put_integer(&out, level == UINT32_MAX ? 0 : level);
    cairn_put_integer(&out, level);
    cairn_put_integer(&out, before_t_ns);
    cairn_put_end(&out);
}

void cairn_writer_residency(struct cairn_writer *writer, const struct cairn_residency *row)
{
    struct cairn_put out = begin(writer, PUT_RESIDENCY);
    cairn_put_integer(&out, row->t_ns);
    cairn_put_integer(&out, row->process);
    cairn_put_text(&out, row->category);
    cairn_put_text(&out, row->name);
    cairn_put_integer(&out, row->rss_bytes);
    cairn_put_integer(&out, row->pss_bytes);
    cairn_put_integer(&out, row->swap_bytes);
    cairn_put_integer(&out, row->size_bytes);
    cairn_put_end(&out);
}

void cairn_writer_source(struct cairn_writer *writer, const struct cairn_source_line *row)
{
    struct cairn_put out = begin(writer, PUT_SOURCE);
    cairn_put_integer(&out, row->file);
    cairn_put_integer(&out, row->line);
    cairn_put_text(&out, row->text);
    cairn_put_end(&out);
}
