/* The text of `cairn info`. */
#include "cli/info.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/human.h"
#include "cli/symbols_note.h"

#define PROCESSES_SHOWN 12u
#define MODULES_SHOWN   8u
#define GRAPHS_SHOWN    6u

static const struct cairn_text_column columns[] = {
    {.title = "", .align = CAIRN_ALIGN_LEFT},
    {.title = "", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 20},
};

static void line(struct cairn_text_table *table, const char *name, const char *value)
{
    cairn_text_table_row(table);
    cairn_text_table_cell(table, CAIRN_STYLE_FAINT, name);
    cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, value);
}

static void when_text(const struct cairn_recording *recording, char *out, size_t out_size)
{
    if (recording->started_unix_ns == CAIRN_UNKNOWN) {
        snprintf(out, out_size, "at an unknown time");
        return;
    }
    const time_t local = (time_t)(recording->started_unix_ns / 1000000000 + recording->utc_offset_s);
    struct tm parts;
    if (gmtime_r(&local, &parts) == NULL || strftime(out, out_size, "%Y-%m-%d %H:%M:%S", &parts) == 0) {
        snprintf(out, out_size, "at an unknown time");
    }
}

/* "exit status 0", "killed by signal 9 (Killed)", "recording goes on", … */
static void ending_text(const struct cairn_about *about, char *out, size_t out_size)
{
    const struct cairn_recording *recording = about->recording;
    if (recording->signal != CAIRN_UNKNOWN && recording->signal > 0 && recording->signal < 128) {
        snprintf(out, out_size, "ended by signal %" PRId64 " (%s)", recording->signal,
                 strsignal((int)recording->signal));
    } else if (recording->exit_status != CAIRN_UNKNOWN) {
        snprintf(out, out_size, "exit status %" PRId64, recording->exit_status);
    } else if (cairn_trace_is_live(about->trace)) {
        snprintf(out, out_size, "recording goes on");
    } else if (recording->stopped_why && strcmp(recording->stopped_why, "stopped") == 0) {
        snprintf(out, out_size, "the recording was stopped, the program went on");
    } else if (recording->stopped_why && strcmp(recording->stopped_why, "exited") == 0) {
        snprintf(out, out_size, "the program ended (only its parent is told with which status)");
    } else {
        snprintf(out, out_size, "how it ended is not known");
    }
}

static void completeness_text(const struct cairn_about *about, char *out, size_t out_size)
{
    const struct cairn_recording *recording = about->recording;
    char text[CAIRN_HUMAN_MAX];
    if (recording->untold & CAIRN_UNTOLD_EVENTS) {
        snprintf(out, out_size, "complete; it holds moments, no single events");
    } else if (recording->complete) {
        snprintf(out, out_size, "complete%s%s", recording->lost_events > 0 ? ", but events were lost" : "",
                 recording->exact_from_ns > 0 ? "; early single events were dropped for --max-size" : "");
    } else if (cairn_trace_is_live(about->trace)) {
        snprintf(out, out_size, "still being written");
    } else {
        snprintf(out, out_size, "incomplete: ends at %s; `cairn info --repair` completes it",
                 cairn_human_duration(text, recording->duration_ns));
    }
}

static void bytes_line(struct cairn_text_table *table, const char *name, int64_t bytes, int64_t blocks,
                       int64_t t_ns)
{
    char size[CAIRN_HUMAN_MAX], count[CAIRN_HUMAN_MAX], when[CAIRN_HUMAN_MAX], text[128];
    int length = snprintf(text, sizeof text, "%s", cairn_human_bytes(size, bytes));
    if (blocks != CAIRN_UNKNOWN) {
        length += snprintf(text + length, sizeof text - (size_t)length, " in %s",
                           cairn_human_blocks(count, blocks));
    }
    if (t_ns != CAIRN_UNKNOWN) {
        snprintf(text + length, sizeof text - (size_t)length, ", at %s", cairn_human_duration(when, t_ns));
    }
    line(table, name, text);
}

static void graphs(struct cairn_text_table *table, const struct cairn_about *about)
{
    char a[CAIRN_HUMAN_MAX], b[CAIRN_HUMAN_MAX], c[CAIRN_HUMAN_MAX], d[CAIRN_HUMAN_MAX], name[32], text[384];
    for (size_t i = 0; i < about->graph_count && i < GRAPHS_SHOWN; i++) {
        const struct cairn_graph_info *graph = &about->graphs[i];
        const bool named = graph->name != NULL && graph->name[0] != '\0';
        snprintf(name, sizeof name, "graph %" PRIu32, graph->graph);
        snprintf(text, sizeof text, "%s%.100s%sprocess %" PRIu32 " at %s: %s objects, %s edges, it waited %s",
                 named ? "@" : "", named ? graph->name : "", named ? ", " : "", graph->process,
                 cairn_human_duration(a, graph->t_ns), cairn_human_count(b, graph->objects),
                 cairn_human_count(c, graph->edges), cairn_human_duration(d, graph->pause_ns));
        line(table, name, text);
    }
    if (about->graph_count > GRAPHS_SHOWN) {
        snprintf(text, sizeof text, "%zu more (--format json lists all)", about->graph_count - GRAPHS_SHOWN);
        line(table, "", text);
    }
}

