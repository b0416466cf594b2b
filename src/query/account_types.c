#include "query/account_types.h"

#include <stdlib.h>
#include <string.h>

#include "query/grow.h"
#include "query/no_memory.h"

/* What an account's objects of one type come to; `type` is an index of all types of all graphs first. */
struct share {
    uint32_t account, type;
    int64_t bytes, objects;
};

/* A type of one graph. */
struct name {
    struct cairn_account_type row;
    uint32_t index;
};

struct work {
    struct cairn_trace *trace;
    struct cairn_account_types *types;
    struct name *names;
    size_t name_count, name_capacity;
    struct share *largest; /* by account − 1; account 0: none yet */
};

static bool is_last(const struct cairn_graph_info *graphs, size_t count, size_t at)
{
    for (size_t i = 0; i < count; i++) {
        const bool later = graphs[i].t_ns > graphs[at].t_ns || (graphs[i].t_ns == graphs[at].t_ns && i > at);
        if (graphs[i].process == graphs[at].process && later) {
            return false;
        }
    }
    return true;
}

static enum cairn_status add_names(struct work *work, struct cairn_graph *graph, struct cairn_error *error)
{
    const struct cairn_graph_type *rows;
    size_t count;
    const enum cairn_status status = cairn_graph_types(graph, &rows, &count, error);
    if (status != CAIRN_OK) {
        return status;
    }
    struct name *grown =
        cairn_grow(work->names, sizeof *grown, work->name_count + count + 1, &work->name_capacity);
    if (!grown) {
        return cairn_no_memory(error, "the types of accounts");
    }
    work->names = grown;
    for (size_t i = 0; i < count; i++) {
        const char *name = cairn_arena_copy(&work->types->texts, rows[i].name, strlen(rows[i].name));
        if (!name) {
            return cairn_no_memory(error, "the types of accounts");
        }
        grown[work->name_count] =
            (struct name){.row = {.name = name, .lang = rows[i].lang}, .index = (uint32_t)work->name_count};
        work->name_count++;
    }
    return CAIRN_OK;
}

static bool is_larger(const struct share *a, const struct share *b)
{
    return b->account == 0 || a->bytes > b->bytes || (a->bytes == b->bytes && a->objects > b->objects);
}

/* Rows come by account, then type, then class. `first`: index of the graph's type 0. */
static enum cairn_status add_shares(struct work *work, struct cairn_graph *graph, size_t first,
                                    struct cairn_error *error)
{
    const struct cairn_graph_account *rows;
    size_t count;
    const enum cairn_status status = cairn_graph_accounts(graph, &rows, &count, error);
    for (size_t i = 0; status == CAIRN_OK && i < count;) {
        struct share share = {.account = rows[i].account, .type = (uint32_t)(first + rows[i].type)};
        const uint32_t type = rows[i].type;
        for (; i < count && rows[i].account == share.account && rows[i].type == type; i++) {
            share.bytes += rows[i].bytes;
            share.objects += rows[i].objects;
        }
        if (share.account != 0 && share.account <= work->types->account_count &&
            is_larger(&share, &work->largest[share.account - 1])) {
            work->largest[share.account - 1] = share;
        }
    }
    return status;
}

static enum cairn_status add_graph(struct work *work, uint32_t number, struct cairn_error *error)
{
    struct cairn_graph *graph = NULL;
    const size_t first = work->name_count;
    enum cairn_status status = cairn_graph_open(work->trace, number, &graph, error);
    if (status == CAIRN_OK) {
        status = add_names(work, graph, error);
    }
    if (status == CAIRN_OK) {
        status = add_shares(work, graph, first, error);
    }
    cairn_graph_close(graph);
    return status;
}

static int compare_names(const void *left, const void *right)
{
    const struct name *a = left, *b = right;
    const int by_name = strcmp(a->row.name, b->row.name);
    if (by_name != 0) {
        return by_name;
    }
    return a->row.lang != b->row.lang ? (a->row.lang > b->row.lang) - (a->row.lang < b->row.lang)
                                      : (a->index > b->index) - (a->index < b->index);
}

/* Types of several graphs with one name are one. */
static enum cairn_status number_types(struct work *work, struct cairn_error *error)
{
    struct cairn_account_types *types = work->types;
    uint32_t *number = calloc(work->name_count + 1, sizeof *number);
    types->rows = malloc((work->name_count + 1) * sizeof *types->rows);
    if (!number || !types->rows) {
        free(number);
        return cairn_no_memory(error, "the types of accounts");
    }
    if (work->name_count > 0) {
        qsort(work->names, work->name_count, sizeof *work->names, compare_names);
    }
    for (size_t i = 0; i < work->name_count; i++) {
        const struct cairn_account_type *row = &work->names[i].row;
        const struct cairn_account_type *last = types->count > 0 ? &types->rows[types->count - 1] : NULL;
        if (!last || last->lang != row->lang || strcmp(last->name, row->name) != 0) {
            types->rows[types->count++] = *row;
        }
        number[work->names[i].index] = (uint32_t)types->count;
    }
    for (size_t i = 0; i < types->account_count; i++) {
        types->of[i] = work->largest[i].account != 0 ? number[work->largest[i].type] : 0;
    }
    free(number);
    return CAIRN_OK;
}

static enum cairn_status fill(struct work *work, struct cairn_error *error)
{
    const struct cairn_graph_info *graphs;
    const struct cairn_account *accounts;
    size_t count;
    enum cairn_status status = cairn_trace_graphs(work->trace, &graphs, &count, error);
    if (status == CAIRN_OK && count == 0) {
        return cairn_fail(error, CAIRN_E_NOT_FOUND,
                          "blocks have no types in this trace: types need an object graph, and it has none");
    }
    if (status == CAIRN_OK) {
        status = cairn_trace_accounts(work->trace, &accounts, &work->types->account_count, error);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    work->types->of = calloc(work->types->account_count + 1, sizeof *work->types->of);
    work->largest = calloc(work->types->account_count + 1, sizeof *work->largest);
    if (!work->types->of || !work->largest) {
        return cairn_no_memory(error, "the types of accounts");
    }
    for (size_t i = 0; status == CAIRN_OK && i < count; i++) {
        status = is_last(graphs, count, i) ? add_graph(work, graphs[i].graph, error) : CAIRN_OK;
    }
    return status == CAIRN_OK ? number_types(work, error) : status;
}

enum cairn_status cairn_account_types_read(struct cairn_trace *trace, struct cairn_account_types *types,
                                           struct cairn_error *error)
{
    struct cairn_account_types made = {.texts = CAIRN_ARENA_INIT};
    struct work work = {.trace = trace, .types = &made};
    const enum cairn_status status = fill(&work, error);
    free(work.names);
    free(work.largest);
    if (status != CAIRN_OK) {
        cairn_account_types_release(&made);
        return status;
    }
    *types = made;
    return CAIRN_OK;
}

void cairn_account_types_release(struct cairn_account_types *types)
{
    free(types->of);
    free(types->rows);
    cairn_arena_release(&types->texts);
    *types = (struct cairn_account_types){.rows = NULL};
}
