#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "base/human.h"
#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/select.h"

struct snapshots_arguments {
    struct cairn_select_arguments select;
    struct cairn_output_arguments output;
};

/* The rows shown: [first, end) of all. */
struct page {
    const struct cairn_snapshot *rows;
    size_t first, end, total;
};

static int64_t graph_or_unknown(const struct cairn_snapshot *row)
{
    return row->graph != 0 ? (int64_t)row->graph : CAIRN_UNKNOWN;
}

static void print_json(struct cairn_answer *answer, const struct cairn_request *request,
                       const struct page *page)
{
    struct cairn_json *json = &answer->json;
    cairn_answer_json_head(answer, "snapshots", request->trace);
    cairn_json_integer(json, "rows_total", (int64_t)page->total);
    cairn_json_array(json, "rows");
    for (size_t i = page->first; i < page->end; i++) {
        const struct cairn_snapshot *row = &page->rows[i];
        cairn_json_object(json, NULL);
        cairn_json_integer(json, "snapshot", row->snapshot);
        cairn_json_integer(json, "t_ns", row->t_ns);
        cairn_json_text(json, "kind", row->kind);
        cairn_json_text(json, "name", row->name);
        cairn_json_integer(json, "bytes", row->bytes);
        cairn_json_integer(json, "blocks", row->blocks);
        cairn_json_integer(json, "graph", graph_or_unknown(row));
        cairn_json_end(json);
    }
}

static void print_csv(struct cairn_answer *answer, const struct cairn_request *request,
                      const struct page *page)
{
    (void)request;
    struct cairn_csv *csv = &answer->csv;
    cairn_csv_names(csv, "snapshot,t_ns,kind,name,bytes,blocks,graph");
    cairn_csv_end_line(csv);
    for (size_t i = page->first; i < page->end; i++) {
        const struct cairn_snapshot *row = &page->rows[i];
        cairn_csv_integer(csv, row->snapshot);
        cairn_csv_integer(csv, row->t_ns);
        cairn_csv_text(csv, row->kind);
        cairn_csv_text(csv, row->name);
        cairn_csv_integer(csv, row->bytes);
        cairn_csv_integer(csv, row->blocks);
        cairn_csv_integer(csv, graph_or_unknown(row));
        cairn_csv_end_line(csv);
    }
}

static void print_text(struct cairn_answer *answer, const struct cairn_request *request,
                       const struct page *page)
{
    char text[CAIRN_HUMAN_MAX];
    cairn_text_head(answer, request->trace, NULL, "moments to name: sN, @NAME, start, end, peak");
    cairn_stream_text(&answer->stream, "\n");
    const struct cairn_text_column columns[] = {
        {.title = "TIME"},
        {.title = "HEAP"},
        {.title = "BLOCKS", .leaves = 1},
        {.title = "MOMENT", .align = CAIRN_ALIGN_LEFT},
        {.title = "KIND", .align = CAIRN_ALIGN_LEFT, .leaves = 2},
        {.title = "NAME", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 8},
    };
    struct cairn_text_table table;
    cairn_text_table_init(&table, &answer->terminal, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = page->first; i < page->end; i++) {
        const struct cairn_snapshot *row = &page->rows[i];
        cairn_text_table_row(&table);
        cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, cairn_human_duration(text, row->t_ns));
        cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, cairn_human_bytes(text, row->bytes));
        cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, cairn_human_count(text, row->blocks));
        cairn_text_table_cell_format(&table, CAIRN_STYLE_STRONG, "s%" PRIu32, row->snapshot);
        cairn_text_table_cell(&table, CAIRN_STYLE_FAINT, row->kind);
        if (row->name != NULL) {
            cairn_text_table_cell_format(&table, CAIRN_STYLE_STRONG, "@%s", row->name);
        }
    }
    cairn_text_table_print(&table, &answer->stream);
    cairn_text_table_release(&table);
    cairn_text_more(answer, page->end - page->first, page->total);
}

static int print(const struct cairn_output_arguments *output, const struct cairn_request *request,
                 const struct page *page)
{
    static void (*const printers[])(struct cairn_answer *, const struct cairn_request *,
                                    const struct page *) = {
        [CAIRN_FORMAT_TEXT] = print_text, [CAIRN_FORMAT_JSON] = print_json, [CAIRN_FORMAT_CSV] = print_csv};
    struct cairn_answer answer;
    cairn_answer_open(&answer, output);
    printers[answer.format](&answer, request, page);
    return cairn_answer_finish(&answer);
}

static int run(const struct cairn_invocation *invocation)
{
    const struct snapshots_arguments *arguments = invocation->arguments;
    struct cairn_request request;
    struct page page = {.rows = NULL};
    struct cairn_error error;
    const bool text = arguments->output.format == CAIRN_FORMAT_TEXT;
    enum cairn_status status = cairn_request_open(invocation, &arguments->select, text, 0, &request, &error);
    if (status == CAIRN_OK) {
        status = cairn_trace_snapshots(request.trace, &page.rows, &page.total, &error);
    }
    int result;
    if (status == CAIRN_OK) {
        const size_t limit = request.selection.limit, offset = request.selection.offset;
        page.first = offset < page.total ? offset : page.total;
        page.end = limit > 0 && limit < page.total - page.first ? page.first + limit : page.total;
        result = print(&arguments->output, &request, &page);
    } else {
        result = cairn_complain(&error);
    }
    cairn_request_release(&request);
    return result;
}

static const struct cairn_option_group groups[] = {
    {.title = "Rows", .options = cairn_select_rows, .base = offsetof(struct snapshots_arguments, select)},
    {.title = "Output",
     .options = cairn_output_options,
     .base = offsetof(struct snapshots_arguments, output)},
    {.title = NULL},
};

const struct cairn_command cairn_command_snapshots = {
    .name = "snapshots",
    .summary = "the moments one can name",
    .positional = "[TRACE]",
    .positional_max = 1,
    .completion = CAIRN_COMPLETE_TRACE,
    .groups = groups,
    .arguments_size = sizeof(struct snapshots_arguments),
    .defaults = &(const struct snapshots_arguments){.select = CAIRN_SELECT_DEFAULTS},
    .run = run,
};
