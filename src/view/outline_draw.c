#include "view/outline.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define GAP        2 /* columns between columns */
#define MARGIN     2 /* the cursor's mark and a blank */
#define NAME_LEAST 12

static bool is_column_shown(const struct cairn_outline *outline, const struct cairn_column *column, int width)
{
    return column->from_width <= width && !(column->kind == CAIRN_COLUMN_TREND && outline->no_trends) &&
           !(column->kind == CAIRN_COLUMN_ERROR && !outline->estimates);
}

static unsigned name_pen(const struct cairn_row *row)
{
    if (row->heading)
        return CAIRN_STYLE_HEADING;
    if (row->lang == CAIRN_LANG_PYTHON)
        return CAIRN_STYLE_PYTHON;
    return row->lang == CAIRN_LANG_NATIVE ? CAIRN_STYLE_NATIVE : CAIRN_STYLE_TEXT;
}

/* Where each column begins; returns where the name column does. */
static int lay_out(const struct cairn_outline *outline, int width, int *starts)
{
    int x = MARGIN;
    for (size_t i = 0; i < outline->column_count; i++)
        starts[i] = -1;
    for (size_t i = 0; i < outline->column_count; i++) {
        const struct cairn_column *column = &outline->columns[i];
        if (column->kind == CAIRN_COLUMN_NAME) {
            starts[i] = x;
            return x;
        }
        if (!is_column_shown(outline, column, width) || x + column->width + GAP + NAME_LEAST > width)
            continue;
        starts[i] = x;
        x += column->width + (column->kind == CAIRN_COLUMN_ARROW ? 1 : GAP);
    }
    return x;
}

/* " 3/120 " at the right of the heads, where the names' title keeps room beside it; returns its width, 0 where it has none. */
static int draw_place(const struct cairn_outline *outline, struct cairn_canvas *canvas,
                      struct cairn_rect area, int name_at)
{
    char place[48];
    if (outline->visible_count == 0)
        return 0;
    snprintf(place, sizeof(place), " %zu/%zu ", outline->cursor + 1, outline->visible_count);
    const int width = cairn_text_width(canvas, place);
    if (area.width - name_at - width <= NAME_LEAST)
        return 0;
    cairn_draw_text(canvas, area.x + area.width - width, area.y, width, CAIRN_STYLE_HEADER, place);
    return width;
}

static void draw_heads(const struct cairn_outline *outline, struct cairn_canvas *canvas,
                       struct cairn_rect area, const int *starts, const struct cairn_outline_look *look)
{
    cairn_draw_fill(canvas, (struct cairn_rect){area.x, area.y, area.width, 1}, CAIRN_STYLE_HEADER, ' ');
    for (size_t i = 0; i < outline->column_count; i++) {
        const struct cairn_column *column = &outline->columns[i];
        if (starts[i] < 0)
            continue;
        const bool sorted = i == outline->sort_column && column->sort != NULL;
        const unsigned pen = sorted ? CAIRN_STYLE_SORTED : CAIRN_STYLE_HEADER;
        const bool names = column->kind == CAIRN_COLUMN_NAME;
        const char *arrow = !sorted ? "" : outline->reverse != names ? "▲" : "▼";
        if (names) {
            const int place = draw_place(outline, canvas, area, starts[i]);
            const int room = area.width - starts[i] - (place > 0 ? place : 1) - (sorted ? 1 : 0);
            const int used = cairn_draw_text(canvas, area.x + starts[i], area.y, room, pen,
                                             look->heading != NULL ? look->heading : column->title);
            cairn_draw_text(canvas, area.x + starts[i] + used, area.y, 1, pen, arrow);
        } else {
            char title[64];
            snprintf(title, sizeof(title), "%s%s", column->title, arrow);
            /* The arrow of a sorted column stands in the gap, so that the title stays over its numbers. */
            cairn_draw_right(canvas, area.x + starts[i], area.y, column->width + (sorted ? 1 : 0), pen,
                             title);
        }
    }
}

