#include "query/check.h"

#include <stdlib.h>
#include <string.h>

#include "query/baseline.h"
#include "query/measure.h"
#include "query/no_memory.h"
#include "query/sum.h"

static const struct {
    const char *name, *unit;
} measures[CAIRN_MEASURE_COUNT] = {
    [CAIRN_MEASURE_PEAK] = {"peak", "bytes"},
    [CAIRN_MEASURE_LEAKED] = {"leaked", "bytes"},
    [CAIRN_MEASURE_ALLOCATED] = {"allocated", "bytes"},
    [CAIRN_MEASURE_ALLOCATIONS] = {"allocations", "allocations"},
};

const char *cairn_measure_name(enum cairn_measure measure)
{
    return measures[measure].name;
}

const char *cairn_measure_unit(enum cairn_measure measure)
{
    return measures[measure].unit;
}

static int64_t with_tolerance(int64_t base, double percent)
{
    const double extra = base > 0 ? (double)base * percent / 100 : 0;
    return base > 0 && extra >= (double)(INT64_MAX - base) ? INT64_MAX : base + (int64_t)extra;
}

/* The sites without what the baseline had at sites of their names, heaviest first: what came on top. */
static size_t take_excess(struct cairn_measured_site *sites, size_t count,
                          const struct cairn_baseline_measure *base, int64_t *left)
{
    size_t kept = 0;
    int64_t sum = 0;
    if (base->by_name.count) {
        memcpy(left, base->values, base->by_name.count * sizeof(*left));
    }
    for (size_t i = 0; i < count; i++) {
        const uint32_t index = cairn_key_map_get(&base->by_name, cairn_baseline_site_key(&sites[i].site));
        struct cairn_measured_site site = sites[i];
        if (index != CAIRN_KEY_MAP_NONE) {
            const int64_t had = left[index] < site.value ? left[index] : site.value;
            cairn_subtract(&left[index], had);
            cairn_subtract(&site.value, had);
        }
        if (site.value > 0) {
            /* Bytes go with the value: whole where it is one of bytes, else the part that is above. */
            site.bytes = sites[i].value == sites[i].bytes
                             ? site.value
                             : (int64_t)((double)site.bytes * ((double)site.value / (double)sites[i].value));
            cairn_add(&sum, site.value);
            sites[kept++] = site;
        }
    }
    for (size_t i = 0; i < kept; i++) {
        sites[i].percent = cairn_percent(sites[i].value, sum);
    }
    cairn_measured_sort(sites, kept);
    return kept;
}

static enum cairn_status blame(struct cairn_check *check, struct cairn_check_row *row,
                               const struct cairn_check_limits *limits, struct cairn_error *error)
{
    const struct cairn_measured *measured = &check->measured[row->measure];
    const size_t bytes = measured->site_count * sizeof(*row->blame);
    row->blame = cairn_arena_alloc(&check->arena, bytes + 1);
    if (!row->blame) {
        return cairn_no_memory(error, "the check");
    }
    if (bytes) {
        memcpy(row->blame, measured->sites, bytes);
    }
    row->blame_total = measured->site_count;
    if (row->of_baseline) {
        const struct cairn_baseline_measure *base = &limits->baseline->of[row->measure];
        int64_t *left = calloc(base->by_name.count + 1, sizeof(*left));
        if (!left) {
            return cairn_no_memory(error, "the check");
        }
        row->blame_total = take_excess(row->blame, row->blame_total, base, left);
        free(left);
    }
    row->blame_count = limits->blame_limit && limits->blame_limit < row->blame_total ? limits->blame_limit
                                                                                     : row->blame_total;
    return CAIRN_OK;
}

static enum cairn_status add_row(struct cairn_check *check, enum cairn_measure measure, bool of_baseline,
                                 int64_t allowed, const struct cairn_check_limits *limits,
                                 struct cairn_error *error)
{
    struct cairn_check_row *row = &check->rows[check->row_count++];
    *row = (struct cairn_check_row){
        .measure = measure,
        .of_baseline = of_baseline,
        .allowed = allowed,
        .found = check->measured[measure].found,
        .error_bytes = check->measured[measure].error_bytes,
    };
    if (row->found == CAIRN_UNKNOWN) {
        return measure == CAIRN_MEASURE_PEAK
                   ? cairn_fail(
                         error, CAIRN_E_NOT_FOUND,
                         "the peak of that span is not known: its single events were dropped to keep the "
                         "trace small (slim, record --max-size): check the whole recording, or the trace "
                         "as recorded")
                   : cairn_fail(
                         error, CAIRN_E_NOT_FOUND,
                         "the trace was imported from massif, which tells no allocations: leave limits "
                         "on them out");
    }
    row->passed = row->found <= allowed;
    check->passed = check->passed && row->passed;
    return row->passed ? CAIRN_OK : blame(check, row, limits, error);
}

static enum cairn_status judge(struct cairn_check *check, const struct cairn_check_limits *limits,
                               struct cairn_error *error)
{
    enum cairn_status status = CAIRN_OK;
    for (int i = 0; status == CAIRN_OK && i < CAIRN_MEASURE_COUNT; i++) {
        if (limits->most[i] != CAIRN_UNKNOWN) {
            status = add_row(check, (enum cairn_measure)i, false, limits->most[i], limits, error);
        }
    }
    for (int i = 0; status == CAIRN_OK && limits->baseline && i < CAIRN_MEASURE_COUNT; i++) {
        const int64_t base = limits->baseline->of[i].found;
        if (base != CAIRN_UNKNOWN && check->measured[i].found != CAIRN_UNKNOWN) {
            status = add_row(check, (enum cairn_measure)i, true,
                             with_tolerance(base, limits->tolerance_percent), limits, error);
        }
    }
    return status;
}

enum cairn_status cairn_check(struct cairn_trace *trace, const struct cairn_selection *selection,
                              const struct cairn_span *span, bool whole,
                              const struct cairn_check_limits *limits, struct cairn_check *check,
                              struct cairn_error *error)
{
    if (selection->cumulative) {
        return cairn_fail(error, CAIRN_E_USAGE, "a check is about sites themselves: leave --cumulative out");
    }
    struct cairn_check made = {.span = *span, .whole = whole, .passed = true, .arena = CAIRN_ARENA_INIT};
    const bool need_leaked =
        limits->most[CAIRN_MEASURE_LEAKED] != CAIRN_UNKNOWN ||
        (limits->baseline && limits->baseline->of[CAIRN_MEASURE_LEAKED].found != CAIRN_UNKNOWN);
    enum cairn_status status = cairn_measure_all(trace, selection, span, whole, limits->suppressions,
                                                 need_leaked, &made.arena, made.measured, error);
    if (status == CAIRN_OK) {
        status = judge(&made, limits, error);
    }
    if (status != CAIRN_OK) {
        cairn_check_release(&made);
        return status;
    }
    *check = made;
    return CAIRN_OK;
}

void cairn_check_release(struct cairn_check *check)
{
    cairn_arena_release(&check->arena);
    *check = (struct cairn_check){.passed = false};
}
