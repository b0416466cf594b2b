#include "view/graphs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/human.h"
#include "view/screens.h"

static const struct cairn_fact_graph *last_of(const struct cairn_app *app)
{
    const struct cairn_fact_graph *last = NULL;
    for (size_t i = 0; i < app->facts.graph_count; i++)
        if (app->question.process == 0 || app->facts.graphs[i].process == app->question.process)
            last = &app->facts.graphs[i];
    return last;
}

const struct cairn_fact_graph *cairn_app_graph_of(const struct cairn_app *app, uint32_t number)
{
    for (size_t i = 0; i < app->facts.graph_count; i++)
        if (app->facts.graphs[i].graph == number)
            return &app->facts.graphs[i];
    return NULL;
}

const struct cairn_fact_graph *cairn_app_graph(const struct cairn_app *app)
{
    const struct cairn_fact_graph *chosen = cairn_app_graph_of(app, app->question.graph);
    return chosen != NULL ? chosen : last_of(app);
}

const struct cairn_fact_graph *cairn_app_graph_at(const struct cairn_app *app, uint32_t process, int64_t t_ns)
{
    const struct cairn_fact_graph *found = NULL;
    for (size_t i = 0; i < app->facts.graph_count; i++)
        if ((process == 0 || app->facts.graphs[i].process == process) && app->facts.graphs[i].t_ns <= t_ns)
            found = &app->facts.graphs[i];
    return found;
}

const struct cairn_fact_graph *cairn_app_graph_before(const struct cairn_app *app)
{
    const struct cairn_fact_graph *shown = cairn_app_graph(app);
    if (shown == NULL || !app->question.a_set)
        return NULL;
    const struct cairn_fact_graph *a = cairn_app_graph_at(app, shown->process, app->question.a.moment.t_ns);
    return a < shown ? a : NULL;
}

struct cairn_view_moment cairn_graph_moment(const struct cairn_facts *facts,
                                            const struct cairn_fact_graph *graph)
{
    for (size_t i = 0; i < facts->snapshot_count; i++)
        if (graph->snapshot != 0 && facts->snapshots[i].snapshot == graph->snapshot)
            return cairn_facts_snapshot(facts, i);
    return (struct cairn_view_moment){.moment = {.t_ns = graph->t_ns}};
}

struct cairn_view_moment cairn_app_shown_moment(const struct cairn_app *app)
{
    const struct cairn_screen *screen = cairn_app_screen(app);
    const struct cairn_fact_graph *graph = screen->graph != 0 ? cairn_app_graph_of(app, screen->graph)
                                           : screen->class->id == CAIRN_SCREEN_OBJECTS ? cairn_app_graph(app)
                                                                                       : NULL;
    return graph != NULL ? cairn_graph_moment(&app->facts, graph) : app->question.at;
}

void cairn_graph_label(const struct cairn_facts *facts, const struct cairn_fact_graph *graph,
                       struct cairn_buffer *text)
{
    char time[CAIRN_TIME_MAX];
    cairn_buffer_format(text, "%s%s%s%s", graph->name[0] != '\0' ? "@" : "", graph->name,
                        graph->name[0] != '\0' ? " " : "", cairn_time_text(facts, graph->t_ns, time));
}

/* --- Choosing. --- */

static void show_graph(struct cairn_app *app, const struct cairn_fact_graph *graph)
{
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    app->question.graph = graph->graph;
    app->question.at = cairn_graph_moment(&app->facts, graph);
    app->following = false;
    cairn_graph_label(&app->facts, graph, &text);
    cairn_app_say(app, "graph %u, %s", (unsigned)graph->graph, cairn_buffer_cstr(&text));
    cairn_buffer_release(&text);
    cairn_app_show(app, '5');
    cairn_app_ask(app);
}

static bool has_graphs(struct cairn_app *app)
{
    if (app->facts.graph_count == 0)
        cairn_app_say(app, "this trace has no object graph");
    else if (app->facts.graph_count == 1)
        cairn_app_say(app, "this trace has one object graph");
    return app->facts.graph_count > 1;
}

