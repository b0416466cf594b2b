/* 3 Flame: the call tree as an icicle. A box's width is its share of the metric; what lies below it are its callees
 * (bottom-up: its callers). The rows live in an outline as the Tree's do, so that searching, copying and wrappers work
 * on the box under the cursor. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view/app.h"
#include "view/detail.h"
#include "view/screens.h"
#include "view/site_columns.h"
#include "view/tree_rows.h"

#define NARROWEST 0.5 /* columns below which a box is not drawn */

struct flame {
    struct cairn_screen screen;
    struct cairn_outline tree;
    struct cairn_detail detail;
    bool bottom_up, placed;
    bool compared; /* boxes say what grew and shrank from A to B */
    uint64_t zoom; /* key of the box that has the whole width; 0: all roots have */
    bool marking;
    int64_t marked;          /* site that is marked everywhere, when `marking` */
    int skipped;             /* levels scrolled out at the top */
    struct cairn_rect drawn; /* where the boxes are: for the mouse */
};

/* --- The tree. --- */

static uint32_t current(const struct flame *screen)
{
    const struct cairn_outline *tree = &screen->tree;
    return tree->visible_count > 0 ? tree->visible[tree->cursor] : CAIRN_NO_PARENT;
}

/* The box that has the whole width, or CAIRN_NO_PARENT. */
static uint32_t zoomed(const struct flame *screen)
{
    const size_t row = screen->zoom != 0 ? cairn_outline_find(&screen->tree, screen->zoom) : SIZE_MAX;
    return row == SIZE_MAX ? CAIRN_NO_PARENT : (uint32_t)row;
}

static int64_t value_of(const struct flame *screen, uint32_t row)
{
    const int64_t value = screen->tree.rows.items[row].values[screen->tree.columns[0].value];
    return value > 0 ? value : 0;
}

/* Children of a row (CAIRN_NO_PARENT: the roots) in order of their size: order[*begin … *end). */
static void group_of(const struct cairn_outline *tree, uint32_t row, uint32_t *begin, uint32_t *end)
{
    const size_t group = row == CAIRN_NO_PARENT ? 0 : (size_t)row + 1;
    *begin = tree->first != NULL ? tree->first[group] : 0;
    *end = tree->first != NULL ? tree->first[group + 1] : 0;
}

static void accept(struct cairn_screen *base, struct cairn_rows *rows, bool bottom_up,
                   enum cairn_metric metric)
{
    struct flame *screen = (struct flame *)base;
    if (bottom_up != screen->bottom_up)
        return;
    size_t count;
    const struct cairn_column *columns = cairn_tree_columns(metric, &count);
    if (columns != screen->tree.columns)
        cairn_outline_columns(&screen->tree, columns, count);
    cairn_outline_set_rows(&screen->tree, rows);
    if (!screen->placed)
        cairn_outline_top(&screen->tree);
    screen->placed = true;
}

static void init(struct cairn_screen *base)
{
    struct flame *screen = (struct flame *)base;
    size_t count;
    const struct cairn_column *columns = cairn_tree_columns(base->app->question.metric, &count);
    cairn_outline_init(&screen->tree, columns, count, 0);
    screen->compared = base->app->options->other_path != NULL;
}

static void release(struct cairn_screen *base)
{
    struct flame *screen = (struct flame *)base;
    cairn_outline_release(&screen->tree);
    cairn_detail_release(&screen->detail);
}

static void ask(struct cairn_screen *base)
{
    struct flame *screen = (struct flame *)base;
    const struct cairn_app *app = base->app;
    const bool any = app->question.a_set || app->options->other_path != NULL;
    screen->compared = screen->compared && any && app->question.metric == CAIRN_METRIC_LIVE;
    cairn_tree_ask(base, screen->bottom_up, screen->compared, accept);
}

/* --- Drawing. --- */

struct box {
    uint32_t row;
    int depth;
    double from, to; /* columns */
};

static int edge(double column)
{
    return (int)(column + 0.5);
}

static unsigned box_pen(const struct flame *screen, const struct box *box, bool other)
{
    const struct cairn_row *row = &screen->tree.rows.items[box->row];
    unsigned pen = row->lang == CAIRN_LANG_PYTHON ? CAIRN_STYLE_BOX_PYTHON
                   : other                        ? CAIRN_STYLE_BOX_OTHER
                                                  : CAIRN_STYLE_BOX;
    if (screen->compared)
        pen = row->style == CAIRN_STYLE_TEXT ? CAIRN_STYLE_DIM : row->style;
    if (box->row == current(screen))
        pen = CAIRN_STYLE_MOMENT;
    else if (screen->marking && row->site_id == screen->marked)
        pen |= CAIRN_PEN_MATCH;
    return pen;
}

