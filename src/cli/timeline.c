#include "query/timeline.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/human.h"
#include "cli/answer.h"
#include "cli/chart.h"
#include "cli/commands.h"
#include "cli/select.h"

#define ALL_POINTS    65536u /* more than any level of a trace keeps */
#define CHART_LINES   8u
#define CHART_MARGIN  12u
#define CHART_COLUMNS 160u

struct timeline_arguments {
    struct cairn_select_arguments select;
    struct cairn_output_arguments output;
};

struct curve {
    struct cairn_rate_point *points;
    size_t count; /* those shown */
    size_t total; /* those there are */
};

static void print_json(struct cairn_answer *answer, const struct cairn_request *request,
                       const struct curve *curve)
{
    struct cairn_json *json = &answer->json;
    cairn_answer_json_head(answer, "timeline", request->trace);
    cairn_json_span(json, "span", &request->span);
    cairn_json_integer(json, "rows_total", (int64_t)curve->total);
    cairn_json_array(json, "points");
    for (size_t i = 0; i < curve->count; i++) {
        const struct cairn_rate_point *point = &curve->points[i];
        cairn_json_object(json, NULL);
        cairn_json_integer(json, "t_ns", point->t_ns);
        cairn_json_integer(json, "heap_bytes", point->heap_bytes);
        cairn_json_integer(json, "heap_blocks", point->heap_blocks);
        cairn_json_integer(json, "heap_max_bytes", point->heap_max_bytes);
        cairn_json_integer(json, "rss_bytes", point->rss_bytes);
        cairn_json_integer(json, "mapped_bytes", point->mapped_bytes);
        cairn_json_real(json, "allocations_per_s", point->allocations_per_s);
        cairn_json_real(json, "frees_per_s", point->frees_per_s);
        cairn_json_end(json);
    }
}

static void print_csv(struct cairn_answer *answer, const struct cairn_request *request,
                      const struct curve *curve)
{
    (void)request;
    struct cairn_csv *csv = &answer->csv;
    cairn_csv_names(csv,
                    "t_ns,heap_bytes,heap_blocks,heap_max_bytes,rss_bytes,mapped_bytes,allocations_per_s,"
                    "frees_per_s");
    cairn_csv_end_line(csv);
    for (size_t i = 0; i < curve->count; i++) {
        const struct cairn_rate_point *point = &curve->points[i];
        cairn_csv_integer(csv, point->t_ns);
        cairn_csv_integer(csv, point->heap_bytes);
        cairn_csv_integer(csv, point->heap_blocks);
        cairn_csv_integer(csv, point->heap_max_bytes);
        cairn_csv_integer(csv, point->rss_bytes);
        cairn_csv_integer(csv, point->mapped_bytes);
        cairn_csv_real(csv, point->allocations_per_s);
        cairn_csv_real(csv, point->frees_per_s);
        cairn_csv_end_line(csv);
    }
}

/* The largest heap of every column, so that a short peak is not lost between two points. */
static void print_chart(struct cairn_answer *answer, const struct cairn_request *request,
                        const struct curve *curve)
{
    double columns[CHART_COLUMNS] = {0};
    const size_t width = cairn_console_width_or(&answer->terminal, 80, CHART_COLUMNS + CHART_MARGIN);
    const size_t count = width > CHART_MARGIN + 10 ? width - CHART_MARGIN : 10;
    const int64_t from = request->span.from.t_ns, length = request->span.to.t_ns - from;
    size_t at = 0;
    double most = 0;
    for (size_t i = 0; i < count; i++) {
        const int64_t until = from + (int64_t)((double)length * (double)(i + 1) / (double)count);
        double value = at > 0 ? (double)curve->points[at - 1].heap_bytes : 0;
        while (at < curve->total && (curve->points[at].t_ns <= until || i + 1 == count)) {
            const double highest = (double)curve->points[at].heap_max_bytes;
            value = highest > value ? highest : value;
            at++;
        }
        columns[i] = value;
        most = value > most ? value : most;
    }
    char label[CAIRN_HUMAN_MAX], left[CAIRN_HUMAN_MAX], right[CAIRN_HUMAN_MAX];
    cairn_chart(&answer->stream, &answer->terminal, columns, count, CHART_LINES,
                cairn_human_bytes(label, (int64_t)most));
    cairn_human_duration(left, request->span.from.t_ns);
    cairn_human_duration(right, request->span.to.t_ns);
    const size_t used = cairn_text_columns(left) + cairn_text_columns(right);
    cairn_stream_format(&answer->stream, "%*s%s%*s%s\n", (int)CHART_MARGIN, "", left,
                        (int)(count > used ? count - used : 1), "", right);
}

static char *rate_text(char text[CAIRN_HUMAN_MAX], double rate)
{
    return cairn_human_count(text, isnan(rate) ? CAIRN_UNKNOWN : (int64_t)rate);
}

