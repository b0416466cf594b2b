/* The virtual table `events`: single events in their order, a batch at a time. Bounds on event and t_ns are used, and so is
 * a kind that is asked for. Where the statement groups, they come in groups. */
#include <stdlib.h>
#include <string.h>

#include "trace/reader.h"
#include "trace/sql_grouped.h"
#include "trace/sql_private.h"

#define BATCH_EVENTS 16384u

static const char columns[] = "CREATE TABLE events (event INTEGER, t_ns INTEGER, kind TEXT, account INTEGER, "
                              "size INTEGER, birth INTEGER, old_account INTEGER, old_size INTEGER, "
                              "temporary INTEGER, process INTEGER)";

#define KINDS    7
#define ANY_KIND (-1)
static const char *const kinds[KINDS] = {
    [CAIRN_EVENT_ALLOC] = "alloc", [CAIRN_EVENT_FREE] = "free",     [CAIRN_EVENT_REALLOC] = "realloc",
    [CAIRN_EVENT_ADOPT] = "adopt", [CAIRN_EVENT_SHRINK] = "shrink", [CAIRN_EVENT_LOST] = "lost",
    [CAIRN_EVENT_END] = "end",
};

struct cursor {
    sqlite3_vtab_cursor base;
    struct cairn_event *events;
    uint64_t first; /* ordinal of events[0] */
    size_t count, at;
    uint64_t to; /* the scan ends before it */
    int kind;    /* the only one that is wanted, ANY_KIND, or KINDS: none that there is */
    struct cairn_sql_grouped *grouped; /* owned; NULL: events come as they happened */
    size_t place;                      /* the next one of it */
    uint64_t ordinal;                  /* of the row, which is … */
    struct cairn_event event;
    bool ended;
};

/* The bounds that a plan uses. idxNum has, for each, four bits: which argument is its value; 0: there is none. Behind them
 * come the columns that the statement groups by, each as its number + 1. idxStr has the columns it uses, as bits. */
enum {
    FROM_EVENT = 1,
    TO_EVENT = 2,
    FROM_TIME = 4,
    TO_TIME = 8,
    OF_KIND = 16,
    BOUNDS = 5,
    KIND_BOUND = 4,
    BITS_A_BOUND = 4,
    GROUPS = 2,
    BITS_A_GROUP = 5,
    GROUPS_AT = BOUNDS * BITS_A_BOUND
};

static int connect_events(sqlite3 *db, void *sql, int argc, const char *const *argv, sqlite3_vtab **table,
                          char **message)
{
    (void)argc;
    (void)argv;
    (void)message;
    return cairn_sql_connect(db, sql, columns, table);
}

/* Bounds of constraint i as bits; equality is both. */
static int bits_of(sqlite3_index_info *info, int i)
{
    const struct sqlite3_index_constraint *constraint = &info->aConstraint[i];
    const bool time = constraint->iColumn == CAIRN_SQL_T_NS;
    if (constraint->usable && constraint->iColumn == CAIRN_SQL_KIND &&
        constraint->op == SQLITE_INDEX_CONSTRAINT_EQ &&
        strcmp(sqlite3_vtab_collation(info, i), "BINARY") == 0) {
        return OF_KIND;
    }
    if (!constraint->usable ||
        (!time && constraint->iColumn != CAIRN_SQL_EVENT && constraint->iColumn >= 0)) {
        return 0;
    }
    switch (constraint->op) {
    case SQLITE_INDEX_CONSTRAINT_GT:
    case SQLITE_INDEX_CONSTRAINT_GE:
        return time ? FROM_TIME : FROM_EVENT;
    case SQLITE_INDEX_CONSTRAINT_LT:
    case SQLITE_INDEX_CONSTRAINT_LE:
        return time ? TO_TIME : TO_EVENT;
    case SQLITE_INDEX_CONSTRAINT_EQ:
        return time ? FROM_TIME | TO_TIME : FROM_EVENT | TO_EVENT;
    default:
        return 0;
    }
}

