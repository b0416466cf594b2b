#include "query/leaks.h"

#include <stddef.h>
#include <stdio.h>

#include "base/human.h"
#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/select.h"

#define TEXT_FRAMES 4u

struct leaks_arguments {
    struct cairn_select_arguments select;
    struct cairn_output_arguments output;
    int64_t min_age_ns;
    const char *suppressions;
    bool fail;
};

static const char *meaning(const struct cairn_leaks *leaks)
{
    return leaks->by_graph ? "unreachable" : "live_at_end";
}

static void print_json(struct cairn_answer *answer, const struct cairn_request *request,
                       const struct cairn_leaks *leaks)
{
    struct cairn_json *json = &answer->json;
    cairn_answer_json_head(answer, "leaks", request->trace);
    cairn_json_text(json, "meaning", meaning(leaks));
    cairn_json_moment(json, "at", &leaks->at);
    cairn_json_object(json, "total");
    cairn_json_integer(json, "bytes", leaks->bytes);
    cairn_json_integer(json, "blocks", leaks->blocks);
    cairn_json_error(json, request->recording, leaks->error_bytes);
    cairn_json_end(json);
    cairn_json_object(json, "suppressed");
    cairn_json_integer(json, "bytes", leaks->suppressed_bytes);
    cairn_json_integer(json, "blocks", leaks->suppressed_blocks);
    cairn_json_end(json);
    for (int class = 0; class < CAIRN_LEAK_CLASSES; class ++) {
        cairn_json_object(json, cairn_leak_class_name((enum cairn_leak_class) class));
        cairn_json_integer(json, "bytes", leaks->classes[class].bytes);
        cairn_json_integer(json, "blocks", leaks->classes[class].blocks);
        cairn_json_end(json);
    }
    cairn_json_integer(json, "rows_total", (int64_t)leaks->rows_total);
    cairn_json_array(json, "rows");
    for (size_t i = 0; i < leaks->row_count; i++) {
        const struct cairn_leak_row *row = &leaks->rows[i];
        cairn_json_object(json, NULL);
        cairn_json_text(json, "class", cairn_leak_class_name(row->class));
        cairn_json_site(json, &row->site, request->selection.by, row->percent);
        cairn_json_integer(json, "bytes", row->bytes);
        cairn_json_integer(json, "blocks", row->blocks);
        cairn_json_error(json, request->recording, row->error_bytes);
        cairn_json_integer(json, "oldest_age_ns", row->oldest_age_ns);
        cairn_json_stack(json, "stack", request->trace, row->stack, request->frames);
        cairn_json_end(json);
    }
}

static void print_csv(struct cairn_answer *answer, const struct cairn_request *request,
                      const struct cairn_leaks *leaks)
{
    struct cairn_csv *csv = &answer->csv;
    cairn_csv_names(csv, "class," CAIRN_CSV_SITE ",bytes,blocks,oldest_age_ns,stack,error_bytes");
    cairn_csv_end_line(csv);
    for (size_t i = 0; i < leaks->row_count; i++) {
        const struct cairn_leak_row *row = &leaks->rows[i];
        cairn_csv_text(csv, cairn_leak_class_name(row->class));
        cairn_csv_site(csv, &row->site, row->percent);
        cairn_csv_integer(csv, row->bytes);
        cairn_csv_integer(csv, row->blocks);
        cairn_csv_integer(csv, row->oldest_age_ns);
        cairn_csv_stack(csv, request->trace, row->stack, request->frames);
        cairn_csv_integer(csv, row->error_bytes);
        cairn_csv_end_line(csv);
    }
}

static void print_row(struct cairn_text_table *table, const struct cairn_request *request, bool by_graph,
                      const struct cairn_leak_row *row)
{
    char text[CAIRN_HUMAN_MAX];
    cairn_text_table_row(table);
    cairn_text_table_cell(table, CAIRN_STYLE_LEAK, cairn_human_bytes(text, row->bytes));
    if (request->recording->sample_bytes > 0) {
        cairn_text_table_cell(table, CAIRN_STYLE_FAINT,
                              row->error_bytes == CAIRN_UNKNOWN ? ""
                                                                : cairn_human_bytes(text, row->error_bytes));
    }
    cairn_text_table_cell_format(table, CAIRN_STYLE_PLAIN, "%.1f", row->percent);
    cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, cairn_human_count(text, row->blocks));
    cairn_text_table_cell(
        table, CAIRN_STYLE_PLAIN,
        row->oldest_age_ns == CAIRN_UNKNOWN ? "" : cairn_human_duration(text, row->oldest_age_ns));
    if (by_graph) {
        cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, cairn_leak_class_name(row->class));
    }
    cairn_text_table_site(table, request->trace, &row->site, request->selection.by, row->stack);
    if (request->frames > 0) {
        cairn_text_table_stack(table, request->trace, row->stack, &row->site, request->frames);
    }
}

