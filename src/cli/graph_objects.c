#include <string.h>

#include "cli/graph.h"
#include "query/leaks.h"
#include "query/object_sites.h"

#define DEEP_BUDGET 20000u /* objects to look at for the deep sizes of a list: some milliseconds */
#define FOLD_ROWS   2000u  /* text: rows that are looked at to fold equal ones */
#define FOLD_SHOWN  5u     /* of equal rows, so many are shown before the rest is one row */

/* What a list of objects is called, and how it is shown. */
struct listing {
    const char *verb;
    bool edges;      /* rows are edges: edge, confidence, count, node */
    bool dominators; /* rows are node, retained_bytes, percent */
};

/* Rows that fold: the same edge but for its index or key, and the same type. */
static bool alike(const struct cairn_object_row *a, const struct cairn_object_row *b, bool edges)
{
    const bool indexed = edges && a->edge && b->edge && a->edge[0] == '[' && b->edge[0] == '[';
    const bool same_edge = !edges || indexed || (a->edge && b->edge && strcmp(a->edge, b->edge) == 0);
    return same_edge && a->object.type == b->object.type && a->confidence == b->confidence &&
           a->object.class == b->object.class && a->root_kind == NULL && b->root_kind == NULL;
}

/* The row, those alike to it behind it (at least itself: a root is alike to none), and the sums of those behind the first
 * `skip`. */
struct fold {
    size_t rows;
    int64_t edges, shallow_bytes, retained_bytes;
};

static struct fold fold_from(const struct cairn_objects *objects, size_t row, size_t skip, bool edges)
{
    struct fold fold = {.rows = 0};
    for (size_t i = row;
         i < objects->row_count && (i == row || alike(&objects->rows[row], &objects->rows[i], edges)); i++) {
        if (fold.rows++ >= skip) {
            fold.edges += objects->rows[i].count;
            fold.shallow_bytes += (int64_t)objects->rows[i].object.shallow_bytes;
            fold.retained_bytes += (int64_t)objects->rows[i].object.retained_bytes;
        }
    }
    return fold;
}

static size_t text_rows(struct cairn_answer *answer, const struct cairn_graph_request *request,
                        const struct cairn_objects *objects, bool edges)
{
    struct cairn_text_table table;
    size_t at = 0;
    cairn_graph_table_init(&table, answer, edges);
    for (size_t shown = 0; at < objects->row_count && (request->limit == 0 || shown < request->limit);) {
        const struct fold fold = fold_from(objects, at, FOLD_SHOWN, edges);
        const size_t single = edges && fold.rows > FOLD_SHOWN + 1 ? FOLD_SHOWN : fold.rows;
        for (size_t i = 0; i < single && (request->limit == 0 || shown < request->limit); i++, shown++) {
            cairn_graph_table_row(&table, answer, &objects->rows[at++], edges);
        }
        if (single < fold.rows && (request->limit == 0 || shown < request->limit)) {
            cairn_graph_table_fold(&table, answer, &objects->rows[at], edges, fold.edges, fold.shallow_bytes,
                                   fold.retained_bytes);
            at += fold.rows - single;
            shown++;
        }
    }
    cairn_text_table_print(&table, &answer->stream);
    cairn_text_table_release(&table);
    return at;
}

static void print_text(struct cairn_answer *answer, const struct cairn_graph_request *request,
                       const struct listing *listing, const struct cairn_objects *objects)
{
    cairn_graph_text_head(answer, request);
    if (objects->row_count == 0) {
        cairn_text_prose(answer, CAIRN_STYLE_PLAIN, "none");
        return;
    }
    cairn_stream_text(&answer->stream, "\n");
    const size_t shown = text_rows(answer, request, objects, listing->edges);
    cairn_text_more(answer, shown + request->offset, objects->rows_total);
}

static double share(const struct cairn_graph_request *request, uint64_t bytes)
{
    const int64_t all = cairn_graph_about(request->graph)->shallow_bytes;
    return all > 0 ? 100.0 * (double)bytes / (double)all : 0;
}

static void print_json(struct cairn_answer *answer, const struct cairn_graph_request *request,
                       const struct listing *listing, const struct cairn_graph_nodes *nodes)
{
    struct cairn_json *json = &answer->json;
    cairn_graph_json_head(answer, request, listing->verb);
    cairn_json_integer(json, "rows_total", (int64_t)nodes->objects.rows_total);
    cairn_json_array(json, "rows");
    for (size_t i = 0; i < nodes->objects.row_count; i++) {
        const struct cairn_object_row *row = &nodes->objects.rows[i];
        cairn_json_object(json, NULL);
        if (listing->edges) {
            cairn_json_text(json, "edge", row->edge);
            cairn_json_text(json, "confidence", cairn_confidence_name(row->confidence));
            cairn_json_integer(json, "count", row->count);
            cairn_json_bool(json, "shared", row->shared);
            cairn_json_object(json, "node");
        } else if (listing->dominators) {
            cairn_json_integer(json, "retained_bytes", (int64_t)row->object.retained_bytes);
            cairn_json_real(json, "percent", share(request, row->object.retained_bytes));
            cairn_json_object(json, "node");
        }
        cairn_graph_json_node(answer, request, nodes, i);
        if (listing->edges || listing->dominators) {
            cairn_json_end(json);
        }
        cairn_json_end(json);
    }
}

