/* The frame around every screen: title, status, hints; and what lies over it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/human.h"
#include "view/graphs.h"
#include "view/site_columns.h"

#define PROGRESS_AFTER_NS 100000000
#define PROGRESS_STEP_NS  100000000
#define PROGRESS_WIDTH    12
#define CLOCK_WIDTH       60 /* columns from which the moment has its wall clock beside it */

static void process_text(const struct cairn_app *app, char *out, size_t out_size)
{
    char pid[CAIRN_HUMAN_MAX];
    out[0] = '\0';
    const struct cairn_facts *facts = &app->facts;
    if (app->question.process == 0 && facts->process_count > 1)
        snprintf(out, out_size, "all %zu processes", facts->process_count);
    for (size_t i = 0; i < facts->process_count; i++)
        if (facts->processes[i].process == app->question.process)
            snprintf(out, out_size, "%s %s", facts->processes[i].program,
                     cairn_pid_text(facts->processes[i].pid, pid));
}

static const char *exactness(const struct cairn_app *app, char *out, size_t out_size)
{
    const struct cairn_facts *facts = &app->facts;
    char size[CAIRN_HUMAN_MAX];
    if (facts->sample_bytes > 0) {
        snprintf(out, out_size, "sampled, %s", cairn_human_bytes(size, facts->sample_bytes));
        return out;
    }
    if (facts->lost_events > 0)
        return "at least (events were lost)";
    if (facts->told_by != NULL)
        return facts->told_by;
    const struct cairn_moment *at = &app->question.at.moment;
    if (at->inexact) {
        snprintf(out, out_size, "to the chunk, exact from %s",
                 cairn_human_duration(size, facts->exact_from_ns));
        return out;
    }
    return "exact";
}

static const char *live_text(const struct cairn_app *app)
{
    if (!app->facts.loaded)
        return "";
    if (app->facts.live)
        return app->following ? "● following" : "● running, not followed";
    return app->facts.complete ? "" : "incomplete";
}

/* A piece of the title: shown in order from left to right, given room in the order of `rank`. */
struct piece {
    char text[CAIRN_MOMENT_TEXT_MAX + 32];
    unsigned style, rank;
    bool shown;
};

enum {
    PIECE_PROGRAM,
    PIECE_PROCESS,
    PIECE_MOMENT,
    PIECE_A,
    PIECE_B,
    PIECE_HEAP,
    PIECE_RSS,
    PIECE_EXACT,
    PIECE_LIVE,
    PIECES
};

