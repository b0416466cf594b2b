/* One object: what holds it above, itself, what it holds below; over all of them why it is alive. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/human.h"
#include "view/detail.h"
#include "view/graphs.h"
#include "view/node_table.h"
#include "view/screens.h"

#define DEEP_BUDGET 100000 /* objects to look at for a deep size: some tens of milliseconds */

enum pane { PANE_ABOVE = 0, PANE_OBJECT, PANE_BELOW, PANE_COUNT };
enum slot { SLOT_TABLES = 1, SLOT_FACTS = SLOT_TABLES + 2 * PANE_COUNT, SLOT_DEEP };

struct object {
    struct cairn_screen screen;
    uint32_t number;
    struct cairn_node_table tables[PANE_COUNT];
    struct cairn_detail detail;
    char name[256], why[1024], born[128], deep[64];
    bool asked; /* for the texts: they stay the same */
};

/* --- The texts: why it is alive, when it was born; its deep size, which may take longer. --- */

struct text_job {
    struct cairn_job job;
    uint32_t number;
    char why[1024], born[128], deep[64];
};

static void release_text(struct cairn_job *job)
{
    free(job);
}

static enum cairn_status run_facts(struct cairn_job *job, struct cairn_reader *reader)
{
    struct text_job *own = (struct text_job *)job;
    struct cairn_graph *graph;
    struct cairn_object object;
    struct cairn_object_birth birth;
    struct cairn_buffer why = CAIRN_BUFFER_INIT;
    enum cairn_status status = cairn_reader_graph(reader, job->question.graph, &graph, &job->error);
    if (status == CAIRN_OK)
        status = cairn_why_text(graph, own->number, &why, &job->error);
    if (status == CAIRN_OK)
        snprintf(own->why, sizeof(own->why), "%s", cairn_buffer_cstr(&why));
    cairn_buffer_release(&why);
    if (status == CAIRN_OK)
        status = cairn_graph_object(graph, own->number, &object, &job->error);
    if (status == CAIRN_OK)
        status = cairn_object_birth(graph, &object, &birth, &job->error);
    if (status != CAIRN_OK)
        return status;
    const int64_t duration_ns = cairn_trace_recording(cairn_graph_trace(graph))->duration_ns;
    char time[CAIRN_TIME_MAX], block[CAIRN_HUMAN_MAX];
    int length = 0;
    if (birth.t_ns != CAIRN_UNKNOWN)
        length = snprintf(own->born, sizeof(own->born), "born %s  serial %" PRIu64,
                          cairn_time_in(duration_ns, birth.t_ns, time), object.serial);
    if (object.block_bytes != 0)
        snprintf(own->born + length, sizeof(own->born) - (size_t)length, "%sblock %s", length > 0 ? "  " : "",
                 cairn_human_bytes_short(block, (int64_t)object.block_bytes));
    return CAIRN_OK;
}

static void deliver_facts(struct cairn_job *job, void *receiver)
{
    const struct text_job *own = (const struct text_job *)job;
    struct object *screen = receiver;
    if (job->status != CAIRN_OK)
        return;
    memcpy(screen->why, own->why, sizeof(screen->why));
    memcpy(screen->born, own->born, sizeof(screen->born));
}

static const struct cairn_job_class facts_job_class = {
    .rank = 1, .run = run_facts, .deliver = deliver_facts, .release = release_text};

static enum cairn_status run_deep(struct cairn_job *job, struct cairn_reader *reader)
{
    struct text_job *own = (struct text_job *)job;
    struct cairn_graph *graph;
    int64_t bytes = 0;
    bool whole = false;
    enum cairn_status status = cairn_reader_graph(reader, job->question.graph, &graph, &job->error);
    if (status == CAIRN_OK)
        status = cairn_object_deep(graph, own->number, DEEP_BUDGET, &bytes, &whole, NULL, &job->error);
    char text[CAIRN_EXACT_MAX + CAIRN_HUMAN_MAX];
    if (whole)
        snprintf(own->deep, sizeof(own->deep), "deep %s", cairn_human_bytes_short(text, bytes));
    else
        snprintf(own->deep, sizeof(own->deep), "deep: more than %s objects",
                 cairn_exact_count(DEEP_BUDGET, text));
    return status;
}

static void deliver_deep(struct cairn_job *job, void *receiver)
{
    struct object *screen = receiver;
    if (job->status == CAIRN_OK)
        memcpy(screen->deep, ((const struct text_job *)job)->deep, sizeof(screen->deep));
}

static const struct cairn_job_class deep_job_class = {
    .rank = 4, .run = run_deep, .deliver = deliver_deep, .release = release_text};

