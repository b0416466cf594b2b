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

/* Whether a recording went on without anything that its program did: what was answered at its end still holds there. */
static bool is_quiet(const struct cairn_facts *before, const struct cairn_facts *now)
{
    return now->live && before->live && before->end.moment.position == now->end.moment.position &&
           before->snapshot_count == now->snapshot_count && before->graph_count == now->graph_count &&
           before->process_count == now->process_count;
}

static void move_on(struct cairn_screen *screen, const struct cairn_facts *facts)
{
    if (screen != NULL && screen->told && screen->told_of.at.moment.position == facts->end.moment.position)
        screen->told_of.at = facts->end;
}

void cairn_app_timeline_came(struct cairn_app *app, bool resident)
{
    const bool moves_on = app->moves_on && app->following;
    app->moves_on = false;
    if (!moves_on)
        return;
    for (size_t i = 0; i < CAIRN_SCREEN_COUNT; i++)
        move_on(app->kept[i], &app->facts);
    for (size_t i = 0; i < app->back_count; i++)
        move_on(app->back[i], &app->facts);
    if (app->totals_of.at.moment.position == app->facts.end.moment.position)
        app->totals_of.at = app->facts.end;
    app->question.at = app->facts.end;
    if (resident)
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
    const bool quiet = is_quiet(&app->facts, facts);
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
    app->moves_on = quiet && app->following && app->strip.wanted > 0;
    if (app->following && !app->moves_on)
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
