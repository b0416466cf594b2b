/* One page that shows the recording in any browser and loads nothing: page.html with the data in its place. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "export/formats.h"
#include "export/text.h"
#include "query/diff.h"
#include "query/no_memory.h"
#include "query/timeline.h"
#include "query/top.h"
#include "query/tree.h"

#define CURVE_POINTS  600u
#define TOP_ROWS      200u
#define LEAST_PERCENT 0.02 /* of the total: a third of a pixel on a wide screen */
#define NODES_MOST    50000u
#define DATA_MARK     "/*DATA*/"

extern const char cairn_page_text[];
extern const size_t cairn_page_text_size;

static void write_curve(const struct cairn_rate_point *points, size_t count, FILE *out)
{
    fputs("\"timeline\": [", out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "%s[%" PRId64 ",%" PRId64 ",", i ? "," : "", points[i].t_ns, points[i].heap_bytes);
        cairn_export_json_number(out, points[i].rss_bytes);
        fputc(']', out);
    }
    fputs("],\n", out);
}

static void write_named(FILE *out, struct cairn_buffer *text, const struct cairn_site *site, enum cairn_by by)
{
    cairn_export_json_text(out, cairn_export_label(text, site, by));
    fputc(',', out);
    cairn_export_json_text(out, cairn_export_place(text, site));
}

static void write_numbers(FILE *out, const int64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fputs(i ? "," : "", out);
        cairn_export_json_number(out, numbers[i]);
    }
}

static void write_top(const struct cairn_top *top, enum cairn_by by, struct cairn_buffer *text, FILE *out)
{
    fputs("\"top\": [", out);
    for (size_t i = 0; i < top->row_count; i++) {
        const struct cairn_counts *counts = &top->rows[i].counts;
        fputs(i ? ",\n[" : "\n[", out);
        write_named(out, text, &top->rows[i].site, by);
        const int64_t numbers[] = {counts->live_bytes,  counts->live_blocks, counts->allocated_bytes,
                                   counts->allocations, counts->temporary,   counts->peak_bytes};
        fputc(',', out);
        write_numbers(out, numbers, sizeof(numbers) / sizeof(numbers[0]));
        fputc(']', out);
    }
    fputs("],\n", out);
}

static void write_moment(FILE *out, const char *key, const struct cairn_moment *moment)
{
    fprintf(out, "\"%s\": {\"t_ns\": %" PRId64 ", \"label\": ", key, moment->t_ns);
    cairn_export_json_text(out, moment->label);
    fputs("}, ", out);
}

/* What changed from the beginning of the span to its end. */
static void write_diff(const struct cairn_diff *diff, enum cairn_by by, struct cairn_buffer *text, FILE *out)
{
    fputs("\"diff\": {", out);
    write_moment(out, "a", &diff->a);
    write_moment(out, "b", &diff->b);
    fputs("\"verdict\": ", out);
    cairn_export_json_text(out, diff->verdict);
    fputs(", \"total\": [", out);
    write_numbers(out, (const int64_t[]){diff->total.a_bytes, diff->total.b_bytes, diff->total.delta_bytes},
                  3);
    fputs("], \"rows\": [", out);
    for (size_t i = 0; i < diff->row_count; i++) {
        const struct cairn_diff_counts *counts = &diff->rows[i].counts;
        fputs(i ? ",\n[" : "\n[", out);
        write_named(out, text, &diff->rows[i].site, by);
        const int64_t numbers[] = {counts->delta_bytes, counts->a_bytes, counts->b_bytes,
                                   counts->delta_blocks, counts->survived_bytes};
        fputc(',', out);
        write_numbers(out, numbers, sizeof(numbers) / sizeof(numbers[0]));
        fputc(']', out);
    }
    fputs("]},\n", out);
}

