#include "query/top.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/human.h"
#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/select.h"

#define TREND_POINTS     12u
#define TREND_FROM_WIDTH 100u /* narrower terminals need the room for names */

struct top_arguments {
    struct cairn_select_arguments select;
    struct cairn_output_arguments output;
};

static void print_json(struct cairn_answer *answer, const struct cairn_request *request,
                       const struct cairn_top *top)
{
    struct cairn_json *json = &answer->json;
    const bool sampled = request->recording->sample_bytes > 0;
    cairn_answer_json_head(answer, "top", request->trace);
    cairn_json_moment(json, "at", &top->at);
    cairn_json_span(json, "span", &top->span);
    cairn_json_text(json, "metric", cairn_metric_name(request->selection.metric));
    cairn_json_object(json, "total");
    cairn_json_counts(json, &top->total, sampled);
    cairn_json_end(json);
    cairn_json_object(json, "other");
    cairn_json_counts(json, &top->other, sampled);
    cairn_json_end(json);
    cairn_json_integer(json, "rows_total", (int64_t)top->rows_total);
    cairn_json_array(json, "rows");
    for (size_t i = 0; i < top->row_count; i++) {
        const struct cairn_top_row *row = &top->rows[i];
        cairn_json_object(json, NULL);
        cairn_json_site(json, &row->site, request->selection.by, row->percent);
        cairn_json_counts(json, &row->counts, sampled);
        cairn_json_integer(json, "stacks", row->stacks);
        cairn_json_stack(json, "stack", request->trace, row->heaviest_stack, request->frames);
        cairn_json_real(json, "stack_percent", row->stack_percent);
        cairn_json_end(json);
    }
}

static void print_csv(struct cairn_answer *answer, const struct cairn_request *request,
                      const struct cairn_top *top)
{
    struct cairn_csv *csv = &answer->csv;
    cairn_csv_names(csv, CAIRN_CSV_SITE "," CAIRN_CSV_COUNTS ",stacks,stack_percent,stack");
    cairn_csv_end_line(csv);
    for (size_t i = 0; i < top->row_count; i++) {
        const struct cairn_top_row *row = &top->rows[i];
        cairn_csv_site(csv, &row->site, row->percent);
        cairn_csv_counts(csv, &row->counts);
        cairn_csv_integer(csv, row->stacks);
        cairn_csv_real(csv, row->stack_percent);
        cairn_csv_stack(csv, request->trace, row->heaviest_stack, request->frames);
        cairn_csv_end_line(csv);
    }
}

/* A column of numbers of the text table. */
enum figure {
    FIGURE_LIVE,
    FIGURE_BLOCKS,
    FIGURE_ALLOCATED,
    FIGURE_ALLOCATIONS,
    FIGURE_TEMPORARY,
    FIGURE_PEAK
};

/* Which figures stand in which order: the metric's own first, those that matter least leave first. */
static const enum figure figures[CAIRN_METRIC_COUNT][4] = {
    [CAIRN_METRIC_LIVE] = {FIGURE_LIVE, FIGURE_BLOCKS, FIGURE_ALLOCATIONS, FIGURE_TEMPORARY},
    [CAIRN_METRIC_ALLOCATED] = {FIGURE_ALLOCATED, FIGURE_ALLOCATIONS, FIGURE_TEMPORARY, FIGURE_LIVE},
    [CAIRN_METRIC_ALLOCATIONS] = {FIGURE_ALLOCATIONS, FIGURE_ALLOCATED, FIGURE_TEMPORARY, FIGURE_LIVE},
    [CAIRN_METRIC_TEMPORARY] = {FIGURE_TEMPORARY, FIGURE_ALLOCATIONS, FIGURE_ALLOCATED, FIGURE_LIVE},
    [CAIRN_METRIC_PEAK] = {FIGURE_PEAK, FIGURE_LIVE, FIGURE_BLOCKS, FIGURE_ALLOCATIONS},
};

