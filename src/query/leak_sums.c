#include "query/leak_sums.h"

#include <stdlib.h>

#include "query/ages.h"
#include "query/columns.h"
#include "query/no_memory.h"
#include "query/sum.h"

struct work {
    struct cairn_trace *trace;
    const struct cairn_process *processes;
    size_t process_count;
    const struct cairn_graph_info **last; /* by process: its last graph; NULL: it has none */
    int64_t min_age_ns;
    const uint8_t *suppressed;
    struct cairn_leak_sums *sums;
};

/* Index of a process; process_count: there is none of that number. */
static size_t find_process(const struct work *work, uint32_t process)
{
    size_t i = 0;
    while (i < work->process_count && work->processes[i].process != process) {
        i++;
    }
    return i;
}

static int64_t end_of(const struct work *work, size_t process)
{
    const int64_t ended_ns = work->processes[process].ended_ns;
    return ended_ns == CAIRN_UNKNOWN ? cairn_trace_recording(work->trace)->duration_ns : ended_ns;
}

static enum cairn_status find_graphs(struct work *work, uint32_t process, struct cairn_error *error)
{
    const struct cairn_graph_info *graphs;
    size_t count;
    const enum cairn_status status = cairn_trace_graphs(work->trace, &graphs, &count, error);
    for (size_t i = 0; status == CAIRN_OK && i < count; i++) {
        const size_t at = find_process(work, graphs[i].process);
        if (at < work->process_count && (process == 0 || process == graphs[i].process) &&
            (!work->last[at] || work->last[at]->t_ns <= graphs[i].t_ns)) {
            work->last[at] = &graphs[i];
        }
    }
    return status;
}

