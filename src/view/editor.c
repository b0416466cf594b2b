/* `e`: the user's editor at the line of the row. No shell: the editor's words are split at blanks, the path is one
 * argument. A trace may name any path, so what does not lie below --source-root is asked about first. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sanitise.h"
#include "view/app.h"
#include "view/detail.h"

#define ARGUMENTS_MOST 16

/* How an editor is told the line. */
static const struct {
    const char *name, *format; /* with the line, then the path */
    const char *before;        /* an argument in front; NULL: none */
} editors[] = {
    {"code", "%2$s:%1$s", "-g"},    {"codium", "%2$s:%1$s", "-g"}, {"hx", "%2$s:%1$s", NULL},
    {"helix", "%2$s:%1$s", NULL},   {"subl", "%2$s:%1$s", NULL},   {"micro", "%2$s:%1$s", NULL},
    {"zed", "%2$s:%1$s", "--wait"},
};

static void say_with(const char *format, const char *line, const char *path, char *out, size_t out_size)
{
    /* The format is from the table above. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(out, out_size, format, line, path);
#pragma GCC diagnostic pop
}

/* Words of $VISUAL or $EDITOR, then line and path. Everything lies in `words` and the other buffers. */
static bool build_command(const char *path, int64_t line, char *words, size_t words_size, char *last,
                          size_t last_size, char *plus, size_t plus_size, char **arguments)
{
    const char *editor = getenv("VISUAL");
    if (editor == NULL || editor[0] == '\0')
        editor = getenv("EDITOR");
    snprintf(words, words_size, "%s", editor != NULL && editor[0] != '\0' ? editor : "vi");
    size_t count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(words, " \t", &rest); word != NULL && count < ARGUMENTS_MOST - 4;
         word = strtok_r(NULL, " \t", &rest))
        arguments[count++] = word;
    if (count == 0)
        return false;
    const char *slash = strrchr(arguments[0], '/');
    const char *name = slash != NULL ? slash + 1 : arguments[0];
    char number[24];
    snprintf(number, sizeof(number), "%" PRId64, line);
    for (size_t i = 0; i < sizeof(editors) / sizeof(editors[0]); i++) {
        if (strcmp(editors[i].name, name) != 0)
            continue;
        if (editors[i].before != NULL) {
            snprintf(plus, plus_size, "%s", editors[i].before);
            arguments[count++] = plus;
        }
        say_with(editors[i].format, number, path, last, last_size);
        arguments[count++] = last;
        arguments[count] = NULL;
        return true;
    }
    snprintf(plus, plus_size, "+%s", number);
    snprintf(last, last_size, "%s", path);
    arguments[count++] = plus;
    arguments[count++] = last;
    arguments[count] = NULL;
    return true;
}

static int run_and_wait(char **arguments)
{
    const pid_t child = fork();
    if (child == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execvp(arguments[0], arguments);
        _exit(127);
    }
    int status = -1;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

static void open_editor(struct cairn_app *app, const char *path, int64_t line)
{
    char words[1024], last[4200], plus[32];
    char *arguments[ARGUMENTS_MOST];
    if (app->terminal == NULL) {
        cairn_app_say(app, "an editor needs the terminal: %s line %" PRId64, path, line);
        return;
    }
    if (!build_command(path, line, words, sizeof(words), last, sizeof(last), plus, sizeof(plus), arguments)) {
        cairn_app_complain(app, "EDITOR names no program");
        return;
    }
    cairn_terminal_suspend(app->terminal);
    const int status = run_and_wait(arguments);
    cairn_terminal_resume(app->terminal);
    app->redraw_all = true;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        cairn_app_complain(app, "%s was not found: set EDITOR", arguments[0]);
}

/* --- Which file and line. --- */

/* The place of the row: its own, or where most of it happens. False when there is none. */
static bool find_place(struct cairn_app *app, const char **file, int64_t *line)
{
    struct cairn_screen *screen = cairn_app_screen(app);
    const struct cairn_outline *outline = screen->class->outline(screen);
    const struct cairn_row *row = outline != NULL ? cairn_outline_current(outline) : NULL;
    if (row != NULL && row->line == CAIRN_UNKNOWN && screen->class->detail != NULL) {
        const struct cairn_detail *detail = screen->class->detail(screen);
        row = detail->charged < detail->frames.count ? &detail->frames.items[detail->charged] : row;
    }
    if (row == NULL || row->file == NULL || row->line <= 0)
        return false;
    *file = row->file;
    *line = row->line;
    return true;
}

static void agreed(struct cairn_app *app, const char *path)
{
    const char *file;
    int64_t line;
    (void)path;
    if (find_place(app, &file, &line))
        open_editor(app, file, line);
}

static const struct cairn_prompt_class edit_prompt = {
    .kind = CAIRN_PROMPT_CONFIRM, .label = "", .done = agreed};

void cairn_app_edit(struct cairn_app *app)
{
    const char *file;
    int64_t line;
    if (!find_place(app, &file, &line)) {
        cairn_app_say(app, "no source line is known for this row");
        return;
    }
    char path[4096], clean[160], question[CAIRN_PROMPT_MAX];
    const char *root = app->options->source_root;
    const int descriptor = root != NULL ? cairn_source_open(root, file, path, sizeof(path)) : -1;
    if (descriptor >= 0) {
        close(descriptor);
        open_editor(app, path, line);
        return;
    }
    cairn_sanitise(clean, sizeof(clean), file, strlen(file));
    struct stat status;
    if (file[0] != '/' || stat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
        cairn_app_say(app, "%s is not on this machine: --source-root DIR says where your sources are", clean);
        return;
    }
    snprintf(question, sizeof(question), "the trace names %.100s:%" PRId64 ": open it? y or n ", clean, line);
    cairn_prompt_open(&app->prompt, &edit_prompt, question, "");
}
