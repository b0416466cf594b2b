#include "query/type_growth.h"

#include <stdlib.h>
#include <string.h>

#include "query/diff.h"
#include "query/no_memory.h"
#include "query/sum.h"

#define PAGE_LINKS 1024u

struct work {
    const struct cairn_object_origin *origin; /* NULL: of two traces, nothing survives */
    struct places {
        const uint8_t *marks; /* of the accounts meant */
        size_t count;
    } a, b;
    struct cairn_type_growth_row *rows; /* types of B by number, then those that only A has */
    size_t row_count, b_types;
    uint32_t *rows_of_a; /* by type of A: its row + 1; 0: not looked for yet */
};

static enum cairn_status name_types(struct work *work, struct cairn_graph *a, struct cairn_graph *b,
                                    struct cairn_error *error)
{
    const struct cairn_graph_type *a_types, *b_types;
    size_t a_count, b_count;
    enum cairn_status status = cairn_graph_types(a, &a_types, &a_count, error);
    if (status == CAIRN_OK) {
        status = cairn_graph_types(b, &b_types, &b_count, error);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    work->rows = calloc(a_count + b_count + 1, sizeof *work->rows);
    work->rows_of_a = calloc(a_count + 1, sizeof *work->rows_of_a);
    if (!work->rows || !work->rows_of_a) {
        return cairn_no_memory(error, "the growth of types");
    }
    for (size_t i = 0; i < b_count; i++) {
        work->rows[i] = (struct cairn_type_growth_row){
            .type = b_types[i].name, .lang = b_types[i].lang, .number = (uint32_t)i};
    }
    work->row_count = work->b_types = b_count;
    return CAIRN_OK;
}

/* The row of a type of A: that of the same name in B, or one of its own. */
static struct cairn_type_growth_row *row_of(struct work *work, const struct cairn_graph_type *type)
{
    uint32_t *known = &work->rows_of_a[type->type];
    for (size_t i = 0; *known == 0 && i < work->row_count; i++) {
        if (work->rows[i].lang == type->lang && strcmp(work->rows[i].type, type->name) == 0) {
            *known = (uint32_t)i + 1;
        }
    }
    if (*known == 0) {
        work->rows[work->row_count++] =
            (struct cairn_type_growth_row){.type = type->name, .lang = type->lang, .number = UINT32_MAX};
        *known = (uint32_t)work->row_count;
    }
    return &work->rows[*known - 1];
}

static bool is_meant(const struct places *places, const struct cairn_graph_account *sum)
{
    return sum->account - 1u < places->count && places->marks[sum->account - 1u];
}

static enum cairn_status add_a(struct work *work, struct cairn_graph *graph, struct cairn_error *error)
{
    const struct cairn_graph_account *sums;
    const struct cairn_graph_type *types;
    size_t count, type_count;
    enum cairn_status status = cairn_graph_accounts(graph, &sums, &count, error);
    if (status == CAIRN_OK) {
        status = cairn_graph_types(graph, &types, &type_count, error);
    }
    for (size_t i = 0; status == CAIRN_OK && i < count; i++) {
        if (is_meant(&work->a, &sums[i]) && sums[i].type < type_count) {
            struct cairn_type_growth_row *row = row_of(work, &types[sums[i].type]);
            cairn_add(&row->a_objects, sums[i].objects);
            cairn_add(&row->a_bytes, sums[i].bytes);
        }
    }
    return status;
}

static enum cairn_status add_survivors(const struct work *work, struct cairn_graph *graph, uint32_t account,
                                       struct cairn_error *error)
{
    struct cairn_link links[PAGE_LINKS];
    size_t count = 0, total = 0, at = 0;
    enum cairn_status status;
    do {
        status = cairn_graph_links(graph, CAIRN_LINKS_ACCOUNTS, account - 1, at, links, PAGE_LINKS, &count,
                                   &total, error);
        for (size_t i = 0; status == CAIRN_OK && i < count; i++) {
            struct cairn_object object;
            status = cairn_graph_object(graph, links[i].object, &object, error);
            if (status == CAIRN_OK && object.type < work->b_types &&
                cairn_origin_takes(work->origin, &object)) {
                cairn_add(&work->rows[object.type].survived_objects, 1);
                cairn_add(&work->rows[object.type].survived_bytes, (int64_t)object.block_bytes);
            }
        }
        at += count;
        if (status == CAIRN_OK && cairn_trace_cancelled(cairn_graph_trace(graph))) {
            status = cairn_fail(error, CAIRN_E_CANCELLED, "cancelled");
        }
    } while (status == CAIRN_OK && count > 0 && at < total);
    return status;
}

/* Sums come by account: the objects of each are looked at once. */
static enum cairn_status add_b(struct work *work, struct cairn_graph *graph, struct cairn_error *error)
{
    const struct cairn_graph_account *sums;
    size_t count;
    uint32_t last = 0;
    enum cairn_status status = cairn_graph_accounts(graph, &sums, &count, error);
    for (size_t i = 0; status == CAIRN_OK && i < count; i++) {
        if (!is_meant(&work->b, &sums[i]) || sums[i].type >= work->b_types) {
            continue;
        }
        cairn_add(&work->rows[sums[i].type].b_objects, sums[i].objects);
        cairn_add(&work->rows[sums[i].type].b_bytes, sums[i].bytes);
        if (work->origin && sums[i].account != last) {
            status = add_survivors(work, graph, sums[i].account, error);
        }
        last = sums[i].account;
    }
    return status;
}

static int64_t change_of(const struct cairn_type_growth_row *row)
{
    const int64_t change = row->b_bytes - row->a_bytes;
    return change < 0 ? -change : change;
}

static int compare(const void *left, const void *right)
{
    const struct cairn_type_growth_row *a = left, *b = right;
    if (change_of(a) != change_of(b)) {
        return change_of(a) < change_of(b) ? 1 : -1;
    }
    const int by_name = strcmp(a->type, b->type);
    return by_name != 0 ? by_name : (a->lang > b->lang) - (a->lang < b->lang);
}

/* Leaves out the types that the place never made, and sums up the others. */
static void finish(struct work *work, struct cairn_type_growth *growth)
{
    struct cairn_type_growth_row total = {.number = UINT32_MAX};
    if (!work->origin) {
        total.survived_objects = total.survived_bytes = CAIRN_UNKNOWN;
    }
    size_t kept = 0;
    for (size_t i = 0; i < work->row_count; i++) {
        struct cairn_type_growth_row row = work->rows[i];
        if (row.a_objects == 0 && row.b_objects == 0) {
            continue;
        }
        if (!work->origin) {
            row.survived_objects = row.survived_bytes = CAIRN_UNKNOWN;
        }
        work->rows[kept++] = row;
        cairn_add(&total.a_objects, row.a_objects);
        cairn_add(&total.a_bytes, row.a_bytes);
        cairn_add(&total.b_objects, row.b_objects);
        cairn_add(&total.b_bytes, row.b_bytes);
        if (work->origin) {
            cairn_add(&total.survived_objects, row.survived_objects);
            cairn_add(&total.survived_bytes, row.survived_bytes);
        }
    }
    if (kept > 0) {
        qsort(work->rows, kept, sizeof *work->rows, compare);
    }
    *growth = (struct cairn_type_growth){.rows = work->rows, .row_count = kept, .total = total};
}

static enum cairn_status compare_graphs(struct work *work, struct cairn_graph *a, struct cairn_graph *b,
                                        struct cairn_type_growth *growth, struct cairn_error *error)
{
    enum cairn_status status = name_types(work, a, b, error);
    if (status == CAIRN_OK) {
        status = add_a(work, a, error);
    }
    if (status == CAIRN_OK) {
        status = add_b(work, b, error);
    }
    free(work->rows_of_a);
    if (status != CAIRN_OK) {
        free(work->rows);
        return status;
    }
    finish(work, growth);
    return CAIRN_OK;
}

enum cairn_status cairn_type_growth(struct cairn_graph *a, struct cairn_graph *b,
                                    const struct cairn_object_origin *origin,
                                    struct cairn_type_growth *growth, struct cairn_error *error)
{
    struct cairn_object_origin wanted = *origin;
    wanted.type = 0;
    uint8_t *marks;
    size_t count;
    enum cairn_status status = cairn_origin_accounts(cairn_graph_trace(b), &wanted, &marks, &count, error);
    if (status != CAIRN_OK) {
        return status;
    }
    struct work work = {.origin = &wanted, .a = {marks, count}, .b = {marks, count}};
    status = compare_graphs(&work, a, b, growth, error);
    free(marks);
    return status;
}

enum cairn_status cairn_type_growth_of_traces(struct cairn_graph *a, struct cairn_graph *b,
                                              const struct cairn_selection *selection, int64_t site_id,
                                              struct cairn_type_growth *growth, struct cairn_error *error)
{
    uint8_t *marks[2];
    size_t counts[2];
    enum cairn_status status = cairn_diff_accounts(cairn_graph_trace(a), cairn_graph_trace(b), selection,
                                                   site_id, marks, counts, error);
    if (status != CAIRN_OK) {
        return status;
    }
    struct work work = {.a = {marks[0], counts[0]}, .b = {marks[1], counts[1]}};
    status = compare_graphs(&work, a, b, growth, error);
    free(marks[0]);
    free(marks[1]);
    return status;
}

void cairn_type_growth_release(struct cairn_type_growth *growth)
{
    free(growth->rows);
    *growth = (struct cairn_type_growth){.rows = NULL};
}