static void totals(struct cairn_text_table *table, const struct cairn_about *about)
{
    const struct cairn_recording *recording = about->recording;
    char a[CAIRN_HUMAN_MAX], b[CAIRN_HUMAN_MAX], c[CAIRN_HUMAN_MAX], text[256];
    const bool sampled = recording->sample_bytes > 0;
    snprintf(text, sizeof text, "%s%s, and %s reallocs: %s%s asked for",
             cairn_human_count(a, recording->alloc_events), sampled ? " sampled" : "",
             cairn_human_count(b, recording->realloc_events), sampled ? "they stand for " : "",
             cairn_human_bytes(c, recording->allocated_bytes));
    line(table, "allocations", text);
    snprintf(text, sizeof text, "%s%s", cairn_human_count(a, recording->free_events),
             sampled ? " of sampled blocks" : "");
    if (recording->unknown_free_events > 0) {
        snprintf(text, sizeof text, "%s, and %s of blocks that were not recorded", a,
                 cairn_human_count(b, recording->unknown_free_events));
    }
    line(table, "frees", text);
    bytes_line(table, "peak", recording->peak_bytes, recording->peak_blocks, recording->peak_t_ns);
    bytes_line(table, "live at end", recording->end_bytes, recording->end_blocks, CAIRN_UNKNOWN);
    if (recording->rss_peak_bytes != CAIRN_UNKNOWN) {
        bytes_line(table, "resident, most", recording->rss_peak_bytes, CAIRN_UNKNOWN, CAIRN_UNKNOWN);
    }
    int length = snprintf(text, sizeof text, "%zu process%s, ", about->process_count,
                          about->process_count == 1 ? "" : "es");
    if (!(recording->untold & CAIRN_UNTOLD_AROUND)) {
        length += snprintf(text + length, sizeof text - (size_t)length, "%zu thread%s, ", about->thread_count,
                           about->thread_count == 1 ? "" : "s");
    }
    snprintf(text + length, sizeof text - (size_t)length, "%" PRId64 " stacks, %zu snapshots", about->stacks,
             about->snapshot_count);
    line(table, "holds", text);
    graphs(table, about);
    if (recording->stalled_ns > 0) {
        snprintf(text, sizeof text, "%s, summed over its threads",
                 cairn_human_duration(a, recording->stalled_ns));
        line(table, "program waited", text);
    }
    if (recording->lost_events > 0) {
        snprintf(text, sizeof text, "%" PRId64 " events: totals say \"at least\"", recording->lost_events);
        line(table, "lost", text);
    }
    if (recording->exact_from_ns > 0 && !(recording->untold & CAIRN_UNTOLD_EVENTS)) {
        snprintf(text, sizeof text, "single events are kept from %s on",
                 cairn_human_duration(a, recording->exact_from_ns));
        line(table, "dropped", text);
    }
}

static int by_number(const void *left, const void *right)
{
    const struct cairn_process *const *a = left, *const *b = right;
    return (*a)->process < (*b)->process ? -1 : (*a)->process > (*b)->process;
}

/* Those that held most, as many as are shown, in the order they began; returns how many. */
static size_t largest(const struct cairn_about *about, const struct cairn_process *shown[PROCESSES_SHOWN])
{
    size_t count = 0;
    for (size_t i = 0; i < about->process_count; i++) {
        const struct cairn_process *process = &about->processes[i];
        if (count == PROCESSES_SHOWN && process->peak_bytes <= shown[count - 1]->peak_bytes) {
            continue;
        }
        size_t at = count < PROCESSES_SHOWN ? count++ : count - 1;
        for (; at > 0 && shown[at - 1]->peak_bytes < process->peak_bytes; at--) {
            shown[at] = shown[at - 1];
        }
        shown[at] = process;
    }
    qsort(shown, count, sizeof(shown[0]), by_number);
    return count;
}

/* Whether it ended by becoming another program. */
static bool went_on(const struct cairn_about *about, const struct cairn_process *process)
{
    for (size_t i = 0; i < about->process_count; i++) {
        const struct cairn_process *next = &about->processes[i];
        if (next->pid == process->pid && next->process > process->process &&
            strcmp(next->origin, "exec") == 0) {
            return true;
        }
    }
    return false;
}

