#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/human.h"
#include "cli/graph.h"
#include "query/graph_choice.h"
#include "query/graph_diff.h"

/* The part of `total` rows that offset and limit leave. */
static size_t slice(const struct cairn_graph_request *request, size_t total, size_t *first)
{
    *first = request->offset < total ? request->offset : total;
    const size_t left = total - *first;
    return request->limit != 0 && request->limit < left ? request->limit : left;
}

static void json_types(struct cairn_answer *answer, const struct cairn_graph_type *rows, size_t count)
{
    struct cairn_json *json = &answer->json;
    cairn_json_array(json, "rows");
    for (size_t i = 0; i < count; i++) {
        cairn_json_object(json, NULL);
        cairn_json_text(json, "type", rows[i].name);
        cairn_json_text(json, "lang", cairn_graph_lang_name(rows[i].lang));
        cairn_json_integer(json, "count", rows[i].count);
        cairn_json_integer(json, "shallow_bytes", rows[i].shallow_bytes);
        cairn_json_integer(json, "retained_bytes", rows[i].retained_bytes);
        cairn_json_end(json);
    }
}

static void csv_types(struct cairn_answer *answer, const struct cairn_graph_type *rows, size_t count)
{
    struct cairn_csv *csv = &answer->csv;
    cairn_csv_names(csv, "type,lang,count,shallow_bytes,retained_bytes");
    cairn_csv_end_line(csv);
    for (size_t i = 0; i < count; i++) {
        cairn_csv_text(csv, rows[i].name);
        cairn_csv_text(csv, cairn_graph_lang_name(rows[i].lang));
        cairn_csv_integer(csv, rows[i].count);
        cairn_csv_integer(csv, rows[i].shallow_bytes);
        cairn_csv_integer(csv, rows[i].retained_bytes);
        cairn_csv_end_line(csv);
    }
}

static void text_types(struct cairn_answer *answer, const struct cairn_graph_type *rows, size_t count)
{
    static const struct cairn_text_column columns[] = {
        {.title = "RETAINED"},
        {.title = "SHALLOW"},
        {.title = "COUNT"},
        {.title = "TYPE", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 16},
    };
    struct cairn_text_table table;
    char text[CAIRN_HUMAN_MAX];
    cairn_text_table_init(&table, &answer->terminal, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < count; i++) {
        cairn_text_table_row(&table);
        cairn_text_table_cell(&table, CAIRN_STYLE_STRONG, cairn_human_bytes(text, rows[i].retained_bytes));
        cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, cairn_human_bytes(text, rows[i].shallow_bytes));
        cairn_text_table_cell(&table, CAIRN_STYLE_PLAIN, cairn_human_count(text, rows[i].count));
        cairn_text_table_cell(
            &table, rows[i].lang == CAIRN_LANG_PYTHON ? CAIRN_STYLE_PYTHON : CAIRN_STYLE_PLAIN, rows[i].name);
    }
    cairn_text_table_print(&table, &answer->stream);
    cairn_text_table_release(&table);
}

static int64_t type_value(const struct cairn_graph_type *row, enum cairn_graph_sort sort)
{
    return sort == CAIRN_GRAPH_SORT_COUNT     ? row->count
           : sort == CAIRN_GRAPH_SORT_SHALLOW ? row->shallow_bytes
           : sort == CAIRN_GRAPH_SORT_NAME    ? 0
                                              : row->retained_bytes;
}

static int compare_types(const void *left, const void *right, void *state)
{
    const struct cairn_graph_type *a = left, *b = right;
    const enum cairn_graph_sort sort = *(const enum cairn_graph_sort *)state;
    const int64_t value_a = type_value(a, sort), value_b = type_value(b, sort);
    if (value_a != value_b) {
        return value_a < value_b ? 1 : -1;
    }
    const int by_name = strcmp(a->name, b->name);
    return by_name != 0 ? by_name : (a->lang > b->lang) - (a->lang < b->lang);
}

static void print_types(const struct cairn_graph_request *request, struct cairn_answer *answer,
                        const struct cairn_graph_type *rows, size_t total)
{
    size_t first;
    const size_t count = slice(request, total, &first);
    if (answer->format == CAIRN_FORMAT_JSON) {
        cairn_graph_json_head(answer, request, "types");
        cairn_json_integer(&answer->json, "rows_total", (int64_t)total);
        json_types(answer, rows + first, count);
    } else if (answer->format == CAIRN_FORMAT_CSV) {
        csv_types(answer, rows + first, count);
    } else {
        cairn_graph_text_head(answer, request);
        cairn_stream_text(&answer->stream, "\n");
        text_types(answer, rows + first, count);
        cairn_text_more(answer, first + count, total);
    }
}

