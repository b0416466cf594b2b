#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/human.h"
#include "cli/graph.h"

const char *cairn_graph_lang_name(int lang)
{
    return lang == CAIRN_LANG_PYTHON ? "python" : "native";
}

/* Deep sizes of the rows, one after the other, for as long as the budget lasts. */
static enum cairn_status load_deep(const struct cairn_graph_request *request, struct cairn_objects *objects,
                                   size_t budget, struct cairn_error *error)
{
    enum cairn_status status = CAIRN_OK;
    for (size_t i = 0; status == CAIRN_OK && i < objects->row_count && budget > 0; i++) {
        int64_t bytes;
        bool whole;
        size_t met;
        status = cairn_object_deep(request->graph, objects->rows[i].object.id, budget, &bytes, &whole, &met,
                                   error);
        if (status == CAIRN_OK) {
            objects->rows[i].deep_bytes = whole ? bytes : CAIRN_UNKNOWN;
            budget -= met < budget ? met : budget;
        }
    }
    return status;
}

enum cairn_status cairn_graph_nodes_load(const struct cairn_graph_request *request,
                                         struct cairn_objects *objects, size_t deep_budget,
                                         struct cairn_graph_nodes *nodes, struct cairn_error *error)
{
    struct cairn_graph_nodes made = {.objects = *objects};
    *objects = (struct cairn_objects){.rows = NULL};
    enum cairn_status status = load_deep(request, &made.objects, deep_budget, error);
    if (status == CAIRN_OK && request->output->format != CAIRN_FORMAT_TEXT) {
        made.births = malloc((made.objects.row_count + 1) * sizeof *made.births);
        status = made.births ? CAIRN_OK : cairn_fail(error, CAIRN_E_NOMEM, "out of memory for the objects");
        for (size_t i = 0; status == CAIRN_OK && i < made.objects.row_count; i++) {
            status = cairn_object_birth(request->graph, &made.objects.rows[i].object, &made.births[i], error);
        }
    }
    if (status != CAIRN_OK) {
        cairn_graph_nodes_release(&made);
        return status;
    }
    *nodes = made;
    return CAIRN_OK;
}

void cairn_graph_nodes_release(struct cairn_graph_nodes *nodes)
{
    free(nodes->births);
    cairn_objects_release(&nodes->objects);
    nodes->births = NULL;
}

static int64_t known_bytes(uint64_t bytes)
{
    return bytes != 0 ? (int64_t)bytes : CAIRN_UNKNOWN;
}

static int64_t known_serial(uint64_t serial)
{
    return serial != CAIRN_NO_SERIAL ? (int64_t)serial : CAIRN_UNKNOWN;
}

static void json_allocated(struct cairn_json *json, const struct cairn_graph_request *request,
                           const struct cairn_object_birth *birth)
{
    if (birth->t_ns == CAIRN_UNKNOWN && birth->stack == 0) {
        cairn_json_null(json, "allocated");
        return;
    }
    cairn_json_object(json, "allocated");
    cairn_json_integer(json, "t_ns", birth->t_ns);
    cairn_json_integer(json, "thread", birth->tid);
    cairn_json_stack(json, "stack", request->trace, birth->stack, request->frames);
    cairn_json_end(json);
}

void cairn_graph_json_node(struct cairn_answer *answer, const struct cairn_graph_request *request,
                           const struct cairn_graph_nodes *nodes, size_t row)
{
    struct cairn_json *json = &answer->json;
    const struct cairn_object_row *node = &nodes->objects.rows[row];
    const struct cairn_object *object = &node->object;
    cairn_json_integer(json, "id", object->id);
    cairn_json_integer(json, "serial", known_serial(object->serial));
    cairn_json_text(json, "type", node->type);
    cairn_json_text(json, "lang", cairn_graph_lang_name(object->lang));
    cairn_json_integer(json, "address", (int64_t)object->address);
    cairn_json_text(json, "label", node->label);
    cairn_json_integer(json, "shallow_bytes", (int64_t)object->shallow_bytes);
    cairn_json_integer(json, "block_bytes", known_bytes(object->block_bytes));
    cairn_json_integer(json, "deep_bytes", node->deep_bytes);
    cairn_json_integer(json, "retained_bytes", (int64_t)object->retained_bytes);
    cairn_json_integer(json, "referrers", object->referrers);
    cairn_json_integer(json, "referents", object->referents);
    if (node->root_kind != NULL) {
        cairn_json_object(json, "root");
        cairn_json_text(json, "kind", node->root_kind);
        cairn_json_text(json, "name", node->root_name);
        cairn_json_end(json);
    } else {
        cairn_json_null(json, "root");
    }
    cairn_json_text(json, "class", cairn_object_class_name(object->class));
    cairn_json_integer(json, "cycle", object->cycle != 0 ? (int64_t)object->cycle : CAIRN_UNKNOWN);
    json_allocated(json, request, &nodes->births[row]);
}

