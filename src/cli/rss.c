#include "query/rss.h"

#include <stddef.h>
#include <stdio.h>

#include "base/human.h"
#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/select.h"

#define BAR_COLUMNS 20u

struct rss_arguments {
    struct cairn_select_arguments select;
    struct cairn_output_arguments output;
};

static void print_json(struct cairn_answer *answer, const struct cairn_request *request,
                       const struct cairn_rss *rss, size_t total)
{
    struct cairn_json *json = &answer->json;
    cairn_answer_json_head(answer, "rss", request->trace);
    cairn_json_moment(json, "at", &rss->at);
    cairn_json_integer(json, "total_bytes", rss->total_bytes);
    cairn_json_integer(json, "rows_total", (int64_t)total);
    cairn_json_array(json, "rows");
    for (size_t i = 0; i < rss->row_count; i++) {
        cairn_json_object(json, NULL);
        cairn_json_text(json, "category", rss->rows[i].category);
        cairn_json_integer(json, "bytes", rss->rows[i].bytes);
        cairn_json_text(json, "note", rss->rows[i].note);
        cairn_json_end(json);
    }
}

static void print_csv(struct cairn_answer *answer, const struct cairn_request *request,
                      const struct cairn_rss *rss, size_t total)
{
    (void)request;
    (void)total;
    cairn_csv_names(&answer->csv, "category,bytes,note");
    cairn_csv_end_line(&answer->csv);
    for (size_t i = 0; i < rss->row_count; i++) {
        cairn_csv_text(&answer->csv, rss->rows[i].category);
        cairn_csv_integer(&answer->csv, rss->rows[i].bytes);
        cairn_csv_text(&answer->csv, rss->rows[i].note);
        cairn_csv_end_line(&answer->csv);
    }
}

static void print_bar(struct cairn_text_table *table, int64_t bytes, int64_t total)
{
    char bar[BAR_COLUMNS * 4 + 1];
    const double share = total > 0 && bytes > 0 ? (double)bytes / (double)total : 0;
    const size_t columns = (size_t)(share * BAR_COLUMNS + 0.5);
    const char *block = cairn_glyph(table->terminal, "█", "#");
    size_t used = 0;
    bar[0] = '\0';
    for (size_t i = 0; i < columns && i < BAR_COLUMNS; i++) {
        used += (size_t)snprintf(bar + used, sizeof bar - used, "%s", block);
    }
    cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, bar);
}

static void print_text(struct cairn_answer *answer, const struct cairn_request *request,
                       const struct cairn_rss *rss, size_t total)
{
    char text[CAIRN_HUMAN_MAX];
    cairn_text_head(answer, request->trace, &rss->at, NULL);
    if (rss->total_bytes == CAIRN_UNKNOWN) {
        cairn_text_prose(answer, CAIRN_STYLE_STRONG,
                         "The resident memory was not measured in this recording.");
    } else {
        cairn_text_prose_format(answer, CAIRN_STYLE_STRONG, "%s resident",
                                cairn_human_bytes(text, rss->total_bytes));
    }
    const struct cairn_text_column columns[] = {
        {.title = "RESIDENT"},
        {.title = "%"},
        {.title = "", .align = CAIRN_ALIGN_LEFT, .leaves = 1},
        {.title = "WHERE", .align = CAIRN_ALIGN_LEFT},
        {.title = "", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 16, .leaves = 2},
    };
    struct cairn_text_table table;
    cairn_text_table_init(&table, &answer->terminal, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < rss->row_count; i++) {
        const struct cairn_rss_row *row = &rss->rows[i];
        const bool known = row->bytes != CAIRN_UNKNOWN;
        cairn_text_table_row(&table);
        cairn_text_table_cell(&table, CAIRN_STYLE_STRONG, known ? cairn_human_bytes(text, row->bytes) : "?");
        if (known && rss->total_bytes > 0) {
            cairn_text_table_cell_format(&table, CAIRN_STYLE_PLAIN, "%.1f",
                                         100.0 * (double)row->bytes / (double)rss->total_bytes);
        } else {
            cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, "");
        }
        print_bar(&table, known ? row->bytes : 0, rss->total_bytes);
        cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, row->category);
        cairn_text_table_cell(&table, CAIRN_STYLE_FAINT, row->note);
    }
    cairn_stream_text(&answer->stream, "\n");
    cairn_text_table_print(&table, &answer->stream);
    cairn_text_table_release(&table);
    cairn_text_more(answer, rss->row_count, total);
}

static int print(const struct cairn_output_arguments *output, const struct cairn_request *request,
                 const struct cairn_rss *rss, size_t total)
{
    static void (*const printers[])(struct cairn_answer *, const struct cairn_request *,
                                    const struct cairn_rss *, size_t) = {
        [CAIRN_FORMAT_TEXT] = print_text, [CAIRN_FORMAT_JSON] = print_json, [CAIRN_FORMAT_CSV] = print_csv};
    struct cairn_answer answer;
    cairn_answer_open(&answer, output);
    printers[answer.format](&answer, request, rss, total);
    return cairn_answer_finish(&answer);
}

static int run(const struct cairn_invocation *invocation)
{
    const struct rss_arguments *arguments = invocation->arguments;
    struct cairn_request request;
    struct cairn_rss rss = {.rows = NULL};
    struct cairn_error error;
    const bool text = arguments->output.format == CAIRN_FORMAT_TEXT;
    enum cairn_status status = cairn_request_open(invocation, &arguments->select, text, 0, &request, &error);
    if (status == CAIRN_OK) {
        status = cairn_rss(request.trace, &request.selection, &request.at, &rss, &error);
    }
    const size_t total = rss.row_count;
    if (status == CAIRN_OK) {
        size_t first;
        rss.row_count = cairn_select_cut(&arguments->select, total, &first);
        rss.rows += first;
    }
    const int result =
        status == CAIRN_OK ? print(&arguments->output, &request, &rss, total) : cairn_complain(&error);
    cairn_rss_release(&rss);
    cairn_request_release(&request);
    return result;
}

#define SELECT offsetof(struct rss_arguments, select)
static const struct cairn_option_group groups[] = {
    {.title = "Moments", .options = cairn_select_at, .base = SELECT},
    {.title = "Selecting", .options = cairn_select_processes, .base = SELECT},
    {.title = "Rows", .options = cairn_select_all_rows, .base = SELECT},
    {.title = "Output", .options = cairn_output_options, .base = offsetof(struct rss_arguments, output)},
    {.title = NULL},
};

const struct cairn_command cairn_command_rss = {
    .name = "rss",
    .summary = "where the resident memory is: live heap, free in the allocator, mmap, files, stacks",
    .positional = "[TRACE]",
    .positional_max = 1,
    .completion = CAIRN_COMPLETE_TRACE,
    .description = "Residency is sampled a few times a second; the sample nearest to --at is shown.",
    .groups = groups,
    .arguments_size = sizeof(struct rss_arguments),
    .defaults = &(const struct rss_arguments){.select = CAIRN_SELECT_DEFAULTS},
    .run = run,
};
