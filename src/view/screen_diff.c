/* 4 Diff: what grew and shrank from A to B; a row opens into its stacks. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/human.h"
#include "base/sanitise.h"
#include "query/diff.h"
#include "view/app.h"
#include "view/detail.h"
#include "view/diff_types.h"
#include "view/screens.h"

#define FRAMES_NAMED 12
#define STACKS_MOST  200 /* opened below one row; the largest ones */

enum slot { SLOT_TABLE = 1, SLOT_STACKS };

struct diff {
    struct cairn_screen screen;
    struct cairn_outline table;
    struct cairn_detail detail;
    char verdict[1024], head[512];
    uint64_t pending; /* the row whose stacks were asked for and are not there yet; 0: none */
};

static const struct cairn_column diff_columns[] = {
    {.title = "", .kind = CAIRN_COLUMN_ARROW, .width = 1, .value = CAIRN_DIFF_VALUE_DELTA},
    {.title = "Δ BYTES",
     .key = "delta_bytes",
     .kind = CAIRN_COLUMN_BYTES_SIGNED,
     .width = 8,
     .value = CAIRN_DIFF_VALUE_DELTA,
     .sort = "delta_bytes"},
    {.title = "", .kind = CAIRN_COLUMN_BAR, .width = 12, .from_width = 96, .value = CAIRN_DIFF_VALUE_PERCENT},
    {.title = "Δ BLOCKS",
     .key = "delta_blocks",
     .kind = CAIRN_COLUMN_COUNT_SIGNED,
     .width = 9,
     .value = CAIRN_DIFF_VALUE_DELTA_BLOCKS,
     .sort = "delta_blocks"},
    {.title = "SURVIVED",
     .key = "survived_bytes",
     .kind = CAIRN_COLUMN_BYTES,
     .width = 8,
     .from_width = 60,
     .value = CAIRN_DIFF_VALUE_SURVIVED,
     .sort = "survived_bytes"},
    {.title = "A",
     .key = "a_bytes",
     .kind = CAIRN_COLUMN_BYTES,
     .width = 7,
     .from_width = 70,
     .value = CAIRN_DIFF_VALUE_A,
     .sort = "a_bytes"},
    {.title = "B",
     .key = "b_bytes",
     .kind = CAIRN_COLUMN_BYTES,
     .width = 7,
     .from_width = 70,
     .value = CAIRN_DIFF_VALUE_B,
     .sort = "b_bytes"},
    {.title = "function", .kind = CAIRN_COLUMN_NAME, .sort = "name"},
};

/* --- The table. --- */

struct diff_job {
    struct cairn_job job;
    uint64_t parent; /* key of the row whose stacks these are; 0: the sites */
    int64_t site_id;
    struct cairn_diff_graphs graphs; /* of A and B, when stacks are asked for */
    struct cairn_rows rows;
    char verdict[1024];
    struct cairn_diff_counts total;
    struct cairn_moment a, b;
};

static void set_values(struct cairn_row *row, const struct cairn_diff_row *from)
{
    const struct cairn_diff_counts *counts = &from->counts;
    row->values[CAIRN_DIFF_VALUE_DELTA] = counts->delta_bytes;
    row->values[CAIRN_DIFF_VALUE_DELTA_BLOCKS] = counts->delta_blocks;
    row->values[CAIRN_DIFF_VALUE_SURVIVED] = counts->survived_bytes;
    row->values[CAIRN_DIFF_VALUE_A] = counts->a_bytes;
    row->values[CAIRN_DIFF_VALUE_B] = counts->b_bytes;
    row->values[CAIRN_DIFF_VALUE_PERCENT] = (int64_t)(from->percent * 100 + 0.5);
    row->style = counts->delta_bytes > 0   ? CAIRN_STYLE_GREW
                 : counts->delta_bytes < 0 ? CAIRN_STYLE_SHRANK
                                           : CAIRN_STYLE_DIM;
    row->same = from->state == CAIRN_DIFF_SAME;
    row->stack = from->stack;
    row->first_trace = from->stack_of_a;
}

static enum cairn_status name_by_stack(struct cairn_rows *rows, struct cairn_trace *trace, uint32_t stack,
                                       struct cairn_error *error)
{
    struct cairn_row *row = &rows->items[rows->count - 1];
    struct cairn_rows frames = {.items = NULL};
    struct cairn_buffer line = CAIRN_BUFFER_INIT;
    const enum cairn_status status = cairn_detail_frames(trace, stack, &frames, error);
    if (status == CAIRN_OK) {
        cairn_stack_line(&frames, 0, FRAMES_NAMED, &line);
        row->name = cairn_rows_clean(rows, cairn_buffer_cstr(&line));
        row->place = "";
    }
    cairn_buffer_release(&line);
    cairn_rows_release(&frames);
    return status;
}

