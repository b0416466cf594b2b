/* 1 Overview: the timeline, one true sentence, the sites, and the stack of the site under the cursor. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sanitise.h"
#include "query/rss.h"
#include "query/top.h"
#include "view/app.h"
#include "view/detail.h"
#include "view/gap.h"
#include "view/screens.h"
#include "view/site_columns.h"

#define TREND_POINTS 8
#define PLACED_MOST  2000 /* largest rows whose line is taken from their heaviest stack */
#define TRENDS_MOST  256  /* rows asked for at once */

enum slot { SLOT_TABLE = 1, SLOT_SENTENCE, SLOT_GAP, SLOT_TRENDS };
enum pane { PANE_TABLE, PANE_TIMELINE, PANE_COUNT };

struct overview {
    struct cairn_screen screen;
    struct cairn_outline table;
    struct cairn_detail detail;
    char sentence[1024], gap[256];
    char heading[64];
    struct cairn_inquiry trends_of; /* the question the sparklines answer */
    uint64_t trends_asked;          /* mixes the rows they were last asked for: drawing asks once */
};

/* --- The table. --- */

struct table_job {
    struct cairn_job job;
    struct cairn_rows rows;
    struct cairn_counts total;
    struct cairn_moment at;
};

static enum cairn_status ask_top(struct cairn_reader *reader, const struct cairn_inquiry *question,
                                 size_t limit, struct cairn_selection *selection, struct cairn_top *top,
                                 struct cairn_error *error)
{
    struct cairn_trace *trace = cairn_reader_trace(reader);
    struct cairn_moment at;
    struct cairn_span span;
    enum cairn_status status = cairn_reader_selection(reader, question, selection, error);
    if (status == CAIRN_OK)
        status = cairn_reader_moment(trace, &question->at, &at, error);
    if (status == CAIRN_OK)
        status = cairn_reader_span(trace, &span, error);
    selection->limit = limit;
    return status == CAIRN_OK ? cairn_top(trace, selection, &at, &span, top, error) : status;
}

static enum cairn_status run_table(struct cairn_job *job, struct cairn_reader *reader)
{
    struct table_job *own = (struct table_job *)job;
    struct cairn_selection selection;
    struct cairn_top top;
    const enum cairn_status status = ask_top(reader, &job->question, 0, &selection, &top, &job->error);
    if (status != CAIRN_OK)
        return status;
    for (size_t i = 0; i < top.row_count; i++) {
        const struct cairn_top_row *from = &top.rows[i];
        struct cairn_row *row = cairn_rows_add(&own->rows, CAIRN_NO_PARENT);
        if (row == NULL)
            break;
        cairn_rows_site(&own->rows, row, &from->site, selection.by);
        row->key = (uint64_t)from->site.site_id;
        row->stack = from->heaviest_stack;
        cairn_row_set_counts(row, &from->counts, from->percent);
        if (i < PLACED_MOST)
            cairn_detail_place(&own->rows, row, cairn_reader_trace(reader));
    }
    own->total = top.total;
    own->at = top.at;
    cairn_top_release(&top);
    return own->rows.failed ? cairn_fail(&job->error, CAIRN_E_NOMEM, "memory ran out for the rows")
                            : CAIRN_OK;
}

static void deliver_table(struct cairn_job *job, void *receiver)
{
    struct table_job *own = (struct table_job *)job;
    struct overview *screen = receiver;
    struct cairn_app *app = screen->screen.app;
    if (job->status != CAIRN_OK)
        return;
    size_t count;
    const struct cairn_column *columns = cairn_site_columns(job->question.metric, &count);
    if (columns != screen->table.columns)
        cairn_outline_columns(&screen->table, columns, count);
    screen->table.estimates = app->facts.sample_bytes > 0;
    cairn_outline_set_rows(&screen->table, &own->rows);
    snprintf(screen->heading, sizeof(screen->heading), "by %s", cairn_by_name(job->question.by));
    cairn_screen_told(&screen->screen, job, &own->at, &own->total);
    screen->screen.seen_row = 0;
}

static void release_table(struct cairn_job *job)
{
    cairn_rows_release(&((struct table_job *)job)->rows);
    free(job);
}

static const struct cairn_job_class table_job_class = {
    .rank = 1, .again = true, .run = run_table, .deliver = deliver_table, .release = release_table};

/* --- The sentence. --- */

struct text_job {
    struct cairn_job job;
    char text[1024];
};

static enum cairn_status run_sentence(struct cairn_job *job, struct cairn_reader *reader)
{
    struct text_job *own = (struct text_job *)job;
    struct cairn_selection selection;
    struct cairn_top top;
    char raw[512];
    enum cairn_status status = ask_top(reader, &job->question, 1, &selection, &top, &job->error);
    if (status != CAIRN_OK)
        return status;
    status = cairn_top_sentence(cairn_reader_trace(reader), &top, &selection, raw, sizeof(raw), &job->error);
    if (status == CAIRN_OK)
        cairn_sanitise(own->text, sizeof(own->text), raw, strlen(raw));
    cairn_top_release(&top);
    return status;
}

