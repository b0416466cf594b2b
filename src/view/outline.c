#include "view/outline.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_STEP      8 /* columns that names are scrolled by */
#define NAME_SKIP_MOST 400

void cairn_outline_init(struct cairn_outline *outline, const struct cairn_column *columns,
                        size_t column_count, unsigned sort_column)
{
    *outline =
        (struct cairn_outline){.columns = columns, .column_count = column_count, .sort_column = sort_column};
}

static void release_index(struct cairn_outline *outline)
{
    free(outline->order);
    free(outline->first);
    free(outline->visible);
    outline->order = outline->first = outline->visible = NULL;
    outline->visible_count = 0;
}

void cairn_outline_release(struct cairn_outline *outline)
{
    release_index(outline);
    cairn_rows_release(&outline->rows);
    cairn_keymap_release(&outline->unfolded);
    cairn_keymap_release(&outline->trends);
    free(outline->trend_values);
    outline->trend_values = NULL;
}

void cairn_outline_columns(struct cairn_outline *outline, const struct cairn_column *columns,
                           size_t column_count)
{
    const char *title = outline->columns[outline->sort_column].title;
    outline->columns = columns;
    outline->column_count = column_count;
    /* The first column is what ranks: a table sorted by it stays so. */
    if (outline->sort_column == 0)
        return;
    outline->sort_column = 0;
    for (unsigned i = 0; i < column_count; i++)
        if (columns[i].sort != NULL && strcmp(columns[i].title, title) == 0) {
            outline->sort_column = i;
            return;
        }
}

/* --- Order. --- */

static int compare_rows(const void *left, const void *right, void *state)
{
    const struct cairn_outline *outline = state;
    const struct cairn_row *one = &outline->rows.items[*(const uint32_t *)left];
    const struct cairn_row *two = &outline->rows.items[*(const uint32_t *)right];
    const struct cairn_column *column = &outline->columns[outline->sort_column];
    int result;
    if (one->first != two->first)
        return one->first ? -1 : 1;
    if (one->last != two->last)
        return one->last ? 1 : -1;
    if (column->kind == CAIRN_COLUMN_NAME) {
        result = strcmp(one->name, two->name);
    } else {
        int64_t a = one->values[column->value], b = two->values[column->value];
        if (column->kind == CAIRN_COLUMN_BYTES_SIGNED || column->kind == CAIRN_COLUMN_COUNT_SIGNED) {
            /* What changed most stands first, whichever way it went. */
            a = a < 0 && a != INT64_MIN ? -a : a;
            b = b < 0 && b != INT64_MIN ? -b : b;
        }
        result = a < b ? 1 : a > b ? -1 : 0;
    }
    if (outline->reverse)
        result = -result;
    if (result == 0)
        result = strcmp(one->name, two->name);
    if (result == 0)
        result = strcmp(one->place, two->place);
    if (result == 0)
        result = one->key < two->key ? -1 : one->key > two->key;
    return result;
}

/* Columns without a sort (sections of Info) keep the order the rows came in. */
static void sort_groups(struct cairn_outline *outline)
{
    if (outline->columns[outline->sort_column].sort == NULL)
        return;
    for (size_t group = 0; group <= outline->rows.count; group++) {
        const uint32_t begin = outline->first[group], end = outline->first[group + 1];
        if (end - begin > 1)
            qsort_r(outline->order + begin, end - begin, sizeof(*outline->order), compare_rows, outline);
    }
}

/* Builds order and first by counting; false when memory ran out. */
static bool build_groups(struct cairn_outline *outline)
{
    const size_t count = outline->rows.count;
    release_index(outline);
    outline->order = calloc(count + 1, sizeof(*outline->order));
    outline->visible = calloc(count + 1, sizeof(*outline->visible));
    outline->first = calloc(count + 3, sizeof(*outline->first));
    if (outline->order == NULL || outline->visible == NULL || outline->first == NULL) {
        release_index(outline);
        return false;
    }
    outline->tree = false;
    uint32_t *first = outline->first;
    /* Group 0 holds the roots, group p + 1 the children of row p. Counts go two places up, so that after summing
     * first[g + 1] is where group g begins, and filling moves it to its end. */
    for (size_t i = 0; i < count; i++) {
        const uint32_t parent = outline->rows.items[i].parent;
        first[(parent == CAIRN_NO_PARENT ? 0 : (size_t)parent + 1) + 2]++;
        outline->tree |= parent != CAIRN_NO_PARENT || outline->rows.items[i].expandable;
    }
    for (size_t g = 2; g < count + 3; g++)
        first[g] += first[g - 1];
    for (size_t i = 0; i < count; i++) {
        const uint32_t parent = outline->rows.items[i].parent;
        outline->order[first[(parent == CAIRN_NO_PARENT ? 0 : (size_t)parent + 1) + 1]++] = (uint32_t)i;
    }
    return true;
}

