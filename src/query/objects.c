#include "query/objects.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query/grow.h"
#include "query/no_memory.h"
#include "query/object_rows.h"

#define PAGE_LINKS 256u

const char *cairn_object_class_name(int class)
{
    static const char *const names[CAIRN_OBJECT_CLASSES] = {"reachable", "definite", "indirect"};
    return names[class];
}

const char *cairn_confidence_name(int confidence)
{
    static const char *const names[] = {"exact", "interior", "doubtful", "weak"};
    return names[confidence];
}

void cairn_objects_release(struct cairn_objects *objects)
{
    free(objects->rows);
    cairn_arena_release(&objects->arena);
    *objects = (struct cairn_objects){.rows = NULL};
}

void cairn_object_rows_open(struct cairn_object_rows *rows, struct cairn_graph *graph)
{
    *rows = (struct cairn_object_rows){.graph = graph, .made = {.arena = CAIRN_ARENA_INIT}};
}

enum cairn_status cairn_object_rows_finish(struct cairn_object_rows *rows, enum cairn_status status,
                                           struct cairn_objects *objects)
{
    if (status != CAIRN_OK) {
        cairn_objects_release(&rows->made);
        return status;
    }
    *objects = rows->made;
    return CAIRN_OK;
}

static enum cairn_status name_edge(struct cairn_object_rows *rows, uint32_t label, const char **edge,
                                   struct cairn_error *error)
{
    char text[24];
    if (!CAIRN_LABEL_IS_INDEX(label)) {
        return cairn_graph_string(rows->graph, CAIRN_LABEL_NUMBER(label), &rows->made.arena, edge, error);
    }
    const int length = snprintf(text, sizeof text, "[%" PRIu32 "]", CAIRN_LABEL_NUMBER(label));
    *edge = cairn_arena_copy(&rows->made.arena, text, (size_t)length);
    return *edge ? CAIRN_OK : cairn_no_memory(error, "the objects");
}

static enum cairn_status name_object(struct cairn_object_rows *rows, struct cairn_object_row *row,
                                     struct cairn_error *error)
{
    const struct cairn_graph_type *types;
    size_t count;
    enum cairn_status status = cairn_graph_types(rows->graph, &types, &count, error);
    if (status != CAIRN_OK) {
        return status;
    }
    row->type = types[row->object.type].name;
    status = cairn_graph_string(rows->graph, row->object.label, &rows->made.arena, &row->label, error);
    if (status == CAIRN_OK && row->object.root != 0) {
        struct cairn_graph_root_row root;
        status = cairn_graph_root(rows->graph, row->object.root - 1, &root, error);
        if (status == CAIRN_OK) {
            row->root_kind = root.kind;
            row->root_name = root.name;
        }
    }
    return status;
}

enum cairn_status cairn_object_rows_add(struct cairn_object_rows *rows, uint32_t id, bool has_edge,
                                        uint32_t label, int confidence, struct cairn_error *error)
{
    struct cairn_object_row *grown =
        cairn_grow(rows->made.rows, sizeof *grown, rows->made.row_count + 1, &rows->capacity);
    if (!grown) {
        return cairn_no_memory(error, "the objects");
    }
    rows->made.rows = grown;
    struct cairn_object_row *row = &grown[rows->made.row_count];
    *row = (struct cairn_object_row){.confidence = confidence, .count = 1, .deep_bytes = CAIRN_UNKNOWN};
    enum cairn_status status = cairn_graph_object(rows->graph, id, &row->object, error);
    if (status == CAIRN_OK && has_edge) {
        status = name_edge(rows, label, &row->edge, error);
    }
    if (status == CAIRN_OK) {
        status = name_object(rows, row, error);
    }
    rows->made.row_count += status == CAIRN_OK;
    return status;
}

/* Parallel edges follow each other: lists are in the order of their objects. */
static bool folds(const struct cairn_object_row *last, const struct cairn_link *link, uint32_t label)
{
    return CAIRN_LABEL_IS_INDEX(label) && CAIRN_LABEL_IS_INDEX(link->label) &&
           last->confidence == link->confidence;
}

/* One page of links; `*label` is that of the row added last. False in `*more`: the rows are full. */
static enum cairn_status add_page(struct cairn_object_rows *rows, const struct cairn_link *links,
                                  size_t count, enum cairn_graph_links kind, size_t limit, uint32_t *label,
                                  bool *more, struct cairn_error *error)
{
    const bool labelled = cairn_links_have_labels(kind), deep = kind == CAIRN_LINKS_REFERENTS;
    enum cairn_status status = CAIRN_OK;
    for (size_t i = 0; status == CAIRN_OK && i < count; i++) {
        struct cairn_object_row *last =
            labelled && rows->made.row_count > 0 ? &rows->made.rows[rows->made.row_count - 1] : NULL;
        const bool again = last && last->object.id == links[i].object;
        if (again && deep) {
            last->shared = true;
        }
        if (again && folds(last, &links[i], *label)) {
            last->count++;
            last->edge = "[*]";
            rows->folded++;
        } else if (limit != 0 && rows->made.row_count == limit) {
            *more = false;
            break;
        } else {
            status = cairn_object_rows_add(rows, links[i].object, labelled, links[i].label,
                                           links[i].confidence, error);
            if (status == CAIRN_OK && again && deep) {
                rows->made.rows[rows->made.row_count - 1].shared = true;
            }
            *label = links[i].label;
        }
        rows->made.next_offset++;
    }
    return status;
}

