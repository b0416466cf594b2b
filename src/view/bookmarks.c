#include "view/bookmarks.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sanitise.h"
#include "view/app.h"

#define FIELDS 6 /* of a line: trace, screen, moment, A, B, name */

/* --- The file: one bookmark a line, tabs between its fields. --- */

static bool split(char *line, char *fields[FIELDS])
{
    line[strcspn(line, "\n")] = '\0';
    for (size_t i = 0; i < FIELDS; i++) {
        fields[i] = line;
        line += strcspn(line, "\t");
        if (i + 1 < FIELDS && *line != '\t')
            return false;
        *line++ = '\0';
    }
    return true;
}

static void take_line(struct cairn_bookmarks *bookmarks, char *line)
{
    char *fields[FIELDS];
    if (!split(line, fields) || strcmp(fields[0], bookmarks->trace) != 0 ||
        bookmarks->count == CAIRN_BOOKMARKS_MAX)
        return;
    struct cairn_bookmark *mark = &bookmarks->items[bookmarks->count++];
    mark->screen = fields[1][0];
    snprintf(mark->at, sizeof(mark->at), "%s", fields[2]);
    snprintf(mark->a, sizeof(mark->a), "%s", fields[3]);
    snprintf(mark->b, sizeof(mark->b), "%s", fields[4]);
    cairn_sanitise(mark->name, sizeof(mark->name), fields[5], strlen(fields[5]));
}

void cairn_bookmarks_load(struct cairn_bookmarks *bookmarks, char *path, const char *trace)
{
    *bookmarks = (struct cairn_bookmarks){.path = path, .trace = realpath(trace, NULL)};
    FILE *file = path != NULL && bookmarks->trace != NULL ? fopen(path, "re") : NULL;
    char line[PATH_MAX + sizeof(struct cairn_bookmark)];
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        take_line(bookmarks, line);
    if (file != NULL)
        fclose(file);
}

void cairn_bookmarks_release(struct cairn_bookmarks *bookmarks)
{
    free(bookmarks->path);
    free(bookmarks->trace);
    *bookmarks = (struct cairn_bookmarks){.path = NULL};
}

/* The lines of other traces stay as they are. */
static void copy_others(const struct cairn_bookmarks *bookmarks, FILE *out)
{
    FILE *file = fopen(bookmarks->path, "re");
    const size_t length = strlen(bookmarks->trace);
    char line[PATH_MAX + sizeof(struct cairn_bookmark)];
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, bookmarks->trace, length) != 0 || line[length] != '\t')
            fputs(line, out);
    if (file != NULL)
        fclose(file);
}

/* At once: a bookmark is there also when the terminal goes away. */
static bool save(const struct cairn_bookmarks *bookmarks)
{
    if (bookmarks->path == NULL)
        return true;
    if (bookmarks->trace == NULL || strpbrk(bookmarks->trace, "\t\n") != NULL)
        return false;
    char temporary[PATH_MAX];
    snprintf(temporary, sizeof(temporary), "%s.new", bookmarks->path);
    cairn_make_folders(bookmarks->path);
    FILE *file = fopen(temporary, "we");
    if (file == NULL)
        return false;
    copy_others(bookmarks, file);
    for (size_t i = 0; i < bookmarks->count; i++) {
        const struct cairn_bookmark *mark = &bookmarks->items[i];
        fprintf(file, "%s\t%c\t%s\t%s\t%s\t%s\n", bookmarks->trace, mark->screen, mark->at, mark->a, mark->b,
                mark->name);
    }
    return fclose(file) == 0 && rename(temporary, bookmarks->path) == 0;
}

/* --- Setting one. --- */

static struct cairn_bookmark *find(struct cairn_bookmarks *bookmarks, const char *name)
{
    for (size_t i = 0; i < bookmarks->count; i++)
        if (strcmp(bookmarks->items[i].name, name) == 0)
            return &bookmarks->items[i];
    return NULL;
}

/* The screen with a digit that the one shown was reached from. */
static char digit_of(const struct cairn_app *app)
{
    for (size_t i = app->back_count; i > 0; i--)
        if (app->back[i - 1]->class->digit != 0)
            return app->back[i - 1]->class->digit;
    return '1';
}

