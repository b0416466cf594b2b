#include "cli/check.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/human.h"
#include "cli/commands.h"

#define TEXT_BLAME        5u /* sites a limit, unless --limit says otherwise */
#define TEXT_FRAMES       3u
#define DEFAULT_TOLERANCE 2.0 /* percent: runs differ a little, in how threads meet if in nothing else */

enum check_format { FORMAT_TEXT = 0, FORMAT_JSON, FORMAT_JUNIT };
static const char *const format_words[] = {"text", "json", "junit", NULL};

struct check_arguments {
    struct cairn_select_arguments select;
    int64_t max_peak, max_leaked, max_allocated, max_allocations;
    const char *baseline, *tolerance, *suppressions;
    int format, colour;
};

char *cairn_check_limit_name(const struct cairn_check_row *row, char out[CAIRN_CHECK_LIMIT_SIZE])
{
    snprintf(out, CAIRN_CHECK_LIMIT_SIZE, "%s_%s", row->of_baseline ? "baseline" : "max",
             cairn_measure_name(row->measure));
    return out;
}

char *cairn_check_value(enum cairn_measure measure, int64_t value, char out[CAIRN_CHECK_VALUE_SIZE])
{
    char text[CAIRN_HUMAN_MAX];
    if (value == CAIRN_UNKNOWN) {
        snprintf(out, CAIRN_CHECK_VALUE_SIZE, "unknown");
    } else if (measure == CAIRN_MEASURE_ALLOCATIONS) {
        snprintf(out, CAIRN_CHECK_VALUE_SIZE, "%s", cairn_human_count(text, value));
    } else {
        snprintf(out, CAIRN_CHECK_VALUE_SIZE, "%s", cairn_human_bytes(text, value));
    }
    return out;
}

/* Both as people write them, or to the last byte where that would look the same. */
static void value_pair(const struct cairn_check_row *row, char found[CAIRN_CHECK_VALUE_SIZE],
                       char allowed[CAIRN_CHECK_VALUE_SIZE])
{
    cairn_check_value(row->measure, row->found, found);
    cairn_check_value(row->measure, row->allowed, allowed);
    if (row->found != row->allowed && strcmp(found, allowed) == 0) {
        const char *unit = cairn_measure_unit(row->measure);
        snprintf(found, CAIRN_CHECK_VALUE_SIZE, "%" PRId64 " %s", row->found, unit);
        snprintf(allowed, CAIRN_CHECK_VALUE_SIZE, "%" PRId64 " %s", row->allowed, unit);
    }
}

char *cairn_check_sentence(const struct cairn_check_row *row, bool sampled,
                           char out[CAIRN_CHECK_SENTENCE_SIZE])
{
    char found[CAIRN_CHECK_VALUE_SIZE], allowed[CAIRN_CHECK_VALUE_SIZE];
    value_pair(row, found, allowed);
    char error[CAIRN_CHECK_VALUE_SIZE], estimate[CAIRN_CHECK_VALUE_SIZE + 32] = "";
    if (row->error_bytes != CAIRN_UNKNOWN) {
        snprintf(estimate, sizeof estimate, " (an estimate, give or take %s)",
                 cairn_check_value(row->measure, row->error_bytes, error));
    } else if (sampled) {
        snprintf(estimate, sizeof estimate, " (an estimate)");
    }
    snprintf(out, CAIRN_CHECK_SENTENCE_SIZE, "%s: %s%s, allowed %s%s", cairn_measure_name(row->measure),
             found, estimate, allowed, row->of_baseline ? " by the baseline" : "");
    return out;
}

static void json_site(struct cairn_json *json, const struct cairn_request *request,
                      const struct cairn_measured_site *site)
{
    cairn_json_object(json, NULL);
    cairn_json_site(json, &site->site, request->selection.by, site->percent);
    cairn_json_integer(json, "bytes", site->bytes);
    cairn_json_integer(json, "value", site->value);
}

static void json_measures(struct cairn_json *json, const struct cairn_request *request,
                          const struct cairn_check *check)
{
    cairn_json_array(json, "measures");
    for (int i = 0; i < CAIRN_MEASURE_COUNT; i++) {
        const struct cairn_measured *measured = &check->measured[i];
        cairn_json_object(json, NULL);
        cairn_json_text(json, "measure", cairn_measure_name((enum cairn_measure)i));
        cairn_json_integer(json, "found", measured->found);
        cairn_json_error(json, request->recording, measured->error_bytes);
        cairn_json_text(json, "unit", cairn_measure_unit((enum cairn_measure)i));
        cairn_json_array(json, "sites");
        for (size_t k = 0; k < measured->site_count; k++) {
            json_site(json, request, &measured->sites[k]);
            cairn_json_end(json);
        }
        cairn_json_end(json);
        cairn_json_end(json);
    }
    cairn_json_end(json);
}

