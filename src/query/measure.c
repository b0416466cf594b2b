#include "query/measure.h"

#include <stdlib.h>

#include "query/columns.h"
#include "query/no_memory.h"
#include "query/question.h"
#include "query/site_label.h"
#include "query/sum.h"
#include "query/suppressions.h"
#include "query/top.h"

static int compare(const void *left, const void *right)
{
    const struct cairn_measured_site *a = left, *b = right;
    if (a->value != b->value) {
        return a->value < b->value ? 1 : -1;
    }
    return cairn_site_compare(&a->site, &b->site);
}

void cairn_measured_sort(struct cairn_measured_site *sites, size_t count)
{
    qsort(sites, count, sizeof(*sites), compare);
}

static bool measured_init(struct cairn_measured *measured, struct cairn_arena *arena, size_t capacity)
{
    *measured = (struct cairn_measured){
        .error_bytes = CAIRN_UNKNOWN,
        .sites = cairn_arena_alloc(arena, (capacity + 1) * sizeof(*measured->sites)),
    };
    return measured->sites != NULL;
}

static void add_site(struct cairn_measured *measured, const struct cairn_site *site, int64_t value,
                     int64_t bytes, uint32_t stack)
{
    if (value == 0) {
        return;
    }
    cairn_add(&measured->found, value);
    measured->sites[measured->site_count++] =
        (struct cairn_measured_site){.site = *site, .value = value, .bytes = bytes, .stack = stack};
}

static void finish(struct cairn_measured *measured)
{
    cairn_measured_sort(measured->sites, measured->site_count);
    for (size_t i = 0; i < measured->site_count; i++) {
        measured->sites[i].percent = cairn_percent(measured->sites[i].value, measured->found);
    }
}

/* Whether what is held at the span's peak is known: without single events, states are kept for some moments only. */
static enum cairn_status find_peak(struct cairn_trace *trace, const struct cairn_selection *selection,
                                   const struct cairn_span *span, bool *known, struct cairn_error *error)
{
    uint64_t position;
    int64_t bytes;
    const struct cairn_state *state;
    enum cairn_status status = cairn_trace_peak_between(trace, selection->process, span->from.position,
                                                        span->to.position, &position, &bytes, error);
    if (status == CAIRN_OK) {
        status = cairn_trace_state(trace, position, &state, error);
    }
    if (status == CAIRN_OK) {
        *known = state->position == position;
        cairn_state_release(trace, state);
    }
    return status;
}

/* Peak, allocated and allocations: columns of `cairn top`. */
static enum cairn_status measure_counts(struct cairn_trace *trace, const struct cairn_selection *selection,
                                        const struct cairn_span *span, bool whole, struct cairn_arena *arena,
                                        struct cairn_measured *all, struct cairn_error *error)
{
    static const struct {
        enum cairn_measure measure;
        enum cairn_metric metric; /* of which the heaviest stack is */
    } parts[] = {{CAIRN_MEASURE_PEAK, CAIRN_METRIC_PEAK},
                 {CAIRN_MEASURE_ALLOCATED, CAIRN_METRIC_ALLOCATED},
                 {CAIRN_MEASURE_ALLOCATIONS, CAIRN_METRIC_ALLOCATIONS}};
    const bool untold = cairn_trace_recording(trace)->untold & CAIRN_UNTOLD_EVENTS;
    bool peak_known = true;
    if (!whole) {
        const enum cairn_status status = find_peak(trace, selection, span, &peak_known, error);
        if (status != CAIRN_OK) {
            return status;
        }
    }
    for (size_t part = 0; part < sizeof(parts) / sizeof(parts[0]); part++) {
        struct cairn_measured *measured = &all[parts[part].measure];
        if (parts[part].metric == CAIRN_METRIC_PEAK ? !peak_known : untold) {
            *measured = (struct cairn_measured){.found = CAIRN_UNKNOWN, .error_bytes = CAIRN_UNKNOWN};
            continue;
        }
        struct cairn_selection ranked = *selection;
        struct cairn_top top;
        ranked.metric = parts[part].metric;
        const enum cairn_status status = cairn_top(trace, &ranked, &span->to, span, &top, error);
        if (status != CAIRN_OK) {
            return status;
        }
        const bool made = measured_init(measured, arena, top.row_count);
        int64_t variance = 0;
        for (size_t i = 0; made && i < top.row_count; i++) {
            const struct cairn_counts *counts = &top.rows[i].counts;
            const int64_t value = cairn_counts_metric(counts, ranked.metric);
            cairn_add(&variance, counts->variance);
            add_site(measured, &top.rows[i].site, value,
                     parts[part].measure == CAIRN_MEASURE_ALLOCATIONS ? counts->allocated_bytes : value,
                     top.rows[i].heaviest_stack);
        }
        cairn_top_release(&top);
        if (parts[part].measure != CAIRN_MEASURE_ALLOCATIONS) {
            measured->error_bytes = cairn_error_bytes(cairn_trace_recording(trace), variance);
        }
        if (!made) {
            return cairn_no_memory(error, "the check");
        }
        finish(measured);
    }
    return CAIRN_OK;
}