enum cairn_status cairn_object_rows_list(struct cairn_object_rows *rows, enum cairn_graph_links kind,
                                         uint32_t list, size_t offset, size_t limit, size_t *total,
                                         struct cairn_error *error)
{
    struct cairn_link links[PAGE_LINKS];
    bool more = true;
    uint32_t label = CAIRN_LABEL_NONE;
    size_t count;
    rows->made.next_offset = offset;
    enum cairn_status status;
    do {
        status = cairn_graph_links(rows->graph, kind, list, rows->made.next_offset, links, PAGE_LINKS, &count,
                                   total, error);
        if (status == CAIRN_OK && cairn_trace_cancelled(cairn_graph_trace(rows->graph))) {
            status = cairn_fail(error, CAIRN_E_CANCELLED, "cancelled");
        }
        if (status == CAIRN_OK) {
            status = add_page(rows, links, count, kind, limit, &label, &more, error);
        }
    } while (status == CAIRN_OK && more && count > 0);
    return status;
}

enum cairn_status cairn_objects_list(struct cairn_graph *graph, enum cairn_graph_links kind, uint32_t list,
                                     size_t offset, size_t limit, struct cairn_objects *objects,
                                     struct cairn_error *error)
{
    struct cairn_object_rows rows;
    size_t total = 0;
    cairn_object_rows_open(&rows, graph);
    const enum cairn_status status = cairn_object_rows_list(&rows, kind, list, offset, limit, &total, error);
    rows.made.rows_total = total - rows.folded;
    return cairn_object_rows_finish(&rows, status, objects);
}

enum cairn_status cairn_objects_unreachable(struct cairn_graph *graph, size_t offset, size_t limit,
                                            struct cairn_objects *objects, struct cairn_error *error)
{
    struct cairn_object_rows rows;
    size_t definite = 0, indirect = 0;
    cairn_object_rows_open(&rows, graph);
    enum cairn_status status =
        cairn_object_rows_list(&rows, CAIRN_LINKS_LEAKS, 0, offset, limit, &definite, error);
    if (status == CAIRN_OK && (limit == 0 || rows.made.row_count < limit)) {
        status = cairn_object_rows_list(&rows, CAIRN_LINKS_LEAKS, 1,
                                        offset > definite ? offset - definite : 0, limit, &indirect, error);
    }
    const struct cairn_graph_info *info = cairn_graph_about(graph);
    rows.made.rows_total = (size_t)(info->definite_objects + info->indirect_objects);
    rows.made.next_offset = offset + rows.made.row_count;
    return cairn_object_rows_finish(&rows, status, objects);
}

enum cairn_status cairn_objects_one(struct cairn_graph *graph, uint32_t id, struct cairn_objects *objects,
                                    struct cairn_error *error)
{
    struct cairn_object_rows rows;
    cairn_object_rows_open(&rows, graph);
    const enum cairn_status status =
        cairn_object_rows_add(&rows, id, false, CAIRN_LABEL_NONE, CAIRN_EDGE_EXACT, error);
    rows.made.rows_total = 1;
    return cairn_object_rows_finish(&rows, status, objects);
}

enum cairn_status cairn_object_parse(struct cairn_graph *graph, const char *text, uint32_t *id,
                                     struct cairn_error *error)
{
    char *end;
    errno = 0;
    const bool is_address = strncmp(text, "0x", 2) == 0 || strncmp(text, "0X", 2) == 0;
    const unsigned long long number = strtoull(text, &end, is_address ? 16 : 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0) {
        return cairn_fail(error, CAIRN_E_USAGE,
                          "'%.60s' is no object: give its number or its address, as in 12 or 0x7f00", text);
    }
    if (is_address) {
        return cairn_graph_find(graph, number, id, error);
    }
    if (number >= cairn_graph_about(graph)->objects) {
        return cairn_fail(error, CAIRN_E_NOT_FOUND,
                          "there is no object %llu in graph %" PRIu32 ": it holds %" PRIu32 " objects",
                          number, cairn_graph_about(graph)->graph, cairn_graph_about(graph)->objects);
    }
    *id = (uint32_t)number;
    return CAIRN_OK;
}

static const char *last_part(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && dot[1] != '\0' ? dot + 1 : name;
}

enum cairn_status cairn_type_parse(struct cairn_graph *graph, const char *text, uint32_t *type,
                                   struct cairn_error *error)
{
    const struct cairn_graph_type *types;
    size_t count, short_matches = 0, found = 0;
    const enum cairn_status status = cairn_graph_types(graph, &types, &count, error);
    if (status != CAIRN_OK) {
        return status;
    }
    /* Types are by retained size: of several with one name (of both languages) the largest is meant. */
    for (size_t i = 0; i < count; i++) {
        if (strcmp(types[i].name, text) == 0) {
            *type = (uint32_t)i;
            return CAIRN_OK;
        }
        if (strcmp(last_part(types[i].name), text) == 0) {
            found = short_matches++ == 0 ? i : found;
        }
    }
    if (short_matches == 1) {
        *type = (uint32_t)found;
        return CAIRN_OK;
    }
    return short_matches > 1
               ? cairn_fail(error, CAIRN_E_NOT_FOUND,
                            "'%.60s' are %zu types, '%.80s' is one of them: give the whole name", text,
                            short_matches, types[found].name)
               : cairn_fail(error, CAIRN_E_NOT_FOUND,
                            "there is no type '%.60s' in this graph: cairn graph TRACE types lists them",
                            text);
}
