#include "query/object_sites.h"

#include <stdlib.h>

#include "query/grow.h"
#include "query/no_memory.h"
#include "query/object_rows.h"
#include "query/question.h"
#include "query/rank.h"
#include "query/site_label.h"
#include "query/sum.h"

#define PAGE_LINKS 256u

struct work {
    struct cairn_question question;
    const struct cairn_graph_account *accounts; /* by account, type, class */
    size_t account_count;
    struct cairn_object_site *rows; /* by site */
    int64_t *cells;                 /* bytes + 1 by cell; 0: no object */
    int64_t whole_bytes;
};

static enum cairn_status open_work(struct work *work, struct cairn_graph *graph,
                                   const struct cairn_selection *selection, struct cairn_error *error)
{
    *work = (struct work){.rows = NULL};
    const enum cairn_status status =
        cairn_question_open(&work->question, cairn_graph_trace(graph), selection, error);
    return status == CAIRN_OK ? cairn_graph_accounts(graph, &work->accounts, &work->account_count, error)
                              : status;
}

/* Whether a sum is of the type, and of an account that takes part. */
static bool is_asked(const struct work *work, const struct cairn_graph_account *sum, uint32_t type)
{
    return (type == CAIRN_ALL_TYPES || sum->type == type) && sum->account - 1u < work->question.count &&
           cairn_question_counts(&work->question, sum->account - 1u);
}

static void add_sum(struct work *work, const struct cairn_graph_account *sum,
                    struct cairn_object_sites *sites)
{
    const struct cairn_site_map *map = work->question.map;
    const uint32_t cell = map->cell_of[sum->account - 1];
    const int64_t leaked = sum->class != CAIRN_OBJECT_REACHABLE ? sum->bytes : 0;
    cairn_add(&work->cells[cell], sum->bytes + (work->cells[cell] == 0));
    cairn_add(&sites->objects, sum->objects);
    cairn_add(&sites->blocks, sum->blocks);
    cairn_add(&sites->bytes, sum->bytes);
    cairn_add(&sites->leaked_bytes, leaked);
    for (size_t k = map->cell_first[cell]; k < map->cell_first[cell + 1]; k++) {
        struct cairn_object_site *row = &work->rows[map->cell_sites[k]];
        cairn_add(&row->objects, sum->objects);
        cairn_add(&row->blocks, sum->blocks);
        cairn_add(&row->bytes, sum->bytes);
        cairn_add(&row->leaked_bytes, leaked);
    }
}

static enum cairn_status add_sums(struct work *work, uint32_t type, struct cairn_object_sites *sites,
                                  struct cairn_error *error)
{
    const struct cairn_site_map *map = work->question.map;
    work->rows = calloc(map->site_count + 1, sizeof *work->rows);
    work->cells = calloc(map->cell_count + 1, sizeof *work->cells);
    if (!work->rows || !work->cells) {
        return cairn_no_memory(error, "the sites of objects");
    }
    for (size_t i = 0; i < work->account_count; i++) {
        const struct cairn_graph_account *sum = &work->accounts[i];
        if (is_asked(work, sum, type)) {
            cairn_add(&work->whole_bytes, sum->bytes);
            if (cairn_question_keeps(&work->question, sum->account - 1u)) {
                add_sum(work, sum, sites);
            }
        }
    }
    return CAIRN_OK;
}

static enum cairn_status find_stacks(struct work *work, struct cairn_error *error)
{
    const struct cairn_site_map *map = work->question.map;
    int64_t *best = calloc(map->site_count + 1, sizeof *best);
    if (!best) {
        return cairn_no_memory(error, "the sites of objects");
    }
    for (size_t cell = 0; cell < map->cell_count; cell++) {
        for (size_t k = map->cell_first[cell]; k < map->cell_first[cell + 1]; k++) {
            const uint32_t site = map->cell_sites[k];
            if (work->cells[cell] > best[site]) {
                best[site] = work->cells[cell];
                work->rows[site].stack = map->cell_stack[cell];
            }
        }
    }
    free(best);
    return CAIRN_OK;
}

static int compare(const void *left, const void *right)
{
    const struct cairn_object_site *a = left, *b = right;
    if (a->bytes != b->bytes) {
        return a->bytes < b->bytes ? 1 : -1;
    }
    return cairn_site_compare(&a->site, &b->site);
}

static enum cairn_status fill_rows(struct work *work, const struct cairn_selection *selection,
                                   struct cairn_object_sites *sites, struct cairn_error *error)
{
    const struct cairn_site_map *map = work->question.map;
    size_t first;
    for (size_t site = 0; site < map->site_count; site++) {
        struct cairn_object_site row = work->rows[site];
        if (row.objects > 0) {
            row.site = map->sites[site];
            row.percent = cairn_percent(row.bytes, work->whole_bytes);
            work->rows[sites->rows_total++] = row;
        }
    }
    qsort(work->rows, sites->rows_total, sizeof *work->rows, compare);
    sites->row_count = cairn_rank_slice(selection, sites->rows_total, &first);
    sites->rows = cairn_arena_alloc(&sites->arena, (sites->row_count + 1) * sizeof *sites->rows);
    if (!sites->rows) {
        return cairn_no_memory(error, "the sites of objects");
    }
    for (size_t i = 0; i < sites->row_count; i++) {
        sites->rows[i] = work->rows[first + i];
    }
    return CAIRN_OK;
}

