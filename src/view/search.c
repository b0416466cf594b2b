/* `/`, `n` and `N`: the cursor goes along while one types. */
#include <stdio.h>
#include <string.h>

#include "view/app.h"

/* Capitals in the expression make case count. */
static bool compile(struct cairn_app *app, const char *text)
{
    int flags = REG_EXTENDED | REG_ICASE;
    for (const char *c = text; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            flags = REG_EXTENDED;
    regex_t expression;
    if (regcomp(&expression, text, flags) != 0)
        return false;
    if (app->search_set)
        regfree(&app->search_expression);
    app->search_expression = expression;
    app->search_set = true;
    snprintf(app->search, sizeof(app->search), "%s", text);
    return true;
}

static void forget(struct cairn_app *app)
{
    if (app->search_set)
        regfree(&app->search_expression);
    app->search_set = false;
    app->search[0] = '\0';
}

/* The list that lies over the screen, else its table. */
static struct cairn_outline *searched(struct cairn_app *app)
{
    struct cairn_screen *screen = cairn_app_screen(app);
    return app->overlay != CAIRN_OVERLAY_NONE ? &app->list : screen->class->outline(screen);
}

/* Each letter searches from where the prompt was opened, and Esc goes back there: the window, too. */
static void back_to_origin(struct cairn_app *app, struct cairn_outline *outline)
{
    const size_t row = outline != NULL && app->search_origin != 0
                           ? cairn_outline_find(outline, app->search_origin)
                           : SIZE_MAX;
    if (row == SIZE_MAX)
        return;
    outline->top = app->search_top;
    cairn_outline_reveal(outline, row);
}

static void typed(struct cairn_app *app, const char *text)
{
    struct cairn_outline *outline = searched(app);
    back_to_origin(app, outline);
    /* Half-typed expressions need not compile. */
    if (text[0] == '\0')
        forget(app);
    else if (compile(app, text) && outline != NULL)
        cairn_outline_search(outline, &app->search_expression, 1, true);
}

static void entered(struct cairn_app *app, const char *text)
{
    struct cairn_outline *outline = searched(app);
    if (text[0] == '\0') {
        forget(app);
        return;
    }
    if (!compile(app, text)) {
        cairn_app_complain(app, "%s is no regular expression", text);
        return;
    }
    back_to_origin(app, outline);
    if (outline == NULL || !cairn_outline_search(outline, &app->search_expression, 1, true))
        cairn_app_say(app, "not found: %s", text);
}

static void left(struct cairn_app *app)
{
    back_to_origin(app, searched(app));
    forget(app);
}

static const struct cairn_prompt_class search_prompt = {
    .kind = CAIRN_PROMPT_SEARCH, .label = "/", .done = entered, .changed = typed, .left = left};

void cairn_app_search_prompt(struct cairn_app *app)
{
    const struct cairn_outline *outline = searched(app);
    const struct cairn_row *row = outline != NULL ? cairn_outline_current(outline) : NULL;
    app->search_origin = row != NULL ? row->key : 0;
    app->search_top = outline != NULL ? outline->top : 0;
    cairn_prompt_open(&app->prompt, &search_prompt, NULL, "");
}

void cairn_app_search_again(struct cairn_app *app, int direction)
{
    struct cairn_outline *outline = searched(app);
    if (!app->search_set) {
        /* As in less: the last search of an earlier session. */
        const char *line = cairn_history_line(&app->history, CAIRN_PROMPT_SEARCH, 1);
        if (line == NULL || !compile(app, line)) {
            cairn_app_say(app, "nothing was searched yet: / searches");
            return;
        }
    }
    const size_t before = outline != NULL ? outline->cursor : 0;
    if (outline == NULL || !cairn_outline_search(outline, &app->search_expression, direction, false))
        cairn_app_say(app, "not found: %s", app->search);
    else if (outline->cursor == before)
        cairn_app_say(app, "no other one: %s", app->search);
    else if ((outline->cursor < before) == (direction > 0))
        cairn_app_say(app, "searched on from the %s", direction > 0 ? "top" : "bottom");
}

const regex_t *cairn_app_match(const struct cairn_app *app)
{
    return app->search_set ? &app->search_expression : NULL;
}