static enum cairn_status convert(struct diff_job *own, const struct cairn_diff *diff, enum cairn_by by)
{
    enum cairn_status status = CAIRN_OK;
    for (size_t i = 0; status == CAIRN_OK && i < diff->row_count; i++) {
        const struct cairn_diff_row *from = &diff->rows[i];
        struct cairn_row *row = cairn_rows_add(&own->rows, CAIRN_NO_PARENT);
        if (row == NULL)
            break;
        cairn_rows_site(&own->rows, row, &from->site, by);
        set_values(row, from);
        if (own->parent == 0) {
            row->key = (uint64_t)from->site.site_id;
            row->expandable = true;
            cairn_detail_place(&own->rows, row, from->stack_of_a ? diff->trace_a : diff->trace_b);
            continue;
        }
        row->key = cairn_key_mix(own->parent, (uint64_t)from->stack << 1 | from->stack_of_a);
        struct cairn_trace *trace = from->stack_of_a ? diff->trace_a : diff->trace_b;
        status = name_by_stack(&own->rows, trace, from->stack, &own->job.error);
    }
    return own->rows.failed ? cairn_fail(&own->job.error, CAIRN_E_NOMEM, "memory ran out for the rows")
                            : status;
}

static enum cairn_status run_diff(struct cairn_job *job, struct cairn_reader *reader)
{
    struct diff_job *own = (struct diff_job *)job;
    struct cairn_trace *trace_a = cairn_reader_trace(reader), *trace_b = cairn_reader_other(reader);
    const struct cairn_view_moment a = cairn_inquiry_a(&job->question), b = cairn_inquiry_b(&job->question);
    struct cairn_selection selection;
    struct cairn_diff diff;
    enum cairn_status status = cairn_reader_selection(reader, &job->question, &selection, &job->error);
    if (status == CAIRN_OK)
        status = cairn_reader_moment(trace_a, &a, &own->a, &job->error);
    if (status == CAIRN_OK)
        status = cairn_reader_moment(trace_b, &b, &own->b, &job->error);
    if (status != CAIRN_OK)
        return status;
    selection.sort = CAIRN_SORT_DELTA_BYTES;
    if (own->parent != 0) {
        selection.limit = STACKS_MOST;
        status = cairn_diff_stacks(trace_a, &own->a, trace_b, &own->b, &selection, own->site_id, &diff,
                                   &job->error);
    } else {
        status = cairn_diff(trace_a, &own->a, trace_b, &own->b, &selection, &diff, &job->error);
    }
    if (status != CAIRN_OK)
        return status;
    own->total = diff.total;
    cairn_sanitise(own->verdict, sizeof(own->verdict), diff.verdict, strlen(diff.verdict));
    status = convert(own, &diff, selection.by);
    cairn_diff_release(&diff);
    if (status == CAIRN_OK && own->parent != 0)
        status = cairn_diff_types_add(reader, &job->question, &own->graphs, own->parent, own->site_id,
                                      &own->rows, &job->error);
    return status;
}

/* How good the numbers are: no better than those of either trace. */
static const char *exactness(const struct diff_job *own, const struct cairn_facts *a,
                             const struct cairn_facts *b)
{
    if (a->lost_events > 0 || b->lost_events > 0)
        return "not exact: events were lost";
    if (a->sample_bytes > 0 || b->sample_bytes > 0)
        return "estimated";
    if (a->told_by != NULL || b->told_by != NULL)
        return a->told_by != NULL ? a->told_by : b->told_by;
    return own->a.inexact || own->b.inexact ? "to the chunk" : "exact";
}