static void draw_box(const struct flame *screen, struct cairn_canvas *canvas, struct cairn_rect area,
                     const struct box *box, bool other)
{
    const int y = area.y + box->depth - screen->skipped;
    const int left = edge(box->from), right = edge(box->to);
    if (y < area.y || y >= area.y + area.height || right <= left)
        return;
    const unsigned pen = box_pen(screen, box, other);
    cairn_draw_fill(canvas, (struct cairn_rect){area.x + left, y, right - left, 1}, pen, ' ');
    /* A stroke tells boxes apart where there are no colours. */
    cairn_draw_text(canvas, area.x + left, y, 1, pen, "│");
    const struct cairn_row *row = &screen->tree.rows.items[box->row];
    const char *sign = !screen->compared || row->style == CAIRN_STYLE_TEXT ? ""
                       : row->style == CAIRN_STYLE_GREW                    ? "▲"
                                                                           : "▼";
    if (right - left > 2)
        cairn_draw_format(canvas, area.x + left + 1, y, right - left - 1, pen, "%s%s", sign, row->name);
}

/* Children side by side below their parent, the largest on the left; what the parent allocated itself stays empty. */
static size_t push_children(const struct flame *screen, struct box *boxes, size_t count, size_t room,
                            const struct box *parent, double scale)
{
    uint32_t begin, end;
    double at = parent->from;
    group_of(&screen->tree, parent->row, &begin, &end);
    for (uint32_t i = begin; i < end && count < room; i++) {
        const uint32_t row = screen->tree.order[i];
        const double width = (double)value_of(screen, row) * scale;
        if (width >= NARROWEST)
            boxes[count++] =
                (struct box){.row = row, .depth = parent->depth + 1, .from = at, .to = at + width};
        at += width;
    }
    return count;
}

/* All boxes in that many columns, parents before their children; the caller frees them. NULL: there are none. */
static struct box *lay_out(const struct flame *screen, int width, size_t *count)
{
    const struct cairn_outline *tree = &screen->tree;
    const uint32_t zoom = zoomed(screen);
    uint32_t begin, end;
    group_of(tree, CAIRN_NO_PARENT, &begin, &end);
    double whole = 0;
    if (zoom != CAIRN_NO_PARENT)
        whole = (double)value_of(screen, zoom);
    for (uint32_t i = begin; zoom == CAIRN_NO_PARENT && i < end; i++)
        whole += (double)value_of(screen, tree->order[i]);
    struct box *boxes = calloc(tree->rows.count + 1, sizeof(*boxes));
    if (boxes == NULL || whole <= 0) {
        free(boxes);
        return NULL;
    }
    const double scale = width / whole;
    *count = 0;
    if (zoom != CAIRN_NO_PARENT)
        boxes[(*count)++] = (struct box){.row = zoom, .depth = 0, .from = 0, .to = width};
    else
        *count = push_children(screen, boxes, 0, tree->rows.count,
                               &(struct box){.row = CAIRN_NO_PARENT, .depth = -1}, scale);
    for (size_t i = 0; i < *count; i++) {
        const struct box box = boxes[i];
        *count = push_children(screen, boxes, *count, tree->rows.count, &box, scale);
    }
    return boxes;
}

static void draw_boxes(struct flame *screen, struct cairn_canvas *canvas, struct cairn_rect area)
{
    size_t count = 0;
    struct box *boxes = lay_out(screen, area.width, &count);
    screen->drawn = area;
    for (size_t i = 0; i < count; i++)
        draw_box(screen, canvas, area, &boxes[i], i % 2 == 1);
    if (boxes == NULL && screen->tree.visible_count > 0)
        cairn_draw_text(canvas, area.x + 2, area.y, area.width - 2, CAIRN_STYLE_DIM,
                        "no boxes: all of it is 0 at this moment");
    free(boxes);
}

/* The box under the cursor stays in sight. */
static void scroll(struct flame *screen, int height)
{
    const uint32_t row = current(screen), zoom = zoomed(screen);
    if (row == CAIRN_NO_PARENT)
        return;
    const int base = zoom != CAIRN_NO_PARENT ? screen->tree.rows.items[zoom].depth : 0;
    const int depth = screen->tree.rows.items[row].depth - base;
    if (depth < screen->skipped)
        screen->skipped = depth;
    if (depth >= screen->skipped + height)
        screen->skipped = depth - height + 1;
    screen->skipped = screen->skipped < 0 ? 0 : screen->skipped;
}

