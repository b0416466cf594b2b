/* Recordings that still run: their news, and following them. Also the first facts of any recording. */
#include "view/app.h"

static const struct cairn_error no_memory = {.status = CAIRN_E_NOMEM, .message = "memory ran out at start"};

void cairn_app_refresh(struct cairn_app *app)
{
    struct cairn_job *job = cairn_facts_job();
    if (job != NULL)
        cairn_app_post(app, job);
    else if (app->back_count == 0)
        cairn_app_fail(app, &no_memory);
}

static void follow_to_the_end(struct cairn_app *app)
{
    app->question.at = app->facts.end;
    cairn_app_ask(app);
}

/* Screens about the whole recording are asked again: the one that is shown now, the others when they are. */
static void ask_growing(struct cairn_app *app)
{
    for (size_t i = 0; i < CAIRN_SCREEN_COUNT; i++) {
        struct cairn_screen *screen = app->kept[i];
        if (screen == NULL || !screen->class->grows)
            continue;
        screen->asked_revision = 0;
        if (screen != cairn_app_screen(app))
            continue;
        screen->asked_revision = app->revision;
        screen->class->ask(screen);
    }
}

void cairn_app_news(struct cairn_app *app, const struct cairn_job *job, struct cairn_facts *facts,
                    struct cairn_facts *other, bool changed)
{
    if (job->status != CAIRN_OK) {
        struct cairn_error error = job->error;
        error.status = job->status;
        if (app->back_count == 0)
            cairn_app_fail(app, &error);
        return;
    }
    const bool first = !app->facts.loaded, was_live = app->facts.live;
    cairn_facts_release(&app->facts);
    app->facts = *facts;
    *facts = (struct cairn_facts){.loaded = false};
    cairn_facts_release(&app->other_facts);
    app->other_facts = *other;
    *other = (struct cairn_facts){.loaded = false};
    if (first) {
        /* A recording that runs is looked at where it is now; a finished one at its peak. */
        app->following = app->facts.live;
        app->question.at = app->facts.live ? app->facts.end : app->facts.peak;
        if (app->other_facts.loaded) {
            app->question.a = app->facts.peak;
            app->question.b = app->other_facts.peak;
            app->question.a_set = app->question.b_set = true;
        }
        cairn_app_show(app, app->other_facts.loaded ? '4' : '1');
        if (app->back_count == 0)
            cairn_app_fail(app, &no_memory);
        return;
    }
    if (was_live && !app->facts.live)
        cairn_app_say(app, app->facts.complete ? "the recording ended"
                                               : "the recorder is gone: the recording ends here");
    if (!changed && was_live == app->facts.live)
        return;
    cairn_strip_ask(app, app->strip.wanted, true);
    ask_growing(app);
    if (app->following)
        follow_to_the_end(app);
    app->following &= app->facts.live;
}

void cairn_app_follow(struct cairn_app *app)
{
    if (!app->facts.live) {
        cairn_app_say(app, "this recording is finished: there is nothing to follow");
        return;
    }
    app->following = !app->following;
    cairn_app_say(app, app->following ? "following: the moment moves with the recording"
                                      : "not following: the recording goes on, this moment stays");
    if (app->following)
        follow_to_the_end(app);
}