void cairn_app_graph_step(struct cairn_app *app, int steps)
{
    const struct cairn_fact_graph *shown = cairn_app_graph(app);
    if (!has_graphs(app) || shown == NULL)
        return;
    const int64_t count = (int64_t)app->facts.graph_count, at = shown - app->facts.graphs;
    const int64_t wanted = at + steps < 0 ? 0 : at + steps >= count ? count - 1 : at + steps;
    if (wanted == at)
        cairn_app_say(app, "this is the %s graph", steps < 0 ? "first" : "last");
    else
        show_graph(app, &app->facts.graphs[wanted]);
}

static const struct cairn_column graph_columns[] = {
    {.title = "HEAP", .kind = CAIRN_COLUMN_BYTES, .width = 7, .value = 0},
    {.title = "OBJECTS", .kind = CAIRN_COLUMN_COUNT, .width = 8, .value = 1},
    {.title = "LEAKED", .kind = CAIRN_COLUMN_BYTES, .width = 7, .value = 2},
    {.title = "graph", .kind = CAIRN_COLUMN_NAME},
};

static void picked_graph(struct cairn_app *app, const struct cairn_row *row)
{
    const struct cairn_fact_graph *graph = cairn_app_graph_of(app, (uint32_t)row->key);
    if (graph != NULL)
        show_graph(app, graph);
}

static const char *program_of(const struct cairn_app *app, uint32_t process)
{
    for (size_t i = 0; i < app->facts.process_count; i++)
        if (app->facts.processes[i].process == process)
            return app->facts.processes[i].program;
    return "";
}

void cairn_app_pick_graph(struct cairn_app *app)
{
    struct cairn_rows rows = {.items = NULL};
    if (!has_graphs(app))
        return;
    for (size_t i = 0; i < app->facts.graph_count; i++) {
        const struct cairn_fact_graph *graph = &app->facts.graphs[i];
        struct cairn_row *row = cairn_rows_add(&rows, CAIRN_NO_PARENT);
        struct cairn_buffer label = CAIRN_BUFFER_INIT;
        if (row == NULL)
            break;
        cairn_graph_label(&app->facts, graph, &label);
        row->key = graph->graph;
        row->values[0] = graph->shallow_bytes;
        row->values[1] = graph->objects;
        row->values[2] = graph->unreachable_bytes;
        row->name = cairn_rows_format(&rows, "%u  %s  %s", (unsigned)graph->graph, cairn_buffer_cstr(&label),
                                      program_of(app, graph->process));
        cairn_buffer_release(&label);
    }
    cairn_app_pick(app, "Which object graph?", graph_columns,
                   sizeof(graph_columns) / sizeof(graph_columns[0]), &rows, cairn_app_graph(app)->graph,
                   picked_graph);
}

void cairn_app_choose_graph(struct cairn_app *app, const char *word)
{
    if (word[0] == '\0') {
        cairn_app_pick_graph(app);
        return;
    }
    const struct cairn_fact_graph *found = NULL;
    char *end;
    const unsigned long number = strtoul(word, &end, 10);
    for (size_t i = 0; i < app->facts.graph_count; i++) {
        const struct cairn_fact_graph *graph = &app->facts.graphs[i];
        const bool named = word[0] == '@' && strcmp(graph->name, word + 1) == 0;
        if (named || (*end == '\0' && graph->graph == number))
            found = graph;
    }
    if (found == NULL)
        cairn_app_complain(app, "there is no graph %s: :graph alone lists those that are there", word);
    else
        show_graph(app, found);
}

bool cairn_app_graph_act(struct cairn_app *app, const struct cairn_fact_graph *graph,
                         const struct cairn_key_binding *binding)
{
    if (graph == NULL || (binding->action != CAIRN_DO_SET_A && binding->action != CAIRN_DO_SET_B))
        return false;
    const struct cairn_view_moment moment = cairn_graph_moment(&app->facts, graph);
    cairn_app_set_moment(app, binding->action == CAIRN_DO_SET_A ? 'a' : 'b', &moment);
    return true;
}