static void write_head(struct diff *screen, const struct diff_job *own)
{
    const struct cairn_app *app = screen->screen.app;
    const struct cairn_facts *b_facts = app->other_facts.loaded ? &app->other_facts : &app->facts;
    char a_time[CAIRN_TIME_MAX], b_time[CAIRN_TIME_MAX], rss[64] = "";
    char a_bytes[CAIRN_HUMAN_MAX], b_bytes[CAIRN_HUMAN_MAX], delta[CAIRN_VALUE_MAX],
        rss_delta[CAIRN_VALUE_MAX];
    bool near_a, near_b;
    const int64_t rss_a = cairn_strip_rss(&app->strip, own->a.t_ns, &near_a),
                  rss_b = cairn_strip_rss(&app->strip, own->b.t_ns, &near_b);
    if (!app->other_facts.loaded && rss_a != CAIRN_UNKNOWN && rss_b != CAIRN_UNKNOWN)
        snprintf(rss, sizeof(rss), "rss %s%s   ", near_a && near_b ? "" : "~",
                 cairn_value_text(CAIRN_COLUMN_BYTES_SIGNED, rss_b - rss_a, rss_delta));
    snprintf(screen->head, sizeof(screen->head), "A %s%s%s %s → B %s%s%s %s     %s   %s%s",
             app->other_facts.loaded ? app->facts.path : "", app->other_facts.loaded ? " " : "",
             cairn_time_text(&app->facts, own->a.t_ns, a_time),
             cairn_human_bytes_short(a_bytes, own->total.a_bytes),
             app->other_facts.loaded ? b_facts->path : "", app->other_facts.loaded ? " " : "",
             cairn_time_text(b_facts, own->b.t_ns, b_time),
             cairn_human_bytes_short(b_bytes, own->total.b_bytes),
             cairn_value_text(CAIRN_COLUMN_BYTES_SIGNED, own->total.delta_bytes, delta), rss,
             exactness(own, &app->facts, b_facts));
}

/* The stacks of the row, which is open already, are asked for. */
static void ask_stacks(struct diff *screen, const struct cairn_row *row);

/* New rows know no stacks yet: what was open is opened again, one row after the other. */
static void open_next(struct diff *screen)
{
    const struct cairn_row *row = cairn_outline_next_open(&screen->table);
    if (row != NULL)
        ask_stacks(screen, row);
}

static void deliver_diff(struct cairn_job *job, void *receiver)
{
    struct diff_job *own = (struct diff_job *)job;
    struct diff *screen = receiver;
    if (own->parent != 0)
        screen->pending = 0;
    if (job->status != CAIRN_OK)
        return;
    if (own->parent != 0) {
        if (job->revision == screen->screen.asked_revision)
            cairn_outline_add_children(&screen->table, own->parent, &own->rows);
    } else {
        cairn_outline_set_rows(&screen->table, &own->rows);
        memcpy(screen->verdict, own->verdict, sizeof(screen->verdict));
        write_head(screen, own);
        screen->screen.seen_row = 0;
    }
    open_next(screen);
}

static void release_diff(struct cairn_job *job)
{
    cairn_rows_release(&((struct diff_job *)job)->rows);
    free(job);
}

static const struct cairn_job_class diff_job_class = {
    .rank = 1, .run = run_diff, .deliver = deliver_diff, .release = release_diff};

static void post(struct diff *screen, uint64_t parent, int64_t site_id)
{
    struct diff_job *job = calloc(1, sizeof(*job));
    if (job == NULL)
        return;
    job->job.class = &diff_job_class;
    job->job.slot = parent != 0 ? SLOT_STACKS : SLOT_TABLE;
    job->parent = parent;
    job->site_id = site_id;
    if (parent != 0)
        cairn_diff_graphs_find(screen->screen.app, &job->graphs);
    cairn_screen_post(&screen->screen, &job->job);
}

static void ask_stacks(struct diff *screen, const struct cairn_row *row)
{
    screen->pending = row->key;
    post(screen, row->key, row->site_id);
}

/* --- The screen. --- */

static void init(struct cairn_screen *base)
{
    cairn_outline_init(&((struct diff *)base)->table, diff_columns,
                       sizeof(diff_columns) / sizeof(diff_columns[0]), 1);
}

static void release(struct cairn_screen *base)
{
    struct diff *screen = (struct diff *)base;
    cairn_outline_release(&screen->table);
    cairn_detail_release(&screen->detail);
}

static void ask(struct cairn_screen *base)
{
    post((struct diff *)base, 0, 0);
}

static struct cairn_detail *detail(struct cairn_screen *base)
{
    return &((struct diff *)base)->detail;
}

