/* The back-stack. A screen with a digit is made once and kept with its cursor, scroll and folds, and so is SQL with its statement and
 * answer; those reached from others are freed when one goes back from them. */
#include "view/app.h"
#include "view/crash.h"

static void shown(struct cairn_app *app)
{
    struct cairn_screen *screen = cairn_app_screen(app);
    cairn_crash_screen(screen->class->name);
    cairn_worker_prefer(app->worker, screen->serial);
    if (screen->asked_revision != app->revision) {
        screen->asked_revision = app->revision;
        screen->class->ask(screen);
    }
    screen->seen_row = 0;
    cairn_app_moved(app);
}

void cairn_app_let_go(struct cairn_app *app, struct cairn_screen *screen)
{
    if (app->kept[screen->class->id] != screen)
        cairn_screen_free(screen);
}

static void drop_top(struct cairn_app *app)
{
    cairn_app_let_go(app, app->back[--app->back_count]);
}

void cairn_app_push(struct cairn_app *app, struct cairn_screen *screen)
{
    if (screen == NULL) {
        cairn_app_complain(app, "memory ran out: close something and try again");
        return;
    }
    if (app->back_count == CAIRN_BACK_MAX) {
        cairn_app_complain(app, "%d screens lie on each other: go back first (Esc)", CAIRN_BACK_MAX);
        cairn_app_let_go(app, screen);
        return;
    }
    app->back[app->back_count++] = screen;
    shown(app);
}

void cairn_app_show_kept(struct cairn_app *app, const struct cairn_screen_class *class)
{
    struct cairn_screen *screen = app->kept[class->id];
    for (size_t i = 0; screen != NULL && i < app->back_count; i++)
        if (app->back[i] == screen) {
            while (cairn_app_screen(app) != screen)
                drop_top(app);
            shown(app);
            return;
        }
    if (screen == NULL)
        app->kept[class->id] = screen = cairn_screen_new(class, app);
    cairn_app_push(app, screen);
}

bool cairn_app_show(struct cairn_app *app, char digit)
{
    const struct cairn_screen_class *class = cairn_screen_class_of_digit(digit);
    if (class == NULL)
        return false;
    cairn_app_show_kept(app, class);
    return true;
}

bool cairn_app_back(struct cairn_app *app)
{
    if (app->back_count <= 1)
        return false;
    drop_top(app);
    shown(app);
    return true;
}
