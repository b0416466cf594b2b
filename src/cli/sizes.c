#include "query/sizes.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "base/human.h"
#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/select.h"

/* The columns of the text: lifetimes below each bound and not below the one before. */
static const struct {
    int64_t below_ns;
    const char *title;
} lifetimes[] = {
    {1000000, "<1MS"},   {10000000, "<10MS"},   {100000000, "<0.1S"},
    {1000000000, "<1S"}, {10000000000, "<10S"}, {INT64_MAX, "LONGER"},
};
#define LIFETIMES (sizeof lifetimes / sizeof lifetimes[0])

struct sizes_arguments {
    struct cairn_select_arguments select;
    struct cairn_output_arguments output;
};

static void print_json(struct cairn_answer *answer, const struct cairn_request *request,
                       const struct cairn_sizes *sizes, size_t total)
{
    struct cairn_json *json = &answer->json;
    cairn_answer_json_head(answer, "sizes", request->trace);
    cairn_json_integer(json, "rows_total", (int64_t)total);
    cairn_json_array(json, "rows");
    for (size_t i = 0; i < sizes->row_count; i++) {
        const struct cairn_sizes_row *row = &sizes->rows[i];
        cairn_json_object(json, NULL);
        cairn_json_integer(json, "size_low", row->size_low);
        cairn_json_integer(json, "size_high", row->size_high);
        cairn_json_integer(json, "allocations", row->allocations);
        cairn_json_integer(json, "frees", row->frees);
        cairn_json_integer(json, "live", row->live);
        cairn_json_integer(json, "temporary", row->temporary);
        cairn_json_array(json, "lifetimes");
        for (size_t j = 0; j < row->lifetime_count; j++) {
            const struct cairn_lifetime_cell *cell = &row->lifetimes[j];
            cairn_json_object(json, NULL);
            cairn_json_integer(json, "below_ns",
                               cell->below_ns == INT64_MAX ? CAIRN_UNKNOWN : cell->below_ns);
            cairn_json_integer(json, "blocks", cell->blocks);
            cairn_json_end(json);
        }
        cairn_json_end(json);
        cairn_json_end(json);
    }
}

/* One line a bucket and lifetime, so that the table is flat. */
static void print_csv(struct cairn_answer *answer, const struct cairn_request *request,
                      const struct cairn_sizes *sizes, size_t total)
{
    (void)request;
    (void)total;
    struct cairn_csv *csv = &answer->csv;
    cairn_csv_names(csv, "size_low,size_high,allocations,frees,live,temporary,below_ns,blocks");
    cairn_csv_end_line(csv);
    for (size_t i = 0; i < sizes->row_count; i++) {
        const struct cairn_sizes_row *row = &sizes->rows[i];
        for (size_t j = 0; j < row->lifetime_count || j == 0; j++) {
            const bool known = j < row->lifetime_count;
            cairn_csv_integer(csv, row->size_low);
            cairn_csv_integer(csv, row->size_high);
            cairn_csv_integer(csv, row->allocations);
            cairn_csv_integer(csv, row->frees);
            cairn_csv_integer(csv, row->live);
            cairn_csv_integer(csv, row->temporary);
            cairn_csv_integer(csv, known && row->lifetimes[j].below_ns != INT64_MAX
                                       ? row->lifetimes[j].below_ns
                                       : CAIRN_UNKNOWN);
            cairn_csv_integer(csv, known ? row->lifetimes[j].blocks : CAIRN_UNKNOWN);
            cairn_csv_end_line(csv);
        }
    }
}

static void lifetime_cells(struct cairn_text_table *table, const struct cairn_sizes_row *row)
{
    int64_t sums[LIFETIMES] = {0};
    char text[CAIRN_HUMAN_MAX];
    for (size_t i = 0; i < row->lifetime_count; i++) {
        size_t column = 0;
        while (column + 1 < LIFETIMES && row->lifetimes[i].below_ns > lifetimes[column].below_ns) {
            column++;
        }
        sums[column] += row->lifetimes[i].blocks;
    }
    for (size_t i = 0; i < LIFETIMES; i++) {
        cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, sums[i] > 0 ? cairn_human_count(text, sums[i]) : "");
    }
}

