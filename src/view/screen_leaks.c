/* 6 Leaks: what leaked by class and site, what keeps growing, and where the resident memory is. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/human.h"
#include "query/growth.h"
#include "query/leaks.h"
#include "query/object_origin.h"
#include "query/rss.h"
#include "query/sum.h"
#include "view/app.h"
#include "view/detail.h"
#include "view/node_rows.h"
#include "view/screens.h"

#define PANE_LEAST 4 /* rows of a pane that is shown beside others, its head among them */

enum pane { PANE_LEAKS, PANE_GROWTH, PANE_RSS, PANE_COUNT };

struct leaks {
    struct cairn_screen screen;
    struct cairn_outline tables[PANE_COUNT];
    struct cairn_detail detail;
    char meaning[256], verdict[640], rss_title[128];
    bool opened; /* the classes are unfolded at first */
};

static const struct cairn_column leak_columns[] = {
    {.title = "LEAKED",
     .key = "bytes",
     .kind = CAIRN_COLUMN_BYTES,
     .width = 8,
     .value = 0,
     .sort = "live_bytes"},
    {.title = "%", .key = "percent", .kind = CAIRN_COLUMN_PERCENT, .width = 5, .value = 1},
    {.title = "BLOCKS",
     .key = "blocks",
     .kind = CAIRN_COLUMN_COUNT,
     .width = 7,
     .value = 2,
     .sort = "live_blocks"},
    {.title = "OLDEST",
     .key = "oldest_age_ns",
     .kind = CAIRN_COLUMN_AGE,
     .width = 10,
     .from_width = 60,
     .value = 3,
     .sort = "oldest_age_ns"},
    {.title = "site", .kind = CAIRN_COLUMN_NAME, .sort = "name"},
};

static const struct cairn_column growth_columns[] = {
    {.title = "SLOPE",
     .key = "slope_bytes_per_s",
     .kind = CAIRN_COLUMN_RATE,
     .width = 9,
     .value = 0,
     .sort = "slope"},
    {.title = "GREW IN", .key = "grew", .kind = CAIRN_COLUMN_NUMBER, .width = 7, .value = 3, .sort = "grew"},
    {.title = "OF", .key = "of", .kind = CAIRN_COLUMN_NUMBER, .width = 4, .value = 4},
    {.title = "FIRST",
     .key = "first_bytes",
     .kind = CAIRN_COLUMN_BYTES,
     .width = 7,
     .from_width = 60,
     .value = 1,
     .sort = "first"},
    {.title = "LAST",
     .key = "last_bytes",
     .kind = CAIRN_COLUMN_BYTES,
     .width = 7,
     .value = 2,
     .sort = "last"},
    {.title = "FIT%",
     .key = "fit_percent",
     .kind = CAIRN_COLUMN_PERCENT,
     .width = 5,
     .from_width = 70,
     .value = 5},
    {.title = "growing site", .kind = CAIRN_COLUMN_NAME, .sort = "name"},
};

static const struct cairn_column rss_columns[] = {
    {.title = "RESIDENT",
     .key = "bytes",
     .kind = CAIRN_COLUMN_BYTES,
     .width = 8,
     .value = 0,
     .sort = "bytes"},
    {.title = "%", .key = "percent", .kind = CAIRN_COLUMN_PERCENT, .width = 5, .value = 1},
    {.title = "where the resident memory is", .kind = CAIRN_COLUMN_NAME, .sort = "name"},
};

/* One kind of job a pane; they differ in the question only. */
struct leaks_job {
    struct cairn_job job;
    enum pane pane;
    struct cairn_rows rows;
    char title[640];
};

/* What the sites of a class come to. */
struct class_sums {
    uint32_t index; /* of its row */
    double percent; /* in full: the rounded shares of many small sites would not add up */
    bool ageless;   /* of some site nobody knows how old its blocks are */
};

