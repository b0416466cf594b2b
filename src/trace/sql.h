/* SQL over a trace, for people and scripts: its tables and views, and three virtual tables that are made on the fly.
 *
 *   events           every single event that is kept
 *   heap_at(t)       the totals of every account at a moment
 *   heap_diff(a, b)  what changed between two moments
 *
 * The trace was opened like any other (every check of a stranger's file); statements can read and nothing else. */
#ifndef CAIRN_TRACE_SQL_H
#define CAIRN_TRACE_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "cairn/trace.h"

struct cairn_sql;

/* Turns the argument of heap_at() and heap_diff() into a position: words such as 'peak' belong to the layer above. */
typedef enum cairn_status cairn_sql_moment(struct cairn_trace *trace, const char *text, uint64_t *position,
                                           struct cairn_error *error);

enum cairn_sql_type { CAIRN_SQL_NULL = 0, CAIRN_SQL_INTEGER, CAIRN_SQL_REAL, CAIRN_SQL_TEXT, CAIRN_SQL_BLOB };

/* Borrowed until the next row. */
struct cairn_sql_value {
    enum cairn_sql_type type;
    int64_t integer;
    double real;
    const void *bytes; /* text (raw, with a NUL behind) or BLOB */
    size_t size;
};

/* Where answers go. Each returns false to stop. */
struct cairn_sql_sink {
    bool (*columns)(void *state, const char *const *names, size_t count);
    bool (*row)(void *state, const struct cairn_sql_value *values, size_t count);
    /* Asked now and then: true gives up with CAIRN_E_CANCELLED. NULL: runs to its end. */
    bool (*cancelled)(void *state);
    void *state;
};

/* A time in nanoseconds is understood without `moment`. */
CAIRN_MUST_CHECK enum cairn_status cairn_sql_open(const char *path, cairn_sql_moment *moment,
                                                  struct cairn_sql **sql, struct cairn_error *error);
void cairn_sql_close(struct cairn_sql *sql);
/* The trace behind it. Borrowed. */
struct cairn_trace *cairn_sql_trace(struct cairn_sql *sql);
/* Runs one statement after the other. CAIRN_E_USAGE with SQLite's sentence for a wrong one. */
CAIRN_MUST_CHECK enum cairn_status cairn_sql_run(struct cairn_sql *sql, const char *text,
                                                 const struct cairn_sql_sink *sink,
                                                 struct cairn_error *error);
/* Whether `text` ends a statement, as far as a prompt must know: it ends in ";", outside of quotes and comments. */
bool cairn_sql_is_whole(const char *text);

#endif
