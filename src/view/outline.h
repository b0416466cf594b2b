/* The table of every screen: rows with columns, in a tree where they have children. It keeps the cursor on its row
 * through new answers, sorting, folding and resizing. */
#ifndef CAIRN_VIEW_OUTLINE_H
#define CAIRN_VIEW_OUTLINE_H

#include <regex.h>

#include "view/canvas.h"
#include "view/keymap.h"
#include "view/rows.h"

enum cairn_column_kind {
    CAIRN_COLUMN_BYTES = 0,
    CAIRN_COLUMN_BYTES_SIGNED,
    CAIRN_COLUMN_COUNT,
    CAIRN_COLUMN_COUNT_SIGNED,
    CAIRN_COLUMN_PERCENT, /* hundredths of a percent */
    CAIRN_COLUMN_AGE,     /* ns */
    CAIRN_COLUMN_RATE,    /* bytes a second, signed */
    CAIRN_COLUMN_NUMBER,  /* as it is */
    CAIRN_COLUMN_ARROW,   /* the sign of the value as an arrow */
    CAIRN_COLUMN_ERROR,   /* bytes; only where rows are estimates */
    CAIRN_COLUMN_BAR,     /* a bar, hundredths of a percent */
    CAIRN_COLUMN_TREND,   /* a sparkline, from the outline's trends */
    CAIRN_COLUMN_NAME,    /* the row's name and place: takes the room that is left; one, the last */
};

/* A value that is none: shown as nothing. */
#define CAIRN_BLANK (INT64_MIN + 1)

struct cairn_column {
    const char *title;
    const char *key; /* in CSV and JSON; NULL: not written */
    enum cairn_column_kind kind;
    int width;
    int from_width;   /* shown when the table is at least so wide */
    unsigned value;   /* index into row->values */
    const char *sort; /* --sort's word for it; NULL: cannot be sorted by */
};

struct cairn_outline {
    const struct cairn_column *columns;
    size_t column_count;
    struct cairn_rows rows;
    bool loaded; /* an answer has come */
    bool tree;   /* some row has, or can have, children */
    /* Rows in sibling groups: children of row p are order[first[p + 1]] … order[first[p + 2] - 1], roots at p = -1. */
    uint32_t *order, *first;
    uint32_t *visible; /* row indices from top to bottom, folded ones left out */
    size_t visible_count;
    size_t cursor, top;
    bool touched; /* somebody put the cursor where it is: until then it stays on the first row */
    int page;     /* rows the last drawing showed; 0: none was drawn yet */
    unsigned sort_column;
    bool reverse;
    bool hide_same;
    bool headless;  /* no heads are drawn */
    bool estimates; /* rows are, and show their errors */
    bool no_trends; /* sparklines will never come: their column is left out */
    int skip;       /* columns of names scrolled out to the left */
    struct cairn_keymap unfolded;
    struct cairn_keymap trends; /* row key → index of its first value in trend_values, plus 1 */
    int64_t *trend_values;
    size_t trend_count, trend_points;
    struct cairn_rect drawn; /* where: for the mouse */
};

/* `sort_column` is an index into `columns`. */
void cairn_outline_init(struct cairn_outline *outline, const struct cairn_column *columns,
                        size_t column_count, unsigned sort_column);
void cairn_outline_release(struct cairn_outline *outline);
/* Other columns: the sort stays on the column of the same title where there is one. */
void cairn_outline_columns(struct cairn_outline *outline, const struct cairn_column *columns,
                           size_t column_count);

/* Takes the rows over (`rows` is empty afterwards). */
void cairn_outline_set_rows(struct cairn_outline *outline, struct cairn_rows *rows);
/* Appends rows below the row `parent_key`, whose own children are then known; takes the rows over. Their roots become
 * children. Ignored when that row is gone. */
void cairn_outline_add_children(struct cairn_outline *outline, uint64_t parent_key, struct cairn_rows *rows);
/* The same, instead of the children it has. */
void cairn_outline_set_children(struct cairn_outline *outline, uint64_t parent_key, struct cairn_rows *rows);
/* The row under the cursor, or NULL. Borrowed until the rows change. */
struct cairn_row *cairn_outline_current(const struct cairn_outline *outline);
/* Index of the row with that key, or SIZE_MAX. */
size_t cairn_outline_find(const struct cairn_outline *outline, uint64_t key);
/* Puts the cursor on a row, unfolding what hides it. */
void cairn_outline_reveal(struct cairn_outline *outline, size_t row);