static bool is_shown(const struct cairn_outline *outline, uint32_t row)
{
    return !(outline->hide_same && outline->rows.items[row].same);
}

/* Rows in reading order into `list` (room for all); folded ones left out unless `all`. Returns how many. */
static size_t flatten(const struct cairn_outline *outline, bool all, uint32_t *list)
{
    const size_t count = outline->rows.count;
    uint32_t *pending = calloc(count + 1, sizeof(*pending));
    if (pending == NULL || outline->first == NULL) {
        free(pending);
        return 0;
    }
    size_t depth = 0, length = 0;
    for (uint32_t i = outline->first[1]; i > outline->first[0]; i--)
        pending[depth++] = outline->order[i - 1];
    while (depth > 0) {
        const uint32_t row = pending[--depth];
        if (!is_shown(outline, row))
            continue;
        list[length++] = row;
        if (!all && !cairn_outline_is_unfolded(outline, &outline->rows.items[row]))
            continue;
        for (uint32_t i = outline->first[row + 2]; i > outline->first[row + 1]; i--)
            pending[depth++] = outline->order[i - 1];
    }
    free(pending);
    return length;
}

static void clamp(struct cairn_outline *outline)
{
    if (outline->cursor >= outline->visible_count)
        outline->cursor = outline->visible_count > 0 ? outline->visible_count - 1 : 0;
    /* Before it is drawn nobody knows what fits: drawing scrolls to the cursor. */
    const size_t page = outline->page > 0 ? (size_t)outline->page : outline->visible_count + 1;
    if (outline->cursor < outline->top)
        outline->top = outline->cursor;
    if (outline->cursor >= outline->top + page)
        outline->top = outline->cursor - page + 1;
    if (outline->top + page > outline->visible_count)
        outline->top = outline->visible_count > page ? outline->visible_count - page : 0;
}

/* Fills `visible` and puts the cursor back on the row with that key, at the same height of the screen. A row that went
 * leaves the cursor where it is. */
static void rebuild(struct cairn_outline *outline, uint64_t key, bool had_cursor)
{
    const size_t offset = outline->cursor - outline->top;
    if (outline->visible == NULL)
        return;
    outline->visible_count = flatten(outline, false, outline->visible);
    if (had_cursor)
        for (size_t i = 0; i < outline->visible_count; i++)
            if (outline->rows.items[outline->visible[i]].key == key) {
                outline->cursor = i;
                outline->top = i >= offset ? i - offset : 0;
                break;
            }
    clamp(outline);
}

void cairn_outline_refresh(struct cairn_outline *outline)
{
    const struct cairn_row *row = cairn_outline_current(outline);
    rebuild(outline, row != NULL ? row->key : 0, row != NULL);
}

void cairn_outline_set_rows(struct cairn_outline *outline, struct cairn_rows *rows)
{
    const struct cairn_row *row = cairn_outline_current(outline);
    const uint64_t key = row != NULL ? row->key : 0;
    const bool had_cursor = row != NULL && outline->touched;
    cairn_rows_release(&outline->rows);
    outline->rows = *rows;
    *rows = (struct cairn_rows){.items = NULL};
    outline->loaded = true;
    if (!build_groups(outline)) {
        cairn_rows_release(&outline->rows);
        return;
    }
    sort_groups(outline);
    rebuild(outline, key, had_cursor);
}

