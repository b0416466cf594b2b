#include "query/diff.h"

#include <stdlib.h>
#include <string.h>

#include "query/diff_sides.h"
#include "query/no_memory.h"
#include "query/places.h"
#include "query/rank.h"
#include "query/site_label.h"
#include "query/sum.h"
#include "query/verdict.h"

/* A row before order and limit. `side` and `cell`: the stack with the largest change. */
struct candidate {
    struct cairn_site site;
    struct cairn_diff_counts counts;
    int64_t allocated_bytes;
    int64_t change; /* of that stack */
    int side;
    uint32_t cell;
    bool used;
};

static const char *const state_names[] = {
    [CAIRN_DIFF_NEW] = "new",       [CAIRN_DIFF_GONE] = "gone", [CAIRN_DIFF_GREW] = "grew",
    [CAIRN_DIFF_SHRANK] = "shrank", [CAIRN_DIFF_SAME] = "same",
};

const char *cairn_diff_state_name(enum cairn_diff_state state)
{
    return state_names[state];
}

/* Blocks may be unknown. */
static bool is_none(int64_t bytes, int64_t blocks)
{
    return bytes == 0 && (blocks == 0 || blocks == CAIRN_UNKNOWN);
}

static bool is_empty(const struct cairn_diff_counts *counts)
{
    return is_none(counts->a_bytes, counts->a_blocks) && is_none(counts->b_bytes, counts->b_blocks);
}

static enum cairn_diff_state state_of(const struct cairn_diff_counts *counts)
{
    if (is_none(counts->a_bytes, counts->a_blocks) && !is_none(counts->b_bytes, counts->b_blocks)) {
        return CAIRN_DIFF_NEW;
    }
    if (is_none(counts->b_bytes, counts->b_blocks) && !is_none(counts->a_bytes, counts->a_blocks)) {
        return CAIRN_DIFF_GONE;
    }
    const int64_t blocks = counts->delta_blocks == CAIRN_UNKNOWN ? 0 : counts->delta_blocks;
    const int64_t change = counts->delta_bytes ? counts->delta_bytes : blocks;
    return change > 0 ? CAIRN_DIFF_GREW : change < 0 ? CAIRN_DIFF_SHRANK : CAIRN_DIFF_SAME;
}

static bool holds_nothing(const struct cairn_holding *holding)
{
    return holding->bytes == 0 && holding->blocks == 0 && holding->survived_bytes == 0 &&
           holding->survived_blocks == 0 && holding->allocated_bytes == 0;
}

/* A cell's part of a row. B comes first and wins ties: its stacks are the ones shown. */
static void add_cell(const struct cairn_diff_sides *sides, int side, uint32_t cell, struct candidate *row)
{
    const struct cairn_holding *holding = &sides->cells[side][cell];
    const int64_t change =
        cairn_magnitude(sides->pair_deltas[cairn_diff_join_pair(&sides->join, side, cell)]);
    if (!row->used || change > row->change) {
        row->change = change;
        row->side = side;
        row->cell = cell;
        row->used = true;
    }
    cairn_diff_counts_add(&row->counts, side, holding);
    cairn_add(&row->allocated_bytes, holding->allocated_bytes);
}

static void finish_rows(const struct cairn_diff_sides *sides, struct candidate *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        cairn_diff_counts_finish(&rows[i].counts, sides);
        if (!sides->join.one_trace || rows[i].counts.survived_bytes == CAIRN_UNKNOWN) {
            rows[i].allocated_bytes = CAIRN_UNKNOWN;
        }
    }
}

static enum cairn_status gather_sites(const struct cairn_diff_sides *sides, struct candidate **rows,
                                      size_t *count, struct cairn_error *error)
{
    const size_t row_count = sides->join.row_count;
    struct candidate *made = calloc(row_count + 1, sizeof(*made));
    if (!made) {
        return cairn_no_memory(error, "the diff");
    }
    for (size_t i = 0; i < row_count; i++) {
        made[i].site = sides->join.sites[i];
    }
    for (int side = CAIRN_SIDE_B; side >= CAIRN_SIDE_A; side--) {
        const struct cairn_site_map *map = sides->join.maps[side];
        for (uint32_t cell = 0; cell < map->cell_count; cell++) {
            if (holds_nothing(&sides->cells[side][cell])) {
                continue;
            }
            for (size_t i = map->cell_first[cell]; i < map->cell_first[cell + 1]; i++) {
                add_cell(sides, side, cell,
                         &made[cairn_diff_join_row(&sides->join, side, map->cell_sites[i])]);
            }
        }
    }
    finish_rows(sides, made, row_count);
    *rows = made;
    *count = row_count;
    return CAIRN_OK;
}

