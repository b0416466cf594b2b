#include <inttypes.h>
#include <stdio.h>

#include "base/human.h"
#include "cli/graph.h"

#define DEEP_BUDGET 20000u /* objects to look at for the deep size: some milliseconds */
#define TEXT_STEPS  40u    /* of a way, in text */
#define TEXT_LINKS  5u     /* referrers and referents below an object */

static void fact(struct cairn_text_table *table, const char *name, const char *value)
{
    cairn_text_table_row(table);
    cairn_text_table_cell(table, CAIRN_STYLE_FAINT, name);
    cairn_text_table_cell(table, CAIRN_STYLE_PLAIN, value);
}

static void text_facts(struct cairn_answer *answer, const struct cairn_object_row *row,
                       const struct cairn_object_birth *birth)
{
    static const struct cairn_text_column columns[] = {
        {.title = "", .align = CAIRN_ALIGN_LEFT},
        {.title = "", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 20},
    };
    struct cairn_text_table table;
    char text[512], a[CAIRN_HUMAN_MAX], b[CAIRN_HUMAN_MAX];
    const struct cairn_object *object = &row->object;
    cairn_text_table_init(&table, &answer->terminal, columns, sizeof columns / sizeof *columns);
    snprintf(text, sizeof text, "%" PRIu32 " at 0x%" PRIx64 "%s%.100s", object->id, object->address,
             row->label[0] != '\0' ? ", " : "", row->label);
    fact(&table, row->type, text);
    int length =
        snprintf(text, sizeof text, "%s shallow", cairn_human_bytes(a, (int64_t)object->shallow_bytes));
    if (object->block_bytes != 0) {
        length += snprintf(text + length, sizeof text - (size_t)length, ", %s in its blocks",
                           cairn_human_bytes(a, (int64_t)object->block_bytes));
    }
    snprintf(text + length, sizeof text - (size_t)length, ", %s deep, its death frees %s",
             row->deep_bytes == CAIRN_UNKNOWN ? "much more" : cairn_human_bytes(a, row->deep_bytes),
             cairn_human_bytes(b, (int64_t)object->retained_bytes));
    fact(&table, "size", text);
    snprintf(text, sizeof text, "%s in, %s out", cairn_human_count(a, object->referrers),
             cairn_human_count(b, object->referents));
    fact(&table, "edges", text);
    if (object->class != CAIRN_OBJECT_REACHABLE) {
        snprintf(text, sizeof text, "no root reaches it: leaked (%s)",
                 cairn_object_class_name(object->class));
        fact(&table, "class", text);
    }
    if (row->root_kind != NULL) {
        snprintf(text, sizeof text, "%.64s %.200s", row->root_kind, row->root_name);
        fact(&table, "root", text);
    }
    if (object->cycle != 0) {
        fact(&table, "cycle", "it can reach itself");
    }
    if (birth->t_ns != CAIRN_UNKNOWN) {
        snprintf(text, sizeof text, "at %s, serial %" PRIu64, cairn_human_duration(a, birth->t_ns),
                 object->serial);
        fact(&table, "allocated", text);
    }
    cairn_text_table_print(&table, &answer->stream);
    cairn_text_table_release(&table);
}

static void text_stack(struct cairn_answer *answer, const struct cairn_graph_request *request, uint32_t stack)
{
    static const struct cairn_text_column columns[] = {
        {.title = "", .align = CAIRN_ALIGN_LEFT, .shrinks_to = 20},
    };
    if (stack == 0) {
        return;
    }
    struct cairn_text_table table;
    cairn_text_table_init(&table, &answer->terminal, columns, 1);
    cairn_text_table_row(&table);
    cairn_text_table_cell(&table, CAIRN_STYLE_STRONG, "allocated by");
    cairn_text_table_stack(&table, request->trace, stack, NULL, request->frames);
    cairn_text_table_print(&table, &answer->stream);
    cairn_text_table_release(&table);
}

/* The largest of one side, below a title that says how many there are. */
static enum cairn_status load_side(const struct cairn_graph_request *request, uint32_t id,
                                   enum cairn_graph_links kind, struct cairn_objects *side,
                                   struct cairn_error *error)
{
    return cairn_objects_list(request->graph, kind, id, 0, TEXT_LINKS, side, error);
}

