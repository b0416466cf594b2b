#include "view/app.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view/detail.h"

/* Jobs that belong to no screen; those of screens are above it. */
#define APP_SERIAL CAIRN_WORKER_COMMON

static const struct cairn_column no_columns[] = {{.title = "", .kind = CAIRN_COLUMN_NAME}};

static void load_history(struct cairn_app *app)
{
    /* Scripts show the same to everybody. */
    const bool script = app->options->script != NULL;
    cairn_history_load(&app->history,
                       script ? NULL : cairn_user_path("XDG_STATE_HOME", ".local/state", "history"));
}

static enum cairn_status choose_theme(struct cairn_app *app, struct cairn_error *error)
{
    const char *asked = app->options->theme;
    if (asked != NULL && cairn_theme_find(asked) == NULL)
        return cairn_fail(error, CAIRN_E_USAGE, "there is no theme %s: use default, light, mono or safe",
                          asked);
    const char *name = asked != NULL                     ? asked
                       : app->settings->theme[0] != '\0' ? app->settings->theme
                                                         : "default";
    app->theme = cairn_theme_find(name);
    return CAIRN_OK;
}

enum cairn_status cairn_app_init(struct cairn_app *app, const struct cairn_view_options *options,
                                 const struct cairn_settings *settings, struct cairn_worker *worker,
                                 struct cairn_error *error)
{
    *app = (struct cairn_app){
        .options = options, .settings = settings, .worker = worker, .revision = 1, .next_serial = APP_SERIAL};
    cairn_outline_init(&app->list, no_columns, 1, 0);
    load_history(app);
    cairn_bookmarks_load(
        &app->bookmarks,
        options->script != NULL ? NULL : cairn_user_path("XDG_STATE_HOME", ".local/state", "bookmarks"),
        options->path);
    const enum cairn_status status = choose_theme(app, error);
    if (status != CAIRN_OK)
        return status;
    app->source_shown = app->settings->source;
    /* Until the facts are there: the moment they will say is the peak. */
    app->question.at = (struct cairn_view_moment){.moment = {.label = "peak"}};
    return CAIRN_OK;
}

void cairn_app_release(struct cairn_app *app)
{
    for (size_t i = 0; i < app->back_count; i++)
        cairn_app_let_go(app, app->back[i]);
    for (size_t i = 0; i < CAIRN_SCREEN_COUNT; i++)
        cairn_screen_free(app->kept[i]);
    cairn_app_request_release(app);
    cairn_worker_stop(app->worker);
    if (app->search_set)
        regfree(&app->search_expression);
    cairn_history_save(&app->history);
    cairn_bookmarks_release(&app->bookmarks);
    cairn_facts_release(&app->facts);
    cairn_facts_release(&app->other_facts);
    cairn_strip_release(&app->strip);
    cairn_outline_release(&app->list);
    cairn_canvas_release(&app->canvas);
    cairn_buffer_release(&app->copied);
}

struct cairn_screen *cairn_app_screen(const struct cairn_app *app)
{
    return app->back_count > 0 ? app->back[app->back_count - 1] : NULL;
}

void cairn_app_post(struct cairn_app *app, struct cairn_job *job)
{
    if (job == NULL)
        return;
    job->question = app->question;
    job->revision = app->revision;
    job->owner = APP_SERIAL;
    /* One slot a kind of job. */
    job->slot = (unsigned)(uintptr_t)job->class;
    cairn_worker_post(app->worker, job);
}

/* The owner of a job, or NULL when it is gone. */
static void *receiver(struct cairn_app *app, uint64_t serial)
{
    if (serial == APP_SERIAL)
        return app;
    for (size_t i = 0; i < CAIRN_SCREEN_COUNT; i++)
        if (app->kept[i] != NULL && app->kept[i]->serial == serial)
            return app->kept[i];
    for (size_t i = 0; i < app->back_count; i++)
        if (app->back[i]->serial == serial)
            return app->back[i];
    return NULL;
}

/* Why there is no answer is said once, and stays where its rows would be until another one to the same comes. */
static void note_result(struct cairn_app *app, const struct cairn_job *job, void *owner)
{
    if (job->status != CAIRN_OK)
        cairn_app_complain(app, "%s", job->error.message);
    if (owner == app)
        return;
    struct cairn_screen *screen = owner;
    if (job->status != CAIRN_OK) {
        snprintf(screen->failure, sizeof(screen->failure), "%.255s", job->error.message);
        screen->failed_slot = job->slot;
        screen->failed_revision = job->revision;
    } else if (job->slot == screen->failed_slot || job->revision != screen->failed_revision) {
        screen->failure[0] = '\0';
    }
}

bool cairn_app_receive(struct cairn_app *app)
{
    bool any = false;
    struct cairn_job *job;
    while ((job = cairn_worker_take(app->worker)) != NULL) {
        void *owner = receiver(app, job->owner);
        if (job->status == CAIRN_E_CANCELLED) {
            /* A newer question is on its way, or the user said stop: what is shown stays. */
        } else if (owner != NULL) {
            note_result(app, job, owner);
        }
        if (owner != NULL)
            job->class->deliver(job, owner);
        job->class->release(job);
        any = true;
    }
    if (any)
        cairn_app_moved(app);
    return any;
}

void cairn_app_moved(struct cairn_app *app)
{
    struct cairn_screen *screen = cairn_app_screen(app);
    if (screen == NULL)
        return;
    const struct cairn_outline *outline = screen->class->outline(screen);
    const struct cairn_row *row = outline != NULL ? cairn_outline_current(outline) : NULL;
    const uint64_t key = row != NULL ? row->key : 0;
    if (key == screen->seen_row && screen->pane == screen->seen_pane)
        return;
    screen->seen_row = key;
    screen->seen_pane = screen->pane;
    if (screen->class->detail != NULL && outline != NULL)
        cairn_detail_ask(screen, screen->class->detail(screen), row);
    if (screen->class->moved != NULL)
        screen->class->moved(screen);
}

void cairn_app_resize(struct cairn_app *app, int width, int height)
{
    width = width < 1 ? 1 : width > 1000 ? 1000 : width;
    height = height < 1 ? 1 : height > 1000 ? 1000 : height;
    if (cairn_canvas_resize(&app->canvas, width, height))
        app->redraw_all = true;
    cairn_app_overlay_resize(app);
}

void cairn_app_say(struct cairn_app *app, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(app->message, sizeof(app->message), format, args);
    va_end(args);
    app->message_style = CAIRN_STYLE_STATUS;
}

void cairn_app_complain(struct cairn_app *app, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(app->message, sizeof(app->message), format, args);
    va_end(args);
    app->message_style = CAIRN_STYLE_ERROR;
}

void cairn_app_fail(struct cairn_app *app, const struct cairn_error *error)
{
    app->fatal = *error;
    app->quit = true;
}

void cairn_app_set_theme(struct cairn_app *app, const struct cairn_theme *theme, bool insist)
{
    app->theme = theme;
    if (app->terminal != NULL)
        cairn_terminal_theme(app->terminal, theme, insist);
    app->redraw_all = true;
}
