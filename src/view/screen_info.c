/* 8 Info: the recording, how complete it is, its processes, threads, modules and moments. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/human.h"
#include "view/app.h"
#include "view/screens.h"

#define SHORT_SECTION 24 /* rows up to which a section is open at first */

struct info {
    struct cairn_screen screen;
    struct cairn_outline table;
    bool opened;
};

static const struct cairn_column info_columns[] = {{.title = "the recording", .kind = CAIRN_COLUMN_NAME}};

struct info_job {
    struct cairn_job job;
    struct cairn_rows rows;
};

/* --- Lines. --- */

static uint32_t add_section(struct cairn_rows *rows, const char *name)
{
    struct cairn_row *row = cairn_rows_add(rows, CAIRN_NO_PARENT);
    if (row == NULL)
        return CAIRN_NO_PARENT;
    row->heading = true;
    row->name = cairn_rows_clean(rows, name);
    row->key = rows->count;
    return (uint32_t)rows->count - 1;
}

static void add_line(struct cairn_rows *rows, uint32_t section, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add_line(struct cairn_rows *rows, uint32_t section, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct cairn_row *row = cairn_rows_add(rows, section);
    if (row == NULL)
        return;
    row->name = cairn_rows_clean(rows, text);
    row->key = cairn_key_mix((uint64_t)section + 1, rows->count);
}

/* --- Sections. --- */

/* To the last digit, in groups of three: "99,532,417". */
static const char *exact_text(int64_t number, char out[CAIRN_HUMAN_MAX])
{
    char digits[CAIRN_HUMAN_MAX];
    if (number == CAIRN_UNKNOWN)
        return cairn_human_count(out, number);
    const int length = snprintf(digits, sizeof(digits), "%" PRId64, number);
    int to = 0;
    for (int from = 0; from < length; from++) {
        if (from > 0 && (length - from) % 3 == 0 && digits[from - 1] != '-')
            out[to++] = ',';
        out[to++] = digits[from];
    }
    out[to] = '\0';
    return out;
}

static const char *started_text(const struct cairn_recording *recording, char *out, size_t out_size)
{
    const time_t seconds = (time_t)(recording->started_unix_ns / 1000000000 + recording->utc_offset_s);
    struct tm parts;
    if (recording->started_unix_ns == CAIRN_UNKNOWN || gmtime_r(&seconds, &parts) == NULL ||
        strftime(out, out_size, "%Y-%m-%d %H:%M:%S", &parts) == 0)
        snprintf(out, out_size, "?");
    return out;
}

static void add_outcome(struct cairn_rows *rows, uint32_t section, const struct cairn_recording *recording)
{
    const int64_t signal = recording->signal;
    if (recording->stopped_why == NULL)
        add_line(rows, section, "%-16s%s", "ended", "it still runs");
    else if (signal > 0 && signal < 128)
        add_line(rows, section, "%-16sby signal %" PRId64 " (%s)", "ended", signal, strsignal((int)signal));
    else if (recording->exit_status != CAIRN_UNKNOWN)
        add_line(rows, section, "%-16s%s with status %" PRId64, "ended", recording->stopped_why,
                 recording->exit_status);
    else
        add_line(rows, section, "%-16s%s", "ended", recording->stopped_why);
}

static void add_recording(struct cairn_rows *rows, struct cairn_trace *trace)
{
    const struct cairn_recording *recording = cairn_trace_recording(trace);
    const uint32_t section = add_section(rows, "Recording");
    char text[128], one[CAIRN_HUMAN_MAX], two[CAIRN_HUMAN_MAX], three[CAIRN_HUMAN_MAX];
    add_line(rows, section, "%-16s%s", "program", recording->program);
    if (recording->args != NULL)
        add_line(rows, section, "%-16s%s", "arguments", recording->args);
    add_line(rows, section, "%-16s%s, %s", "file", cairn_trace_path(trace),
             cairn_human_bytes(one, cairn_trace_file_bytes(trace)));
    add_line(rows, section, "%-16s%s%s%s", "started", started_text(recording, text, sizeof(text)),
             recording->host != NULL ? " on " : "", recording->host != NULL ? recording->host : "");
    add_line(rows, section, "%-16s%s", "lasted", cairn_human_duration(one, recording->duration_ns));
    add_outcome(rows, section, recording);
    add_line(rows, section, "%-16s%s in %s", "peak", cairn_human_bytes(one, recording->peak_bytes),
             cairn_human_blocks(two, recording->peak_blocks));
    add_line(rows, section, "%-16s%s in %s", "live at the end", cairn_human_bytes(one, recording->end_bytes),
             cairn_human_blocks(two, recording->end_blocks));
    add_line(rows, section, "%-16s%s", "allocated", cairn_human_bytes(one, recording->allocated_bytes));
    add_line(rows, section, "%-16s%s allocations, %s reallocs, %s frees", "events",
             exact_text(recording->alloc_events, one), exact_text(recording->realloc_events, two),
             exact_text(recording->free_events, three));
    if (recording->rss_peak_bytes != CAIRN_UNKNOWN)
        add_line(rows, section, "%-16s%s", "rss peak", cairn_human_bytes(one, recording->rss_peak_bytes));
    add_line(rows, section, "%-16s%s", "written by", recording->writer);
    add_line(rows, section, "%-16s%s", "trace id", recording->trace_id);
}

static enum cairn_status add_completeness(struct cairn_rows *rows, struct cairn_trace *trace,
                                          struct cairn_error *error)
{
    const struct cairn_recording *recording = cairn_trace_recording(trace);
    const uint32_t section = add_section(rows, "Completeness");
    char text[CAIRN_HUMAN_MAX];
    if (cairn_trace_is_live(trace))
        add_line(rows, section, "%-16sit still runs: this is what there is so far", "complete");
    else if (recording->complete)
        add_line(rows, section, "%-16syes", "complete");
    else
        add_line(rows, section, "%-16sno: it ends at %s; `cairn info --repair` completes the file",
                 "complete", cairn_time_in(recording->duration_ns, recording->duration_ns, text));
    if (recording->sample_bytes > 0)
        add_line(rows, section, "%-16sone allocation every %s: numbers are estimates", "sampled",
                 cairn_human_bytes(text, recording->sample_bytes));
    else
        add_line(rows, section,
                 recording->untold & CAIRN_UNTOLD_EVENTS ? "%-16ssizes at moments, no single allocations"
                                                         : "%-16severy allocation was recorded",
                 "sampled");
    add_line(rows, section, "%-16s%s", "lost events", exact_text(recording->lost_events, text));
    add_line(rows, section, "%-16s%s%s", "unknown frees", exact_text(recording->unknown_free_events, text),
             recording->unknown_free_events > 0 ? " (of blocks from before the recording)" : "");
    add_line(rows, section, "%-16s%s", "program waited", cairn_human_duration(text, recording->stalled_ns));
    add_line(rows, section, "%-16s%s", "depth up to", exact_text(recording->max_depth, text));
    if (recording->exact_from_ns > 0 && !(recording->untold & CAIRN_UNTOLD_EVENTS))
        add_line(rows, section, "%-16sfrom %s on (older ones were dropped to keep the file small)",
                 "single events", cairn_time_in(recording->duration_ns, recording->exact_from_ns, text));
    const struct cairn_note *notes;
    size_t count;
    const enum cairn_status status = cairn_trace_notes(trace, &notes, &count, error);
    for (size_t i = 0; status == CAIRN_OK && i < count; i++)
        add_line(rows, section, "%-16s%s: %s", i == 0 ? "notes" : "",
                 cairn_time_in(recording->duration_ns, notes[i].t_ns, text), notes[i].text);
    return status;
}

static enum cairn_status add_processes(struct cairn_rows *rows, struct cairn_trace *trace,
                                       struct cairn_error *error)
{
    const struct cairn_process *processes;
    size_t count;
    const enum cairn_status status = cairn_trace_processes(trace, &processes, &count, error);
    if (status != CAIRN_OK)
        return status;
    char text[64], peak[CAIRN_HUMAN_MAX], end[CAIRN_HUMAN_MAX], pid[CAIRN_HUMAN_MAX];
    snprintf(text, sizeof(text), "Processes: %zu", count);
    const uint32_t section = add_section(rows, text);
    for (size_t i = 0; i < count; i++) {
        const struct cairn_process *process = &processes[i];
        char python[64] = "";
        if (process->python != NULL)
            snprintf(python, sizeof(python), ", Python %s", process->python);
        add_line(rows, section, "%u  %s  %s  by %s%s, peak %s, at its end %s", (unsigned)process->process,
                 cairn_pid_text(process->pid, pid), process->program, process->origin, python,
                 cairn_human_bytes(peak, process->peak_bytes), cairn_human_bytes(end, process->end_bytes));
    }
    return CAIRN_OK;
}

static enum cairn_status add_threads(struct cairn_rows *rows, struct cairn_trace *trace,
                                     struct cairn_error *error)
{
    const struct cairn_thread *threads;
    size_t count;
    const enum cairn_status status = cairn_trace_threads(trace, &threads, &count, error);
    if (status != CAIRN_OK)
        return status;
    const int64_t duration_ns = cairn_trace_recording(trace)->duration_ns;
    char text[64], from[CAIRN_TIME_MAX], to[CAIRN_TIME_MAX];
    snprintf(text, sizeof(text), "Threads: %zu", count);
    const uint32_t section = add_section(rows, text);
    for (size_t i = 0; i < count; i++) {
        const struct cairn_thread *thread = &threads[i];
        add_line(rows, section, "tid %-8" PRId64 " %-16s process %u, from %s to %s", thread->tid,
                 thread->name != NULL ? thread->name : "", (unsigned)thread->process,
                 cairn_time_in(duration_ns, thread->started_ns, from),
                 thread->ended_ns == CAIRN_UNKNOWN ? "the end"
                                                   : cairn_time_in(duration_ns, thread->ended_ns, to));
    }
    return CAIRN_OK;
}

/* What would give a module its names; NULL when nothing is missing. */
static const char *mend(const struct cairn_module *module)
{
    if (module->symbols == NULL || strncmp(module->symbols, "debug", 5) == 0)
        return NULL;
    return strncmp(module->symbols, "symtab", 6) == 0
               ? "no lines: build it with -g, or install its debug symbols"
               : "no names: build it with -g, or install its debug symbols";
}

static void add_module(struct cairn_rows *rows, uint32_t section, const struct cairn_module *module)
{
    const size_t index = rows->count;
    add_line(rows, section, "%s  %s", module->path,
             module->symbols != NULL ? module->symbols : "no stack has led through it");
    if (rows->count == index)
        return;
    if (mend(module) != NULL)
        add_line(rows, (uint32_t)index, "%s", mend(module));
    if (module->build_id != NULL)
        add_line(rows, (uint32_t)index, "build-id %s", module->build_id);
}

/* Those that lack something first. */
static enum cairn_status add_modules(struct cairn_rows *rows, struct cairn_trace *trace,
                                     struct cairn_error *error)
{
    const struct cairn_module *modules;
    size_t count, without = 0;
    const enum cairn_status status = cairn_trace_modules(trace, &modules, &count, error);
    if (status != CAIRN_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        without += mend(&modules[i]) != NULL;
    char text[96];
    snprintf(text, sizeof(text), "Modules: %zu, %zu without full symbols", count, without);
    const uint32_t section = add_section(rows, text);
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < count; i++)
            if ((mend(&modules[i]) == NULL) == (pass == 1))
                add_module(rows, section, &modules[i]);
    return CAIRN_OK;
}

static enum cairn_status add_snapshots(struct cairn_rows *rows, struct cairn_trace *trace,
                                       struct cairn_error *error)
{
    const struct cairn_snapshot *snapshots;
    size_t count;
    const enum cairn_status status = cairn_trace_snapshots(trace, &snapshots, &count, error);
    if (status != CAIRN_OK)
        return status;
    const int64_t duration_ns = cairn_trace_recording(trace)->duration_ns;
    char text[64], time[CAIRN_TIME_MAX], bytes[CAIRN_HUMAN_MAX];
    snprintf(text, sizeof(text), "Snapshots: %zu", count);
    const uint32_t section = add_section(rows, text);
    for (size_t i = 0; i < count; i++)
        add_line(rows, section, "s%-5u %-12s %-9s %10s  %s%s", (unsigned)snapshots[i].snapshot,
                 cairn_time_in(duration_ns, snapshots[i].t_ns, time), snapshots[i].kind,
                 cairn_human_bytes(bytes, snapshots[i].bytes), snapshots[i].name != NULL ? "@" : "",
                 snapshots[i].name != NULL ? snapshots[i].name : "");
    return CAIRN_OK;
}

static enum cairn_status run_info(struct cairn_job *job, struct cairn_reader *reader)
{
    struct info_job *own = (struct info_job *)job;
    struct cairn_trace *trace = cairn_reader_trace(reader);
    add_recording(&own->rows, trace);
    enum cairn_status status = add_completeness(&own->rows, trace, &job->error);
    if (status == CAIRN_OK)
        status = add_processes(&own->rows, trace, &job->error);
    if (status == CAIRN_OK)
        status = add_threads(&own->rows, trace, &job->error);
    if (status == CAIRN_OK)
        status = add_modules(&own->rows, trace, &job->error);
    if (status == CAIRN_OK)
        status = add_snapshots(&own->rows, trace, &job->error);
    if (status == CAIRN_OK) {
        int64_t stacks, frames;
        char one[CAIRN_HUMAN_MAX], two[CAIRN_HUMAN_MAX];
        status = cairn_trace_counts(trace, &stacks, &frames, &job->error);
        if (status == CAIRN_OK)
            add_line(&own->rows, 0, "%-16s%s in %s frames", "stacks", exact_text(stacks, one),
                     exact_text(frames, two));
    }
    return own->rows.failed ? cairn_fail(&job->error, CAIRN_E_NOMEM, "memory ran out for the rows") : status;
}

/* Sections that fit are open at first. */
static void open_sections(struct cairn_outline *table)
{
    for (size_t i = 0; i < table->rows.count; i++) {
        if (!cairn_outline_has_children(table, i))
            continue;
        if (table->first[i + 2] - table->first[i + 1] <= SHORT_SECTION)
            cairn_keymap_put(&table->unfolded, table->rows.items[i].key, 1);
    }
    cairn_outline_refresh(table);
}

static void deliver_info(struct cairn_job *job, void *receiver)
{
    struct info *screen = receiver;
    if (job->status != CAIRN_OK)
        return;
    cairn_outline_set_rows(&screen->table, &((struct info_job *)job)->rows);
    if (!screen->opened)
        open_sections(&screen->table);
    screen->opened = true;
}

static void release_info(struct cairn_job *job)
{
    cairn_rows_release(&((struct info_job *)job)->rows);
    free(job);
}

static const struct cairn_job_class info_job_class = {
    .rank = 1, .run = run_info, .deliver = deliver_info, .release = release_info};

/* --- The screen. --- */

static void init(struct cairn_screen *base)
{
    cairn_outline_init(&((struct info *)base)->table, info_columns, 1, 0);
}

static void release(struct cairn_screen *base)
{
    cairn_outline_release(&((struct info *)base)->table);
}

static void ask(struct cairn_screen *base)
{
    struct info_job *job = calloc(1, sizeof(*job));
    if (job == NULL)
        return;
    job->job.class = &info_job_class;
    job->job.slot = 1;
    cairn_screen_post(base, &job->job);
}

static void draw(struct cairn_screen *base, struct cairn_canvas *canvas, struct cairn_rect area)
{
    struct info *screen = (struct info *)base;
    const struct cairn_outline_look look = {.focused = true, .match = cairn_app_match(base->app)};
    cairn_outline_draw(&screen->table, canvas, area, &look);
}

static struct cairn_outline *outline(struct cairn_screen *base)
{
    return &((struct info *)base)->table;
}

static void command(const struct cairn_screen *base, struct cairn_buffer *text)
{
    cairn_buffer_text(text, "info ");
    cairn_append_quoted(text, base->app->options->path);
}

const struct cairn_screen_class cairn_info_screen_class = {
    .id = CAIRN_SCREEN_INFO,
    .digit = '8',
    .name = "Info",
    .summary = "the recording, its completeness, processes, threads, modules, snapshots",
    .grows = true,
    .size = sizeof(struct info),
    .init = init,
    .release = release,
    .ask = ask,
    .draw = draw,
    .outline = outline,
    .command = command,
};