static void print_table(struct cairn_answer *answer, const struct cairn_request *request,
                        const struct cairn_leaks *leaks)
{
    char by[32];
    snprintf(by, sizeof by, "BY %s", cairn_by_name(request->selection.by));
    struct cairn_text_column columns[9] = {{.title = "BYTES"}};
    size_t count = 1;
    if (request->recording->sample_bytes > 0) {
        columns[count++] = (struct cairn_text_column){.title = cairn_glyph(&answer->terminal, "±", "+-")};
    }
    columns[count++] = (struct cairn_text_column){.title = "%"};
    columns[count++] = (struct cairn_text_column){.title = "BLOCKS", .leaves = 1};
    columns[count++] = (struct cairn_text_column){.title = "OLDEST", .leaves = 2};
    if (leaks->by_graph) {
        columns[count++] = (struct cairn_text_column){.title = "CLASS", .align = CAIRN_ALIGN_LEFT};
    }
    columns[count++] = (struct cairn_text_column){.title = by, .align = CAIRN_ALIGN_LEFT, .shrinks_to = 16};
    columns[count++] =
        (struct cairn_text_column){.title = "", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 8, .leaves = 3};
    struct cairn_text_table table;
    cairn_text_table_init(&table, &answer->terminal, columns, count);
    for (size_t i = 0; i < leaks->row_count; i++) {
        print_row(&table, request, leaks->by_graph, &leaks->rows[i]);
    }
    cairn_text_table_print(&table, &answer->stream);
    cairn_text_more(answer, leaks->row_count, leaks->rows_total);
    cairn_text_table_release(&table);
}

static void sentence(struct cairn_answer *answer, enum cairn_style style, struct cairn_leak_total total,
                     const char *what)
{
    char bytes[CAIRN_HUMAN_MAX], blocks[CAIRN_HUMAN_MAX];
    cairn_text_prose_format(answer, style, "%s in %s %s", cairn_human_bytes(bytes, total.bytes),
                            cairn_human_blocks(blocks, total.blocks), what);
}

static void graph_sentences(struct cairn_answer *answer, const struct cairn_leaks *leaks)
{
    const struct cairn_leak_total *of = leaks->classes;
    const struct cairn_leak_total unreachable = {
        .bytes = of[CAIRN_LEAK_DEFINITE].bytes + of[CAIRN_LEAK_INDIRECT].bytes,
        .blocks = of[CAIRN_LEAK_DEFINITE].blocks + of[CAIRN_LEAK_INDIRECT].blocks,
    };
    sentence(answer, unreachable.blocks > 0 ? CAIRN_STYLE_LEAK : CAIRN_STYLE_STRONG, unreachable,
             "leaked: no root of the program reaches them");
    if (of[CAIRN_LEAK_UNKNOWN].blocks > 0) {
        sentence(answer, CAIRN_STYLE_PLAIN, of[CAIRN_LEAK_UNKNOWN],
                 "live at the end of processes without an object graph");
    }
    if (of[CAIRN_LEAK_REACHABLE].blocks > 0) {
        sentence(answer, CAIRN_STYLE_PLAIN, of[CAIRN_LEAK_REACHABLE], "still reachable");
    }
}

static void live_sentence(struct cairn_answer *answer, struct cairn_trace *trace,
                          const struct cairn_leaks *leaks)
{
    const struct cairn_process *processes;
    size_t count = 1;
    if (cairn_trace_processes(trace, &processes, &count, NULL) != CAIRN_OK) {
        count = 1;
    }
    char text[192];
    snprintf(text, sizeof text, "%s. %s, so they may still be in use.",
             count > 1 ? "live when their process ended" : "live at the end",
             cairn_trace_recording(trace)->sample_bytes > 0
                 ? "The recording is sampled: which blocks an object graph reaches is not known"
                 : "There is no object graph");
    sentence(answer, leaks->bytes > 0 ? CAIRN_STYLE_LEAK : CAIRN_STYLE_STRONG,
             (struct cairn_leak_total){.bytes = leaks->bytes, .blocks = leaks->blocks}, text);
}

static void print_text(struct cairn_answer *answer, const struct cairn_request *request,
                       const struct cairn_leaks *leaks)
{
    char bytes[CAIRN_HUMAN_MAX], blocks[CAIRN_HUMAN_MAX];
    cairn_text_head(answer, request->trace, &leaks->at, NULL);
    if (leaks->by_graph) {
        graph_sentences(answer, leaks);
    } else {
        live_sentence(answer, request->trace, leaks);
    }
    if (leaks->suppressed_blocks > 0) {
        cairn_text_prose_format(answer, CAIRN_STYLE_PLAIN, "%s in %s suppressed",
                                cairn_human_bytes(bytes, leaks->suppressed_bytes),
                                cairn_human_blocks(blocks, leaks->suppressed_blocks));
    }
    if (leaks->row_count > 0) {
        cairn_stream_text(&answer->stream, "\n");
        print_table(answer, request, leaks);
    }
}