void cairn_outline_add_children(struct cairn_outline *outline, uint64_t parent_key, struct cairn_rows *rows)
{
    const size_t parent = cairn_outline_find(outline, parent_key);
    const struct cairn_row *cursor = cairn_outline_current(outline);
    const uint64_t cursor_key = cursor != NULL ? cursor->key : 0;
    if (parent == SIZE_MAX || cairn_outline_has_children(outline, parent)) {
        cairn_rows_release(rows);
        return;
    }
    const uint32_t base = (uint32_t)outline->rows.count;
    for (size_t i = 0; i < rows->count; i++) {
        struct cairn_row *copy = cairn_rows_add(&outline->rows, CAIRN_NO_PARENT);
        if (copy == NULL)
            break;
        const struct cairn_row *from = &rows->items[i];
        *copy = *from;
        copy->parent = from->parent == CAIRN_NO_PARENT ? (uint32_t)parent : from->parent + base;
        copy->depth = (uint16_t)(outline->rows.items[copy->parent].depth + 1);
        copy->name = cairn_rows_clean(&outline->rows, from->name);
        copy->label = cairn_rows_clean(&outline->rows, from->label);
        copy->place = cairn_rows_clean(&outline->rows, from->place);
        copy->module = cairn_rows_clean(&outline->rows, from->module);
        copy->function = from->function == NULL
                             ? NULL
                             : cairn_arena_copy(&outline->rows.text, from->function, strlen(from->function));
        copy->file =
            from->file == NULL ? NULL : cairn_arena_copy(&outline->rows.text, from->file, strlen(from->file));
    }
    outline->rows.items[parent].expandable = false;
    cairn_rows_release(rows);
    if (!build_groups(outline))
        return;
    sort_groups(outline);
    rebuild(outline, cursor_key, true);
}

/* Takes the rows below `parent` out; those behind move up. A row stands behind its parent. */
static bool drop_children(struct cairn_outline *outline, size_t parent)
{
    struct cairn_rows *rows = &outline->rows;
    uint32_t *place = malloc((rows->count + 1) * sizeof(*place));
    if (place == NULL)
        return false;
    size_t kept = 0;
    for (size_t i = 0; i < rows->count; i++) {
        const uint32_t above = rows->items[i].parent;
        const bool gone = above != CAIRN_NO_PARENT && (above == parent || place[above] == CAIRN_NO_PARENT);
        place[i] = gone ? CAIRN_NO_PARENT : (uint32_t)kept;
        if (gone)
            continue;
        rows->items[kept] = rows->items[i];
        if (above != CAIRN_NO_PARENT)
            rows->items[kept].parent = place[above];
        kept++;
    }
    rows->count = kept;
    free(place);
    return true;
}

void cairn_outline_set_children(struct cairn_outline *outline, uint64_t parent_key, struct cairn_rows *rows)
{
    const size_t parent = cairn_outline_find(outline, parent_key);
    const struct cairn_row *cursor = cairn_outline_current(outline);
    const uint64_t cursor_key = cursor != NULL ? cursor->key : 0;
    if (parent != SIZE_MAX && cairn_outline_has_children(outline, parent)) {
        if (!drop_children(outline, parent) || !build_groups(outline)) {
            cairn_rows_release(rows);
            return;
        }
        sort_groups(outline);
    }
    cairn_outline_add_children(outline, parent_key, rows);
    rebuild(outline, cursor_key, cursor != NULL);
}

struct cairn_row *cairn_outline_current(const struct cairn_outline *outline)
{
    return outline->cursor < outline->visible_count ? &outline->rows.items[outline->visible[outline->cursor]]
                                                    : NULL;
}

size_t cairn_outline_find(const struct cairn_outline *outline, uint64_t key)
{
    for (size_t i = 0; i < outline->rows.count; i++)
        if (outline->rows.items[i].key == key)
            return i;
    return SIZE_MAX;
}

/* --- Movement. --- */

void cairn_outline_move(struct cairn_outline *outline, int rows)
{
    outline->touched |= rows != 0;
    if (rows < 0 && (size_t)-rows > outline->cursor)
        outline->cursor = 0;
    else
        outline->cursor = (size_t)((int64_t)outline->cursor + rows);
    clamp(outline);
}

