/* The title line: what is looked at, the moment and what the heap comes to then. It tells the same moment as the rows below it. */
#include <stdio.h>
#include <string.h>

#include "base/human.h"
#include "view/graphs.h"

#define LATE_NS 100000000 /* an answer that takes longer is announced by the moment that it will be about */

/* The question whose answer is on the screen. */
static const struct cairn_inquiry *told_question(const struct cairn_app *app)
{
    const struct cairn_screen *screen = cairn_app_screen(app);
    return screen->told ? &screen->told_of : &app->question;
}

/* A screen that tells of no moment has the last one that the timeline, which the heap is taken from, knows. */
static struct cairn_view_moment told_moment(const struct cairn_app *app)
{
    if (cairn_app_screen(app)->told)
        return cairn_app_screen(app)->told_of.at;
    struct cairn_view_moment at = cairn_app_shown_moment(app);
    if (app->strip.count > 0 && at.moment.t_ns > app->strip.duration_ns)
        at.moment.t_ns = app->strip.duration_ns;
    return at;
}

/* Whether the answer for the moment that was chosen takes its time, or was cancelled. */
static bool is_late(const struct cairn_app *app)
{
    const struct cairn_screen *screen = cairn_app_screen(app);
    int64_t since;
    return screen->told && screen->told_of.at.moment.t_ns != app->question.at.moment.t_ns &&
           (!cairn_worker_busy(app->worker, &since) || (since != 0 && cairn_clock_ns() - since >= LATE_NS));
}

static void process_text(const struct cairn_app *app, uint32_t process, char *out, size_t out_size)
{
    char pid[CAIRN_HUMAN_MAX];
    out[0] = '\0';
    const struct cairn_facts *facts = &app->facts;
    if (process == 0 && facts->process_count > 1)
        snprintf(out, out_size, "all %zu processes", facts->process_count);
    for (size_t i = 0; i < facts->process_count; i++)
        if (facts->processes[i].process == process)
            snprintf(out, out_size, "%s %s", facts->processes[i].program,
                     cairn_pid_text(facts->processes[i].pid, pid));
}

/* "": every number is exact. */
static void doubt_text(const struct cairn_app *app, const struct cairn_moment *at, char *out, size_t out_size)
{
    const struct cairn_facts *facts = &app->facts;
    char text[CAIRN_HUMAN_MAX];
    out[0] = '\0';
    if (facts->sample_bytes > 0)
        snprintf(out, out_size, "sampled, %s", cairn_human_bytes(text, facts->sample_bytes));
    else if (facts->lost_events > 0)
        snprintf(out, out_size, "at least (events were lost)");
    else if (facts->told_by != NULL)
        snprintf(out, out_size, "%s", facts->told_by);
    else if (at->inexact)
        snprintf(out, out_size, "to the chunk, exact from %s",
                 cairn_time_text(facts, facts->exact_from_ns, text));
}

static const char *live_text(const struct cairn_app *app)
{
    if (app->facts.live)
        return app->following ? "● following" : "● running, not followed";
    return app->facts.complete ? "" : "incomplete";
}

/* Pieces from left to right as they are shown. */
enum {
    PIECE_PROGRAM,
    PIECE_PROCESS,
    PIECE_ALL, /* of several processes */
    PIECE_MOMENT,
    PIECE_CLOCK,
    PIECE_A,
    PIECE_B,
    PIECE_HEAP,
    PIECE_RSS,
    PIECE_EXACT,
    PIECE_DOUBT,
    PIECE_LIVE,
    PIECES
};

/* What is given room first. On a narrow terminal the last ones go first, and one that found no room leaves none to those behind it:
 * a wider terminal shows all that a narrower one does. The name of the screen always stands at the right edge. First come those
 * without which a number may be misread. */
static const unsigned char precedence[PIECES] = {PIECE_PROGRAM, PIECE_MOMENT, PIECE_HEAP,  PIECE_DOUBT,
                                                 PIECE_LIVE,    PIECE_A,      PIECE_B,     PIECE_PROCESS,
                                                 PIECE_RSS,     PIECE_ALL,    PIECE_CLOCK, PIECE_EXACT};

struct piece {
    char text[CAIRN_MOMENT_TEXT_MAX * 2 + 8];
    bool shown;
};

#define PIECE_GAP 2 /* columns behind each */

static void write_moments(const struct cairn_app *app, const struct cairn_view_moment *at,
                          struct piece *pieces)
{
    const struct cairn_inquiry *question = &app->question;
    char moment[CAIRN_MOMENT_TEXT_MAX], time[CAIRN_TIME_MAX], next[CAIRN_MOMENT_TEXT_MAX];
    const bool late = is_late(app);
    snprintf(pieces[PIECE_MOMENT].text, sizeof(pieces->text), "%s%s%s",
             cairn_app_moment_text(app, at, moment), late ? " → " : "",
             late ? cairn_app_moment_text(app, &question->at, next) : "");
    snprintf(pieces[PIECE_CLOCK].text, sizeof(pieces->text), "%s",
             cairn_clock_text(&app->facts, at->moment.t_ns, time));
    if (question->a_set)
        snprintf(pieces[PIECE_A].text, sizeof(pieces->text), "A %s",
                 cairn_app_moment_text(app, &question->a, moment));
    if (question->b_set)
        snprintf(pieces[PIECE_B].text, sizeof(pieces->text), "B %s",
                 cairn_app_moment_text(app, &question->b, moment));
}

