#include <stdbool.h>
#include <stddef.h>

#include "base/human.h"
#include "cli/answer.h"
#include "cli/choose.h"
#include "cli/commands.h"
#include "trace/redact.h"

struct redact_arguments {
    const char *output, *names;
    bool force, all, paths, args, source, labels, hosts;
    struct cairn_output_arguments out;
};

static const char left_by_contract[] =
    "What stays in every trace: what was allocated where, when and how large, the shape of object graphs "
    "with the addresses "
    "of objects, times of day, numbers of processes and threads, build ids, versions.";

/* Without a choice: all that has a part of its own. */
static unsigned parts_of(const struct redact_arguments *arguments)
{
    const unsigned chosen =
        (arguments->paths ? CAIRN_REDACT_FOLDERS : 0u) | (arguments->args ? CAIRN_REDACT_ARGUMENTS : 0u) |
        (arguments->source ? CAIRN_REDACT_SOURCE : 0u) | (arguments->labels ? CAIRN_REDACT_LABELS : 0u) |
        (arguments->hosts ? CAIRN_REDACT_HOSTS : 0u);
    if (arguments->all) {
        return CAIRN_REDACT_ALL;
    }
    return chosen == 0 && arguments->names == NULL ? CAIRN_REDACT_USUAL : chosen;
}

static void print_json(struct cairn_answer *answer, const char *path,
                       const struct cairn_redact_report *report)
{
    struct cairn_json *json = &answer->json;
    cairn_answer_json_head(answer, "redact", NULL);
    cairn_json_text(json, "output", path);
    cairn_json_integer(json, "bytes_before", report->bytes_before);
    cairn_json_integer(json, "bytes_after", report->bytes_after);
    cairn_json_array(json, "rows");
    for (size_t i = 0; i < CAIRN_REDACT_LINES; i++) {
        cairn_json_object(json, NULL);
        cairn_json_text(json, "what", report->lines[i].what);
        cairn_json_integer(json, "gone", report->lines[i].gone);
        cairn_json_integer(json, "left", report->lines[i].left);
        cairn_json_end(json);
    }
}

static void print_csv(struct cairn_answer *answer, const char *path, const struct cairn_redact_report *report)
{
    (void)path;
    struct cairn_csv *csv = &answer->csv;
    cairn_csv_names(csv, "what,gone,left");
    cairn_csv_end_line(csv);
    for (size_t i = 0; i < CAIRN_REDACT_LINES; i++) {
        cairn_csv_text(csv, report->lines[i].what);
        cairn_csv_integer(csv, report->lines[i].gone);
        cairn_csv_integer(csv, report->lines[i].left);
        cairn_csv_end_line(csv);
    }
}

static void print_text(struct cairn_answer *answer, const char *path,
                       const struct cairn_redact_report *report)
{
    char old[CAIRN_HUMAN_MAX], new[CAIRN_HUMAN_MAX];
    cairn_text_prose_format(answer, CAIRN_STYLE_PLAIN, "%s: %s, was %s.", path,
                            cairn_human_bytes(new, report->bytes_after),
                            cairn_human_bytes(old, report->bytes_before));
    cairn_stream_text(&answer->stream, "\n");
    const struct cairn_text_column columns[] = {
        {.title = "GONE"}, {.title = "LEFT"}, {.title = "WHAT", .align = CAIRN_ALIGN_LEFT}};
    struct cairn_text_table table;
    cairn_text_table_init(&table, &answer->terminal, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < CAIRN_REDACT_LINES; i++) {
        const struct cairn_redact_line *line = &report->lines[i];
        if (line->gone > 0 || line->left > 0) {
            cairn_text_table_row(&table);
            cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, cairn_human_count(new, line->gone));
            cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, cairn_human_count(old, line->left));
            cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, line->what);
        }
    }
    cairn_text_table_print(&table, &answer->stream);
    cairn_text_table_release(&table);
    cairn_stream_text(&answer->stream, "\n");
    cairn_text_prose(answer, CAIRN_STYLE_FAINT, left_by_contract);
}

