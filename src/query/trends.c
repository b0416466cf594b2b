#include <stdlib.h>
#include <string.h>

#include "query/context.h"
#include "query/no_memory.h"
#include "query/question.h"
#include "query/sum.h"
#include "query/top.h"

/* Adds what was live at one point to the column of its sites. `slot_of` is by site of the map: its place in the answer, or
 * UINT32_MAX. */
static void add_point(const struct cairn_question *question, const uint32_t *slot_of,
                      const struct cairn_snapshot_site *rows, size_t count, int64_t *column, size_t stride)
{
    const struct cairn_site_map *map = question->map;
    for (size_t i = 0; i < count; i++) {
        const size_t account = (size_t)rows[i].account - 1;
        if (account >= question->count || !cairn_question_counts(question, account) ||
            !cairn_question_keeps(question, account)) {
            continue;
        }
        const uint32_t cell = map->cell_of[account];
        for (size_t k = map->cell_first[cell]; k < map->cell_first[cell + 1]; k++) {
            const uint32_t slot = slot_of[map->cell_sites[k]];
            if (slot != UINT32_MAX) {
                cairn_add(&column[slot * stride], rows[i].live_bytes);
            }
        }
    }
}

static uint32_t *find_slots(const struct cairn_site_map *map, const int64_t *site_ids, size_t count)
{
    uint32_t *slots = malloc((map->site_count + 1) * sizeof(*slots));
    if (!slots) {
        return NULL;
    }
    memset(slots, 0xff, (map->site_count + 1) * sizeof(*slots));
    for (size_t i = 0; i < count; i++) {
        const size_t site = cairn_site_map_find(map, site_ids[i]);
        if (site != SIZE_MAX) {
            slots[site] = (uint32_t)i;
        }
    }
    return slots;
}

static enum cairn_status fill(const struct cairn_question *question, struct cairn_series *series,
                              const uint32_t *slot_of, size_t site_count, size_t points, int64_t *values,
                              struct cairn_error *error)
{
    for (size_t i = 0; i < points; i++) {
        if (i > 0 && series->point_of[i] == series->point_of[i - 1]) {
            for (size_t site = 0; site < site_count; site++) {
                values[site * points + i] = values[site * points + i - 1];
            }
            continue;
        }
        const struct cairn_snapshot_site *rows;
        size_t count;
        const enum cairn_status status = cairn_series_rows(series, series->point_of[i], &rows, &count, error);
        if (status != CAIRN_OK) {
            return status;
        }
        add_point(question, slot_of, rows, count, values + i, points);
    }
    return CAIRN_OK;
}

enum cairn_status cairn_top_trends(struct cairn_trace *trace, const struct cairn_selection *selection,
                                   const int64_t *site_ids, size_t site_count, const struct cairn_span *span,
                                   size_t points, int64_t **values, struct cairn_error *error)
{
    if (points < 2) {
        return cairn_fail(error, CAIRN_E_USAGE, "a trend needs at least two points");
    }
    struct cairn_question question;
    struct cairn_series *series;
    uint32_t *slots = NULL;
    int64_t *made = NULL;
    enum cairn_status status = cairn_question_open(&question, trace, selection, error);
    if (status == CAIRN_OK) {
        status = cairn_context_series(trace, span, points, selection->memory, &series, error);
    }
    if (status == CAIRN_OK) {
        slots = find_slots(question.map, site_ids, site_count);
        made = calloc(site_count * points + 1, sizeof(*made));
        status = slots && made ? fill(&question, series, slots, site_count, points, made, error)
                               : cairn_no_memory(error, "the trends");
    }
    free(slots);
    cairn_question_release(&question);
    if (status != CAIRN_OK) {
        free(made);
        return status;
    }
    *values = made;
    return CAIRN_OK;
}
