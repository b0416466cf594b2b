/* The bare `cairn`: which traces are in this folder, and what to type next. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include "base/human.h"
#include "cli/answer.h"
#include "cli/choose.h"
#include "cli/commands.h"

#define TEXT_LIMIT 20u

struct list_arguments {
    struct cairn_output_arguments output;
    int64_t limit; /* −1: not given */
};

/* The trace of a row, open; or why it does not open. */
struct row {
    size_t number;
    const char *path;
    int64_t changed_ns;
    struct cairn_trace *trace;
    struct cairn_error error;
};

static void open_row(const struct cairn_folder_trace *file, size_t number, struct row *row)
{
    *row = (struct row){.number = number, .path = file->path, .changed_ns = file->changed_ns};
    if (cairn_trace_open(file->path, NULL, &row->trace, &row->error) != CAIRN_OK) {
        row->trace = NULL;
    }
}

static void close_row(struct row *row)
{
    if (row->trace != NULL) {
        cairn_trace_close(row->trace);
    }
}

static void json_row(struct cairn_json *json, const struct row *row)
{
    const struct cairn_recording *recording = row->trace != NULL ? cairn_trace_recording(row->trace) : NULL;
    cairn_json_object(json, NULL);
    cairn_json_integer(json, "number", (int64_t)row->number);
    cairn_json_text(json, "file", row->path);
    cairn_json_text(json, "id", recording != NULL ? recording->trace_id : NULL);
    cairn_json_text(json, "program", recording != NULL ? recording->program : NULL);
    cairn_json_integer(json, "pid", recording != NULL ? recording->pid : CAIRN_UNKNOWN);
    cairn_json_integer(json, "started_unix_ns",
                       recording != NULL ? recording->started_unix_ns : CAIRN_UNKNOWN);
    cairn_json_integer(json, "duration_ns", recording != NULL ? recording->duration_ns : CAIRN_UNKNOWN);
    cairn_json_integer(json, "peak_bytes", recording != NULL ? recording->peak_bytes : CAIRN_UNKNOWN);
    cairn_json_integer(json, "end_bytes", recording != NULL ? recording->end_bytes : CAIRN_UNKNOWN);
    if (recording != NULL) {
        cairn_json_bool(json, "complete", recording->complete);
        cairn_json_bool(json, "recording", cairn_trace_is_live(row->trace));
    } else {
        cairn_json_null(json, "complete");
        cairn_json_null(json, "recording");
    }
    cairn_json_text(json, "error", recording != NULL ? NULL : row->error.message);
    cairn_json_end(json);
}

static void csv_row(struct cairn_csv *csv, const struct row *row)
{
    const struct cairn_recording *recording = row->trace != NULL ? cairn_trace_recording(row->trace) : NULL;
    cairn_csv_integer(csv, (int64_t)row->number);
    cairn_csv_text(csv, row->path);
    cairn_csv_text(csv, recording != NULL ? recording->program : NULL);
    cairn_csv_integer(csv, recording != NULL ? recording->pid : CAIRN_UNKNOWN);
    cairn_csv_integer(csv, recording != NULL ? recording->started_unix_ns : CAIRN_UNKNOWN);
    cairn_csv_integer(csv, recording != NULL ? recording->duration_ns : CAIRN_UNKNOWN);
    cairn_csv_integer(csv, recording != NULL ? recording->peak_bytes : CAIRN_UNKNOWN);
    cairn_csv_integer(csv, recording != NULL ? recording->end_bytes : CAIRN_UNKNOWN);
    cairn_csv_text(csv, recording != NULL ? NULL : row->error.message);
    cairn_csv_end_line(csv);
}

/* "today 14:03", "Mon 14:03", "2026-01-31": as near as it needs to be. */
static void when_text(int64_t unix_ns, char *out, size_t out_size)
{
    if (unix_ns == CAIRN_UNKNOWN) {
        snprintf(out, out_size, "–");
        return;
    }
    const time_t then = (time_t)(unix_ns / 1000000000), now = time(NULL);
    struct tm parts, today;
    localtime_r(&then, &parts);
    localtime_r(&now, &today);
    const bool same_day = parts.tm_year == today.tm_year && parts.tm_yday == today.tm_yday;
    const bool same_week = then <= now && now - then < 6 * 86400;
    const size_t length = same_day    ? strftime(out, out_size, "today %H:%M", &parts)
                          : same_week ? strftime(out, out_size, "%a %H:%M", &parts)
                                      : strftime(out, out_size, "%Y-%m-%d", &parts);
    if (length == 0) {
        out[0] = '\0';
    }
}

static void text_row(struct cairn_text_table *table, const struct row *row)
{
    char text[CAIRN_HUMAN_MAX], when[32];
    cairn_text_table_row(table);
    cairn_text_table_cell_format(table, CAIRN_STYLE_STRONG, "%zu", row->number);
    if (row->trace == NULL) {
        cairn_text_table_cell(table, CAIRN_STYLE_FAINT, "?");
        when_text(row->changed_ns, when, sizeof when);
        cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, when);
        for (size_t i = 0; i < 3; i++) {
            cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, "");
        }
        cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, row->path);
        cairn_text_table_sentence(table, CAIRN_STYLE_LEAK, row->error.message);
        return;
    }
    const struct cairn_recording *recording = cairn_trace_recording(row->trace);
    const bool live = cairn_trace_is_live(row->trace);
    when_text(recording->started_unix_ns, when, sizeof when);
    cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, cairn_base_name(recording->program));
    cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, when);
    cairn_text_table_cell_format(table, CAIRN_STYLE_PLAIN, "%s%s",
                                 cairn_human_duration(text, recording->duration_ns),
                                 live                  ? " so far"
                                 : recording->complete ? ""
                                                       : ", no end");
    cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, cairn_human_bytes(text, recording->peak_bytes));
    cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, cairn_human_bytes(text, recording->end_bytes));
    cairn_text_table_cell(table, CAIRN_STYLE_FAINT, row->path);
}