int cairn_graph_verb_types(const struct cairn_graph_request *request)
{
    const struct cairn_graph_type *rows;
    enum cairn_graph_sort sort = request->sort;
    size_t total;
    struct cairn_error error;
    if (cairn_graph_types(request->graph, &rows, &total, &error) != CAIRN_OK) {
        return cairn_complain(&error);
    }
    struct cairn_graph_type *sorted = malloc((total + 1) * sizeof *sorted);
    if (sorted == NULL) {
        return cairn_complain_format("out of memory for %zu types", total);
    }
    for (size_t i = 0; i < total; i++) {
        sorted[i] = rows[i];
    }
    qsort_r(sorted, total, sizeof *sorted, compare_types, &sort);
    struct cairn_answer answer;
    cairn_answer_open(&answer, request->output);
    print_types(request, &answer, sorted, total);
    free(sorted);
    return cairn_answer_finish(&answer);
}

static void json_diff(struct cairn_answer *answer, const struct cairn_graph_diff_row *rows, size_t count)
{
    struct cairn_json *json = &answer->json;
    cairn_json_array(json, "rows");
    for (size_t i = 0; i < count; i++) {
        cairn_json_object(json, NULL);
        cairn_json_text(json, "type", rows[i].type);
        cairn_json_text(json, "lang", cairn_graph_lang_name(rows[i].lang));
        cairn_json_integer(json, "a_count", rows[i].a_count);
        cairn_json_integer(json, "b_count", rows[i].b_count);
        cairn_json_integer(json, "delta_count", rows[i].delta_count);
        cairn_json_integer(json, "delta_bytes", rows[i].delta_bytes);
        cairn_json_integer(json, "new", rows[i].born);
        cairn_json_integer(json, "gone", rows[i].gone);
        cairn_json_integer(json, "survived", rows[i].survived);
        cairn_json_end(json);
    }
}

static void csv_diff(struct cairn_answer *answer, const struct cairn_graph_diff_row *rows, size_t count)
{
    struct cairn_csv *csv = &answer->csv;
    cairn_csv_names(csv, "type,lang,a_count,b_count,delta_count,delta_bytes,new,gone,survived");
    cairn_csv_end_line(csv);
    for (size_t i = 0; i < count; i++) {
        cairn_csv_text(csv, rows[i].type);
        cairn_csv_text(csv, cairn_graph_lang_name(rows[i].lang));
        cairn_csv_integer(csv, rows[i].a_count);
        cairn_csv_integer(csv, rows[i].b_count);
        cairn_csv_integer(csv, rows[i].delta_count);
        cairn_csv_integer(csv, rows[i].delta_bytes);
        cairn_csv_integer(csv, rows[i].born);
        cairn_csv_integer(csv, rows[i].gone);
        cairn_csv_integer(csv, rows[i].survived);
        cairn_csv_end_line(csv);
    }
}

static void text_diff_row(struct cairn_text_table *table, const struct cairn_answer *answer,
                          const struct cairn_graph_diff_row *row)
{
    char text[CAIRN_HUMAN_MAX], other[CAIRN_HUMAN_MAX];
    const bool grew = row->delta_bytes > 0 || (row->delta_bytes == 0 && row->delta_count > 0);
    const bool same = row->delta_bytes == 0 && row->delta_count == 0;
    const enum cairn_style style = same ? CAIRN_STYLE_PLAIN : grew ? CAIRN_STYLE_GREW : CAIRN_STYLE_SHRANK;
    cairn_text_table_row(table);
    cairn_text_table_cell(table, style, cairn_human_bytes_signed(text, row->delta_bytes));
    cairn_text_table_cell_format(table, style, "%s%s", row->delta_count > 0 ? "+" : "",
                                 cairn_human_count(text, row->delta_count));
    cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, cairn_human_count(text, row->born));
    cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, cairn_human_count(text, row->gone));
    cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, cairn_human_count(text, row->survived));
    cairn_text_table_cell_format(table, CAIRN_STYLE_PLAIN, "%s %s %s", cairn_human_count(text, row->a_count),
                                 cairn_glyph(&answer->terminal, "→", "->"),
                                 cairn_human_count(other, row->b_count));
    cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, row->type);
}