void cairn_app_show_origin(struct cairn_app *app, const struct cairn_row *row)
{
    const struct cairn_fact_graph *graph = cairn_app_graph(app);
    const enum cairn_screen_id screen = cairn_app_screen(app)->class->id;
    if (graph == NULL) {
        cairn_app_say(app, "this trace has no object graph; 5 says how to get one");
        return;
    }
    if (row == NULL)
        return;
    /* A row of Stacks, and one that opened in Diff, is one stack; trees know functions and lines. */
    const bool stack = screen == CAIRN_SCREEN_STACKS || screen == CAIRN_SCREEN_FRAMES ||
                       (screen == CAIRN_SCREEN_DIFF && row->parent != CAIRN_NO_PARENT);
    const bool tree = screen == CAIRN_SCREEN_TREE || screen == CAIRN_SCREEN_FLAME;
    const enum cairn_by by = tree && app->question.by != CAIRN_BY_LINE ? CAIRN_BY_FUNCTION : app->question.by;
    if (stack ? row->stack == 0 : row->site_id == 0)
        cairn_app_say(app, "this row is no place in the code");
    else
        cairn_app_push(app, cairn_origin_screen(app, graph->graph, row, !stack, by));
}

/* --- The head. --- */

static void draw_missing(const struct cairn_app *app, struct cairn_canvas *canvas, struct cairn_rect area)
{
    static const char *const how[] = {
        "",
        "A graph shows every object of the program's heap, who holds it and why it is alive.",
        "It is taken",
        "  at the end of a program, unless it was recorded with --graph off;",
        "  with cairn record --graph peak, or --graph 30s, while it runs;",
        "  by cairn.graph(\"name\") in Python, cairn_graph(\"name\") in C;",
        "  now, of a recording that still runs: press ! here.",
    };
    cairn_draw_text(canvas, area.x + 1, area.y, area.width - 2, CAIRN_STYLE_HEADING,
                    app->question.process != 0 && app->facts.graph_count > 0
                        ? "This process has no object graph; P chooses another one."
                        : "This trace has no object graph.");
    int y = 1;
    for (size_t i = 0; i < sizeof(how) / sizeof(how[0]) && y < area.height; i++)
        y += cairn_draw_wrapped(canvas, area.x + 1, area.y + y, area.width - 2, area.height - y,
                                CAIRN_STYLE_TEXT, how[i]);
}

int cairn_graph_draw_head(const struct cairn_app *app, const struct cairn_fact_graph *graph,
                          struct cairn_canvas *canvas, struct cairn_rect area)
{
    if (graph == NULL) {
        draw_missing(app, canvas, area);
        return area.height;
    }
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    char count[CAIRN_HUMAN_MAX], bytes[CAIRN_HUMAN_MAX], lost[CAIRN_HUMAN_MAX], pause[CAIRN_HUMAN_MAX];
    cairn_buffer_format(&text, "graph %td of %zu  ", graph - app->facts.graphs + 1, app->facts.graph_count);
    cairn_graph_label(&app->facts, graph, &text);
    if (app->facts.process_count > 1)
        cairn_buffer_format(&text, "  %s", program_of(app, graph->process));
    cairn_buffer_format(&text, "  %s objects %s  unreachable %s", cairn_human_count(count, graph->objects),
                        cairn_human_bytes_short(bytes, graph->shallow_bytes),
                        cairn_human_bytes_short(lost, graph->unreachable_bytes));
    int x = area.x + 1;
    x += cairn_draw_text(canvas, x, area.y, area.width - 1, CAIRN_STYLE_DIM, cairn_buffer_cstr(&text));
    cairn_buffer_reset(&text);
    cairn_buffer_format(&text, "  pause %s", cairn_human_duration(pause, graph->pause_ns));
    if (x + cairn_text_width(canvas, cairn_buffer_cstr(&text)) < area.x + area.width)
        cairn_draw_text(canvas, x, area.y, area.width, CAIRN_STYLE_DIM, cairn_buffer_cstr(&text));
    cairn_buffer_release(&text);
    return 1;
}

void cairn_graph_option(const struct cairn_app *app, const struct cairn_fact_graph *graph,
                        struct cairn_buffer *command)
{
    if (graph != NULL && graph != &app->facts.graphs[app->facts.graph_count - 1])
        cairn_buffer_format(command, " --graph %u", (unsigned)graph->graph);
}
