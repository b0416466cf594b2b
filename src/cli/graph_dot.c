/* The neighbourhood of an object in Graphviz' language, as objgraph draws it: breadth first, so that the nearest come first,
 * at most so many objects, and the same text every time. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/human.h"
#include "base/sanitise.h"
#include "cli/graph.h"

#define NODES_MOST 200u /* when no limit is given */
#define FAN_MOST   20u  /* edges of one object */

struct drawn {
    uint32_t id;
    size_t depth;
};

/* The text is complete before a byte of it is printed: what fails halfway leaves no half of a drawing. */
struct drawing {
    const struct cairn_graph_request *request;
    struct cairn_buffer text;
    struct drawn *nodes;
    uint8_t *is_drawn; /* a bit an object */
    size_t count, capacity, most;
    struct cairn_error *error;
};

/* Text inside quotes: what would end them or begin an escape is escaped, control characters are visible. */
static void put_quoted(struct drawing *drawing, const char *text)
{
    char clean[1024];
    cairn_sanitise(clean, sizeof clean, text, strlen(text));
    for (const char *at = clean; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\') {
            cairn_buffer_byte(&drawing->text, '\\');
        }
        cairn_buffer_byte(&drawing->text, *at);
    }
}

static bool is_drawn(const struct drawing *drawing, uint32_t id)
{
    return drawing->is_drawn[id / 8] >> (id % 8) & 1;
}