static void draw_info(const struct flame *screen, struct cairn_canvas *canvas, struct cairn_rect area)
{
    const uint32_t index = current(screen);
    if (index == CAIRN_NO_PARENT)
        return;
    const struct cairn_row *row = &screen->tree.rows.items[index];
    const struct cairn_column *column = &screen->tree.columns[0];
    char value[CAIRN_VALUE_MAX], percent[CAIRN_VALUE_MAX], self[CAIRN_VALUE_MAX], change[CAIRN_VALUE_MAX];
    cairn_draw_format(
        canvas, area.x, area.y, area.width, CAIRN_STYLE_HEADING, " %s  %s%s%s %%  self %s  %s  %s",
        cairn_value_text(column->kind, row->values[column->value], value),
        screen->compared
            ? cairn_value_text(CAIRN_COLUMN_BYTES_SIGNED, row->values[CAIRN_VALUE_CHANGE], change)
            : "",
        screen->compared ? " since A  " : "",
        cairn_value_text(CAIRN_COLUMN_PERCENT, row->values[CAIRN_VALUE_PERCENT], percent),
        cairn_value_text(column->kind, row->values[CAIRN_VALUE_SELF], self), row->name, row->place);
}

static void draw(struct cairn_screen *base, struct cairn_canvas *canvas, struct cairn_rect area)
{
    struct flame *screen = (struct flame *)base;
    struct cairn_app *app = base->app;
    struct cairn_rect rest = area;
    if (canvas->height >= 30) {
        const int strip = cairn_strip_height(canvas->height);
        cairn_strip_draw(app, canvas, (struct cairn_rect){area.x, area.y, area.width, strip}, false, "");
        rest.y += strip;
        rest.height -= strip;
    }
    cairn_draw_fill(canvas, (struct cairn_rect){rest.x, rest.y, rest.width, 1}, CAIRN_STYLE_HEADER, ' ');
    const uint32_t zoom = zoomed(screen);
    cairn_draw_format(canvas, rest.x + 2, rest.y, rest.width - 2, CAIRN_STYLE_HEADER, "%s, width: %s%s%s%s",
                      screen->bottom_up ? "bottom-up" : "top-down", cairn_metric_name(app->question.metric),
                      screen->compared ? " at B; ▲ grew ▼ shrank since A" : "",
                      zoom != CAIRN_NO_PARENT ? ", zoomed to " : "",
                      zoom != CAIRN_NO_PARENT ? screen->tree.rows.items[zoom].name : "");
    rest.y++;
    rest.height--;
    if (app->source_shown && rest.height >= 14) {
        const int height = rest.height * 2 / 5;
        rest.height -= height;
        cairn_source_draw(&screen->detail.source, canvas,
                          (struct cairn_rect){rest.x, rest.y + rest.height, rest.width, height});
    }
    rest.height--;
    draw_info(screen, canvas, (struct cairn_rect){rest.x, rest.y + rest.height, rest.width, 1});
    scroll(screen, rest.height);
    screen->tree.drawn = (struct cairn_rect){0, 0, 0, 0};
    draw_boxes(screen, canvas, rest);
    if (screen->tree.loaded && screen->tree.visible_count == 0)
        cairn_draw_text(canvas, rest.x + 2, rest.y, rest.width - 2, CAIRN_STYLE_DIM,
                        cairn_app_no_rows(app, "nothing was allocated here"));
}

/* --- Keys. --- */

static void select_row(struct flame *screen, uint32_t row)
{
    cairn_outline_reveal(&screen->tree, row);
}

static bool hit(struct cairn_screen *base, int x, int y, bool *again)
{
    struct flame *screen = (struct flame *)base;
    const struct cairn_rect area = screen->drawn;
    uint32_t row = CAIRN_NO_PARENT;
    size_t count = 0;
    struct box *boxes = y >= area.y && y < area.y + area.height ? lay_out(screen, area.width, &count) : NULL;
    for (size_t i = 0; i < count; i++)
        if (boxes[i].depth - screen->skipped == y - area.y && x - area.x >= edge(boxes[i].from) &&
            x - area.x < edge(boxes[i].to))
            row = boxes[i].row;
    free(boxes);
    *again = row == current(screen);
    if (row != CAIRN_NO_PARENT)
        select_row(screen, row);
    return row != CAIRN_NO_PARENT;
}

/* Down to the largest child, up to the parent. */
static void move_deeper(struct flame *screen, int levels)
{
    for (; levels != 0; levels += levels > 0 ? -1 : 1) {
        const uint32_t row = current(screen);
        uint32_t begin, end;
        if (row == CAIRN_NO_PARENT)
            return;
        group_of(&screen->tree, row, &begin, &end);
        if (levels > 0 && begin < end)
            select_row(screen, screen->tree.order[begin]);
        else if (levels < 0 && row != zoomed(screen) &&
                 screen->tree.rows.items[row].parent != CAIRN_NO_PARENT)
            select_row(screen, screen->tree.rows.items[row].parent);
    }
}

