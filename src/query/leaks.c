#include "query/leaks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sanitise.h"
#include "query/columns.h"
#include "query/leak_sums.h"
#include "query/no_memory.h"
#include "query/question.h"
#include "query/rank.h"
#include "query/site_label.h"
#include "query/sum.h"
#include "query/suppressions.h"

static const char *const class_names[] = {
    [CAIRN_LEAK_DEFINITE] = "definite",
    [CAIRN_LEAK_INDIRECT] = "indirect",
    [CAIRN_LEAK_REACHABLE] = "reachable",
    [CAIRN_LEAK_UNKNOWN] = "unknown",
};

const char *cairn_leak_class_name(enum cairn_leak_class class)
{
    return class_names[class];
}

struct work {
    struct cairn_question question;
    struct cairn_leak_sums sums;
    uint8_t *suppressed;         /* by account − 1; NULL: none */
    struct cairn_leak_row *rows; /* by site × CAIRN_LEAK_CLASSES + class */
    int64_t *cells; /* bytes + 1 by cell × CAIRN_LEAK_CLASSES + class, for the heaviest stack; 0: no block */
    int64_t leaked_bytes, reachable_bytes; /* before the row filters */
};

/* One unknown part makes the sum unknown. */
static void add_variance(int64_t *sum, int64_t part)
{
    if (*sum == CAIRN_UNKNOWN || part == CAIRN_UNKNOWN) {
        *sum = CAIRN_UNKNOWN;
    } else {
        cairn_add(sum, part);
    }
}

static void add_to_row(struct cairn_leak_row *row, const struct cairn_leak_sum *sum)
{
    /* One part of unknown age makes the oldest unknown. */
    const bool unknown =
        sum->oldest_age_ns == CAIRN_UNKNOWN || (row->blocks && row->oldest_age_ns == CAIRN_UNKNOWN);
    if (unknown) {
        row->oldest_age_ns = CAIRN_UNKNOWN;
    } else if (row->blocks == 0 || sum->oldest_age_ns > row->oldest_age_ns) {
        row->oldest_age_ns = sum->oldest_age_ns;
    }
    cairn_add(&row->bytes, sum->bytes);
    cairn_add(&row->blocks, sum->blocks);
    add_variance(&row->variance, sum->variance);
}

static void add_sum(struct work *work, size_t i, size_t class, struct cairn_leaks *leaks)
{
    const struct cairn_site_map *map = work->question.map;
    const struct cairn_leak_sum *sum = cairn_leak_sum_of(&work->sums, (uint32_t)i + 1, class);
    const uint32_t cell = map->cell_of[i];
    const bool leaked = class != CAIRN_LEAK_REACHABLE;
    if (sum->bytes == 0 && sum->blocks == 0) {
        return;
    }
    cairn_add(leaked ? &work->leaked_bytes : &work->reachable_bytes, sum->bytes);
    if (!cairn_question_keeps(&work->question, i)) {
        return;
    }
    cairn_add(&leaks->classes[class].bytes, sum->bytes);
    cairn_add(&leaks->classes[class].blocks, sum->blocks);
    if (leaked) {
        cairn_add(&leaks->bytes, sum->bytes);
        cairn_add(&leaks->blocks, sum->blocks);
        add_variance(&leaks->variance, sum->variance);
    }
    int64_t *heaviest = &work->cells[(size_t)cell * CAIRN_LEAK_CLASSES + class];
    cairn_add(heaviest, sum->bytes + (*heaviest == 0));
    for (size_t k = map->cell_first[cell]; k < map->cell_first[cell + 1]; k++) {
        add_to_row(&work->rows[(size_t)map->cell_sites[k] * CAIRN_LEAK_CLASSES + class], sum);
    }
}

static enum cairn_status add_accounts(struct work *work, struct cairn_leaks *leaks, struct cairn_error *error)
{
    const struct cairn_site_map *map = work->question.map;
    work->rows = calloc(map->site_count + 1, CAIRN_LEAK_CLASSES * sizeof(*work->rows));
    work->cells = calloc(map->cell_count + 1, CAIRN_LEAK_CLASSES * sizeof(*work->cells));
    if (!work->rows || !work->cells) {
        return cairn_no_memory(error, "the leaks");
    }
    for (size_t i = 0; i < work->question.count && i < work->sums.account_count; i++) {
        if (!cairn_question_counts(&work->question, i)) {
            continue;
        }
        for (size_t class = 0; class < CAIRN_LEAK_CLASSES; class ++) {
            add_sum(work, i, (enum cairn_leak_class) class, leaks);
        }
        const struct cairn_leak_sum *left_out =
            cairn_leak_sum_of(&work->sums, (uint32_t)i + 1, CAIRN_LEAK_SUPPRESSED);
        cairn_add(&leaks->suppressed_bytes, left_out->bytes);
        cairn_add(&leaks->suppressed_blocks, left_out->blocks);
    }
    return CAIRN_OK;
}

