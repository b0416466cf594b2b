/* Limits for a recording, and who is to blame when one is exceeded: `cairn check`.
 *
 * A baseline is an earlier recording, or the JSON that an earlier check printed: its numbers become limits, a tolerance
 * above them, and blame is by what came on top. */
#ifndef CAIRN_QUERY_CHECK_H
#define CAIRN_QUERY_CHECK_H

#include "query/leaks.h"
#include "query/moment.h"
#include "query/selection.h"

enum cairn_measure {
    CAIRN_MEASURE_PEAK = 0,
    CAIRN_MEASURE_LEAKED,
    CAIRN_MEASURE_ALLOCATED,
    CAIRN_MEASURE_ALLOCATIONS,
    CAIRN_MEASURE_COUNT
};

/* "peak", "leaked", …; "bytes" or "allocations". */
const char *cairn_measure_name(enum cairn_measure measure);
const char *cairn_measure_unit(enum cairn_measure measure);

struct cairn_measured_site {
    struct cairn_site site; /* texts borrowed from the trace */
    int64_t value, bytes;   /* in the measure's unit; the bytes that go with it */
    double percent;         /* of what was found (or, against a baseline, of what came on top at all sites) */
    uint32_t stack;         /* the heaviest one */
};

struct cairn_measured {
    int64_t found;       /* or CAIRN_UNKNOWN */
    int64_t error_bytes; /* one standard error where it is an estimate of bytes; else CAIRN_UNKNOWN */
    struct cairn_measured_site *sites;
    size_t site_count;
};

/* The same numbers of an earlier run, by site. It outlives what it was made from. */
struct cairn_baseline;
/* From the measurement of an earlier recording. */
CAIRN_MUST_CHECK enum cairn_status cairn_baseline_of_trace(struct cairn_trace *trace,
                                                           const struct cairn_selection *selection,
                                                           const struct cairn_span *span, bool whole,
                                                           const struct cairn_suppressions *suppressions,
                                                           struct cairn_baseline **baseline,
                                                           struct cairn_error *error);
/* From the JSON of `cairn check`; CAIRN_E_FORMAT for other files. */
CAIRN_MUST_CHECK enum cairn_status cairn_baseline_of_json(const char *path, struct cairn_baseline **baseline,
                                                          struct cairn_error *error);
/* Whether the file begins as JSON objects do; files that cannot be read do not. */
bool cairn_baseline_is_json(const char *path);
void cairn_baseline_free(struct cairn_baseline *baseline);

struct cairn_check_limits {
    int64_t most[CAIRN_MEASURE_COUNT];             /* CAIRN_UNKNOWN: no limit */
    const struct cairn_baseline *baseline;         /* borrowed; NULL: none */
    double tolerance_percent;                      /* above the baseline */
    const struct cairn_suppressions *suppressions; /* borrowed; NULL: none */
    size_t blame_limit;                            /* sites a row; 0: all */
};

struct cairn_check_row {
    enum cairn_measure measure;
    bool of_baseline;
    int64_t allowed, found;
    int64_t error_bytes; /* of what was found; or CAIRN_UNKNOWN */
    bool passed;
    struct cairn_measured_site *blame; /* of rows that did not pass */
    size_t blame_count, blame_total;
};

struct cairn_check {
    struct cairn_span span;
    bool passed;
    bool whole; /* the span is the whole recording */
    struct cairn_measured measured[CAIRN_MEASURE_COUNT];
    struct cairn_check_row rows[2 * CAIRN_MEASURE_COUNT];
    size_t row_count;
    struct cairn_arena arena;
};

/* The selection's limit and order do not apply. Cumulative selections are refused: their rows overlap. */
CAIRN_MUST_CHECK enum cairn_status cairn_check(struct cairn_trace *trace,
                                               const struct cairn_selection *selection,
                                               const struct cairn_span *span, bool whole,
                                               const struct cairn_check_limits *limits,
                                               struct cairn_check *check, struct cairn_error *error);
void cairn_check_release(struct cairn_check *check);

#endif
