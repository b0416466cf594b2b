#include "cli/info.h"

#include <stddef.h>
#include <string.h>

#include "cli/choose.h"
#include "cli/commands.h"
#include "cli/json_args.h"
#include "trace/repair.h"

struct info_arguments {
    struct cairn_output_arguments output;
    bool repair;
};

static enum cairn_status load(struct cairn_trace *trace, struct cairn_about *about, struct cairn_error *error)
{
    const struct cairn_thread *threads;
    const struct cairn_snapshot *snapshots;
    *about = (struct cairn_about){.trace = trace, .recording = cairn_trace_recording(trace)};
    enum cairn_status status = cairn_trace_processes(trace, &about->processes, &about->process_count, error);
    if (status == CAIRN_OK) {
        status = cairn_trace_modules(trace, &about->modules, &about->module_count, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_trace_notes(trace, &about->notes, &about->note_count, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_trace_threads(trace, &threads, &about->thread_count, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_trace_snapshots(trace, &snapshots, &about->snapshot_count, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_trace_graphs(trace, &about->graphs, &about->graph_count, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_trace_counts(trace, &about->stacks, &about->frames, error);
    }
    return status;
}

const char *cairn_about_python(const struct cairn_about *about)
{
    for (size_t i = 0; i < about->process_count; i++) {
        if (about->processes[i].python != NULL) {
            return about->processes[i].python;
        }
    }
    return NULL;
}

static int64_t thread_count(const struct cairn_about *about)
{
    return about->recording->untold & CAIRN_UNTOLD_AROUND ? CAIRN_UNKNOWN : (int64_t)about->thread_count;
}

/* The unit of time has a key of its own. */
static const char *origin_of(const struct cairn_process *process)
{
    static const char massif[] = CAIRN_ORIGIN_MASSIF;
    return process->origin && strncmp(process->origin, massif, sizeof massif - 1) == 0 ? massif
                                                                                       : process->origin;
}

static const char *time_unit(const struct cairn_recording *recording)
{
    return recording->untold & CAIRN_UNTOLD_TIME_INSTRUCTIONS ? "instructions"
           : recording->untold & CAIRN_UNTOLD_TIME_BYTES      ? "bytes"
                                                              : "ns";
}

static void json_processes(struct cairn_json *json, const struct cairn_about *about)
{
    cairn_json_array(json, "processes");
    for (size_t i = 0; i < about->process_count; i++) {
        const struct cairn_process *process = &about->processes[i];
        cairn_json_object(json, NULL);
        cairn_json_integer(json, "process", process->process);
        cairn_json_integer(json, "pid", process->pid);
        cairn_json_integer(json, "parent", process->parent != 0 ? (int64_t)process->parent : CAIRN_UNKNOWN);
        cairn_json_text(json, "program", process->program);
        cairn_json_integer(json, "started_ns", process->started_ns);
        cairn_json_integer(json, "ended_ns", process->ended_ns);
        cairn_json_integer(json, "exit_status", process->exit_status);
        cairn_json_integer(json, "signal", process->signal);
        cairn_json_text(json, "python", process->python);
        cairn_json_text(json, "origin", origin_of(process));
        cairn_json_integer(json, "peak_bytes", process->peak_bytes);
        cairn_json_integer(json, "end_bytes", process->end_bytes);
        cairn_json_end(json);
    }
    cairn_json_end(json);
}

static void json_graphs(struct cairn_json *json, const struct cairn_about *about)
{
    cairn_json_array(json, "graphs");
    for (size_t i = 0; i < about->graph_count; i++) {
        const struct cairn_graph_info *graph = &about->graphs[i];
        cairn_json_object(json, NULL);
        cairn_json_integer(json, "graph", graph->graph);
        cairn_json_integer(json, "t_ns", graph->t_ns);
        cairn_json_integer(json, "process", graph->process);
        cairn_json_text(json, "name", graph->name);
        cairn_json_integer(json, "objects", graph->objects);
        cairn_json_integer(json, "edges", graph->edges);
        cairn_json_integer(json, "pause_ns", graph->pause_ns);
        cairn_json_end(json);
    }
    cairn_json_end(json);
}

static void json_completeness(struct cairn_json *json, const struct cairn_about *about)
{
    cairn_json_array(json, "notes");
    for (size_t i = 0; i < about->note_count; i++) {
        const struct cairn_note *note = &about->notes[i];
        cairn_json_object(json, NULL);
        cairn_json_integer(json, "t_ns", note->t_ns);
        cairn_json_integer(json, "process", note->process != 0 ? (int64_t)note->process : CAIRN_UNKNOWN);
        cairn_json_text(json, "text", note->text);
        cairn_json_end(json);
    }
    cairn_json_end(json);
    cairn_json_array(json, "modules");
    for (size_t i = 0; i < about->module_count; i++) {
        const struct cairn_module *module = &about->modules[i];
        cairn_json_object(json, NULL);
        cairn_json_text(json, "path", module->path);
        cairn_json_text(json, "build_id", module->build_id);
        cairn_json_text(json, "symbols", module->symbols);
        cairn_json_end(json);
    }
    cairn_json_end(json);
}

static void print_json(struct cairn_answer *answer, const struct cairn_about *about)
{
    struct cairn_json *json = &answer->json;
    const struct cairn_recording *recording = about->recording;
    cairn_answer_json_head(answer, "info", about->trace);
    cairn_json_text(json, "program", recording->program);
    cairn_json_args(json, "args", recording->args);
    cairn_json_integer(json, "pid", recording->pid);
    cairn_json_integer(json, "started_unix_ns", recording->started_unix_ns);
    cairn_json_integer(json, "duration_ns", recording->duration_ns);
    cairn_json_integer(json, "exit_status", recording->exit_status);
    cairn_json_integer(json, "signal", recording->signal);
    cairn_json_text(json, "stopped_why", recording->stopped_why);
    cairn_json_object(json, "events");
    cairn_json_integer(json, "alloc", recording->alloc_events);
    cairn_json_integer(json, "free", recording->free_events);
    cairn_json_integer(json, "realloc", recording->realloc_events);
    cairn_json_integer(json, "unknown_free", recording->unknown_free_events);
    cairn_json_end(json);
    cairn_json_integer(json, "allocated_bytes", recording->allocated_bytes);
    cairn_json_object(json, "peak");
    cairn_json_integer(json, "t_ns", recording->peak_t_ns);
    cairn_json_integer(json, "bytes", recording->peak_bytes);
    cairn_json_integer(json, "blocks", recording->peak_blocks);
    cairn_json_end(json);
    cairn_json_object(json, "end");
    cairn_json_integer(json, "bytes", recording->end_bytes);
    cairn_json_integer(json, "blocks", recording->end_blocks);
    cairn_json_end(json);
    cairn_json_integer(json, "rss_peak_bytes", recording->rss_peak_bytes);
    json_processes(json, about);
    cairn_json_integer(json, "threads", thread_count(about));
    cairn_json_integer(json, "stacks", about->stacks);
    cairn_json_integer(json, "snapshots", (int64_t)about->snapshot_count);
    json_graphs(json, about);
    cairn_json_text(json, "python", cairn_about_python(about));
    cairn_json_integer(json, "schema_version", cairn_trace_schema_version(about->trace));
    cairn_json_integer(json, "file_bytes", cairn_trace_file_bytes(about->trace));
    cairn_json_integer(json, "exact_from_ns", recording->exact_from_ns);
    cairn_json_integer(json, "stalled_ns", recording->stalled_ns);
    cairn_json_text(json, "writer", recording->writer);
    cairn_json_text(json, "host", recording->host);
    cairn_json_integer(json, "sample_bytes", recording->sample_bytes);
    cairn_json_text(json, "time_unit", time_unit(recording));
    json_completeness(json, about);
}

static void csv_integer(struct cairn_csv *csv, const char *key, int64_t value)
{
    cairn_csv_text(csv, key);
    cairn_csv_integer(csv, value);
    cairn_csv_end_line(csv);
}

static void csv_text(struct cairn_csv *csv, const char *key, const char *value)
{
    cairn_csv_text(csv, key);
    cairn_csv_text(csv, value);
    cairn_csv_end_line(csv);
}

static void print_csv(struct cairn_answer *answer, const struct cairn_about *about)
{
    struct cairn_csv *csv = &answer->csv;
    const struct cairn_recording *recording = about->recording;
    cairn_csv_names(csv, "key,value");
    cairn_csv_end_line(csv);
    csv_text(csv, "file", cairn_trace_path(about->trace));
    csv_text(csv, "id", recording->trace_id);
    csv_text(csv, "complete", recording->complete ? "true" : "false");
    csv_text(csv, "program", recording->program);
    csv_text(csv, "args", recording->args);
    csv_integer(csv, "pid", recording->pid);
    csv_integer(csv, "started_unix_ns", recording->started_unix_ns);
    csv_integer(csv, "duration_ns", recording->duration_ns);
    csv_integer(csv, "exit_status", recording->exit_status);
    csv_integer(csv, "signal", recording->signal);
    csv_text(csv, "stopped_why", recording->stopped_why);
    csv_integer(csv, "events.alloc", recording->alloc_events);
    csv_integer(csv, "events.free", recording->free_events);
    csv_integer(csv, "events.realloc", recording->realloc_events);
    csv_integer(csv, "events.unknown_free", recording->unknown_free_events);
    csv_integer(csv, "lost_events", recording->lost_events);
    csv_integer(csv, "allocated_bytes", recording->allocated_bytes);
    csv_integer(csv, "peak.t_ns", recording->peak_t_ns);
    csv_integer(csv, "peak.bytes", recording->peak_bytes);
    csv_integer(csv, "peak.blocks", recording->peak_blocks);
    csv_integer(csv, "end.bytes", recording->end_bytes);
    csv_integer(csv, "end.blocks", recording->end_blocks);
    csv_integer(csv, "rss_peak_bytes", recording->rss_peak_bytes);
    csv_integer(csv, "processes", (int64_t)about->process_count);
    csv_integer(csv, "threads", thread_count(about));
    csv_integer(csv, "stacks", about->stacks);
    csv_integer(csv, "snapshots", (int64_t)about->snapshot_count);
    csv_integer(csv, "graphs", (int64_t)about->graph_count);
    csv_text(csv, "python", cairn_about_python(about));
    csv_integer(csv, "schema_version", cairn_trace_schema_version(about->trace));
    csv_integer(csv, "file_bytes", cairn_trace_file_bytes(about->trace));
    csv_integer(csv, "exact_from_ns", recording->exact_from_ns);
    csv_integer(csv, "stalled_ns", recording->stalled_ns);
}

static int print(const struct cairn_output_arguments *output, const struct cairn_about *about)
{
    static void (*const printers[])(struct cairn_answer *,
                                    const struct cairn_about *) = {[CAIRN_FORMAT_TEXT] = cairn_info_text,
                                                                   [CAIRN_FORMAT_JSON] = print_json,
                                                                   [CAIRN_FORMAT_CSV] = print_csv};
    struct cairn_answer answer;
    cairn_answer_open(&answer, output);
    printers[answer.format](&answer, about);
    return cairn_answer_finish(&answer);
}

static int run(const struct cairn_invocation *invocation)
{
    const struct info_arguments *arguments = invocation->arguments;
    struct cairn_arena arena = CAIRN_ARENA_INIT;
    struct cairn_trace *trace = NULL;
    struct cairn_about about;
    struct cairn_error error;
    const char *word = invocation->positional_count > 0 ? invocation->positional[0] : NULL, *path;
    enum cairn_status status = cairn_choose_trace(&arena, word, &path, &error);
    if (status == CAIRN_OK && arguments->repair) {
        status = cairn_trace_repair(path, &error);
    }
    if (status == CAIRN_OK) {
        status = cairn_trace_open(path, NULL, &trace, &error);
    }
    if (status == CAIRN_OK) {
        status = load(trace, &about, &error);
    }
    const int result = status == CAIRN_OK ? print(&arguments->output, &about) : cairn_complain(&error);
    if (trace != NULL) {
        cairn_trace_close(trace);
    }
    cairn_arena_release(&arena);
    return result;
}

static const struct cairn_option options[] = {
    {.name = "repair",
     .type = CAIRN_OPTION_SET,
     .offset = offsetof(struct info_arguments, repair),
     .help = "complete a trace whose recorder died: everything up to its last commit is there"},
    {.name = NULL},
};

static const struct cairn_option_group groups[] = {
    {.title = "Options", .options = options},
    {.title = "Output", .options = cairn_output_options, .base = offsetof(struct info_arguments, output)},
    {.title = NULL},
};

const struct cairn_command cairn_command_info = {
    .name = "info",
    .summary = "what was recorded, how completely, and totals",
    .positional = "[TRACE]",
    .positional_max = 1,
    .completion = CAIRN_COMPLETE_TRACE,
    .groups = groups,
    .arguments_size = sizeof(struct info_arguments),
    .run = run,
};