void cairn_outline_move(struct cairn_outline *outline, int rows);
void cairn_outline_page(struct cairn_outline *outline, int half_pages);
void cairn_outline_top(struct cairn_outline *outline);
void cairn_outline_bottom(struct cairn_outline *outline);

bool cairn_outline_has_children(const struct cairn_outline *outline, size_t row);
bool cairn_outline_is_unfolded(const struct cairn_outline *outline, const struct cairn_row *row);
void cairn_outline_set_folded(struct cairn_outline *outline, const struct cairn_row *row, bool folded);
void cairn_outline_fold_all(struct cairn_outline *outline, bool folded);
/* Rows that know of children which have not been asked for (`expandable`). Unfolds the one under the cursor: returned, for its
 * children to be asked for; NULL where the cursor is on no such row. */
const struct cairn_row *cairn_outline_open(struct cairn_outline *outline);
/* The first visible one that is unfolded already, by cairn_outline_open_all() or before its rows were replaced. */
const struct cairn_row *cairn_outline_next_open(const struct cairn_outline *outline);
/* Unfolds every row, also those whose children will come. */
void cairn_outline_open_all(struct cairn_outline *outline);
/* Unfolds from the row under the cursor along the first child, to the leaf; the cursor goes along. */
void cairn_outline_hot_path(struct cairn_outline *outline);
/* Scrolls long names: to their rest, or back to their beginning. */
void cairn_outline_scroll(struct cairn_outline *outline, bool on);
/* To the parent row. */
void cairn_outline_to_parent(struct cairn_outline *outline);

/* Sorts by the next sortable column in that direction that is shown. */
void cairn_outline_sort_step(struct cairn_outline *outline, int direction);
void cairn_outline_sort_reverse(struct cairn_outline *outline);
/* Sorts by the column of that title or --sort word; false when there is none. */
bool cairn_outline_sort_by(struct cairn_outline *outline, const char *word);
/* Rebuilds the visible rows, e.g. after hide_same changed. */
void cairn_outline_refresh(struct cairn_outline *outline);

/* Puts the cursor on the next (direction 1) or previous (-1) row whose name or place matches, wrapping around;
 * `here`: the row under the cursor counts. False when none does. */
bool cairn_outline_search(struct cairn_outline *outline, const regex_t *expression, int direction, bool here);

/* Sparklines: `points` values for each of `count` row keys. */
void cairn_outline_add_trends(struct cairn_outline *outline, const uint64_t *keys, size_t count,
                              const int64_t *values, size_t points);
void cairn_outline_clear_trends(struct cairn_outline *outline);

struct cairn_outline_look {
    bool focused;         /* the pane that keys move */
    const char *heading;  /* over the name column */
    const char *empty;    /* instead of rows when there are none */
    const regex_t *match; /* highlighted; NULL: nothing */
};
/* Draws the heads and the rows. */
void cairn_outline_draw(struct cairn_outline *outline, struct cairn_canvas *canvas, struct cairn_rect area,
                        const struct cairn_outline_look *look);
/* The visible row at a place on the screen: SIZE_MAX for none; `column` (may be NULL) gets the column in the heads. */
size_t cairn_outline_hit(const struct cairn_outline *outline, int x, int y, int *column);

/* One row as text: its columns by two blanks, for the clipboard. */
void cairn_outline_row_text(const struct cairn_outline *outline, const struct cairn_row *row,
                            struct cairn_buffer *text);
/* All visible rows as CSV with a head, and as a JSON array of objects: exact numbers. */
void cairn_outline_csv(const struct cairn_outline *outline, struct cairn_buffer *text);
/* Appends the --sort and --reverse with which a command prints the rows in this order; nothing where it is the command's own, or
 * one that no command knows. */
void cairn_outline_sort_options(const struct cairn_outline *outline, struct cairn_buffer *text);
void cairn_outline_json(const struct cairn_outline *outline, struct cairn_buffer *text);

/* A value as its column shows it; an unknown one is "–". Returns `out`. */
#define CAIRN_VALUE_MAX 40
char *cairn_value_text(enum cairn_column_kind kind, int64_t value, char out[CAIRN_VALUE_MAX]);
/* A sparkline of `count` values, scaled from 0 to the largest, as block characters. */
void cairn_spark(const int64_t *values, size_t count, struct cairn_buffer *text);

#endif
