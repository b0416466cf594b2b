/* One question put to a trace: which accounts take part, and the map of the rows they count for. Internal to query. */
#ifndef CAIRN_QUERY_QUESTION_H
#define CAIRN_QUERY_QUESTION_H

#include "query/moment.h"
#include "query/site_map.h"

/* Borrows everything but `threads`. */
struct cairn_question {
    struct cairn_trace *trace;
    const struct cairn_selection *selection;
    const struct cairn_site_map *map;
    const struct cairn_account *accounts;
    size_t count;
    const uint8_t *kept; /* by account − 1: the filter's verdict; NULL: no filter */
    uint8_t *threads;    /* by thread number: of the tid asked for; NULL: all threads */
    size_t thread_capacity;
};

/* CAIRN_E_NOT_FOUND for a process or thread that is not there. Release it in every case. */
CAIRN_MUST_CHECK enum cairn_status cairn_question_open(struct cairn_question *question,
                                                       struct cairn_trace *trace,
                                                       const struct cairn_selection *selection,
                                                       struct cairn_error *error);
void cairn_question_release(struct cairn_question *question);

/* Whether account i + 1 counts in totals: of the memory, process and language asked for. */
static inline bool cairn_question_counts(const struct cairn_question *question, size_t i)
{
    const struct cairn_account *account = &question->accounts[i];
    const struct cairn_selection *selection = question->selection;
    const bool memory =
        selection->memory == CAIRN_MEMORY_HEAP
            ? account->domain <= CAIRN_DOMAIN_LAST_HEAP
            : account->domain >= CAIRN_DOMAIN_FIRST_MAPPED && account->domain <= CAIRN_DOMAIN_LAST_MAPPED;
    return memory && (selection->process == 0 || selection->process == account->process) &&
           question->map->cell_of[i] != CAIRN_NO_CELL;
}

/* Whether it counts in rows: filter and thread let it through, too. */
static inline bool cairn_question_keeps(const struct cairn_question *question, size_t i)
{
    const uint32_t thread = question->accounts[i].thread;
    return (!question->kept || question->kept[i]) &&
           (!question->threads || (thread < question->thread_capacity && question->threads[thread]));
}

#endif
