#include "view/node_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sanitise.h"
#include "query/object_born.h"
#include "query/object_fold.h"
#include "query/object_origin.h"
#include "view/keymap.h"
#include "view/outline.h"
#include "view/type_makers.h"

#define PAGE_ROWS  100 /* of a list; behind them a row that opens into more */
#define FOLD_LEAST 6   /* equal rows that become one */
#define WHY_STEPS  24
#define KEY_GROUP  0x47
#define KEY_MORE   0x4d

/* What the making of rows needs to know. */
struct maker {
    struct cairn_graph *graph;
    const struct cairn_node_page *page;
    struct cairn_node_answer *answer;
    const struct cairn_account *accounts;
    size_t account_count;
    struct cairn_type_maker *makers; /* of the types; NULL: not asked for yet */
    enum cairn_graph_links kind;     /* of the list that is shown */
    uint32_t list;
    bool of_object; /* it is the list of an object whose row opened */
    bool mixed, folded;
    bool since; /* objects made by event `first_new` or later are marked */
    uint64_t first_new;
};

bool cairn_graph_is_mixed(struct cairn_graph *graph)
{
    const struct cairn_graph_type *types;
    size_t count;
    bool python = false, native = false;
    if (cairn_graph_types(graph, &types, &count, NULL) != CAIRN_OK)
        return false;
    for (size_t i = 0; i < count; i++) {
        python |= types[i].lang == CAIRN_LANG_PYTHON;
        native |= types[i].lang != CAIRN_LANG_PYTHON;
    }
    return python && native;
}

