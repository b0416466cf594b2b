#include "query/size_sites.h"

#include <stdlib.h>

#include "query/no_memory.h"
#include "query/question.h"
#include "query/site_label.h"
#include "query/sum.h"

#define CELLS_LIMIT ((size_t)CAIRN_SIZE_BUCKETS * CAIRN_LIFETIME_BUCKETS)

struct work {
    struct cairn_question question;
    unsigned bucket;
    struct cairn_size_site *rows; /* by site */
    int64_t *most;                /* by site: allocations of its heaviest stack so far */
    int64_t *stacks;              /* by cell: allocations */
    struct cairn_histogram_cell cells[CELLS_LIMIT];
};

static enum cairn_status add_account(struct work *work, size_t index, struct cairn_error *error)
{
    const struct cairn_site_map *map = work->question.map;
    const uint32_t cell = map->cell_of[index];
    struct cairn_size_site sum = {.allocations = 0};
    size_t count;
    const enum cairn_status status =
        cairn_trace_histogram(work->question.trace, work->question.accounts[index].account, work->cells,
                              CELLS_LIMIT, &count, error);
    for (size_t i = 0; status == CAIRN_OK && i < count; i++) {
        if (work->cells[i].size_bucket == work->bucket) {
            cairn_add(&sum.allocations, (int64_t)work->cells[i].blocks);
            cairn_add(&sum.temporary, (int64_t)work->cells[i].temporary);
            cairn_add(&sum.live, work->cells[i].lifetime_bucket == CAIRN_LIFETIME_LIVE
                                     ? (int64_t)work->cells[i].blocks
                                     : 0);
        }
    }
    if (status != CAIRN_OK || sum.allocations == 0) {
        return status;
    }
    cairn_add(&work->stacks[cell], sum.allocations);
    for (size_t k = map->cell_first[cell]; k < map->cell_first[cell + 1]; k++) {
        const uint32_t site = map->cell_sites[k];
        struct cairn_size_site *row = &work->rows[site];
        cairn_add(&row->allocations, sum.allocations);
        cairn_add(&row->temporary, sum.temporary);
        cairn_add(&row->live, sum.live);
        if (work->stacks[cell] > work->most[site]) {
            work->most[site] = work->stacks[cell];
            row->stack = map->cell_stack[cell];
        }
    }
    return CAIRN_OK;
}

static enum cairn_status add_accounts(struct work *work, struct cairn_error *error)
{
    const struct cairn_site_map *map = work->question.map;
    work->rows = calloc(map->site_count + 1, sizeof *work->rows);
    work->most = calloc(map->site_count + 1, sizeof *work->most);
    work->stacks = calloc(map->cell_count + 1, sizeof *work->stacks);
    enum cairn_status status =
        work->rows && work->most && work->stacks ? CAIRN_OK : cairn_no_memory(error, "the sites of a size");
    for (size_t i = 0; status == CAIRN_OK && i < work->question.count; i++) {
        if (cairn_question_counts(&work->question, i) && cairn_question_keeps(&work->question, i)) {
            status = add_account(work, i, error);
        }
        if (status == CAIRN_OK && i % 256 == 0 && cairn_trace_cancelled(work->question.trace)) {
            status = cairn_fail(error, CAIRN_E_CANCELLED, "cancelled");
        }
    }
    return status;
}

static int compare(const void *left, const void *right)
{
    const struct cairn_size_site *a = left, *b = right;
    if (a->allocations != b->allocations) {
        return a->allocations < b->allocations ? 1 : -1;
    }
    return cairn_site_compare(&a->site, &b->site);
}

static enum cairn_status fill_rows(const struct work *work, struct cairn_size_sites *sites,
                                   struct cairn_error *error)
{
    const struct cairn_site_map *map = work->question.map;
    sites->rows = cairn_arena_alloc(&sites->arena, (map->site_count + 1) * sizeof *sites->rows);
    if (!sites->rows) {
        return cairn_no_memory(error, "the sites of a size");
    }
    for (size_t site = 0; site < map->site_count; site++) {
        if (work->rows[site].allocations > 0) {
            sites->rows[sites->row_count] = work->rows[site];
            sites->rows[sites->row_count++].site = map->sites[site];
        }
    }
    if (sites->row_count > 0) {
        qsort(sites->rows, sites->row_count, sizeof *sites->rows, compare);
    }
    return CAIRN_OK;
}

enum cairn_status cairn_size_sites(struct cairn_trace *trace, const struct cairn_selection *selection,
                                   int64_t size_low, struct cairn_size_sites *sites,
                                   struct cairn_error *error)
{
    struct cairn_size_sites made = {.arena = CAIRN_ARENA_INIT};
    struct work *work = calloc(1, sizeof *work);
    if (!work) {
        return cairn_no_memory(error, "the sites of a size");
    }
    for (int64_t low = size_low; low > 0; low /= 2) {
        work->bucket++;
    }
    enum cairn_status status = cairn_question_open(&work->question, trace, selection, error);
    if (status == CAIRN_OK) {
        status = add_accounts(work, error);
    }
    if (status == CAIRN_OK) {
        status = fill_rows(work, &made, error);
    }
    cairn_question_release(&work->question);
    free(work->rows);
    free(work->most);
    free(work->stacks);
    free(work);
    if (status != CAIRN_OK) {
        cairn_size_sites_release(&made);
        return status;
    }
    *sites = made;
    return CAIRN_OK;
}

void cairn_size_sites_release(struct cairn_size_sites *sites)
{
    cairn_arena_release(&sites->arena);
    *sites = (struct cairn_size_sites){.rows = NULL};
}
