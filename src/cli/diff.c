#include "query/diff.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/human.h"
#include "cli/answer.h"
#include "cli/choose.h"
#include "cli/commands.h"
#include "cli/select.h"

struct diff_arguments {
    struct cairn_select_arguments select;
    struct cairn_output_arguments output;
};

/* What the words on the command line came to: one trace and two moments, or two traces. */
struct words {
    const char *trace, *other_trace; /* NULL: the newest; other_trace NULL: one trace */
    const char *a, *b;               /* moments; NULL: not said */
};

/* Both sides of the comparison. */
struct sides {
    struct cairn_request a, b; /* b.trace is NULL when both moments are of one trace */
    struct cairn_moment at_a, at_b;
};

static bool begins(const char *word, const char *lead)
{
    return strncmp(word, lead, strlen(lead)) == 0;
}

static bool looks_like_moment(const char *word)
{
    return begins(word, "start") || begins(word, "end") || begins(word, "peak") || word[0] == '@' ||
           (word[0] >= '0' && word[0] <= '9') || (word[0] == 's' && word[1] >= '0' && word[1] <= '9');
}

/* Moments can be said in one way only: of two, one would be left out without a word. */
static enum cairn_status refuse_twice(const struct cairn_select_arguments *select, const struct words *words,
                                      bool by_words, struct cairn_error *error)
{
    if (by_words && (select->from != NULL || select->to != NULL)) {
        return cairn_fail(error, CAIRN_E_USAGE,
                          "diff: the moments are said twice: leave --from and --to out, or the words");
    }
    if (words->other_trace == NULL && select->at != NULL) {
        return cairn_fail(error, CAIRN_E_USAGE,
                          "diff: --at is for two traces: within one, say both moments: cairn diff TRACE A B");
    }
    return CAIRN_OK;
}

/* A trace or a moment? A word that may be both is refused, as git does: a guess would sometimes be wrong. */
static enum cairn_status tell_apart(const char *word, bool *is_trace, struct cairn_error *error)
{
    const bool numbered = word[0] != '\0' && strspn(word, "0123456789") == strlen(word);
    *is_trace = cairn_is_trace_word(word) || strchr(word, '/') != NULL || numbered;
    if (*is_trace && !numbered && looks_like_moment(word) && strchr(word, '/') == NULL &&
        strstr(word, ".cairn") == NULL) {
        return cairn_fail(
            error, CAIRN_E_USAGE,
            "diff: '%s' is both a TIME and a file: write './%s' for the file, or name the trace first: "
            "cairn diff TRACE A B",
            word, word);
    }
    return CAIRN_OK;
}

static enum cairn_status read_words(const struct cairn_invocation *invocation,
                                    const struct cairn_select_arguments *select, struct words *words,
                                    struct cairn_error *error)
{
    char *const *given = invocation->positional;
    size_t count = invocation->positional_count, at = 0;
    *words = (struct words){.a = select->from, .b = select->to};
    if (count >= 2 && looks_like_moment(given[0]) && !looks_like_moment(given[count - 1]) &&
        cairn_is_trace_word(given[count - 1])) {
        return cairn_fail(error, CAIRN_E_USAGE, "diff: the trace comes first: cairn diff %s %s%s%s",
                          given[count - 1], given[0], count == 3 ? " " : "", count == 3 ? given[1] : "");
    }
    if (count == 3) {
        *words = (struct words){.trace = given[0], .a = given[1], .b = given[2]};
        return refuse_twice(select, words, true, error);
    }
    bool is_trace = false;
    if (count > 0) {
        const enum cairn_status status = tell_apart(given[0], &is_trace, error);
        if (status != CAIRN_OK) {
            return status;
        }
        words->trace = is_trace ? given[at++] : NULL;
    }
    if (count == 2 && is_trace) {
        const enum cairn_status status = tell_apart(given[1], &is_trace, error);
        if (status != CAIRN_OK) {
            return status;
        }
        words->other_trace = is_trace ? given[at++] : NULL;
    }
    const bool by_words = at < count;
    if (by_words) {
        words->a = given[at++];
        words->b = at < count ? given[at] : NULL;
    }
    if (words->other_trace == NULL && words->a == NULL && words->b == NULL) {
        return cairn_fail(
            error, CAIRN_E_USAGE,
            "diff: between what and what: say two moments, as in `cairn diff 20%% 80%%`, or two traces; "
            "`cairn snapshots` lists moments");
    }
    return refuse_twice(select, words, by_words, error);
}