/* The row of a class, made when its first site comes; sums grow with each. */
static struct cairn_row *class_row(struct cairn_rows *rows, const struct cairn_leaks *leaks,
                                   enum cairn_leak_class class, struct class_sums *sums)
{
    if (sums->index == CAIRN_NO_PARENT) {
        const char *const names[] = {
            [CAIRN_LEAK_DEFINITE] = "definite: nothing refers to it",
            [CAIRN_LEAK_INDIRECT] = "indirect: only leaked blocks refer to it",
            [CAIRN_LEAK_REACHABLE] = "reachable: never freed, but referred to",
            [CAIRN_LEAK_UNKNOWN] =
                leaks->by_graph ? "live at the end of processes without a graph" : "live at the end",
        };
        struct cairn_row *row = cairn_rows_add(rows, CAIRN_NO_PARENT);
        if (row == NULL)
            return NULL;
        sums->index = (uint32_t)rows->count - 1;
        row->key = (uint64_t) class + 1;
        row->style = CAIRN_STYLE_LEAK;
        /* What leaked comes before what may have and what did not, however much that is. */
        row->first = class == CAIRN_LEAK_DEFINITE || class == CAIRN_LEAK_INDIRECT;
        row->last = class == CAIRN_LEAK_REACHABLE;
        row->name = names[class];
        row->values[3] = CAIRN_UNKNOWN;
    }
    return &rows->items[sums->index];
}

static void add_leak(struct cairn_rows *rows, struct cairn_trace *trace, const struct cairn_leaks *leaks,
                     const struct cairn_leak_row *from, enum cairn_by by, struct class_sums *sums)
{
    struct cairn_row *class = class_row(rows, leaks, from->class, sums);
    if (class == NULL)
        return;
    cairn_add(&class->values[0], from->bytes);
    sums->percent += from->percent;
    class->values[1] = (int64_t)(sums->percent * 100 + 0.5);
    if (from->blocks == CAIRN_UNKNOWN)
        class->values[2] = CAIRN_UNKNOWN;
    else
        cairn_add(&class->values[2], from->blocks);
    sums->ageless |= from->oldest_age_ns == CAIRN_UNKNOWN;
    if (sums->ageless)
        class->values[3] = CAIRN_UNKNOWN;
    else if (class->values[3] == CAIRN_UNKNOWN || from->oldest_age_ns > class->values[3])
        class->values[3] = from->oldest_age_ns;
    const uint64_t class_key = class->key;
    struct cairn_row *row = cairn_rows_add(rows, sums->index);
    if (row == NULL)
        return;
    cairn_rows_site(rows, row, &from->site, by);
    row->key = cairn_key_mix(class_key, by == CAIRN_BY_STACK ? from->stack : (uint64_t)from->site.site_id);
    row->stack = from->stack;
    row->style = CAIRN_STYLE_LEAK;
    row->values[0] = from->bytes;
    row->values[1] = (int64_t)(from->percent * 100 + 0.5);
    row->values[2] = from->blocks;
    row->values[3] = from->oldest_age_ns;
    cairn_detail_place(rows, row, trace);
}

/* Of processes with a graph what no root reaches is leaked; of those without one nothing is known but what lived at their end. */
static void say_by_graph(const struct cairn_leaks *leaks, bool filtered, char *out, size_t out_size)
{
    const struct cairn_leak_total *of = leaks->classes, *unknown = &of[CAIRN_LEAK_UNKNOWN];
    const int64_t leaked = of[CAIRN_LEAK_DEFINITE].blocks + of[CAIRN_LEAK_INDIRECT].blocks;
    char bytes[CAIRN_HUMAN_MAX], blocks[CAIRN_HUMAN_MAX], rest[2 * CAIRN_HUMAN_MAX + 80] = "";
    if (unknown->blocks > 0)
        snprintf(rest, sizeof(rest), "; %s in %s live at the end of processes without a graph",
                 cairn_human_bytes(bytes, unknown->bytes), cairn_human_blocks(blocks, unknown->blocks));
    if (leaked > 0)
        snprintf(out, out_size, "%s in %s that no root reaches%s",
                 cairn_human_bytes(bytes, of[CAIRN_LEAK_DEFINITE].bytes + of[CAIRN_LEAK_INDIRECT].bytes),
                 cairn_human_blocks(blocks, leaked), rest);
    else if (unknown->blocks > 0)
        snprintf(out, out_size, "nothing is leaked where a graph tells%s", rest);
    else if (filtered)
        snprintf(out, out_size, "nothing that passes the filter is leaked");
    else
        snprintf(out, out_size, "nothing is leaked: roots reach every block; 5 says what holds what grows");
}