/* Whether what one question comes to holds for another: how rows are grouped and ranked does not matter. */
static bool same_totals(const struct cairn_inquiry *one, const struct cairn_inquiry *two)
{
    return one->at.moment.t_ns == two->at.moment.t_ns && one->process == two->process &&
           one->lang == two->lang && one->memory == two->memory && strcmp(one->filter, two->filter) == 0;
}

/* What an answer said of this very moment; where none did, what the timeline knows of the whole heap. */
static int64_t heap_of(const struct cairn_app *app, const struct cairn_inquiry *question, int64_t t_ns)
{
    if (app->totals_told && t_ns == question->at.moment.t_ns && same_totals(&app->totals_of, question))
        return app->totals.live_bytes;
    const bool whole = question->process == 0 && question->filter[0] == '\0' &&
                       question->lang == CAIRN_LANG_ALL && question->memory == CAIRN_MEMORY_HEAP;
    return whole ? cairn_strip_heap(&app->strip, t_ns) : CAIRN_UNKNOWN;
}

static void write_sizes(const struct cairn_app *app, const struct cairn_inquiry *question, int64_t t_ns,
                        struct piece *pieces)
{
    bool near;
    const int64_t heap = heap_of(app, question, t_ns), rss = cairn_strip_rss(&app->strip, t_ns, &near);
    char number[CAIRN_HUMAN_MAX];
    if (heap != CAIRN_UNKNOWN)
        snprintf(pieces[PIECE_HEAP].text, sizeof(pieces->text), "heap %s%s",
                 app->facts.sample_bytes > 0 ? "~" : "", cairn_human_bytes_short(number, heap));
    /* Residency is known of all processes together. */
    if (rss != CAIRN_UNKNOWN && question->process == 0)
        snprintf(pieces[PIECE_RSS].text, sizeof(pieces->text), "rss %s%s", near ? "" : "~",
                 cairn_human_bytes_short(number, rss));
}

static void write_pieces(const struct cairn_app *app, struct piece *pieces)
{
    const struct cairn_inquiry *question = told_question(app);
    const struct cairn_view_moment at = told_moment(app);
    snprintf(pieces[PIECE_PROGRAM].text, sizeof(pieces->text), "%.24s", app->facts.program);
    process_text(app, question->process, pieces[question->process == 0 ? PIECE_ALL : PIECE_PROCESS].text,
                 sizeof(pieces->text));
    write_moments(app, &at, pieces);
    write_sizes(app, question, at.moment.t_ns, pieces);
    doubt_text(app, &at.moment, pieces[PIECE_DOUBT].text, sizeof(pieces->text));
    if (pieces[PIECE_DOUBT].text[0] == '\0')
        snprintf(pieces[PIECE_EXACT].text, sizeof(pieces->text), "exact");
    snprintf(pieces[PIECE_LIVE].text, sizeof(pieces->text), "%s", live_text(app));
}

void cairn_title_draw(struct cairn_app *app)
{
    struct cairn_canvas *canvas = &app->canvas;
    cairn_draw_fill(canvas, (struct cairn_rect){0, 0, canvas->width, 1}, CAIRN_STYLE_TITLE, ' ');
    if (!app->facts.loaded)
        return;
    struct piece pieces[PIECES] = {{.shown = false}};
    write_pieces(app, pieces);
    const char *name = cairn_app_screen(app)->class->name;
    const int name_width = cairn_text_width(canvas, name);
    int room = canvas->width - name_width - 2;
    for (size_t i = 0; i < PIECES && room >= 0; i++) {
        struct piece *piece = &pieces[precedence[i]];
        if (piece->text[0] == '\0')
            continue;
        room -= cairn_text_width(canvas, piece->text) + PIECE_GAP;
        piece->shown = room >= 0;
    }
    int x = 1;
    for (size_t i = 0; i < PIECES; i++) {
        const unsigned style = i == PIECE_A   ? CAIRN_STYLE_A
                               : i == PIECE_B ? CAIRN_STYLE_B
                                              : CAIRN_STYLE_TITLE;
        if (pieces[i].shown)
            x += cairn_draw_text(canvas, x, 0, canvas->width - x, style, pieces[i].text) +
                 (i == PIECE_MOMENT && pieces[PIECE_CLOCK].shown ? 1 : PIECE_GAP);
    }
    cairn_draw_text(canvas, canvas->width - name_width - 1, 0, name_width, CAIRN_STYLE_TITLE, name);
}