static void print_text(struct cairn_answer *answer, const struct cairn_request *request,
                       const struct cairn_sizes *sizes, size_t total)
{
    struct cairn_text_column columns[5 + LIFETIMES] = {
        {.title = "SIZE"}, {.title = "ALLOCS"}, {.title = "TEMP%", .leaves = 9}, {.title = "AT END"}};
    size_t count = 4;
    for (size_t i = 0; i < LIFETIMES; i++) {
        columns[count++] =
            (struct cairn_text_column){.title = lifetimes[i].title, .leaves = (unsigned)(i + 1)};
    }
    struct cairn_text_table table;
    cairn_text_head(answer, request->trace, NULL, "blocks by size, and how long they lived");
    if (sizes->row_count == 0 && request->selection.filter != NULL) {
        cairn_text_prose(answer, CAIRN_STYLE_STRONG, "no row passes the filter");
        return;
    }
    cairn_stream_text(&answer->stream, "\n");
    cairn_text_table_init(&table, &answer->terminal, columns, count);
    for (size_t i = 0; i < sizes->row_count; i++) {
        const struct cairn_sizes_row *row = &sizes->rows[i];
        char low[CAIRN_HUMAN_MAX], high[CAIRN_HUMAN_MAX], text[CAIRN_HUMAN_MAX];
        cairn_text_table_row(&table);
        if (row->size_low == row->size_high) {
            cairn_text_table_cell(&table, CAIRN_STYLE_STRONG, cairn_human_bytes_short(low, row->size_low));
        } else {
            cairn_text_table_cell_format(&table, CAIRN_STYLE_STRONG, "%s-%s",
                                         cairn_human_bytes_short(low, row->size_low),
                                         cairn_human_bytes_short(high, row->size_high));
        }
        cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, cairn_human_count(text, row->allocations));
        cairn_text_table_cell_format(
            &table, CAIRN_STYLE_PLAIN, "%.0f",
            row->allocations > 0 ? 100.0 * (double)row->temporary / (double)row->allocations : 0.0);
        cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN,
                              row->live > 0 ? cairn_human_count(text, row->live) : "");
        lifetime_cells(&table, row);
    }
    cairn_text_table_print(&table, &answer->stream);
    cairn_text_table_release(&table);
    cairn_text_more(answer, sizes->row_count, total);
}

static int print(const struct cairn_output_arguments *output, const struct cairn_request *request,
                 const struct cairn_sizes *sizes, size_t total)
{
    static void (*const printers[])(struct cairn_answer *, const struct cairn_request *,
                                    const struct cairn_sizes *, size_t) = {
        [CAIRN_FORMAT_TEXT] = print_text, [CAIRN_FORMAT_JSON] = print_json, [CAIRN_FORMAT_CSV] = print_csv};
    struct cairn_answer answer;
    cairn_answer_open(&answer, output);
    printers[answer.format](&answer, request, sizes, total);
    return cairn_answer_finish(&answer);
}

static int run(const struct cairn_invocation *invocation)
{
    const struct sizes_arguments *arguments = invocation->arguments;
    struct cairn_request request;
    struct cairn_sizes sizes = {.rows = NULL};
    struct cairn_error error;
    const bool text = arguments->output.format == CAIRN_FORMAT_TEXT;
    enum cairn_status status = cairn_request_open(invocation, &arguments->select, text, 0, &request, &error);
    if (status == CAIRN_OK) {
        status = cairn_sizes(request.trace, &request.selection, &sizes, &error);
    }
    const size_t total = sizes.row_count;
    if (status == CAIRN_OK) {
        size_t first;
        sizes.row_count = cairn_select_cut(&arguments->select, total, &first);
        sizes.rows += first;
    }
    const int result =
        status == CAIRN_OK ? print(&arguments->output, &request, &sizes, total) : cairn_complain(&error);
    cairn_sizes_release(&sizes);
    cairn_request_release(&request);
    return result;
}

#define SELECT offsetof(struct sizes_arguments, select)
static const struct cairn_option_group groups[] = {
    {.title = "Selecting", .options = cairn_select_processes, .base = SELECT},
    {.title = "Selecting", .options = cairn_select_threads, .base = SELECT},
    {.title = "Rows", .options = cairn_select_all_rows, .base = SELECT},
    {.title = "Output", .options = cairn_output_options, .base = offsetof(struct sizes_arguments, output)},
    {.title = NULL},
};

const struct cairn_command cairn_command_sizes = {
    .name = "sizes",
    .summary = "blocks by size and lifetime, and temporary allocations",
    .positional = "[TRACE]",
    .positional_max = 1,
    .completion = CAIRN_COMPLETE_TRACE,
    .description =
        "Over the whole recording. Temporary: freed by the same thread with no allocation of that thread in "
        "between.",
    .groups = groups,
    .arguments_size = sizeof(struct sizes_arguments),
    .defaults = &(const struct sizes_arguments){.select = CAIRN_SELECT_DEFAULTS},
    .run = run,
};