static void move_aside(struct flame *screen, int boxes)
{
    const uint32_t row = current(screen);
    uint32_t begin, end;
    if (row == CAIRN_NO_PARENT || row == zoomed(screen))
        return;
    group_of(&screen->tree, screen->tree.rows.items[row].parent, &begin, &end);
    for (uint32_t i = begin; i < end; i++) {
        const int64_t target = (int64_t)i + boxes;
        if (screen->tree.order[i] == row && target >= begin && target < end) {
            select_row(screen, screen->tree.order[target]);
            return;
        }
    }
}

static void zoom_in(struct flame *screen)
{
    const uint32_t row = current(screen);
    if (row == CAIRN_NO_PARENT)
        return;
    screen->zoom = screen->tree.rows.items[row].key;
    screen->skipped = 0;
}

static bool zoom_out(struct flame *screen)
{
    const bool any = zoomed(screen) != CAIRN_NO_PARENT;
    screen->zoom = 0;
    return any;
}

static void mark(struct flame *screen)
{
    const uint32_t row = current(screen);
    if (row == CAIRN_NO_PARENT)
        return;
    const int64_t site = screen->tree.rows.items[row].site_id;
    screen->marking = !(screen->marking && screen->marked == site);
    screen->marked = site;
    cairn_app_say(screen->screen.app,
                  screen->marking ? "%s is marked wherever it stands" : "%s is no longer marked",
                  screen->tree.rows.items[row].name);
}

static void toggle_compared(struct flame *screen)
{
    struct cairn_app *app = screen->screen.app;
    if (app->question.metric != CAIRN_METRIC_LIVE)
        cairn_app_say(app, "only live bytes are compared: v goes there");
    else if (!app->question.a_set && app->options->other_path == NULL)
        cairn_app_say(app, "nothing to compare with: a sets moment A");
    else {
        screen->compared = !screen->compared;
        ask(&screen->screen);
    }
}

static bool act(struct cairn_screen *base, const struct cairn_key_binding *binding)
{
    struct flame *screen = (struct flame *)base;
    switch (binding->action) {
    case CAIRN_DO_MOVE:
        move_deeper(screen, binding->argument);
        return true;
    case CAIRN_DO_PAGE:
        move_deeper(screen, 5 * binding->argument);
        return true;
    case CAIRN_DO_BOTTOM:
        cairn_outline_hot_path(&screen->tree);
        return true;
    case CAIRN_DO_OPEN:
    case CAIRN_DO_CLOSE:
        move_aside(screen, binding->action == CAIRN_DO_OPEN ? 1 : -1);
        return true;
    case CAIRN_DO_ENTER:
        zoom_in(screen);
        return true;
    case CAIRN_DO_BACK:
        return zoom_out(screen);
    case CAIRN_DO_HIDE_SAME:
        toggle_compared(screen);
        return true;
    case CAIRN_DO_MARK:
        mark(screen);
        return true;
    case CAIRN_DO_INVERT:
        screen->bottom_up = !screen->bottom_up;
        screen->placed = false;
        screen->zoom = 0;
        ask(base);
        return true;
    case CAIRN_DO_STACK:
        if (current(screen) != CAIRN_NO_PARENT)
            cairn_tree_show_path(base, &screen->tree, current(screen), screen->bottom_up);
        return true;
    default:
        return false;
    }
}

static struct cairn_outline *outline(struct cairn_screen *base)
{
    return &((struct flame *)base)->tree;
}

static struct cairn_detail *detail(struct cairn_screen *base)
{
    return &((struct flame *)base)->detail;
}

static void command(const struct cairn_screen *base, struct cairn_buffer *text)
{
    /* The tree that is printed compares nothing. */
    if (((const struct flame *)base)->compared || !cairn_inquiry_has_options(&base->app->question))
        return;
    cairn_buffer_text(text, "tree ");
    cairn_append_quoted(text, base->app->options->path);
    cairn_inquiry_options(&base->app->question, true, text);
    if (((const struct flame *)base)->bottom_up)
        cairn_buffer_text(text, " --bottom-up");
}

const struct cairn_screen_class cairn_flame_screen_class = {
    .id = CAIRN_SCREEN_FLAME,
    .digit = '3',
    .name = "Flame",
    .summary = "the call tree as boxes, as wide as what they hold",
    .size = sizeof(struct flame),
    .init = init,
    .release = release,
    .ask = ask,
    .detail = detail,
    .draw = draw,
    .outline = outline,
    .act = act,
    .hit = hit,
    .command = command,
};