static bool add_drawn(struct drawing *drawing, uint32_t id, size_t depth)
{
    if (drawing->count == drawing->capacity) {
        const size_t larger = drawing->capacity != 0 ? drawing->capacity * 2 : 64;
        struct drawn *grown = realloc(drawing->nodes, larger * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        drawing->nodes = grown;
        drawing->capacity = larger;
    }
    drawing->nodes[drawing->count++] = (struct drawn){.id = id, .depth = depth};
    drawing->is_drawn[id / 8] = (uint8_t)(drawing->is_drawn[id / 8] | 1u << (id % 8));
    return true;
}

static void put_node(struct drawing *drawing, const struct cairn_object_row *row)
{
    char size[CAIRN_HUMAN_MAX];
    cairn_buffer_format(&drawing->text, "  o%" PRIu32 " [label=\"", row->object.id);
    put_quoted(drawing, row->type);
    if (row->label[0] != '\0') {
        cairn_buffer_text(&drawing->text, "\\n");
        put_quoted(drawing, row->label);
    }
    if (row->root_kind != NULL) {
        cairn_buffer_text(&drawing->text, "\\n");
        put_quoted(drawing, row->root_kind);
        cairn_buffer_byte(&drawing->text, ' ');
        put_quoted(drawing, row->root_name);
    }
    cairn_buffer_format(&drawing->text, "\\n%s\"%s%s];\n",
                        cairn_human_bytes(size, (int64_t)row->object.retained_bytes),
                        row->root_kind != NULL ? ", peripheries=2" : "",
                        row->object.class != CAIRN_OBJECT_REACHABLE ? ", color=red" : "");
}

static void put_edge(struct drawing *drawing, uint32_t from, uint32_t to, const struct cairn_object_row *row)
{
    cairn_buffer_format(&drawing->text, "  o%" PRIu32 " -> o%" PRIu32 " [label=\"", from, to);
    put_quoted(drawing, row->edge != NULL ? row->edge : "");
    if (row->count > 1) {
        cairn_buffer_format(&drawing->text, " x%" PRId64, row->count);
    }
    cairn_buffer_format(&drawing->text, "\"%s];\n",
                        row->confidence == CAIRN_EDGE_EXACT ? "" : ", style=dashed");
}

static enum cairn_status no_memory(struct cairn_error *error)
{
    return cairn_fail(error, CAIRN_E_NOMEM, "out of memory for the drawing");
}

/* The edges of one object, and the objects they lead to that are not there yet. */
static enum cairn_status expand(struct drawing *drawing, const struct drawn at)
{
    struct cairn_objects links;
    const struct cairn_graph_request *request = drawing->request;
    const enum cairn_status status =
        cairn_objects_list(request->graph, request->backwards ? CAIRN_LINKS_REFERRERS : CAIRN_LINKS_REFERENTS,
                           at.id, 0, FAN_MOST, &links, drawing->error);
    if (status != CAIRN_OK) {
        return status;
    }
    size_t hidden = links.rows_total - links.row_count;
    bool enough = true;
    for (size_t i = 0; enough && i < links.row_count; i++) {
        const struct cairn_object_row *row = &links.rows[i];
        if (!is_drawn(drawing, row->object.id)) {
            if (drawing->count == drawing->most) {
                hidden++;
                continue;
            }
            enough = add_drawn(drawing, row->object.id, at.depth + 1);
            put_node(drawing, row);
        }
        put_edge(drawing, request->backwards ? row->object.id : at.id,
                 request->backwards ? at.id : row->object.id, row);
    }
    if (hidden > 0) {
        cairn_buffer_format(&drawing->text,
                            "  m%" PRIu32 " [label=\"%zu more\", shape=plaintext];\n  %s%" PRIu32
                            " -> %s%" PRIu32 " [style=dotted];\n",
                            at.id, hidden, request->backwards ? "m" : "o", at.id,
                            request->backwards ? "o" : "m", at.id);
    }
    cairn_objects_release(&links);
    return enough ? CAIRN_OK : no_memory(drawing->error);
}

static enum cairn_status draw(struct drawing *drawing, uint32_t id)
{
    struct cairn_objects start;
    enum cairn_status status = cairn_objects_one(drawing->request->graph, id, &start, drawing->error);
    if (status != CAIRN_OK) {
        return status;
    }
    cairn_buffer_text(&drawing->text,
                      "digraph ObjectGraph {\n  node [shape=box, style=filled, fillcolor=white];\n");
    status = add_drawn(drawing, id, 0) ? CAIRN_OK : no_memory(drawing->error);
    put_node(drawing, &start.rows[0]);
    cairn_buffer_format(&drawing->text, "  o%" PRIu32 " [fillcolor=gold];\n", id);
    cairn_objects_release(&start);
    for (size_t i = 0; status == CAIRN_OK && i < drawing->count; i++) {
        if (drawing->nodes[i].depth < drawing->request->depth) {
            status = expand(drawing, drawing->nodes[i]);
        }
    }
    cairn_buffer_text(&drawing->text, "}\n");
    return status == CAIRN_OK && drawing->text.failed ? no_memory(drawing->error) : status;
}

static int print(const struct cairn_graph_request *request, const struct cairn_buffer *text)
{
    if (request->svg != NULL) {
        return cairn_graph_svg(request, text);
    }
    struct cairn_answer answer;
    cairn_answer_open(&answer, &(const struct cairn_output_arguments){.format = CAIRN_FORMAT_TEXT});
    cairn_stream_write(&answer.stream, text->data, text->length);
    return cairn_answer_finish(&answer);
}

int cairn_graph_verb_dot(const struct cairn_graph_request *request)
{
    uint32_t id;
    struct cairn_error error;
    if (cairn_object_parse(request->graph, request->words[0], &id, &error) != CAIRN_OK) {
        return cairn_complain(&error);
    }
    struct drawing drawing = {.request = request,
                              .text = CAIRN_BUFFER_INIT,
                              .is_drawn = calloc(cairn_graph_about(request->graph)->objects / 8 + 1, 1),
                              .most = request->limit != 0 ? request->limit : NODES_MOST,
                              .error = &error};
    const enum cairn_status status = drawing.is_drawn != NULL ? draw(&drawing, id) : no_memory(&error);
    const int result = status == CAIRN_OK ? print(request, &drawing.text) : cairn_complain(&error);
    free(drawing.nodes);
    free(drawing.is_drawn);
    cairn_buffer_release(&drawing.text);
    return result;
}