static void say_leaks(const struct cairn_leaks *leaks, const struct cairn_recording *recording, bool filtered,
                      char *out, size_t out_size)
{
    char bytes[CAIRN_HUMAN_MAX], count[CAIRN_HUMAN_MAX], blocks[CAIRN_HUMAN_MAX + 16] = "";
    if (leaks->blocks != CAIRN_UNKNOWN)
        snprintf(blocks, sizeof(blocks), " in %s", cairn_human_blocks(count, leaks->blocks));
    cairn_human_bytes(bytes, leaks->bytes);
    if (leaks->by_graph)
        say_by_graph(leaks, filtered, out, out_size);
    else if (recording->sample_bytes > 0)
        snprintf(out, out_size,
                 "about %s%s live at the end: a sample cannot tell leaked blocks from those that are held",
                 bytes, blocks);
    else
        snprintf(out, out_size,
                 "%s%s live at the end (no object graph was taken: not all of it need be a leak)", bytes,
                 blocks);
}

static enum cairn_status run_leaks(struct leaks_job *own, struct cairn_reader *reader,
                                   const struct cairn_selection *selection)
{
    struct cairn_trace *trace = cairn_reader_trace(reader);
    struct cairn_leaks leaks;
    const enum cairn_status status = cairn_leaks(trace, selection, 0, NULL, &leaks, &own->job.error);
    if (status != CAIRN_OK)
        return status;
    struct class_sums sums[] = {
        {.index = CAIRN_NO_PARENT},
        {.index = CAIRN_NO_PARENT},
        {.index = CAIRN_NO_PARENT},
        {.index = CAIRN_NO_PARENT},
    };
    for (size_t i = 0; i < leaks.row_count; i++)
        add_leak(&own->rows, trace, &leaks, &leaks.rows[i], selection->by, &sums[leaks.rows[i].class]);
    say_leaks(&leaks, cairn_trace_recording(trace), selection->filter != NULL, own->title,
              sizeof(own->title));
    cairn_leaks_release(&leaks);
    return CAIRN_OK;
}

/* Appends what the largest object of a site hangs on, where a graph knows. What fails is left out: the rows say enough. */
static void add_holder(struct leaks_job *own, struct cairn_reader *reader,
                       const struct cairn_selection *selection, const struct cairn_site *site,
                       struct cairn_buffer *text)
{
    const struct cairn_object_origin origin = {.site_id = site->site_id, .selection = selection};
    struct cairn_graph *graph;
    struct cairn_objects objects;
    struct cairn_error error;
    if (cairn_reader_graph(reader, own->job.question.graph, &graph, &error) != CAIRN_OK ||
        cairn_objects_from(graph, &origin, 0, 1, &objects, &error) != CAIRN_OK)
        return;
    struct cairn_buffer why = CAIRN_BUFFER_INIT;
    if (objects.row_count > 0 && objects.rows[0].object.class == CAIRN_OBJECT_REACHABLE &&
        cairn_why_text(graph, objects.rows[0].object.id, &why, &error) == CAIRN_OK)
        cairn_buffer_format(text, "; the largest object it made is held by %s", cairn_buffer_cstr(&why));
    cairn_buffer_release(&why);
    cairn_objects_release(&objects);
}

/* "Session.__init__ app.py:10 grew in 38 of 38 steps; the largest object it made is held by module app › .CACHE …" */
static void say_growth(struct leaks_job *own, struct cairn_reader *reader,
                       const struct cairn_selection *selection, const struct cairn_growth_row *most)
{
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    const struct cairn_row *row = &own->rows.items[0];
    cairn_buffer_format(&text, "%s%s%s grew in %u of %u steps", row->name, row->place[0] != '\0' ? " " : "",
                        row->place, (unsigned)most->grew, (unsigned)most->of);
    add_holder(own, reader, selection, &most->site, &text);
    snprintf(own->title, sizeof(own->title), "%s", cairn_buffer_cstr(&text));
    cairn_buffer_release(&text);
}

