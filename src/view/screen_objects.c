/* 5 Objects: the types of an object graph, and one sentence about what most of the heap hangs on. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/human.h"
#include "base/sanitise.h"
#include "query/graph_diff.h"
#include "query/object_holder.h"
#include "view/detail.h"
#include "view/graphs.h"
#include "view/node_rows.h"
#include "view/screens.h"
#include "view/type_makers.h"

enum value {
    VALUE_RETAINED = 0,
    VALUE_PERCENT,
    VALUE_SHALLOW,
    VALUE_COUNT,
    VALUE_EACH,
    VALUE_DELTA_BYTES,
    VALUE_DELTA_COUNT,
    VALUE_BORN,
    VALUE_GONE
};

struct objects {
    struct cairn_screen screen;
    struct cairn_outline table;
    char sentence[1024];
    bool growth;
    uint32_t
        rows_of; /* number of the graph that the rows and the sentence are of: another one may be on its way */
    uint32_t holder;   /* the object the sentence is about; CAIRN_NO_OBJECT: none */
    bool wants_holder; /* H was pressed before it was known */
    uint64_t asked;    /* what of the question the rows answer */
};

#define COLUMN(t, k, kind_, w, from, v, s)                                                                   \
    {                                                                                                        \
        .title = (t), .key = (k), .kind = CAIRN_COLUMN_##kind_, .width = (w), .from_width = (from),          \
        .value = VALUE_##v, .sort = (s)                                                                      \
    }
#define RETAINED(from) COLUMN("RETAINED", "retained_bytes", BYTES, 8, from, RETAINED, "retained")
#define SHALLOW(from)  COLUMN("SHALLOW", "shallow_bytes", BYTES, 7, from, SHALLOW, "shallow")
#define COUNT(from)    COLUMN("COUNT", "count", COUNT, 7, from, COUNT, "count")
#define NAME                                                                                                 \
    {                                                                                                        \
        .title = "type", .kind = CAIRN_COLUMN_NAME, .sort = "name"                                           \
    }

static const struct cairn_column type_columns[] = {
    RETAINED(0),
    COLUMN("%", "percent", PERCENT, 5, 0, PERCENT, NULL),
    COLUMN("", NULL, BAR, 12, 110, PERCENT, NULL),
    SHALLOW(50),
    COUNT(0),
    COLUMN("EACH", "each_bytes", BYTES, 7, 100, EACH, "each"),
    NAME,
};

static const struct cairn_column growth_columns[] = {
    COLUMN("Δ BYTES", "delta_bytes", BYTES_SIGNED, 8, 0, DELTA_BYTES, "delta_bytes"),
    COLUMN("Δ COUNT", "delta_count", COUNT_SIGNED, 8, 0, DELTA_COUNT, "delta_count"),
    COLUMN("NEW", "new", COUNT, 7, 50, BORN, "new"),
    COLUMN("GONE", "gone", COUNT, 7, 64, GONE, "gone"),
    COUNT(76),
    RETAINED(100),
    SHALLOW(110),
    NAME,
};

struct objects_job {
    struct cairn_job job;
    uint32_t before; /* the graph that growth is counted from; 0: none */
    char before_label[96];
    uint64_t asked;
    struct cairn_rows rows;
    char sentence[1024];
    uint32_t holder;
};

/* Whether a type is but a block's size, "24 B". */
static bool is_size(const char *type)
{
    const size_t digits = strspn(type, "0123456789");
    return digits > 0 && strcmp(type + digits, " B") == 0;
}

/* --- The sentence. --- */

static void set_sentence(struct objects_job *own, const struct cairn_buffer *text)
{
    const char *raw = cairn_buffer_cstr(text);
    cairn_sanitise(own->sentence, sizeof(own->sentence), raw, strlen(raw));
}