static enum cairn_status open_one(const struct cairn_invocation *invocation, const char *word,
                                  const struct cairn_select_arguments *select, bool text,
                                  struct cairn_request *request, struct cairn_error *error)
{
    char *positional[] = {NULL};
    struct cairn_invocation named = *invocation;
    memcpy(&positional[0], &word, sizeof word);
    named.positional = positional;
    named.positional_count = word != NULL ? 1 : 0;
    return cairn_request_open(&named, select, text, 0, request, error);
}

static enum cairn_status open_sides(const struct cairn_invocation *invocation, const struct words *words,
                                    const struct diff_arguments *arguments, struct sides *sides,
                                    struct cairn_error *error)
{
    const bool text = arguments->output.format == CAIRN_FORMAT_TEXT;
    struct cairn_select_arguments select = arguments->select;
    if (words->other_trace == NULL) {
        select.from = select.to = NULL; /* they name A and B here, not a span around a peak */
    }
    enum cairn_status status = open_one(invocation, words->trace, &select, text, &sides->a, error);
    if (status != CAIRN_OK) {
        return status;
    }
    if (words->other_trace != NULL) {
        status = open_one(invocation, words->other_trace, &select, text, &sides->b, error);
        sides->at_a = sides->a.at;
        sides->at_b = sides->b.at;
        return status;
    }
    const uint32_t process = sides->a.selection.process;
    status = cairn_moment_parse(sides->a.trace, words->a != NULL ? words->a : "start", NULL, process,
                                &sides->at_a, error);
    if (status == CAIRN_OK) {
        status = cairn_moment_parse(sides->a.trace, words->b != NULL ? words->b : "end", NULL, process,
                                    &sides->at_b, error);
    }
    if (status == CAIRN_OK && !text) {
        cairn_note_inexact(sides->a.trace, &sides->at_a);
        cairn_note_inexact(sides->a.trace, &sides->at_b);
    }
    return status;
}

static struct cairn_trace *stack_trace(const struct cairn_diff *diff, const struct cairn_diff_row *row)
{
    return row->stack_of_a ? diff->trace_a : diff->trace_b;
}

static void json_side(struct cairn_json *json, const char *key, const struct cairn_moment *moment,
                      struct cairn_trace *trace)
{
    cairn_json_object(json, key);
    cairn_json_integer(json, "t_ns", moment->t_ns);
    cairn_json_text(json, "label", moment->label);
    cairn_json_object(json, "trace");
    cairn_json_text(json, "file", cairn_trace_path(trace));
    cairn_json_text(json, "id", cairn_trace_recording(trace)->trace_id);
    cairn_json_end(json);
    cairn_json_end(json);
}

/* One of two traces is enough: the difference is an estimate then. */
static bool is_sampled(const struct cairn_diff *diff)
{
    return cairn_trace_recording(diff->trace_a)->sample_bytes > 0 ||
           cairn_trace_recording(diff->trace_b)->sample_bytes > 0;
}

static void json_counts(struct cairn_json *json, const struct cairn_diff *diff,
                        const struct cairn_diff_counts *counts)
{
    cairn_json_integer(json, "a_bytes", counts->a_bytes);
    cairn_json_integer(json, "b_bytes", counts->b_bytes);
    cairn_json_integer(json, "delta_bytes", counts->delta_bytes);
    cairn_json_integer(json, "a_blocks", counts->a_blocks);
    cairn_json_integer(json, "b_blocks", counts->b_blocks);
    cairn_json_integer(json, "delta_blocks", counts->delta_blocks);
    cairn_json_integer(json, "survived_bytes", counts->survived_bytes);
    cairn_json_integer(json, "survived_blocks", counts->survived_blocks);
    if (is_sampled(diff)) {
        cairn_json_integer(json, "error_bytes", counts->error_bytes);
    }
}