/* Highlights every match within text that was drawn at (x, y) from `skip` columns on. */
static void mark_matches(struct cairn_canvas *canvas, int x, int y, int width, int skip, const char *text,
                         const regex_t *expression)
{
    const char *from = text;
    regmatch_t match;
    while (*from != '\0' && regexec(expression, from, 1, &match, from == text ? 0 : REG_NOTBOL) == 0 &&
           match.rm_eo > match.rm_so) {
        char before[1024], within[1024];
        snprintf(before, sizeof(before), "%.*s", (int)(from - text) + match.rm_so, text);
        snprintf(within, sizeof(within), "%.*s", match.rm_eo - match.rm_so, from + match.rm_so);
        int begin = cairn_text_width(canvas, before) - skip;
        int end = begin + cairn_text_width(canvas, within);
        begin = begin < 0 ? 0 : begin;
        end = end > width ? width : end;
        cairn_draw_flag(canvas, x + begin, y, end - begin, CAIRN_PEN_MATCH);
        from += match.rm_eo;
    }
}

/* Draws a row's name into `width` columns, and what matches in it; returns the columns used. */
static int draw_text(const struct cairn_outline *outline, struct cairn_canvas *canvas, int x, int y,
                     int width, unsigned flags, const struct cairn_row *row, const regex_t *expression)
{
    const unsigned pen = name_pen(row) | flags;
    const int columns = cairn_text_width(canvas, row->name);
    int used, skip = outline->skip;
    if (row->path && skip == 0 && columns > width && width > 1) {
        /* The end tells files apart. */
        skip = columns - width;
        used = cairn_draw_text(canvas, x, y, 1, pen, "…");
        used +=
            cairn_draw_text(canvas, x + 1, y, width - 1, pen, cairn_text_skip(canvas, row->name, skip + 1));
    } else {
        used = cairn_draw_text(canvas, x, y, width, pen, cairn_text_skip(canvas, row->name, skip));
    }
    if (expression != NULL)
        mark_matches(canvas, x, y, used, skip, row->name, expression);
    return used;
}

static void draw_name(const struct cairn_outline *outline, struct cairn_canvas *canvas, int x, int y,
                      int width, size_t index, unsigned flags, const struct cairn_outline_look *look)
{
    const struct cairn_row *row = &outline->rows.items[index];
    const bool parent = cairn_outline_has_children(outline, index) || row->expandable;
    const int right = x + width;
    if (outline->tree) {
        /* Deep rows keep room for their names: the indentation stops growing at half the width. */
        const int indent = row->depth * 2 < width / 2 ? row->depth * 2 : width / 2;
        x += indent;
        x += cairn_draw_text(canvas, x, y, right - x, CAIRN_STYLE_DIM | flags,
                             !parent                                   ? "  "
                             : cairn_outline_is_unfolded(outline, row) ? "▾ "
                                                                       : "▸ ");
    }
    x += draw_text(outline, canvas, x, y, right - x, flags, row, look->match);
    if (row->lang == CAIRN_LANG_PYTHON)
        x += cairn_draw_text(canvas, x, y, right - x, CAIRN_STYLE_DIM | flags, " [py]");
    if (row->place[0] == '\0' || right - x < 4)
        return;
    const int place_width =
        cairn_draw_text(canvas, x + 2, y, right - x - 2, CAIRN_STYLE_DIM | flags, row->place);
    if (look->match != NULL)
        mark_matches(canvas, x + 2, y, place_width, 0, row->place, look->match);
}

static void draw_bar(struct cairn_canvas *canvas, int x, int y, int width, unsigned flags, int64_t value)
{
    static const char *const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const int64_t share = value < 0 ? 0 : value > 10000 ? 10000 : value;
    const int eighths = (int)(share * width * 8 / 10000);
    int drawn = 0;
    for (; drawn < eighths / 8; drawn++)
        cairn_draw_text(canvas, x + drawn, y, 1, CAIRN_STYLE_HEAP | flags, "█");
    if (drawn < width && !canvas->ascii)
        cairn_draw_text(canvas, x + drawn, y, 1, CAIRN_STYLE_HEAP | flags, parts[eighths % 8]);
}