/* "dict (len 8000)", or "block of 4.0M from _dictExpand()": a native block's type is no more than its size. */
static enum cairn_status name_holder(struct cairn_graph *graph, const struct cairn_object_row *row,
                                     struct cairn_buffer *text, struct cairn_error *error)
{
    const struct cairn_account *accounts;
    size_t count;
    char bytes[CAIRN_HUMAN_MAX];
    const enum cairn_status status = cairn_trace_accounts(cairn_graph_trace(graph), &accounts, &count, error);
    if (status != CAIRN_OK)
        return status;
    const uint32_t account = row->object.account;
    const char *maker = row->object.lang != CAIRN_LANG_PYTHON && account - 1u < count
                            ? cairn_maker_of_account(cairn_graph_trace(graph), &accounts[account - 1])
                            : NULL;
    if (maker != NULL && is_size(row->type))
        cairn_buffer_format(text, "block of %s",
                            cairn_human_bytes_short(bytes, (int64_t)row->object.shallow_bytes));
    else
        cairn_buffer_text(text, row->type);
    if (row->label[0] != '\0')
        cairn_buffer_format(text, " (%s)", row->label);
    if (maker != NULL)
        cairn_buffer_format(text, " from %s()", maker);
    return CAIRN_OK;
}

/* "81 % of the heap, 11.0M, hangs on one dict (len 8000): module app › .CACHE › dict" */
static enum cairn_status say_holder(struct objects_job *own, struct cairn_graph *graph)
{
    struct cairn_object_holder holder;
    struct cairn_objects one = {.rows = NULL};
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    char bytes[CAIRN_HUMAN_MAX];
    own->holder = CAIRN_NO_OBJECT;
    enum cairn_status status = cairn_object_holder(graph, &holder, &own->job.error);
    const struct cairn_graph_info *about = cairn_graph_about(graph);
    const int64_t leaked = about->definite_bytes + about->indirect_bytes;
    if (status == CAIRN_OK && about->objects == 0) {
        cairn_buffer_text(&text, "nothing was alive at this moment");
    } else if (status == CAIRN_OK && 2 * leaked > about->shallow_bytes) {
        cairn_buffer_format(&text, "%.0f %% of the heap, %s, is leaked: no root reaches it; U shows what",
                            (double)leaked * 100 / (double)about->shallow_bytes,
                            cairn_human_bytes_short(bytes, leaked));
    } else if (status == CAIRN_OK && !holder.found) {
        cairn_buffer_text(&text, "no single object holds a tenth of it; D shows the largest ones");
    } else if (status == CAIRN_OK) {
        status = cairn_objects_one(graph, holder.id, &one, &own->job.error);
        if (status == CAIRN_OK) {
            own->holder = holder.id;
            cairn_buffer_format(&text, "%.0f %% of the heap, %s, hangs on one ", holder.percent,
                                cairn_human_bytes_short(bytes, holder.retained_bytes));
            status = name_holder(graph, &one.rows[0], &text, &own->job.error);
        }
        if (status == CAIRN_OK) {
            cairn_buffer_text(&text, ": ");
            status = cairn_why_text(graph, holder.id, &text, &own->job.error);
        }
    }
    if (status == CAIRN_OK)
        set_sentence(own, &text);
    cairn_objects_release(&one);
    cairn_buffer_release(&text);
    return status;
}

/* --- Rows. --- */

static uint64_t type_key(const char *name, int lang)
{
    uint64_t key = (uint64_t)lang + 1;
    for (; *name != '\0'; name++)
        key = cairn_key_mix(key, (unsigned char)*name);
    return key;
}

static void add_type(struct objects_job *own, const struct cairn_graph_type *type, int64_t all, bool mixed)
{
    struct cairn_row *row = cairn_rows_add(&own->rows, CAIRN_NO_PARENT);
    if (row == NULL)
        return;
    row->key = type_key(type->name, type->lang);
    row->node = (struct cairn_row_node){.kind = CAIRN_NODE_TYPE, .number = type->type};
    row->lang = mixed ? (int8_t)type->lang : -1;
    row->name = cairn_rows_clean(&own->rows, type->name);
    row->label = row->name;
    row->values[VALUE_RETAINED] = type->retained_bytes;
    row->values[VALUE_PERCENT] =
        all > 0 ? (int64_t)((double)type->retained_bytes * 10000 / (double)all + 0.5) : 0;
    row->values[VALUE_SHALLOW] = type->shallow_bytes;
    row->values[VALUE_COUNT] = type->count;
    row->values[VALUE_EACH] = type->count > 0 ? type->shallow_bytes / type->count : 0;
}

