#include "query/sums.h"

#include <stdlib.h>

#include "query/no_memory.h"

enum cairn_status cairn_sums_open(struct cairn_sums *sums, struct cairn_trace *trace,
                                  const struct cairn_selection *selection, const struct cairn_moment *at,
                                  const struct cairn_span *span, struct cairn_error *error)
{
    *sums = (struct cairn_sums){.cells = NULL};
    enum cairn_status status = cairn_question_open(&sums->question, trace, selection, error);
    if (status == CAIRN_OK) {
        status = cairn_columns_open(&sums->columns, trace, selection, at, span, error);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    const struct cairn_site_map *map = sums->question.map;
    sums->cells = calloc(map->cell_count + 1, sizeof(*sums->cells));
    if (!sums->cells) {
        return cairn_no_memory(error, "the rows");
    }
    for (size_t i = 0; i < sums->question.count; i++) {
        if (!cairn_question_counts(&sums->question, i)) {
            continue;
        }
        struct cairn_counts counts = {.live_bytes = 0};
        cairn_columns_add(&sums->columns, i, &counts);
        cairn_counts_add(&sums->total, &counts);
        if (cairn_question_keeps(&sums->question, i)) {
            cairn_counts_add(&sums->cells[map->cell_of[i]], &counts);
        }
    }
    cairn_counts_finish(&sums->total, &sums->columns);
    return CAIRN_OK;
}

void cairn_sums_release(struct cairn_sums *sums)
{
    free(sums->cells);
    sums->cells = NULL;
    cairn_columns_release(&sums->columns);
    cairn_question_release(&sums->question);
}