static const char *figure_title(enum figure figure, bool first)
{
    static const char *const titles[] = {
        [FIGURE_LIVE] = "LIVE",          [FIGURE_BLOCKS] = "BLOCKS",   [FIGURE_ALLOCATED] = "ALLOCATED",
        [FIGURE_ALLOCATIONS] = "ALLOCS", [FIGURE_TEMPORARY] = "TEMP%", [FIGURE_PEAK] = "PEAK",
    };
    return figure == FIGURE_TEMPORARY && first ? "TEMPORARY" : titles[figure];
}

static void figure_cell(struct cairn_text_table *table, enum figure figure, bool first,
                        const struct cairn_counts *counts)
{
    char text[CAIRN_HUMAN_MAX] = "";
    switch (figure) {
    case FIGURE_LIVE:
        cairn_human_bytes(text, counts->live_bytes);
        break;
    case FIGURE_BLOCKS:
        cairn_human_count(text, counts->live_blocks);
        break;
    case FIGURE_ALLOCATED:
        cairn_human_bytes(text, counts->allocated_bytes);
        break;
    case FIGURE_ALLOCATIONS:
        cairn_human_count(text, counts->allocations);
        break;
    case FIGURE_TEMPORARY:
        if (first) {
            cairn_human_count(text, counts->temporary);
        } else if (counts->allocations > 0) {
            snprintf(text, sizeof text, "%.0f",
                     100.0 * (double)counts->temporary / (double)counts->allocations);
        }
        break;
    case FIGURE_PEAK:
        cairn_human_bytes(text, counts->peak_bytes);
        break;
    }
    cairn_text_table_cell(table, first ? CAIRN_STYLE_STRONG : CAIRN_STYLE_PLAIN, text);
}

/* Whether the first figure, which error_bytes is of, is one of bytes. */
static bool shows_error(const struct cairn_request *request)
{
    const enum cairn_metric metric = request->selection.metric;
    return request->recording->sample_bytes > 0 && metric != CAIRN_METRIC_ALLOCATIONS &&
           metric != CAIRN_METRIC_TEMPORARY;
}

static void figure_cells(struct cairn_text_table *table, const struct cairn_request *request,
                         const struct cairn_counts *counts, double percent)
{
    char text[CAIRN_HUMAN_MAX];
    for (size_t i = 0; i < 4; i++) {
        figure_cell(table, figures[request->selection.metric][i], i == 0, counts);
        if (i == 0 && shows_error(request)) {
            cairn_text_table_cell(table, CAIRN_STYLE_FAINT, cairn_human_bytes(text, counts->error_bytes));
        }
        if (i == 0) {
            cairn_text_table_cell_format(table, CAIRN_STYLE_PLAIN, "%.1f", percent);
        }
    }
}

/* Live bytes of the shown sites over the span as sparklines; NULL where there is no room or the query has none. */
static double *load_trends(const struct cairn_answer *answer, const struct cairn_request *request,
                           const struct cairn_top *top)
{
    if (answer->terminal.width < TREND_FROM_WIDTH || top->row_count == 0) {
        return NULL;
    }
    int64_t *sites = calloc(top->row_count, sizeof *sites);
    double *trends = calloc(top->row_count * TREND_POINTS, sizeof *trends);
    int64_t *values = NULL;
    if (sites != NULL && trends != NULL) {
        for (size_t i = 0; i < top->row_count; i++) {
            sites[i] = top->rows[i].site.site_id;
        }
        if (cairn_top_trends(request->trace, &request->selection, sites, top->row_count, &top->span,
                             TREND_POINTS, &values, NULL) != CAIRN_OK) {
            values = NULL;
        }
    }
    for (size_t i = 0; values != NULL && i < top->row_count * TREND_POINTS; i++) {
        trends[i] = (double)values[i];
    }
    const bool found = values != NULL;
    free(values);
    free(sites);
    if (!found) {
        free(trends);
        return NULL;
    }
    return trends;
}