static int run(const struct cairn_invocation *invocation)
{
    static void (*const printers[])(struct cairn_answer *, const char *,
                                    const struct cairn_redact_report *) = {
        [CAIRN_FORMAT_TEXT] = print_text, [CAIRN_FORMAT_JSON] = print_json, [CAIRN_FORMAT_CSV] = print_csv};
    const struct redact_arguments *arguments = invocation->arguments;
    struct cairn_arena arena = CAIRN_ARENA_INIT;
    struct cairn_redact_report report;
    struct cairn_error error;
    const char *path;
    if (arguments->output == NULL) {
        return cairn_complain_format("redact: say where the copy goes, as in -o clean.cairn");
    }
    const struct cairn_redaction redaction = {.parts = parts_of(arguments), .names = arguments->names};
    enum cairn_status status = cairn_choose_trace(
        &arena, invocation->positional_count > 0 ? invocation->positional[0] : NULL, &path, &error);
    if (status == CAIRN_OK) {
        status = cairn_trace_redact(path, arguments->output, arguments->force, &redaction, &report, &error);
    }
    cairn_arena_release(&arena);
    if (status != CAIRN_OK) {
        return cairn_complain(&error);
    }
    struct cairn_answer answer;
    cairn_answer_open(&answer, &arguments->out);
    printers[answer.format](&answer, arguments->output, &report);
    return cairn_answer_finish(&answer);
}

#define CHOICE(name_, member_, help_)                                                                        \
    {                                                                                                        \
        .name = name_, .type = CAIRN_OPTION_SET, .offset = offsetof(struct redact_arguments, member_),       \
        .help = help_                                                                                        \
    }

static const struct cairn_option options[] = {
    {.name = "output",
     .letter = 'o',
     .type = CAIRN_OPTION_TEXT,
     .offset = offsetof(struct redact_arguments, output),
     .argument = "FILE",
     .help = "the new trace",
     .completion = CAIRN_COMPLETE_FILE},
    {.name = "force",
     .letter = 'f',
     .type = CAIRN_OPTION_SET,
     .offset = offsetof(struct redact_arguments, force),
     .help = "replace a file that is there already"},
    {.name = NULL},
};

static const struct cairn_option choices[] = {
    CHOICE("paths", paths, "folders of programs, libraries and sources"),
    CHOICE("args", args, "the program's arguments"),
    CHOICE("source", source, "excerpts of sources"),
    CHOICE("labels", labels, "labels of objects, edges and roots of object graphs"),
    CHOICE("hosts", hosts, "the host's name"),
    {.name = "names",
     .type = CAIRN_OPTION_TEXT,
     .offset = offsetof(struct redact_arguments, names),
     .argument = "REGEX",
     .help = "every text with a match, whatever it names: functions, types, files, threads, …"},
    CHOICE("all", all,
           "all of these, and file names, threads and marks; functions and types keep their names"),
    {.name = NULL},
};

static const struct cairn_option_group groups[] = {
    {.title = "Options", .options = options},
    {.title = "What goes", .options = choices},
    {.title = "Output", .options = cairn_output_options, .base = offsetof(struct redact_arguments, out)},
    {.title = NULL},
};

static const char *const examples[] = {
    "cairn redact app.cairn -o clean.cairn",
    "a copy to attach to a public bug report",
    "cairn redact app.cairn --all --names 'acme|Customer' -o clean.cairn",
    "nor any name that says whose program it is",
    NULL,
};

const struct cairn_command cairn_command_redact = {
    .name = "redact",
    .summary = "a copy without what should not travel",
    .positional = "[TRACE] -o NEW",
    .positional_max = 1,
    .completion = CAIRN_COMPLETE_TRACE,
    .description =
        "Without a choice: --paths --args --source --labels --hosts. Replaced names are numbered, and stay "
        "apart from each other. The answer lists what went and what is left.",
    .examples = examples,
    .groups = groups,
    .arguments_size = sizeof(struct redact_arguments),
    .run = run,
};