static void print_json(struct cairn_answer *answer, const struct cairn_request *request,
                       const struct cairn_diff *diff)
{
    struct cairn_json *json = &answer->json;
    cairn_answer_json_head(answer, "diff", diff->trace_b);
    json_side(json, "a", &diff->a, diff->trace_a);
    json_side(json, "b", &diff->b, diff->trace_b);
    cairn_json_object(json, "total");
    json_counts(json, diff, &diff->total);
    cairn_json_end(json);
    cairn_json_text(json, "verdict", diff->verdict);
    cairn_json_integer(json, "rows_total", (int64_t)diff->rows_total);
    cairn_json_array(json, "rows");
    for (size_t i = 0; i < diff->row_count; i++) {
        const struct cairn_diff_row *row = &diff->rows[i];
        cairn_json_object(json, NULL);
        cairn_json_site(json, &row->site, request->selection.by, row->percent);
        json_counts(json, diff, &row->counts);
        cairn_json_text(json, "state", cairn_diff_state_name(row->state));
        cairn_json_stack(json, "stack", stack_trace(diff, row), row->stack, request->frames);
        cairn_json_end(json);
    }
}

static void print_csv(struct cairn_answer *answer, const struct cairn_request *request,
                      const struct cairn_diff *diff)
{
    struct cairn_csv *csv = &answer->csv;
    cairn_csv_names(csv, CAIRN_CSV_SITE ",a_bytes,b_bytes,delta_bytes,a_blocks,b_blocks,delta_blocks,"
                                        "survived_bytes,survived_blocks,state,stack,error_bytes");
    cairn_csv_end_line(csv);
    for (size_t i = 0; i < diff->row_count; i++) {
        const struct cairn_diff_row *row = &diff->rows[i];
        cairn_csv_site(csv, &row->site, row->percent);
        cairn_csv_integer(csv, row->counts.a_bytes);
        cairn_csv_integer(csv, row->counts.b_bytes);
        cairn_csv_integer(csv, row->counts.delta_bytes);
        cairn_csv_integer(csv, row->counts.a_blocks);
        cairn_csv_integer(csv, row->counts.b_blocks);
        cairn_csv_integer(csv, row->counts.delta_blocks);
        cairn_csv_integer(csv, row->counts.survived_bytes);
        cairn_csv_integer(csv, row->counts.survived_blocks);
        cairn_csv_text(csv, cairn_diff_state_name(row->state));
        cairn_csv_stack(csv, stack_trace(diff, row), row->stack, request->frames);
        cairn_csv_integer(csv, row->counts.error_bytes);
        cairn_csv_end_line(csv);
    }
}

static enum cairn_style delta_style(int64_t delta)
{
    return delta > 0 ? CAIRN_STYLE_GREW : delta < 0 ? CAIRN_STYLE_SHRANK : CAIRN_STYLE_FAINT;
}

static const char *signed_count(char text[CAIRN_HUMAN_MAX], int64_t count)
{
    char number[CAIRN_HUMAN_MAX];
    cairn_human_count(number, count);
    snprintf(text, CAIRN_HUMAN_MAX, "%s%.30s", count > 0 ? "+" : "", number);
    return text;
}

/* The bytes, or nothing where they are not known. */
static const char *known_bytes(char text[CAIRN_HUMAN_MAX], int64_t bytes)
{
    return bytes == CAIRN_UNKNOWN ? "" : cairn_human_bytes(text, bytes);
}

static void print_row(struct cairn_text_table *table, const struct cairn_request *request,
                      const struct cairn_diff *diff, const struct cairn_diff_row *row)
{
    const struct cairn_diff_counts *counts = &row->counts;
    char text[CAIRN_HUMAN_MAX];
    const enum cairn_style style = delta_style(counts->delta_bytes);
    const char *mark = counts->delta_bytes > 0   ? cairn_glyph(table->terminal, "▲", "^")
                       : counts->delta_bytes < 0 ? cairn_glyph(table->terminal, "▼", "v")
                                                 : " ";
    cairn_text_table_row(table);
    cairn_text_table_cell(table, style, mark);
    cairn_text_table_cell(table, style, cairn_human_bytes_signed(text, counts->delta_bytes));
    if (is_sampled(diff)) {
        cairn_text_table_cell(table, CAIRN_STYLE_FAINT, known_bytes(text, counts->error_bytes));
    }
    cairn_text_table_cell(table, style, signed_count(text, counts->delta_blocks));
    if (diff->trace_a == diff->trace_b) {
        cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, known_bytes(text, counts->survived_bytes));
    }
    cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, cairn_human_bytes(text, counts->a_bytes));
    cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, cairn_human_bytes(text, counts->b_bytes));
    cairn_text_table_cell(table, CAIRN_STYLE_FAINT, cairn_diff_state_name(row->state));
    cairn_text_table_site(table, stack_trace(diff, row), &row->site, request->selection.by, row->stack);
    if (request->frames > 0) {
        cairn_text_table_stack(table, stack_trace(diff, row), row->stack, &row->site, request->frames);
    }
}