/* [parent, name, place, value], parents first; nodes too small to be seen are left out. */
static enum cairn_status write_tree(const struct cairn_tree *tree, const struct cairn_selection *selection,
                                    struct cairn_buffer *text, FILE *out, struct cairn_error *error)
{
    const enum cairn_by by = selection->by == CAIRN_BY_LINE ? CAIRN_BY_LINE : CAIRN_BY_FUNCTION;
    int64_t *numbers = calloc(tree->node_count + 1, sizeof(*numbers)); /* + 1; 0: left out */
    int64_t written = 0;
    if (!numbers) {
        return cairn_no_memory(error, "the export");
    }
    fputs("\"tree\": [", out);
    for (size_t i = 0; i < tree->node_count && written < (int64_t)NODES_MOST; i++) {
        const struct cairn_tree_node *node = &tree->nodes[i];
        const bool root = node->parent == UINT32_MAX;
        if (node->percent < LEAST_PERCENT || (!root && !numbers[node->parent])) {
            continue;
        }
        fprintf(out, "%s\n[%" PRId64 ",", written ? "," : "", root ? -1 : numbers[node->parent] - 1);
        write_named(out, text, &node->site, by);
        fprintf(out, ",%" PRId64 "]", cairn_counts_metric(&node->counts, selection->metric));
        numbers[i] = ++written;
    }
    fputs("]\n", out);
    free(numbers);
    return CAIRN_OK;
}

static void write_head(const struct cairn_export *export, const struct cairn_counts *total, FILE *out)
{
    const struct cairn_recording *recording = cairn_trace_recording(export->trace);
    const enum cairn_metric metric = export->selection->metric;
    fputs("{\"program\": ", out);
    cairn_export_json_text(out, recording->program);
    if (recording->started_unix_ns != CAIRN_UNKNOWN) {
        fprintf(out, ", \"started_unix_ns\": \"%" PRId64 "\"", recording->started_unix_ns);
    }
    fprintf(out, ", \"sample_bytes\": %" PRId64, recording->sample_bytes);
    fprintf(out, ", \"at\": {\"t_ns\": %" PRId64 ", \"label\": ", export->at.t_ns);
    cairn_export_json_text(out, export->at.label);
    fprintf(out,
            "}, \"metric\": \"%s\", \"unit\": \"%s\", \"total\": %" PRId64 ", \"complete\": %s,\n"
            "\"counts\": [",
            cairn_metric_name(metric),
            metric == CAIRN_METRIC_ALLOCATIONS || metric == CAIRN_METRIC_TEMPORARY ? "count" : "bytes",
            cairn_counts_metric(total, metric), recording->complete ? "true" : "false");
    const int64_t numbers[] = {total->live_bytes, total->live_blocks, total->allocated_bytes,
                               total->allocations};
    write_numbers(out, numbers, sizeof(numbers) / sizeof(numbers[0]));
    fputs("],\n", out);
}

static enum cairn_status write_data(const struct cairn_export *export, FILE *out, struct cairn_error *error)
{
    struct cairn_selection selection = *export->selection;
    struct cairn_top top = {.rows = NULL};
    struct cairn_tree tree = {.nodes = NULL};
    struct cairn_diff diff = {.rows = NULL};
    struct cairn_rate_point *points = NULL;
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    size_t count = 0;
    selection.limit = TOP_ROWS;
    selection.offset = 0;
    selection.sort = CAIRN_SORT_METRIC;
    selection.reverse = selection.cumulative = false;
    enum cairn_status status = cairn_top(export->trace, &selection, &export->at, &export->span, &top, error);
    if (status == CAIRN_OK) {
        status = cairn_tree(export->trace, &selection, &export->at, &export->span, false, &tree, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_timeline(export->trace, &export->span, CURVE_POINTS, &points, &count, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_diff(export->trace, &export->span.from, export->trace, &export->span.to, &selection,
                            &diff, error);
    }
    if (status == CAIRN_OK) {
        write_head(export, &top.total, out);
        write_curve(points, count, out);
        write_top(&top, selection.by, &text, out);
        write_diff(&diff, selection.by, &text, out);
        status = write_tree(&tree, &selection, &text, out, error);
        fputs("}", out);
    }
    if (status == CAIRN_OK && text.failed) {
        status = cairn_no_memory(error, "the export");
    }
    free(points);
    cairn_buffer_release(&text);
    cairn_diff_release(&diff);
    cairn_tree_release(&tree);
    cairn_top_release(&top);
    return status;
}

static enum cairn_status write_html(const struct cairn_export *export, FILE *out, struct cairn_error *error)
{
    const char *mark = strstr(cairn_page_text, DATA_MARK);
    fwrite(cairn_page_text, 1, (size_t)(mark - cairn_page_text), out);
    const enum cairn_status status = write_data(export, out, error);
    fputs(mark + strlen(DATA_MARK), out);
    return status;
}

const struct cairn_exporter cairn_exporter_html = {
    .name = "html",
    .summary = "one page for any browser: the heap over time, a flame graph, the sites, what changed",
    .write = write_html,
};
