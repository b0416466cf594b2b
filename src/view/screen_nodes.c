/* A list of objects: of a type, allocated at a site, leaked, in a cycle, held by one object alone, or the way that keeps one
 * alive. Reached from others. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "view/detail.h"
#include "view/graphs.h"
#include "view/node_table.h"
#include "view/screens.h"

#define SLOT_TABLE 1

struct nodes {
    struct cairn_screen screen;
    struct cairn_node_table table;
    struct cairn_detail detail;
    char title[512], command[160], empty[96];
};

static void init(struct cairn_screen *base)
{
    (void)base;
}

static void release(struct cairn_screen *base)
{
    struct nodes *screen = (struct nodes *)base;
    cairn_node_table_release(&screen->table);
    cairn_detail_release(&screen->detail);
}

static void ask(struct cairn_screen *base)
{
    cairn_node_table_ask(base, &((struct nodes *)base)->table);
}

static struct cairn_detail *detail(struct cairn_screen *base)
{
    return &((struct nodes *)base)->detail;
}

static const struct cairn_fact_graph *graph_of(const struct cairn_screen *base)
{
    return cairn_app_graph_of(base->app, base->graph);
}

static void draw(struct cairn_screen *base, struct cairn_canvas *canvas, struct cairn_rect area)
{
    struct nodes *screen = (struct nodes *)base;
    const int head = cairn_graph_draw_head(base->app, graph_of(base), canvas, area);
    if (head == area.height)
        return;
    char count[CAIRN_EXACT_MAX];
    const struct cairn_outline *outline = &screen->table.outline;
    const int used = cairn_draw_text(canvas, area.x + 1, area.y + head, area.width - 2, CAIRN_STYLE_HEADING,
                                     screen->title);
    const bool only_new = screen->table.source.only_new && base->app->question.a_set;
    if (outline->loaded)
        cairn_draw_format(canvas, area.x + used + 3, area.y + head, area.width - used - 4, CAIRN_STYLE_DIM,
                          "%s %s%s", cairn_exact_count((int64_t)screen->table.total, count),
                          screen->table.total == 1 ? "object" : "objects",
                          only_new ? " made after A (z shows all)" : "");
    const struct cairn_rect rest = {area.x, area.y + head + 1, area.width, area.height - head - 1};
    const struct cairn_layout layout = cairn_detail_layout(base->app, rest);
    const struct cairn_outline_look look = {
        .focused = true, .empty = screen->empty, .match = cairn_app_match(base->app)};
    cairn_outline_draw(&screen->table.outline, canvas, layout.table, &look);
    cairn_detail_draw(&screen->detail, canvas, &layout);
}

static struct cairn_outline *outline(struct cairn_screen *base)
{
    return &((struct nodes *)base)->table.outline;
}

/* Lists that are read page by page, without folding, can be asked for the new ones alone. */
static void toggle_new(struct nodes *screen)
{
    struct cairn_node_source *source = &screen->table.source;
    struct cairn_app *app = screen->screen.app;
    const bool can = source->what == CAIRN_NODES_ORIGIN ||
                     (source->what == CAIRN_NODES_LINKS &&
                      (source->kind == CAIRN_LINKS_TYPES || source->kind == CAIRN_LINKS_CYCLES));
    if (!can || !app->question.a_set) {
        cairn_app_say(app, can ? "what is new depends on A: a sets it on an earlier graph"
                               : "this list is shown whole");
        return;
    }
    source->only_new = !source->only_new;
    cairn_app_say(app, source->only_new ? "only those made after A" : "all of them");
    cairn_node_table_ask(&screen->screen, &screen->table);
}

static bool act(struct cairn_screen *base, const struct cairn_key_binding *binding)
{
    struct nodes *screen = (struct nodes *)base;
    if (binding->action == CAIRN_DO_HIDE_SAME) {
        toggle_new(screen);
        return true;
    }
    return cairn_node_table_act(base, &screen->table, binding) ||
           cairn_app_graph_act(base->app, graph_of(base), binding);
}

static void command(const struct cairn_screen *base, struct cairn_buffer *text)
{
    const struct nodes *screen = (const struct nodes *)base;
    if (screen->command[0] == '\0')
        return;
    cairn_buffer_text(text, "graph ");
    cairn_append_quoted(text, base->app->options->path);
    cairn_buffer_format(text, " %s", screen->command);
    cairn_graph_option(base->app, graph_of(base), text);
}

/* --- The lists there are. --- */

static struct nodes *open_list(struct cairn_app *app, uint32_t graph, const struct cairn_node_source *source)
{
    struct nodes *screen = (struct nodes *)cairn_screen_new(&cairn_nodes_screen_class, app);
    if (screen == NULL)
        return NULL;
    screen->screen.graph = graph;
    cairn_node_table_init(&screen->table, graph, source, SLOT_TABLE);
    snprintf(screen->empty, sizeof(screen->empty), "there are none; Esc goes back");
    return screen;
}

struct cairn_screen *cairn_type_screen(struct cairn_app *app, uint32_t graph, uint32_t type, const char *name,
                                       bool only_new)
{
    struct nodes *screen = open_list(
        app, graph,
        &(struct cairn_node_source){
            .kind = CAIRN_LINKS_TYPES, .list = type, .below = CAIRN_LINKS_REFERENTS, .only_new = only_new});
    if (screen == NULL)
        return NULL;
    struct cairn_buffer word = CAIRN_BUFFER_INIT;
    cairn_append_quoted(&word, name);
    snprintf(screen->title, sizeof(screen->title), "%s", name);
    if (word.length + 10 < sizeof(screen->command))
        snprintf(screen->command, sizeof(screen->command), "objects %s", cairn_buffer_cstr(&word));
    cairn_buffer_release(&word);
    return &screen->screen;
}