static void draw(struct cairn_screen *base, struct cairn_canvas *canvas, struct cairn_rect area)
{
    struct diff *screen = (struct diff *)base;
    struct cairn_app *app = base->app;
    cairn_draw_text(canvas, area.x + 1, area.y, area.width - 1, CAIRN_STYLE_TEXT, screen->head);
    const int used =
        1 + cairn_draw_wrapped(canvas, area.x + 1, area.y + 1, area.width - 2,
                               CAIRN_SENTENCE_LINES(area.height), CAIRN_STYLE_HEADING, screen->verdict);
    struct cairn_rect rest = {area.x, area.y + used, area.width, area.height - used};
    if (canvas->height >= 30 && !app->other_facts.loaded) {
        const int strip = cairn_strip_height(canvas->height);
        cairn_strip_draw(app, canvas, (struct cairn_rect){rest.x, rest.y, rest.width, strip}, false, "");
        rest.y += strip;
        rest.height -= strip;
    }
    const struct cairn_layout layout = cairn_detail_layout(app, rest);
    char heading[64];
    snprintf(heading, sizeof(heading), "by %s%s", cairn_by_name(app->question.by),
             screen->table.hide_same ? ", changed" : "");
    const bool hidden = screen->table.hide_same && screen->table.rows.count > 0;
    const struct cairn_outline_look look = {
        .focused = true,
        .heading = heading,
        .empty = hidden ? "nothing changed between A and B; z shows what is there"
                        : cairn_app_no_rows(app, "nothing changed between A and B"),
        .match = cairn_app_match(app)};
    cairn_outline_draw(&screen->table, canvas, layout.table, &look);
    cairn_detail_draw(&screen->detail, canvas, &layout);
}

static struct cairn_outline *outline(struct cairn_screen *base)
{
    return &((struct diff *)base)->table;
}

/* Opens a row: its stacks come from the trace the first time. */
static bool open_row(struct diff *screen)
{
    const struct cairn_row *row = cairn_outline_open(&screen->table);
    if (row != NULL && screen->pending != row->key)
        ask_stacks(screen, row);
    return row != NULL;
}

static bool act(struct cairn_screen *base, const struct cairn_key_binding *binding)
{
    struct diff *screen = (struct diff *)base;
    const struct cairn_row *row = cairn_outline_current(&screen->table);
    switch (binding->action) {
    case CAIRN_DO_HIDE_SAME:
        screen->table.hide_same = !screen->table.hide_same;
        cairn_outline_refresh(&screen->table);
        cairn_app_say(base->app, screen->table.hide_same ? "what did not change is hidden" : "all rows");
        return true;
    case CAIRN_DO_ORIGIN:
        return row != NULL && cairn_diff_types_show(base->app, &screen->table, row);
    case CAIRN_DO_ENTER:
        if (row != NULL && cairn_diff_types_show(base->app, &screen->table, row))
            return true;
        if (row != NULL && row->stack != 0 && row->parent != CAIRN_NO_PARENT) {
            cairn_app_push(base->app, cairn_frames_screen(base->app, row));
            return true;
        }
        return open_row(screen);
    case CAIRN_DO_OPEN:
    case CAIRN_DO_FOLD:
        return open_row(screen);
    case CAIRN_DO_UNFOLD_ALL:
        cairn_outline_open_all(&screen->table);
        open_next(screen);
        return true;
    case CAIRN_DO_DIFF:
        cairn_app_say(base->app, "this is the diff; a and b move its ends%s",
                      base->app->options->other_path == NULL ? ", X swaps them" : "");
        return true;
    default:
        return false;
    }
}

static void command(const struct cairn_screen *base, struct cairn_buffer *text)
{
    if (!cairn_inquiry_has_options(&base->app->question))
        return;
    const struct cairn_app *app = base->app;
    const struct cairn_view_moment a = cairn_inquiry_a(&app->question), b = cairn_inquiry_b(&app->question);
    char a_word[80], b_word[80];
    cairn_moment_word(&a, a_word, sizeof(a_word));
    cairn_moment_word(&b, b_word, sizeof(b_word));
    cairn_buffer_text(text, "diff ");
    cairn_append_quoted(text, app->options->path);
    cairn_buffer_byte(text, ' ');
    if (app->options->other_path != NULL) {
        cairn_append_quoted(text, app->options->other_path);
        cairn_buffer_text(text, " --at ");
        cairn_append_quoted(text, a_word);
    } else {
        cairn_append_quoted(text, a_word);
        cairn_buffer_byte(text, ' ');
        cairn_append_quoted(text, b_word);
    }
    const struct cairn_inquiry question = cairn_screen_question(base);
    cairn_inquiry_options(&question, false, text);
    cairn_outline_sort_options(&((const struct diff *)base)->table, text);
}

const struct cairn_screen_class cairn_diff_screen_class = {
    .id = CAIRN_SCREEN_DIFF,
    .digit = '4',
    .name = "Diff",
    .summary = "what grew and shrank from A to B, and what of it survived",
    .size = sizeof(struct diff),
    .init = init,
    .release = release,
    .ask = ask,
    .detail = detail,
    .draw = draw,
    .outline = outline,
    .act = act,
    .command = command,
};