static void print_json(struct cairn_answer *answer, const struct cairn_request *request,
                       const struct cairn_check *check)
{
    struct cairn_json *json = &answer->json;
    char name[CAIRN_CHECK_LIMIT_SIZE];
    cairn_answer_json_head(answer, "check", request->trace);
    cairn_json_span(json, "span", &check->span);
    cairn_json_bool(json, "passed", check->passed);
    cairn_json_array(json, "rows");
    for (size_t i = 0; i < check->row_count; i++) {
        const struct cairn_check_row *row = &check->rows[i];
        cairn_json_object(json, NULL);
        cairn_json_text(json, "limit", cairn_check_limit_name(row, name));
        cairn_json_integer(json, "allowed", row->allowed);
        cairn_json_integer(json, "found", row->found);
        cairn_json_error(json, request->recording, row->error_bytes);
        cairn_json_text(json, "unit", cairn_measure_unit(row->measure));
        cairn_json_bool(json, "passed", row->passed);
        cairn_json_integer(json, "blame_total", (int64_t)row->blame_total);
        cairn_json_array(json, "blame");
        for (size_t k = 0; k < row->blame_count; k++) {
            json_site(json, request, &row->blame[k]);
            cairn_json_stack(json, "stack", request->trace, row->blame[k].stack, request->frames);
            cairn_json_end(json);
        }
        cairn_json_end(json);
        cairn_json_end(json);
    }
    cairn_json_end(json);
    json_measures(json, request, check);
}

static void text_blame(struct cairn_answer *answer, const struct cairn_request *request,
                       const struct cairn_check_row *row)
{
    static const struct cairn_text_column columns[] = {
        {.title = ""},
        {.title = ""},
        {.title = ""},
        {.title = "", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 16},
        {.title = "", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 8, .leaves = 1}};
    struct cairn_text_table table;
    char value[CAIRN_CHECK_VALUE_SIZE];
    cairn_text_table_init(&table, &answer->terminal, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < row->blame_count; i++) {
        const struct cairn_measured_site *site = &row->blame[i];
        cairn_text_table_row(&table);
        cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, " ");
        cairn_text_table_cell(&table, CAIRN_STYLE_STRONG,
                              cairn_check_value(row->measure, site->value, value));
        cairn_text_table_cell_format(&table, CAIRN_STYLE_PLAIN, "%.1f %%", site->percent);
        cairn_text_table_site(&table, request->trace, &site->site, request->selection.by, site->stack);
        if (request->frames > 0) {
            cairn_text_table_stack(&table, request->trace, site->stack, &site->site, request->frames);
        }
    }
    cairn_text_table_print(&table, &answer->stream);
    cairn_text_more(answer, row->blame_count, row->blame_total);
    cairn_text_table_release(&table);
}

static void text_measures(struct cairn_answer *answer, const struct cairn_check *check)
{
    cairn_text_prose(answer, CAIRN_STYLE_PLAIN,
                     "No limit was given; what limits can be set on (--max-peak and the like, --baseline):");
    for (int i = 0; i < CAIRN_MEASURE_COUNT; i++) {
        char value[CAIRN_CHECK_VALUE_SIZE];
        cairn_stream_format(&answer->stream, "  %-12s %s\n", cairn_measure_name((enum cairn_measure)i),
                            cairn_check_value((enum cairn_measure)i, check->measured[i].found, value));
    }
}

static void print_text(struct cairn_answer *answer, const struct cairn_request *request,
                       const struct cairn_check *check)
{
    cairn_text_head(answer, request->trace, NULL, check->whole ? "the whole recording" : "a span of it");
    if (check->row_count == 0) {
        text_measures(answer, check);
    }
    for (size_t i = 0; i < check->row_count; i++) {
        const struct cairn_check_row *row = &check->rows[i];
        char sentence[CAIRN_CHECK_SENTENCE_SIZE];
        cairn_text_prose_format(answer, row->passed ? CAIRN_STYLE_PLAIN : CAIRN_STYLE_LEAK, "%s  %s",
                                row->passed ? "ok    " : "FAILED",
                                cairn_check_sentence(row, request->recording->sample_bytes > 0, sentence));
        if (row->blame_count > 0) {
            text_blame(answer, request, row);
        }
    }
}

static int print(const struct check_arguments *arguments, const struct cairn_request *request,
                 const struct cairn_check *check)
{
    static void (*const printers[])(struct cairn_answer *, const struct cairn_request *,
                                    const struct cairn_check *) = {
        [FORMAT_TEXT] = print_text, [FORMAT_JSON] = print_json, [FORMAT_JUNIT] = cairn_check_print_junit};
    const struct cairn_output_arguments output = {
        .format = arguments->format == FORMAT_JSON ? CAIRN_FORMAT_JSON : CAIRN_FORMAT_TEXT,
        .colour = arguments->colour,
    };
    struct cairn_answer answer;
    cairn_answer_open(&answer, &output);
    printers[arguments->format](&answer, request, check);
    const int written = cairn_answer_finish(&answer);
    return written == CAIRN_EXIT_DONE && !check->passed ? CAIRN_EXIT_FOUND : written;
}

