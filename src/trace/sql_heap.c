/* The virtual tables heap_at(t) and heap_diff(a, b): a row an account. */
#include <stdlib.h>
#include <string.h>

#include "trace/reader.h"
#include "trace/sql_private.h"

/* Columns before the hidden ones, which are the arguments. */
enum {
    AT_COLUMNS = 7,
    ALLOCATED_COLUMN = 3 /* and all behind it */,
    DIFF_COLUMNS = 9,
    SURVIVED_COLUMN = 7 /* likewise */
};
static const char at_columns[] = "CREATE TABLE heap_at (account INTEGER, live_bytes INTEGER, live_blocks "
                                 "INTEGER, allocated_bytes INTEGER, "
                                 "allocations INTEGER, reallocs INTEGER, temporary INTEGER, t HIDDEN)";
static const char diff_columns[] =
    "CREATE TABLE heap_diff (account INTEGER, a_bytes INTEGER, b_bytes INTEGER, delta_bytes INTEGER, "
    "a_blocks INTEGER, b_blocks INTEGER, delta_blocks INTEGER, survived_bytes INTEGER, "
    "survived_blocks INTEGER, a HIDDEN, b HIDDEN)";

struct cursor {
    sqlite3_vtab_cursor base;
    const struct cairn_state *states[2]; /* heap_at: the second only */
    struct cairn_totals *survived;       /* heap_diff */
    /* The events were dropped that tell what had been allocated (heap_at) or what survived (heap_diff). */
    bool unknown;
    size_t count, at;
};

static int connect_at(sqlite3 *db, void *sql, int argc, const char *const *argv, sqlite3_vtab **table,
                      char **message)
{
    (void)argc;
    (void)argv;
    (void)message;
    return cairn_sql_connect(db, sql, at_columns, table);
}

static int connect_diff(sqlite3 *db, void *sql, int argc, const char *const *argv, sqlite3_vtab **table,
                        char **message)
{
    (void)argc;
    (void)argv;
    (void)message;
    return cairn_sql_connect(db, sql, diff_columns, table);
}

/* `wanted` arguments from column `first` on; without all of them there is no plan. */
static int plan_arguments(sqlite3_vtab *table, sqlite3_index_info *info, int first, int wanted)
{
    int given = 0;
    for (int i = 0; i < info->nConstraint; i++) {
        const struct sqlite3_index_constraint *constraint = &info->aConstraint[i];
        const int argument = constraint->iColumn - first;
        if (argument < 0 || argument >= wanted || constraint->op != SQLITE_INDEX_CONSTRAINT_EQ) {
            continue;
        }
        if (!constraint->usable) {
            return SQLITE_CONSTRAINT;
        }
        if (!(given & 1 << argument)) {
            given |= 1 << argument;
            info->aConstraintUsage[i] =
                (struct sqlite3_index_constraint_usage){.argvIndex = argument + 1, .omit = 1};
        }
    }
    if (given != (1 << wanted) - 1) {
        sqlite3_free(table->zErrMsg);
        table->zErrMsg = sqlite3_mprintf(wanted == 1 ? "heap_at needs a moment, as in heap_at('peak')"
                                                     : "heap_diff needs two moments, as in "
                                                       "heap_diff('start', 'end')");
        return SQLITE_ERROR;
    }
    info->estimatedCost = 1e4;
    return SQLITE_OK;
}

static int plan_at(sqlite3_vtab *table, sqlite3_index_info *info)
{
    return plan_arguments(table, info, AT_COLUMNS, 1);
}

static int plan_diff(sqlite3_vtab *table, sqlite3_index_info *info)
{
    return plan_arguments(table, info, DIFF_COLUMNS, 2);
}

static int open_cursor(sqlite3_vtab *table, sqlite3_vtab_cursor **cursor)
{
    (void)table;
    struct cursor *made = calloc(1, sizeof(*made));
    if (!made) {
        return SQLITE_NOMEM;
    }
    *cursor = &made->base;
    return SQLITE_OK;
}