static enum cairn_status measure_leaks(struct cairn_trace *trace, const struct cairn_selection *selection,
                                       const struct cairn_suppressions *suppressions,
                                       struct cairn_arena *arena, struct cairn_measured *measured,
                                       struct cairn_error *error)
{
    struct cairn_leaks leaks;
    const enum cairn_status status = cairn_leaks(trace, selection, 0, suppressions, &leaks, error);
    if (status != CAIRN_OK) {
        return status;
    }
    const bool made = measured_init(measured, arena, leaks.row_count);
    for (size_t i = 0; made && i < leaks.row_count; i++) {
        const struct cairn_leak_row *row = &leaks.rows[i];
        if (row->class != CAIRN_LEAK_REACHABLE) {
            add_site(measured, &row->site, row->bytes, row->bytes, row->stack);
        }
    }
    measured->error_bytes = leaks.error_bytes;
    cairn_leaks_release(&leaks);
    return made ? CAIRN_OK : cairn_no_memory(error, "the check");
}

/* What was born in a span and lives at its end, by site, from the numbers by account. */
static enum cairn_status sum_survivors(const struct cairn_question *question,
                                       const struct cairn_totals *survived, size_t count,
                                       const uint8_t *suppressed, struct cairn_arena *arena,
                                       struct cairn_measured *measured, struct cairn_error *error)
{
    const struct cairn_site_map *map = question->map;
    int64_t *cells = calloc(map->cell_count + 1, sizeof(*cells));
    int64_t *sites = calloc(map->site_count + 1, sizeof(*sites));
    size_t *best = calloc(map->site_count + 1, sizeof(*best)); /* the heaviest cell */
    const bool made = cells && sites && best && measured_init(measured, arena, map->site_count);
    int64_t variance = 0;
    for (size_t i = 0; made && i < question->count && i < count; i++) {
        if (cairn_question_counts(question, i) && cairn_question_keeps(question, i) &&
            !(suppressed && suppressed[i])) {
            cairn_add(&cells[map->cell_of[i]], survived[i].live_bytes);
            cairn_add(&variance, survived[i].live_variance);
        }
    }
    for (size_t cell = 0; made && cell < map->cell_count; cell++) {
        for (size_t k = map->cell_first[cell]; k < map->cell_first[cell + 1]; k++) {
            const uint32_t site = map->cell_sites[k];
            if (sites[site] == 0 || cells[cell] > cells[best[site]]) {
                best[site] = cell;
            }
            cairn_add(&sites[site], cells[cell]);
        }
    }
    for (size_t site = 0; made && site < map->site_count; site++) {
        add_site(measured, &map->sites[site], sites[site], sites[site], map->cell_stack[best[site]]);
    }
    free(cells);
    free(sites);
    free(best);
    measured->error_bytes = cairn_error_bytes(cairn_trace_recording(question->trace), variance);
    return made ? CAIRN_OK : cairn_no_memory(error, "the check");
}

static enum cairn_status measure_survivors(struct cairn_trace *trace, const struct cairn_selection *selection,
                                           const struct cairn_span *span,
                                           const struct cairn_suppressions *suppressions,
                                           struct cairn_arena *arena, struct cairn_measured *measured,
                                           struct cairn_error *error)
{
    struct cairn_question question;
    struct cairn_totals *survived = NULL;
    uint8_t *suppressed = NULL;
    size_t count = 0;
    enum cairn_status status = cairn_question_open(&question, trace, selection, error);
    if (status == CAIRN_OK) {
        status =
            cairn_trace_survived(trace, span->from.position, span->to.position, &survived, &count, error);
    }
    if (status == CAIRN_OK && !survived) {
        status = cairn_fail(
            error, CAIRN_E_NOT_FOUND,
            "leaked is not known of that span: its single events were dropped to keep the trace "
            "small (slim, record --max-size): check the whole recording, or the trace as recorded");
    }
    if (status == CAIRN_OK && suppressions) {
        status = cairn_suppressions_accounts(suppressions, trace, &suppressed, error);
    }
    if (status == CAIRN_OK) {
        status = sum_survivors(&question, survived, count, suppressed, arena, measured, error);
    }
    free(survived);
    free(suppressed);
    cairn_question_release(&question);
    return status;
}

enum cairn_status cairn_measure_all(struct cairn_trace *trace, const struct cairn_selection *selection,
                                    const struct cairn_span *span, bool whole,
                                    const struct cairn_suppressions *suppressions, bool need_leaked,
                                    struct cairn_arena *arena, struct cairn_measured all[CAIRN_MEASURE_COUNT],
                                    struct cairn_error *error)
{
    struct cairn_selection everything = *selection;
    struct cairn_measured *leaked = &all[CAIRN_MEASURE_LEAKED];
    everything.limit = everything.offset = 0;
    everything.sort = CAIRN_SORT_METRIC;
    everything.reverse = false;
    enum cairn_status status = measure_counts(trace, &everything, span, whole, arena, all, error);
    if (status != CAIRN_OK) {
        return status;
    }
    status = whole ? measure_leaks(trace, &everything, suppressions, arena, leaked, error)
                   : measure_survivors(trace, &everything, span, suppressions, arena, leaked, error);
    if (status == CAIRN_OK) {
        finish(leaked);
    } else if (!need_leaked && (status == CAIRN_E_NOT_FOUND || status == CAIRN_E_LIMIT)) {
        *leaked = (struct cairn_measured){.found = CAIRN_UNKNOWN, .error_bytes = CAIRN_UNKNOWN};
        status = CAIRN_OK;
    }
    return status;
}
