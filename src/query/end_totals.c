#include "query/end_totals.h"

#include <stdlib.h>

#include "query/columns.h"
#include "query/key_map.h"
#include "query/no_memory.h"

/* The numbers of processes that had ended. */
static enum cairn_status find_ended(struct cairn_trace *trace, struct cairn_key_map *ended,
                                    struct cairn_error *error)
{
    const struct cairn_process *processes;
    size_t count;
    const enum cairn_status status = cairn_trace_processes(trace, &processes, &count, error);
    for (size_t i = 0; status == CAIRN_OK && i < count; i++) {
        if (processes[i].ended_ns != CAIRN_UNKNOWN && !cairn_key_map_set(ended, processes[i].process, 1)) {
            return cairn_no_memory(error, "the end of the recording");
        }
    }
    return status;
}

static enum cairn_status fill(struct cairn_trace *trace, const struct cairn_account *accounts, size_t count,
                              const struct cairn_key_map *ended, struct cairn_totals *totals,
                              struct cairn_error *error)
{
    const struct cairn_state *state = NULL;
    const bool complete = cairn_trace_recording(trace)->complete;
    if (!complete) {
        struct cairn_moment end;
        enum cairn_status status = cairn_moment_parse(trace, "end", NULL, 0, &end, error);
        if (status == CAIRN_OK) {
            status = cairn_trace_state(trace, end.position, &state, error);
        }
        if (status != CAIRN_OK) {
            return status;
        }
    }
    for (size_t i = 0; i < count; i++) {
        const bool own = complete || cairn_key_map_get(ended, accounts[i].process) == 1;
        const struct cairn_totals from = own ? accounts[i].totals : cairn_state_totals(state, i);
        totals[i].live_bytes = from.live_bytes;
        totals[i].live_blocks = from.live_blocks;
    }
    if (state) {
        cairn_state_release(trace, state);
    }
    return CAIRN_OK;
}

enum cairn_status cairn_end_totals(struct cairn_trace *trace, struct cairn_totals **totals, size_t *count,
                                   struct cairn_error *error)
{
    const struct cairn_account *accounts;
    size_t account_count;
    struct cairn_key_map ended = {.slots = NULL};
    struct cairn_totals *made = NULL;
    enum cairn_status status = cairn_trace_accounts(trace, &accounts, &account_count, error);
    if (status == CAIRN_OK) {
        status = find_ended(trace, &ended, error);
    }
    if (status == CAIRN_OK) {
        made = calloc(account_count + 1, sizeof(*made));
        status = made ? fill(trace, accounts, account_count, &ended, made, error)
                      : cairn_no_memory(error, "the end of the recording");
    }
    cairn_key_map_release(&ended);
    if (status != CAIRN_OK) {
        free(made);
        return status;
    }
    *totals = made;
    *count = account_count;
    return CAIRN_OK;
}