/* "24 B  dictAddRaw()", "56 B  dictCreate() and others". */
static enum cairn_status add_makers(struct objects_job *own, struct cairn_graph *graph)
{
    struct cairn_type_maker *makers = NULL;
    const enum cairn_status status = cairn_type_makers(graph, &makers, &own->job.error);
    for (size_t i = 0; status == CAIRN_OK && i < own->rows.count; i++) {
        struct cairn_row *row = &own->rows.items[i];
        const struct cairn_type_maker *maker = &makers[row->node.number];
        const struct cairn_function *function =
            is_size(row->name) ? cairn_trace_function(cairn_graph_trace(graph), maker->function) : NULL;
        if (function == NULL || function->name == NULL)
            continue;
        struct cairn_buffer text = CAIRN_BUFFER_INIT;
        cairn_buffer_format(&text, "%s()%s", function->name, maker->alone ? "" : " and others");
        row->place = cairn_rows_clean(&own->rows, cairn_buffer_cstr(&text));
        cairn_buffer_release(&text);
    }
    free(makers);
    return status;
}

static void set_growth(struct cairn_row *row, const struct cairn_graph_diff_row *from)
{
    row->values[VALUE_DELTA_BYTES] = from->delta_bytes;
    row->values[VALUE_DELTA_COUNT] = from->delta_count;
    row->values[VALUE_BORN] = from->born;
    row->values[VALUE_GONE] = from->gone;
    row->same = from->delta_bytes == 0 && from->delta_count == 0;
    row->style = from->delta_bytes > 0   ? CAIRN_STYLE_GREW
                 : from->delta_bytes < 0 ? CAIRN_STYLE_SHRANK
                                         : CAIRN_STYLE_TEXT;
}

/* A type of which no object is left. */
static void add_gone_type(struct objects_job *own, const struct cairn_graph_diff_row *from, bool mixed)
{
    const struct cairn_graph_type none = {.type = UINT32_MAX, .name = from->type, .lang = from->lang};
    add_type(own, &none, 0, mixed);
    if (!own->rows.failed)
        set_growth(&own->rows.items[own->rows.count - 1], from);
}

static void say_growth(struct objects_job *own, const struct cairn_graph_diff *diff)
{
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    char bytes[CAIRN_HUMAN_MAX], count[CAIRN_HUMAN_MAX];
    const int64_t grown = diff->b_bytes - diff->a_bytes, more = diff->b_objects - diff->a_objects;
    cairn_buffer_format(&text, "%s in %s%s objects since %s", cairn_human_bytes_signed(bytes, grown),
                        more > 0 ? "+" : "", cairn_human_count(count, more), own->before_label);
    if (grown > 0 && diff->row_count > 0 && diff->rows[0].delta_bytes > 0)
        cairn_buffer_format(&text, "; %.0f %% of it is %s: %s new, %s gone",
                            (double)diff->rows[0].delta_bytes * 100 / (double)grown, diff->rows[0].type,
                            cairn_human_count(count, diff->rows[0].born),
                            cairn_human_count(bytes, diff->rows[0].gone));
    set_sentence(own, &text);
    cairn_buffer_release(&text);
}

static enum cairn_status add_growth(struct objects_job *own, struct cairn_graph *before,
                                    struct cairn_graph *graph, bool mixed)
{
    struct cairn_graph_diff diff;
    struct cairn_keymap places = {.keys = NULL};
    const enum cairn_status status = cairn_graph_diff(before, graph, &diff, &own->job.error);
    if (status != CAIRN_OK)
        return status;
    for (size_t i = 0; i < own->rows.count; i++) {
        own->rows.items[i].same = true;
        cairn_keymap_put(&places, own->rows.items[i].key, i);
    }
    for (size_t i = 0; i < diff.row_count; i++) {
        const uint64_t *place = cairn_keymap_get(&places, type_key(diff.rows[i].type, diff.rows[i].lang));
        if (place != NULL)
            set_growth(&own->rows.items[*place], &diff.rows[i]);
        else
            add_gone_type(own, &diff.rows[i], mixed);
    }
    say_growth(own, &diff);
    cairn_keymap_release(&places);
    cairn_graph_diff_release(&diff);
    return CAIRN_OK;
}

static void show_holder(struct objects *screen, uint32_t graph)
{
    struct cairn_app *app = screen->screen.app;
    if (screen->holder == CAIRN_NO_OBJECT)
        cairn_app_say(app, "no single object holds much of this heap; D shows the largest ones");
    else
        cairn_app_push(app, cairn_object_screen(app, graph, screen->holder, ""));
}

