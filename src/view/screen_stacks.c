/* The stacks of one site, reached from the Overview: heaviest first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query/top.h"
#include "view/app.h"
#include "view/detail.h"
#include "view/screens.h"
#include "view/site_columns.h"

#define FRAMES_NAMED 16 /* in a row's line */

struct stacks {
    struct cairn_screen screen;
    struct cairn_outline table;
    struct cairn_detail detail;
    int64_t site_id;
    enum cairn_by by; /* the grouping in which site_id is a number */
    char title[512];
};

struct stacks_job {
    struct cairn_job job;
    int64_t site_id;
    enum cairn_by by;
    struct cairn_moment at;
    struct cairn_rows rows;
};

/* Names the row by the frames of its stack. */
static enum cairn_status name_stack(struct cairn_rows *rows, struct cairn_trace *trace,
                                    struct cairn_error *error)
{
    const size_t index = rows->count - 1;
    struct cairn_rows frames = {.items = NULL};
    struct cairn_buffer line = CAIRN_BUFFER_INIT;
    const enum cairn_status status = cairn_detail_frames(trace, rows->items[index].stack, &frames, error);
    if (status == CAIRN_OK) {
        cairn_stack_line(&frames, 0, FRAMES_NAMED, &line);
        rows->items[index].name = cairn_rows_clean(rows, cairn_buffer_cstr(&line));
        rows->items[index].place = "";
    }
    cairn_buffer_release(&line);
    cairn_rows_release(&frames);
    return status;
}

static enum cairn_status run_stacks(struct cairn_job *job, struct cairn_reader *reader)
{
    struct stacks_job *own = (struct stacks_job *)job;
    struct cairn_trace *trace = cairn_reader_trace(reader);
    struct cairn_selection selection;
    struct cairn_span span;
    struct cairn_top top;
    enum cairn_status status = cairn_reader_selection(reader, &job->question, &selection, &job->error);
    if (status == CAIRN_OK)
        status = cairn_reader_moment(trace, &job->question.at, &own->at, &job->error);
    selection.by = own->by;
    if (status == CAIRN_OK)
        status = cairn_reader_span(trace, &span, &job->error);
    if (status == CAIRN_OK)
        status = cairn_top_stacks(trace, &selection, own->site_id, &own->at, &span, &top, &job->error);
    if (status != CAIRN_OK)
        return status;
    for (size_t i = 0; status == CAIRN_OK && i < top.row_count; i++) {
        const struct cairn_top_row *from = &top.rows[i];
        struct cairn_row *row = cairn_rows_add(&own->rows, CAIRN_NO_PARENT);
        if (row == NULL)
            break;
        cairn_rows_site(&own->rows, row, &from->site, CAIRN_BY_FUNCTION);
        row->key = from->heaviest_stack;
        row->stack = from->heaviest_stack;
        cairn_row_set_counts(row, &from->counts, from->percent);
        status = name_stack(&own->rows, trace, &job->error);
    }
    cairn_top_release(&top);
    return own->rows.failed ? cairn_fail(&job->error, CAIRN_E_NOMEM, "memory ran out for the rows") : status;
}

static void deliver_stacks(struct cairn_job *job, void *receiver)
{
    struct stacks_job *own = (struct stacks_job *)job;
    struct stacks *screen = receiver;
    if (job->status != CAIRN_OK)
        return;
    size_t count;
    const struct cairn_column *columns = cairn_site_columns(job->question.metric, &count);
    if (columns != screen->table.columns)
        cairn_outline_columns(&screen->table, columns, count);
    screen->table.estimates = screen->screen.app->facts.sample_bytes > 0;
    cairn_outline_set_rows(&screen->table, &own->rows);
    cairn_screen_told(&screen->screen, job, &own->at, NULL);
    screen->screen.seen_row = 0;
}

static void release_stacks(struct cairn_job *job)
{
    cairn_rows_release(&((struct stacks_job *)job)->rows);
    free(job);
}

static const struct cairn_job_class stacks_job_class = {
    .rank = 1, .run = run_stacks, .deliver = deliver_stacks, .release = release_stacks};

static void init(struct cairn_screen *base)
{
    struct stacks *screen = (struct stacks *)base;
    size_t count;
    const struct cairn_column *columns = cairn_site_columns(base->app->question.metric, &count);
    cairn_outline_init(&screen->table, columns, count, 0);
    screen->table.no_trends = true;
}

static void release(struct cairn_screen *base)
{
    struct stacks *screen = (struct stacks *)base;
    cairn_outline_release(&screen->table);
    cairn_detail_release(&screen->detail);
}

static void ask(struct cairn_screen *base)
{
    struct stacks *screen = (struct stacks *)base;
    struct stacks_job *job = calloc(1, sizeof(*job));
    if (job == NULL)
        return;
    job->job.class = &stacks_job_class;
    job->job.slot = 1;
    job->site_id = screen->site_id;
    job->by = screen->by;
    cairn_screen_post(base, &job->job);
}

static struct cairn_detail *detail(struct cairn_screen *base)
{
    return &((struct stacks *)base)->detail;
}

static void draw(struct cairn_screen *base, struct cairn_canvas *canvas, struct cairn_rect area)
{
    struct stacks *screen = (struct stacks *)base;
    cairn_draw_text(canvas, area.x + 1, area.y, area.width - 1, CAIRN_STYLE_HEADING, screen->title);
    const struct cairn_rect rest = {area.x, area.y + 1, area.width, area.height - 1};
    const struct cairn_layout layout = cairn_detail_layout(base->app, rest);
    const struct cairn_outline_look look = {.focused = true,
                                            .heading = "innermost ← outermost",
                                            .empty = "this site has no stacks at this moment; Esc goes back",
                                            .match = cairn_app_match(base->app)};
    cairn_outline_draw(&screen->table, canvas, layout.table, &look);
    cairn_detail_draw(&screen->detail, canvas, &layout);
}

static struct cairn_outline *outline(struct cairn_screen *base)
{
    return &((struct stacks *)base)->table;
}

static bool act(struct cairn_screen *base, const struct cairn_key_binding *binding)
{
    const struct cairn_row *row = cairn_outline_current(outline(base));
    if (binding->action != CAIRN_DO_ENTER || row == NULL)
        return false;
    cairn_app_push(base->app, cairn_frames_screen(base->app, row));
    return true;
}

struct cairn_screen *cairn_stacks_screen(struct cairn_app *app, const struct cairn_row *from)
{
    struct stacks *screen = (struct stacks *)cairn_screen_new(&cairn_stacks_screen_class, app);
    if (screen == NULL)
        return NULL;
    screen->site_id = from->site_id;
    screen->by = app->question.by;
    snprintf(screen->title, sizeof(screen->title), "stacks of %s  %s", from->name, from->place);
    return &screen->screen;
}

const struct cairn_screen_class cairn_stacks_screen_class = {
    .id = CAIRN_SCREEN_STACKS,
    .name = "Stacks",
    .summary = "the call stacks of one site",
    .size = sizeof(struct stacks),
    .init = init,
    .release = release,
    .ask = ask,
    .detail = detail,
    .draw = draw,
    .outline = outline,
    .act = act,
};
