/* From keys to what they do. */
#include <stdio.h>
#include <string.h>

#include "view/app.h"
#include "view/crash.h"
#include "view/screens.h"

static void change_group(struct cairn_app *app, int direction)
{
    struct cairn_inquiry *question = &app->question;
    question->by = (enum cairn_by)(((int)question->by + direction + CAIRN_BY_COUNT) % CAIRN_BY_COUNT);
    cairn_app_say(app, "by %s", cairn_by_name(question->by));
    cairn_app_ask(app);
}

static void change_metric(struct cairn_app *app, int direction)
{
    struct cairn_inquiry *question = &app->question;
    bool skipped = false;
    do {
        question->metric = (enum cairn_metric)(((int)question->metric + direction + CAIRN_METRIC_COUNT) %
                                               CAIRN_METRIC_COUNT);
        skipped |= !cairn_facts_know(&app->facts, question->metric);
    } while (!cairn_facts_know(&app->facts, question->metric));
    cairn_app_say(app, "metric: %s%s", cairn_metric_name(question->metric),
                  skipped ? " (this imported trace tells no allocations)" : "");
    cairn_app_ask(app);
}

static void change_language(struct cairn_app *app)
{
    static const char *const names[] = {"all languages", "native only", "Python only"};
    /* all → Python → native, as the page of keys says. */
    static const enum cairn_lang_choice next[] = {[CAIRN_LANG_ALL] = CAIRN_LANG_ONLY_PYTHON,
                                                  [CAIRN_LANG_ONLY_PYTHON] = CAIRN_LANG_ONLY_NATIVE,
                                                  [CAIRN_LANG_ONLY_NATIVE] = CAIRN_LANG_ALL};
    app->question.lang = next[app->question.lang];
    cairn_app_say(app, "%s", names[app->question.lang]);
    cairn_app_ask(app);
}

static void toggle_mouse(struct cairn_app *app)
{
    app->mouse_on = !app->mouse_on;
    if (app->terminal != NULL)
        cairn_terminal_mouse(app->terminal, app->mouse_on);
    cairn_app_say(app,
                  app->mouse_on ? "mouse on: F2 gives text selection back to the terminal" : "mouse off");
}

static void change_pane(struct cairn_app *app, int direction)
{
    struct cairn_screen *screen = cairn_app_screen(app);
    const unsigned panes = screen->class->panes != NULL ? screen->class->panes(screen) : 1;
    if (panes > 1)
        screen->pane = (unsigned)((int)screen->pane + direction + (int)panes) % panes;
}

static void leave(struct cairn_app *app)
{
    if (!cairn_app_back(app))
        app->quit = true;
}

static void cancel(struct cairn_app *app)
{
    cairn_app_found_time(app, false);
    if (cairn_worker_cancel(app->worker))
        cairn_app_say(app, "cancelled; the old answer stays");
    else
        cairn_app_say(app, "nothing is being computed; Q quits");
}

/* The row under the cursor of the screen that is shown. */
static struct cairn_row *current_row(struct cairn_app *app)
{
    struct cairn_screen *screen = cairn_app_screen(app);
    struct cairn_outline *outline = screen->class->outline(screen);
    return outline != NULL ? cairn_outline_current(outline) : NULL;
}

static void show_stack(struct cairn_app *app)
{
    const struct cairn_row *row = current_row(app);
    if (row == NULL || row->stack == 0)
        cairn_app_say(app, "this row has no stack");
    else
        cairn_app_push(app, cairn_frames_screen(app, row));
}

/* l and h: in a tree they open and close; where there is nothing to open they scroll the names. */
static void open_or_close(struct cairn_outline *outline, bool open)
{
    const struct cairn_row *row = cairn_outline_current(outline);
    if (row == NULL)
        return;
    const size_t index = outline->visible[outline->cursor];
    const bool parent = cairn_outline_has_children(outline, index);
    if (!parent && (open || !outline->tree || outline->skip > 0)) {
        cairn_outline_scroll(outline, open);
        return;
    }
    const bool unfolded = cairn_outline_is_unfolded(outline, row);
    if (open && parent && !unfolded)
        cairn_outline_set_folded(outline, row, false);
    else if (open && parent)
        cairn_outline_move(outline, 1);
    else if (!open && parent && unfolded)
        cairn_outline_set_folded(outline, row, true);
    else if (!open)
        cairn_outline_to_parent(outline);
}

