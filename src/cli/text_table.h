/* A text table that fits the terminal: numbers right, names left, the rest cut with … or left out. */
#ifndef CAIRN_CLI_TEXT_TABLE_H
#define CAIRN_CLI_TEXT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "cli/console.h"

#define CAIRN_TEXT_COLUMNS 16u

enum cairn_align { CAIRN_ALIGN_RIGHT = 0, CAIRN_ALIGN_LEFT };

struct cairn_text_column {
    const char *title; /* clean text of this terminal */
    enum cairn_align align;
    unsigned shrinks_to; /* columns it may be cut down to; 0: never cut */
    unsigned
        leaves; /* 0: always there; else narrow terminals drop the column with the largest number first */
};

struct cairn_text_cell {
    const char *text; /* owned by the arena, clean */
    enum cairn_style style;
};

struct cairn_text_row {
    struct cairn_text_row *next;
    struct cairn_text_cell cells[CAIRN_TEXT_COLUMNS];
    size_t filled;
    bool is_note; /* cells[0] stands alone, below the first column of names */
    bool wraps;   /* a note that takes as many lines as it needs; others are cut */
};

/* Rows are collected, then printed at once. `failed`: memory ran out; printing then says so through the stream. */
struct cairn_text_table {
    const struct cairn_console *terminal;
    const struct cairn_text_column *columns; /* borrowed */
    size_t column_count;
    struct cairn_text_row *first, *last;
    size_t row_count;
    struct cairn_arena arena;
    bool failed;
};

void cairn_text_table_init(struct cairn_text_table *table, const struct cairn_console *terminal,
                           const struct cairn_text_column *columns, size_t column_count);
void cairn_text_table_release(struct cairn_text_table *table);
/* Begins a row; its cells follow from left to right. */
void cairn_text_table_row(struct cairn_text_table *table);
/* Raw text (or NULL for an empty cell): made clean here. */
void cairn_text_table_cell(struct cairn_text_table *table, enum cairn_style style, const char *text);
void cairn_text_table_cell_format(struct cairn_text_table *table, enum cairn_style style, const char *format,
                                  ...) __attribute__((format(printf, 3, 4)));
/* A line of its own below the row, under the first column of names. */
void cairn_text_table_note(struct cairn_text_table *table, enum cairn_style style, const char *text);
/* The same for a sentence: wrapped where the line ends. */
void cairn_text_table_sentence(struct cairn_text_table *table, enum cairn_style style, const char *text);
/* Titles (unless every title is empty) and rows. Trailing blanks are never printed. */
void cairn_text_table_print(const struct cairn_text_table *table, struct cairn_stream *stream);

#endif
