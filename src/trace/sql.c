#include "trace/sql.h"

#include <stdlib.h>
#include <string.h>

#include "trace/reader.h"
#include "trace/sql_private.h"

#define CANCEL_STEPS 5000 /* of the virtual machine: below a millisecond */
#define COLUMNS_MOST 200

/* Reading is all that is allowed. Of pragmas, those that tell about tables; of functions, all but those that reach out of
 * the database. The schema is the one this build knows, so views are its own. */
static int authorize(void *state, int action, const char *first, const char *second, const char *database,
                     const char *through)
{
    static const char *const pragmas[] = {"table_info", "table_xinfo", "table_list", "index_list",
                                          "index_info"};
    const struct cairn_sql *sql = state;
    (void)database;
    (void)through;
    if (sql->declaring) {
        return SQLITE_OK;
    }
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_FUNCTION:
        return second && strcmp(second, "load_extension") == 0 ? SQLITE_DENY : SQLITE_OK;
    case SQLITE_PRAGMA:
        for (size_t i = 0; first && i < sizeof(pragmas) / sizeof(pragmas[0]); i++) {
            if (strcmp(first, pragmas[i]) == 0) {
                return SQLITE_OK;
            }
        }
        return SQLITE_DENY;
    default:
        return SQLITE_DENY;
    }
}

/* Sums over millions of events by an expression are mostly sorting: larger runs, sorted beside the scan. */
#define SORT_THREADS 2
#define SORT_SETUP   "PRAGMA cache_size = -16384; PRAGMA threads = 2"

/* The limits of harden() are for our own statements. */
static int widen(struct cairn_sql *sql)
{
    sqlite3 *db = sql->shown->db;
    static const struct {
        int limit, value;
    } limits[] = {
        {SQLITE_LIMIT_SQL_LENGTH, 1 << 20},       {SQLITE_LIMIT_COLUMN, COLUMNS_MOST},
        {SQLITE_LIMIT_EXPR_DEPTH, 200},           {SQLITE_LIMIT_COMPOUND_SELECT, 100},
        {SQLITE_LIMIT_VDBE_OP, 1000000},          {SQLITE_LIMIT_FUNCTION_ARG, 100},
        {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000}, {SQLITE_LIMIT_WORKER_THREADS, SORT_THREADS},
    };
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        sqlite3_limit(db, limits[i].limit, limits[i].value);
    }
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 1, NULL);
    sqlite3_set_authorizer(db, NULL, NULL);
    const int result = sqlite3_exec(db, SORT_SETUP, NULL, NULL, NULL);
    sqlite3_set_authorizer(db, authorize, sql);
    return result;
}

static int add_tables(struct cairn_sql *sql)
{
    static const struct {
        const char *name;
        const sqlite3_module *module;
    } tables[] = {
        {"events", &cairn_sql_events}, {"heap_at", &cairn_sql_heap_at}, {"heap_diff", &cairn_sql_heap_diff}};
    int result = SQLITE_OK;
    for (size_t i = 0; result == SQLITE_OK && i < sizeof(tables) / sizeof(tables[0]); i++) {
        result = sqlite3_create_module_v2(sql->shown->db, tables[i].name, tables[i].module, sql, NULL);
    }
    return result;
}

enum cairn_status cairn_sql_open(const char *path, cairn_sql_moment *moment, struct cairn_sql **sql,
                                 struct cairn_error *error)
{
    struct cairn_sql *made = calloc(1, sizeof(*made));
    if (!made) {
        return cairn_fail(error, CAIRN_E_NOMEM, "out of memory for SQL");
    }
    made->moment = moment;
    enum cairn_status status = cairn_trace_open(path, NULL, &made->data, error);
    if (status == CAIRN_OK) {
        status = cairn_trace_open(path, &(const struct cairn_trace_options){.like = made->data}, &made->shown,
                                  error);
    }
    if (status == CAIRN_OK) {
        status = cairn_reader_hold(made->shown, error);
    }
    if (status == CAIRN_OK) {
        int result = widen(made);
        if (result == SQLITE_OK) {
            result = add_tables(made);
        }
        status = result == SQLITE_OK ? CAIRN_OK : cairn_reader_failed(made->shown, result, error);
    }
    if (status != CAIRN_OK) {
        cairn_sql_close(made);
        return status;
    }
    *sql = made;
    return CAIRN_OK;
}

void cairn_sql_close(struct cairn_sql *sql)
{
    if (!sql) {
        return;
    }
    if (sql->shown) {
        cairn_trace_close(sql->shown);
    }
    if (sql->data) {
        cairn_trace_close(sql->data);
    }
    free(sql);
}

struct cairn_trace *cairn_sql_trace(struct cairn_sql *sql)
{
    return sql->data;
}

int cairn_sql_failed(struct cairn_sql *sql, sqlite3_vtab *table, const struct cairn_error *error)
{
    sql->failure = *error;
    sql->failed = true;
    sqlite3_free(table->zErrMsg);
    table->zErrMsg = sqlite3_mprintf("%s", error->message);
    return error->status == CAIRN_E_NOMEM ? SQLITE_NOMEM : SQLITE_ERROR;
}