void cairn_app_bookmark(struct cairn_app *app, const char *name)
{
    struct cairn_bookmarks *bookmarks = &app->bookmarks;
    struct cairn_bookmark made = {.screen = digit_of(app)};
    const struct cairn_inquiry *question = &app->question;
    cairn_sanitise(made.name, sizeof(made.name), name, strlen(name));
    if (made.name[0] == '\0')
        return;
    cairn_moment_word(&question->at, made.at, sizeof(made.at));
    if (question->a_set)
        cairn_moment_word(&question->a, made.a, sizeof(made.a));
    if (question->b_set)
        cairn_moment_word(&question->b, made.b, sizeof(made.b));
    struct cairn_bookmark *mark = find(bookmarks, made.name);
    if (mark == NULL && bookmarks->count == CAIRN_BOOKMARKS_MAX) {
        cairn_app_complain(app, "%d bookmarks are the most there can be: :forget NAME", CAIRN_BOOKMARKS_MAX);
        return;
    }
    mark = mark != NULL ? mark : &bookmarks->items[bookmarks->count++];
    *mark = made;
    if (save(bookmarks))
        cairn_app_say(app, "bookmark %s: ' lists them", made.name);
    else
        cairn_app_complain(app, "bookmark %s is not kept: %s cannot be written", made.name, bookmarks->path);
}

static const struct cairn_prompt_class bookmark_prompt = {
    .kind = CAIRN_PROMPT_BOOKMARK, .label = "bookmark: ", .done = cairn_app_bookmark};

void cairn_app_bookmark_prompt(struct cairn_app *app)
{
    cairn_prompt_open(&app->prompt, &bookmark_prompt, NULL, "");
}

void cairn_app_forget_bookmark(struct cairn_app *app, const char *name)
{
    struct cairn_bookmarks *bookmarks = &app->bookmarks;
    struct cairn_bookmark *mark = find(bookmarks, name);
    if (mark == NULL) {
        cairn_app_complain(app, "there is no bookmark %s", name);
        return;
    }
    memmove(mark, mark + 1, (size_t)(bookmarks->items + bookmarks->count - mark - 1) * sizeof(*mark));
    bookmarks->count--;
    cairn_app_say(app, "bookmark %s is forgotten", name);
    if (!save(bookmarks))
        cairn_app_complain(app, "%s cannot be written", bookmarks->path);
}

/* --- Going there. --- */

/* What cairn_moment_word() wrote, by the facts alone. */
static struct cairn_view_moment moment_of(const struct cairn_facts *facts, const char *word)
{
    if (strcmp(word, "peak") == 0)
        return facts->peak;
    if (strcmp(word, "end") == 0)
        return facts->end;
    for (size_t i = 0; i < facts->snapshot_count; i++) {
        const struct cairn_view_moment moment = cairn_facts_snapshot(facts, i);
        if (strcmp(moment.moment.label, word) == 0)
            return moment;
    }
    return (struct cairn_view_moment){.moment = {.t_ns = strtoll(word, NULL, 10)}};
}

static void go(struct cairn_app *app, const struct cairn_row *row)
{
    const struct cairn_bookmark *mark = &app->bookmarks.items[row->key - 1];
    const bool two = app->options->other_path != NULL;
    struct cairn_inquiry *question = &app->question;
    cairn_app_remember(app);
    question->a_set = mark->a[0] != '\0';
    question->b_set = mark->b[0] != '\0';
    if (question->a_set)
        question->a = moment_of(&app->facts, mark->a);
    if (question->b_set)
        question->b = moment_of(two ? &app->other_facts : &app->facts, mark->b);
    const struct cairn_view_moment at = moment_of(&app->facts, mark->at);
    cairn_app_show(app, mark->screen);
    cairn_app_go_to(app, &at);
    cairn_app_say(app, "bookmark %s (u restores A and B)", mark->name);
}

static const struct cairn_column columns[] = {{.title = "bookmark", .kind = CAIRN_COLUMN_NAME}};

void cairn_app_pick_bookmark(struct cairn_app *app)
{
    const struct cairn_bookmarks *bookmarks = &app->bookmarks;
    struct cairn_rows rows = {.items = NULL};
    if (bookmarks->count == 0) {
        cairn_app_say(app, "there is no bookmark yet: B sets one here");
        return;
    }
    for (size_t i = 0; i < bookmarks->count; i++) {
        const struct cairn_bookmark *mark = &bookmarks->items[i];
        const struct cairn_screen_class *class = cairn_screen_class_of_digit(mark->screen);
        struct cairn_row *row = cairn_rows_add(&rows, CAIRN_NO_PARENT);
        if (row == NULL)
            break;
        row->key = i + 1;
        row->name = cairn_rows_format(&rows, "%s", mark->name);
        row->place = cairn_rows_format(&rows, "%s at %s%s%s%s%s", class != NULL ? class->name : "", mark->at,
                                       mark->a[0] != '\0' ? "  A " : "", mark->a,
                                       mark->b[0] != '\0' ? "  B " : "", mark->b);
    }
    cairn_app_pick(app, "Which bookmark?", columns, 1, &rows, 1, go);
}
