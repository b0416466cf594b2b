#include "query/top.h"

#include <stdlib.h>

#include "query/no_memory.h"
#include "query/places.h"
#include "query/rank.h"
#include "query/sum.h"
#include "query/sums.h"

/* A row before order and limit: parallel arrays by site, or by stack of one site. */
struct candidates {
    size_t count;
    struct cairn_site *sites; /* borrowed from the map, or own_sites */
    struct cairn_site *own_sites;
    struct cairn_counts *counts;
    uint32_t *cells;   /* the heaviest stack's cell */
    uint32_t *stacks;  /* how many */
    uint32_t *indexes; /* those that are not empty, in order */
    size_t index_count;
};

static void candidates_release(struct candidates *candidates)
{
    free(candidates->own_sites);
    free(candidates->counts);
    free(candidates->cells);
    free(candidates->stacks);
    free(candidates->indexes);
}

static bool candidates_init(struct candidates *candidates, size_t count)
{
    *candidates = (struct candidates){
        .count = count,
        .counts = calloc(count + 1, sizeof(*candidates->counts)),
        .cells = calloc(count + 1, sizeof(*candidates->cells)),
        .stacks = calloc(count + 1, sizeof(*candidates->stacks)),
        .indexes = calloc(count + 1, sizeof(*candidates->indexes)),
    };
    return candidates->counts && candidates->cells && candidates->stacks && candidates->indexes;
}

static void add_cell(struct candidates *candidates, uint32_t row, uint32_t cell,
                     const struct cairn_sums *sums)
{
    const struct cairn_counts *cells = sums->cells;
    const enum cairn_metric metric = sums->question.selection->metric;
    if (cairn_counts_are_zero(&cells[cell])) {
        return;
    }
    if (candidates->stacks[row] == 0 || cairn_counts_metric(&cells[cell], metric) >
                                            cairn_counts_metric(&cells[candidates->cells[row]], metric)) {
        candidates->cells[row] = cell;
    }
    candidates->stacks[row]++;
    cairn_counts_add(&candidates->counts[row], &cells[cell]);
}

static enum cairn_status gather_sites(struct candidates *candidates, const struct cairn_sums *sums,
                                      struct cairn_error *error)
{
    const struct cairn_site_map *map = sums->question.map;
    if (!candidates_init(candidates, map->site_count)) {
        return cairn_no_memory(error, "the rows");
    }
    candidates->sites = map->sites;
    for (size_t cell = 0; cell < map->cell_count; cell++) {
        for (size_t i = map->cell_first[cell]; i < map->cell_first[cell + 1]; i++) {
            add_cell(candidates, map->cell_sites[i], (uint32_t)cell, sums);
        }
    }
    return CAIRN_OK;
}

static bool cell_has(const struct cairn_site_map *map, size_t cell, size_t site)
{
    for (size_t i = map->cell_first[cell]; i < map->cell_first[cell + 1]; i++) {
        if (map->cell_sites[i] == site) {
            return true;
        }
    }
    return false;
}

static enum cairn_status gather_stacks(struct candidates *candidates, const struct cairn_sums *sums,
                                       int64_t site_id, struct cairn_error *error)
{
    const struct cairn_site_map *map = sums->question.map;
    const size_t site = cairn_site_map_find(map, site_id);
    size_t count = 0;
    for (size_t cell = 0; cell < map->cell_count; cell++) {
        count += cell_has(map, cell, site);
    }
    if (!candidates_init(candidates, count)) {
        return cairn_no_memory(error, "the rows");
    }
    candidates->own_sites = calloc(count + 1, sizeof(*candidates->own_sites));
    candidates->sites = candidates->own_sites;
    if (!candidates->sites) {
        return cairn_no_memory(error, "the rows");
    }
    uint32_t row = 0;
    for (size_t cell = 0; cell < map->cell_count; cell++) {
        if (cell_has(map, cell, site)) {
            cairn_site_of_frame(sums->question.trace,
                                cairn_trace_frame(sums->question.trace, map->cell_frame[cell]),
                                &candidates->sites[row]);
            candidates->sites[row].site_id = map->cell_stack[cell];
            add_cell(candidates, row++, (uint32_t)cell, sums);
        }
    }
    return CAIRN_OK;
}

static void order(struct candidates *candidates, const struct cairn_sums *sums)
{
    for (size_t i = 0; i < candidates->count; i++) {
        if (candidates->stacks[i]) {
            cairn_counts_finish(&candidates->counts[i], &sums->columns);
            candidates->indexes[candidates->index_count++] = (uint32_t)i;
        }
    }
    const struct cairn_rank rank = {
        .selection = sums->question.selection, .sites = candidates->sites, .counts = candidates->counts};
    cairn_rank_sort(&rank, candidates->indexes, candidates->index_count);
}

