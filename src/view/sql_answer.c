#include "view/sql_answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sanitise.h"
#include "trace/sql.h"
#include "view/keymap.h"

#define CELL_MOST    60 /* columns of the screen */
#define COLUMNS_MOST CAIRN_SQL_COLUMNS_MOST
#define TABLES_MOST  256

struct cell {
    const char *text;
    enum cairn_sql_type type; /* in SQLite's order: null, numbers, texts, blobs */
    int64_t integer;
    double real; /* of both kinds of numbers */
};

/* Cells row by row, the names first. */
struct answer {
    struct cairn_trace *trace;
    struct cairn_arena texts;
    struct cell *cells;
    size_t count, capacity, columns, rows;
    int widths[COLUMNS_MOST];
    bool numbers[COLUMNS_MOST]; /* stand at the right */
    bool more, failed;
};

/* Code points: near enough to columns for a table. */
static int width_of(const char *text)
{
    int width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

/* Cuts what is wider than a cell, at a whole character. */
static void cut(char *text)
{
    if (width_of(text) <= CELL_MOST)
        return;
    int width = 0;
    char *at = text;
    for (; *at != '\0'; at++)
        if (((unsigned char)*at & 0xc0) != 0x80 && width++ == CELL_MOST - 1)
            break;
    strcpy(at, "…");
}

static void add_cell(struct answer *answer, const char *raw, size_t length,
                     const struct cairn_sql_value *value)
{
    char clean[4 * CELL_MOST * 4 + 8];
    const size_t most = sizeof(clean) / 4 - 2;
    cairn_sanitise(clean, sizeof(clean) - 4, raw, length < most ? length : most);
    cut(clean);
    if (answer->count == answer->capacity) {
        const size_t wanted = answer->capacity == 0 ? 256 : 2 * answer->capacity;
        struct cell *grown = realloc(answer->cells, wanted * sizeof(*grown));
        if (grown == NULL) {
            answer->failed = true;
            return;
        }
        answer->cells = grown;
        answer->capacity = wanted;
    }
    const char *text = cairn_arena_copy(&answer->texts, clean, strlen(clean));
    answer->failed |= text == NULL;
    answer->cells[answer->count++] =
        (struct cell){.text = text != NULL ? text : "",
                      .type = value->type,
                      .integer = value->integer,
                      .real = value->type == CAIRN_SQL_INTEGER ? (double)value->integer : value->real};
    int *width = &answer->widths[(answer->count - 1) % answer->columns];
    *width = width_of(clean) > *width ? width_of(clean) : *width;
}

/* Of several statements the last one's answer stays. */
static bool take_columns(void *state, const char *const *names, size_t count)
{
    struct answer *answer = state;
    answer->count = answer->rows = 0;
    answer->columns = count < COLUMNS_MOST ? count : COLUMNS_MOST;
    const struct cairn_sql_value name = {.type = CAIRN_SQL_TEXT};
    memset(answer->widths, 0, sizeof(answer->widths));
    for (size_t i = 0; i < answer->columns; i++) {
        answer->numbers[i] = true;
        add_cell(answer, names[i], strlen(names[i]), &name);
    }
    return !answer->failed;
}

static void add_value(struct answer *answer, size_t column, const struct cairn_sql_value *value)
{
    char text[64];
    answer->numbers[column] &= value->type != CAIRN_SQL_TEXT && value->type != CAIRN_SQL_BLOB;
    switch (value->type) {
    case CAIRN_SQL_INTEGER:
        snprintf(text, sizeof(text), "%" PRId64, value->integer);
        break;
    case CAIRN_SQL_REAL:
        snprintf(text, sizeof(text), "%.10g", value->real);
        break;
    case CAIRN_SQL_TEXT:
        add_cell(answer, value->bytes, value->size, value);
        return;
    case CAIRN_SQL_BLOB:
        snprintf(text, sizeof(text), "(%zu bytes)", value->size);
        break;
    default:
        text[0] = '\0';
    }
    add_cell(answer, text, strlen(text), value);
}

static bool take_row(void *state, const struct cairn_sql_value *values, size_t count)
{
    struct answer *answer = state;
    (void)count;
    answer->more = answer->rows == CAIRN_SQL_ROWS_MOST;
    if (answer->more)
        return false;
    answer->rows++;
    for (size_t i = 0; i < answer->columns; i++)
        add_value(answer, i, &values[i]);
    return !answer->failed;
}

static bool is_cancelled(void *state)
{
    const struct answer *answer = state;
    return answer->trace != NULL && cairn_trace_cancelled(answer->trace);
}

static void add_blanks(struct cairn_buffer *text, int count)
{
    for (; count > 0; count--)
        cairn_buffer_byte(text, ' ');
}

/* One row's cells, each as wide as its column. */
static void line_up(const struct answer *answer, size_t row, struct cairn_buffer *text)
{
    cairn_buffer_reset(text);
    for (size_t i = 0; i < answer->columns; i++) {
        const char *cell = answer->cells[row * answer->columns + i].text;
        const int blanks = answer->widths[i] - width_of(cell);
        add_blanks(text, (i > 0 ? 2 : 0) + (answer->numbers[i] ? blanks : 0));
        cairn_buffer_text(text, cell);
        add_blanks(text, answer->numbers[i] || i + 1 == answer->columns ? 0 : blanks);
    }
}

static enum cairn_status run(const char *path, const char *statement, struct answer *answer,
                             struct cairn_error *error)
{
    struct cairn_sql *sql = NULL;
    enum cairn_status status = cairn_sql_open(path, cairn_moment_position, &sql, error);
    const struct cairn_sql_sink sink = {
        .columns = take_columns, .row = take_row, .cancelled = is_cancelled, .state = answer};
    if (status == CAIRN_OK)
        status = cairn_sql_run(sql, statement, &sink, error);
    if (status == CAIRN_OK && answer->failed)
        status = cairn_fail(error, CAIRN_E_NOMEM, "memory ran out for the answer");
    cairn_sql_close(sql);
    return status;
}

static void release(struct answer *answer)
{
    free(answer->cells);
    cairn_arena_release(&answer->texts);
}

/* --- Orders. --- */

static int compare_cells(const struct cell *one, const struct cell *two)
{
    const bool numbers = (one->type == CAIRN_SQL_INTEGER || one->type == CAIRN_SQL_REAL) &&
                         (two->type == CAIRN_SQL_INTEGER || two->type == CAIRN_SQL_REAL);
    if (numbers && one->type == CAIRN_SQL_INTEGER && two->type == CAIRN_SQL_INTEGER)
        return (one->integer > two->integer) - (one->integer < two->integer);
    if (numbers)
        return (one->real > two->real) - (one->real < two->real);
    if (one->type != two->type)
        return one->type < two->type ? -1 : 1;
    return strcmp(one->text, two->text);
}

struct order {
    const struct answer *answer;
    size_t column;
};

/* Equal cells stay in the order they came in. */
static int compare_places(const void *left, const void *right, void *state)
{
    const struct order *order = state;
    const uint16_t one = *(const uint16_t *)left, two = *(const uint16_t *)right;
    const struct answer *answer = order->answer;
    const struct cell *cells = answer->cells + answer->columns + order->column; /* names come first */
    const int by_cell = compare_cells(&cells[one * answer->columns], &cells[two * answer->columns]);
    return by_cell != 0 ? by_cell : (one > two) - (one < two);
}

static bool rank_rows(const struct answer *own, struct cairn_sql_answer *answer)
{
    uint16_t *places = malloc((own->rows + 1) * sizeof(*places));
    answer->ranks = malloc((own->rows * own->columns + 1) * sizeof(*answer->ranks));
    for (size_t column = 0; places != NULL && answer->ranks != NULL && column < own->columns; column++) {
        struct order order = {.answer = own, .column = column};
        for (size_t i = 0; i < own->rows; i++)
            places[i] = (uint16_t)i;
        qsort_r(places, own->rows, sizeof(*places), compare_places, &order);
        for (size_t i = 0; i < own->rows; i++)
            answer->ranks[column * own->rows + places[i]] = (uint16_t)i;
    }
    const bool done = places != NULL && answer->ranks != NULL;
    free(places);
    return done;
}

/* Where the names stand in the heading. */
static void place_columns(const struct answer *own, struct cairn_sql_answer *answer)
{
    int x = 0;
    answer->column_count = own->columns;
    answer->row_count = own->rows;
    for (size_t i = 0; i < own->columns; i++) {
        const int width = width_of(own->cells[i].text);
        const int begin = x + (own->numbers[i] ? own->widths[i] - width : 0);
        answer->columns[i] =
            (struct cairn_sql_column){.begin = begin,
                                      .end = begin + width,
                                      .name = cairn_rows_clean(&answer->rows, own->cells[i].text),
                                      .numbers = own->numbers[i]};
        x += own->widths[i] + 2;
    }
}

void cairn_sql_answer_release(struct cairn_sql_answer *answer)
{
    cairn_rows_release(&answer->rows);
    free(answer->ranks);
    answer->ranks = NULL;
}

enum cairn_status cairn_sql_answer(const char *path, struct cairn_trace *trace, const char *statement,
                                   struct cairn_sql_answer *answer, struct cairn_error *error)
{
    struct answer own = {.trace = trace, .texts = CAIRN_ARENA_INIT};
    struct cairn_buffer line = CAIRN_BUFFER_INIT;
    enum cairn_status status = run(path, statement, &own, error);
    if (status == CAIRN_OK && own.columns > 0) {
        line_up(&own, 0, &line);
        snprintf(answer->heading, sizeof(answer->heading), "%s", cairn_buffer_cstr(&line));
        place_columns(&own, answer);
        answer->rows.failed |= !rank_rows(&own, answer);
    }
    for (size_t i = 1; status == CAIRN_OK && i <= own.rows; i++) {
        struct cairn_row *row = cairn_rows_add(&answer->rows, CAIRN_NO_PARENT);
        if (row == NULL)
            break;
        line_up(&own, i, &line);
        row->key = i;
        row->name = cairn_rows_clean(&answer->rows, cairn_buffer_cstr(&line));
    }
    answer->more = own.more;
    if (status == CAIRN_OK && answer->rows.failed)
        status = cairn_fail(error, CAIRN_E_NOMEM, "memory ran out for the answer");
    cairn_buffer_release(&line);
    release(&own);
    return status;
}

/* --- The tables. --- */

static enum cairn_status add_columns(const char *path, struct cairn_rows *rows, uint32_t parent,
                                     const char *table, struct cairn_error *error)
{
    char statement[256];
    struct answer own = {.texts = CAIRN_ARENA_INIT};
    /* heap_at() and heap_diff() want their moments. */
    const char *arguments = strcmp(table, "heap_at") == 0     ? "(0)"
                            : strcmp(table, "heap_diff") == 0 ? "(0, 0)"
                                                              : "";
    snprintf(statement, sizeof(statement), "SELECT * FROM %s%s LIMIT 0", table, arguments);
    const enum cairn_status status = run(path, statement, &own, error);
    for (size_t i = 0; status == CAIRN_OK && i < own.columns; i++) {
        struct cairn_row *row = cairn_rows_add(rows, parent);
        if (row == NULL)
            break;
        row->key = cairn_key_mix(rows->items[parent].key, i + 1);
        row->name = cairn_rows_clean(rows, own.cells[i].text);
        row->label = row->name;
    }
    release(&own);
    return status;
}

enum cairn_status cairn_sql_schema(const char *path, struct cairn_rows *rows, struct cairn_error *error)
{
    static const char statement[] =
        "SELECT name FROM (SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT "
        "LIKE "
        "'sqlite_%' UNION SELECT 'events', 'made' UNION SELECT 'heap_at', 'made' UNION SELECT 'heap_diff', "
        "'made') ORDER BY type = 'table', name";
    struct answer own = {.texts = CAIRN_ARENA_INIT};
    enum cairn_status status = run(path, statement, &own, error);
    for (size_t i = 1; status == CAIRN_OK && i <= own.rows && i < TABLES_MOST; i++) {
        struct cairn_row *row = cairn_rows_add(rows, CAIRN_NO_PARENT);
        if (row == NULL)
            break;
        const uint32_t parent = (uint32_t)rows->count - 1;
        row->key = i;
        row->name = cairn_rows_clean(rows, own.cells[i].text);
        row->label = row->name;
        status = add_columns(path, rows, parent, own.cells[i].text, error);
    }
    if (status == CAIRN_OK && rows->failed)
        status = cairn_fail(error, CAIRN_E_NOMEM, "memory ran out for the tables");
    release(&own);
    return status;
}
