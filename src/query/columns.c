#include "query/columns.h"

#include "query/sum.h"
#include "trace/weight.h"

/* The whole recording, and it is complete: then the account rows say what a state would. */
static bool ends_with_recording(const struct cairn_columns *columns, const struct cairn_span *span,
                                struct cairn_error *error)
{
    struct cairn_moment end;
    return cairn_trace_recording(columns->trace)->complete &&
           cairn_moment_parse(columns->trace, "end", NULL, 0, &end, error) == CAIRN_OK &&
           span->to.position >= end.position;
}

static enum cairn_status open_peak(struct cairn_columns *columns, const struct cairn_selection *selection,
                                   const struct cairn_span *span, bool whole, struct cairn_error *error)
{
    if (whole && selection->process == 0 && selection->memory == CAIRN_MEMORY_HEAP) {
        return CAIRN_OK;
    }
    uint64_t position;
    int64_t bytes;
    enum cairn_status status = cairn_trace_peak_between(
        columns->trace, selection->process, span->from.position, span->to.position, &position, &bytes, error);
    if (status == CAIRN_OK) {
        status = cairn_trace_state(columns->trace, position, &columns->peak, error);
        columns->peak_unknown = status == CAIRN_OK && columns->peak->position != position;
    } else if (status == CAIRN_E_NOT_FOUND && columns->recording->exact_from_ns > 0) {
        columns->peak_unknown = true; /* a part, or a process: its largest heap may lie between two borders */
        status = CAIRN_OK;
    }
    if (status != CAIRN_OK) {
        return status;
    }
    return columns->peak_unknown &&
                   (selection->metric == CAIRN_METRIC_PEAK || selection->sort == CAIRN_SORT_PEAK_BYTES)
               ? cairn_fail(error, CAIRN_E_NOT_FOUND,
                            "what was live at the peak of that span is not known: its single events were "
                            "dropped to keep the trace small (slim, record --max-size): ask about the whole "
                            "recording, or the trace as recorded")
               : CAIRN_OK;
}

enum cairn_status cairn_columns_open(struct cairn_columns *columns, struct cairn_trace *trace,
                                     const struct cairn_selection *selection, const struct cairn_moment *at,
                                     const struct cairn_span *span, struct cairn_error *error)
{
    *columns = (struct cairn_columns){
        .trace = trace,
        .recording = cairn_trace_recording(trace),
        .metric = selection->metric,
    };
    size_t count;
    enum cairn_status status = cairn_trace_accounts(trace, &columns->accounts, &count, error);
    if (status == CAIRN_OK) {
        status = cairn_trace_state(trace, at->position, &columns->at, error);
    }
    if (status == CAIRN_OK && span->from.position > 0) {
        status = cairn_trace_state(trace, span->from.position, &columns->from, error);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    /* The account rows have no variances. */
    const bool to_end = columns->recording->sample_bytes <= 0 && ends_with_recording(columns, span, error);
    if (!to_end) {
        status = cairn_trace_state(trace, span->to.position, &columns->to, error);
    }
    if (status == CAIRN_OK) {
        status = open_peak(columns, selection, span, to_end && span->from.position == 0, error);
    }
    return status;
}

void cairn_columns_release(struct cairn_columns *columns)
{
    const struct cairn_state *const states[] = {columns->at, columns->from, columns->to, columns->peak};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (states[i]) {
            cairn_state_release(columns->trace, states[i]);
        }
    }
    columns->at = columns->from = columns->to = columns->peak = NULL;
}

/* Of the bytes that the metric is about. */
static int64_t variance(const struct cairn_columns *columns, size_t i)
{
    switch (columns->metric) {
    case CAIRN_METRIC_LIVE:
        return cairn_state_totals(columns->at, i).live_variance;
    case CAIRN_METRIC_PEAK:
        return columns->peak ? cairn_state_totals(columns->peak, i).live_variance : 0;
    default:
        return cairn_difference(columns->to ? cairn_state_totals(columns->to, i).allocated_variance : 0,
                                columns->from ? cairn_state_totals(columns->from, i).allocated_variance : 0);
    }
}

void cairn_columns_add(const struct cairn_columns *columns, size_t i, struct cairn_counts *counts)
{
    const struct cairn_account *account = &columns->accounts[i];
    const struct cairn_totals at = cairn_state_totals(columns->at, i);
    const struct cairn_totals to = columns->to ? cairn_state_totals(columns->to, i) : account->totals;
    cairn_add(&counts->live_bytes, at.live_bytes);
    cairn_add(&counts->live_blocks, at.live_blocks);
    cairn_add(&counts->allocated_bytes, to.allocated_bytes);
    cairn_add(&counts->allocations, to.allocations);
    cairn_add(&counts->reallocs, to.reallocs);
    cairn_add(&counts->temporary, to.temporary);
    if (columns->from) {
        const struct cairn_totals from = cairn_state_totals(columns->from, i);
        cairn_subtract(&counts->allocated_bytes, from.allocated_bytes);
        cairn_subtract(&counts->allocations, from.allocations);
        cairn_subtract(&counts->reallocs, from.reallocs);
        cairn_subtract(&counts->temporary, from.temporary);
    }
    cairn_add(&counts->peak_bytes,
              columns->peak ? cairn_state_totals(columns->peak, i).live_bytes : account->peak_bytes);
    cairn_add(&counts->variance, variance(columns, i));
}

void cairn_counts_add(struct cairn_counts *counts, const struct cairn_counts *other)
{
    cairn_add(&counts->live_bytes, other->live_bytes);
    cairn_add(&counts->live_blocks, other->live_blocks);
    cairn_add(&counts->allocated_bytes, other->allocated_bytes);
    cairn_add(&counts->allocations, other->allocations);
    cairn_add(&counts->reallocs, other->reallocs);
    cairn_add(&counts->temporary, other->temporary);
    cairn_add(&counts->peak_bytes, other->peak_bytes);
    cairn_add(&counts->variance, other->variance);
}

bool cairn_counts_are_zero(const struct cairn_counts *counts)
{
    return counts->live_bytes == 0 && counts->live_blocks == 0 && counts->allocated_bytes == 0 &&
           counts->allocations == 0 && counts->reallocs == 0 && counts->temporary == 0 &&
           counts->peak_bytes == 0;
}

static void hide_untold(struct cairn_counts *counts, unsigned untold)
{
    if (untold & CAIRN_UNTOLD_AROUND) {
        counts->reallocs = CAIRN_UNKNOWN;
    }
    if (untold & CAIRN_UNTOLD_EVENTS) {
        counts->live_blocks = counts->allocated_bytes = counts->allocations = counts->temporary =
            CAIRN_UNKNOWN;
    }
}

void cairn_counts_finish(struct cairn_counts *counts, const struct cairn_columns *columns)
{
    hide_untold(counts, columns->recording->untold);
    counts->peak_bytes = columns->peak_unknown ? CAIRN_UNKNOWN : counts->peak_bytes;
    counts->error_bytes = cairn_error_bytes(columns->recording, counts->variance);
}

int64_t cairn_error_bytes(const struct cairn_recording *recording, int64_t variance)
{
    return recording->sample_bytes > 0 && variance != CAIRN_UNKNOWN
               ? cairn_standard_error(recording->sample_bytes, variance)
               : CAIRN_UNKNOWN;
}