static enum cairn_status parse_tolerance(const char *text, double *percent, struct cairn_error *error)
{
    char *end = NULL;
    const double number = text != NULL ? strtod(text, &end) : DEFAULT_TOLERANCE;
    if (text != NULL &&
        (end == text || (strcmp(end, "%") != 0 && *end != '\0') || !isfinite(number) || number < 0)) {
        return cairn_fail(error, CAIRN_E_USAGE,
                          "--tolerance: '%s' is no percentage: say 2%%, as in --tolerance 2%%", text);
    }
    *percent = number;
    return CAIRN_OK;
}

static bool is_whole(const struct check_arguments *arguments)
{
    return arguments->select.from == NULL && arguments->select.to == NULL;
}

/* The baseline's trace is asked with the same words. */
static enum cairn_status baseline_of_trace(const struct cairn_invocation *invocation,
                                           const struct cairn_suppressions *suppressions,
                                           struct cairn_baseline **baseline, struct cairn_error *error)
{
    const struct check_arguments *arguments = invocation->arguments;
    char *path = strdup(arguments->baseline);
    if (path == NULL) {
        return cairn_fail(error, CAIRN_E_NOMEM, "--baseline: out of memory");
    }
    struct cairn_invocation other = *invocation;
    struct cairn_request request;
    other.positional = &path;
    other.positional_count = 1;
    enum cairn_status status = cairn_request_open(&other, &arguments->select, false, 0, &request, error);
    if (status == CAIRN_OK) {
        status = cairn_baseline_of_trace(request.trace, &request.selection, &request.span,
                                         is_whole(arguments), suppressions, baseline, error);
    }
    cairn_request_release(&request);
    free(path);
    return status;
}

static enum cairn_status open_baseline(const struct cairn_invocation *invocation,
                                       const struct cairn_suppressions *suppressions,
                                       struct cairn_baseline **baseline, struct cairn_error *error)
{
    const struct check_arguments *arguments = invocation->arguments;
    if (arguments->baseline == NULL) {
        return arguments->tolerance == NULL
                   ? CAIRN_OK
                   : cairn_fail(error, CAIRN_E_USAGE, "--tolerance is above a baseline: give --baseline too");
    }
    return cairn_baseline_is_json(arguments->baseline)
               ? cairn_baseline_of_json(arguments->baseline, baseline, error)
               : baseline_of_trace(invocation, suppressions, baseline, error);
}

static int run(const struct cairn_invocation *invocation)
{
    const struct check_arguments *arguments = invocation->arguments;
    const bool text = arguments->format != FORMAT_JSON;
    struct cairn_request request;
    struct cairn_suppressions *suppressions = NULL;
    struct cairn_baseline *baseline = NULL;
    struct cairn_check check = {.passed = false};
    struct cairn_check_limits limits = {
        .most = {[CAIRN_MEASURE_PEAK] = arguments->max_peak,
                 [CAIRN_MEASURE_LEAKED] = arguments->max_leaked,
                 [CAIRN_MEASURE_ALLOCATED] = arguments->max_allocated,
                 [CAIRN_MEASURE_ALLOCATIONS] = arguments->max_allocations},
        .blame_limit = arguments->select.limit >= 0 ? (size_t)arguments->select.limit
                       : text                       ? TEXT_BLAME
                                                    : 0,
    };
    struct cairn_error error;
    enum cairn_status status =
        cairn_request_open(invocation, &arguments->select, text, TEXT_FRAMES, &request, &error);
    if (status == CAIRN_OK) {
        status = parse_tolerance(arguments->tolerance, &limits.tolerance_percent, &error);
    }
    if (status == CAIRN_OK && arguments->suppressions != NULL) {
        status = cairn_suppressions_load(arguments->suppressions, &suppressions, &error);
    }
    if (status == CAIRN_OK) {
        status = open_baseline(invocation, suppressions, &baseline, &error);
    }
    if (status == CAIRN_OK) {
        limits.baseline = baseline;
        limits.suppressions = suppressions;
        status = cairn_check(request.trace, &request.selection, &request.span, is_whole(arguments), &limits,
                             &check, &error);
    }
    const int result = status == CAIRN_OK ? print(arguments, &request, &check) : cairn_complain(&error);
    cairn_check_release(&check);
    cairn_baseline_free(baseline);
    cairn_suppressions_free(suppressions);
    cairn_request_release(&request);
    return result;
}