static void post_text(struct object *screen, const struct cairn_job_class *class, unsigned slot)
{
    struct text_job *job = calloc(1, sizeof(*job));
    if (job == NULL)
        return;
    job->job.class = class;
    job->job.slot = slot;
    job->number = screen->number;
    cairn_screen_post_of(&screen->screen, &job->job, screen->screen.graph);
}

/* --- The screen. --- */

static void init(struct cairn_screen *base)
{
    base->pane = PANE_OBJECT;
}

static void release(struct cairn_screen *base)
{
    struct object *screen = (struct object *)base;
    for (int pane = 0; pane < PANE_COUNT; pane++)
        cairn_node_table_release(&screen->tables[pane]);
    cairn_detail_release(&screen->detail);
}

static void ask(struct cairn_screen *base)
{
    struct object *screen = (struct object *)base;
    for (int pane = 0; pane < PANE_COUNT; pane++)
        cairn_node_table_ask(base, &screen->tables[pane]);
    if (!screen->asked) {
        post_text(screen, &facts_job_class, SLOT_FACTS);
        post_text(screen, &deep_job_class, SLOT_DEEP);
    }
    screen->asked = true;
}

static struct cairn_detail *detail(struct cairn_screen *base)
{
    return &((struct object *)base)->detail;
}

static struct cairn_outline *outline(struct cairn_screen *base)
{
    return &((struct object *)base)->tables[base->pane].outline;
}

static void draw_pane(struct object *screen, struct cairn_canvas *canvas, struct cairn_rect area,
                      enum pane pane)
{
    struct cairn_node_table *table = &screen->tables[pane];
    char heading[64], count[CAIRN_EXACT_MAX];
    snprintf(heading, sizeof(heading), "%s %s%s", pane == PANE_ABOVE ? "HELD BY" : "HOLDS",
             table->outline.loaded ? cairn_exact_count((int64_t)table->total, count) : "",
             table->unfolded ? "  …" : "");
    const struct cairn_outline_look look = {.focused = screen->screen.pane == (unsigned)pane,
                                            .heading = heading,
                                            .empty = pane == PANE_ABOVE ? "no object" : "nothing",
                                            .match = cairn_app_match(screen->screen.app)};
    cairn_outline_draw(&table->outline, canvas, area, &look);
}

/* Rows a pane would like: its head and its rows, one where there are none. */
static int wanted(const struct cairn_node_table *table)
{
    const size_t rows = table->outline.visible_count;
    return rows > 200 ? 201 : rows == 0 ? 2 : (int)rows + 1;
}

/* What both would like, where it fits; otherwise the pane that has the keys gets more of the room. */
static int height_above(const struct object *screen, int room)
{
    const int above = wanted(&screen->tables[PANE_ABOVE]), below = wanted(&screen->tables[PANE_BELOW]);
    const int share = screen->screen.pane == PANE_ABOVE   ? room * 2 / 3
                      : screen->screen.pane == PANE_BELOW ? room / 3
                                                          : room / 2;
    if (above + below <= room)
        return above;
    if (above <= share)
        return above;
    return below <= room - share ? room - below : share;
}

static const struct cairn_fact_graph *graph_of(const struct cairn_screen *base)
{
    return cairn_app_graph_of(base->app, base->graph);
}

static void draw(struct cairn_screen *base, struct cairn_canvas *canvas, struct cairn_rect area)
{
    struct object *screen = (struct object *)base;
    int used = cairn_graph_draw_head(base->app, graph_of(base), canvas, area);
    if (used == area.height)
        return;
    char why[1100];
    snprintf(why, sizeof(why), "why: %s", screen->why);
    used += cairn_draw_wrapped(canvas, area.x + 1, area.y + used, area.width - 2,
                               CAIRN_SENTENCE_LINES(area.height), CAIRN_STYLE_HEADING,
                               screen->why[0] != '\0' ? why : "");
    const struct cairn_rect rest = {area.x, area.y + used, area.width, area.height - used};
    const struct cairn_layout layout = cairn_detail_layout(base->app, rest);
    struct cairn_rect part = layout.table;
    const int room = part.height - 2;
    part.height = height_above(screen, room);
    draw_pane(screen, canvas, part, PANE_ABOVE);
    part.y += part.height;
    const struct cairn_outline_look look = {.focused = base->pane == PANE_OBJECT,
                                            .match = cairn_app_match(base->app)};
    cairn_outline_draw(&screen->tables[PANE_OBJECT].outline, canvas,
                       (struct cairn_rect){part.x, part.y, part.width, 1}, &look);
    cairn_draw_format(canvas, part.x + 2, part.y + 1, part.width - 2, CAIRN_STYLE_DIM, "%s%s%s", screen->deep,
                      screen->deep[0] != '\0' ? "  " : "", screen->born);
    part.y += 2;
    part.height = room - part.height;
    draw_pane(screen, canvas, part, PANE_BELOW);
    cairn_detail_draw(&screen->detail, canvas, &layout);
}

