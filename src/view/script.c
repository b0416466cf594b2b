#include "view/script.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define IDLE_WAIT_MOST_NS 60000000000 /* a query that takes longer ends the script */

struct script {
    struct cairn_app *app;
    const char *path;
    unsigned line;
    struct cairn_error *error;
};

static enum cairn_status fail(const struct script *script, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum cairn_status fail(const struct script *script, const char *format, ...)
{
    char reason[400];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    return cairn_fail(script->error, CAIRN_E_USAGE, "%.60s line %u: %s", script->path, script->line, reason);
}

/* Delivers answers, and asks what they lead to, until nothing is left to do. */
static enum cairn_status settle(const struct script *script)
{
    struct cairn_app *app = script->app;
    const int64_t begin = cairn_clock_ns();
    int64_t since;
    do {
        cairn_app_receive(app);
        if (app->fatal.status != CAIRN_OK) {
            if (script->error != NULL)
                *script->error = app->fatal;
            return app->fatal.status;
        }
        /* Drawing asks for what it finds missing: the timeline's points for a new width. */
        if (app->back_count > 0)
            cairn_app_draw(app);
        if (!cairn_worker_busy(app->worker, &since))
            return CAIRN_OK;
        struct pollfd descriptor = {.fd = cairn_worker_descriptor(app->worker), .events = POLLIN};
        poll(&descriptor, 1, 1000);
    } while (cairn_clock_ns() - begin < IDLE_WAIT_MOST_NS);
    return fail(script, "a query took longer than a minute");
}

static enum cairn_status press(const struct script *script, cairn_key key)
{
    const enum cairn_status status = settle(script);
    if (status != CAIRN_OK)
        return status;
    /* The first facts could not be had. */
    if (script->app->back_count == 0)
        return fail(script, "there is no screen");
    if (script->app->quit)
        return fail(script, "the viewer was left already");
    cairn_app_key(script->app, key);
    return CAIRN_OK;
}

static enum cairn_status do_keys(const struct script *script, const char *argument)
{
    enum cairn_status status = CAIRN_OK;
    while (status == CAIRN_OK && *argument != '\0')
        status = press(script, cairn_utf8_next(&argument));
    return status;
}

static enum cairn_status do_key(const struct script *script, const char *argument)
{
    char name[32];
    int times = 1;
    if (sscanf(argument, "%31s %d", name, &times) < 1)
        return fail(script, "key needs a name");
    const cairn_key key = cairn_key_parse(name);
    if (key == CAIRN_KEY_NONE)
        return fail(script, "there is no key %s", name);
    enum cairn_status status = CAIRN_OK;
    for (int i = 0; i < times && status == CAIRN_OK; i++)
        status = press(script, key);
    return status;
}

static enum cairn_status do_resize(const struct script *script, const char *argument)
{
    int width, height;
    char end;
    if (sscanf(argument, "%dx%d%c", &width, &height, &end) != 2 || width < 1 || height < 1)
        return fail(script, "resize needs a size as 80x24");
    cairn_app_resize(script->app, width, height);
    return settle(script);
}

static enum cairn_status do_wait(const struct script *script, const char *argument)
{
    const long milliseconds = strtol(argument, NULL, 10);
    if (milliseconds > 0 && milliseconds <= 60000) {
        const struct timespec pause = {.tv_sec = milliseconds / 1000,
                                       .tv_nsec = milliseconds % 1000 * 1000000};
        nanosleep(&pause, NULL);
        cairn_app_request_answered(script->app);
        cairn_app_refresh(script->app);
    }
    return settle(script);
}

static enum cairn_status save(const struct script *script, const char *name, const char *ending,
                              void (*render)(const struct cairn_canvas *, struct cairn_buffer *))
{
    char path[512];
    if (name[0] == '\0' || strchr(name, '/') != NULL)
        return fail(script, "a name without folders is needed");
    snprintf(path, sizeof(path), "%s%s", name, ending);
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    render(&script->app->canvas, &text);
    FILE *file = fopen(path, "we");
    bool written =
        file != NULL && !text.failed && fwrite(cairn_buffer_cstr(&text), 1, text.length, file) == text.length;
    written = file != NULL && fclose(file) == 0 && written;
    cairn_buffer_release(&text);
    return written ? CAIRN_OK : fail(script, "%s could not be written: %s", path, strerror(errno));
}

static enum cairn_status do_save_screen(const struct script *script, const char *argument)
{
    const enum cairn_status status = settle(script);
    return status == CAIRN_OK ? save(script, argument, ".txt", cairn_canvas_text) : status;
}

static enum cairn_status do_save_pens(const struct script *script, const char *argument)
{
    const enum cairn_status status = settle(script);
    return status == CAIRN_OK ? save(script, argument, ".pens", cairn_canvas_pens) : status;
}

static enum cairn_status look_for(const struct script *script, const char *argument, bool wanted)
{
    const enum cairn_status status = settle(script);
    if (status != CAIRN_OK)
        return status;
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    cairn_canvas_text(&script->app->canvas, &text);
    const bool found = strstr(cairn_buffer_cstr(&text), argument) != NULL;
    /* What was there instead helps whoever reads the failure. */
    if (found != wanted)
        fputs(cairn_buffer_cstr(&text), stderr);
    cairn_buffer_release(&text);
    return found == wanted ? CAIRN_OK
                           : fail(script, "\"%s\" %s the screen", argument, wanted ? "is not on" : "is on");
}

static enum cairn_status do_click(const struct script *script, const char *argument)
{
    const enum cairn_status status = look_for(script, argument, true);
    if (status != CAIRN_OK)
        return status;
    struct cairn_app *app = script->app;
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    cairn_canvas_text(&app->canvas, &text);
    struct cairn_input input = {.kind = CAIRN_INPUT_CLICK};
    char *line = text.data, *found = text.failed ? NULL : strstr(line, argument);
    if (found == NULL) {
        cairn_buffer_release(&text);
        return fail(script, "memory ran out for the screen");
    }
    for (char *end; (end = strchr(line, '\n')) != NULL && end < found; line = end + 1)
        input.y++;
    *found = '\0';
    input.x = cairn_text_width(&app->canvas, line);
    cairn_buffer_release(&text);
    cairn_app_mouse(app, &input);
    return CAIRN_OK;
}

static enum cairn_status do_expect(const struct script *script, const char *argument)
{
    return look_for(script, argument, true);
}

static enum cairn_status do_expect_not(const struct script *script, const char *argument)
{
    return look_for(script, argument, false);
}

static enum cairn_status do_expect_copied(const struct script *script, const char *argument)
{
    const char *copied = cairn_buffer_cstr(&script->app->copied);
    return strstr(copied, argument) != NULL ? CAIRN_OK : fail(script, "copied was: %s", copied);
}

static enum cairn_status do_command(const struct script *script, const char *argument)
{
    const enum cairn_status status = settle(script);
    if (status == CAIRN_OK && script->app->back_count > 0) {
        script->app->message[0] = '\0';
        cairn_app_run_command(script->app, argument);
    }
    return status;
}

static const struct {
    const char *name;
    enum cairn_status (*run)(const struct script *script, const char *argument);
} script_words[] = {
    {"keys", do_keys},
    {"key", do_key},
    {"text", do_keys},
    {"click", do_click},
    {"resize", do_resize},
    {"wait", do_wait},
    {"save-screen", do_save_screen},
    {"save-pens", do_save_pens},
    {"expect", do_expect},
    {"expect-not", do_expect_not},
    {"expect-copied", do_expect_copied},
    {"command", do_command},
};

static enum cairn_status run_line(const struct script *script, char *line)
{
    line[strcspn(line, "\r\n")] = '\0';
    if (line[0] == '#' || line[strspn(line, " \t")] == '\0')
        return CAIRN_OK;
    const size_t length = strcspn(line, " \t");
    const char *argument = line[length] != '\0' ? line + length + 1 : line + length;
    for (size_t i = 0; i < sizeof(script_words) / sizeof(script_words[0]); i++)
        if (strlen(script_words[i].name) == length && strncmp(script_words[i].name, line, length) == 0)
            return script_words[i].run(script, argument);
    return fail(script, "there is no script command %.*s", (int)(length < 40 ? length : 40), line);
}

enum cairn_status cairn_script_run(struct cairn_app *app, const char *path, struct cairn_error *error)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return cairn_fail_errno(error, "the script %s cannot be read", path);
    struct script script = {.app = app, .path = path, .error = error};
    char *line = NULL;
    size_t capacity = 0;
    enum cairn_status status = settle(&script);
    while (status == CAIRN_OK && getline(&line, &capacity, file) >= 0) {
        script.line++;
        status = run_line(&script, line);
    }
    if (status == CAIRN_OK && ferror(file))
        status = cairn_fail_errno(error, "the script %s cannot be read", path);
    if (status == CAIRN_OK)
        status = settle(&script);
    free(line);
    fclose(file);
    return status;
}
