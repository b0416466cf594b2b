/* What leaves the viewer: the clipboard and files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "view/app.h"

static void copy(struct cairn_app *app, const char *text)
{
    cairn_buffer_reset(&app->copied);
    cairn_buffer_text(&app->copied, text);
    if (app->terminal != NULL)
        cairn_terminal_copy(app->terminal, text);
    cairn_app_say(app, "copied: %s", text);
}

void cairn_app_copy_row(struct cairn_app *app)
{
    struct cairn_screen *screen = cairn_app_screen(app);
    const struct cairn_outline *outline = screen->class->outline(screen);
    const struct cairn_row *row = outline != NULL ? cairn_outline_current(outline) : NULL;
    if (row == NULL) {
        cairn_app_say(app, "there is no row to copy");
        return;
    }
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    cairn_outline_row_text(outline, row, &text);
    copy(app, cairn_buffer_cstr(&text));
    cairn_buffer_release(&text);
}

void cairn_app_copy_command(struct cairn_app *app)
{
    struct cairn_screen *screen = cairn_app_screen(app);
    if (screen->class->command == NULL) {
        cairn_app_say(app, "no command prints this screen");
        return;
    }
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    cairn_buffer_text(&text, "cairn ");
    const size_t length = text.length;
    screen->class->command(screen, &text);
    if (text.length == length && !cairn_inquiry_has_options(&app->question))
        cairn_app_say(app, "no command prints mapped memory; `:memory heap` goes back to what has one");
    else if (text.length == length)
        cairn_app_say(app, "no command prints this list");
    else
        copy(app, cairn_buffer_cstr(&text));
    cairn_buffer_release(&text);
}

/* --- Files. --- */

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text), end_length = strlen(end);
    return length > end_length && strcmp(text + length - end_length, end) == 0;
}

static void again_with_replacing(struct cairn_app *app, const char *path)
{
    cairn_app_write(app, path, true);
}

static const struct cairn_prompt_class replace_prompt = {
    .kind = CAIRN_PROMPT_CONFIRM, .label = "", .done = again_with_replacing};

static void render(struct cairn_app *app, const char *path, struct cairn_buffer *text)
{
    struct cairn_screen *screen = cairn_app_screen(app);
    const struct cairn_outline *outline = screen->class->outline(screen);
    if (outline != NULL && ends_with(path, ".csv")) {
        cairn_outline_csv(outline, text);
    } else if (outline != NULL && ends_with(path, ".json")) {
        cairn_outline_json(outline, text);
    } else {
        app->message[0] = '\0';
        cairn_app_draw(app);
        cairn_canvas_text(&app->canvas, text);
    }
}

static bool write_all(int descriptor, const char *bytes, size_t length)
{
    while (length > 0) {
        const ssize_t written = write(descriptor, bytes, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes += written;
        length -= (size_t)written;
    }
    return true;
}

/* The timeline, for one, has no rows. */
static bool has_rows(const struct cairn_app *app)
{
    struct cairn_screen *screen = cairn_app_screen(app);
    return screen->class->outline(screen) != NULL;
}

void cairn_app_write(struct cairn_app *app, const char *path, bool replace)
{
    if (!has_rows(app) && (ends_with(path, ".csv") || ends_with(path, ".json"))) {
        cairn_app_complain(app,
                           "there are no rows to write here: Tab goes to the table, .txt writes the screen");
        return;
    }
    const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (replace ? O_TRUNC : O_EXCL);
    const int descriptor = open(path, flags, 0600);
    if (descriptor < 0 && errno == EEXIST) {
        char question[CAIRN_PROMPT_MAX];
        snprintf(question, sizeof(question), "%.80s exists: replace it? y or n ", path);
        cairn_prompt_open(&app->prompt, &replace_prompt, question, path);
        return;
    }
    if (descriptor < 0) {
        cairn_app_complain(app, "%s could not be written: %s", path, strerror(errno));
        return;
    }
    struct cairn_buffer text = CAIRN_BUFFER_INIT;
    render(app, path, &text);
    const bool written = !text.failed && write_all(descriptor, cairn_buffer_cstr(&text), text.length);
    const int failure = errno;
    if (close(descriptor) == 0 && written)
        cairn_app_say(app, "written: %s, %zu bytes", path, text.length);
    else
        cairn_app_complain(app, "%s could not be written: %s", path, strerror(failure));
    cairn_buffer_release(&text);
}

static void entered_path(struct cairn_app *app, const char *path)
{
    if (path[0] != '\0')
        cairn_app_write(app, path, false);
}

static const struct cairn_prompt_class write_prompt = {
    .kind = CAIRN_PROMPT_FILE, .label = "write to (.txt, .csv, .json): ", .done = entered_path};

void cairn_app_write_prompt(struct cairn_app *app)
{
    cairn_prompt_open(&app->prompt, &write_prompt, NULL, "");
}