static void print_table(struct cairn_answer *answer, const struct cairn_request *request,
                        const struct cairn_diff *diff)
{
    char by[32];
    snprintf(by, sizeof by, "BY %s", cairn_by_name(request->selection.by));
    struct cairn_text_column columns[10] = {
        {.title = "", .align = CAIRN_ALIGN_LEFT},
        {.title = cairn_glyph(&answer->terminal, "Δ BYTES", "BYTES")},
    };
    size_t count = 2;
    if (is_sampled(diff)) {
        columns[count++] = (struct cairn_text_column){.title = cairn_glyph(&answer->terminal, "±", "+-")};
    }
    columns[count++] = (struct cairn_text_column){
        .title = cairn_glyph(&answer->terminal, "Δ BLOCKS", "BLOCKS"), .leaves = 1};
    if (diff->trace_a == diff->trace_b) {
        columns[count++] = (struct cairn_text_column){.title = "SURVIVED", .leaves = 2};
    }
    columns[count++] = (struct cairn_text_column){.title = "A", .leaves = 8};
    columns[count++] = (struct cairn_text_column){.title = "B", .leaves = 3};
    columns[count++] = (struct cairn_text_column){.title = "STATE", .align = CAIRN_ALIGN_LEFT, .leaves = 9};
    columns[count++] = (struct cairn_text_column){.title = by, .align = CAIRN_ALIGN_LEFT, .shrinks_to = 14};
    columns[count++] =
        (struct cairn_text_column){.title = "", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 12, .leaves = 5};
    struct cairn_text_table table;
    cairn_text_table_init(&table, &answer->terminal, columns, count);
    for (size_t i = 0; i < diff->row_count; i++) {
        print_row(&table, request, diff, &diff->rows[i]);
    }
    cairn_text_table_print(&table, &answer->stream);
    cairn_text_more(answer, diff->row_count, diff->rows_total);
    cairn_text_table_release(&table);
}

/* "A 4.0s 120 MiB → B 12.0s 208 MiB   +88 MiB   survived 80 MiB" */
static void print_text(struct cairn_answer *answer, const struct cairn_request *request,
                       const struct cairn_diff *diff)
{
    const struct cairn_diff_counts *total = &diff->total;
    char a[CAIRN_HUMAN_MAX], b[CAIRN_HUMAN_MAX], delta[CAIRN_HUMAN_MAX], blocks[CAIRN_HUMAN_MAX];
    char survived[CAIRN_HUMAN_MAX], error[CAIRN_HUMAN_MAX + 8] = "", exactness[96];
    cairn_text_prose(answer, CAIRN_STYLE_STRONG, diff->verdict);
    const char *arrow = cairn_glyph(&answer->terminal, "→", "->");
    char line[512];
    if (diff->trace_a != diff->trace_b) {
        snprintf(line, sizeof line, "A %s at %s %s %s B %s at %s %s", cairn_trace_path(diff->trace_a),
                 diff->a.label, cairn_human_bytes(a, total->a_bytes), arrow, cairn_trace_path(diff->trace_b),
                 diff->b.label, cairn_human_bytes(b, total->b_bytes));
    } else {
        snprintf(line, sizeof line, "A %s %s %s B %s %s", diff->a.label, cairn_human_bytes(a, total->a_bytes),
                 arrow, diff->b.label, cairn_human_bytes(b, total->b_bytes));
    }
    cairn_text_prose(answer, CAIRN_STYLE_PLAIN, line);
    const bool by_a = !cairn_trace_is_exact(diff->trace_a, diff->a.position, diff->a.t_ns);
    cairn_exactness(by_a ? diff->trace_a : diff->trace_b, by_a ? &diff->a : &diff->b, exactness,
                    sizeof exactness);
    cairn_human_bytes_signed(delta, total->delta_bytes);
    if (is_sampled(diff)) {
        snprintf(error, sizeof error, " %s %s", cairn_glyph(&answer->terminal, "±", "+-"),
                 known_bytes(survived, total->error_bytes));
    }
    signed_count(blocks, total->delta_blocks);
    const char *plural = total->delta_blocks == 1 || total->delta_blocks == -1 ? "" : "s";
    if (total->survived_bytes != CAIRN_UNKNOWN) {
        cairn_text_prose_format(answer, CAIRN_STYLE_PLAIN,
                                "%s%s in %s block%s; %s born after A is alive at B; %s", delta, error, blocks,
                                plural, cairn_human_bytes(survived, total->survived_bytes), exactness);
    } else {
        const bool dropped = diff->trace_a == diff->trace_b &&
                             !(cairn_trace_recording(diff->trace_b)->untold & CAIRN_UNTOLD_EVENTS);
        cairn_text_prose_format(
            answer, CAIRN_STYLE_PLAIN, "%s%s in %s block%s; %s%s", delta, error, blocks, plural,
            dropped ? "what survived is not known, its events were dropped; " : "", exactness);
    }
    cairn_stream_text(&answer->stream, "\n");
    print_table(answer, request, diff);
}

