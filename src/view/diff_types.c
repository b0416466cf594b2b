#include "view/diff_types.h"

#include <stdio.h>
#include <string.h>

#include "base/human.h"
#include "query/sum.h"
#include "query/type_growth.h"
#include "view/screens.h"

#define KEY_TYPES 0x5479 /* mixed into the keys of these rows */

static const char *program_of(const struct cairn_facts *facts, const struct cairn_fact_graph *graph)
{
    for (size_t i = 0; i < facts->process_count; i++)
        if (facts->processes[i].process == graph->process)
            return facts->processes[i].program;
    return "";
}

/* The nearest one to a time; `program` NULL: of any. */
static const struct cairn_fact_graph *graph_near(const struct cairn_facts *facts, uint32_t process,
                                                 const char *program, int64_t t_ns)
{
    const struct cairn_fact_graph *found = NULL;
    for (size_t i = 0; i < facts->graph_count; i++) {
        const struct cairn_fact_graph *graph = &facts->graphs[i];
        const bool meant = (process == 0 || graph->process == process) &&
                           (program == NULL || strcmp(program_of(facts, graph), program) == 0);
        if (meant && (found == NULL || cairn_apart(graph->t_ns, t_ns) < cairn_apart(found->t_ns, t_ns)))
            found = graph;
    }
    return found;
}

void cairn_diff_graphs_find(const struct cairn_app *app, struct cairn_diff_graphs *graphs)
{
    const bool two = app->other_facts.loaded;
    const struct cairn_facts *to_facts = two ? &app->other_facts : &app->facts;
    const struct cairn_view_moment a = cairn_inquiry_a(&app->question), b = cairn_inquiry_b(&app->question);
    const uint32_t process = app->question.process;
    const struct cairn_fact_graph *from = NULL, *to = two ? graph_near(to_facts, process, NULL, b.moment.t_ns)
                                                          : cairn_app_graph_at(app, process, b.moment.t_ns);
    *graphs = (struct cairn_diff_graphs){.two_traces = two};
    if (to != NULL)
        from = two ? graph_near(&app->facts, process, program_of(to_facts, to), a.moment.t_ns)
                   : cairn_app_graph_at(app, to->process, a.moment.t_ns);
    if (from == NULL || from == to)
        return;
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    cairn_graph_label(&app->facts, from, &text);
    cairn_buffer_text(&text, " → ");
    cairn_graph_label(to_facts, to, &text);
    graphs->a = from->graph;
    graphs->b = to->graph;
    snprintf(graphs->title, sizeof(graphs->title), "%s", cairn_buffer_cstr(&text));
    cairn_buffer_release(&text);
}

static void set_values(struct cairn_row *row, const struct cairn_type_growth_row *from)
{
    const int64_t delta = from->b_bytes - from->a_bytes;
    row->values[CAIRN_DIFF_VALUE_DELTA] = delta;
    row->values[CAIRN_DIFF_VALUE_DELTA_BLOCKS] = from->b_objects - from->a_objects;
    row->values[CAIRN_DIFF_VALUE_SURVIVED] = from->survived_bytes;
    row->values[CAIRN_DIFF_VALUE_A] = from->a_bytes;
    row->values[CAIRN_DIFF_VALUE_B] = from->b_bytes;
    row->values[CAIRN_DIFF_VALUE_PERCENT] = CAIRN_BLANK;
    row->style = delta > 0 ? CAIRN_STYLE_GREW : delta < 0 ? CAIRN_STYLE_SHRANK : CAIRN_STYLE_DIM;
    row->same = delta == 0 && from->a_objects == from->b_objects && from->survived_objects <= 0;
}

static uint64_t type_key(uint64_t above, const struct cairn_type_growth_row *type)
{
    uint64_t key = cairn_key_mix(above, (uint64_t)type->lang);
    for (const char *at = type->type; *at != '\0'; at++)
        key = cairn_key_mix(key, (unsigned char)*at);
    return key;
}

