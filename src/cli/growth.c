#include "query/growth.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/human.h"
#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/select.h"

#define SHORT_NS INT64_C(1000000000) /* a span that tells nothing about leaks */

struct growth_arguments {
    struct cairn_select_arguments select;
    struct cairn_output_arguments output;
};

static void print_json(struct cairn_answer *answer, const struct cairn_request *request,
                       const struct cairn_growth *growth)
{
    struct cairn_json *json = &answer->json;
    cairn_answer_json_head(answer, "growth", request->trace);
    cairn_json_span(json, "span", &growth->span);
    cairn_json_object(json, "fitted");
    cairn_json_integer(json, "from_ns", growth->first_ns);
    cairn_json_integer(json, "to_ns", growth->last_ns);
    cairn_json_end(json);
    cairn_json_integer(json, "rows_total", (int64_t)growth->rows_total);
    cairn_json_array(json, "rows");
    for (size_t i = 0; i < growth->row_count; i++) {
        const struct cairn_growth_row *row = &growth->rows[i];
        cairn_json_object(json, NULL);
        cairn_json_site(json, &row->site, request->selection.by, NAN);
        cairn_json_integer(json, "first_bytes", row->first_bytes);
        cairn_json_integer(json, "last_bytes", row->last_bytes);
        cairn_json_error(json, request->recording, row->error_bytes);
        cairn_json_real(json, "slope_bytes_per_s", row->slope_bytes_per_s);
        cairn_json_real(json, "fit", row->fit);
        cairn_json_integer(json, "grew", row->grew);
        cairn_json_integer(json, "of", row->of);
        cairn_json_stack(json, "stack", request->trace, row->stack, request->frames);
        cairn_json_end(json);
    }
}

static void print_csv(struct cairn_answer *answer, const struct cairn_request *request,
                      const struct cairn_growth *growth)
{
    struct cairn_csv *csv = &answer->csv;
    cairn_csv_names(csv,
                    CAIRN_CSV_SITE ",first_bytes,last_bytes,slope_bytes_per_s,fit,grew,of,stack,error_bytes");
    cairn_csv_end_line(csv);
    for (size_t i = 0; i < growth->row_count; i++) {
        const struct cairn_growth_row *row = &growth->rows[i];
        cairn_csv_site(csv, &row->site, NAN);
        cairn_csv_integer(csv, row->first_bytes);
        cairn_csv_integer(csv, row->last_bytes);
        cairn_csv_real(csv, row->slope_bytes_per_s);
        cairn_csv_real(csv, row->fit);
        cairn_csv_integer(csv, row->grew);
        cairn_csv_integer(csv, row->of);
        cairn_csv_stack(csv, request->trace, row->stack, request->frames);
        cairn_csv_integer(csv, row->error_bytes);
        cairn_csv_end_line(csv);
    }
}

static void print_row(struct cairn_text_table *table, const struct cairn_request *request,
                      const struct cairn_growth_row *row)
{
    char text[CAIRN_HUMAN_MAX];
    cairn_text_table_row(table);
    cairn_text_table_cell_format(table, row->slope_bytes_per_s > 0 ? CAIRN_STYLE_GREW : CAIRN_STYLE_SHRANK,
                                 "%s/s", cairn_human_bytes_signed(text, (int64_t)row->slope_bytes_per_s));
    cairn_text_table_cell_format(table, CAIRN_STYLE_PLAIN, "%" PRIu32 " of %" PRIu32, row->grew, row->of);
    cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, cairn_human_bytes(text, row->first_bytes));
    cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, cairn_human_bytes(text, row->last_bytes));
    if (request->recording->sample_bytes > 0) {
        cairn_text_table_cell(table, CAIRN_STYLE_FAINT, cairn_human_bytes(text, row->error_bytes));
    }
    cairn_text_table_cell_format(table, CAIRN_STYLE_PLAIN, "%.2f", row->fit);
    cairn_text_table_site(table, request->trace, &row->site, request->selection.by, row->stack);
    if (request->frames > 0) {
        cairn_text_table_stack(table, request->trace, row->stack, &row->site, request->frames);
    }
}

/* What starts up grows as what leaks does: only a recording that goes on tells them apart. */
static bool is_short(const struct cairn_request *request, const struct cairn_growth *growth)
{
    const unsigned other_units = CAIRN_UNTOLD_TIME_INSTRUCTIONS | CAIRN_UNTOLD_TIME_BYTES;
    return !(request->recording->untold & other_units) &&
           growth->span.to.t_ns - growth->span.from.t_ns < SHORT_NS;
}

static void print_doubts(struct cairn_answer *answer, const struct cairn_request *request,
                         const struct cairn_growth *growth)
{
    char length[CAIRN_HUMAN_MAX];
    size_t crooked = 0;
    for (size_t i = 0; i < growth->row_count; i++) {
        crooked += growth->rows[i].fit < CAIRN_GROWTH_GOOD_FIT;
    }
    if (is_short(request, growth)) {
        cairn_text_prose_format(
            answer, CAIRN_STYLE_FAINT,
            "In %s what starts up looks like what leaks: record for longer to tell them apart.",
            cairn_human_duration(length, growth->span.to.t_ns - growth->span.from.t_ns));
    } else if (crooked > 0) {
        cairn_text_prose_format(answer, CAIRN_STYLE_FAINT,
                                "FIT below %.2f: it grew, but by fits and starts; a leak is mostly a line.",
                                CAIRN_GROWTH_GOOD_FIT);
    }
}

