#include <stdlib.h>

#include "view/app.h"
#include "view/screen.h"
#include "view/screens.h"

/* In the order of their digits, then those reached from others. */
static const struct cairn_screen_class *const screens[] = {
    &cairn_overview_screen_class, &cairn_tree_screen_class,    &cairn_flame_screen_class,
    &cairn_diff_screen_class,     &cairn_objects_screen_class, &cairn_leaks_screen_class,
    &cairn_sizes_screen_class,    &cairn_info_screen_class,    &cairn_stacks_screen_class,
    &cairn_frames_screen_class,   &cairn_nodes_screen_class,   &cairn_object_screen_class,
    &cairn_sql_screen_class,
};

const struct cairn_screen_class *cairn_screen_class_at(size_t index)
{
    return index < sizeof(screens) / sizeof(screens[0]) ? screens[index] : NULL;
}

const struct cairn_screen_class *cairn_screen_class_of_digit(char digit)
{
    for (size_t i = 0; cairn_screen_class_at(i) != NULL; i++)
        if (screens[i]->digit == digit && digit != 0)
            return screens[i];
    return NULL;
}

const struct cairn_screen_class *cairn_screen_class_of(enum cairn_screen_id id)
{
    for (size_t i = 0; cairn_screen_class_at(i) != NULL; i++)
        if (screens[i]->id == id)
            return screens[i];
    return NULL;
}

struct cairn_screen *cairn_screen_new(const struct cairn_screen_class *class, struct cairn_app *app)
{
    struct cairn_screen *screen = calloc(1, class->size);
    if (screen == NULL)
        return NULL;
    screen->class = class;
    screen->app = app;
    screen->serial = ++app->next_serial;
    class->init(screen);
    return screen;
}

void cairn_screen_free(struct cairn_screen *screen)
{
    if (screen == NULL)
        return;
    cairn_worker_forget(screen->app->worker, screen->serial);
    screen->class->release(screen);
    free(screen);
}

struct cairn_inquiry cairn_screen_question(const struct cairn_screen *screen)
{
    struct cairn_inquiry question = screen->app->question;
    if (!cairn_key_does(CAIRN_DO_METRIC, screen->class->id))
        question.metric = CAIRN_METRIC_LIVE;
    if (!cairn_key_does(CAIRN_DO_CUMULATIVE, screen->class->id))
        question.cumulative = false;
    return question;
}

static void post(struct cairn_screen *screen, struct cairn_job *job)
{
    job->revision = screen->app->revision;
    job->owner = screen->serial;
    cairn_worker_post(screen->app->worker, job);
}

void cairn_screen_post(struct cairn_screen *screen, struct cairn_job *job)
{
    if (job == NULL)
        return;
    job->question = cairn_screen_question(screen);
    post(screen, job);
}

void cairn_screen_told(struct cairn_screen *screen, const struct cairn_job *job,
                       const struct cairn_moment *at, const struct cairn_counts *total)
{
    struct cairn_app *app = screen->app;
    screen->told = true;
    screen->told_of = job->question;
    screen->told_of.at.moment = *at;
    if (total == NULL)
        return;
    app->totals = *total;
    app->totals_of = screen->told_of;
    app->totals_told = true;
}

void cairn_screen_post_of(struct cairn_screen *screen, struct cairn_job *job, uint32_t graph)
{
    if (job == NULL)
        return;
    job->question = cairn_screen_question(screen);
    job->question.graph = graph;
    post(screen, job);
}