static int print(const struct cairn_output_arguments *output, const struct cairn_request *request,
                 const struct cairn_diff *diff)
{
    static void (*const printers[])(struct cairn_answer *, const struct cairn_request *,
                                    const struct cairn_diff *) = {
        [CAIRN_FORMAT_TEXT] = print_text, [CAIRN_FORMAT_JSON] = print_json, [CAIRN_FORMAT_CSV] = print_csv};
    struct cairn_answer answer;
    cairn_answer_open(&answer, output);
    printers[answer.format](&answer, request, diff);
    return cairn_answer_finish(&answer);
}

static int run(const struct cairn_invocation *invocation)
{
    const struct diff_arguments *arguments = invocation->arguments;
    struct words words;
    struct sides sides = {.a = {.trace = NULL}, .b = {.trace = NULL}};
    struct cairn_diff diff = {.rows = NULL};
    struct cairn_error error;
    enum cairn_status status = read_words(invocation, &arguments->select, &words, &error);
    if (status == CAIRN_OK) {
        status = open_sides(invocation, &words, arguments, &sides, &error);
    }
    if (status == CAIRN_OK) {
        struct cairn_trace *b = sides.b.trace != NULL ? sides.b.trace : sides.a.trace;
        status = cairn_diff(sides.a.trace, &sides.at_a, b, &sides.at_b, &sides.a.selection, &diff, &error);
    }
    const int result =
        status == CAIRN_OK ? print(&arguments->output, &sides.a, &diff) : cairn_complain(&error);
    cairn_diff_release(&diff);
    cairn_request_release(&sides.b);
    cairn_request_release(&sides.a);
    return result;
}

#define SELECT offsetof(struct diff_arguments, select)
static const struct cairn_option_group groups[] = {
    {.title = "Moments", .options = cairn_select_at, .base = SELECT},
    {.title = "Moments", .options = cairn_select_span, .base = SELECT},
    {.title = "Rows", .options = cairn_select_by, .base = SELECT},
    {.title = "Rows", .options = cairn_select_diff_sort, .base = SELECT},
    {.title = "Rows", .options = cairn_select_rows, .base = SELECT},
    {.title = "Rows", .options = cairn_select_frames, .base = SELECT},
    {.title = "Selecting", .options = cairn_select_processes, .base = SELECT},
    {.title = "Selecting", .options = cairn_select_threads, .base = SELECT},
    {.title = "Selecting", .options = cairn_select_sites, .base = SELECT},
    {.title = "Output", .options = cairn_output_options, .base = offsetof(struct diff_arguments, output)},
    {.title = NULL},
};

static const char *const examples[] = {
    "cairn diff 20% 80%",
    "what grew between two moments of the newest trace",
    "cairn diff app.cairn @before @after --by line",
    "between two moments that the program named",
    "cairn diff old.cairn new.cairn",
    "between the peaks of two recordings",
    NULL,
};

const struct cairn_command cairn_command_diff = {
    .name = "diff",
    .summary = "what grew and shrank between two moments, or between two traces",
    .positional = "[TRACE] A [B] | TRACE1 TRACE2",
    .positional_max = 3,
    .completion = CAIRN_COMPLETE_TRACE,
    .description =
        "A and B are moments (`cairn help time`); without B, the end is meant. Two traces are compared at "
        "--at, by default at their peaks; their sites are matched by function, file and module. Survived: "
        "allocated after A and still alive at B.",
    .examples = examples,
    .groups = groups,
    .arguments_size = sizeof(struct diff_arguments),
    .defaults = &(const struct diff_arguments){.select = CAIRN_SELECT_DEFAULTS},
    .run = run,
};