static void fold(struct cairn_outline *outline)
{
    const struct cairn_row *row = cairn_outline_current(outline);
    if (row != NULL && cairn_outline_has_children(outline, outline->visible[outline->cursor]))
        cairn_outline_set_folded(outline, row, cairn_outline_is_unfolded(outline, row));
}

/* What moves in the focused table; false when the action is no such thing. */
bool cairn_act_on_rows(struct cairn_outline *outline, const struct cairn_key_binding *binding)
{
    switch (binding->action) {
    case CAIRN_DO_MOVE:
        cairn_outline_move(outline, binding->argument);
        return true;
    case CAIRN_DO_PAGE:
        cairn_outline_page(outline, binding->argument);
        return true;
    case CAIRN_DO_TOP:
        cairn_outline_top(outline);
        return true;
    case CAIRN_DO_BOTTOM:
        cairn_outline_bottom(outline);
        return true;
    case CAIRN_DO_SORT_COLUMN:
        cairn_outline_sort_step(outline, binding->argument);
        return true;
    case CAIRN_DO_SORT_REVERSE:
        cairn_outline_sort_reverse(outline);
        return true;
    default:
        return false;
    }
}

static bool act_on_outline(struct cairn_outline *outline, const struct cairn_key_binding *binding)
{
    switch (binding->action) {
    case CAIRN_DO_OPEN:
    case CAIRN_DO_CLOSE:
        open_or_close(outline, binding->action == CAIRN_DO_OPEN);
        return true;
    case CAIRN_DO_FOLD:
    case CAIRN_DO_ENTER:
        fold(outline);
        return true;
    case CAIRN_DO_FOLD_ALL:
    case CAIRN_DO_UNFOLD_ALL:
        cairn_outline_fold_all(outline, binding->action == CAIRN_DO_FOLD_ALL);
        return true;
    case CAIRN_DO_HOT_PATH:
        cairn_outline_hot_path(outline);
        return true;
    default:
        return cairn_act_on_rows(outline, binding);
    }
}

static void act_on_time(struct cairn_app *app, const struct cairn_key_binding *binding)
{
    switch (binding->action) {
    case CAIRN_DO_SNAPSHOT:
        cairn_app_snapshot_step(app, binding->argument);
        break;
    case CAIRN_DO_SCRUB:
        cairn_app_scrub(app, binding->argument);
        break;
    case CAIRN_DO_PEAK:
        cairn_app_go_to_peak(app);
        break;
    case CAIRN_DO_GO_TO:
        cairn_app_time_prompt(app);
        break;
    case CAIRN_DO_SET_A:
        cairn_app_set_here(app, 'a');
        break;
    case CAIRN_DO_SET_B:
        cairn_app_set_here(app, 'b');
        break;
    case CAIRN_DO_DIFF:
        cairn_app_show(app, '4');
        break;
    case CAIRN_DO_SWAP:
        cairn_app_swap(app);
        break;
    case CAIRN_DO_UNDO:
        cairn_app_undo(app);
        break;
    default:
        break;
    }
}

static void act_on_answer(struct cairn_app *app, const struct cairn_key_binding *binding)
{
    switch (binding->action) {
    case CAIRN_DO_SEARCH:
        cairn_app_search_prompt(app);
        break;
    case CAIRN_DO_SEARCH_AGAIN:
        cairn_app_search_again(app, binding->argument);
        break;
    case CAIRN_DO_FILTER:
        cairn_app_filter_prompt(app);
        break;
    case CAIRN_DO_METRIC:
        change_metric(app, binding->argument);
        break;
    case CAIRN_DO_GROUP:
        change_group(app, binding->argument);
        break;
    case CAIRN_DO_CUMULATIVE:
        app->question.cumulative = !app->question.cumulative;
        cairn_app_say(app, app->question.cumulative ? "cumulative: callees count too"
                                                    : "a site's own allocations");
        cairn_app_ask(app);
        break;
    case CAIRN_DO_LANGUAGE:
        change_language(app);
        break;
    case CAIRN_DO_PROCESS:
        cairn_app_pick_process(app);
        break;
    case CAIRN_DO_WRAPPER:
        cairn_app_toggle_wrapper(app);
        break;
    case CAIRN_DO_STACK:
        show_stack(app);
        break;
    case CAIRN_DO_ORIGIN:
        cairn_app_show_origin(app, current_row(app));
        break;
    case CAIRN_DO_SOURCE:
        app->source_shown = !app->source_shown;
        cairn_app_screen(app)->seen_row = 0;
        break;
    case CAIRN_DO_EDIT:
        cairn_app_edit(app);
        break;
    default:
        break;
    }
}