static void deliver_sentence(struct cairn_job *job, void *receiver)
{
    struct overview *screen = receiver;
    if (job->status == CAIRN_OK)
        memcpy(screen->sentence, ((struct text_job *)job)->text, sizeof(screen->sentence));
}

static void release_text(struct cairn_job *job)
{
    free(job);
}

static const struct cairn_job_class sentence_job_class = {
    .rank = 3, .again = true, .run = run_sentence, .deliver = deliver_sentence, .release = release_text};

/* --- What lies between heap and RSS. --- */

static enum cairn_status run_gap(struct cairn_job *job, struct cairn_reader *reader)
{
    struct text_job *own = (struct text_job *)job;
    struct cairn_trace *trace = cairn_reader_trace(reader);
    struct cairn_selection selection;
    struct cairn_moment at;
    struct cairn_rss rss;
    enum cairn_status status = cairn_reader_selection(reader, &job->question, &selection, &job->error);
    if (status == CAIRN_OK)
        status = cairn_reader_moment(trace, &job->question.at, &at, &job->error);
    if (status == CAIRN_OK)
        status = cairn_rss(trace, &selection, &at, &rss, &job->error);
    if (status != CAIRN_OK)
        return status;
    const int64_t duration_ns = cairn_trace_recording(trace)->duration_ns;
    char time[CAIRN_TIME_MAX] = "";
    if (!cairn_is_about(duration_ns, rss.at.t_ns, at.t_ns))
        cairn_time_in(duration_ns, rss.at.t_ns, time);
    if (rss.total_bytes != CAIRN_UNKNOWN)
        cairn_gap_text(&rss, time, own->text, sizeof(own->text));
    cairn_rss_release(&rss);
    return CAIRN_OK;
}

static void deliver_gap(struct cairn_job *job, void *receiver)
{
    struct overview *screen = receiver;
    if (job->status == CAIRN_OK)
        snprintf(screen->gap, sizeof(screen->gap), "%.255s", ((struct text_job *)job)->text);
}

static const struct cairn_job_class gap_job_class = {
    .rank = 4, .again = true, .run = run_gap, .deliver = deliver_gap, .release = release_text};

/* --- Sparklines, for the rows on the screen. --- */

struct trends_job {
    struct cairn_job job;
    int64_t sites[TRENDS_MOST];
    uint64_t keys[TRENDS_MOST];
    size_t count;
    int64_t *values;
};

static enum cairn_status run_trends(struct cairn_job *job, struct cairn_reader *reader)
{
    struct trends_job *own = (struct trends_job *)job;
    struct cairn_trace *trace = cairn_reader_trace(reader);
    struct cairn_selection selection;
    struct cairn_span span;
    enum cairn_status status = cairn_reader_selection(reader, &job->question, &selection, &job->error);
    if (status == CAIRN_OK)
        status = cairn_reader_span(trace, &span, &job->error);
    if (status == CAIRN_OK)
        status = cairn_top_trends(trace, &selection, own->sites, own->count, &span, TREND_POINTS,
                                  &own->values, &job->error);
    return status;
}

static void deliver_trends(struct cairn_job *job, void *receiver)
{
    const struct trends_job *own = (const struct trends_job *)job;
    struct overview *screen = receiver;
    if (job->status == CAIRN_OK && job->question.by == screen->trends_of.by)
        cairn_outline_add_trends(&screen->table, own->keys, own->count, own->values, TREND_POINTS);
}

static void release_trends(struct cairn_job *job)
{
    free(((struct trends_job *)job)->values);
    free(job);
}

static const struct cairn_job_class trends_job_class = {
    .rank = 5, .again = true, .run = run_trends, .deliver = deliver_trends, .release = release_trends};

/* Asks for the sparklines of rows that are on the screen and have none yet. */
static void ask_trends(struct overview *screen)
{
    const struct cairn_outline *table = &screen->table;
    struct trends_job *job = NULL;
    uint64_t asked = screen->screen.asked_revision;
    const size_t end = table->top + (size_t)table->page;
    for (size_t i = table->top; i < end && i < table->visible_count; i++) {
        const struct cairn_row *row = &table->rows.items[table->visible[i]];
        if (cairn_keymap_get(&table->trends, row->key) != NULL)
            continue;
        if (job == NULL && (job = calloc(1, sizeof(*job))) == NULL)
            return;
        if (job->count == TRENDS_MOST)
            break;
        job->sites[job->count] = row->site_id;
        job->keys[job->count++] = row->key;
        asked = cairn_key_mix(asked, row->key);
    }
    if (job == NULL || asked == screen->trends_asked) {
        free(job);
        return;
    }
    screen->trends_asked = asked;
    job->job.class = &trends_job_class;
    job->job.slot = SLOT_TRENDS;
    cairn_screen_post(&screen->screen, &job->job);
}