static void print_text(struct cairn_answer *answer, const struct cairn_request *request,
                       const struct cairn_growth *growth)
{
    char line[192], by[32], first[CAIRN_HUMAN_MAX], last[CAIRN_HUMAN_MAX];
    snprintf(line, sizeof line, "sites that %s from %s to %s",
             is_short(request, growth) ? "grew" : "keep growing", growth->span.from.label,
             growth->span.to.label);
    cairn_text_head(answer, request->trace, NULL, line);
    if (growth->row_count == 0) {
        cairn_stream_text(&answer->stream, "No site keeps growing.\n");
        return;
    }
    cairn_stream_text(&answer->stream, "\n");
    snprintf(by, sizeof by, "BY %s", cairn_by_name(request->selection.by));
    struct cairn_text_column columns[8] = {
        {.title = "SLOPE"},
        {.title = "GREW IN", .leaves = 1},
        {.title = "FIRST", .leaves = 3},
        {.title = "LAST", .leaves = 2},
    };
    size_t count = 4;
    if (request->recording->sample_bytes > 0) {
        columns[count++] =
            (struct cairn_text_column){.title = cairn_glyph(&answer->terminal, "±", "+-"), .leaves = 6};
    }
    columns[count++] = (struct cairn_text_column){.title = "FIT", .leaves = 4};
    columns[count++] = (struct cairn_text_column){.title = by, .align = CAIRN_ALIGN_LEFT, .shrinks_to = 16};
    columns[count++] =
        (struct cairn_text_column){.title = "", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 8, .leaves = 5};
    struct cairn_text_table table;
    cairn_text_table_init(&table, &answer->terminal, columns, count);
    for (size_t i = 0; i < growth->row_count; i++) {
        print_row(&table, request, &growth->rows[i]);
    }
    cairn_text_table_print(&table, &answer->stream);
    cairn_text_more(answer, growth->row_count, growth->rows_total);
    cairn_text_prose_format(answer, CAIRN_STYLE_FAINT, "FIRST is at %s, LAST at %s.",
                            cairn_human_duration(first, growth->first_ns),
                            cairn_human_duration(last, growth->last_ns));
    print_doubts(answer, request, growth);
    cairn_text_table_release(&table);
}

static int print(const struct cairn_output_arguments *output, const struct cairn_request *request,
                 const struct cairn_growth *growth)
{
    static void (*const printers[])(struct cairn_answer *, const struct cairn_request *,
                                    const struct cairn_growth *) = {
        [CAIRN_FORMAT_TEXT] = print_text, [CAIRN_FORMAT_JSON] = print_json, [CAIRN_FORMAT_CSV] = print_csv};
    struct cairn_answer answer;
    cairn_answer_open(&answer, output);
    printers[answer.format](&answer, request, growth);
    return cairn_answer_finish(&answer);
}

static int run(const struct cairn_invocation *invocation)
{
    const struct growth_arguments *arguments = invocation->arguments;
    struct cairn_request request;
    struct cairn_growth growth = {.rows = NULL};
    struct cairn_error error;
    const bool text = arguments->output.format == CAIRN_FORMAT_TEXT;
    enum cairn_status status = cairn_request_open(invocation, &arguments->select, text, 0, &request, &error);
    if (status == CAIRN_OK) {
        status = cairn_growth(request.trace, &request.selection, &request.span, &growth, &error);
    }
    if (status == CAIRN_OK && growth.moments_left_out > 0) {
        cairn_note_format(
            "growth leaves out %zu of the span's moments, whose single events were dropped (slim, "
            "record --max-size)",
            growth.moments_left_out);
    }
    const int result =
        status == CAIRN_OK ? print(&arguments->output, &request, &growth) : cairn_complain(&error);
    cairn_growth_release(&growth);
    cairn_request_release(&request);
    return result;
}

#define SELECT offsetof(struct growth_arguments, select)
static const struct cairn_option_group groups[] = {
    {.title = "Moments", .options = cairn_select_span, .base = SELECT},
    {.title = "Rows", .options = cairn_select_by, .base = SELECT},
    {.title = "Rows", .options = cairn_select_rows, .base = SELECT},
    {.title = "Rows", .options = cairn_select_frames, .base = SELECT},
    {.title = "Selecting", .options = cairn_select_processes, .base = SELECT},
    {.title = "Selecting", .options = cairn_select_threads, .base = SELECT},
    {.title = "Selecting", .options = cairn_select_sites, .base = SELECT},
    {.title = "Output", .options = cairn_output_options, .base = offsetof(struct growth_arguments, output)},
    {.title = NULL},
};

const struct cairn_command cairn_command_growth = {
    .name = "growth",
    .summary = "sites whose live bytes keep growing",
    .positional = "[TRACE]",
    .positional_max = 1,
    .completion = CAIRN_COMPLETE_TRACE,
    .description =
        "The slope is fitted on the last two thirds of the span: a program that warms up does not leak. FIT "
        "is how straight the growth is, 1.00 for a line. Steady growth comes first: slope, fit and steps "
        "count.",
    .groups = groups,
    .arguments_size = sizeof(struct growth_arguments),
    .defaults = &(const struct growth_arguments){.select = CAIRN_SELECT_DEFAULTS},
    .run = run,
};