static void act_on_app(struct cairn_app *app, const struct cairn_key_binding *binding)
{
    switch (binding->action) {
    case CAIRN_DO_BACK:
        if (!cairn_app_back(app))
            cairn_app_say(app, "this is the first screen; q leaves");
        break;
    case CAIRN_DO_LEAVE:
        leave(app);
        break;
    case CAIRN_DO_QUIT:
        app->quit = true;
        break;
    case CAIRN_DO_SCREEN:
        cairn_app_show(app, (char)binding->argument);
        break;
    case CAIRN_DO_PANE:
        change_pane(app, binding->argument);
        break;
    case CAIRN_DO_COPY_ROW:
        cairn_app_copy_row(app);
        break;
    case CAIRN_DO_COPY_COMMAND:
        cairn_app_copy_command(app);
        break;
    case CAIRN_DO_WRITE:
        cairn_app_write_prompt(app);
        break;
    case CAIRN_DO_COMMAND:
        cairn_app_command_prompt(app);
        break;
    case CAIRN_DO_BOOKMARK:
        cairn_app_bookmark_prompt(app);
        break;
    case CAIRN_DO_PICK_BOOKMARK:
        cairn_app_pick_bookmark(app);
        break;
    case CAIRN_DO_SQL:
        cairn_app_sql_prompt(app);
        break;
    case CAIRN_DO_FOLLOW:
        cairn_app_follow(app);
        break;
    case CAIRN_DO_REQUEST:
        cairn_app_request(app, binding->argument == 1);
        break;
    case CAIRN_DO_MOUSE:
        toggle_mouse(app);
        break;
    case CAIRN_DO_HELP:
        cairn_app_help(app);
        break;
    case CAIRN_DO_CANCEL:
        cancel(app);
        break;
    case CAIRN_DO_SUSPEND:
        app->suspend = true;
        break;
    case CAIRN_DO_REDRAW:
        app->redraw_all = true;
        break;
    default:
        act_on_time(app, binding);
        act_on_answer(app, binding);
    }
}

void cairn_app_act(struct cairn_app *app, const struct cairn_key_binding *binding)
{
    struct cairn_screen *screen = cairn_app_screen(app);
    const bool wrapper = app->undo_wrapper && binding->action == CAIRN_DO_WRAPPER;
    app->undo_wrapper = wrapper;
    if (screen->class->act != NULL && screen->class->act(screen, binding)) {
        cairn_app_moved(app);
        return;
    }
    struct cairn_outline *outline = screen->class->outline(screen);
    if (outline == NULL || !act_on_outline(outline, binding))
        act_on_app(app, binding);
    cairn_app_moved(app);
}

void cairn_app_found_time(struct cairn_app *app, bool found)
{
    cairn_key keys[CAIRN_HELD_KEYS_MAX];
    const size_t count = found ? app->held_count : 0;
    memcpy(keys, app->held_keys, count * sizeof(keys[0]));
    app->held_count = 0;
    app->finding_time = false;
    /* One of them may look up a TIME again: then those behind it are held anew. */
    for (size_t i = 0; i < count; i++)
        cairn_app_key(app, keys[i]);
}

