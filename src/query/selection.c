#include "query/selection.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/sanitise.h"

#define NAMES_SHOWN 12u /* of what is there, in a sentence that says what is not */

static const char *const by_names[CAIRN_BY_COUNT] = {
    [CAIRN_BY_FUNCTION] = "function", [CAIRN_BY_LINE] = "line",       [CAIRN_BY_FILE] = "file",
    [CAIRN_BY_MODULE] = "module",     [CAIRN_BY_STACK] = "stack",     [CAIRN_BY_THREAD] = "thread",
    [CAIRN_BY_TYPE] = "type",         [CAIRN_BY_PROCESS] = "process",
};

static const char *const metric_names[CAIRN_METRIC_COUNT] = {
    [CAIRN_METRIC_LIVE] = "live",
    [CAIRN_METRIC_ALLOCATED] = "allocated",
    [CAIRN_METRIC_ALLOCATIONS] = "allocations",
    [CAIRN_METRIC_TEMPORARY] = "temporary",
    [CAIRN_METRIC_PEAK] = "peak",
};

/* The keys of JSON rows, so that what is shown is what can be typed. */
static const char *const sort_names[CAIRN_SORT_COUNT] = {
    [CAIRN_SORT_METRIC] = "metric",
    [CAIRN_SORT_LIVE_BYTES] = "live_bytes",
    [CAIRN_SORT_LIVE_BLOCKS] = "live_blocks",
    [CAIRN_SORT_ALLOCATED_BYTES] = "allocated_bytes",
    [CAIRN_SORT_ALLOCATIONS] = "allocations",
    [CAIRN_SORT_REALLOCS] = "reallocs",
    [CAIRN_SORT_TEMPORARY] = "temporary",
    [CAIRN_SORT_PEAK_BYTES] = "peak_bytes",
    [CAIRN_SORT_NAME] = "name",
    [CAIRN_SORT_DELTA_BYTES] = "delta_bytes",
    [CAIRN_SORT_DELTA_BLOCKS] = "delta_blocks",
    [CAIRN_SORT_SURVIVED_BYTES] = "survived_bytes",
    [CAIRN_SORT_A_BYTES] = "a_bytes",
    [CAIRN_SORT_B_BYTES] = "b_bytes",
    [CAIRN_SORT_A_BLOCKS] = "a_blocks",
    [CAIRN_SORT_B_BLOCKS] = "b_blocks",
    [CAIRN_SORT_SURVIVED_BLOCKS] = "survived_blocks",
    [CAIRN_SORT_BYTES] = "bytes",
    [CAIRN_SORT_BLOCKS] = "blocks",
    [CAIRN_SORT_OLDEST_AGE_NS] = "oldest_age_ns",
};

static int find_name(const char *const *names, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], text) == 0) {
            return (int)i;
        }
    }
    return -1;
}

const char *cairn_by_name(enum cairn_by by)
{
    return by_names[by];
}

int cairn_by_parse(const char *text)
{
    return find_name(by_names, CAIRN_BY_COUNT, text);
}

const char *cairn_metric_name(enum cairn_metric metric)
{
    return metric_names[metric];
}

int cairn_metric_parse(const char *text)
{
    return find_name(metric_names, CAIRN_METRIC_COUNT, text);
}

const char *cairn_sort_name(enum cairn_sort sort)
{
    return sort_names[sort];
}

int cairn_sort_parse(const char *text)
{
    return find_name(sort_names, CAIRN_SORT_COUNT, text);
}

int64_t cairn_counts_metric(const struct cairn_counts *counts, enum cairn_metric metric)
{
    switch (metric) {
    case CAIRN_METRIC_ALLOCATED:
        return counts->allocated_bytes;
    case CAIRN_METRIC_ALLOCATIONS:
        return counts->allocations;
    case CAIRN_METRIC_TEMPORARY:
        return counts->temporary;
    case CAIRN_METRIC_PEAK:
        return counts->peak_bytes;
    case CAIRN_METRIC_LIVE:
    case CAIRN_METRIC_COUNT:
        break;
    }
    return counts->live_bytes;
}

/* "1 (pid 4711, make), 2 (pid 4712, cc1), … 14 more" */
static void list_processes(struct cairn_buffer *text, const struct cairn_process *rows, size_t count)
{
    for (size_t i = 0; i < count && i < NAMES_SHOWN; i++) {
        const char *slash = strrchr(rows[i].program, '/');
        const char *name = slash ? slash + 1 : rows[i].program;
        char clean[64];
        cairn_sanitise(clean, sizeof(clean), name, strlen(name));
        cairn_buffer_format(text, "%s%" PRIu32 " (pid %" PRId64 ", %s)", i ? ", " : "", rows[i].process,
                            rows[i].pid, clean);
    }
    if (count > NAMES_SHOWN) {
        cairn_buffer_format(text, " and %zu more", count - NAMES_SHOWN);
    }
}

enum cairn_status cairn_process_parse(struct cairn_trace *trace, const char *text, uint32_t *process,
                                      struct cairn_error *error)
{
    const struct cairn_process *rows;
    size_t count;
    const enum cairn_status status = cairn_trace_processes(trace, &rows, &count, error);
    if (status != CAIRN_OK) {
        return status;
    }
    char clean[64];
    cairn_sanitise(clean, sizeof(clean), text, strlen(text));
    char *end;
    const long long number = strtoll(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || number <= 0) {
        return cairn_fail(error, CAIRN_E_USAGE,
                          "\"%s\" is no process: give its number in the trace or its PID", clean);
    }
    uint32_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].process == number) {
            *process = rows[i].process;
            return CAIRN_OK;
        }
        /* After exec several rows have the PID: the program it became is meant. */
        if (rows[i].pid == number) {
            found = rows[i].process;
        }
    }
    if (found) {
        *process = found;
        return CAIRN_OK;
    }
    struct cairn_buffer names = CAIRN_BUFFER_INIT;
    list_processes(&names, rows, count);
    cairn_fail(error, CAIRN_E_NOT_FOUND, "there is no process %s: this trace has %s", clean,
               cairn_buffer_cstr(&names));
    cairn_buffer_release(&names);
    return CAIRN_E_NOT_FOUND;
}
