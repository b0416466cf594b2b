#include "query/graph_diff.h"

#include <stdlib.h>
#include <string.h>

#include "query/grow.h"
#include "query/no_memory.h"
#include "query/sum.h"

/* One graph's identities, and its types in order of name. */
struct side {
    struct cairn_graph *graph;
    const struct cairn_graph_type *types;
    size_t type_count;
    uint32_t *by_name;
    uint64_t *keys; /* those of type t are keys[first[t]] up to keys[first[t + 1]] */
    size_t *first;
    size_t key_count, key_capacity;
};

static int compare_names(const struct cairn_graph_type *a, const struct cairn_graph_type *b)
{
    const int by_name = strcmp(a->name, b->name);
    return by_name != 0 ? by_name : (a->lang > b->lang) - (a->lang < b->lang);
}

static int compare_by_name(const void *left, const void *right, void *state)
{
    const struct cairn_graph_type *types = ((const struct side *)state)->types;
    return compare_names(&types[*(const uint32_t *)left], &types[*(const uint32_t *)right]);
}

/* `*type`: the one whose keys were read last; -1 before the first. */
static enum cairn_status add_keys(struct side *side, const struct cairn_graph_key *keys, size_t count,
                                  int64_t *type, struct cairn_error *error)
{
    uint64_t *grown = cairn_grow(side->keys, sizeof *grown, side->key_count + count + 1, &side->key_capacity);
    if (!grown) {
        return cairn_no_memory(error, "the difference of two graphs");
    }
    side->keys = grown;
    for (size_t i = 0; i < count; i++) {
        if ((int64_t)keys[i].type < *type || side->key_count >= cairn_graph_about(side->graph)->objects) {
            return cairn_fail(error, CAIRN_E_FORMAT, "damaged trace: identities of an object graph");
        }
        while (*type < (int64_t)keys[i].type) {
            side->first[++*type] = side->key_count;
        }
        side->keys[side->key_count++] = keys[i].key;
    }
    return CAIRN_OK;
}

static enum cairn_status load_keys(struct side *side, struct cairn_error *error)
{
    int64_t type = -1;
    size_t count = 1;
    enum cairn_status status = CAIRN_OK;
    for (uint32_t chunk = 0; status == CAIRN_OK && count > 0; chunk++) {
        struct cairn_graph_key *keys = NULL;
        count = 0;
        status = cairn_graph_keys(side->graph, chunk, &keys, &count, error);
        if (status == CAIRN_OK && count > 0) {
            status = add_keys(side, keys, count, &type, error);
        }
        free(keys);
    }
    while (status == CAIRN_OK && type < (int64_t)side->type_count) {
        side->first[++type] = side->key_count;
    }
    return status;
}

static enum cairn_status open_side(struct side *side, struct cairn_graph *graph, struct cairn_error *error)
{
    *side = (struct side){.graph = graph};
    const enum cairn_status status = cairn_graph_types(graph, &side->types, &side->type_count, error);
    if (status != CAIRN_OK) {
        return status;
    }
    side->by_name = malloc((side->type_count + 1) * sizeof *side->by_name);
    side->first = calloc(side->type_count + 2, sizeof *side->first);
    if (!side->by_name || !side->first) {
        return cairn_no_memory(error, "the difference of two graphs");
    }
    for (uint32_t i = 0; i < side->type_count; i++) {
        side->by_name[i] = i;
    }
    qsort_r(side->by_name, side->type_count, sizeof *side->by_name, compare_by_name, side);
    return load_keys(side, error);
}

static void close_side(struct side *side)
{
    free(side->by_name);
    free(side->keys);
    free(side->first);
}

/* Both runs are sorted; equal keys count as often as both sides have them. */
static int64_t count_common(const struct side *a, uint32_t a_type, const struct side *b, uint32_t b_type)
{
    size_t i = a->first[a_type], k = b->first[b_type];
    int64_t common = 0;
    while (i < a->first[a_type + 1] && k < b->first[b_type + 1]) {
        if (a->keys[i] == b->keys[k]) {
            common++;
            i++;
            k++;
        } else if (a->keys[i] < b->keys[k]) {
            i++;
        } else {
            k++;
        }
    }
    return common;
}