void cairn_outline_page(struct cairn_outline *outline, int half_pages)
{
    const int half = outline->page > 1 ? outline->page / 2 : 1;
    const int rows = half_pages % 2 == 0 ? half_pages / 2 * (outline->page > 1 ? outline->page - 1 : 1)
                                         : half_pages * half;
    /* The window moves as far as the cursor: the row stays at its height. */
    const size_t offset = outline->cursor - outline->top;
    cairn_outline_move(outline, rows);
    outline->top = outline->cursor >= offset ? outline->cursor - offset : 0;
    clamp(outline);
}

void cairn_outline_top(struct cairn_outline *outline)
{
    outline->touched = true;
    outline->cursor = 0;
    clamp(outline);
}

void cairn_outline_bottom(struct cairn_outline *outline)
{
    outline->cursor = outline->visible_count > 0 ? outline->visible_count - 1 : 0;
    outline->touched = true;
    clamp(outline);
}

/* --- Folding. --- */

bool cairn_outline_has_children(const struct cairn_outline *outline, size_t row)
{
    return outline->first != NULL && outline->first[row + 2] > outline->first[row + 1];
}

bool cairn_outline_is_unfolded(const struct cairn_outline *outline, const struct cairn_row *row)
{
    return cairn_keymap_get(&outline->unfolded, row->key) != NULL;
}

void cairn_outline_set_folded(struct cairn_outline *outline, const struct cairn_row *row, bool folded)
{
    if (folded)
        cairn_keymap_remove(&outline->unfolded, row->key);
    else
        cairn_keymap_put(&outline->unfolded, row->key, 1);
    cairn_outline_refresh(outline);
}

void cairn_outline_fold_all(struct cairn_outline *outline, bool folded)
{
    const struct cairn_row *row = cairn_outline_current(outline);
    if (folded)
        while (row != NULL && row->parent != CAIRN_NO_PARENT)
            row = &outline->rows.items[row->parent];
    const uint64_t key = row != NULL ? row->key : 0;
    cairn_keymap_clear(&outline->unfolded);
    for (size_t i = 0; !folded && i < outline->rows.count; i++)
        if (cairn_outline_has_children(outline, i))
            cairn_keymap_put(&outline->unfolded, outline->rows.items[i].key, 1);
    rebuild(outline, key, row != NULL);
}

const struct cairn_row *cairn_outline_open(struct cairn_outline *outline)
{
    const struct cairn_row *row = cairn_outline_current(outline);
    if (row == NULL || !row->expandable)
        return NULL;
    cairn_outline_set_folded(outline, row, false);
    return cairn_outline_current(outline);
}

const struct cairn_row *cairn_outline_next_open(const struct cairn_outline *outline)
{
    for (size_t i = 0; i < outline->visible_count; i++) {
        const struct cairn_row *row = &outline->rows.items[outline->visible[i]];
        if (row->expandable && cairn_outline_is_unfolded(outline, row))
            return row;
    }
    return NULL;
}

void cairn_outline_open_all(struct cairn_outline *outline)
{
    for (size_t i = 0; i < outline->rows.count; i++)
        cairn_keymap_put(&outline->unfolded, outline->rows.items[i].key, 1);
    cairn_outline_refresh(outline);
}

void cairn_outline_reveal(struct cairn_outline *outline, size_t row)
{
    if (row >= outline->rows.count)
        return;
    const size_t top = outline->top;
    outline->touched = true;
    for (uint32_t up = outline->rows.items[row].parent; up != CAIRN_NO_PARENT;
         up = outline->rows.items[up].parent)
        cairn_keymap_put(&outline->unfolded, outline->rows.items[up].key, 1);
    rebuild(outline, outline->rows.items[row].key, true);
    /* The window stays where the row is in it; one that is further away comes to its middle. */
    const size_t page = (size_t)outline->page;
    outline->top = top;
    if (outline->cursor < top || outline->cursor >= top + page)
        outline->top = outline->cursor > page / 2 ? outline->cursor - page / 2 : 0;
    clamp(outline);
}

void cairn_outline_hot_path(struct cairn_outline *outline)
{
    if (cairn_outline_current(outline) == NULL)
        return;
    size_t row = outline->visible[outline->cursor];
    while (cairn_outline_has_children(outline, row)) {
        cairn_keymap_put(&outline->unfolded, outline->rows.items[row].key, 1);
        row = outline->order[outline->first[row + 1]];
    }
    cairn_outline_reveal(outline, row);
}

