/* The frames of one stack with their source, reached from any row that has one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view/app.h"
#include "view/detail.h"
#include "view/screens.h"

struct frames {
    struct cairn_screen screen;
    struct cairn_outline table;
    struct cairn_detail detail;
    uint32_t stack; /* 0: the rows were given */
    bool first_trace;
    bool placed;                    /* the cursor stands on the charged frame */
    char function[256], label[128]; /* the row's own, where the cursor starts; function "": without a name */
    int64_t line;
    char title[512];
};

static const struct cairn_column frame_columns[] = {
    {.title = "#", .key = "frame", .kind = CAIRN_COLUMN_NUMBER, .width = 3, .value = 0},
    {.title = "innermost first", .kind = CAIRN_COLUMN_NAME},
};

struct frames_job {
    struct cairn_job job;
    uint32_t stack;
    bool first_trace;
    struct cairn_rows rows;
};

static enum cairn_status run_frames(struct cairn_job *job, struct cairn_reader *reader)
{
    struct frames_job *own = (struct frames_job *)job;
    struct cairn_trace *trace = own->first_trace ? cairn_reader_trace(reader) : cairn_reader_other(reader);
    return cairn_detail_frames(trace, own->stack, &own->rows, &job->error);
}

static void place_cursor(struct frames *screen)
{
    for (size_t i = 0; !screen->placed && i < screen->table.rows.count; i++) {
        const char *function = screen->function[0] != '\0' ? screen->function : NULL;
        if (!cairn_detail_is_site(&screen->table.rows.items[i], function, screen->label, screen->line))
            continue;
        cairn_outline_reveal(&screen->table, i);
        screen->placed = true;
    }
    screen->placed = true;
}

static void set_rows(struct frames *screen, struct cairn_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        rows->items[i].first_trace = screen->first_trace;
    cairn_outline_set_rows(&screen->table, rows);
    place_cursor(screen);
    screen->screen.seen_row = 0;
}

static void deliver_frames(struct cairn_job *job, void *receiver)
{
    if (job->status == CAIRN_OK)
        set_rows(receiver, &((struct frames_job *)job)->rows);
}

static void release_frames(struct cairn_job *job)
{
    cairn_rows_release(&((struct frames_job *)job)->rows);
    free(job);
}

static const struct cairn_job_class frames_job_class = {
    .rank = 1, .run = run_frames, .deliver = deliver_frames, .release = release_frames};

static void init(struct cairn_screen *base)
{
    cairn_outline_init(&((struct frames *)base)->table, frame_columns,
                       sizeof(frame_columns) / sizeof(frame_columns[0]), 1);
}

static void release(struct cairn_screen *base)
{
    struct frames *screen = (struct frames *)base;
    cairn_outline_release(&screen->table);
    cairn_detail_release(&screen->detail);
}

static void ask(struct cairn_screen *base)
{
    const struct frames *screen = (const struct frames *)base;
    if (screen->stack == 0 || screen->table.loaded)
        return;
    struct frames_job *job = calloc(1, sizeof(*job));
    if (job == NULL)
        return;
    job->job.class = &frames_job_class;
    job->job.slot = 1;
    job->stack = screen->stack;
    job->first_trace = screen->first_trace;
    cairn_screen_post(base, &job->job);
}

static struct cairn_detail *detail(struct cairn_screen *base)
{
    return &((struct frames *)base)->detail;
}

static void draw(struct cairn_screen *base, struct cairn_canvas *canvas, struct cairn_rect area)
{
    struct frames *screen = (struct frames *)base;
    cairn_draw_text(canvas, area.x + 1, area.y, area.width - 1, CAIRN_STYLE_HEADING, screen->title);
    struct cairn_rect table = {area.x, area.y + 1, area.width, area.height - 1}, source = table;
    /* Source is what one comes here for: beside the frames where there is room, else below them. */
    if (area.width >= 120) {
        table.width = area.width / 2;
        source.x += table.width + 1;
        source.width -= table.width + 1;
    } else {
        table.height = (area.height - 1) / 2;
        source.y += table.height;
        source.height -= table.height;
    }
    const struct cairn_outline_look look = {.focused = true, .match = cairn_app_match(base->app)};
    cairn_outline_draw(&screen->table, canvas, table, &look);
    cairn_source_draw(&screen->detail.source, canvas, source);
}

static struct cairn_outline *outline(struct cairn_screen *base)
{
    return &((struct frames *)base)->table;
}

static bool act(struct cairn_screen *base, const struct cairn_key_binding *binding)
{
    const struct frames *screen = (const struct frames *)base;
    if (binding->action != CAIRN_DO_ORIGIN)
        return false;
    const struct cairn_row row = {.stack = screen->stack, .name = screen->title};
    cairn_app_show_origin(base->app, &row);
    return true;
}

static struct frames *open_frames(struct cairn_app *app)
{
    struct frames *screen = (struct frames *)cairn_screen_new(&cairn_frames_screen_class, app);
    if (screen != NULL)
        screen->first_trace = true;
    if (screen != NULL)
        screen->line = CAIRN_UNKNOWN;
    return screen;
}

struct cairn_screen *cairn_frames_screen(struct cairn_app *app, const struct cairn_row *from)
{
    struct frames *screen = open_frames(app);
    if (screen == NULL)
        return NULL;
    screen->stack = from->stack;
    screen->first_trace = from->first_trace;
    if (from->function != NULL)
        snprintf(screen->function, sizeof(screen->function), "%s", from->function);
    snprintf(screen->label, sizeof(screen->label), "%s", from->label);
    screen->line = from->line;
    snprintf(screen->title, sizeof(screen->title), "stack %u  %s", (unsigned)from->stack, from->name);
    return &screen->screen;
}

struct cairn_screen *cairn_frames_screen_of(struct cairn_app *app, struct cairn_rows *frames,
                                            const char *title)
{
    struct frames *screen = open_frames(app);
    if (screen == NULL) {
        cairn_rows_release(frames);
        return NULL;
    }
    snprintf(screen->title, sizeof(screen->title), "%s", title);
    set_rows(screen, frames);
    return &screen->screen;
}

const struct cairn_screen_class cairn_frames_screen_class = {
    .id = CAIRN_SCREEN_FRAMES,
    .name = "Frames",
    .summary = "the frames of one stack, with their source",
    .size = sizeof(struct frames),
    .init = init,
    .release = release,
    .ask = ask,
    .detail = detail,
    .draw = draw,
    .outline = outline,
    .act = act,
};