static void text_side(struct cairn_answer *answer, const char *title, const struct cairn_objects *side)
{
    struct cairn_text_table table;
    char count[CAIRN_HUMAN_MAX];
    cairn_stream_text(&answer->stream, "\n");
    cairn_text_prose_format(answer, CAIRN_STYLE_TITLE, "%s %s", title,
                            cairn_human_count(count, (int64_t)side->rows_total));
    if (side->row_count == 0) {
        return;
    }
    cairn_graph_table_init(&table, answer, true);
    for (size_t i = 0; i < side->row_count; i++) {
        cairn_graph_table_row(&table, answer, &side->rows[i], true);
    }
    cairn_text_table_print(&table, &answer->stream);
    cairn_text_table_release(&table);
    if (side->rows_total > side->row_count) {
        cairn_text_prose_format(answer, CAIRN_STYLE_FAINT, "%s more",
                                cairn_human_count(count, (int64_t)(side->rows_total - side->row_count)));
    }
}

static int show_text(const struct cairn_graph_request *request, const struct cairn_object_row *row)
{
    struct cairn_object_birth birth;
    struct cairn_objects above = {.rows = NULL}, below = {.rows = NULL};
    struct cairn_error error;
    enum cairn_status status = cairn_object_birth(request->graph, &row->object, &birth, &error);
    if (status == CAIRN_OK) {
        status = load_side(request, row->object.id, CAIRN_LINKS_REFERRERS, &above, &error);
    }
    if (status == CAIRN_OK) {
        status = load_side(request, row->object.id, CAIRN_LINKS_REFERENTS, &below, &error);
    }
    int result = CAIRN_EXIT_FAILED;
    if (status == CAIRN_OK) {
        struct cairn_answer answer;
        cairn_answer_open(&answer, request->output);
        cairn_graph_text_head(&answer, request);
        cairn_stream_text(&answer.stream, "\n");
        text_facts(&answer, row, &birth);
        text_stack(&answer, request, birth.stack);
        text_side(&answer, "held by", &above);
        text_side(&answer, "holds", &below);
        result = cairn_answer_finish(&answer);
    } else {
        cairn_complain(&error);
    }
    cairn_objects_release(&above);
    cairn_objects_release(&below);
    return result;
}

static int show_rows(const struct cairn_graph_request *request, const struct cairn_graph_nodes *nodes)
{
    struct cairn_answer answer;
    cairn_answer_open(&answer, request->output);
    if (answer.format == CAIRN_FORMAT_JSON) {
        cairn_graph_json_head(&answer, request, "show");
        cairn_json_object(&answer.json, "node");
        cairn_graph_json_node(&answer, request, nodes, 0);
    } else {
        cairn_csv_names(&answer.csv, CAIRN_CSV_NODE);
        cairn_csv_end_line(&answer.csv);
        cairn_graph_csv_node(&answer, request, nodes, 0);
        cairn_csv_end_line(&answer.csv);
    }
    return cairn_answer_finish(&answer);
}

int cairn_graph_verb_show(const struct cairn_graph_request *request)
{
    uint32_t id;
    struct cairn_objects one;
    struct cairn_graph_nodes nodes;
    struct cairn_error error;
    enum cairn_status status = cairn_object_parse(request->graph, request->words[0], &id, &error);
    if (status == CAIRN_OK) {
        status = cairn_objects_one(request->graph, id, &one, &error);
    }
    if (status == CAIRN_OK) {
        status = cairn_graph_nodes_load(request, &one, DEEP_BUDGET, &nodes, &error);
    }
    if (status != CAIRN_OK) {
        return cairn_complain(&error);
    }
    const int result = request->output->format == CAIRN_FORMAT_TEXT
                           ? show_text(request, &nodes.objects.rows[0])
                           : show_rows(request, &nodes);
    cairn_graph_nodes_release(&nodes);
    return result;
}

static void path_json(struct cairn_answer *answer, const struct cairn_graph_request *request,
                      const struct cairn_graph_nodes *nodes)
{
    struct cairn_json *json = &answer->json;
    const struct cairn_objects *steps = &nodes->objects;
    cairn_graph_json_head(answer, request, "path");
    if (steps->row_count > 0 && steps->rows[0].root_kind != NULL) {
        cairn_json_object(json, "root");
        cairn_json_text(json, "kind", steps->rows[0].root_kind);
        cairn_json_text(json, "name", steps->rows[0].root_name);
        cairn_json_end(json);
    } else {
        cairn_json_null(json, "root");
    }
    cairn_json_array(json, "steps");
    for (size_t i = 0; i < steps->row_count; i++) {
        cairn_json_object(json, NULL);
        cairn_json_text(json, "edge", steps->rows[i].edge);
        cairn_json_text(json, "confidence", cairn_confidence_name(steps->rows[i].confidence));
        cairn_json_object(json, "node");
        cairn_graph_json_node(answer, request, nodes, i);
        cairn_json_end(json);
        cairn_json_end(json);
    }
}