static void write_moments(const struct cairn_app *app, const struct cairn_view_moment *at,
                          struct piece *pieces)
{
    const struct cairn_inquiry *question = &app->question;
    char moment[CAIRN_MOMENT_TEXT_MAX], time[CAIRN_TIME_MAX];
    const bool clock = app->canvas.width >= CLOCK_WIDTH;
    snprintf(pieces[PIECE_MOMENT].text, sizeof(pieces->text), "%s%s%s",
             cairn_app_moment_text(app, at, moment), clock ? " " : "",
             clock ? cairn_clock_text(&app->facts, at->moment.t_ns, time) : "");
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

/* What an answer said of this very moment, or will; where none does, what the timeline knows of the whole heap. */
static int64_t heap_of(const struct cairn_app *app, int64_t t_ns)
{
    const struct cairn_inquiry *question = &app->question;
    if (app->totals_told && t_ns == question->at.moment.t_ns &&
        (same_totals(&app->totals_of, question) || cairn_app_screen(app)->class->totals))
        return app->totals.live_bytes;
    const bool whole = question->process == 0 && question->filter[0] == '\0' &&
                       question->lang == CAIRN_LANG_ALL && question->memory == CAIRN_MEMORY_HEAP;
    return whole ? cairn_strip_heap(&app->strip, t_ns) : CAIRN_UNKNOWN;
}

static void write_sizes(const struct cairn_app *app, int64_t t_ns, struct piece *pieces)
{
    bool near;
    const int64_t heap = heap_of(app, t_ns), rss = cairn_strip_rss(&app->strip, t_ns, &near);
    char number[CAIRN_HUMAN_MAX];
    if (heap != CAIRN_UNKNOWN)
        snprintf(pieces[PIECE_HEAP].text, sizeof(pieces->text), "heap %s%s",
                 app->facts.sample_bytes > 0 ? "~" : "", cairn_human_bytes_short(number, heap));
    /* Residency is known of all processes together. */
    if (rss != CAIRN_UNKNOWN && app->question.process == 0)
        snprintf(pieces[PIECE_RSS].text, sizeof(pieces->text), "rss %s%s", near ? "" : "~",
                 cairn_human_bytes_short(number, rss));
}

static void draw_title(struct cairn_app *app)
{
    struct cairn_canvas *canvas = &app->canvas;
    cairn_draw_fill(canvas, (struct cairn_rect){0, 0, canvas->width, 1}, CAIRN_STYLE_TITLE, ' ');
    if (!app->facts.loaded)
        return;
    struct piece pieces[PIECES] = {
        [PIECE_PROGRAM] = {.rank = 0},
        [PIECE_PROCESS] = {.rank = 5},
        [PIECE_MOMENT] = {.rank = 1},
        [PIECE_A] = {.rank = 2, .style = CAIRN_STYLE_A},
        [PIECE_B] = {.rank = 3, .style = CAIRN_STYLE_B},
        [PIECE_HEAP] = {.rank = 4},
        [PIECE_RSS] = {.rank = 7},
        [PIECE_EXACT] = {.rank = 8},
        [PIECE_LIVE] = {.rank = 6},
    };
    snprintf(pieces[PIECE_PROGRAM].text, sizeof(pieces->text), "%.24s", app->facts.program);
    process_text(app, pieces[PIECE_PROCESS].text, sizeof(pieces->text));
    const struct cairn_view_moment at = cairn_app_shown_moment(app);
    write_moments(app, &at, pieces);
    write_sizes(app, at.moment.t_ns, pieces);
    char exact[CAIRN_HUMAN_MAX + 16];
    snprintf(pieces[PIECE_EXACT].text, sizeof(pieces->text), "%s", exactness(app, exact, sizeof(exact)));
    if (strcmp(pieces[PIECE_EXACT].text, "exact") != 0)
        pieces[PIECE_EXACT].rank = pieces[PIECE_MOMENT].rank;
    snprintf(pieces[PIECE_LIVE].text, sizeof(pieces->text), "%s", live_text(app));
    const char *name = cairn_app_screen(app)->class->name;
    const int name_width = cairn_text_width(canvas, name);
    int room = canvas->width - name_width - 2;
    for (unsigned rank = 0; rank < PIECES; rank++)
        for (size_t i = 0; i < PIECES; i++) {
            const int width = cairn_text_width(canvas, pieces[i].text) + 2;
            pieces[i].shown |= pieces[i].rank == rank && pieces[i].text[0] != '\0' && width <= room;
            room -= pieces[i].rank == rank && pieces[i].shown ? width : 0;
        }
    int x = 1;
    for (size_t i = 0; i < PIECES; i++) {
        const unsigned style = pieces[i].style != 0 ? pieces[i].style : CAIRN_STYLE_TITLE;
        if (pieces[i].shown)
            x += cairn_draw_text(canvas, x, 0, canvas->width - x, style, pieces[i].text) + 2;
    }
    cairn_draw_text(canvas, canvas->width - name_width - 1, 0, name_width, CAIRN_STYLE_TITLE, name);
}

static void search_text(const struct cairn_app *app, struct cairn_buffer *text)
{
    if (app->search_set)
        cairn_buffer_format(text, " · search /%s/", app->search);
    if (app->mouse_on)
        cairn_buffer_text(text, " · mouse");
}

/* How good the estimate under the cursor is, for those who have no room for its column. */
static void error_text(const struct cairn_app *app, struct cairn_buffer *text)
{
    struct cairn_screen *screen = cairn_app_screen(app);
    const struct cairn_outline *outline = screen->class->outline(screen);
    const struct cairn_row *row =
        outline != NULL && outline->estimates ? cairn_outline_current(outline) : NULL;
    char bytes[CAIRN_HUMAN_MAX];
    if (row != NULL && row->values[CAIRN_VALUE_ERROR] != CAIRN_UNKNOWN)
        cairn_buffer_format(text, " · this row ±%s",
                            cairn_human_bytes_short(bytes, row->values[CAIRN_VALUE_ERROR]));
}

/* "by line · allocated · python · filter lex · 2 wrappers": what differs from the plain question. */
static void question_text(const struct cairn_app *app, struct cairn_buffer *text)
{
    const struct cairn_inquiry *question = &app->question;
    const enum cairn_screen_id screen = cairn_app_screen(app)->class->id;
    if (screen == CAIRN_SCREEN_OBJECTS || screen == CAIRN_SCREEN_NODES || screen == CAIRN_SCREEN_OBJECT) {
        cairn_buffer_text(text, question->a_set ? " + made after A" : "");
        search_text(app, text);
        return;
    }
    cairn_buffer_format(text, " %s", cairn_metric_name(question->metric));
    if (question->cumulative)
        cairn_buffer_text(text, " cumulative");
    cairn_buffer_format(text, " · by %s", cairn_by_name(question->by));
    error_text(app, text);
    if (question->memory == CAIRN_MEMORY_MAPPED)
        cairn_buffer_text(text, " · mapped memory");
    if (question->lang != CAIRN_LANG_ALL)
        cairn_buffer_format(text, " · %s only",
                            question->lang == CAIRN_LANG_ONLY_PYTHON ? "Python" : "native");
    if (question->filter[0] != '\0')
        cairn_buffer_format(text, " · filter /%s/", question->filter);
    for (size_t i = 0; i < question->wrapper_count; i++)
        cairn_buffer_format(text, "%s%s", i == 0 ? " · wrappers " : ", ", question->wrappers[i]);
    search_text(app, text);
}

/* How far it is nobody knows: the bar says that it goes on. */
static void draw_progress(struct cairn_app *app, int y)
{
    int64_t since;
    if (!cairn_worker_busy(app->worker, &since) || since == 0)
        return;
    const int64_t elapsed = cairn_clock_ns() - since;
    if (elapsed < PROGRESS_AFTER_NS)
        return;
    struct cairn_canvas *canvas = &app->canvas;
    char text[64];
    snprintf(text, sizeof(text), " reading %.1f s  Ctrl-C cancels ", (double)elapsed / 1e9);
    const int width = cairn_text_width(canvas, text);
    const int x = canvas->width - width - PROGRESS_WIDTH - 1;
    cairn_draw_text(canvas, x, y, width, CAIRN_STYLE_STATUS, text);
    const int at = (int)(elapsed / PROGRESS_STEP_NS % (2 * (PROGRESS_WIDTH - 3)));
    const int head = at < PROGRESS_WIDTH - 3 ? at : 2 * (PROGRESS_WIDTH - 3) - at;
    for (int i = 0; i < PROGRESS_WIDTH; i++)
        cairn_draw_text(canvas, x + width + i, y, 1, CAIRN_STYLE_STATUS,
                        i >= head && i < head + 3 ? "█" : "░");
}

static void draw_status(struct cairn_app *app, int y)
{
    struct cairn_canvas *canvas = &app->canvas;
    if (app->prompt.class != NULL) {
        cairn_prompt_draw(&app->prompt, canvas, y);
        return;
    }
    const unsigned style = app->message[0] != '\0' ? app->message_style : CAIRN_STYLE_STATUS;
    cairn_draw_fill(canvas, (struct cairn_rect){0, y, canvas->width, 1}, style, ' ');
    if (app->message[0] != '\0') {
        cairn_draw_text(canvas, 1, y, canvas->width - 1, style, app->message);
    } else {
        struct cairn_buffer text = CAIRN_BUFFER_INIT;
        question_text(app, &text);
        cairn_draw_text(canvas, 0, y, canvas->width, style, cairn_buffer_cstr(&text));
        cairn_buffer_release(&text);
    }
    draw_progress(app, y);
}

/* Hints from left to right, as long as they fit whole. */
struct line {
    struct cairn_canvas *canvas;
    int x, y, end;
};

static void draw_hint(struct line *line, const struct cairn_key_binding *binding)
{
    char name[CAIRN_KEY_NAME_MAX];
    const char *keys =
        binding->hint_keys != NULL ? binding->hint_keys : cairn_key_name(binding->keys[0], name);
    const int width =
        cairn_text_width(line->canvas, keys) + 1 + cairn_text_width(line->canvas, binding->hint);
    if (line->x + width > line->end)
        return;
    line->x += cairn_draw_text(line->canvas, line->x, line->y, width, CAIRN_STYLE_KEY, keys) + 1;
    line->x += cairn_draw_text(line->canvas, line->x, line->y, width, CAIRN_STYLE_DIM, binding->hint) + 2;
}

/* Hints of this screen's own keys come first; help is always there. */
static void draw_hints(struct cairn_app *app, int y)
{
    const unsigned here = CAIRN_ON(cairn_app_screen(app)->class->id);
    struct line line = {.canvas = &app->canvas, .x = 1, .y = y, .end = app->canvas.width - 8};
    const struct cairn_key_binding *binding, *help = NULL;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; (binding = cairn_key_binding_at(i)) != NULL; i++) {
            if (binding->hint == NULL || (binding->screens & here) == 0)
                continue;
            if (binding->action == CAIRN_DO_HELP)
                help = binding;
            else if (cairn_key_is_general(binding) == (pass == 1))
                draw_hint(&line, binding);
        }
    line.end = app->canvas.width;
    if (help != NULL)
        draw_hint(&line, help);
}