#define AT(member) offsetof(struct check_arguments, member)
static const struct cairn_option limit_options[] = {
    {.name = "max-peak",
     .type = CAIRN_OPTION_BYTES,
     .offset = AT(max_peak),
     .argument = "SIZE",
     .help = "the largest heap allowed, as in 200M"},
    {.name = "max-leaked",
     .type = CAIRN_OPTION_BYTES,
     .offset = AT(max_leaked),
     .argument = "SIZE",
     .help = "how much may leak; with --from or --to: of what was born in the span"},
    {.name = "max-allocated",
     .type = CAIRN_OPTION_BYTES,
     .offset = AT(max_allocated),
     .argument = "SIZE",
     .help = "how much may be allocated, freed or not"},
    {.name = "max-allocations",
     .type = CAIRN_OPTION_COUNT,
     .offset = AT(max_allocations),
     .argument = "N",
     .help = "how many allocations there may be"},
    {.name = "baseline",
     .type = CAIRN_OPTION_TEXT,
     .offset = AT(baseline),
     .argument = "TRACE|JSON",
     .help = "an earlier trace, or what check --format json printed for it: none of the four may be worse",
     .completion = CAIRN_COMPLETE_FILE},
    {.name = "tolerance",
     .type = CAIRN_OPTION_TEXT,
     .offset = AT(tolerance),
     .argument = "PERCENT",
     .help = "how much worse than the baseline is fine (default 2%)"},
    {.name = "suppressions",
     .type = CAIRN_OPTION_TEXT,
     .offset = AT(suppressions),
     .argument = "FILE",
     .help = "leaks to leave out, in LeakSanitizer's format (leak:PATTERN lines)",
     .completion = CAIRN_COMPLETE_FILE},
    {.name = NULL},
};
static const struct cairn_option output_options[] = {
    {.name = "limit",
     .letter = 'n',
     .type = CAIRN_OPTION_COUNT,
     .offset = AT(select.limit),
     .argument = "N",
     .help = "at most so many sites to blame for a limit (text and junit: 5; JSON: all; 0: all)"},
    {.name = "format",
     .type = CAIRN_OPTION_WORD,
     .offset = AT(format),
     .argument = "FORMAT",
     .words = format_words,
     .help = "text (the default), json, or junit: XML as CI systems read it",
     .completion = CAIRN_COMPLETE_WORDS},
    {.name = "color",
     .type = CAIRN_OPTION_WORD,
     .offset = AT(colour),
     .argument = "WHEN",
     .words = cairn_colour_words,
     .bare_word = "always",
     .help = "auto (on a terminal, unless NO_COLOR is set), always or never",
     .completion = CAIRN_COMPLETE_WORDS},
    {.name = NULL},
};

#define SELECT AT(select)
static const struct cairn_option_group groups[] = {
    {.title = "Limits", .options = limit_options},
    {.title = "Moments", .options = cairn_select_span, .base = SELECT},
    {.title = "Rows", .options = cairn_select_by, .base = SELECT},
    {.title = "Rows", .options = cairn_select_frames, .base = SELECT},
    {.title = "Selecting", .options = cairn_select_processes, .base = SELECT},
    {.title = "Selecting", .options = cairn_select_threads, .base = SELECT},
    {.title = "Selecting", .options = cairn_select_sites, .base = SELECT},
    {.title = "Output", .options = output_options},
    {.title = NULL},
};

static const char *const examples[] = {
    "cairn check app.cairn --max-peak 200M --max-leaked 0",
    "status 1 and the sites to blame when the heap grew larger or something leaked",
    "cairn check app.cairn --format json > baseline.json",
    "keep the numbers of a good run",
    "cairn check app.cairn --baseline baseline.json --tolerance 5%",
    "nothing may be more than 5 % worse than it was",
    NULL,
};

const struct cairn_command cairn_command_check = {
    .name = "check",
    .summary = "hold a recording against limits: for CI",
    .positional = "[TRACE]",
    .positional_max = 1,
    .completion = CAIRN_COMPLETE_TRACE,
    .description =
        "Exits with 1 when a limit is exceeded and names the sites to blame: those that hold, leak or "
        "allocate most, or, against a baseline, those that came on top of it.\n\n"
        "Filters, processes and threads narrow what is counted. Leaked means what `cairn leaks` shows, or, "
        "of a span, what was allocated in it and is not freed at its end.",
    .examples = examples,
    .groups = groups,
    .arguments_size = sizeof(struct check_arguments),
    .defaults = &(const struct check_arguments){.select = CAIRN_SELECT_DEFAULTS,
                                                .max_peak = CAIRN_UNKNOWN,
                                                .max_leaked = CAIRN_UNKNOWN,
                                                .max_allocated = CAIRN_UNKNOWN,
                                                .max_allocations = CAIRN_UNKNOWN},
    .run = run,
};
