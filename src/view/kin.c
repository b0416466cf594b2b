#include "view/kin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cairn_kin_release(struct cairn_kin *kin)
{
    *kin = (struct cairn_kin){.total = 0};
}

static void add(struct cairn_kin_row *rows, size_t *count, const struct cairn_row *row, int64_t value)
{
    size_t i = 0;
    while (i < *count && rows[i].site_id != row->site_id)
        i++;
    if (i == CAIRN_KIN_MOST)
        return;
    if (i == *count) {
        (*count)++;
        rows[i].site_id = row->site_id;
        rows[i].value = 0;
        snprintf(rows[i].name, sizeof(rows[i].name), "%s", row->name);
    }
    rows[i].value += value;
}

static int compare(const void *left, const void *right)
{
    const struct cairn_kin_row *one = left, *two = right;
    if (one->value != two->value)
        return one->value < two->value ? 1 : -1;
    return strcmp(one->name, two->name);
}

/* Whether the function stands above itself: a recursive call's bytes are in the outer one already. */
static bool is_recursive(const struct cairn_outline *tree, const struct cairn_row *row)
{
    for (uint32_t up = row->parent; up != CAIRN_NO_PARENT; up = tree->rows.items[up].parent)
        if (tree->rows.items[up].site_id == row->site_id)
            return true;
    return false;
}

void cairn_kin_find(struct cairn_kin *kin, const struct cairn_outline *tree, bool bottom_up)
{
    *kin = (struct cairn_kin){.total = 0};
    const struct cairn_row *self = cairn_outline_current(tree);
    if (self == NULL)
        return;
    const unsigned value = tree->columns[0].value;
    snprintf(kin->name, sizeof(kin->name), "%s", self->name);
    /* What lies above a row in the tree, and what lies below. */
    struct cairn_kin_row *above = bottom_up ? kin->callees : kin->callers;
    struct cairn_kin_row *below = bottom_up ? kin->callers : kin->callees;
    size_t *above_count = bottom_up ? &kin->callee_count : &kin->caller_count;
    size_t *below_count = bottom_up ? &kin->caller_count : &kin->callee_count;
    for (size_t i = 0; i < tree->rows.count; i++) {
        const struct cairn_row *row = &tree->rows.items[i];
        const struct cairn_row *parent =
            row->parent != CAIRN_NO_PARENT ? &tree->rows.items[row->parent] : NULL;
        if (row->site_id == self->site_id && !is_recursive(tree, row)) {
            kin->total += row->values[value];
            if (parent != NULL)
                add(above, above_count, parent, row->values[value]);
        }
        if (parent != NULL && parent->site_id == self->site_id && row->site_id != self->site_id)
            add(below, below_count, row, row->values[value]);
    }
    qsort(kin->callers, kin->caller_count, sizeof(kin->callers[0]), compare);
    qsort(kin->callees, kin->callee_count, sizeof(kin->callees[0]), compare);
}

static int draw_side(struct cairn_canvas *canvas, struct cairn_rect area, const char *title,
                     const struct cairn_kin_row *rows, size_t count, enum cairn_column_kind kind)
{
    int y = area.y;
    cairn_draw_text(canvas, area.x + 1, y++, area.width - 1, CAIRN_STYLE_HEADING, title);
    const int end = area.y + area.height;
    for (size_t i = 0; i < count && y < end; i++, y++) {
        if (y == end - 1 && i + 1 < count) {
            cairn_draw_format(canvas, area.x + 11, y, area.width - 11, CAIRN_STYLE_DIM, "%zu more",
                              count - i);
            return y + 1;
        }
        char value[CAIRN_VALUE_MAX];
        cairn_draw_right(canvas, area.x + 1, y, 8, CAIRN_STYLE_TEXT,
                         cairn_value_text(kind, rows[i].value, value));
        cairn_draw_text(canvas, area.x + 11, y, area.width - 11, CAIRN_STYLE_NATIVE, rows[i].name);
    }
    if (count == 0 && y < end)
        cairn_draw_text(canvas, area.x + 11, y++, area.width - 11, CAIRN_STYLE_DIM, "none");
    return y;
}

void cairn_kin_draw(const struct cairn_kin *kin, struct cairn_canvas *canvas, struct cairn_rect area,
                    enum cairn_metric metric)
{
    const bool counted = metric == CAIRN_METRIC_ALLOCATIONS || metric == CAIRN_METRIC_TEMPORARY;
    const enum cairn_column_kind kind = counted ? CAIRN_COLUMN_COUNT : CAIRN_COLUMN_BYTES;
    char value[CAIRN_VALUE_MAX];
    cairn_draw_fill(canvas, (struct cairn_rect){area.x, area.y, area.width, 1}, CAIRN_STYLE_BORDER, 0x2500);
    cairn_draw_format(canvas, area.x + 2, area.y, area.width - 4, CAIRN_STYLE_HEADING, " %s %s ", kin->name,
                      cairn_value_text(kind, kin->total, value));
    const int half = (area.height - 1) / 2;
    draw_side(canvas, (struct cairn_rect){area.x, area.y + 1, area.width, half}, "called by", kin->callers,
              kin->caller_count, kind);
    draw_side(canvas, (struct cairn_rect){area.x, area.y + 1 + half, area.width, area.height - 1 - half},
              "calls", kin->callees, kin->callee_count, kind);
}