char *cairn_exact_count(int64_t count, char out[CAIRN_EXACT_MAX])
{
    char digits[24];
    const int length = snprintf(digits, sizeof(digits), "%" PRId64, count);
    int at = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-')
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

/* --- One object. --- */

static uint64_t text_key(uint64_t key, const char *text)
{
    for (; *text != '\0'; text++)
        key = cairn_key_mix(key, (unsigned char)*text);
    return key;
}

/* Where it was allocated: the stack, and the place that is charged for it. */
static void set_origin(const struct maker *maker, struct cairn_row *row, uint32_t account)
{
    if (account == 0 || account > maker->account_count)
        return;
    const struct cairn_account *from = &maker->accounts[account - 1];
    row->stack = from->stack;
    struct cairn_trace *trace = cairn_graph_trace(maker->graph);
    const struct cairn_frame *frame = from->site != 0 ? cairn_trace_frame(trace, from->site) : NULL;
    const struct cairn_function *function =
        frame != NULL ? cairn_trace_function(trace, frame->function) : NULL;
    if (function == NULL || function->name == NULL)
        return;
    row->function = cairn_arena_copy(&maker->answer->rows.text, function->name, strlen(function->name));
    row->line = frame->line;
    row->source_file = frame->file;
    const struct cairn_source_file *file = cairn_trace_source_file(trace, frame->file);
    if (file != NULL)
        row->file = cairn_arena_copy(&maker->answer->rows.text, file->path, strlen(file->path));
}

static const char *edge_mark(int confidence)
{
    static const char *const marks[] = {[CAIRN_EDGE_EXACT] = "",
                                        [CAIRN_EDGE_INTERIOR] = "~",
                                        [CAIRN_EDGE_DOUBTFUL] = "?",
                                        [CAIRN_EDGE_WEAK] = "weak "};
    return marks[confidence];
}

/* "+ .attr → dict  len 3" */
static void name_node(const struct maker *maker, struct cairn_row *row, const struct cairn_object_row *from)
{
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    const struct cairn_object *object = &from->object;
    if (maker->since)
        cairn_buffer_text(
            &text, object->serial != CAIRN_NO_SERIAL && object->serial >= maker->first_new ? "+ " : "  ");
    if (from->edge != NULL)
        cairn_buffer_format(&text, "%s%s → ", edge_mark(from->confidence),
                            from->edge[0] != '\0' ? from->edge : "-");
    cairn_buffer_text(&text, from->type);
    if (from->label[0] != '\0')
        cairn_buffer_format(&text, "  %s", from->label);
    row->name = cairn_rows_clean(&maker->answer->rows, cairn_buffer_cstr(&text));
    cairn_buffer_reset(&text);
    if (object->class != CAIRN_OBJECT_REACHABLE)
        cairn_buffer_format(&text, "leaked (%s)  ", cairn_object_class_name(object->class));
    if (from->root_kind != NULL)
        cairn_buffer_format(&text, "root: %s %s  ", from->root_kind, from->root_name);
    /* A native block has no type of its own but its size: who made it says more. */
    if (object->lang != CAIRN_LANG_PYTHON && row->function != NULL)
        cairn_buffer_format(&text, "%s()  ", row->function);
    cairn_buffer_format(&text, "0x%" PRIx64, object->address);
    row->place = cairn_rows_clean(&maker->answer->rows, cairn_buffer_cstr(&text));
    cairn_buffer_release(&text);
}

static int64_t percent_of_heap(const struct maker *maker, int64_t bytes)
{
    const int64_t all = cairn_graph_about(maker->graph)->shallow_bytes;
    return all > 0 ? (int64_t)((double)bytes * 10000 / (double)all + 0.5) : 0;
}

static void add_node(const struct maker *maker, const struct cairn_object_row *from)
{
    struct cairn_rows *rows = &maker->answer->rows;
    const uint64_t before = rows->count > 0 ? rows->items[rows->count - 1].key : 0;
    struct cairn_row *row = cairn_rows_add(rows, CAIRN_NO_PARENT);
    if (row == NULL)
        return;
    const struct cairn_object *object = &from->object;
    row->key = text_key(cairn_key_mix(maker->page->parent_key, (uint64_t)object->id + 1),
                        from->edge != NULL ? from->edge : "");
    /* Parallel edges of one name follow each other. */
    if (row->key == before)
        row->key = cairn_key_mix(row->key, rows->count);
    row->node =
        (struct cairn_row_node){.kind = CAIRN_NODE_OBJECT, .number = object->id, .cycle = object->cycle};
    row->lang = maker->mixed ? (int8_t)object->lang : -1;
    row->style = object->class != CAIRN_OBJECT_REACHABLE ? CAIRN_STYLE_LEAK : CAIRN_STYLE_TEXT;
    row->values[CAIRN_NODE_RETAINED] = (int64_t)object->retained_bytes;
    row->values[CAIRN_NODE_SHALLOW] = (int64_t)object->shallow_bytes;
    row->values[CAIRN_NODE_IN] = object->referrers;
    row->values[CAIRN_NODE_OUT] = object->referents;
    row->values[CAIRN_NODE_PERCENT] = percent_of_heap(maker, (int64_t)object->retained_bytes);
    row->values[CAIRN_NODE_ADDRESS] = (int64_t)object->address;
    switch (maker->page->source.below) {
    case CAIRN_LINKS_REFERRERS:
        row->expandable = object->referrers > 0;
        break;
    case CAIRN_LINKS_DOMINATED:
        row->expandable =
            object->retained_bytes > object->shallow_bytes && object->retained_bytes > object->block_bytes;
        break;
    default:
        row->expandable = object->referents > 0;
    }
    if (maker->page->source.what == CAIRN_NODES_ONE)
        row->expandable = false;
    set_origin(maker, row, object->account);
    name_node(maker, row, from);
}

static void add_nodes(const struct maker *maker, const struct cairn_objects *objects)
{
    for (size_t i = 0; i < objects->row_count; i++)
        add_node(maker, &objects->rows[i]);
}

/* "15,900 more": opens into the next page. */
static void add_more(const struct maker *maker, size_t left, uint32_t group, size_t offset)
{
    struct cairn_row *row = left > 0 ? cairn_rows_add(&maker->answer->rows, CAIRN_NO_PARENT) : NULL;
    char count[CAIRN_EXACT_MAX];
    if (row == NULL)
        return;
    row->key = cairn_key_mix(cairn_key_mix(maker->page->parent_key, KEY_MORE), offset);
    row->heading = row->last = row->expandable = true;
    row->node = (struct cairn_row_node){.kind = CAIRN_NODE_MORE,
                                        .of_object = maker->of_object,
                                        .list = maker->list,
                                        .group = group,
                                        .offset = (uint32_t)offset};
    row->name = cairn_rows_format(&maker->answer->rows, "%s more", cairn_exact_count((int64_t)left, count));
}

/* --- Pages. --- */

static const char *edge_of_group(const struct cairn_fold_group *group, const char *edge)
{
    if (group->indexed)
        return edge[0] == '+' ? "+*" : "[*]";
    return edge[0] != '\0' ? edge : "-";
}

/* "dictAddRaw()" where one function made nearly all blocks of that type. */
static enum cairn_status place_group(struct maker *maker, uint32_t type, struct cairn_row *row,
                                     struct cairn_error *error)
{
    const enum cairn_status status =
        maker->makers == NULL ? cairn_type_makers(maker->graph, &maker->makers, error) : CAIRN_OK;
    if (status != CAIRN_OK || !maker->makers[type].alone)
        return status;
    const struct cairn_function *function =
        cairn_trace_function(cairn_graph_trace(maker->graph), maker->makers[type].function);
    if (function != NULL && function->name != NULL) {
        char call[512];
        snprintf(call, sizeof(call), "%s()", function->name);
        row->place = cairn_rows_clean(&maker->answer->rows, call);
    }
    return CAIRN_OK;
}

static enum cairn_status add_group(struct maker *maker, const struct cairn_fold *fold, size_t index,
                                   struct cairn_error *error)
{
    const struct cairn_fold_group *group = &fold->groups[index];
    struct cairn_objects one;
    enum cairn_status status = cairn_fold_members(maker->graph, maker->kind, fold, index, 0, 1, &one, error);
    if (status != CAIRN_OK)
        return status;
    struct cairn_rows *rows = &maker->answer->rows;
    struct cairn_row *row = one.row_count > 0 ? cairn_rows_add(rows, CAIRN_NO_PARENT) : NULL;
    if (row != NULL) {
        char count[CAIRN_EXACT_MAX];
        const struct cairn_object_row *like = &one.rows[0];
        row->key = cairn_key_mix(cairn_key_mix(maker->page->parent_key, KEY_GROUP), group->first);
        row->node = (struct cairn_row_node){.kind = CAIRN_NODE_GROUP,
                                            .of_object = maker->of_object,
                                            .number = like->object.id,
                                            .list = maker->list,
                                            .group = (uint32_t)group->first + 1};
        row->lang = maker->mixed ? (int8_t)like->object.lang : -1;
        row->style = group->class != CAIRN_OBJECT_REACHABLE ? CAIRN_STYLE_LEAK : CAIRN_STYLE_TEXT;
        row->expandable = true;
        row->values[CAIRN_NODE_RETAINED] = group->retained_bytes;
        row->values[CAIRN_NODE_SHALLOW] = group->shallow_bytes;
        row->values[CAIRN_NODE_IN] = row->values[CAIRN_NODE_OUT] = CAIRN_BLANK;
        row->values[CAIRN_NODE_ADDRESS] = CAIRN_BLANK;
        row->values[CAIRN_NODE_PERCENT] = percent_of_heap(maker, group->retained_bytes);
        set_origin(maker, row, like->object.account);
        const char *margin = maker->since ? "  " : "";
        cairn_exact_count(group->count, count);
        if (like->edge == NULL)
            row->name = cairn_rows_format(rows, "%s%s ×%s", margin, like->type, count);
        else
            row->name = cairn_rows_format(rows, "%s%s%s ×%s → %s", margin, edge_mark(like->confidence),
                                          edge_of_group(group, like->edge), count, like->type);
        if (like->object.lang != CAIRN_LANG_PYTHON)
            status = place_group(maker, group->type, row, error);
    }
    cairn_objects_release(&one);
    return CAIRN_OK;
}

static enum cairn_status add_members(const struct maker *maker, const struct cairn_fold *fold, size_t group,
                                     size_t offset, size_t limit, struct cairn_error *error)
{
    struct cairn_objects members;
    const enum cairn_status status =
        cairn_fold_members(maker->graph, maker->kind, fold, group, offset, limit, &members, error);
    if (status != CAIRN_OK)
        return status;
    add_nodes(maker, &members);
    if (limit != 0)
        add_more(maker, members.rows_total - members.next_offset, (uint32_t)fold->groups[group].first + 1,
                 members.next_offset);
    cairn_objects_release(&members);
    return CAIRN_OK;
}

static enum cairn_status add_groups(struct maker *maker, const struct cairn_fold *fold, size_t from,
                                    struct cairn_error *error)
{
    enum cairn_status status = CAIRN_OK;
    size_t group = from, left = 0;
    for (; status == CAIRN_OK && group < fold->group_count && maker->answer->rows.count < PAGE_ROWS;
         group++) {
        if (fold->groups[group].count < FOLD_LEAST)
            status = add_members(maker, fold, group, 0, 0, error);
        else
            status = add_group(maker, fold, group, error);
    }
    for (size_t i = group; i < fold->group_count; i++)
        left += (size_t)fold->groups[i].count;
    left += fold->links_total - fold->links;
    if (status == CAIRN_OK)
        add_more(maker, left, 0, group);
    return status;
}

static enum cairn_status add_folded(struct maker *maker, struct cairn_error *error)
{
    const struct cairn_row_node *node = &maker->page->node;
    struct cairn_fold fold;
    enum cairn_status status =
        cairn_fold_list(maker->graph, maker->kind, maker->list, maker->page->most, &fold, error);
    if (status != CAIRN_OK)
        return status;
    maker->answer->total = fold.links_total;
    maker->answer->unfolded = fold.links < fold.links_total;
    const bool members =
        node->group != 0 && (node->kind == CAIRN_NODE_GROUP || node->kind == CAIRN_NODE_MORE);
    const size_t group = members ? cairn_fold_find(&fold, node->group - 1) : SIZE_MAX;
    if (!members)
        status = add_groups(maker, &fold, node->offset, error);
    else if (group != SIZE_MAX)
        status = add_members(maker, &fold, group, node->offset, PAGE_ROWS, error);
    cairn_fold_release(&fold);
    return status;
}

static enum cairn_status add_origin(struct maker *maker, struct cairn_reader *reader,
                                    const struct cairn_inquiry *question, struct cairn_objects *objects,
                                    struct cairn_error *error)
{
    const struct cairn_node_source *source = &maker->page->source;
    struct cairn_selection selection;
    const enum cairn_status status = cairn_reader_selection(reader, question, &selection, error);
    if (status != CAIRN_OK)
        return status;
    selection.by = source->by;
    const struct cairn_object_origin origin = {.stack = source->stack,
                                               .site_id = source->site_id,
                                               .selection = &selection,
                                               .type = source->type,
                                               .first =
                                                   source->only_new && maker->since ? maker->first_new : 0};
    return cairn_objects_from(maker->graph, &origin, maker->page->node.offset, PAGE_ROWS, objects, error);
}

/* Lists whose rows do not fold: the objects of a type, a cycle, a site, all that leaked, a way. */
static enum cairn_status add_plain(struct maker *maker, struct cairn_reader *reader,
                                   const struct cairn_inquiry *question, struct cairn_error *error)
{
    const size_t offset = maker->page->node.offset;
    struct cairn_object_way way = {.left_out = 0};
    struct cairn_objects objects = {.rows = NULL};
    enum cairn_status status;
    switch (maker->page->source.what) {
    case CAIRN_NODES_ORIGIN:
        status = add_origin(maker, reader, question, &objects, error);
        break;
    case CAIRN_NODES_LEAKS:
        status = cairn_objects_unreachable(maker->graph, offset, PAGE_ROWS, &objects, error);
        break;
    case CAIRN_NODES_WAY:
        status = cairn_object_way(maker->graph, maker->list, 0, &way, error);
        objects = way.steps;
        break;
    case CAIRN_NODES_ONE:
        status = cairn_objects_one(maker->graph, maker->list, &objects, error);
        break;
    default:
        status = maker->page->source.only_new && maker->since
                     ? cairn_objects_born(maker->graph, maker->kind, maker->list, maker->first_new, offset,
                                          PAGE_ROWS, &objects, error)
                     : cairn_objects_list(maker->graph, maker->kind, maker->list, offset, PAGE_ROWS, &objects,
                                          error);
    }
    if (status != CAIRN_OK)
        return status;
    add_nodes(maker, &objects);
    maker->answer->total = objects.rows_total;
    if (maker->page->source.what != CAIRN_NODES_WAY)
        add_more(maker, objects.rows_total - offset - objects.row_count, 0, objects.next_offset);
    cairn_objects_release(&objects);
    return CAIRN_OK;
}

/* The list that is meant: the table's own, or that of the object whose row opens. */
static void choose_list(struct maker *maker)
{
    const struct cairn_node_source *source = &maker->page->source;
    const struct cairn_row_node *node = &maker->page->node;
    maker->of_object = node->kind == CAIRN_NODE_OBJECT || node->of_object;
    maker->kind = maker->of_object ? source->below : source->kind;
    maker->list = node->kind == CAIRN_NODE_OBJECT ? node->number
                  : node->of_object               ? node->list
                                                  : source->list;
    if (!maker->of_object && maker->list == CAIRN_NODES_OF_ROOTS)
        maker->list = cairn_graph_about(maker->graph)->objects;
    const bool folds = cairn_links_have_labels(maker->kind) || maker->kind == CAIRN_LINKS_DOMINATED;
    maker->folded = maker->of_object || (source->what == CAIRN_NODES_LINKS && folds);
}

enum cairn_status cairn_node_rows(struct cairn_reader *reader, const struct cairn_inquiry *question,
                                  const struct cairn_node_page *page, struct cairn_node_answer *answer,
                                  struct cairn_error *error)
{
    struct maker maker = {.page = page, .answer = answer};
    struct cairn_trace *trace = cairn_reader_trace(reader);
    enum cairn_status status = cairn_reader_graph(reader, question->graph, &maker.graph, error);
    if (status == CAIRN_OK)
        status = cairn_trace_accounts(trace, &maker.accounts, &maker.account_count, error);
    if (status == CAIRN_OK && question->a_set) {
        struct cairn_moment a;
        status = cairn_reader_moment(trace, &question->a, &a, error);
        maker.since = true;
        maker.first_new = a.position;
    }
    if (status != CAIRN_OK)
        return status;
    maker.mixed = cairn_graph_is_mixed(maker.graph);
    choose_list(&maker);
    status = maker.folded ? add_folded(&maker, error) : add_plain(&maker, reader, question, error);
    free(maker.makers);
    if (status == CAIRN_OK && answer->rows.failed)
        status = cairn_fail(error, CAIRN_E_NOMEM, "memory ran out for the objects");
    return status;
}

/* --- Why. --- */

/* People write app.CACHE: the dict between a module, or an object, and its attribute is left out. */
static bool is_passed_over(const struct cairn_objects *steps, size_t step)
{
    return step + 1 < steps->row_count && steps->rows[step].edge != NULL &&
           strcmp(steps->rows[step].edge, ".__dict__") == 0 && steps->rows[step + 1].edge != NULL &&
           steps->rows[step + 1].edge[0] == '.';
}

enum cairn_status cairn_why_text(struct cairn_graph *graph, uint32_t object, struct cairn_buffer *text,
                                 struct cairn_error *error)
{
    struct cairn_object_way way;
    const enum cairn_status status = cairn_object_way(graph, object, WHY_STEPS, &way, error);
    if (status != CAIRN_OK)
        return status;
    const struct cairn_objects *steps = &way.steps;
    struct cairn_buffer raw = CAIRN_BUFFER_INIT;
    if (steps->row_count == 0) {
        cairn_buffer_text(&raw, "no root reaches it: nothing keeps it alive, it leaked");
    } else {
        const struct cairn_object_row *root = &steps->rows[0];
        cairn_buffer_format(&raw, "%s %s", root->root_kind != NULL ? root->root_kind : "root",
                            root->root_name != NULL ? root->root_name : "");
        for (size_t i = 1; i < steps->row_count; i++) {
            if (way.left_out > 0 && i == way.left_out_before)
                cairn_buffer_format(&raw, " › (%zu more)", way.left_out);
            if (!is_passed_over(steps, i))
                cairn_buffer_format(&raw, " › %s%s", edge_mark(steps->rows[i].confidence),
                                    steps->rows[i].edge != NULL && steps->rows[i].edge[0] != '\0'
                                        ? steps->rows[i].edge
                                        : "-");
        }
        cairn_buffer_format(&raw, " › %s", steps->rows[steps->row_count - 1].type);
    }
    const char *line = cairn_buffer_cstr(&raw);
    char clean[2048];
    cairn_sanitise(clean, sizeof(clean), line, strlen(line));
    cairn_buffer_text(text, clean);
    cairn_buffer_release(&raw);
    cairn_objects_release(&way.steps);
    return CAIRN_OK;
}