static void path_csv(struct cairn_answer *answer, const struct cairn_graph_request *request,
                     const struct cairn_graph_nodes *nodes)
{
    cairn_csv_names(&answer->csv, "edge,confidence");
    cairn_csv_names(&answer->csv, CAIRN_CSV_NODE);
    cairn_csv_end_line(&answer->csv);
    for (size_t i = 0; i < nodes->objects.row_count; i++) {
        cairn_csv_text(&answer->csv, nodes->objects.rows[i].edge);
        cairn_csv_text(&answer->csv, cairn_confidence_name(nodes->objects.rows[i].confidence));
        cairn_graph_csv_node(answer, request, nodes, i);
        cairn_csv_end_line(&answer->csv);
    }
}

/* "why: module app › .CACHE › ['u:17'] › list" in one line; then the steps, one a row. */
static void path_text(struct cairn_answer *answer, const struct cairn_graph_request *request,
                      const struct cairn_objects *steps, size_t left_out, size_t left_out_before)
{
    cairn_graph_text_head(answer, request);
    if (steps->row_count == 0) {
        cairn_text_prose(answer, CAIRN_STYLE_LEAK, "no root reaches it: nothing keeps it alive, it leaked");
        return;
    }
    struct cairn_buffer line = CAIRN_BUFFER_INIT;
    const struct cairn_object_row *root = &steps->rows[0];
    const char *between = cairn_glyph(&answer->terminal, "›", ">");
    cairn_buffer_format(&line, "why: %s %s", root->root_kind ? root->root_kind : "",
                        root->root_name ? root->root_name : "");
    for (size_t i = 1; i < steps->row_count; i++) {
        if (left_out > 0 && i == left_out_before) {
            cairn_buffer_format(&line, " %s (%zu more)", between, left_out);
        }
        cairn_buffer_format(&line, " %s %s", between,
                            steps->rows[i].edge && steps->rows[i].edge[0] ? steps->rows[i].edge : "-");
    }
    cairn_buffer_format(&line, " %s %s", between, steps->rows[steps->row_count - 1].type);
    cairn_text_prose(answer, CAIRN_STYLE_STRONG, cairn_buffer_cstr(&line));
    cairn_buffer_release(&line);
    cairn_stream_text(&answer->stream, "\n");
    struct cairn_text_table table;
    cairn_graph_table_init(&table, answer, true);
    for (size_t i = 0; i < steps->row_count; i++) {
        cairn_graph_table_row(&table, answer, &steps->rows[i], true);
    }
    cairn_text_table_print(&table, &answer->stream);
    cairn_text_table_release(&table);
}

int cairn_graph_verb_path(const struct cairn_graph_request *request)
{
    const bool text = request->output->format == CAIRN_FORMAT_TEXT;
    uint32_t id;
    struct cairn_object_way way;
    struct cairn_graph_nodes nodes;
    struct cairn_error error;
    enum cairn_status status = cairn_object_parse(request->graph, request->words[0], &id, &error);
    if (status == CAIRN_OK) {
        status = cairn_object_way(request->graph, id, text ? TEXT_STEPS : 0, &way, &error);
    }
    if (status == CAIRN_OK) {
        status = cairn_graph_nodes_load(request, &way.steps, 0, &nodes, &error);
    }
    if (status != CAIRN_OK) {
        return cairn_complain(&error);
    }
    struct cairn_answer answer;
    cairn_answer_open(&answer, request->output);
    if (answer.format == CAIRN_FORMAT_JSON) {
        path_json(&answer, request, &nodes);
    } else if (answer.format == CAIRN_FORMAT_CSV) {
        path_csv(&answer, request, &nodes);
    } else {
        path_text(&answer, request, &nodes.objects, way.left_out, way.left_out_before);
    }
    cairn_graph_nodes_release(&nodes);
    return cairn_answer_finish(&answer);
}