static bool cell_has_row(const struct cairn_diff_sides *sides, int side, uint32_t cell, int64_t site_id)
{
    const struct cairn_site_map *map = sides->join.maps[side];
    for (size_t i = map->cell_first[cell]; i < map->cell_first[cell + 1]; i++) {
        const uint32_t row = cairn_diff_join_row(&sides->join, side, map->cell_sites[i]);
        if (sides->join.sites[row].site_id == site_id) {
            return true;
        }
    }
    return false;
}

/* The pairs of one row. Row numbers are pair numbers, so most of them stay unused. */
static enum cairn_status gather_stacks(const struct cairn_diff_sides *sides, int64_t site_id,
                                       struct candidate **rows, size_t *count, struct cairn_error *error)
{
    struct candidate *made = calloc(sides->join.pair_count + 1, sizeof(*made));
    if (!made) {
        return cairn_no_memory(error, "the diff");
    }
    for (int side = CAIRN_SIDE_B; side >= CAIRN_SIDE_A; side--) {
        const struct cairn_site_map *map = sides->join.maps[side];
        struct cairn_trace *trace = sides->questions[side].trace;
        for (uint32_t cell = 0; cell < map->cell_count; cell++) {
            if (holds_nothing(&sides->cells[side][cell]) || !cell_has_row(sides, side, cell, site_id)) {
                continue;
            }
            struct candidate *row = &made[cairn_diff_join_pair(&sides->join, side, cell)];
            if (!row->used) {
                cairn_site_of_frame(trace, cairn_trace_frame(trace, map->cell_frame[cell]), &row->site);
                row->site.site_id = map->cell_stack[cell];
            }
            add_cell(sides, side, cell, row);
        }
    }
    finish_rows(sides, made, sides->join.pair_count);
    *rows = made;
    *count = sides->join.pair_count;
    return CAIRN_OK;
}

static int64_t sort_value(const struct cairn_selection *selection, const struct cairn_diff_counts *counts)
{
    switch (selection->sort) {
    case CAIRN_SORT_DELTA_BLOCKS:
        return cairn_magnitude(counts->delta_blocks);
    case CAIRN_SORT_SURVIVED_BYTES:
        return counts->survived_bytes;
    case CAIRN_SORT_A_BYTES:
        return counts->a_bytes;
    case CAIRN_SORT_B_BYTES:
    case CAIRN_SORT_LIVE_BYTES:
        return counts->b_bytes;
    case CAIRN_SORT_B_BLOCKS:
    case CAIRN_SORT_LIVE_BLOCKS:
        return counts->b_blocks;
    case CAIRN_SORT_A_BLOCKS:
        return counts->a_blocks;
    case CAIRN_SORT_SURVIVED_BLOCKS:
        return counts->survived_blocks;
    case CAIRN_SORT_NAME:
        return 0;
    default:
        return cairn_magnitude(counts->delta_bytes);
    }
}

struct order {
    const struct cairn_selection *selection;
    const struct candidate *rows;
};

static int compare(const void *left, const void *right, void *state)
{
    const struct order *order = state;
    const struct candidate *a = &order->rows[*(const uint32_t *)left],
                           *b = &order->rows[*(const uint32_t *)right];
    const bool reverse = order->selection->reverse;
    const int64_t value_a = sort_value(order->selection, &a->counts),
                  value_b = sort_value(order->selection, &b->counts);
    if (value_a != value_b) {
        return (value_a < value_b) == !reverse ? 1 : -1;
    }
    const int by_name = cairn_site_compare(&a->site, &b->site);
    return order->selection->sort == CAIRN_SORT_NAME && reverse ? -by_name : by_name;
}

static enum cairn_status fill_rows(struct cairn_diff *diff, const struct cairn_diff_sides *sides,
                                   const struct candidate *rows, size_t count,
                                   const struct cairn_selection *selection, struct cairn_error *error)
{
    uint32_t *indexes = calloc(count + 1, sizeof(*indexes));
    if (!indexes) {
        return cairn_no_memory(error, "the diff");
    }
    for (size_t i = 0; i < count; i++) {
        if (rows[i].used && !is_empty(&rows[i].counts)) {
            indexes[diff->rows_total++] = (uint32_t)i;
        }
    }
    struct order order = {.selection = selection, .rows = rows};
    qsort_r(indexes, diff->rows_total, sizeof(*indexes), compare, &order);
    size_t first;
    diff->row_count = cairn_rank_slice(selection, diff->rows_total, &first);
    diff->rows = cairn_arena_alloc(&diff->arena, (diff->row_count + 1) * sizeof(*diff->rows));
    for (size_t i = 0; diff->rows && i < diff->row_count; i++) {
        const struct candidate *row = &rows[indexes[first + i]];
        diff->rows[i] = (struct cairn_diff_row){
            .site = row->site,
            .counts = row->counts,
            .state = state_of(&row->counts),
            .percent = cairn_percent(cairn_magnitude(row->counts.delta_bytes), sides->change_bytes),
            .stack = sides->join.maps[row->side]->cell_stack[row->cell],
            .stack_of_a = row->side == CAIRN_SIDE_A && !sides->join.one_trace,
        };
    }
    free(indexes);
    return diff->rows ? CAIRN_OK : cairn_no_memory(error, "the diff");
}

