#include "view/view.h"

#include <langinfo.h>
#include <locale.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "view/app.h"
#include "view/loop.h"
#include "view/script.h"

#define SCRIPT_WIDTH  80
#define SCRIPT_HEIGHT 24

static bool wants_ascii(const struct cairn_app *app)
{
    const char *codeset = nl_langinfo(CODESET);
    return app->options->ascii || app->settings->ascii || strcmp(codeset, "UTF-8") != 0;
}

static enum cairn_status run_script(struct cairn_app *app, struct cairn_error *error)
{
    const struct cairn_view_options *options = app->options;
    cairn_app_resize(app, options->width > 0 ? options->width : SCRIPT_WIDTH,
                     options->height > 0 ? options->height : SCRIPT_HEIGHT);
    return cairn_script_run(app, options->script, error);
}

static enum cairn_status run_terminal(struct cairn_app *app, struct cairn_error *error)
{
    const enum cairn_status status = cairn_terminal_open(&app->terminal, error);
    if (status != CAIRN_OK)
        return status;
    int width, height;
    cairn_terminal_size(app->terminal, &width, &height);
    cairn_app_resize(app, width, height);
    cairn_app_set_theme(app, app->theme, app->options->theme != NULL);
    app->mouse_on = app->settings->mouse;
    cairn_terminal_mouse(app->terminal, app->mouse_on);
    const enum cairn_status ended = cairn_loop_run(app, error);
    cairn_terminal_close(app->terminal);
    app->terminal = NULL;
    return ended;
}

static enum cairn_status run_app(const struct cairn_view_options *options,
                                 const struct cairn_settings *settings, struct cairn_worker *worker,
                                 struct cairn_error *error)
{
    struct cairn_app *app = calloc(1, sizeof(*app));
    if (app == NULL) {
        cairn_worker_stop(worker);
        return cairn_fail(error, CAIRN_E_NOMEM, "memory ran out at start");
    }
    enum cairn_status status = cairn_app_init(app, options, settings, worker, error);
    if (status == CAIRN_OK) {
        app->canvas.ascii = wants_ascii(app);
        cairn_app_refresh(app);
        status = options->script != NULL ? run_script(app, error) : run_terminal(app, error);
    }
    if (app->fatal.status != CAIRN_OK) {
        status = app->fatal.status;
        if (error != NULL)
            *error = app->fatal;
    }
    cairn_app_release(app);
    free(app);
    return status;
}

/* The worker has most of the memory and nobody beside it: one heap for both threads, which grows by this much and keeps what it
 * has. A heap of its own would grow page by page, by a system call each. */
static void choose_heap(void)
{
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_TOP_PAD, 1 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    mallopt(M_MMAP_THRESHOLD, 8 << 20);
}

enum cairn_status cairn_view(const struct cairn_view_options *options, struct cairn_error *error)
{
    choose_heap();
    setlocale(LC_CTYPE, "");
    if (options->script == NULL) {
        const enum cairn_status status = cairn_terminal_check(error);
        if (status != CAIRN_OK)
            return status;
    }
    struct cairn_settings settings = {.theme = ""};
    /* Scripts show the same to everybody. */
    if (options->script == NULL)
        cairn_settings_load(&settings);
    const struct cairn_reader_options reader = {.path = options->path,
                                                .other_path = options->other_path,
                                                .source_root = options->source_root,
                                                .skips = (const char *const *)settings.skips,
                                                .skip_count = settings.skip_count};
    struct cairn_worker *worker = NULL;
    cairn_loop_block_signals();
    enum cairn_status status = cairn_worker_start(&reader, &worker, error);
    if (status == CAIRN_OK)
        status = run_app(options, &settings, worker, error);
    cairn_loop_unblock_signals();
    cairn_settings_release(&settings);
    return status;
}