static void print_text(struct cairn_answer *answer, const struct cairn_request *request,
                       const struct curve *curve)
{
    char line[160], text[CAIRN_HUMAN_MAX];
    snprintf(line, sizeof line, "heap over time, %s to %s", request->span.from.label, request->span.to.label);
    cairn_text_head(answer, request->trace, NULL, line);
    print_chart(answer, request, curve);
    cairn_stream_text(&answer->stream, "\n");
    const struct cairn_text_column columns[] = {
        {.title = "TIME"},
        {.title = "HEAP"},
        {.title = "BLOCKS", .leaves = 2},
        {.title = "RSS"},
        {.title = "MAPPED", .leaves = 3},
        {.title = "ALLOCS/S", .leaves = 1},
        {.title = "FREES/S", .leaves = 4},
    };
    struct cairn_text_table table;
    cairn_text_table_init(&table, &answer->terminal, columns, sizeof columns / sizeof columns[0]);
    /* The chart has all points. */
    const size_t count =
        cairn_timeline_join(curve->points, curve->total, curve->count, request->span.from.t_ns);
    for (size_t i = 0; i < count; i++) {
        const struct cairn_rate_point *point = &curve->points[i];
        cairn_text_table_row(&table);
        cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, cairn_human_duration(text, point->t_ns));
        cairn_text_table_cell(&table, CAIRN_STYLE_STRONG, cairn_human_bytes(text, point->heap_bytes));
        cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, cairn_human_count(text, point->heap_blocks));
        cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN,
                              point->rss_bytes == CAIRN_UNKNOWN ? ""
                                                                : cairn_human_bytes(text, point->rss_bytes));
        cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, cairn_human_bytes(text, point->mapped_bytes));
        cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, rate_text(text, point->allocations_per_s));
        cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, rate_text(text, point->frees_per_s));
    }
    cairn_text_table_print(&table, &answer->stream);
    cairn_text_table_release(&table);
}

static int print(const struct cairn_output_arguments *output, const struct cairn_request *request,
                 const struct curve *curve)
{
    static void (*const printers[])(struct cairn_answer *, const struct cairn_request *,
                                    const struct curve *) = {
        [CAIRN_FORMAT_TEXT] = print_text, [CAIRN_FORMAT_JSON] = print_json, [CAIRN_FORMAT_CSV] = print_csv};
    struct cairn_answer answer;
    cairn_answer_open(&answer, output);
    printers[answer.format](&answer, request, curve);
    return cairn_answer_finish(&answer);
}

static int run(const struct cairn_invocation *invocation)
{
    const struct timeline_arguments *arguments = invocation->arguments;
    struct cairn_request request;
    struct curve curve = {.points = NULL};
    struct cairn_error error;
    const bool text = arguments->output.format == CAIRN_FORMAT_TEXT;
    enum cairn_status status = cairn_request_open(invocation, &arguments->select, text, 0, &request, &error);
    const size_t limit = request.selection.limit;
    if (status == CAIRN_OK) {
        status = cairn_timeline(request.trace, &request.span, limit == 0 || text ? ALL_POINTS : limit,
                                &curve.points, &curve.total, &error);
        curve.count = limit > 0 && curve.total > limit ? limit : curve.total;
    }
    if (status == CAIRN_OK && !text) {
        curve.count = cairn_timeline_join(curve.points, curve.total, curve.count, request.span.from.t_ns);
    }
    const int result =
        status == CAIRN_OK ? print(&arguments->output, &request, &curve) : cairn_complain(&error);
    free(curve.points);
    cairn_request_release(&request);
    return result;
}

static const struct cairn_option options[] = {
    {.name = "limit",
     .letter = 'n',
     .type = CAIRN_OPTION_COUNT,
     .offset = offsetof(struct cairn_select_arguments, limit),
     .argument = "N",
     .help = "about so many points (text: 20; JSON and CSV: all; 0: all)"},
    {.name = NULL},
};

#define SELECT offsetof(struct timeline_arguments, select)
static const struct cairn_option_group groups[] = {
    {.title = "Moments", .options = cairn_select_span, .base = SELECT},
    {.title = "Rows", .options = options, .base = SELECT},
    {.title = "Output", .options = cairn_output_options, .base = offsetof(struct timeline_arguments, output)},
    {.title = NULL},
};

const struct cairn_command cairn_command_timeline = {
    .name = "timeline",
    .summary = "heap, resident memory, mappings and allocations over time",
    .positional = "[TRACE]",
    .positional_max = 1,
    .completion = CAIRN_COMPLETE_TRACE,
    .groups = groups,
    .arguments_size = sizeof(struct timeline_arguments),
    .defaults = &(const struct timeline_arguments){.select = CAIRN_SELECT_DEFAULTS},
    .run = run,
};