static enum cairn_status say_verdict(struct cairn_diff *diff, const struct cairn_diff_sides *sides,
                                     enum cairn_by by, const struct candidate *rows, size_t count,
                                     struct cairn_error *error)
{
    struct cairn_verdict_row *said = calloc(count + 1, sizeof(*said));
    size_t said_count = 0;
    if (!said) {
        return cairn_no_memory(error, "the diff");
    }
    for (size_t i = 0; i < count; i++) {
        if (rows[i].used) {
            said[said_count++] = (struct cairn_verdict_row){
                .site = &rows[i].site,
                .counts = &rows[i].counts,
                .allocated_bytes = rows[i].allocated_bytes,
                .trace = sides->questions[rows[i].side].trace,
                .frame = sides->join.maps[rows[i].side]->cell_frame[rows[i].cell],
            };
        }
    }
    cairn_verdict(diff, by, said, said_count, diff->verdict, sizeof(diff->verdict));
    free(said);
    return CAIRN_OK;
}

/* `site_id` NULL: the sites; else the stacks of that one. */
static enum cairn_status answer(struct cairn_diff *diff, const struct cairn_selection *selection,
                                const int64_t *site_id, struct cairn_error *error)
{
    struct cairn_diff_sides sides;
    struct candidate *rows = NULL;
    size_t count = 0;
    enum cairn_status status =
        cairn_diff_sides_open(&sides, diff->trace_a, &diff->a, diff->trace_b, &diff->b, selection, error);
    if (status == CAIRN_OK) {
        diff->total = sides.total;
        status = site_id ? gather_stacks(&sides, *site_id, &rows, &count, error)
                         : gather_sites(&sides, &rows, &count, error);
    }
    if (status == CAIRN_OK) {
        status = say_verdict(diff, &sides, site_id ? CAIRN_BY_STACK : selection->by, rows, count, error);
    }
    if (status == CAIRN_OK) {
        status = fill_rows(diff, &sides, rows, count, selection, error);
    }
    free(rows);
    cairn_diff_sides_release(&sides);
    return status;
}

static enum cairn_status make(struct cairn_trace *trace_a, const struct cairn_moment *a,
                              struct cairn_trace *trace_b, const struct cairn_moment *b,
                              const struct cairn_selection *selection, const int64_t *site_id,
                              struct cairn_diff *diff, struct cairn_error *error)
{
    struct cairn_diff made = {
        .a = *a, .b = *b, .trace_a = trace_a, .trace_b = trace_b, .arena = CAIRN_ARENA_INIT};
    enum cairn_status status = answer(&made, selection, site_id, error);
    if (status == CAIRN_OK && selection->cumulative && !site_id) {
        /* Cumulative rows overlap, and shares of them mean nothing: the sentence is about the sites themselves. */
        struct cairn_selection alone = *selection;
        struct cairn_diff sites = {
            .a = *a, .b = *b, .trace_a = trace_a, .trace_b = trace_b, .arena = CAIRN_ARENA_INIT};
        alone.cumulative = false;
        status = answer(&sites, &alone, NULL, error);
        if (status == CAIRN_OK) {
            memcpy(made.verdict, sites.verdict, sizeof(made.verdict));
        }
        cairn_diff_release(&sites);
    }
    if (status != CAIRN_OK) {
        cairn_diff_release(&made);
        return status;
    }
    *diff = made;
    return CAIRN_OK;
}

enum cairn_status cairn_diff(struct cairn_trace *trace_a, const struct cairn_moment *a,
                             struct cairn_trace *trace_b, const struct cairn_moment *b,
                             const struct cairn_selection *selection, struct cairn_diff *diff,
                             struct cairn_error *error)
{
    return make(trace_a, a, trace_b, b, selection, NULL, diff, error);
}

enum cairn_status cairn_diff_stacks(struct cairn_trace *trace_a, const struct cairn_moment *a,
                                    struct cairn_trace *trace_b, const struct cairn_moment *b,
                                    const struct cairn_selection *selection, int64_t site_id,
                                    struct cairn_diff *diff, struct cairn_error *error)
{
    return make(trace_a, a, trace_b, b, selection, &site_id, diff, error);
}

void cairn_diff_release(struct cairn_diff *diff)
{
    cairn_arena_release(&diff->arena);
    *diff = (struct cairn_diff){.rows = NULL};
}