static enum cairn_status find_stacks(struct work *work, struct cairn_error *error)
{
    const struct cairn_site_map *map = work->question.map;
    uint32_t *best = calloc(map->site_count + 1, CAIRN_LEAK_CLASSES * sizeof(*best)); /* cell + 1 */
    if (!best) {
        return cairn_no_memory(error, "the leaks");
    }
    for (size_t i = 0; i < map->cell_count * CAIRN_LEAK_CLASSES; i++) {
        const size_t cell = i / CAIRN_LEAK_CLASSES, class = i % CAIRN_LEAK_CLASSES;
        for (size_t k = map->cell_first[cell]; work->cells[i] > 0 && k < map->cell_first[cell + 1]; k++) {
            const size_t row = (size_t)map->cell_sites[k] * CAIRN_LEAK_CLASSES + class;
            if (best[row] == 0 ||
                work->cells[i] > work->cells[(best[row] - 1) * CAIRN_LEAK_CLASSES + class]) {
                best[row] = (uint32_t)cell + 1;
                work->rows[row].stack = map->cell_stack[cell];
            }
        }
    }
    free(best);
    return CAIRN_OK;
}

static int64_t sort_value(const struct cairn_selection *selection, const struct cairn_leak_row *row)
{
    switch (selection->sort) {
    case CAIRN_SORT_BLOCKS:
    case CAIRN_SORT_LIVE_BLOCKS:
        return row->blocks;
    case CAIRN_SORT_OLDEST_AGE_NS:
        return row->oldest_age_ns;
    case CAIRN_SORT_NAME:
        return 0;
    default:
        return row->bytes;
    }
}

static int compare(const void *left, const void *right, void *state)
{
    const struct cairn_selection *selection = state;
    const struct cairn_leak_row *a = left, *b = right;
    const bool held_a = a->class == CAIRN_LEAK_REACHABLE, held_b = b->class == CAIRN_LEAK_REACHABLE;
    if (held_a != held_b) {
        return held_a ? 1 : -1;
    }
    const int64_t value_a = sort_value(selection, a), value_b = sort_value(selection, b);
    if (value_a != value_b) {
        return (value_a < value_b) == !selection->reverse ? 1 : -1;
    }
    const int by_name = cairn_site_compare(&a->site, &b->site);
    if (by_name == 0) {
        return (a->class > b->class) - (a->class < b->class);
    }
    return selection->sort == CAIRN_SORT_NAME && selection->reverse ? -by_name : by_name;
}

static enum cairn_status fill_rows(struct work *work, const struct cairn_selection *selection,
                                   struct cairn_leaks *leaks, struct cairn_error *error)
{
    const struct cairn_site_map *map = work->question.map;
    struct cairn_selection order = *selection;
    size_t first;
    for (size_t i = 0; i < map->site_count * CAIRN_LEAK_CLASSES; i++) {
        struct cairn_leak_row row = work->rows[i];
        if (row.bytes == 0 && row.blocks == 0) {
            continue;
        }
        row.site = map->sites[i / CAIRN_LEAK_CLASSES];
        row.class = (enum cairn_leak_class)(i % CAIRN_LEAK_CLASSES);
        row.percent = cairn_percent(row.bytes, row.class == CAIRN_LEAK_REACHABLE ? work->reachable_bytes
                                                                                 : work->leaked_bytes);
        work->rows[leaks->rows_total++] = row;
    }
    qsort_r(work->rows, leaks->rows_total, sizeof(*work->rows), compare, &order);
    leaks->row_count = cairn_rank_slice(selection, leaks->rows_total, &first);
    leaks->rows = cairn_arena_alloc(&leaks->arena, (leaks->row_count + 1) * sizeof(*leaks->rows));
    if (!leaks->rows) {
        return cairn_no_memory(error, "the leaks");
    }
    for (size_t i = 0; i < leaks->row_count; i++) {
        leaks->rows[i] = work->rows[first + i];
    }
    return CAIRN_OK;
}

