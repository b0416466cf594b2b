#include "cli/text_table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define GAP 2u /* blanks between columns */

/* How the columns stand in this width. */
struct layout {
    size_t widths[CAIRN_TEXT_COLUMNS];
    bool dropped[CAIRN_TEXT_COLUMNS];
    size_t last; /* the last column that is there */
};

void cairn_text_table_init(struct cairn_text_table *table, const struct cairn_console *terminal,
                           const struct cairn_text_column *columns, size_t column_count)
{
    *table =
        (struct cairn_text_table){.terminal = terminal, .columns = columns, .column_count = column_count};
}

void cairn_text_table_release(struct cairn_text_table *table)
{
    cairn_arena_release(&table->arena);
}

static struct cairn_text_row *append_row(struct cairn_text_table *table)
{
    struct cairn_text_row *row = cairn_arena_alloc(&table->arena, sizeof *row);
    if (row == NULL) {
        table->failed = true;
        return NULL;
    }
    if (table->last != NULL) {
        table->last->next = row;
    } else {
        table->first = row;
    }
    table->last = row;
    return row;
}

void cairn_text_table_row(struct cairn_text_table *table)
{
    if (append_row(table) != NULL) {
        table->row_count++;
    }
}

static void fill(struct cairn_text_table *table, enum cairn_style style, const char *text)
{
    struct cairn_text_row *row = table->last;
    if (row == NULL || row->filled >= CAIRN_TEXT_COLUMNS) {
        return;
    }
    char clean[2048];
    cairn_console_clean(table->terminal, clean, sizeof clean, text == NULL ? "" : text);
    const char *copy = cairn_arena_copy(&table->arena, clean, strlen(clean));
    if (copy == NULL) {
        table->failed = true;
        return;
    }
    row->cells[row->filled++] = (struct cairn_text_cell){.text = copy, .style = style};
}

void cairn_text_table_cell(struct cairn_text_table *table, enum cairn_style style, const char *text)
{
    if (!table->failed) {
        fill(table, style, text);
    }
}

void cairn_text_table_cell_format(struct cairn_text_table *table, enum cairn_style style, const char *format,
                                  ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cairn_text_table_cell(table, style, text);
}

static void add_note(struct cairn_text_table *table, enum cairn_style style, const char *text, bool wraps)
{
    struct cairn_text_row *row = table->failed ? NULL : append_row(table);
    if (row != NULL) {
        row->is_note = true;
        row->wraps = wraps;
        fill(table, style, text);
    }
}

void cairn_text_table_note(struct cairn_text_table *table, enum cairn_style style, const char *text)
{
    add_note(table, style, text, false);
}

void cairn_text_table_sentence(struct cairn_text_table *table, enum cairn_style style, const char *text)
{
    add_note(table, style, text, true);
}

static size_t total_width(const struct cairn_text_table *table, const struct layout *layout)
{
    size_t width = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        width += layout->dropped[i] ? 0 : layout->widths[i] + (width > 0 ? GAP : 0);
    }
    return width;
}

static void measure(const struct cairn_text_table *table, struct layout *layout)
{
    for (size_t i = 0; i < table->column_count; i++) {
        layout->widths[i] = cairn_text_columns(table->columns[i].title);
    }
    for (const struct cairn_text_row *row = table->first; row != NULL; row = row->next) {
        for (size_t i = 0; !row->is_note && i < row->filled; i++) {
            const size_t width = cairn_text_columns(row->cells[i].text);
            layout->widths[i] = width > layout->widths[i] ? width : layout->widths[i];
        }
    }
}

/* Cuts the columns that allow it, the widest surplus first. Returns whether all fits now. */
static bool shrink(const struct cairn_text_table *table, struct layout *layout, size_t width)
{
    for (;;) {
        const size_t total = total_width(table, layout);
        if (total <= width) {
            return true;
        }
        size_t widest = SIZE_MAX, surplus = 0;
        for (size_t i = 0; i < table->column_count; i++) {
            const size_t least = table->columns[i].shrinks_to;
            if (!layout->dropped[i] && least > 0 && layout->widths[i] > least + surplus) {
                widest = i;
                surplus = layout->widths[i] - least;
            }
        }
        if (widest == SIZE_MAX) {
            return false;
        }
        const size_t over = total - width;
        const size_t step = over < surplus ? over : surplus;
        layout->widths[widest] -= step > 8 ? step / 2 : step;
    }
}

/* The column that leaves next, or SIZE_MAX. */
static size_t next_to_leave(const struct cairn_text_table *table, const struct layout *layout)
{
    size_t found = SIZE_MAX;
    for (size_t i = 0; i < table->column_count; i++) {
        if (!layout->dropped[i] && table->columns[i].leaves > 0 &&
            (found == SIZE_MAX || table->columns[i].leaves > table->columns[found].leaves)) {
            found = i;
        }
    }
    return found;
}

