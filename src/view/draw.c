/* The frame around every screen: title (title.c), status, hints; and what lies over it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/human.h"
#include "view/graphs.h"
#include "view/site_columns.h"

#define PROGRESS_AFTER_NS 100000000
#define PROGRESS_STEP_NS  100000000
#define PROGRESS_WIDTH    12

static void search_text(const struct cairn_app *app, struct cairn_buffer *text)
{
    if (app->search_set)
        cairn_buffer_format(text, "%s search /%s/", text->length > 0 ? " ·" : "", app->search);
    if (app->mouse_on)
        cairn_buffer_format(text, "%s mouse", text->length > 0 ? " ·" : "");
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
    const struct cairn_inquiry shown = cairn_screen_question(cairn_app_screen(app)), *question = &shown;
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

/* Of what takes the keys now: a prompt; a list has its hints in its own frame. */
static const char *prompt_hints(const struct cairn_app *app)
{
    if (app->prompt.class == NULL)
        return "";
    if (app->prompt.class->kind == CAIRN_PROMPT_CONFIRM)
        return "y yes  any other key no";
    return app->prompt.class->complete != NULL ? "Enter does it  Tab completes  Up earlier ones  Esc leaves"
                                               : "Enter does it  Up earlier ones  Esc leaves";
}

/* Hints of this screen's own keys come first; help is always there. */
static void draw_hints(struct cairn_app *app, int y)
{
    if (app->prompt.class != NULL || app->overlay != CAIRN_OVERLAY_NONE) {
        cairn_draw_text(&app->canvas, 1, y, app->canvas.width - 1, CAIRN_STYLE_DIM, prompt_hints(app));
        return;
    }
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
        outline->drawn.height < 3 || (screen->class->paned && screen->failed_slot != screen->pane + 1))
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
    cairn_title_draw(app);
    screen->class->draw(screen, canvas, (struct cairn_rect){0, 1, canvas->width, canvas->height - 3});
    draw_failure(app, screen);
    draw_status(app, canvas->height - 2);
    draw_hints(app, canvas->height - 1);
    cairn_app_overlay_draw(app);
    cairn_prompt_draw_words(app, canvas->height - 2);
}