void cairn_app_key(struct cairn_app *app, cairn_key key)
{
    cairn_crash_key(key);
    if (app->finding_time && key != CAIRN_KEY_CTRL('C')) {
        if (app->held_count < CAIRN_HELD_KEYS_MAX)
            app->held_keys[app->held_count++] = key;
        return;
    }
    if (app->canvas.width < CAIRN_LEAST_WIDTH || app->canvas.height < CAIRN_LEAST_HEIGHT) {
        app->quit |= key == 'q' || key == 'Q';
        return;
    }
    app->message[0] = '\0';
    if (app->prompt.class != NULL) {
        cairn_prompt_key(app, key);
        cairn_app_moved(app);
        return;
    }
    if (app->overlay != CAIRN_OVERLAY_NONE) {
        cairn_app_overlay_key(app, key);
        return;
    }
    const struct cairn_key_binding *binding = cairn_key_lookup(key, cairn_app_screen(app)->class->id);
    if (binding != NULL) {
        cairn_app_act(app, binding);
        return;
    }
    if (key >= '1' && key <= '9' && cairn_app_show(app, (char)key))
        return;
    char name[CAIRN_KEY_NAME_MAX];
    if (key != CAIRN_KEY_NONE)
        cairn_app_say(app, "%s does nothing here; ? shows the keys", cairn_key_name(key, name));
}

void cairn_app_paste(struct cairn_app *app, cairn_key key)
{
    const struct cairn_prompt_class *prompt = app->prompt.class;
    if (prompt != NULL && prompt->kind != CAIRN_PROMPT_CONFIRM && key != CAIRN_KEY_NONE)
        cairn_app_key(app, key);
    else if (prompt == NULL)
        cairn_app_say(app, "what was pasted does nothing here; / & : ; and @ take text");
}

/* Puts the cursor on the row at a place, or sorts by the column whose head is there; false: it is neither's. `*again`: the
 * cursor was there before. */
static bool click_rows(struct cairn_outline *outline, int x, int y, bool *again)
{
    int column = -1;
    const size_t position = cairn_outline_hit(outline, x, y, &column);
    *again = position == outline->cursor;
    if (position != SIZE_MAX)
        cairn_outline_move(outline, (int)position - (int)outline->cursor);
    else if (column >= 0 && outline->columns[column].sort != NULL)
        cairn_outline_sort_by(outline, outline->columns[column].title);
    return position != SIZE_MAX || column >= 0;
}

static void click(struct cairn_app *app, int x, int y)
{
    int64_t t_ns;
    if (cairn_strip_time(&app->strip, x, y, &t_ns)) {
        cairn_app_go_to(app, &(struct cairn_view_moment){.moment = {.t_ns = t_ns}});
        return;
    }
    struct cairn_screen *screen = cairn_app_screen(app);
    bool again;
    if (screen->class->hit != NULL) {
        if (screen->class->hit(screen, x, y, &again) && again)
            cairn_app_key(app, CAIRN_KEY_ENTER);
        return;
    }
    const unsigned panes = screen->class->panes != NULL ? screen->class->panes(screen) : 1;
    const unsigned before = screen->pane;
    for (unsigned i = 0; i < panes; i++) {
        screen->pane = (before + i) % panes;
        struct cairn_outline *outline = screen->class->outline(screen);
        if (outline == NULL || !click_rows(outline, x, y, &again))
            continue;
        if (again && i == 0)
            cairn_app_key(app, CAIRN_KEY_ENTER);
        return;
    }
    screen->pane = before;
}

static void click_list(struct cairn_app *app, int x, int y)
{
    bool again;
    if (click_rows(&app->list, x, y, &again) && again && app->overlay == CAIRN_OVERLAY_PICKER)
        cairn_app_key(app, CAIRN_KEY_ENTER);
}

void cairn_app_mouse(struct cairn_app *app, const struct cairn_input *input)
{
    if (app->prompt.class != NULL || app->back_count == 0)
        return;
    struct cairn_screen *screen = cairn_app_screen(app);
    struct cairn_outline *outline =
        app->overlay != CAIRN_OVERLAY_NONE ? &app->list : screen->class->outline(screen);
    if (input->kind == CAIRN_INPUT_WHEEL && outline != NULL)
        cairn_outline_move(outline, input->rows);
    else if (input->kind == CAIRN_INPUT_CLICK && app->overlay == CAIRN_OVERLAY_NONE)
        click(app, input->x, input->y);
    else if (input->kind == CAIRN_INPUT_CLICK)
        click_list(app, input->x, input->y);
    cairn_app_moved(app);
}