/* Events as they happened are in order already. Else GROUP BY and DISTINCT, which want equal rows side by side, get them so
 * where all of them fit. */
static int plan_order(sqlite3_vtab *base, sqlite3_index_info *info)
{
    const struct cairn_sql_table *table = (const struct cairn_sql_table *)(void *)base;
    const struct sqlite3_index_orderby *by = info->aOrderBy;
    if (info->nOrderBy == 1 && !by[0].desc && (by[0].iColumn == CAIRN_SQL_EVENT || by[0].iColumn < 0)) {
        info->orderByConsumed = 1;
        return SQLITE_OK;
    }
    const int wish = sqlite3_vtab_distinct(info); /* 1: groups, 2: groups of which one row will do */
    const uint64_t events = (uint64_t)cairn_trace_recording(table->sql->data)->events;
    const unsigned used = (unsigned)(info->colUsed & ((1u << CAIRN_SQL_COLUMNS) - 1));
    if (info->nOrderBy < 1 || info->nOrderBy > GROUPS || (wish != 1 && wish != 2) ||
        !cairn_sql_groupable(events, used)) {
        return SQLITE_OK;
    }
    for (int i = 0; i < info->nOrderBy; i++) {
        if (by[i].iColumn < 0 || by[i].iColumn >= CAIRN_SQL_COLUMNS || !(used & 1u << by[i].iColumn)) {
            return SQLITE_OK;
        }
    }
    for (int i = 0; i < info->nOrderBy; i++) {
        info->idxNum |= (by[i].iColumn + 1) << (GROUPS_AT + i * BITS_A_GROUP);
    }
    info->idxStr = sqlite3_mprintf("%u", used);
    info->needToFreeIdxStr = 1;
    info->orderByConsumed = 1;
    return info->idxStr ? SQLITE_OK : SQLITE_NOMEM;
}

static int plan(sqlite3_vtab *table, sqlite3_index_info *info)
{
    int chosen[BOUNDS] = {-1, -1, -1, -1, -1}, arguments = 0;
    for (int i = 0; i < info->nConstraint; i++) {
        const int bits = bits_of(info, i);
        for (int bound = 0; bound < BOUNDS; bound++) {
            if (bits & 1 << bound && chosen[bound] < 0) {
                chosen[bound] = i;
            }
        }
    }
    info->estimatedCost = 1e7;
    for (int bound = 0; bound < BOUNDS; bound++) {
        if (chosen[bound] < 0) {
            continue;
        }
        struct sqlite3_index_constraint_usage *usage = &info->aConstraintUsage[chosen[bound]];
        /* Equality gives one value for both of its bounds: the first of them takes it. */
        if (usage->argvIndex == 0) {
            usage->argvIndex = ++arguments;
        }
        info->idxNum |= usage->argvIndex << (BITS_A_BOUND * bound);
        info->estimatedCost /= bound == KIND_BOUND ? 1 : 100;
    }
    return plan_order(table, info);
}

static int open_cursor(sqlite3_vtab *table, sqlite3_vtab_cursor **cursor)
{
    (void)table;
    struct cursor *made = calloc(1, sizeof(*made));
    if (made) {
        made->events = calloc(BATCH_EVENTS, sizeof(*made->events));
    }
    if (!made || !made->events) {
        free(made);
        return SQLITE_NOMEM;
    }
    *cursor = &made->base;
    return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
    struct cursor *cursor = (struct cursor *)(void *)base;
    cairn_sql_grouped_free(cursor->grouped);
    free(cursor->events);
    free(cursor);
    return SQLITE_OK;
}

static bool is_wanted(const struct cursor *cursor, const struct cairn_event *event)
{
    return cursor->kind == ANY_KIND || event->kind == cursor->kind;
}

static bool keep(void *state, uint64_t ordinal, const struct cairn_event *event)
{
    struct cursor *cursor = state;
    (void)ordinal;
    cursor->events[cursor->count++] = *event;
    return cursor->count < BATCH_EVENTS;
}