static void add_rows(struct cairn_rows *rows, const struct cairn_type_growth *growth,
                     const struct cairn_diff_graphs *graphs, uint64_t parent_key, int64_t site_id)
{
    struct cairn_row *all = cairn_rows_add(rows, CAIRN_NO_PARENT);
    if (all == NULL)
        return;
    const uint32_t above = (uint32_t)rows->count - 1;
    const uint64_t key = cairn_key_mix(parent_key, KEY_TYPES);
    all->key = key;
    all->name = cairn_rows_format(rows, "by type, %s", graphs->title);
    all->label = all->name;
    set_values(all, &growth->total);
    for (size_t i = 0; i < growth->row_count; i++) {
        const struct cairn_type_growth_row *from = &growth->rows[i];
        char born[CAIRN_HUMAN_MAX], gone[CAIRN_HUMAN_MAX];
        struct cairn_row *row = cairn_rows_add(rows, above);
        if (row == NULL)
            return;
        row->key = type_key(key, from);
        row->site_id = site_id;
        row->node =
            (struct cairn_row_node){.kind = CAIRN_NODE_TYPE, .number = from->number, .list = graphs->b};
        row->name = row->label = cairn_rows_clean(rows, from->type);
        if (graphs->two_traces) {
            row->place = cairn_rows_format(rows, "%s → %s", cairn_human_count(gone, from->a_objects),
                                           cairn_human_count(born, from->b_objects));
            set_values(row, from);
            continue;
        }
        /* An object may be older than graph A and not in it: what it was then, a block without a type, is not gone. */
        const int64_t left_of_a = from->b_objects - from->survived_objects;
        const int64_t lost = from->a_objects > left_of_a ? from->a_objects - left_of_a : 0;
        row->place =
            cairn_rows_format(rows, "%s new, %s gone", cairn_human_count(born, from->survived_objects),
                              cairn_human_count(gone, lost));
        set_values(row, from);
    }
}

enum cairn_status cairn_diff_types_add(struct cairn_reader *reader, const struct cairn_inquiry *question,
                                       const struct cairn_diff_graphs *graphs, uint64_t parent_key,
                                       int64_t site_id, struct cairn_rows *rows, struct cairn_error *error)
{
    struct cairn_selection selection;
    struct cairn_moment since = {.position = 0};
    struct cairn_graph *a, *b;
    struct cairn_trace *trace_a = cairn_reader_trace(reader), *trace_b = cairn_reader_other(reader);
    struct cairn_type_growth growth;
    const struct cairn_view_moment from = cairn_inquiry_a(question);
    if (graphs->a == 0)
        return CAIRN_OK;
    enum cairn_status status = cairn_reader_selection(reader, question, &selection, error);
    if (status == CAIRN_OK)
        status = cairn_reader_moment(trace_a, &from, &since, error);
    if (status == CAIRN_OK)
        status = cairn_reader_graph_of(reader, trace_a, graphs->a, &a, error);
    if (status == CAIRN_OK)
        status = cairn_reader_graph_of(reader, trace_b, graphs->b, &b, error);
    if (status != CAIRN_OK)
        return status;
    const struct cairn_object_origin origin = {
        .site_id = site_id, .selection = &selection, .first = since.position};
    status = graphs->two_traces ? cairn_type_growth_of_traces(a, b, &selection, site_id, &growth, error)
                                : cairn_type_growth(a, b, &origin, &growth, error);
    if (status != CAIRN_OK)
        return status;
    if (growth.row_count > 0)
        add_rows(rows, &growth, graphs, parent_key, site_id);
    cairn_type_growth_release(&growth);
    return CAIRN_OK;
}

bool cairn_diff_types_show(struct cairn_app *app, const struct cairn_outline *table,
                           const struct cairn_row *row)
{
    if (row->node.kind != CAIRN_NODE_TYPE)
        return false;
    const struct cairn_row *group = &table->rows.items[row->parent];
    if (app->other_facts.loaded)
        cairn_app_say(app, "types are compared by name: no object of one recording is in the other");
    else if (row->node.number == UINT32_MAX)
        cairn_app_say(app, "no object of this type is left");
    else
        cairn_app_push(
            app, cairn_survivors_screen(app, row->node.list, row, table->rows.items[group->parent].name));
    return true;
}