static void print_csv(struct cairn_answer *answer, const struct cairn_graph_request *request,
                      const struct listing *listing, const struct cairn_graph_nodes *nodes)
{
    struct cairn_csv *csv = &answer->csv;
    if (listing->edges) {
        cairn_csv_names(csv, "edge,confidence,count");
    }
    cairn_csv_names(csv, CAIRN_CSV_NODE);
    if (listing->dominators) {
        cairn_csv_names(csv, "percent");
    }
    cairn_csv_end_line(csv);
    for (size_t i = 0; i < nodes->objects.row_count; i++) {
        const struct cairn_object_row *row = &nodes->objects.rows[i];
        if (listing->edges) {
            cairn_csv_text(csv, row->edge);
            cairn_csv_text(csv, cairn_confidence_name(row->confidence));
            cairn_csv_integer(csv, row->count);
        }
        cairn_graph_csv_node(answer, request, nodes, i);
        if (listing->dominators) {
            cairn_csv_real(csv, share(request, row->object.retained_bytes));
        }
        cairn_csv_end_line(csv);
    }
}

static int print(const struct cairn_graph_request *request, const struct listing *listing,
                 struct cairn_objects *objects)
{
    const bool text = request->output->format == CAIRN_FORMAT_TEXT;
    struct cairn_graph_nodes nodes;
    struct cairn_error error;
    if (cairn_graph_nodes_load(request, objects, text ? 0 : DEEP_BUDGET, &nodes, &error) != CAIRN_OK) {
        return cairn_complain(&error);
    }
    struct cairn_answer answer;
    cairn_answer_open(&answer, request->output);
    if (answer.format == CAIRN_FORMAT_JSON) {
        print_json(&answer, request, listing, &nodes);
    } else if (answer.format == CAIRN_FORMAT_CSV) {
        print_csv(&answer, request, listing, &nodes);
    } else {
        print_text(&answer, request, listing, &nodes.objects);
    }
    cairn_graph_nodes_release(&nodes);
    return cairn_answer_finish(&answer);
}

/* Text folds equal edges, for which it looks at more rows than it shows. */
static size_t rows_wanted(const struct cairn_graph_request *request, bool edges)
{
    const bool text = request->output->format == CAIRN_FORMAT_TEXT;
    return text && edges && request->limit != 0 && request->limit < FOLD_ROWS ? FOLD_ROWS : request->limit;
}

static int list(const struct cairn_graph_request *request, const struct listing *listing,
                enum cairn_graph_links kind, uint32_t number)
{
    struct cairn_objects objects;
    struct cairn_error error;
    const enum cairn_status status =
        cairn_objects_list(request->graph, kind, number, request->offset,
                           rows_wanted(request, listing->edges), &objects, &error);
    return status == CAIRN_OK ? print(request, listing, &objects) : cairn_complain(&error);
}

/* Those of a type are a list of the graph; those of some stacks are looked for. */
int cairn_graph_verb_objects(const struct cairn_graph_request *request)
{
    static const struct listing listing = {.verb = "objects"};
    const struct cairn_selection *selection = request->selection;
    const bool chosen = selection->filter != NULL || selection->tid != 0 || selection->lang != CAIRN_LANG_ALL;
    uint32_t type = CAIRN_ALL_TYPES;
    struct cairn_objects objects;
    struct cairn_error error;
    if (request->word_count == 0 && !chosen) {
        return cairn_complain_format(
            "graph objects: say of which TYPE, or which stacks allocated them (--filter)");
    }
    if (request->word_count > 0 &&
        cairn_type_parse(request->graph, request->words[0], &type, &error) != CAIRN_OK) {
        return cairn_complain(&error);
    }
    if (!chosen) {
        return list(request, &listing, CAIRN_LINKS_TYPES, type);
    }
    return cairn_objects_allocated(request->graph, selection, type, &objects, &error) == CAIRN_OK
               ? print(request, &listing, &objects)
               : cairn_complain(&error);
}

static enum cairn_status unreachable(const struct cairn_graph_request *request, struct cairn_objects *objects,
                                     struct cairn_error *error)
{
    struct cairn_suppressions *suppressions;
    if (!request->suppressions) {
        return cairn_objects_unreachable(request->graph, request->offset, request->limit, objects, error);
    }
    enum cairn_status status = cairn_suppressions_load(request->suppressions, &suppressions, error);
    if (status == CAIRN_OK) {
        status = cairn_objects_unsuppressed(request->trace, request->graph, suppressions, request->offset,
                                            request->limit, objects, error);
        cairn_suppressions_free(suppressions);
    }
    return status;
}

int cairn_graph_verb_unreachable(const struct cairn_graph_request *request)
{
    struct cairn_objects objects;
    struct cairn_error error;
    return unreachable(request, &objects, &error) == CAIRN_OK
               ? print(request, &(const struct listing){.verb = "unreachable"}, &objects)
               : cairn_complain(&error);
}

static int list_edges(const struct cairn_graph_request *request, const char *verb,
                      enum cairn_graph_links kind)
{
    uint32_t id;
    struct cairn_error error;
    return cairn_object_parse(request->graph, request->words[0], &id, &error) == CAIRN_OK
               ? list(request, &(const struct listing){.verb = verb, .edges = true}, kind, id)
               : cairn_complain(&error);
}

int cairn_graph_verb_referents(const struct cairn_graph_request *request)
{
    return list_edges(request, "referents", CAIRN_LINKS_REFERENTS);
}

int cairn_graph_verb_referrers(const struct cairn_graph_request *request)
{
    return list_edges(request, "referrers", CAIRN_LINKS_REFERRERS);
}

/* Without an object: what no single object holds. */
int cairn_graph_verb_dominators(const struct cairn_graph_request *request)
{
    uint32_t id = cairn_graph_about(request->graph)->objects;
    struct cairn_error error;
    if (request->word_count > 0 &&
        cairn_object_parse(request->graph, request->words[0], &id, &error) != CAIRN_OK) {
        return cairn_complain(&error);
    }
    return list(request, &(const struct listing){.verb = "dominators", .dominators = true},
                CAIRN_LINKS_DOMINATED, id);
}