static void processes(struct cairn_answer *answer, const struct cairn_about *about)
{
    static const struct cairn_text_column process_columns[] = {
        {.title = "N"},
        {.title = "PID"},
        {.title = "PARENT", .leaves = 3},
        {.title = "STARTED", .leaves = 2},
        {.title = "PEAK"},
        {.title = "ENDED", .align = CAIRN_ALIGN_LEFT, .leaves = 1},
        {.title = "PROGRAM", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 10},
    };
    struct cairn_text_table table;
    char text[CAIRN_HUMAN_MAX];
    cairn_text_table_init(&table, &answer->terminal, process_columns,
                          sizeof process_columns / sizeof process_columns[0]);
    const struct cairn_process *shown[PROCESSES_SHOWN];
    const size_t count = largest(about, shown);
    for (size_t i = 0; i < count; i++) {
        const struct cairn_process *process = shown[i];
        cairn_text_table_row(&table);
        cairn_text_table_cell_format(&table, CAIRN_STYLE_STRONG, "%" PRIu32, process->process);
        cairn_text_table_cell_format(&table, CAIRN_STYLE_PLAIN, "%" PRId64, process->pid);
        if (process->parent != 0) {
            cairn_text_table_cell_format(&table, CAIRN_STYLE_PLAIN, "%" PRIu32, process->parent);
        } else {
            cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, "");
        }
        cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, cairn_human_duration(text, process->started_ns));
        cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, cairn_human_bytes(text, process->peak_bytes));
        if (process->signal != CAIRN_UNKNOWN && process->signal > 0) {
            cairn_text_table_cell_format(&table, CAIRN_STYLE_PLAIN, "signal %" PRId64, process->signal);
        } else if (process->exit_status != CAIRN_UNKNOWN) {
            cairn_text_table_cell_format(&table, CAIRN_STYLE_PLAIN, "status %" PRId64, process->exit_status);
        } else {
            cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN,
                                  process->ended_ns == CAIRN_UNKNOWN ? ""
                                  : went_on(about, process)          ? "exec"
                                                                     : "ended");
        }
        cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, process->program);
    }
    cairn_stream_text(&answer->stream, "\n");
    cairn_text_table_print(&table, &answer->stream);
    cairn_text_table_release(&table);
    if (about->process_count > count) {
        cairn_stream_format(&answer->stream, "%zu more, which held less (--format json lists all)\n",
                            about->process_count - count);
    }
}

static void notes(struct cairn_answer *answer, const struct cairn_about *about)
{
    size_t shown = 0, lacking = 0;
    if (about->note_count > 0) {
        cairn_stream_text(&answer->stream, "\n");
    }
    for (size_t i = 0; i < about->note_count; i++) {
        char text[1024], when[CAIRN_HUMAN_MAX];
        snprintf(text, sizeof text, "note at %s: %s", cairn_human_duration(when, about->notes[i].t_ns),
                 about->notes[i].text);
        cairn_text_prose(answer, CAIRN_STYLE_LEAK, text);
    }
    for (size_t i = 0; i < about->module_count; i++) {
        struct cairn_buffer sentence = CAIRN_BUFFER_INIT;
        if (cairn_module_note(&about->modules[i], &sentence)) {
            lacking++;
            if (shown < MODULES_SHOWN) {
                cairn_stream_text(&answer->stream, shown++ == 0 ? "\n" : "");
                cairn_text_prose(answer, CAIRN_STYLE_PLAIN, cairn_buffer_cstr(&sentence));
            }
        }
        cairn_buffer_release(&sentence);
    }
    if (lacking > shown) {
        cairn_stream_format(&answer->stream, "%zu more modules lack symbols (--format json lists all)\n",
                            lacking - shown);
    }
}

void cairn_info_text(struct cairn_answer *answer, const struct cairn_about *about)
{
    const struct cairn_recording *recording = about->recording;
    struct cairn_text_table table;
    char text[512], other[256], length[CAIRN_HUMAN_MAX];
    cairn_text_table_init(&table, &answer->terminal, columns, sizeof columns / sizeof columns[0]);
    if (recording->pid == CAIRN_UNKNOWN) {
        snprintf(text, sizeof text, "%s", recording->program);
    } else {
        snprintf(text, sizeof text, "%s, pid %" PRId64, recording->program, recording->pid);
    }
    line(&table, "program", text);
    if (recording->args != NULL) {
        line(&table, "arguments", recording->args);
    }
    if (recording->untold & CAIRN_UNTOLD_BEFORE) {
        line(&table, "joined", "while it ran: blocks from before are not recorded");
    }
    when_text(recording, other, sizeof other);
    snprintf(text, sizeof text, "%s, %s long%s%s", other,
             cairn_human_duration(length, recording->duration_ns), recording->host != NULL ? ", on " : "",
             recording->host != NULL ? recording->host : "");
    line(&table, "recorded", text);
    ending_text(about, text, sizeof text);
    line(&table, "ended", text);
    completeness_text(about, other, sizeof other);
    snprintf(text, sizeof text, "%s, %s", cairn_human_bytes(length, cairn_trace_file_bytes(about->trace)),
             other);
    line(&table, "trace", text);
    line(&table, "written by", recording->writer);
    cairn_exactness(about->trace, NULL, other, sizeof other);
    line(&table, "numbers are", other);
    const char *python = cairn_about_python(about);
    if (python != NULL) {
        line(&table, "python", python);
    }
    totals(&table, about);
    cairn_text_table_print(&table, &answer->stream);
    cairn_text_table_release(&table);
    if (about->process_count > 1) {
        processes(answer, about);
    }
    notes(answer, about);
}