enum cairn_status cairn_object_sites(struct cairn_graph *graph, const struct cairn_selection *selection,
                                     uint32_t type, struct cairn_object_sites *sites,
                                     struct cairn_error *error)
{
    struct work work;
    struct cairn_object_sites made = {.arena = CAIRN_ARENA_INIT};
    enum cairn_status status = open_work(&work, graph, selection, error);
    if (status == CAIRN_OK) {
        status = add_sums(&work, type, &made, error);
    }
    if (status == CAIRN_OK) {
        status = find_stacks(&work, error);
    }
    if (status == CAIRN_OK) {
        status = fill_rows(&work, selection, &made, error);
    }
    free(work.rows);
    free(work.cells);
    cairn_question_release(&work.question);
    if (status != CAIRN_OK) {
        cairn_object_sites_release(&made);
        return status;
    }
    *sites = made;
    return CAIRN_OK;
}

void cairn_object_sites_release(struct cairn_object_sites *sites)
{
    cairn_arena_release(&sites->arena);
    *sites = (struct cairn_object_sites){.rows = NULL};
}

/* Objects to be put in order. */
struct found {
    uint64_t retained_bytes;
    uint32_t id;
};

struct list {
    struct found *items;
    size_t count, capacity;
};

static enum cairn_status add_account(struct cairn_graph *graph, uint32_t account, uint32_t type,
                                     struct list *list, struct cairn_error *error)
{
    struct cairn_link links[PAGE_LINKS];
    size_t offset = 0, count = 0, total = 0;
    do {
        enum cairn_status status = cairn_graph_links(graph, CAIRN_LINKS_ACCOUNTS, account - 1, offset, links,
                                                     PAGE_LINKS, &count, &total, error);
        struct found *grown = status == CAIRN_OK ? cairn_grow(list->items, sizeof *grown,
                                                              list->count + count + 1, &list->capacity)
                                                 : NULL;
        if (!grown) {
            return status != CAIRN_OK ? status : cairn_no_memory(error, "the objects of a site");
        }
        list->items = grown;
        for (size_t i = 0; status == CAIRN_OK && i < count; i++) {
            struct cairn_object object;
            status = cairn_graph_object(graph, links[i].object, &object, error);
            if (status == CAIRN_OK && (type == CAIRN_ALL_TYPES || object.type == type)) {
                grown[list->count++] =
                    (struct found){.retained_bytes = object.retained_bytes, .id = object.id};
            }
        }
        if (status != CAIRN_OK) {
            return status;
        }
        offset += count;
    } while (count > 0 && offset < total);
    return CAIRN_OK;
}

static int compare_found(const void *left, const void *right)
{
    const struct found *a = left, *b = right;
    if (a->retained_bytes != b->retained_bytes) {
        return a->retained_bytes < b->retained_bytes ? 1 : -1;
    }
    return (a->id > b->id) - (a->id < b->id);
}

static enum cairn_status find_objects(struct work *work, struct cairn_graph *graph, uint32_t type,
                                      struct list *list, struct cairn_error *error)
{
    uint32_t last = 0;
    enum cairn_status status = CAIRN_OK;
    for (size_t i = 0; status == CAIRN_OK && i < work->account_count; i++) {
        const struct cairn_graph_account *sum = &work->accounts[i];
        if (sum->account != last && is_asked(work, sum, type) &&
            cairn_question_keeps(&work->question, sum->account - 1u)) {
            last = sum->account;
            status = add_account(graph, sum->account, type, list, error);
        }
    }
    if (status == CAIRN_OK && list->count > 0) {
        qsort(list->items, list->count, sizeof *list->items, compare_found);
    }
    return status;
}

enum cairn_status cairn_objects_allocated(struct cairn_graph *graph, const struct cairn_selection *selection,
                                          uint32_t type, struct cairn_objects *objects,
                                          struct cairn_error *error)
{
    struct work work;
    struct list list = {.items = NULL};
    struct cairn_object_rows rows;
    size_t first = 0;
    cairn_object_rows_open(&rows, graph);
    enum cairn_status status = open_work(&work, graph, selection, error);
    if (status == CAIRN_OK) {
        status = find_objects(&work, graph, type, &list, error);
    }
    const size_t count = cairn_rank_slice(selection, list.count, &first);
    for (size_t i = 0; status == CAIRN_OK && i < count; i++) {
        status = cairn_object_rows_add(&rows, list.items[first + i].id, false, CAIRN_LABEL_NONE,
                                       CAIRN_EDGE_EXACT, error);
    }
    rows.made.rows_total = list.count;
    rows.made.next_offset = first + count;
    free(list.items);
    cairn_question_release(&work.question);
    return cairn_object_rows_finish(&rows, status, objects);
}
