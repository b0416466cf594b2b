#include "query/question.h"

#include <inttypes.h>
#include <stdlib.h>

#include "query/context.h"
#include "query/no_memory.h"

#define THREAD_NUMBER_LIMIT (1u << 26) /* a damaged trace may name any; real ones count from 1 */

static enum cairn_status check_process(struct cairn_question *question, struct cairn_error *error)
{
    const struct cairn_process *rows;
    size_t count;
    const enum cairn_status status = cairn_trace_processes(question->trace, &rows, &count, error);
    if (status != CAIRN_OK) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        if (rows[i].process == question->selection->process) {
            return CAIRN_OK;
        }
    }
    return cairn_fail(error, CAIRN_E_NOT_FOUND, "there is no process %" PRIu32 " in this trace",
                      question->selection->process);
}

/* A TID may have been given to several threads, one after the other: all of them are meant. */
static enum cairn_status find_threads(struct cairn_question *question, struct cairn_error *error)
{
    const struct cairn_thread *rows;
    size_t count;
    const enum cairn_status status = cairn_trace_threads(question->trace, &rows, &count, error);
    if (status != CAIRN_OK) {
        return status;
    }
    const uint32_t last = count ? rows[count - 1].thread : 0;
    if (last >= THREAD_NUMBER_LIMIT) {
        return cairn_fail(error, CAIRN_E_FORMAT, "damaged trace: thread number %" PRIu32, last);
    }
    question->thread_capacity = (size_t)last + 1;
    question->threads = calloc(question->thread_capacity, 1);
    if (!question->threads) {
        return cairn_no_memory(error, "the threads");
    }
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].tid == question->selection->tid) {
            question->threads[rows[i].thread] = 1;
            found = true;
        }
    }
    return found ? CAIRN_OK
                 : cairn_fail(error, CAIRN_E_NOT_FOUND,
                              "there is no thread %" PRId64 ": `top --by thread` lists the %zu of this trace",
                              question->selection->tid, count);
}

static enum cairn_status check_metric(const struct cairn_question *question, struct cairn_error *error)
{
    const enum cairn_metric metric = question->selection->metric;
    const bool by_events = metric != CAIRN_METRIC_LIVE && metric != CAIRN_METRIC_PEAK;
    return by_events && (cairn_trace_recording(question->trace)->untold & CAIRN_UNTOLD_EVENTS)
               ? cairn_fail(error, CAIRN_E_NOT_FOUND,
                            "the trace was imported from massif, which tells no allocations: take --metric "
                            "live or peak")
               : CAIRN_OK;
}

enum cairn_status cairn_question_open(struct cairn_question *question, struct cairn_trace *trace,
                                      const struct cairn_selection *selection, struct cairn_error *error)
{
    *question = (struct cairn_question){.trace = trace, .selection = selection};
    enum cairn_status status = check_metric(question, error);
    if (status == CAIRN_OK && selection->process) {
        status = check_process(question, error);
    }
    if (status == CAIRN_OK && selection->tid) {
        status = find_threads(question, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_trace_accounts(trace, &question->accounts, &question->count, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_context_site_map(trace, selection, &question->map, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_context_kept(trace, selection->filter, &question->kept, error);
    }
    return status;
}

void cairn_question_release(struct cairn_question *question)
{
    free(question->threads);
    question->threads = NULL;
}