static struct cairn_sql *sql_of(const struct cursor *cursor)
{
    return ((struct cairn_sql_table *)(void *)cursor->base.pVtab)->sql;
}

static void reset(struct cursor *cursor)
{
    for (size_t i = 0; i < 2; i++) {
        if (cursor->states[i]) {
            cairn_state_release(sql_of(cursor)->data, cursor->states[i]);
            cursor->states[i] = NULL;
        }
    }
    free(cursor->survived);
    cursor->survived = NULL;
    cursor->unknown = false;
    cursor->count = cursor->at = 0;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
    struct cursor *cursor = (struct cursor *)(void *)base;
    reset(cursor);
    free(cursor);
    return SQLITE_OK;
}

/* A number is a time in nanoseconds, a text a TIME word. */
static enum cairn_status position_of(struct cairn_sql *sql, sqlite3_value *value, uint64_t *position,
                                     struct cairn_error *error)
{
    switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER: {
        const int64_t t_ns = sqlite3_value_int64(value) > 0 ? sqlite3_value_int64(value) : 0;
        const enum cairn_status status = cairn_trace_position_at(sql->data, t_ns, position, error);
        return status != CAIRN_OK || cairn_trace_is_exact(sql->data, *position, t_ns) ||
                       (cairn_trace_recording(sql->data)->untold & CAIRN_UNTOLD_EVENTS)
                   ? status
                   : cairn_fail(error, CAIRN_E_NOT_FOUND,
                                "what was live at %.6f s is not known: single events of that time were "
                                "dropped to keep the trace small (slim, record --max-size): ask for a "
                                "snapshot, as in heap_at('s1')",
                                (double)t_ns / 1e9);
    }
    case SQLITE_TEXT:
        if (sql->moment) {
            return sql->moment(sql->data, (const char *)sqlite3_value_text(value), position, error);
        }
        break;
    default:
        break;
    }
    return cairn_fail(error, CAIRN_E_USAGE, "a moment is a number of nanoseconds or a TIME such as 'peak'");
}

static struct cairn_totals totals(const struct cairn_state *state, size_t i)
{
    return state && i < state->count ? state->totals[i] : (struct cairn_totals){.live_bytes = 0};
}

/* Accounts that have nothing to tell are passed over. */
static void skip_empty(struct cursor *cursor)
{
    static const struct cairn_totals zero;
    while (cursor->at < cursor->count) {
        const struct cairn_totals a = totals(cursor->states[0], cursor->at),
                                  b = totals(cursor->states[1], cursor->at);
        if (cursor->survived ? a.live_bytes || a.live_blocks || b.live_bytes || b.live_blocks
                             : memcmp(&b, &zero, sizeof(b)) != 0) {
            return;
        }
        cursor->at++;
    }
}

static enum cairn_status load(struct cursor *cursor, int argc, sqlite3_value **argv,
                              struct cairn_error *error)
{
    struct cairn_sql *sql = sql_of(cursor);
    uint64_t positions[2] = {0, 0};
    const size_t first = argc == 1 ? 1 : 0;
    for (size_t i = first; i < 2; i++) {
        enum cairn_status status = position_of(sql, argv[i - first], &positions[i], error);
        if (status == CAIRN_OK) {
            status = cairn_trace_state(sql->data, positions[i], &cursor->states[i], error);
        }
        if (status != CAIRN_OK) {
            return status;
        }
        cursor->count = cursor->states[i]->count > cursor->count ? cursor->states[i]->count : cursor->count;
    }
    if (first == 1) {
        /* Asked for by name: of a time in numbers more than the peak's live blocks is known, or nothing. */
        cursor->unknown = !(cairn_trace_recording(sql->data)->untold & CAIRN_UNTOLD_EVENTS) &&
                          !cairn_trace_is_counted(sql->data, positions[1], 0);
        return CAIRN_OK;
    }
    size_t count = 0;
    struct cairn_totals *survived = NULL;
    if (positions[0] <= positions[1]) {
        const enum cairn_status status =
            cairn_trace_survived(sql->data, positions[0], positions[1], &survived, &count, error);
        if (status != CAIRN_OK) {
            return status;
        }
        cursor->unknown = !survived;
    }
    cursor->survived = calloc(cursor->count + 1, sizeof(*cursor->survived));
    if (cursor->survived && survived) {
        memcpy(cursor->survived, survived,
               (count < cursor->count ? count : cursor->count) * sizeof(*cursor->survived));
    }
    free(survived);
    return cursor->survived ? CAIRN_OK : cairn_reader_no_memory(sql->data, error);
}