static enum cairn_status run_growth(struct leaks_job *own, struct cairn_reader *reader,
                                    const struct cairn_selection *selection)
{
    struct cairn_trace *trace = cairn_reader_trace(reader);
    struct cairn_span span;
    struct cairn_growth growth;
    enum cairn_status status = cairn_reader_span(trace, &span, &own->job.error);
    if (status == CAIRN_OK)
        status = cairn_growth(trace, selection, &span, &growth, &own->job.error);
    if (status != CAIRN_OK)
        return status;
    for (size_t i = 0; i < growth.row_count; i++) {
        const struct cairn_growth_row *from = &growth.rows[i];
        struct cairn_row *row = cairn_rows_add(&own->rows, CAIRN_NO_PARENT);
        if (row == NULL)
            break;
        cairn_rows_site(&own->rows, row, &from->site, selection->by);
        row->key = (uint64_t)from->site.site_id;
        row->stack = from->stack;
        row->style = CAIRN_STYLE_GREW;
        row->values[0] = (int64_t)from->slope_bytes_per_s;
        row->values[1] = from->first_bytes;
        row->values[2] = from->last_bytes;
        row->values[3] = from->grew;
        row->values[4] = from->of;
        row->values[5] = (int64_t)(from->fit * 10000);
        cairn_detail_place(&own->rows, row, trace);
    }
    if (growth.row_count > 0 && !own->rows.failed)
        say_growth(own, reader, selection, &growth.rows[0]);
    cairn_growth_release(&growth);
    return CAIRN_OK;
}

static enum cairn_status run_rss(struct leaks_job *own, struct cairn_reader *reader,
                                 const struct cairn_selection *selection)
{
    struct cairn_trace *trace = cairn_reader_trace(reader);
    struct cairn_moment at;
    struct cairn_rss rss;
    enum cairn_status status = cairn_reader_moment(trace, &own->job.question.at, &at, &own->job.error);
    if (status == CAIRN_OK)
        status = cairn_rss(trace, selection, &at, &rss, &own->job.error);
    if (status != CAIRN_OK)
        return status;
    for (size_t i = 0; i < rss.row_count; i++) {
        struct cairn_row *row = cairn_rows_add(&own->rows, CAIRN_NO_PARENT);
        if (row == NULL)
            break;
        row->key = i + 1;
        row->name = cairn_rows_clean(&own->rows, rss.rows[i].category);
        row->place = cairn_rows_clean(&own->rows, rss.rows[i].note);
        row->values[0] = rss.rows[i].bytes;
        const bool share = rss.rows[i].bytes != CAIRN_UNKNOWN && rss.total_bytes > 0;
        row->values[1] =
            share ? (int64_t)((double)rss.rows[i].bytes * 10000 / (double)rss.total_bytes) : CAIRN_UNKNOWN;
    }
    char bytes[CAIRN_HUMAN_MAX], time[CAIRN_TIME_MAX];
    if (rss.total_bytes == CAIRN_UNKNOWN)
        snprintf(own->title, sizeof(own->title), "not measured");
    else
        snprintf(
            own->title, sizeof(own->title), "%s at %s", cairn_human_bytes(bytes, rss.total_bytes),
            cairn_time_in(cairn_trace_recording(cairn_reader_trace(reader))->duration_ns, rss.at.t_ns, time));
    cairn_rss_release(&rss);
    return CAIRN_OK;
}

static enum cairn_status run_pane(struct cairn_job *job, struct cairn_reader *reader)
{
    struct leaks_job *own = (struct leaks_job *)job;
    struct cairn_selection selection;
    enum cairn_status status = cairn_reader_selection(reader, &job->question, &selection, &job->error);
    if (status != CAIRN_OK)
        return status;
    static enum cairn_status (*const runs[])(struct leaks_job *, struct cairn_reader *,
                                             const struct cairn_selection *) = {
        [PANE_LEAKS] = run_leaks, [PANE_GROWTH] = run_growth, [PANE_RSS] = run_rss};
    status = runs[own->pane](own, reader, &selection);
    if (status == CAIRN_OK && own->rows.failed)
        status = cairn_fail(&job->error, CAIRN_E_NOMEM, "memory ran out for the rows");
    /* What the sentence leaves out when it is stopped is asked for again. */
    if (status == CAIRN_OK && cairn_trace_cancelled(cairn_reader_trace(reader)))
        status = cairn_fail(&job->error, CAIRN_E_CANCELLED, "cancelled");
    if (status != CAIRN_OK)
        cairn_rows_release(&own->rows);
    return status;
}