/* What is in no row shown. A stack that counts for several rows is shown when one of them is. */
static enum cairn_status sum_other(struct cairn_top *top, const struct cairn_sums *sums,
                                   const struct candidates *candidates, size_t first,
                                   struct cairn_error *error)
{
    const struct cairn_site_map *map = sums->question.map;
    uint8_t *shown = calloc(candidates->count + 1, 1);
    if (!shown) {
        return cairn_no_memory(error, "the rows");
    }
    for (size_t i = 0; i < top->row_count; i++) {
        shown[candidates->indexes[first + i]] = 1;
    }
    for (size_t cell = 0; cell < map->cell_count; cell++) {
        bool seen = false;
        for (size_t i = map->cell_first[cell]; i < map->cell_first[cell + 1]; i++) {
            seen = seen || shown[map->cell_sites[i]];
        }
        if (!seen) {
            cairn_counts_add(&top->other, &sums->cells[cell]);
        }
    }
    free(shown);
    return CAIRN_OK;
}

static void sum_cut_stacks(struct cairn_top *top, const struct candidates *candidates, size_t first)
{
    for (size_t i = 0; i < candidates->index_count; i++) {
        if (i < first || i >= first + top->row_count) {
            cairn_counts_add(&top->other, &candidates->counts[candidates->indexes[i]]);
        }
    }
}

static enum cairn_status fill_rows(struct cairn_top *top, const struct cairn_sums *sums,
                                   const struct candidates *candidates, size_t first,
                                   struct cairn_error *error)
{
    const struct cairn_site_map *map = sums->question.map;
    const enum cairn_metric metric = sums->question.selection->metric;
    const int64_t total = cairn_counts_metric(&top->total, metric);
    top->rows = cairn_arena_alloc(&top->arena, (top->row_count + 1) * sizeof(*top->rows));
    if (!top->rows) {
        return cairn_no_memory(error, "the rows");
    }
    for (size_t i = 0; i < top->row_count; i++) {
        const uint32_t index = candidates->indexes[first + i], cell = candidates->cells[index];
        const int64_t value = cairn_counts_metric(&candidates->counts[index], metric);
        top->rows[i] = (struct cairn_top_row){
            .site = candidates->sites[index],
            .counts = candidates->counts[index],
            .percent = cairn_percent(value, total),
            .stacks = candidates->stacks[index],
            .heaviest_stack = map->cell_stack[cell],
            .stack_percent = cairn_percent(cairn_counts_metric(&sums->cells[cell], metric), value),
        };
    }
    return CAIRN_OK;
}

/* `site_id` NULL: the sites; else the stacks of that one. */
static enum cairn_status answer(struct cairn_trace *trace, const struct cairn_selection *selection,
                                const int64_t *site_id, const struct cairn_moment *at,
                                const struct cairn_span *span, struct cairn_top *top,
                                struct cairn_error *error)
{
    struct cairn_sums sums;
    struct candidates candidates = {.count = 0};
    struct cairn_top made = {.at = *at, .span = *span, .arena = CAIRN_ARENA_INIT};
    enum cairn_status status = cairn_sums_open(&sums, trace, selection, at, span, error);
    if (status == CAIRN_OK) {
        status = site_id ? gather_stacks(&candidates, &sums, *site_id, error)
                         : gather_sites(&candidates, &sums, error);
    }
    if (status == CAIRN_OK) {
        size_t first;
        order(&candidates, &sums);
        made.total = sums.total;
        made.rows_total = candidates.index_count;
        made.row_count = cairn_rank_slice(selection, made.rows_total, &first);
        if (site_id) {
            sum_cut_stacks(&made, &candidates, first);
        } else {
            status = sum_other(&made, &sums, &candidates, first, error);
        }
        cairn_counts_finish(&made.other, &sums.columns);
        if (status == CAIRN_OK) {
            status = fill_rows(&made, &sums, &candidates, first, error);
        }
    }
    candidates_release(&candidates);
    cairn_sums_release(&sums);
    if (status != CAIRN_OK) {
        cairn_top_release(&made);
        return status;
    }
    *top = made;
    return CAIRN_OK;
}

enum cairn_status cairn_top(struct cairn_trace *trace, const struct cairn_selection *selection,
                            const struct cairn_moment *at, const struct cairn_span *span,
                            struct cairn_top *top, struct cairn_error *error)
{
    return answer(trace, selection, NULL, at, span, top, error);
}

enum cairn_status cairn_top_stacks(struct cairn_trace *trace, const struct cairn_selection *selection,
                                   int64_t site_id, const struct cairn_moment *at,
                                   const struct cairn_span *span, struct cairn_top *top,
                                   struct cairn_error *error)
{
    return answer(trace, selection, &site_id, at, span, top, error);
}

void cairn_top_release(struct cairn_top *top)
{
    cairn_arena_release(&top->arena);
    *top = (struct cairn_top){.rows = NULL};
}