static unsigned panes(const struct cairn_screen *base)
{
    (void)base;
    return PANE_COUNT;
}

/* j and k go on from one pane into the next, as if the three were one list. */
static bool cross(struct object *screen, int rows)
{
    const struct cairn_outline *now = outline(&screen->screen);
    const bool leaves = rows > 0 ? now->cursor + 1 >= now->visible_count : now->cursor == 0;
    const int pane = (int)screen->screen.pane + (rows > 0 ? 1 : -1);
    if (!leaves || pane < 0 || pane >= PANE_COUNT || screen->tables[pane].outline.visible_count == 0)
        return false;
    screen->screen.pane = (unsigned)pane;
    if (rows > 0)
        cairn_outline_top(&screen->tables[pane].outline);
    else
        cairn_outline_bottom(&screen->tables[pane].outline);
    return true;
}

/* From the object to the pane above or below it. */
static bool act_on_centre(struct object *screen, const struct cairn_key_binding *binding)
{
    switch (binding->action) {
    case CAIRN_DO_OPEN:
    case CAIRN_DO_FOLD:
    case CAIRN_DO_ENTER:
        screen->screen.pane = PANE_BELOW;
        return true;
    case CAIRN_DO_CLOSE:
        screen->screen.pane = PANE_ABOVE;
        return true;
    default:
        return false;
    }
}

static bool act(struct cairn_screen *base, const struct cairn_key_binding *binding)
{
    struct object *screen = (struct object *)base;
    if (binding->action == CAIRN_DO_MOVE)
        return cross(screen, binding->argument);
    if (binding->action == CAIRN_DO_INVERT) {
        base->pane = base->pane == PANE_ABOVE ? PANE_BELOW : PANE_ABOVE;
        return true;
    }
    if (base->pane == PANE_OBJECT && act_on_centre(screen, binding))
        return true;
    return cairn_node_table_act(base, &screen->tables[base->pane], binding) ||
           cairn_app_graph_act(base->app, graph_of(base), binding);
}

static void command(const struct cairn_screen *base, struct cairn_buffer *text)
{
    cairn_buffer_text(text, "graph ");
    cairn_append_quoted(text, base->app->options->path);
    cairn_buffer_format(text, " show %" PRIu32, ((const struct object *)base)->number);
    cairn_graph_option(base->app, graph_of(base), text);
}

struct cairn_screen *cairn_object_screen(struct cairn_app *app, uint32_t graph, uint32_t object,
                                         const char *name)
{
    struct object *screen = (struct object *)cairn_screen_new(&cairn_object_screen_class, app);
    if (screen == NULL)
        return NULL;
    screen->number = object;
    screen->screen.graph = graph;
    snprintf(screen->name, sizeof(screen->name), "%s", name);
    const struct cairn_node_source sources[PANE_COUNT] = {
        [PANE_ABOVE] = {.kind = CAIRN_LINKS_REFERRERS, .list = object, .below = CAIRN_LINKS_REFERRERS},
        [PANE_OBJECT] = {.what = CAIRN_NODES_ONE, .list = object, .below = CAIRN_LINKS_REFERENTS},
        [PANE_BELOW] = {.kind = CAIRN_LINKS_REFERENTS, .list = object, .below = CAIRN_LINKS_REFERENTS},
    };
    for (int pane = 0; pane < PANE_COUNT; pane++) {
        cairn_node_table_init(&screen->tables[pane], graph, &sources[pane], SLOT_TABLES + 2 * (unsigned)pane);
        screen->tables[pane].centre = object;
    }
    screen->tables[PANE_OBJECT].centre = CAIRN_NO_OBJECT;
    screen->tables[PANE_OBJECT].outline.headless = true;
    return &screen->screen;
}

const struct cairn_screen_class cairn_object_screen_class = {
    .id = CAIRN_SCREEN_OBJECT,
    .name = "Object",
    .summary = "one object: what holds it, what it holds, why it is alive",
    .size = sizeof(struct object),
    .init = init,
    .release = release,
    .ask = ask,
    .detail = detail,
    .draw = draw,
    .outline = outline,
    .panes = panes,
    .act = act,
    .command = command,
};