static void print_row(struct cairn_text_table *table, const struct cairn_request *request,
                      const struct cairn_top_row *row, const double *trend)
{
    cairn_text_table_row(table);
    figure_cells(table, request, &row->counts, row->percent);
    if (trend != NULL) {
        char bars[TREND_POINTS * 4 + 1];
        cairn_sparkline(table->terminal, trend, TREND_POINTS, bars, sizeof bars);
        cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, bars);
    }
    cairn_text_table_site(table, request->trace, &row->site, request->selection.by, row->heaviest_stack);
    if (request->frames > 0) {
        cairn_text_table_stack(table, request->trace, row->heaviest_stack, &row->site, request->frames);
    }
}

static const char *plus_minus(const struct cairn_console *terminal)
{
    return cairn_glyph(terminal, "±", "+-");
}

static void print_table(struct cairn_answer *answer, const struct cairn_request *request,
                        const struct cairn_top *top)
{
    const enum cairn_metric metric = request->selection.metric;
    double *trends = load_trends(answer, request, top);
    struct cairn_text_column columns[9] = {{.title = NULL}};
    size_t count = 0;
    for (size_t i = 0; i < 4; i++) {
        columns[count++] = (struct cairn_text_column){.title = figure_title(figures[metric][i], i == 0),
                                                      .leaves = (unsigned)i};
        if (i == 0 && shows_error(request)) {
            columns[count++] = (struct cairn_text_column){.title = plus_minus(&answer->terminal)};
        }
        if (i == 0) {
            columns[count++] = (struct cairn_text_column){.title = "%", .leaves = 0};
        }
    }
    if (trends != NULL) {
        columns[count++] =
            (struct cairn_text_column){.title = "TREND", .align = CAIRN_ALIGN_LEFT, .leaves = 9};
    }
    char title[32];
    snprintf(title, sizeof title, "BY %s", cairn_by_name(request->selection.by));
    columns[count++] =
        (struct cairn_text_column){.title = title, .align = CAIRN_ALIGN_LEFT, .shrinks_to = 16};
    columns[count++] =
        (struct cairn_text_column){.title = "", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 8, .leaves = 8};

    struct cairn_text_table table;
    cairn_text_table_init(&table, &answer->terminal, columns, count);
    for (size_t i = 0; i < top->row_count; i++) {
        print_row(&table, request, &top->rows[i], trends != NULL ? trends + i * TREND_POINTS : NULL);
    }
    if (top->rows_total > top->row_count) {
        const int64_t whole = cairn_counts_metric(&top->total, metric);
        const int64_t rest = cairn_counts_metric(&top->other, metric);
        cairn_text_table_row(&table);
        figure_cells(&table, request, &top->other, whole > 0 ? 100.0 * (double)rest / (double)whole : 0);
        if (trends != NULL) {
            cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, "");
        }
        cairn_text_table_cell_format(&table, CAIRN_STYLE_FAINT, "%zu more (--limit)",
                                     top->rows_total - top->row_count);
    }
    cairn_text_table_print(&table, &answer->stream);
    cairn_text_table_release(&table);
    free(trends);
}

/* " ± 3.1 MiB", where the metric is about those bytes. */
static const char *error_text(const struct cairn_answer *answer, const struct cairn_request *request,
                              const struct cairn_top *top, enum cairn_metric of, char *out, size_t out_size)
{
    char bytes[CAIRN_HUMAN_MAX];
    out[0] = '\0';
    if (shows_error(request) && request->selection.metric == of) {
        snprintf(out, out_size, " %s %s", plus_minus(&answer->terminal),
                 cairn_human_bytes(bytes, top->total.error_bytes));
    }
    return out;
}