/* One graph is a moment of its own; of several processes each was told at another one. */
static enum cairn_status find_moment(struct cairn_trace *trace, const struct cairn_leak_sums *sums,
                                     struct cairn_moment *at, struct cairn_error *error)
{
    if (sums->graph_count != 1) {
        return cairn_moment_parse(trace, "end", NULL, 0, at, error);
    }
    const enum cairn_status status = cairn_moment_at(trace, sums->graph->t_ns, at, error);
    if (status == CAIRN_OK && sums->graph->name && sums->graph->name[0] != '\0') {
        char clean[sizeof at->label - 1];
        cairn_sanitise(clean, sizeof clean, sums->graph->name, strlen(sums->graph->name));
        snprintf(at->label, sizeof at->label, "@%s", clean);
    }
    return status;
}

static enum cairn_status answer(struct work *work, struct cairn_trace *trace,
                                const struct cairn_selection *selection, int64_t min_age_ns,
                                const struct cairn_suppressions *suppressions, struct cairn_leaks *leaks,
                                struct cairn_error *error)
{
    enum cairn_status status = cairn_question_open(&work->question, trace, selection, error);
    if (status == CAIRN_OK && suppressions) {
        status = cairn_suppressions_accounts(suppressions, trace, &work->suppressed, error);
    }
    if (status == CAIRN_OK) {
        status =
            cairn_leak_sums_read(trace, selection->process, min_age_ns, work->suppressed, &work->sums, error);
    }
    if (status == CAIRN_OK) {
        leaks->by_graph = work->sums.graph_count > 0;
        status = find_moment(trace, &work->sums, &leaks->at, error);
    }
    if (status == CAIRN_OK) {
        status = add_accounts(work, leaks, error);
    }
    if (status == CAIRN_OK) {
        status = find_stacks(work, error);
    }
    return status == CAIRN_OK ? fill_rows(work, selection, leaks, error) : status;
}

/* Errors, and classes that only a graph tells. */
static void finish(struct cairn_leaks *leaks, struct cairn_trace *trace)
{
    leaks->error_bytes = cairn_error_bytes(cairn_trace_recording(trace), leaks->variance);
    for (size_t i = 0; i < leaks->row_count; i++) {
        leaks->rows[i].error_bytes = cairn_error_bytes(cairn_trace_recording(trace), leaks->rows[i].variance);
    }
    for (size_t i = 0; !leaks->by_graph && i < CAIRN_LEAK_UNKNOWN; i++) {
        leaks->classes[i] = (struct cairn_leak_total){.bytes = CAIRN_UNKNOWN, .blocks = CAIRN_UNKNOWN};
    }
}

static void hide_untold(struct cairn_leaks *leaks)
{
    leaks->blocks = CAIRN_UNKNOWN;
    for (size_t i = 0; i < CAIRN_LEAK_CLASSES; i++) {
        leaks->classes[i].blocks = CAIRN_UNKNOWN;
    }
    for (size_t i = 0; i < leaks->row_count; i++) {
        leaks->rows[i].blocks = leaks->rows[i].oldest_age_ns = CAIRN_UNKNOWN;
    }
}

enum cairn_status cairn_leaks(struct cairn_trace *trace, const struct cairn_selection *selection,
                              int64_t min_age_ns, const struct cairn_suppressions *suppressions,
                              struct cairn_leaks *leaks, struct cairn_error *error)
{
    struct work work = {.rows = NULL};
    struct cairn_leaks made = {.arena = CAIRN_ARENA_INIT};
    const enum cairn_status status = answer(&work, trace, selection, min_age_ns, suppressions, &made, error);
    free(work.suppressed);
    free(work.rows);
    free(work.cells);
    cairn_leak_sums_release(&work.sums);
    cairn_question_release(&work.question);
    if (status != CAIRN_OK) {
        cairn_leaks_release(&made);
        return status;
    }
    finish(&made, trace);
    if (cairn_trace_recording(trace)->untold & CAIRN_UNTOLD_EVENTS) {
        hide_untold(&made);
    }
    *leaks = made;
    return CAIRN_OK;
}

void cairn_leaks_release(struct cairn_leaks *leaks)
{
    cairn_arena_release(&leaks->arena);
    *leaks = (struct cairn_leaks){.rows = NULL};
}