static void print_hints(struct cairn_answer *answer, size_t count)
{
    if (count == 0) {
        cairn_stream_text(&answer->stream,
                          "No traces (*.cairn) in this folder.\n\n"
                          "  cairn record -- PROGRAM [ARG...]   record a program\n"
                          "  cairn demo                         record a small leaky program, and look\n"
                          "  cairn help                         everything else\n");
        return;
    }
    cairn_stream_text(&answer->stream,
                      "\n  cairn 1                            browse trace 1 (or name the file)\n"
                      "  cairn top 1                        who holds the memory at its peak\n"
                      "  cairn diff 1 20% 80%               what grew between two moments\n"
                      "  cairn record -- PROGRAM [ARG...]   record a program\n"
                      "  cairn help                         everything else\n");
}

static void print_text(struct cairn_answer *answer, const struct cairn_folder_trace *files, size_t shown,
                       size_t count)
{
    static const struct cairn_text_column columns[] = {
        {.title = "N"},
        {.title = "PROGRAM", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 8},
        {.title = "WHEN", .align = CAIRN_ALIGN_LEFT, .leaves = 2},
        {.title = "LENGTH", .shrinks_to = 9},
        {.title = "PEAK"},
        {.title = "AT END", .leaves = 1},
        {.title = "FILE", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 12, .leaves = 3},
    };
    struct cairn_text_table table;
    cairn_text_table_init(&table, &answer->terminal, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < shown; i++) {
        struct row row;
        open_row(&files[i], i + 1, &row);
        text_row(&table, &row);
        close_row(&row);
    }
    if (count > 0) {
        cairn_text_table_print(&table, &answer->stream);
    }
    cairn_text_table_release(&table);
    if (shown < count) {
        cairn_stream_format(&answer->stream, "%zu older ones (cairn --limit 0)\n", count - shown);
    }
    print_hints(answer, count);
}

static void print_rows(struct cairn_answer *answer, const struct cairn_folder_trace *files, size_t shown,
                       size_t count)
{
    const bool json = answer->format == CAIRN_FORMAT_JSON;
    if (json) {
        cairn_answer_json_head(answer, "traces", NULL);
        cairn_json_integer(&answer->json, "rows_total", (int64_t)count);
        cairn_json_array(&answer->json, "rows");
    } else {
        cairn_csv_names(&answer->csv,
                        "number,file,program,pid,started_unix_ns,duration_ns,peak_bytes,end_bytes,error");
        cairn_csv_end_line(&answer->csv);
    }
    for (size_t i = 0; i < shown; i++) {
        struct row row;
        open_row(&files[i], i + 1, &row);
        if (json) {
            json_row(&answer->json, &row);
        } else {
            csv_row(&answer->csv, &row);
        }
        close_row(&row);
    }
}

static int run(const struct cairn_invocation *invocation)
{
    const struct list_arguments *arguments = invocation->arguments;
    struct cairn_arena arena = CAIRN_ARENA_INIT;
    struct cairn_folder_trace *files;
    size_t count;
    struct cairn_error error;
    int result;
    if (cairn_folder_traces(&arena, &files, &count, &error) != CAIRN_OK) {
        result = cairn_complain(&error);
    } else {
        struct cairn_answer answer;
        cairn_answer_open(&answer, &arguments->output);
        const bool text = answer.format == CAIRN_FORMAT_TEXT;
        const int64_t limit = arguments->limit >= 0 ? arguments->limit : text ? TEXT_LIMIT : 0;
        const size_t shown = limit > 0 && (size_t)limit < count ? (size_t)limit : count;
        (text ? print_text : print_rows)(&answer, files, shown, count);
        result = cairn_answer_finish(&answer);
    }
    cairn_arena_release(&arena);
    return result;
}

static const struct cairn_option options[] = {
    {.name = "limit",
     .letter = 'n',
     .type = CAIRN_OPTION_COUNT,
     .offset = offsetof(struct list_arguments, limit),
     .argument = "N",
     .help = "at most so many traces (text: 20; JSON and CSV: all; 0: all)"},
    {.name = NULL},
};

static const struct cairn_option_group groups[] = {
    {.title = "Options", .options = options},
    {.title = "Output", .options = cairn_output_options, .base = offsetof(struct list_arguments, output)},
    {.title = NULL},
};

const struct cairn_command cairn_command_bare = {
    .name = "",
    .summary = "the traces in this folder, newest first",
    .positional = "",
    .groups = groups,
    .arguments_size = sizeof(struct list_arguments),
    .defaults = &(const struct list_arguments){.limit = -1},
    .run = run,
};