static int filter(sqlite3_vtab_cursor *base, int number, const char *text, int argc, sqlite3_value **argv)
{
    struct cursor *cursor = (struct cursor *)(void *)base;
    struct cairn_error error;
    (void)number;
    (void)text;
    reset(cursor);
    if (load(cursor, argc, argv, &error) != CAIRN_OK) {
        reset(cursor);
        return cairn_sql_failed(sql_of(cursor), base->pVtab, &error);
    }
    skip_empty(cursor);
    return SQLITE_OK;
}

static int next(sqlite3_vtab_cursor *base)
{
    struct cursor *cursor = (struct cursor *)(void *)base;
    cursor->at++;
    skip_empty(cursor);
    return SQLITE_OK;
}

static int at_end(sqlite3_vtab_cursor *base)
{
    const struct cursor *cursor = (struct cursor *)(void *)base;
    return cursor->at >= cursor->count;
}

static int64_t difference(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static int column_at(sqlite3_vtab_cursor *base, sqlite3_context *context, int index)
{
    const struct cursor *cursor = (struct cursor *)(void *)base;
    const struct cairn_totals row = totals(cursor->states[1], cursor->at);
    const int64_t values[AT_COLUMNS] = {
        (int64_t)cursor->at + 1, row.live_bytes, row.live_blocks, row.allocated_bytes,
        row.allocations,         row.reallocs,   row.temporary};
    if (index < AT_COLUMNS && !(cursor->unknown && index >= ALLOCATED_COLUMN)) {
        sqlite3_result_int64(context, values[index]);
    }
    return SQLITE_OK;
}

static int column_diff(sqlite3_vtab_cursor *base, sqlite3_context *context, int index)
{
    const struct cursor *cursor = (struct cursor *)(void *)base;
    const struct cairn_totals a = totals(cursor->states[0], cursor->at),
                              b = totals(cursor->states[1], cursor->at);
    const struct cairn_totals *survived = &cursor->survived[cursor->at];
    const int64_t values[DIFF_COLUMNS] = {(int64_t)cursor->at + 1,
                                          a.live_bytes,
                                          b.live_bytes,
                                          difference(b.live_bytes, a.live_bytes),
                                          a.live_blocks,
                                          b.live_blocks,
                                          difference(b.live_blocks, a.live_blocks),
                                          survived->live_bytes,
                                          survived->live_blocks};
    if (index < DIFF_COLUMNS && !(cursor->unknown && index >= SURVIVED_COLUMN)) {
        sqlite3_result_int64(context, values[index]);
    }
    return SQLITE_OK;
}

static int rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *id)
{
    const struct cursor *cursor = (struct cursor *)(void *)base;
    *id = (sqlite3_int64)cursor->at + 1;
    return SQLITE_OK;
}

const sqlite3_module cairn_sql_heap_at = {
    .xConnect = connect_at,
    .xBestIndex = plan_at,
    .xDisconnect = cairn_sql_disconnect,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = filter,
    .xNext = next,
    .xEof = at_end,
    .xColumn = column_at,
    .xRowid = rowid,
};

const sqlite3_module cairn_sql_heap_diff = {
    .xConnect = connect_diff,
    .xBestIndex = plan_diff,
    .xDisconnect = cairn_sql_disconnect,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = filter,
    .xNext = next,
    .xEof = at_end,
    .xColumn = column_diff,
    .xRowid = rowid,
};
