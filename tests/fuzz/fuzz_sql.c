/* What people write into `cairn sql`, as far as it reaches our own tables: moments, bounds of events, where a statement ends. */
#include <inttypes.h>
#include <stdio.h>

#include "input.h"
#include "query/moment.h"
#include "scratch.h"
#include "trace/sql.h"

#define ROWS_MOST 200

static enum cairn_status moment(struct cairn_trace *trace, const char *text, uint64_t *position,
                                struct cairn_error *error)
{
    struct cairn_moment found;
    const enum cairn_status status = cairn_moment_parse(trace, text, NULL, 0, &found, error);
    if (status == CAIRN_OK) {
        INVARIANT(strlen(found.label) < sizeof(found.label));
        *position = found.position;
    }
    return status;
}

static bool columns(void *state, const char *const *names, size_t count)
{
    (void)state;
    (void)names;
    return count > 0;
}

static bool row(void *state, const struct cairn_sql_value *values, size_t count)
{
    (void)values;
    return count > 0 && ++*(int *)state < ROWS_MOST;
}

static void run(struct cairn_sql *sql, const char *text)
{
    int rows = 0;
    struct cairn_error error;
    const struct cairn_sql_sink sink = {.columns = columns, .row = row, .state = &rows};
    (void)!cairn_sql_run(sql, text, &sink, &error);
}

/* `text` as an SQL literal. */
static void quote(char *out, const char *text, size_t length)
{
    *out++ = '\'';
    for (size_t i = 0; i < length && text[i]; i++) {
        *out++ = text[i];
        if (text[i] == '\'') {
            *out++ = '\'';
        }
    }
    *out++ = '\'';
    *out = '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cairn_sql *sql;
    struct cairn_error error;
    struct input input = {.at = data, .left = size};
    char first[300], second[300], text[900];
    if (!sql) {
        size_t length;
        (void)scratch_trace(&length);
        if (cairn_sql_open(scratch_path("base.cairn"), moment, &sql, &error) != CAIRN_OK) {
            __builtin_trap();
        }
    }
    const unsigned choice = (unsigned)input_number(&input, 1);
    size_t length;
    const uint8_t *bytes = input_bytes(&input, (size_t)input_number(&input, 1) % 128, &length);
    quote(first, (const char *)bytes, length);
    bytes = input_bytes(&input, 128, &length);
    quote(second, (const char *)bytes, length);
    (void)cairn_sql_is_whole(first);
    (void)cairn_sql_is_whole(second + 1);
    switch (choice % 4) {
    case 0:
        snprintf(text, sizeof(text), "SELECT * FROM heap_at(%s)", first);
        break;
    case 1:
        snprintf(text, sizeof(text), "SELECT * FROM heap_diff(%s, %s)", first, second);
        break;
    case 2:
        snprintf(text, sizeof(text),
                 "SELECT * FROM events WHERE event >= %" PRId64 " AND event < %" PRId64
                 " AND t_ns <= %" PRId64,
                 (int64_t)input_number(&input, 8), (int64_t)input_number(&input, 8),
                 (int64_t)input_number(&input, 8));
        break;
    default:
        snprintf(text, sizeof(text),
                 "SELECT count(*) FROM events WHERE event = %s OR kind = %s OR t_ns BETWEEN %s AND 5", first,
                 second, first);
        break;
    }
    run(sql, text);
    return 0;
}