void cairn_graph_csv_node(struct cairn_answer *answer, const struct cairn_graph_request *request,
                          const struct cairn_graph_nodes *nodes, size_t row)
{
    struct cairn_csv *csv = &answer->csv;
    const struct cairn_object_row *node = &nodes->objects.rows[row];
    const struct cairn_object *object = &node->object;
    const struct cairn_object_birth *birth = &nodes->births[row];
    char address[24];
    snprintf(address, sizeof address, "0x%" PRIx64, object->address);
    cairn_csv_integer(csv, object->id);
    cairn_csv_integer(csv, known_serial(object->serial));
    cairn_csv_text(csv, node->type);
    cairn_csv_text(csv, cairn_graph_lang_name(object->lang));
    cairn_csv_text(csv, address);
    cairn_csv_text(csv, node->label);
    cairn_csv_integer(csv, (int64_t)object->shallow_bytes);
    cairn_csv_integer(csv, known_bytes(object->block_bytes));
    cairn_csv_integer(csv, node->deep_bytes);
    cairn_csv_integer(csv, (int64_t)object->retained_bytes);
    cairn_csv_integer(csv, object->referrers);
    cairn_csv_integer(csv, object->referents);
    cairn_csv_text(csv, node->root_kind);
    cairn_csv_text(csv, cairn_object_class_name(object->class));
    cairn_csv_integer(csv, birth->t_ns);
    cairn_csv_integer(csv, birth->tid);
    cairn_csv_stack(csv, request->trace, birth->stack, request->frames);
}

static const struct cairn_text_column object_columns[] = {
    {.title = "RETAINED"},
    {.title = "SHALLOW", .leaves = 2},
    {.title = "IN/OUT", .leaves = 3},
    {.title = "ID"},
    {.title = "TYPE", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 10},
    {.title = "", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 6, .leaves = 1},
    {.title = "ADDRESS", .align = CAIRN_ALIGN_LEFT, .leaves = 4},
};

static const struct cairn_text_column edge_columns[] = {
    {.title = "RETAINED"},
    {.title = "SHALLOW", .leaves = 2},
    {.title = "IN/OUT", .leaves = 3},
    {.title = "ID"},
    {.title = "EDGE", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 12},
    {.title = "TYPE", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 10},
    {.title = "", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 6, .leaves = 1},
    {.title = "ADDRESS", .align = CAIRN_ALIGN_LEFT, .leaves = 4},
};

void cairn_graph_table_init(struct cairn_text_table *table, const struct cairn_answer *answer, bool edges)
{
    cairn_text_table_init(table, &answer->terminal, edges ? edge_columns : object_columns,
                          edges ? sizeof edge_columns / sizeof *edge_columns
                                : sizeof object_columns / sizeof *object_columns);
}

static const char *confidence_mark(int confidence)
{
    static const char *const marks[] = {"", "~", "?", "weak "};
    return marks[confidence];
}

static void edge_cell(struct cairn_text_table *table, const struct cairn_answer *answer,
                      const struct cairn_object_row *row, int64_t count)
{
    char times[CAIRN_HUMAN_MAX] = "", number[CAIRN_HUMAN_MAX];
    if (row->edge == NULL && row->root_kind != NULL) { /* where a way begins: its label names it */
        cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, "root");
        return;
    }
    if (count > 1) {
        snprintf(times, sizeof times, " %s%s", cairn_glyph(&answer->terminal, "×", "x"),
                 cairn_human_count(number, count));
    }
    const char *edge = row->edge == NULL || row->edge[0] == '\0' ? "-" : row->edge;
    cairn_text_table_cell_format(table, CAIRN_STYLE_PLAIN, "%s%s%s %s", confidence_mark(row->confidence),
                                 edge, times, cairn_glyph(&answer->terminal, "→", "->"));
}