static void arrange(const struct cairn_text_table *table, struct layout *layout)
{
    *layout = (struct layout){.last = 0};
    struct layout natural = *layout;
    measure(table, &natural);
    const size_t width = table->terminal->width;
    *layout = natural;
    while (width > 0 && !shrink(table, layout, width)) {
        const size_t leaving = next_to_leave(table, layout);
        if (leaving == SIZE_MAX) {
            break;
        }
        memcpy(layout->widths, natural.widths, sizeof layout->widths);
        layout->dropped[leaving] = true;
    }
    for (size_t i = 0; i < table->column_count; i++) {
        layout->last = layout->dropped[i] ? layout->last : i;
    }
}

/* A cell in `width` columns; `pad` says whether blanks follow a left-aligned one. */
static void print_cell(const struct cairn_text_table *table, struct cairn_stream *stream,
                       const struct cairn_text_cell *cell, enum cairn_align align, size_t width, bool pad)
{
    const char *text = cell->text == NULL ? "" : cell->text;
    char cut[2048];
    size_t columns = cairn_text_columns(text);
    if (columns > width) {
        const char *dots = cairn_glyph(table->terminal, "…", "~");
        const size_t bytes = cairn_text_fit(text, width > 0 ? width - 1 : 0, &columns);
        snprintf(cut, sizeof cut, "%.*s%s", (int)bytes, text, width > 0 ? dots : "");
        text = cut;
        columns += width > 0 ? 1 : 0;
    }
    if (align == CAIRN_ALIGN_RIGHT && text[0] != '\0') {
        cairn_stream_repeat(stream, ' ', width - columns);
    }
    cairn_styled(stream, table->terminal, cell->style, text);
    if (pad && (align == CAIRN_ALIGN_LEFT || text[0] == '\0')) {
        cairn_stream_repeat(stream, ' ', width - columns);
    }
}

static void print_cells(const struct cairn_text_table *table, const struct layout *layout,
                        struct cairn_stream *stream, const struct cairn_text_cell *cells, size_t count)
{
    size_t last = 0;
    for (size_t i = 0; i < count; i++) {
        if (!layout->dropped[i] && cells[i].text != NULL && cells[i].text[0] != '\0') {
            last = i;
        }
    }
    bool first = true;
    for (size_t i = 0; i <= last && i < count; i++) {
        if (layout->dropped[i]) {
            continue;
        }
        cairn_stream_repeat(stream, ' ', first ? 0 : GAP);
        first = false;
        print_cell(table, stream, &cells[i], table->columns[i].align, layout->widths[i], i < last);
    }
    cairn_stream_text(stream, "\n");
}

/* Where notes begin: below the first column of names. */
static size_t note_indent(const struct cairn_text_table *table, const struct layout *layout, size_t width)
{
    size_t indent = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].align == CAIRN_ALIGN_LEFT && table->columns[i].shrinks_to > 0) {
            break;
        }
        indent += layout->dropped[i] ? 0 : layout->widths[i] + GAP;
    }
    return indent + 20 > width ? 2 : indent;
}

static void print_note(const struct cairn_text_table *table, const struct layout *layout,
                       struct cairn_stream *stream, const struct cairn_text_row *row)
{
    const size_t width = table->terminal->width > 0 ? table->terminal->width : SIZE_MAX;
    const size_t indent = note_indent(table, layout, width);
    const size_t room = width > indent ? width - indent : 1;
    const char *text = row->cells[0].text == NULL ? "" : row->cells[0].text;
    do {
        char line[2048];
        const size_t bytes = row->wraps ? cairn_text_line(text, room) : strlen(text);
        snprintf(line, sizeof line, "%.*s", (int)bytes, text);
        const struct cairn_text_cell cell = {.text = line, .style = row->cells[0].style};
        cairn_stream_repeat(stream, ' ', indent);
        print_cell(table, stream, &cell, CAIRN_ALIGN_LEFT, room, false);
        cairn_stream_text(stream, "\n");
        text += bytes;
        text += strspn(text, " ");
    } while (*text != '\0');
}

void cairn_text_table_print(const struct cairn_text_table *table, struct cairn_stream *stream)
{
    if (table->failed && stream->failure == 0) {
        stream->failure = ENOMEM;
        return;
    }
    struct layout layout;
    arrange(table, &layout);
    struct cairn_text_cell titles[CAIRN_TEXT_COLUMNS] = {{.text = NULL}};
    bool titled = false;
    for (size_t i = 0; i < table->column_count; i++) {
        titles[i] = (struct cairn_text_cell){.text = table->columns[i].title, .style = CAIRN_STYLE_STRONG};
        titled = titled || table->columns[i].title[0] != '\0';
    }
    if (titled) {
        print_cells(table, &layout, stream, titles, table->column_count);
    }
    for (const struct cairn_text_row *row = table->first; row != NULL; row = row->next) {
        if (row->is_note) {
            print_note(table, &layout, stream, row);
        } else {
            print_cells(table, &layout, stream, row->cells, row->filled);
        }
    }
}