static void deliver_pane(struct cairn_job *job, void *receiver)
{
    struct leaks_job *own = (struct leaks_job *)job;
    struct leaks *screen = receiver;
    if (job->status != CAIRN_OK)
        return;
    cairn_outline_set_rows(&screen->tables[own->pane], &own->rows);
    if (own->pane == PANE_LEAKS) {
        snprintf(screen->meaning, sizeof(screen->meaning), "%.255s", own->title);
        if (!screen->opened)
            cairn_outline_fold_all(&screen->tables[PANE_LEAKS], false);
        screen->opened = true;
    } else if (own->pane == PANE_GROWTH) {
        memcpy(screen->verdict, own->title, sizeof(screen->verdict));
    } else {
        snprintf(screen->rss_title, sizeof(screen->rss_title), "%.127s", own->title);
    }
    screen->screen.seen_row = 0;
}

static void release_pane(struct cairn_job *job)
{
    cairn_rows_release(&((struct leaks_job *)job)->rows);
    free(job);
}

static const struct cairn_job_class pane_job_class = {
    .rank = 1, .again = true, .run = run_pane, .deliver = deliver_pane, .release = release_pane};

/* --- The screen. --- */

#define COLUMNS_OF(columns) columns, sizeof(columns) / sizeof((columns)[0])

static void init(struct cairn_screen *base)
{
    struct leaks *screen = (struct leaks *)base;
    cairn_outline_init(&screen->tables[PANE_LEAKS], COLUMNS_OF(leak_columns), 0);
    cairn_outline_init(&screen->tables[PANE_GROWTH], COLUMNS_OF(growth_columns), 0);
    cairn_outline_init(&screen->tables[PANE_RSS], COLUMNS_OF(rss_columns), 0);
}

static void release(struct cairn_screen *base)
{
    struct leaks *screen = (struct leaks *)base;
    for (int pane = 0; pane < PANE_COUNT; pane++)
        cairn_outline_release(&screen->tables[pane]);
    cairn_detail_release(&screen->detail);
}

static void ask(struct cairn_screen *base)
{
    for (int pane = 0; pane < PANE_COUNT; pane++) {
        struct leaks_job *job = calloc(1, sizeof(*job));
        if (job == NULL)
            return;
        job->job.class = &pane_job_class;
        job->job.slot = (unsigned)pane + 1;
        job->pane = (enum pane)pane;
        cairn_screen_post(base, &job->job);
    }
}

static struct cairn_outline *outline(struct cairn_screen *base)
{
    return &((struct leaks *)base)->tables[base->pane];
}

static struct cairn_detail *detail(struct cairn_screen *base)
{
    return &((struct leaks *)base)->detail;
}

static void draw_pane(struct leaks *screen, struct cairn_canvas *canvas, struct cairn_rect area,
                      enum pane pane, const char *empty)
{
    char heading[160];
    snprintf(heading, sizeof(heading), "where the resident memory is: %s", screen->rss_title);
    const struct cairn_outline_look look = {.focused = screen->screen.pane == (unsigned)pane,
                                            .heading = pane == PANE_RSS ? heading : NULL,
                                            .empty = empty,
                                            .match = cairn_app_match(screen->screen.app)};
    cairn_outline_draw(&screen->tables[pane], canvas, area, &look);
}

/* Whether all panes have their rows, or nothing is on its way that would bring them. */
static bool is_settled(const struct leaks *screen)
{
    int64_t since;
    bool loaded = true;
    for (int pane = 0; pane < PANE_COUNT; pane++)
        loaded &= screen->tables[pane].loaded;
    return loaded || !cairn_worker_busy(screen->screen.app->worker, &since);
}

/* Lines that show all of a pane: its heads and its rows, or why there are none. One without an answer takes what it gets, and so
 * does each until all have settled: what is read already does not move each time that another answer comes. */
static int lines_of(const struct leaks *screen, int pane)
{
    const struct cairn_outline *table = &screen->tables[pane];
    const size_t most = 10000, rows = table->visible_count > 0 ? table->visible_count : 1;
    return 1 + (int)(is_settled(screen) && table->loaded && rows < most ? rows : most);
}