/* A type of one side or of both; SIDE_NONE: of the other one only. */
#define SIDE_NONE UINT32_MAX
static struct cairn_graph_diff_row compare_type(const struct side *a, uint32_t a_type, const struct side *b,
                                                uint32_t b_type)
{
    const struct cairn_graph_type *left = a_type != SIDE_NONE ? &a->types[a_type] : NULL;
    const struct cairn_graph_type *right = b_type != SIDE_NONE ? &b->types[b_type] : NULL;
    const int64_t common = left && right ? count_common(a, a_type, b, b_type) : 0;
    const int64_t a_count = left ? left->count : 0, b_count = right ? right->count : 0;
    return (struct cairn_graph_diff_row){
        .type = right  ? right->name
                : left ? left->name
                       : "",
        .lang = right  ? right->lang
                : left ? left->lang
                       : 0,
        .a_count = a_count,
        .b_count = b_count,
        .delta_count = b_count - a_count,
        .delta_bytes = (right ? right->shallow_bytes : 0) - (left ? left->shallow_bytes : 0),
        .born = b_count - common,
        .gone = a_count - common,
        .survived = common,
    };
}

static void join(const struct side *a, const struct side *b, struct cairn_graph_diff *diff)
{
    size_t i = 0, k = 0;
    while (i < a->type_count || k < b->type_count) {
        const uint32_t left = i < a->type_count ? a->by_name[i] : SIDE_NONE;
        const uint32_t right = k < b->type_count ? b->by_name[k] : SIDE_NONE;
        const int order = left == SIDE_NONE    ? 1
                          : right == SIDE_NONE ? -1
                                               : compare_names(&a->types[left], &b->types[right]);
        diff->rows[diff->row_count++] =
            compare_type(a, order <= 0 ? left : SIDE_NONE, b, order >= 0 ? right : SIDE_NONE);
        i += order <= 0;
        k += order >= 0;
    }
}

static int compare_rows(const void *left, const void *right)
{
    const struct cairn_graph_diff_row *a = left, *b = right;
    const int64_t a_size = llabs(a->delta_bytes), b_size = llabs(b->delta_bytes);
    if (a_size != b_size) {
        return a_size < b_size ? 1 : -1;
    }
    const int64_t a_count = llabs(a->delta_count), b_count = llabs(b->delta_count);
    if (a_count != b_count) {
        return a_count < b_count ? 1 : -1;
    }
    const int by_name = strcmp(a->type, b->type);
    return by_name != 0 ? by_name : (a->lang > b->lang) - (a->lang < b->lang);
}

static int64_t shallow_bytes(const struct side *side)
{
    int64_t sum = 0;
    for (size_t i = 0; i < side->type_count; i++) {
        cairn_add(&sum, side->types[i].shallow_bytes);
    }
    return sum;
}

enum cairn_status cairn_graph_diff(struct cairn_graph *a, struct cairn_graph *b,
                                   struct cairn_graph_diff *diff, struct cairn_error *error)
{
    struct side sides[2] = {{.graph = a}, {.graph = b}};
    struct cairn_graph_diff made = {.a_objects = cairn_graph_about(a)->objects,
                                    .b_objects = cairn_graph_about(b)->objects};
    enum cairn_status status = open_side(&sides[0], a, error);
    if (status == CAIRN_OK) {
        status = open_side(&sides[1], b, error);
    }
    if (status == CAIRN_OK) {
        made.rows = malloc((sides[0].type_count + sides[1].type_count + 1) * sizeof *made.rows);
        status = made.rows ? CAIRN_OK : cairn_no_memory(error, "the difference of two graphs");
    }
    if (status == CAIRN_OK) {
        made.a_bytes = shallow_bytes(&sides[0]);
        made.b_bytes = shallow_bytes(&sides[1]);
        join(&sides[0], &sides[1], &made);
        qsort(made.rows, made.row_count, sizeof *made.rows, compare_rows);
        *diff = made;
    }
    close_side(&sides[0]);
    close_side(&sides[1]);
    return status;
}

void cairn_graph_diff_release(struct cairn_graph_diff *diff)
{
    free(diff->rows);
    *diff = (struct cairn_graph_diff){.rows = NULL};
}