static int print(const struct leaks_arguments *arguments, const struct cairn_request *request,
                 const struct cairn_leaks *leaks)
{
    static void (*const printers[])(struct cairn_answer *, const struct cairn_request *,
                                    const struct cairn_leaks *) = {
        [CAIRN_FORMAT_TEXT] = print_text, [CAIRN_FORMAT_JSON] = print_json, [CAIRN_FORMAT_CSV] = print_csv};
    struct cairn_answer answer;
    cairn_answer_open(&answer, &arguments->output);
    printers[answer.format](&answer, request, leaks);
    const int written = cairn_answer_finish(&answer);
    const bool found = arguments->fail && leaks->blocks > 0;
    return written == CAIRN_EXIT_DONE && found ? CAIRN_EXIT_FOUND : written;
}

static int run(const struct cairn_invocation *invocation)
{
    const struct leaks_arguments *arguments = invocation->arguments;
    struct cairn_request request;
    struct cairn_suppressions *suppressions = NULL;
    struct cairn_leaks leaks = {.rows = NULL};
    struct cairn_error error;
    const bool text = arguments->output.format == CAIRN_FORMAT_TEXT;
    enum cairn_status status =
        cairn_request_open(invocation, &arguments->select, text, TEXT_FRAMES, &request, &error);
    if (status == CAIRN_OK && arguments->suppressions != NULL) {
        status = cairn_suppressions_load(arguments->suppressions, &suppressions, &error);
    }
    if (status == CAIRN_OK) {
        status = cairn_leaks(request.trace, &request.selection, arguments->min_age_ns, suppressions, &leaks,
                             &error);
    }
    const int result = status == CAIRN_OK ? print(arguments, &request, &leaks) : cairn_complain(&error);
    cairn_leaks_release(&leaks);
    cairn_suppressions_free(suppressions);
    cairn_request_release(&request);
    return result;
}

static const struct cairn_option options[] = {
    {.name = "min-age",
     .type = CAIRN_OPTION_DURATION,
     .offset = offsetof(struct leaks_arguments, min_age_ns),
     .argument = "DURATION",
     .help = "only blocks that are at least so old, as in 5s"},
    {.name = "suppressions",
     .type = CAIRN_OPTION_TEXT,
     .offset = offsetof(struct leaks_arguments, suppressions),
     .argument = "FILE",
     .help = "leave out what a file in LeakSanitizer's format names (leak:PATTERN lines)",
     .completion = CAIRN_COMPLETE_FILE},
    {.name = "fail",
     .type = CAIRN_OPTION_SET,
     .offset = offsetof(struct leaks_arguments, fail),
     .help = "exit with 1 when there is a leak"},
    {.name = NULL},
};

#define SELECT offsetof(struct leaks_arguments, select)
static const struct cairn_option_group groups[] = {
    {.title = "Options", .options = options},
    {.title = "Rows", .options = cairn_select_by, .base = SELECT},
    {.title = "Rows", .options = cairn_select_leaks_sort, .base = SELECT},
    {.title = "Rows", .options = cairn_select_rows, .base = SELECT},
    {.title = "Rows", .options = cairn_select_frames, .base = SELECT},
    {.title = "Selecting", .options = cairn_select_processes, .base = SELECT},
    {.title = "Selecting", .options = cairn_select_threads, .base = SELECT},
    {.title = "Selecting", .options = cairn_select_sites, .base = SELECT},
    {.title = "Output", .options = cairn_output_options, .base = offsetof(struct leaks_arguments, output)},
    {.title = NULL},
};

static const char *const examples[] = {
    "cairn leaks --min-age 1s",
    "what is left over, but for blocks of the last second",
    "cairn leaks --suppressions lsan.supp --fail",
    "for a script: status 1 when something leaks",
    NULL,
};

const struct cairn_command cairn_command_leaks = {
    .name = "leaks",
    .summary = "leaked blocks by stack and class",
    .positional = "[TRACE]",
    .positional_max = 1,
    .completion = CAIRN_COMPLETE_TRACE,
    .description = "With an object graph, leaked blocks are those that no root reached when the last one was "
                   "taken: definite "
                   "where nothing else leads to them, indirect where only what leaked does; reachable ones "
                   "are listed behind "
                   "them. Without a graph, those that are live at the end (of unknown class), and the output "
                   "says which of "
                   "the two it means. --suppressions leaves out what a leak of that name keeps, too.",
    .examples = examples,
    .groups = groups,
    .arguments_size = sizeof(struct leaks_arguments),
    .defaults = &(
        const struct leaks_arguments){.select = {.tid = -1, .limit = -1, .frames = -1, .by = CAIRN_BY_STACK}},
    .run = run,
};