void cairn_outline_scroll(struct cairn_outline *outline, bool on)
{
    const int skip = outline->skip + (on ? NAME_STEP : -NAME_STEP);
    outline->skip = skip < 0 ? 0 : skip > NAME_SKIP_MOST ? NAME_SKIP_MOST : skip;
}

void cairn_outline_to_parent(struct cairn_outline *outline)
{
    const struct cairn_row *row = cairn_outline_current(outline);
    if (row != NULL && row->parent != CAIRN_NO_PARENT)
        cairn_outline_reveal(outline, row->parent);
}

/* --- Sorting. --- */

static void resort(struct cairn_outline *outline)
{
    outline->touched = true;
    if (outline->first == NULL)
        return;
    const struct cairn_row *row = cairn_outline_current(outline);
    const uint64_t key = row != NULL ? row->key : 0;
    sort_groups(outline);
    rebuild(outline, key, row != NULL);
}

void cairn_outline_sort_step(struct cairn_outline *outline, int direction)
{
    const int count = (int)outline->column_count;
    int column = (int)outline->sort_column;
    for (int step = 0; step < count; step++) {
        column += direction;
        if (column < 0 || column >= count)
            return;
        const struct cairn_column *candidate = &outline->columns[column];
        if (candidate->sort != NULL && candidate->from_width <= outline->drawn.width)
            break;
    }
    if (outline->columns[column].sort == NULL)
        return;
    outline->sort_column = (unsigned)column;
    outline->reverse = false;
    resort(outline);
}

void cairn_outline_sort_reverse(struct cairn_outline *outline)
{
    outline->reverse = !outline->reverse;
    resort(outline);
}

bool cairn_outline_sort_by(struct cairn_outline *outline, const char *word)
{
    for (unsigned i = 0; i < outline->column_count; i++) {
        const struct cairn_column *column = &outline->columns[i];
        if (column->sort == NULL || (strcasecmp(column->title, word) != 0 && strcmp(column->sort, word) != 0))
            continue;
        outline->sort_column = i;
        outline->reverse = false;
        resort(outline);
        return true;
    }
    return false;
}

/* --- Search. --- */

static bool matches(const struct cairn_row *row, const regex_t *expression)
{
    return regexec(expression, row->name, 0, NULL, 0) == 0 ||
           regexec(expression, row->place, 0, NULL, 0) == 0;
}

bool cairn_outline_search(struct cairn_outline *outline, const regex_t *expression, int direction, bool here)
{
    const size_t count = outline->rows.count;
    uint32_t *list = calloc(count + 1, sizeof(*list));
    if (list == NULL || outline->visible_count == 0) {
        free(list);
        return false;
    }
    const size_t length = flatten(outline, true, list);
    size_t at = 0;
    while (at + 1 < length && list[at] != outline->visible[outline->cursor])
        at++;
    bool found = here && matches(&outline->rows.items[list[at]], expression);
    for (size_t step = 0; !found && step < length; step++) {
        at = direction > 0 ? (at + 1) % length : (at + length - 1) % length;
        found = matches(&outline->rows.items[list[at]], expression);
    }
    if (found)
        cairn_outline_reveal(outline, list[at]);
    free(list);
    return found;
}

/* --- Sparklines. --- */

void cairn_outline_clear_trends(struct cairn_outline *outline)
{
    cairn_keymap_clear(&outline->trends);
    outline->trend_count = 0;
}

void cairn_outline_add_trends(struct cairn_outline *outline, const uint64_t *keys, size_t count,
                              const int64_t *values, size_t points)
{
    if (points != outline->trend_points)
        cairn_outline_clear_trends(outline);
    outline->trend_points = points;
    if (count == 0)
        return; /* realloc() to nothing would free what is there */
    int64_t *larger =
        realloc(outline->trend_values, (outline->trend_count + count * points) * sizeof(*larger));
    if (larger == NULL)
        return;
    outline->trend_values = larger;
    memcpy(larger + outline->trend_count, values, count * points * sizeof(*values));
    for (size_t i = 0; i < count; i++)
        cairn_keymap_put(&outline->trends, keys[i], outline->trend_count + i * points + 1);
    outline->trend_count += count * points;
}