static void draw_value(const struct cairn_outline *outline, struct cairn_canvas *canvas, int x, int y,
                       const struct cairn_column *column, const struct cairn_row *row, unsigned flags)
{
    const int64_t value = row->values[column->value];
    char text[CAIRN_VALUE_MAX];
    if (column->kind == CAIRN_COLUMN_TREND) {
        const uint64_t *at = cairn_keymap_get(&outline->trends, row->key);
        struct cairn_buffer spark = CAIRN_BUFFER_INIT;
        if (at != NULL)
            cairn_spark(outline->trend_values + *at - 1, outline->trend_points, &spark);
        cairn_draw_text(canvas, x, y, column->width, CAIRN_STYLE_HEAP | flags, cairn_buffer_cstr(&spark));
        cairn_buffer_release(&spark);
    } else if (column->kind == CAIRN_COLUMN_BAR) {
        draw_bar(canvas, x, y, column->width, flags, value);
    } else {
        const bool coloured = column->kind == CAIRN_COLUMN_ARROW ||
                              column->kind == CAIRN_COLUMN_BYTES_SIGNED ||
                              column->kind == CAIRN_COLUMN_COUNT_SIGNED || column->value == 0;
        cairn_draw_right(canvas, x, y, column->width, (coloured ? row->style : CAIRN_STYLE_TEXT) | flags,
                         cairn_value_text(column->kind, value, text));
    }
}

static void draw_row(const struct cairn_outline *outline, struct cairn_canvas *canvas, struct cairn_rect area,
                     int y, const int *starts, size_t position, const struct cairn_outline_look *look)
{
    const size_t index = outline->visible[position];
    const struct cairn_row *row = &outline->rows.items[index];
    const bool selected = position == outline->cursor && look->focused;
    const unsigned flags = selected ? CAIRN_PEN_SELECTED : 0;
    if (selected)
        cairn_draw_fill(canvas, (struct cairn_rect){area.x, y, area.width, 1}, flags, ' ');
    if (position == outline->cursor)
        cairn_draw_text(canvas, area.x, y, 1, CAIRN_STYLE_KEY | flags, selected ? ">" : "·");
    for (size_t i = 0; i < outline->column_count; i++) {
        const struct cairn_column *column = &outline->columns[i];
        if (starts[i] < 0)
            continue;
        if (column->kind == CAIRN_COLUMN_NAME)
            draw_name(outline, canvas, area.x + starts[i], y, area.width - starts[i], index, flags, look);
        else if (!row->heading)
            draw_value(outline, canvas, area.x + starts[i], y, column, row, flags);
    }
}

void cairn_outline_draw(struct cairn_outline *outline, struct cairn_canvas *canvas, struct cairn_rect area,
                        const struct cairn_outline_look *look)
{
    int starts[16];
    outline->drawn = area;
    const int heads = outline->headless ? 0 : 1;
    outline->page = area.height > heads ? area.height - heads : 1;
    if (area.height < 1 || area.width < MARGIN + NAME_LEAST || outline->column_count > 16)
        return;
    cairn_outline_move(outline, 0);
    lay_out(outline, area.width, starts);
    if (!outline->headless)
        draw_heads(outline, canvas, area, starts, look);
    for (int line = 0; line < area.height - heads; line++) {
        const size_t position = outline->top + (size_t)line;
        if (position >= outline->visible_count)
            break;
        draw_row(outline, canvas, area, area.y + heads + line, starts, position, look);
    }
    if (outline->loaded && outline->visible_count == 0 && look->empty != NULL)
        cairn_draw_text(canvas, area.x + MARGIN, area.y + 1, area.width - MARGIN, CAIRN_STYLE_DIM,
                        look->empty);
}

size_t cairn_outline_hit(const struct cairn_outline *outline, int x, int y, int *column)
{
    const struct cairn_rect area = outline->drawn;
    if (x < area.x || x >= area.x + area.width || y < area.y || y >= area.y + area.height)
        return SIZE_MAX;
    if (column != NULL)
        *column = -1;
    if (y == area.y && !outline->headless) {
        int starts[16];
        lay_out(outline, area.width, starts);
        for (size_t i = 0; column != NULL && i < outline->column_count; i++)
            if (starts[i] >= 0 && x - area.x >= starts[i])
                *column = (int)i;
        return SIZE_MAX;
    }
    const size_t position = outline->top + (size_t)(y - area.y - (outline->headless ? 0 : 1));
    return position < outline->visible_count ? position : SIZE_MAX;
}