int cairn_sql_connect(sqlite3 *db, struct cairn_sql *sql, const char *columns, sqlite3_vtab **table)
{
    sql->declaring = true;
    const int result = sqlite3_declare_vtab(db, columns);
    sql->declaring = false;
    if (result != SQLITE_OK) {
        return result;
    }
    struct cairn_sql_table *made = sqlite3_malloc(sizeof(*made));
    if (!made) {
        return SQLITE_NOMEM;
    }
    *made = (struct cairn_sql_table){.sql = sql};
    *table = &made->base;
    return SQLITE_OK;
}

int cairn_sql_disconnect(sqlite3_vtab *table)
{
    sqlite3_free(table);
    return SQLITE_OK;
}

static enum cairn_status wrong(struct cairn_sql *sql, struct cairn_error *error)
{
    sqlite3 *db = sql->shown->db;
    const int code = sqlite3_errcode(db) & 0xff;
    if (sql->failed) {
        *error = sql->failure;
        return error->status;
    }
    switch (code) {
    case SQLITE_INTERRUPT:
        return cairn_fail(error, CAIRN_E_CANCELLED, "cancelled");
    case SQLITE_AUTH:
        return cairn_fail(error, CAIRN_E_USAGE, "SQL: %s: a trace can only be read", sqlite3_errmsg(db));
    case SQLITE_ERROR:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
        return cairn_fail(error, CAIRN_E_USAGE, "SQL: %s", sqlite3_errmsg(db));
    default:
        return cairn_reader_failed(sql->shown, sqlite3_extended_errcode(db), error);
    }
}

static struct cairn_sql_value value_of(sqlite3_stmt *statement, int column)
{
    struct cairn_sql_value value = {.type = CAIRN_SQL_NULL};
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
        value.type = CAIRN_SQL_INTEGER;
        value.integer = sqlite3_column_int64(statement, column);
        break;
    case SQLITE_FLOAT:
        value.type = CAIRN_SQL_REAL;
        value.real = sqlite3_column_double(statement, column);
        break;
    case SQLITE_TEXT:
        value.type = CAIRN_SQL_TEXT;
        value.bytes = sqlite3_column_text(statement, column);
        break;
    case SQLITE_BLOB:
        value.type = CAIRN_SQL_BLOB;
        value.bytes = sqlite3_column_blob(statement, column);
        break;
    default:
        break;
    }
    value.size = value.bytes ? (size_t)sqlite3_column_bytes(statement, column) : 0;
    return value;
}

/* `*go_on` false: the sink has had enough. */
static enum cairn_status run_one(struct cairn_sql *sql, sqlite3_stmt *statement,
                                 const struct cairn_sql_sink *sink, bool *go_on, struct cairn_error *error)
{
    const char *names[COLUMNS_MOST];
    struct cairn_sql_value values[COLUMNS_MOST];
    const int all = sqlite3_column_count(statement);
    const size_t count = all < COLUMNS_MOST ? (size_t)all : COLUMNS_MOST;
    for (size_t i = 0; i < count; i++) {
        names[i] = sqlite3_column_name(statement, (int)i);
    }
    /* The first row before the names: of a statement that fails at once nothing is printed. */
    int result = sqlite3_step(statement);
    if (count > 0 && (result == SQLITE_ROW || result == SQLITE_DONE)) {
        *go_on = sink->columns(sink->state, names, count);
    }
    for (; *go_on && result == SQLITE_ROW; result = sqlite3_step(statement)) {
        for (size_t i = 0; i < count; i++) {
            values[i] = value_of(statement, (int)i);
        }
        *go_on = sink->row(sink->state, values, count);
    }
    return !*go_on || result == SQLITE_DONE ? CAIRN_OK : wrong(sql, error);
}

/* SQLite asks so after every some thousand steps of its machine. */
static int is_cancelled(void *state)
{
    const struct cairn_sql_sink *sink = state;
    return sink->cancelled(sink->state);
}

enum cairn_status cairn_sql_run(struct cairn_sql *sql, const char *text, const struct cairn_sql_sink *sink,
                                struct cairn_error *error)
{
    struct cairn_sql_sink asked = *sink;
    sqlite3_progress_handler(sql->shown->db, CANCEL_STEPS, sink->cancelled ? is_cancelled : NULL, &asked);
    enum cairn_status status = CAIRN_OK;
    struct cairn_error ours;
    bool go_on = true;
    while (status == CAIRN_OK && go_on && *text) {
        sqlite3_stmt *statement = NULL;
        sql->failed = false;
        if (sqlite3_prepare_v2(sql->shown->db, text, -1, &statement, &text) != SQLITE_OK) {
            status = wrong(sql, &ours);
        } else if (statement) {
            status = run_one(sql, statement, sink, &go_on, &ours);
        }
        sqlite3_finalize(statement);
    }
    sqlite3_progress_handler(sql->shown->db, 0, NULL, NULL);
    if (status != CAIRN_OK && error) {
        *error = ours;
    }
    return status;
}

bool cairn_sql_is_whole(const char *text)
{
    return sqlite3_complete(text) != 0;
}