static enum cairn_status add_graph(struct work *work, size_t process, struct cairn_error *error)
{
    const struct cairn_graph_info *info = work->last[process];
    struct cairn_graph *graph = NULL;
    uint64_t cutoff = UINT64_MAX;
    enum cairn_status status = CAIRN_OK;
    if (work->min_age_ns > 0) {
        const int64_t born_ns = end_of(work, process) - work->min_age_ns;
        cutoff = 0;
        status = born_ns < 0 ? CAIRN_OK : cairn_trace_position_at(work->trace, born_ns, &cutoff, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_graph_open(work->trace, info->graph, &graph, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_leak_graph_add(graph, cutoff, work->suppressed, work->sums, error);
    }
    cairn_graph_close(graph);
    work->sums->graph = info;
    work->sums->graph_count++;
    return status;
}

/* The state at the recording's end knows the variances of what was live then, but not of processes that had ended. */
static enum cairn_status add_variances(const struct work *work, struct cairn_error *error)
{
    struct cairn_moment end;
    const struct cairn_state *state;
    enum cairn_status status = cairn_moment_parse(work->trace, "end", NULL, 0, &end, error);
    if (status == CAIRN_OK) {
        status = cairn_trace_state(work->trace, end.position, &state, error);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    for (size_t i = 0; i < work->sums->account_count; i++) {
        struct cairn_leak_sum *sum = cairn_leak_sum_of(work->sums, (uint32_t)i + 1, CAIRN_LEAK_UNKNOWN);
        const struct cairn_totals totals = cairn_state_totals(state, i);
        const bool same = sum->bytes == totals.live_bytes && sum->blocks == totals.live_blocks;
        sum->variance = same ? totals.live_variance : CAIRN_UNKNOWN;
    }
    cairn_state_release(work->trace, state);
    return CAIRN_OK;
}

/* What is live at the end of the processes that have no graph. */
static enum cairn_status add_live(struct work *work, struct cairn_error *error)
{
    struct cairn_leak_sums *sums = work->sums;
    struct cairn_ages ages;
    const enum cairn_status status = cairn_ages_read(work->trace, work->min_age_ns, &ages, error);
    if (status != CAIRN_OK) {
        return status;
    }
    for (size_t i = 0; i < sums->account_count && i < ages.count; i++) {
        const size_t process = find_process(work, sums->accounts[i].process);
        const bool suppressed = work->suppressed && work->suppressed[i];
        struct cairn_leak_sum *sum =
            cairn_leak_sum_of(sums, (uint32_t)i + 1, suppressed ? CAIRN_LEAK_SUPPRESSED : CAIRN_LEAK_UNKNOWN);
        if (process < work->process_count && work->last[process]) {
            continue;
        }
        sum->bytes = ages.old_bytes[i];
        sum->blocks = ages.old_blocks[i];
        sum->oldest_age_ns = ages.oldest_age_ns[i];
    }
    cairn_ages_release(&ages);
    return CAIRN_OK;
}

static int compare_oldest(const void *left, const void *right)
{
    const struct cairn_leak_sum *const *a = left, *const *b = right;
    return ((*a)->oldest > (*b)->oldest) - ((*a)->oldest < (*b)->oldest);
}

/* From events to ages, in the order of the events: every chunk of them is decoded once. */
static enum cairn_status find_ages(const struct work *work, struct cairn_error *error)
{
    const struct cairn_leak_sums *sums = work->sums;
    const size_t count = sums->account_count * CAIRN_LEAK_SUMS;
    struct cairn_leak_sum **dated = malloc((count + 1) * sizeof(struct cairn_leak_sum *));
    size_t dated_count = 0;
    enum cairn_status status = dated ? CAIRN_OK : cairn_no_memory(error, "the leaks");
    for (size_t i = 0; dated && i < count; i++) {
        if (sums->rows[i].oldest != CAIRN_NO_SERIAL) {
            dated[dated_count++] = &sums->rows[i];
        }
    }
    if (dated_count > 0) {
        qsort(dated, dated_count, sizeof *dated, compare_oldest);
    }
    for (size_t i = 0; status == CAIRN_OK && i < dated_count; i++) {
        const size_t account = (size_t)(dated[i] - sums->rows) / CAIRN_LEAK_SUMS;
        const size_t process = find_process(work, sums->accounts[account].process);
        int64_t born_ns;
        status = cairn_trace_time_of(work->trace, dated[i]->oldest + 1, &born_ns, error);
        if (status == CAIRN_OK && process < work->process_count &&
            cairn_trace_is_exact(work->trace, dated[i]->oldest + 1, born_ns)) {
            dated[i]->oldest_age_ns = cairn_difference(end_of(work, process), born_ns);
        } else if (status == CAIRN_E_NOT_FOUND) {
            status = CAIRN_OK;
        }
    }
    free(dated);
    return status;
}

static enum cairn_status fill(struct work *work, uint32_t process, struct cairn_error *error)
{
    struct cairn_leak_sums *sums = work->sums;
    const size_t rows = sums->account_count * CAIRN_LEAK_SUMS;
    work->last = calloc(work->process_count + 1, sizeof(const struct cairn_graph_info *));
    sums->rows = malloc((rows + 1) * sizeof *sums->rows);
    if (!work->last || !sums->rows) {
        return cairn_no_memory(error, "the leaks");
    }
    for (size_t i = 0; i < rows; i++) {
        sums->rows[i] = (struct cairn_leak_sum){.oldest = CAIRN_NO_SERIAL, .oldest_age_ns = CAIRN_UNKNOWN};
    }
    bool all = true;
    /* In a sampled recording an object's block is mostly unknown: what is live at the end counts, as without a graph. */
    enum cairn_status status =
        cairn_trace_recording(work->trace)->sample_bytes > 0 ? CAIRN_OK : find_graphs(work, process, error);
    for (size_t i = 0; status == CAIRN_OK && i < work->process_count; i++) {
        const bool asked = process == 0 || process == work->processes[i].process;
        all = all && (!asked || work->last[i]);
        status = work->last[i] ? add_graph(work, i, error) : CAIRN_OK;
    }
    if (status == CAIRN_OK && !all) {
        status = add_live(work, error);
    }
    if (status == CAIRN_OK && cairn_trace_recording(work->trace)->sample_bytes > 0) {
        status = add_variances(work, error);
    }
    uint64_t events = 0;
    if (status == CAIRN_OK && sums->graph_count > 0) {
        status = cairn_trace_position_at(work->trace, INT64_MAX, &events, error);
    }
    /* Without being asked for ages, no more is read than for what is live at the end. */
    const bool affordable = events <= CAIRN_AGES_EVENTS_LIMIT || work->min_age_ns > 0;
    return status == CAIRN_OK && sums->graph_count > 0 && affordable ? find_ages(work, error) : status;
}

enum cairn_status cairn_leak_sums_read(struct cairn_trace *trace, uint32_t process, int64_t min_age_ns,
                                       const uint8_t *suppressed, struct cairn_leak_sums *sums,
                                       struct cairn_error *error)
{
    struct cairn_leak_sums made = {.rows = NULL};
    struct work work = {.trace = trace, .min_age_ns = min_age_ns, .suppressed = suppressed, .sums = &made};
    enum cairn_status status = cairn_trace_accounts(trace, &made.accounts, &made.account_count, error);
    if (status == CAIRN_OK) {
        status = cairn_trace_processes(trace, &work.processes, &work.process_count, error);
    }
    if (status == CAIRN_OK) {
        status = fill(&work, process, error);
    }
    free(work.last);
    if (status != CAIRN_OK) {
        cairn_leak_sums_release(&made);
        return status;
    }
    *sums = made;
    return CAIRN_OK;
}

void cairn_leak_sums_release(struct cairn_leak_sums *sums)
{
    free(sums->rows);
    *sums = (struct cairn_leak_sums){.rows = NULL};
}