struct cairn_screen *cairn_way_screen(struct cairn_app *app, uint32_t graph, uint32_t object,
                                      const char *name)
{
    struct nodes *screen = open_list(
        app, graph,
        &(struct cairn_node_source){.what = CAIRN_NODES_WAY, .list = object, .below = CAIRN_LINKS_REFERENTS});
    if (screen == NULL)
        return NULL;
    snprintf(screen->title, sizeof(screen->title), "why alive: %s", name);
    snprintf(screen->command, sizeof(screen->command), "path %" PRIu32, object);
    snprintf(screen->empty, sizeof(screen->empty), "no root reaches it: nothing keeps it alive, it leaked");
    return &screen->screen;
}

struct cairn_screen *cairn_dominated_screen(struct cairn_app *app, uint32_t graph, uint32_t object,
                                            const char *name)
{
    const bool roots = object == CAIRN_NO_OBJECT;
    struct nodes *screen =
        open_list(app, graph,
                  &(struct cairn_node_source){.kind = CAIRN_LINKS_DOMINATED,
                                              .list = roots ? CAIRN_NODES_OF_ROOTS : object,
                                              .below = CAIRN_LINKS_DOMINATED});
    if (screen == NULL)
        return NULL;
    if (roots) {
        snprintf(screen->title, sizeof(screen->title), "what no single object holds");
        snprintf(screen->command, sizeof(screen->command), "dominators");
    } else {
        snprintf(screen->title, sizeof(screen->title), "would go with %s", name);
        snprintf(screen->command, sizeof(screen->command), "dominators %" PRIu32, object);
        snprintf(screen->empty, sizeof(screen->empty), "nothing else would go with it; Esc goes back");
    }
    return &screen->screen;
}

struct cairn_screen *cairn_cycle_screen(struct cairn_app *app, uint32_t graph, uint32_t cycle,
                                        const char *name)
{
    struct nodes *screen =
        open_list(app, graph,
                  &(struct cairn_node_source){
                      .kind = CAIRN_LINKS_CYCLES, .list = cycle, .below = CAIRN_LINKS_REFERENTS});
    if (screen != NULL)
        snprintf(screen->title, sizeof(screen->title), "in a cycle with %s", name);
    return screen != NULL ? &screen->screen : NULL;
}

struct cairn_screen *cairn_leaked_screen(struct cairn_app *app, uint32_t graph)
{
    struct nodes *screen = open_list(
        app, graph, &(struct cairn_node_source){.what = CAIRN_NODES_LEAKS, .below = CAIRN_LINKS_REFERENTS});
    if (screen == NULL)
        return NULL;
    snprintf(screen->title, sizeof(screen->title), "what no root reaches");
    snprintf(screen->command, sizeof(screen->command), "unreachable");
    snprintf(screen->empty, sizeof(screen->empty), "a root reaches every object: nothing leaked");
    return &screen->screen;
}

struct cairn_screen *cairn_origin_screen(struct cairn_app *app, uint32_t graph, const struct cairn_row *from,
                                         bool site, enum cairn_by by)
{
    struct nodes *screen = open_list(app, graph,
                                     &(struct cairn_node_source){.what = CAIRN_NODES_ORIGIN,
                                                                 .below = CAIRN_LINKS_REFERENTS,
                                                                 .stack = site ? 0 : from->stack,
                                                                 .site_id = from->site_id,
                                                                 .by = by});
    if (screen == NULL)
        return NULL;
    if (site)
        snprintf(screen->title, sizeof(screen->title), "allocated at %s", from->name);
    else
        snprintf(screen->title, sizeof(screen->title), "allocated by stack %u", (unsigned)from->stack);
    snprintf(screen->empty, sizeof(screen->empty),
             "none of its blocks is in this graph: they were freed before, or are parts of others");
    return &screen->screen;
}

struct cairn_screen *cairn_survivors_screen(struct cairn_app *app, uint32_t graph,
                                            const struct cairn_row *from, const char *site)
{
    struct nodes *screen = open_list(app, graph,
                                     &(struct cairn_node_source){.what = CAIRN_NODES_ORIGIN,
                                                                 .below = CAIRN_LINKS_REFERENTS,
                                                                 .only_new = true,
                                                                 .type = from->node.number + 1,
                                                                 .site_id = from->site_id,
                                                                 .by = app->question.by});
    if (screen == NULL)
        return NULL;
    snprintf(screen->title, sizeof(screen->title), "%.200s allocated at %.250s", from->label, site);
    snprintf(screen->empty, sizeof(screen->empty), "none of those made after A; z shows all");
    return &screen->screen;
}

const struct cairn_screen_class cairn_nodes_screen_class = {
    .id = CAIRN_SCREEN_NODES,
    .name = "Object list",
    .summary = "objects of a type, a site, a cycle; why one is alive; what would go with it",
    .size = sizeof(struct nodes),
    .init = init,
    .release = release,
    .ask = ask,
    .detail = detail,
    .draw = draw,
    .outline = outline,
    .act = act,
    .command = command,
};