static void print_text(struct cairn_answer *answer, const struct cairn_request *request,
                       const struct cairn_top *top)
{
    char live[CAIRN_HUMAN_MAX], blocks[CAIRN_HUMAN_MAX], allocated[CAIRN_HUMAN_MAX], calls[CAIRN_HUMAN_MAX];
    char live_error[CAIRN_HUMAN_MAX + 8], allocated_error[CAIRN_HUMAN_MAX + 8], sentence[512];
    cairn_text_head(answer, request->trace, &top->at, NULL);
    cairn_text_prose_format(
        answer, CAIRN_STYLE_PLAIN, "%s%s live in %s; %s%s allocated in %s allocations",
        cairn_human_bytes(live, top->total.live_bytes),
        error_text(answer, request, top, CAIRN_METRIC_LIVE, live_error, sizeof live_error),
        cairn_human_blocks(blocks, top->total.live_blocks),
        cairn_human_bytes(allocated, top->total.allocated_bytes),
        error_text(answer, request, top, CAIRN_METRIC_ALLOCATED, allocated_error, sizeof allocated_error),
        cairn_human_count(calls, top->total.allocations));
    if (cairn_top_sentence(request->trace, top, &request->selection, sentence, sizeof sentence, NULL) ==
            CAIRN_OK &&
        sentence[0] != '\0') {
        cairn_text_prose(answer, CAIRN_STYLE_PLAIN, sentence);
    }
    cairn_stream_text(&answer->stream, "\n");
    print_table(answer, request, top);
}

static int print(const struct cairn_output_arguments *output, const struct cairn_request *request,
                 const struct cairn_top *top)
{
    static void (*const printers[])(struct cairn_answer *, const struct cairn_request *,
                                    const struct cairn_top *) = {
        [CAIRN_FORMAT_TEXT] = print_text, [CAIRN_FORMAT_JSON] = print_json, [CAIRN_FORMAT_CSV] = print_csv};
    struct cairn_answer answer;
    cairn_answer_open(&answer, output);
    printers[answer.format](&answer, request, top);
    return cairn_answer_finish(&answer);
}

static int run(const struct cairn_invocation *invocation)
{
    const struct top_arguments *arguments = invocation->arguments;
    struct cairn_request request;
    struct cairn_top top = {.rows = NULL};
    struct cairn_error error;
    const bool text = arguments->output.format == CAIRN_FORMAT_TEXT;
    const size_t frames = arguments->select.by == CAIRN_BY_STACK ? 4 : 0;
    enum cairn_status status =
        cairn_request_open(invocation, &arguments->select, text, frames, &request, &error);
    if (status == CAIRN_OK) {
        status = cairn_top(request.trace, &request.selection, &request.at, &request.span, &top, &error);
    }
    const int result =
        status == CAIRN_OK ? print(&arguments->output, &request, &top) : cairn_complain(&error);
    cairn_top_release(&top);
    cairn_request_release(&request);
    return result;
}

#define SELECT offsetof(struct top_arguments, select)
static const struct cairn_option_group groups[] = {
    {.title = "Moments", .options = cairn_select_at, .base = SELECT},
    {.title = "Moments", .options = cairn_select_span, .base = SELECT},
    {.title = "Rows", .options = cairn_select_by, .base = SELECT},
    {.title = "Rows", .options = cairn_select_rank, .base = SELECT},
    {.title = "Rows", .options = cairn_select_sort, .base = SELECT},
    {.title = "Rows", .options = cairn_select_rows, .base = SELECT},
    {.title = "Rows", .options = cairn_select_frames, .base = SELECT},
    {.title = "Selecting", .options = cairn_select_processes, .base = SELECT},
    {.title = "Selecting", .options = cairn_select_threads, .base = SELECT},
    {.title = "Selecting", .options = cairn_select_sites, .base = SELECT},
    {.title = "Output", .options = cairn_output_options, .base = offsetof(struct top_arguments, output)},
    {.title = NULL},
};

static const char *const examples[] = {
    "cairn top",
    "who holds the memory at the peak of the newest trace in this folder",
    "cairn top --at end --by line app.cairn",
    "what is still live at the end, line by line",
    "cairn top --metric temporary --frames 5",
    "who allocates only to free at once, with five callers each",
    NULL,
};

const struct cairn_command cairn_command_top = {
    .name = "top",
    .summary = "sites, ranked: who holds the memory, who allocates most",
    .positional = "[TRACE]",
    .positional_max = 1,
    .completion = CAIRN_COMPLETE_TRACE,
    .examples = examples,
    .groups = groups,
    .arguments_size = sizeof(struct top_arguments),
    .defaults = &(const struct top_arguments){.select = CAIRN_SELECT_DEFAULTS},
    .run = run,
};
