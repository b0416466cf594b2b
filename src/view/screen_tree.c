/* 2 Tree: the call tree, from main down or from the sites up. */
#include <stdio.h>

#include "view/app.h"
#include "view/detail.h"
#include "view/kin.h"
#include "view/screens.h"
#include "view/site_columns.h"
#include "view/tree_rows.h"

struct tree {
    struct cairn_screen screen;
    struct cairn_outline table;
    struct cairn_detail detail;
    struct cairn_kin kin;
    bool bottom_up;
    bool hot_path_shown; /* the first answer unfolds it */
    int64_t follow_site; /* turning the tree over keeps the cursor on this function; 0: does not matter */
    char heading[96];
};

/* The first row of the function that the cursor was on before the tree was turned over; rows come breadth-first, so
 * this is one near the roots. */
static void find_function(struct tree *screen)
{
    const struct cairn_rows *rows = &screen->table.rows;
    for (size_t i = 0; screen->follow_site != 0 && i < rows->count; i++)
        if (rows->items[i].site_id == screen->follow_site) {
            cairn_outline_reveal(&screen->table, i);
            break;
        }
    screen->follow_site = 0;
}

static void accept(struct cairn_screen *base, struct cairn_rows *rows, bool bottom_up,
                   enum cairn_metric metric)
{
    struct tree *screen = (struct tree *)base;
    if (bottom_up != screen->bottom_up)
        return;
    size_t count;
    const struct cairn_column *columns = cairn_tree_columns(metric, &count);
    if (columns != screen->table.columns)
        cairn_outline_columns(&screen->table, columns, count);
    screen->table.estimates = base->app->facts.sample_bytes > 0;
    cairn_outline_set_rows(&screen->table, rows);
    find_function(screen);
    if (!screen->hot_path_shown && !screen->bottom_up) {
        cairn_outline_hot_path(&screen->table);
        cairn_outline_top(&screen->table);
        screen->table.touched = false;
        screen->hot_path_shown = true;
    }
}

/* --- The screen. --- */

static void init(struct cairn_screen *base)
{
    struct tree *screen = (struct tree *)base;
    size_t count;
    const struct cairn_column *columns = cairn_tree_columns(base->app->question.metric, &count);
    cairn_outline_init(&screen->table, columns, count, 0);
}

static void release(struct cairn_screen *base)
{
    struct tree *screen = (struct tree *)base;
    cairn_outline_release(&screen->table);
    cairn_detail_release(&screen->detail);
    cairn_kin_release(&screen->kin);
}

static void ask(struct cairn_screen *base)
{
    cairn_tree_ask(base, ((struct tree *)base)->bottom_up, false, accept);
}

static struct cairn_detail *detail(struct cairn_screen *base)
{
    return &((struct tree *)base)->detail;
}

static void moved(struct cairn_screen *base)
{
    struct tree *screen = (struct tree *)base;
    cairn_kin_find(&screen->kin, &screen->table, screen->bottom_up);
}

static void draw(struct cairn_screen *base, struct cairn_canvas *canvas, struct cairn_rect area)
{
    struct tree *screen = (struct tree *)base;
    struct cairn_app *app = base->app;
    struct cairn_rect rest = area;
    if (canvas->height >= 30) {
        const int strip = cairn_strip_height(canvas->height);
        cairn_strip_draw(app, canvas, (struct cairn_rect){area.x, area.y, area.width, strip}, false, "");
        rest.y += strip;
        rest.height -= strip;
    }
    struct cairn_layout layout = cairn_detail_layout(app, rest);
    if (layout.stack.height == 1) {
        /* A tree shows its own stacks: the line below goes to the table. */
        layout.table.height += 1;
        layout.source.y += layout.source.height > 0 ? 1 : 0;
        layout.stack.height = 0;
    }
    snprintf(screen->heading, sizeof(screen->heading), "%s by %s",
             screen->bottom_up ? "bottom-up" : "top-down",
             app->question.by == CAIRN_BY_LINE ? "line" : "function");
    const struct cairn_outline_look look = {.focused = true,
                                            .heading = screen->heading,
                                            .empty = cairn_app_no_rows(app, "nothing was allocated here"),
                                            .match = cairn_app_match(app)};
    cairn_outline_draw(&screen->table, canvas, layout.table, &look);
    if (layout.stack.height > 1)
        cairn_kin_draw(&screen->kin, canvas, layout.stack, app->question.metric);
    if (layout.source.height > 1)
        cairn_source_draw(&screen->detail.source, canvas, layout.source);
}

static struct cairn_outline *outline(struct cairn_screen *base)
{
    return &((struct tree *)base)->table;
}

static void show_path(struct tree *screen)
{
    const struct cairn_outline *table = &screen->table;
    if (table->visible_count > 0)
        cairn_tree_show_path(&screen->screen, table, table->visible[table->cursor], screen->bottom_up);
}

static bool act(struct cairn_screen *base, const struct cairn_key_binding *binding)
{
    struct tree *screen = (struct tree *)base;
    const struct cairn_outline *table = &screen->table;
    const struct cairn_row *row = cairn_outline_current(table);
    switch (binding->action) {
    case CAIRN_DO_INVERT:
        screen->follow_site = row != NULL ? row->site_id : 0;
        screen->bottom_up = !screen->bottom_up;
        cairn_app_say(base->app, screen->bottom_up ? "bottom-up: sites and their callers"
                                                   : "top-down: from main to the sites");
        ask(base);
        return true;
    case CAIRN_DO_STACK:
        show_path(screen);
        return true;
    case CAIRN_DO_ENTER:
        /* A leaf has nothing to open but its path. */
        if (table->visible_count == 0 || cairn_outline_has_children(table, table->visible[table->cursor]))
            return false;
        show_path(screen);
        return true;
    default:
        return false;
    }
}

static void command(const struct cairn_screen *base, struct cairn_buffer *text)
{
    if (!cairn_inquiry_has_options(&base->app->question))
        return;
    cairn_buffer_text(text, "tree ");
    cairn_append_quoted(text, base->app->options->path);
    cairn_inquiry_options(&base->app->question, true, text);
    if (((const struct tree *)base)->bottom_up)
        cairn_buffer_text(text, " --bottom-up");
    cairn_outline_sort_options(&((const struct tree *)base)->table, text);
}

const struct cairn_screen_class cairn_tree_screen_class = {
    .id = CAIRN_SCREEN_TREE,
    .digit = '2',
    .name = "Tree",
    .summary = "the call tree, top-down or bottom-up",
    .size = sizeof(struct tree),
    .init = init,
    .release = release,
    .ask = ask,
    .detail = detail,
    .moved = moved,
    .draw = draw,
    .outline = outline,
    .act = act,
    .command = command,
};