static enum cairn_status run_objects(struct cairn_job *job, struct cairn_reader *reader)
{
    struct objects_job *own = (struct objects_job *)job;
    struct cairn_graph *before = NULL, *graph;
    const struct cairn_graph_type *types;
    size_t count;
    enum cairn_status status =
        own->before != 0 ? cairn_reader_graph(reader, own->before, &before, &job->error) : CAIRN_OK;
    if (status == CAIRN_OK)
        status = cairn_reader_graph(reader, job->question.graph, &graph, &job->error);
    if (status == CAIRN_OK)
        status = cairn_graph_types(graph, &types, &count, &job->error);
    if (status != CAIRN_OK)
        return status;
    const bool mixed = cairn_graph_is_mixed(graph);
    for (size_t i = 0; i < count; i++)
        add_type(own, &types[i], cairn_graph_about(graph)->shallow_bytes, mixed);
    status = add_makers(own, graph);
    if (status == CAIRN_OK)
        status = say_holder(own, graph);
    if (status == CAIRN_OK && before != NULL)
        status = add_growth(own, before, graph, mixed);
    if (status == CAIRN_OK && own->rows.failed)
        status = cairn_fail(&job->error, CAIRN_E_NOMEM, "memory ran out for the types");
    return status;
}

#define COUNT_OF(columns) (sizeof(columns) / sizeof((columns)[0]))

static void deliver_objects(struct cairn_job *job, void *receiver)
{
    struct objects_job *own = (struct objects_job *)job;
    struct objects *screen = receiver;
    if (job->status != CAIRN_OK || own->asked != screen->asked)
        return;
    const bool growth = own->before != 0;
    if (growth != screen->growth) {
        cairn_outline_columns(&screen->table, growth ? growth_columns : type_columns,
                              growth ? COUNT_OF(growth_columns) : COUNT_OF(type_columns));
        screen->growth = growth;
    }
    cairn_outline_set_rows(&screen->table, &own->rows);
    memcpy(screen->sentence, own->sentence, sizeof(screen->sentence));
    screen->holder = own->holder;
    screen->rows_of = job->question.graph;
    screen->screen.seen_row = 0;
    if (screen->wants_holder && cairn_app_screen(screen->screen.app) == &screen->screen)
        show_holder(screen, job->question.graph);
    screen->wants_holder = false;
}

static void release_objects(struct cairn_job *job)
{
    cairn_rows_release(&((struct objects_job *)job)->rows);
    free(job);
}

static const struct cairn_job_class objects_job_class = {
    .rank = 1, .run = run_objects, .deliver = deliver_objects, .release = release_objects};

/* --- The screen. --- */

static void init(struct cairn_screen *base)
{
    struct objects *screen = (struct objects *)base;
    cairn_outline_init(&screen->table, type_columns, COUNT_OF(type_columns), 0);
    screen->holder = CAIRN_NO_OBJECT;
}

static void release(struct cairn_screen *base)
{
    cairn_outline_release(&((struct objects *)base)->table);
}

static void ask(struct cairn_screen *base)
{
    struct objects *screen = (struct objects *)base;
    const struct cairn_fact_graph *graph = cairn_app_graph(base->app),
                                  *before = cairn_app_graph_before(base->app);
    const uint64_t asked =
        graph == NULL ? 0 : cairn_key_mix(graph->graph, before != NULL ? before->graph : 0);
    if (asked == screen->asked)
        return;
    screen->asked = asked;
    struct objects_job *job = graph != NULL ? calloc(1, sizeof(*job)) : NULL;
    if (job == NULL)
        return;
    job->job.class = &objects_job_class;
    job->job.slot = 1;
    job->asked = asked;
    if (before != NULL) {
        struct cairn_buffer label = CAIRN_BUFFER_INIT;
        cairn_graph_label(&base->app->facts, before, &label);
        job->before = before->graph;
        snprintf(job->before_label, sizeof(job->before_label), "graph %td (%s)",
                 before - base->app->facts.graphs + 1, cairn_buffer_cstr(&label));
        cairn_buffer_release(&label);
    }
    cairn_screen_post_of(base, &job->job, graph->graph);
}