static int load(struct cursor *cursor, uint64_t from)
{
    struct cairn_sql_table *table = (struct cairn_sql_table *)(void *)cursor->base.pVtab;
    struct cairn_error error;
    cursor->first = from;
    cursor->count = cursor->at = 0;
    if (from >= cursor->to) {
        return SQLITE_OK;
    }
    const uint64_t to = cursor->to - from > BATCH_EVENTS ? from + BATCH_EVENTS : cursor->to;
    const enum cairn_status status = cairn_trace_events(table->sql->data, from, to, keep, cursor, &error);
    return status == CAIRN_OK ? SQLITE_OK : cairn_sql_failed(table->sql, cursor->base.pVtab, &error);
}

/* The first event at or after `from` that is kept: --max-size drops the oldest ones. */
static enum cairn_status first_kept(struct cairn_trace *trace, uint64_t *from, struct cairn_error *error)
{
    size_t chunk, count;
    const enum cairn_status status = cairn_reader_chunk_of(trace, *from, &chunk, error);
    if (status != CAIRN_OK) {
        return status;
    }
    const struct cairn_chunk *chunks = cairn_reader_chunks(trace, &count);
    while (chunk < count && !chunks[chunk].has_data) {
        *from = chunks[chunk].first_event + chunks[chunk].events;
        chunk++;
    }
    return CAIRN_OK;
}

static bool group(void *state, uint64_t ordinal, const struct cairn_event *event)
{
    struct cursor *cursor = state;
    if (is_wanted(cursor, event)) {
        cairn_sql_grouped_add(cursor->grouped, ordinal, event);
    }
    return true;
}

/* All events from `from` on, and the order of what the plan groups by. */
static enum cairn_status load_groups(struct cursor *cursor, uint64_t from, int plan_bits, unsigned used,
                                     struct cairn_error *error)
{
    struct cairn_trace *trace = ((struct cairn_sql_table *)(void *)cursor->base.pVtab)->sql->data;
    enum cairn_sql_column by[GROUPS];
    size_t count = 0;
    for (int i = 0; i < GROUPS; i++) {
        const int column = plan_bits >> (GROUPS_AT + i * BITS_A_GROUP) & ((1 << BITS_A_GROUP) - 1);
        if (column > 0) {
            by[count++] = (enum cairn_sql_column)(column - 1);
        }
    }
    cursor->grouped = cairn_sql_grouped_new(from, (size_t)(cursor->to - from), used);
    if (!cursor->grouped) {
        return cairn_reader_no_memory(trace, error);
    }
    const enum cairn_status status = cairn_trace_events(trace, from, cursor->to, group, cursor, error);
    if (status == CAIRN_OK) {
        cairn_sql_grouped_sort(cursor->grouped, by, count);
    }
    return status;
}

static int64_t clamp(int64_t value, int64_t most)
{
    return value < 0 ? 0 : value > most ? most : value;
}

static enum cairn_status find_range(struct cairn_trace *trace, int plan_bits, sqlite3_value **values,
                                    uint64_t *from, uint64_t *to, struct cairn_error *error)
{
    const int64_t events = cairn_trace_recording(trace)->events;
    int64_t low = 0, high = events;
    for (int bound = 0; bound < BOUNDS; bound++) {
        const int argument = bound == KIND_BOUND ? 0 : plan_bits >> (BITS_A_BOUND * bound) & 15;
        if (argument == 0 || sqlite3_value_type(values[argument - 1]) != SQLITE_INTEGER) {
            continue; /* SQLite itself compares what is no number */
        }
        int64_t value = sqlite3_value_int64(values[argument - 1]);
        if (1 << bound == FROM_TIME || 1 << bound == TO_TIME) {
            uint64_t position;
            const bool begin = 1 << bound == FROM_TIME;
            if (begin && value <= 0) {
                continue;
            }
            const enum cairn_status status =
                value < 0 ? CAIRN_OK : cairn_trace_position_at(trace, value - begin, &position, error);
            if (status != CAIRN_OK) {
                return status;
            }
            value = value < 0 ? 0 : (int64_t)position - !begin;
        }
        if (1 << bound == FROM_EVENT || 1 << bound == FROM_TIME) {
            low = clamp(value, events) > low ? clamp(value, events) : low;
        } else if (value < high) {
            high = value < 0 ? 0 : value + 1;
        }
    }
    *from = (uint64_t)low;
    *to = (uint64_t)(high < low ? low : high);
    return first_kept(trace, from, error);
}

