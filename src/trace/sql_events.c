/* The virtual table `events`: single events in their order, a batch at a time. Bounds on event and t_ns are used. */
#include <stdlib.h>

#include "trace/reader.h"
#include "trace/sql_private.h"

#define BATCH_EVENTS 16384u

enum column {
    COLUMN_EVENT = 0,
    COLUMN_T_NS,
    COLUMN_KIND,
    COLUMN_ACCOUNT,
    COLUMN_SIZE,
    COLUMN_BIRTH,
    COLUMN_OLD_ACCOUNT,
    COLUMN_OLD_SIZE,
    COLUMN_TEMPORARY,
    COLUMN_PROCESS
};
static const char columns[] = "CREATE TABLE events (event INTEGER, t_ns INTEGER, kind TEXT, account INTEGER, "
                              "size INTEGER, birth INTEGER, old_account INTEGER, old_size INTEGER, "
                              "temporary INTEGER, process INTEGER)";

static const char *const kinds[] = {
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
};

/* The bounds that a plan uses. idxNum has, for each, four bits: which argument is its value; 0: there is none. */
enum { FROM_EVENT = 1, TO_EVENT = 2, FROM_TIME = 4, TO_TIME = 8, BOUNDS = 4, BITS_A_BOUND = 4 };

static int connect_events(sqlite3 *db, void *sql, int argc, const char *const *argv, sqlite3_vtab **table,
                          char **message)
{
    (void)argc;
    (void)argv;
    (void)message;
    return cairn_sql_connect(db, sql, columns, table);
}

/* Bounds of a constraint as bits; equality is both. */
static int bits_of(const struct sqlite3_index_constraint *constraint)
{
    const bool time = constraint->iColumn == COLUMN_T_NS;
    if (!constraint->usable || (!time && constraint->iColumn != COLUMN_EVENT && constraint->iColumn >= 0)) {
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

static int plan(sqlite3_vtab *table, sqlite3_index_info *info)
{
    int chosen[BOUNDS] = {-1, -1, -1, -1}, arguments = 0;
    (void)table;
    for (int i = 0; i < info->nConstraint; i++) {
        const int bits = bits_of(&info->aConstraint[i]);
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
        info->estimatedCost /= 100;
    }
    info->orderByConsumed = info->nOrderBy == 1 && !info->aOrderBy[0].desc &&
                            (info->aOrderBy[0].iColumn == COLUMN_EVENT || info->aOrderBy[0].iColumn < 0);
    return SQLITE_OK;
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
    free(cursor->events);
    free(cursor);
    return SQLITE_OK;
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
        const int argument = plan_bits >> (BITS_A_BOUND * bound) & 15;
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

static int filter(sqlite3_vtab_cursor *base, int plan_bits, const char *text, int argc, sqlite3_value **argv)
{
    struct cursor *cursor = (struct cursor *)(void *)base;
    struct cairn_sql_table *table = (struct cairn_sql_table *)(void *)base->pVtab;
    struct cairn_error error;
    uint64_t from;
    (void)text;
    (void)argc;
    if (find_range(table->sql->data, plan_bits, argv, &from, &cursor->to, &error) != CAIRN_OK) {
        return cairn_sql_failed(table->sql, base->pVtab, &error);
    }
    return load(cursor, from);
}

static int next(sqlite3_vtab_cursor *base)
{
    struct cursor *cursor = (struct cursor *)(void *)base;
    cursor->at++;
    return cursor->at < cursor->count ? SQLITE_OK : load(cursor, cursor->first + cursor->count);
}

static int at_end(sqlite3_vtab_cursor *base)
{
    const struct cursor *cursor = (struct cursor *)(void *)base;
    return cursor->at >= cursor->count;
}

static void number_if(sqlite3_context *context, bool known, uint64_t value)
{
    if (known) {
        sqlite3_result_int64(context, (sqlite3_int64)value);
    }
}

static int column(sqlite3_vtab_cursor *base, sqlite3_context *context, int index)
{
    const struct cursor *cursor = (struct cursor *)(void *)base;
    const struct cairn_event *event = &cursor->events[cursor->at];
    const bool realloc_event = event->kind == CAIRN_EVENT_REALLOC, end = event->kind == CAIRN_EVENT_END;
    switch ((enum column)index) {
    case COLUMN_EVENT:
        number_if(context, true, cursor->first + cursor->at);
        break;
    case COLUMN_T_NS:
        number_if(context, true, event->t_ns);
        break;
    case COLUMN_KIND:
        sqlite3_result_text(context, event->kind <= CAIRN_EVENT_END ? kinds[event->kind] : "?", -1,
                            SQLITE_STATIC);
        break;
    case COLUMN_ACCOUNT:
        number_if(context, !end, event->account);
        break;
    case COLUMN_SIZE:
        number_if(context, !end, event->size);
        break;
    case COLUMN_BIRTH:
        number_if(context, !end && event->kind != CAIRN_EVENT_ALLOC, event->birth);
        break;
    case COLUMN_OLD_ACCOUNT:
        number_if(context, realloc_event, event->old_account);
        break;
    case COLUMN_OLD_SIZE:
        number_if(context, realloc_event, event->old_size);
        break;
    case COLUMN_TEMPORARY:
        number_if(context, true, (event->flags & CAIRN_EVENT_TEMPORARY) != 0);
        break;
    case COLUMN_PROCESS:
        number_if(context, end, event->account);
        break;
    }
    return SQLITE_OK;
}

static int rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *id)
{
    const struct cursor *cursor = (struct cursor *)(void *)base;
    *id = (sqlite3_int64)cursor->first + (sqlite3_int64)cursor->at;
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