/* Instead of rows: why there are none. */
static void draw_failure(struct cairn_app *app, struct cairn_screen *screen)
{
    const struct cairn_outline *outline = screen->class->outline(screen);
    if (screen->failure[0] == '\0' || outline == NULL || outline->visible_count > 0 ||
        outline->drawn.height < 3)
        return;
    const struct cairn_rect area = outline->drawn;
    cairn_draw_wrapped(&app->canvas, area.x + 2, area.y + 1, area.width - 3, area.height - 1,
                       CAIRN_STYLE_TEXT, screen->failure);
}

void cairn_app_draw(struct cairn_app *app)
{
    struct cairn_canvas *canvas = &app->canvas;
    cairn_canvas_clear(canvas);
    if (canvas->width < CAIRN_LEAST_WIDTH || canvas->height < CAIRN_LEAST_HEIGHT) {
        char text[80];
        snprintf(text, sizeof(text), "%dx%d is too small:", canvas->width, canvas->height);
        cairn_draw_text(canvas, 0, 0, canvas->width, CAIRN_STYLE_TEXT, text);
        snprintf(text, sizeof(text), "cairn needs %dx%d", CAIRN_LEAST_WIDTH, CAIRN_LEAST_HEIGHT);
        cairn_draw_text(canvas, 0, 1, canvas->width, CAIRN_STYLE_TEXT, text);
        cairn_draw_text(canvas, 0, 2, canvas->width, CAIRN_STYLE_TEXT, "q leaves");
        return;
    }
    struct cairn_screen *screen = cairn_app_screen(app);
    draw_title(app);
    screen->class->draw(screen, canvas, (struct cairn_rect){0, 1, canvas->width, canvas->height - 3});
    draw_failure(app, screen);
    draw_status(app, canvas->height - 2);
    draw_hints(app, canvas->height - 1);
    cairn_app_overlay_draw(app);
}