static void text_diff(struct cairn_answer *answer, const struct cairn_graph_info *a,
                      const struct cairn_graph_info *b, const struct cairn_graph_diff *diff,
                      const struct cairn_graph_diff_row *rows, size_t count)
{
    static const struct cairn_text_column columns[] = {
        {.title = "BYTES"},
        {.title = "COUNT"},
        {.title = "NEW"},
        {.title = "GONE", .leaves = 2},
        {.title = "SURVIVED", .leaves = 1},
        {.title = "A TO B", .leaves = 3},
        {.title = "TYPE", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 16},
    };
    struct cairn_text_table table;
    char from[CAIRN_HUMAN_MAX], to[CAIRN_HUMAN_MAX], bytes[CAIRN_HUMAN_MAX], objects[CAIRN_HUMAN_MAX];
    cairn_text_prose_format(answer, CAIRN_STYLE_STRONG,
                            "graph %" PRIu32 " at %s, graph %" PRIu32 " at %s: %s in %s%s objects", a->graph,
                            cairn_human_duration(from, a->t_ns), b->graph, cairn_human_duration(to, b->t_ns),
                            cairn_human_bytes_signed(bytes, diff->b_bytes - diff->a_bytes),
                            diff->b_objects > diff->a_objects ? "+" : "",
                            cairn_human_count(objects, diff->b_objects - diff->a_objects));
    cairn_stream_text(&answer->stream, "\n");
    cairn_text_table_init(&table, &answer->terminal, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < count; i++) {
        text_diff_row(&table, answer, &rows[i]);
    }
    cairn_text_table_print(&table, &answer->stream);
    cairn_text_table_release(&table);
}

static int64_t diff_value(const struct cairn_graph_diff_row *row, enum cairn_graph_sort sort)
{
    return sort == CAIRN_GRAPH_SORT_DELTA_COUNT || sort == CAIRN_GRAPH_SORT_COUNT ? row->delta_count
           : sort == CAIRN_GRAPH_SORT_NEW                                         ? row->born
           : sort == CAIRN_GRAPH_SORT_GONE                                        ? row->gone
           : sort == CAIRN_GRAPH_SORT_NAME                                        ? 0
                                                                                  : row->delta_bytes;
}

/* As objgraph has growth: what grew most first. */
static int compare_diff(const void *left, const void *right, void *state)
{
    const struct cairn_graph_diff_row *a = left, *b = right;
    const enum cairn_graph_sort sort = *(const enum cairn_graph_sort *)state;
    const int64_t value_a = diff_value(a, sort), value_b = diff_value(b, sort);
    if (value_a != value_b) {
        return value_a < value_b ? 1 : -1;
    }
    const int by_name = strcmp(a->type, b->type);
    return by_name != 0 ? by_name : (a->lang > b->lang) - (a->lang < b->lang);
}

static int print_diff(const struct cairn_graph_request *request, const struct cairn_graph_info *a,
                      const struct cairn_graph_info *b, const struct cairn_graph_diff *diff)
{
    size_t first;
    const size_t count = slice(request, diff->row_count, &first);
    struct cairn_answer answer;
    cairn_answer_open(&answer, request->output);
    if (answer.format == CAIRN_FORMAT_JSON) {
        cairn_answer_json_head(&answer, "graph.diff", request->trace);
        cairn_json_integer(&answer.json, "a", a->graph);
        cairn_json_integer(&answer.json, "b", b->graph);
        cairn_json_integer(&answer.json, "rows_total", (int64_t)diff->row_count);
        json_diff(&answer, diff->rows + first, count);
    } else if (answer.format == CAIRN_FORMAT_CSV) {
        csv_diff(&answer, diff->rows + first, count);
    } else {
        text_diff(&answer, a, b, diff, diff->rows + first, count);
        cairn_text_more(&answer, first + count, diff->row_count);
    }
    return cairn_answer_finish(&answer);
}

int cairn_graph_verb_diff(const struct cairn_graph_request *request)
{
    struct cairn_graph *a = NULL, *b = NULL;
    struct cairn_graph_diff diff = {.rows = NULL};
    struct cairn_error error;
    enum cairn_status status = cairn_graph_choose(request->trace, request->words[0], &a, &error);
    if (status == CAIRN_OK) {
        status = cairn_graph_choose(request->trace, request->words[1], &b, &error);
    }
    if (status == CAIRN_OK) {
        status = cairn_graph_diff(a, b, &diff, &error);
    }
    enum cairn_graph_sort sort = request->sort;
    if (status == CAIRN_OK && sort != CAIRN_GRAPH_SORT_USUAL) {
        qsort_r(diff.rows, diff.row_count, sizeof *diff.rows, compare_diff, &sort);
    }
    const int result = status == CAIRN_OK
                           ? print_diff(request, cairn_graph_about(a), cairn_graph_about(b), &diff)
                           : cairn_complain(&error);
    cairn_graph_diff_release(&diff);
    cairn_graph_close(a);
    cairn_graph_close(b);
    return result;
}