static void draw(struct cairn_screen *base, struct cairn_canvas *canvas, struct cairn_rect area)
{
    struct objects *screen = (struct objects *)base;
    int used = cairn_graph_draw_head(base->app, cairn_app_graph(base->app), canvas, area);
    if (used == area.height)
        return;
    used += cairn_draw_wrapped(canvas, area.x + 1, area.y + used, area.width - 2,
                               CAIRN_SENTENCE_LINES(area.height), CAIRN_STYLE_HEADING, screen->sentence);
    const struct cairn_outline_look look = {.focused = true,
                                            .heading =
                                                screen->table.hide_same ? "type, if it changed" : "type",
                                            .empty = "this graph holds no objects",
                                            .match = cairn_app_match(base->app)};
    cairn_outline_draw(&screen->table, canvas,
                       (struct cairn_rect){area.x, area.y + used, area.width, area.height - used}, &look);
}

static struct cairn_outline *outline(struct cairn_screen *base)
{
    return &((struct objects *)base)->table;
}

static void show_type(struct objects *screen, const struct cairn_row *row, uint32_t graph)
{
    struct cairn_app *app = screen->screen.app;
    if (row->node.number == UINT32_MAX)
        cairn_app_say(app, "no object of this type is left in this graph; [ goes to the one before");
    else
        cairn_app_push(app, cairn_type_screen(app, graph, row->node.number, row->name,
                                              screen->growth && row->values[VALUE_BORN] > 0));
}

static bool act_on_graph(struct objects *screen, const struct cairn_fact_graph *graph,
                         const struct cairn_key_binding *binding)
{
    struct cairn_app *app = screen->screen.app;
    const struct cairn_row *row = cairn_outline_current(&screen->table);
    switch (binding->action) {
    case CAIRN_DO_ENTER:
    case CAIRN_DO_OPEN:
        if (row != NULL)
            show_type(screen, row, screen->rows_of);
        return true;
    case CAIRN_DO_HOT_PATH:
        screen->wants_holder = screen->rows_of != graph->graph;
        if (!screen->wants_holder)
            show_holder(screen, graph->graph);
        return true;
    case CAIRN_DO_DOMINATORS:
        cairn_app_push(app, cairn_dominated_screen(app, graph->graph, CAIRN_NO_OBJECT, ""));
        return true;
    case CAIRN_DO_UNREACHABLE:
        cairn_app_push(app, cairn_leaked_screen(app, graph->graph));
        return true;
    case CAIRN_DO_HIDE_SAME:
        screen->table.hide_same = screen->growth && !screen->table.hide_same;
        cairn_outline_refresh(&screen->table);
        if (!screen->growth)
            cairn_app_say(app, "nothing is compared: set A on an earlier graph ([ goes there, a sets it)");
        return true;
    default:
        return cairn_app_graph_act(app, graph, binding);
    }
}

static bool act(struct cairn_screen *base, const struct cairn_key_binding *binding)
{
    const struct cairn_fact_graph *graph = cairn_app_graph(base->app);
    switch (binding->action) {
    case CAIRN_DO_GRAPH:
        cairn_app_graph_step(base->app, binding->argument);
        return true;
    case CAIRN_DO_PICK_GRAPH:
        cairn_app_pick_graph(base->app);
        return true;
    default:
        return graph != NULL && act_on_graph((struct objects *)base, graph, binding);
    }
}

static void command(const struct cairn_screen *base, struct cairn_buffer *text)
{
    const struct cairn_fact_graph *graph = cairn_app_graph(base->app),
                                  *before = cairn_app_graph_before(base->app);
    cairn_buffer_text(text, "graph ");
    cairn_append_quoted(text, base->app->options->path);
    if (before != NULL) {
        cairn_buffer_format(text, " diff %u %u", (unsigned)before->graph, (unsigned)graph->graph);
        return;
    }
    cairn_buffer_text(text, " types");
    cairn_graph_option(base->app, graph, text);
}

const struct cairn_screen_class cairn_objects_screen_class = {
    .id = CAIRN_SCREEN_OBJECTS,
    .digit = '5',
    .name = "Objects",
    .summary = "what the heap is made of, who holds it, why it is alive",
    .grows = true,
    .size = sizeof(struct objects),
    .init = init,
    .release = release,
    .ask = ask,
    .draw = draw,
    .outline = outline,
    .act = act,
    .command = command,
};