/* --- The screen. --- */

static void init(struct cairn_screen *base)
{
    struct overview *screen = (struct overview *)base;
    size_t count;
    const struct cairn_column *columns = cairn_site_columns(base->app->question.metric, &count);
    cairn_outline_init(&screen->table, columns, count, 0);
    screen->detail.source.title = "";
}

static void release(struct cairn_screen *base)
{
    struct overview *screen = (struct overview *)base;
    cairn_outline_release(&screen->table);
    cairn_detail_release(&screen->detail);
}

static void post(struct cairn_screen *screen, size_t size, const struct cairn_job_class *class, unsigned slot)
{
    struct cairn_job *job = calloc(1, size);
    if (job == NULL)
        return;
    job->class = class;
    job->slot = slot;
    cairn_screen_post(screen, job);
}

/* Whether sparklines made for one question hold for another: moments do not matter to them. */
static bool same_trends(const struct cairn_inquiry *one, const struct cairn_inquiry *two)
{
    return one->by == two->by && one->cumulative == two->cumulative && one->lang == two->lang &&
           one->memory == two->memory && one->process == two->process &&
           strcmp(one->filter, two->filter) == 0 && one->wrapper_count == two->wrapper_count &&
           memcmp(one->wrappers, two->wrappers, sizeof(one->wrappers)) == 0;
}

static void ask(struct cairn_screen *base)
{
    struct overview *screen = (struct overview *)base;
    const struct cairn_inquiry *question = &base->app->question;
    if (!same_trends(&screen->trends_of, question)) {
        cairn_outline_clear_trends(&screen->table);
        screen->trends_of = *question;
    }
    post(base, sizeof(struct table_job), &table_job_class, SLOT_TABLE);
    post(base, sizeof(struct text_job), &sentence_job_class, SLOT_SENTENCE);
    post(base, sizeof(struct text_job), &gap_job_class, SLOT_GAP);
}

static struct cairn_detail *detail(struct cairn_screen *base)
{
    return &((struct overview *)base)->detail;
}

static void draw(struct cairn_screen *base, struct cairn_canvas *canvas, struct cairn_rect area)
{
    struct overview *screen = (struct overview *)base;
    struct cairn_app *app = base->app;
    const int strip = cairn_strip_height(canvas->height);
    cairn_strip_draw(app, canvas, (struct cairn_rect){area.x, area.y, area.width, strip},
                     base->pane == PANE_TIMELINE, screen->gap);
    const int used =
        strip + cairn_draw_wrapped(canvas, area.x + 1, area.y + strip, area.width - 2,
                                   CAIRN_SENTENCE_LINES(area.height), CAIRN_STYLE_HEADING, screen->sentence);
    const struct cairn_rect rest = {area.x, area.y + used, area.width, area.height - used};
    const struct cairn_layout layout = cairn_detail_layout(app, rest);
    const struct cairn_outline_look look = {.focused = base->pane == PANE_TABLE,
                                            .heading = screen->heading,
                                            .empty = cairn_app_no_rows(app, "nothing was allocated here"),
                                            .match = cairn_app_match(app)};
    cairn_outline_draw(&screen->table, canvas, layout.table, &look);
    ask_trends(screen);
    cairn_detail_draw(&screen->detail, canvas, &layout);
}

static struct cairn_outline *outline(struct cairn_screen *base)
{
    return base->pane == PANE_TABLE ? &((struct overview *)base)->table : NULL;
}

static unsigned panes(const struct cairn_screen *base)
{
    (void)base;
    return PANE_COUNT;
}

static bool act(struct cairn_screen *base, const struct cairn_key_binding *binding)
{
    struct overview *screen = (struct overview *)base;
    const bool back = binding->action == CAIRN_DO_CLOSE;
    if (base->pane == PANE_TIMELINE && (back || binding->action == CAIRN_DO_OPEN)) {
        cairn_app_scrub(base->app, back ? -10 : 10);
        return true;
    }
    const struct cairn_row *row = cairn_outline_current(&screen->table);
    if (binding->action == CAIRN_DO_ENTER && base->pane == PANE_TABLE && row != NULL) {
        cairn_app_push(base->app, cairn_stacks_screen(base->app, row));
        return true;
    }
    return false;
}

static void command(const struct cairn_screen *base, struct cairn_buffer *text)
{
    if (!cairn_inquiry_has_options(&base->app->question))
        return;
    cairn_buffer_text(text, "top ");
    cairn_append_quoted(text, base->app->options->path);
    cairn_inquiry_options(&base->app->question, true, text);
    cairn_outline_sort_options(&((const struct overview *)base)->table, text);
}

const struct cairn_screen_class cairn_overview_screen_class = {
    .id = CAIRN_SCREEN_OVERVIEW,
    .digit = '1',
    .name = "Overview",
    .summary = "the timeline, one sentence, the sites with their trends",
    .size = sizeof(struct overview),
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