/* The kind that the plan asks for. SQLite compares again, so that of other types nothing is to be known. */
static int kind_of(int plan_bits, sqlite3_value **values)
{
    const int argument = plan_bits >> (BITS_A_BOUND * KIND_BOUND) & 15;
    if (argument == 0 || sqlite3_value_type(values[argument - 1]) != SQLITE_TEXT) {
        return ANY_KIND;
    }
    const char *name = (const char *)sqlite3_value_text(values[argument - 1]);
    int kind = 0;
    while (name && kind < KINDS && strcmp(kinds[kind], name) != 0) {
        kind++;
    }
    return kind;
}

static int next(sqlite3_vtab_cursor *base)
{
    struct cursor *cursor = (struct cursor *)(void *)base;
    if (cursor->grouped) {
        cursor->ended =
            !cairn_sql_grouped_get(cursor->grouped, cursor->place++, &cursor->ordinal, &cursor->event);
        return SQLITE_OK;
    }
    for (;;) {
        if (cursor->at >= cursor->count) {
            const int result = load(cursor, cursor->first + cursor->count);
            if (result != SQLITE_OK || cursor->count == 0) {
                cursor->ended = true;
                return result;
            }
        }
        const size_t at = cursor->at++;
        if (is_wanted(cursor, &cursor->events[at])) {
            cursor->event = cursor->events[at];
            cursor->ordinal = cursor->first + at;
            return SQLITE_OK;
        }
    }
}

static int filter(sqlite3_vtab_cursor *base, int plan_bits, const char *text, int argc, sqlite3_value **argv)
{
    struct cursor *cursor = (struct cursor *)(void *)base;
    struct cairn_sql_table *table = (struct cairn_sql_table *)(void *)base->pVtab;
    struct cairn_error error;
    uint64_t from = 0;
    (void)argc;
    cairn_sql_grouped_free(cursor->grouped);
    *cursor = (struct cursor){.base = cursor->base, .events = cursor->events};
    cursor->kind = kind_of(plan_bits, argv);
    enum cairn_status status = find_range(table->sql->data, plan_bits, argv, &from, &cursor->to, &error);
    cursor->first = from;
    if (status == CAIRN_OK && text && from < cursor->to) {
        status = load_groups(cursor, from, plan_bits, (unsigned)strtoul(text, NULL, 10), &error);
    }
    return status == CAIRN_OK ? next(base) : cairn_sql_failed(table->sql, base->pVtab, &error);
}

static int at_end(sqlite3_vtab_cursor *base)
{
    const struct cursor *cursor = (struct cursor *)(void *)base;
    return cursor->ended;
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *context, int index)
{
    const struct cursor *cursor = (struct cursor *)(void *)base;
    if (index == CAIRN_SQL_KIND) {
        const char *name = kinds[cursor->event.kind % KINDS];
        sqlite3_result_text(context, name, (int)strlen(name), SQLITE_STATIC);
        return SQLITE_OK;
    }
    const uint64_t value = cairn_sql_value(&cursor->event, cursor->ordinal, (enum cairn_sql_column)index);
    if (value != UINT64_MAX) {
        sqlite3_result_int64(context, (sqlite3_int64)value);
    }
    return SQLITE_OK;
}

static int rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *id)
{
    const struct cursor *cursor = (struct cursor *)(void *)base;
    *id = (sqlite3_int64)cursor->ordinal;
    return SQLITE_OK;
}

/* Without xCreate it is there without being made. */
const sqlite3_module cairn_sql_events = {
    .xConnect = connect_events,
    .xBestIndex = plan,
    .xDisconnect = cairn_sql_disconnect,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = filter,
    .xNext = next,
    .xEof = at_end,
    .xColumn = column,
    .xRowid = rowid,
};