/* The pane that has the keys gets the room, the others their first rows where there is room for any; what one has no rows
 * for goes to those that do. */
static void place_panes(const struct leaks *screen, struct cairn_rect area, struct cairn_rect *parts)
{
    const int focused = (int)screen->screen.pane;
    const int quarter = area.height / 4 > PANE_LEAST ? area.height / 4 : PANE_LEAST;
    int heights[PANE_COUNT] = {0}, left = area.height;
    for (int pane = 0; pane < PANE_COUNT && area.height >= PANE_COUNT * PANE_LEAST; pane++) {
        const int wanted = lines_of(screen, pane);
        heights[pane] = pane == focused ? 0 : wanted < quarter ? wanted : quarter;
        left -= heights[pane];
    }
    const int own = lines_of(screen, focused);
    heights[focused] = own < left ? own : left;
    left -= heights[focused];
    for (int pane = 0; pane < PANE_COUNT && heights[pane] > 0; pane++) {
        const int more = lines_of(screen, pane) - heights[pane];
        heights[pane] += more < left ? more : left;
        left -= more < left ? more : left;
    }
    int y = area.y;
    for (int pane = 0; pane < PANE_COUNT; pane++) {
        parts[pane] = (struct cairn_rect){area.x, y, area.width, heights[pane]};
        y += heights[pane];
    }
}

static void draw(struct cairn_screen *base, struct cairn_canvas *canvas, struct cairn_rect area)
{
    struct leaks *screen = (struct leaks *)base;
    const int most = is_settled(screen) ? CAIRN_SENTENCE_LINES(area.height) : 1;
    int used = cairn_draw_wrapped(canvas, area.x + 1, area.y, area.width - 2, most, CAIRN_STYLE_LEAK,
                                  screen->meaning);
    if (area.height >= 16)
        used += cairn_draw_wrapped(canvas, area.x + 1, area.y + used, area.width - 2, most - 1,
                                   CAIRN_STYLE_HEADING, screen->verdict);
    const struct cairn_rect rest = {area.x, area.y + used, area.width, area.height - used};
    const struct cairn_layout layout = cairn_detail_layout(base->app, rest);
    struct cairn_rect parts[PANE_COUNT];
    place_panes(screen, layout.table, parts);
    const char *const empty[PANE_COUNT] = {[PANE_LEAKS] = cairn_app_no_rows(base->app, "nothing leaked"),
                                           [PANE_GROWTH] = "no site kept growing",
                                           [PANE_RSS] = "not measured"};
    for (enum pane pane = 0; pane < PANE_COUNT; pane++)
        draw_pane(screen, canvas, parts[pane], pane, empty[pane]);
    cairn_detail_draw(&screen->detail, canvas, &layout);
}

static unsigned panes(const struct cairn_screen *base)
{
    (void)base;
    return PANE_COUNT;
}

static bool act(struct cairn_screen *base, const struct cairn_key_binding *binding)
{
    const struct cairn_row *row = cairn_outline_current(outline(base));
    if (binding->action != CAIRN_DO_ENTER || row == NULL || row->stack == 0)
        return false;
    cairn_app_push(base->app, cairn_frames_screen(base->app, row));
    return true;
}

static void command(const struct cairn_screen *base, struct cairn_buffer *text)
{
    static const char *const commands[] = {"leaks ", "growth ", "rss "};
    const struct cairn_app *app = base->app;
    if (base->pane != PANE_RSS && !cairn_inquiry_has_options(&app->question))
        return;
    cairn_buffer_text(text, commands[base->pane]);
    cairn_append_quoted(text, app->options->path);
    const struct cairn_inquiry sites = cairn_screen_question(base);
    const struct cairn_inquiry memory = {.at = sites.at, .process = sites.process};
    cairn_inquiry_options(base->pane == PANE_RSS ? &memory : &sites, base->pane == PANE_RSS, text);
}

const struct cairn_screen_class cairn_leaks_screen_class = {
    .id = CAIRN_SCREEN_LEAKS,
    .digit = '6',
    .name = "Leaks",
    .summary = "what leaked, what keeps growing, where the resident memory is",
    .grows = true,
    .paned = true,
    .size = sizeof(struct leaks),
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