static enum cairn_style type_style(const struct cairn_object *object)
{
    return object->class != CAIRN_OBJECT_REACHABLE ? CAIRN_STYLE_LEAK
           : object->lang == CAIRN_LANG_PYTHON     ? CAIRN_STYLE_PYTHON
                                                   : CAIRN_STYLE_PLAIN;
}

/* The label, and what else is to be known: which root it is, how it leaks, that a deep size counts it once. */
static void label_cell(struct cairn_text_table *table, const struct cairn_object_row *row)
{
    char text[512];
    int length = snprintf(text, sizeof text, "%.200s", row->label);
    if (row->root_kind != NULL && length < (int)sizeof text) {
        length += snprintf(text + length, sizeof text - (size_t)length, "%s%.32s %.200s", length ? "  " : "",
                           row->root_kind, row->root_name);
    }
    if (row->object.class != CAIRN_OBJECT_REACHABLE && length < (int)sizeof text) {
        length += snprintf(text + length, sizeof text - (size_t)length, "%sleaked (%s)", length ? "  " : "",
                           cairn_object_class_name(row->object.class));
    }
    if (row->shared && length < (int)sizeof text) {
        snprintf(text + length, sizeof text - (size_t)length, "%scounted once", length ? "  " : "");
    }
    cairn_text_table_cell(table, CAIRN_STYLE_FAINT, text);
}

void cairn_graph_table_row(struct cairn_text_table *table, const struct cairn_answer *answer,
                           const struct cairn_object_row *row, bool edges)
{
    char text[CAIRN_HUMAN_MAX], other[CAIRN_HUMAN_MAX];
    const struct cairn_object *object = &row->object;
    cairn_text_table_row(table);
    cairn_text_table_cell(table, CAIRN_STYLE_STRONG,
                          cairn_human_bytes(text, (int64_t)object->retained_bytes));
    cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, cairn_human_bytes(text, (int64_t)object->shallow_bytes));
    cairn_text_table_cell_format(table, CAIRN_STYLE_PLAIN, "%s/%s",
                                 cairn_human_count(text, object->referrers),
                                 cairn_human_count(other, object->referents));
    cairn_text_table_cell_format(table, CAIRN_STYLE_PLAIN, "%" PRIu32, object->id);
    if (edges) {
        edge_cell(table, answer, row, row->count);
    }
    cairn_text_table_cell(table, type_style(object), row->type);
    label_cell(table, row);
    cairn_text_table_cell_format(table, CAIRN_STYLE_FAINT, "0x%" PRIx64, object->address);
}

void cairn_graph_table_fold(struct cairn_text_table *table, const struct cairn_answer *answer,
                            const struct cairn_object_row *row, bool edges, int64_t count,
                            int64_t shallow_bytes, int64_t retained_bytes)
{
    char text[CAIRN_HUMAN_MAX];
    struct cairn_object_row folded = *row;
    folded.edge = "[*]";
    cairn_text_table_row(table);
    cairn_text_table_cell(table, CAIRN_STYLE_STRONG, cairn_human_bytes(text, retained_bytes));
    cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, cairn_human_bytes(text, shallow_bytes));
    cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, "");
    cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, "");
    if (edges) {
        edge_cell(table, answer, &folded, count);
        cairn_text_table_cell(table, type_style(&row->object), row->type);
    } else {
        cairn_text_table_cell_format(table, type_style(&row->object), "%s %s%s", row->type,
                                     cairn_glyph(&answer->terminal, "×", "x"),
                                     cairn_human_count(text, count));
    }
    cairn_text_table_cell(table, CAIRN_STYLE_FAINT, "");
    cairn_text_table_cell(table, CAIRN_STYLE_FAINT, "");
}
