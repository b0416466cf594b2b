#include <stdlib.h>
#include <string.h>

#include "graph/build_parts.h"
#include "trace/rows.h"

#define NO_TYPE UINT32_MAX

/* A type is a name in a language. `number[name × 2 + lang]` is its number in order of appearance. */
static enum cairn_status find_types(struct cairn_graph_built *built, uint32_t *number,
                                    struct cairn_error *error)
{
    size_t capacity = 0;
    for (uint32_t v = 0; v < built->info.objects; v++) {
        struct cairn_graph_node *node = &built->nodes[v];
        const uint32_t name = node->type < built->info.strings ? node->type : 0;
        node->lang = node->lang == CAIRN_LANG_PYTHON ? CAIRN_LANG_PYTHON : CAIRN_LANG_NATIVE;
        uint32_t *type = &number[(size_t)name * 2 + node->lang];
        if (*type == NO_TYPE) {
            if (built->info.types == capacity) {
                capacity = capacity ? capacity * 2 : 256;
                void *grown = realloc(built->types, capacity * sizeof *built->types);
                if (!grown) {
                    return cairn_build_no_memory(error, built->info.objects);
                }
                built->types = grown;
            }
            built->types[built->info.types] =
                (struct cairn_graph_type){.name = built->strings[name], .lang = node->lang};
            *type = built->info.types++;
        }
        node->type = *type;
        built->types[*type].count++;
        built->types[*type].shallow_bytes += (int64_t)node->shallow_bytes;
    }
    return CAIRN_OK;
}

/* Objects in an order in which those that one dominates come right behind it: at[…]; `size[v]` of them with v itself. */
static void nest(const struct cairn_dominators *dominators, uint32_t *size, uint32_t *next, uint32_t *at)
{
    uint32_t tops = 0;
    for (uint32_t v = 0; v < dominators->nodes; v++) {
        size[v] = 1;
    }
    for (uint32_t i = dominators->nodes; i-- > 0;) {
        const uint32_t v = dominators->order[i];
        if (dominators->dominator[v] < CAIRN_DOMINATOR_NONE) {
            size[dominators->dominator[v]] += size[v];
        }
    }
    for (uint32_t i = 0; i < dominators->nodes; i++) {
        const uint32_t v = dominators->order[i], above = dominators->dominator[v];
        uint32_t *place = above < CAIRN_DOMINATOR_NONE ? &next[above] : &tops;
        at[*place] = v;
        next[v] = *place + 1;
        *place += size[v];
    }
}

/* An object inside another one of its type, as dominators go, is in the other's retained size already. */
static enum cairn_status retain_types(struct cairn_graph_built *built,
                                      const struct cairn_dominators *dominators, struct cairn_error *error)
{
    const size_t nodes = (size_t)built->info.objects + 1;
    uint32_t *size = malloc(nodes * sizeof *size), *next = malloc(nodes * sizeof *next);
    uint32_t *at = malloc(nodes * sizeof *at);
    uint32_t *covered = calloc((size_t)built->info.types + 1, sizeof *covered);
    enum cairn_status status = CAIRN_OK;
    if (size && next && at && covered) {
        nest(dominators, size, next, at);
        for (uint32_t i = 0; i < built->info.objects; i++) {
            const uint32_t v = at[i], type = built->nodes[v].type;
            if (i >= covered[type]) {
                built->types[type].retained_bytes += (int64_t)built->retained[v];
                covered[type] = i + size[v];
            }
        }
    } else {
        status = cairn_build_no_memory(error, built->info.objects);
    }
    free(size);
    free(next);
    free(at);
    free(covered);
    return status;
}

static int compare_types(const void *left, const void *right)
{
    const struct cairn_graph_type *a = left, *b = right;
    if (a->retained_bytes != b->retained_bytes) {
        return a->retained_bytes < b->retained_bytes ? 1 : -1;
    }
    const int by_name = strcmp(a->name, b->name);
    return by_name != 0 ? by_name : (a->lang > b->lang) - (a->lang < b->lang);
}

static enum cairn_status rank_types(struct cairn_graph_built *built, struct cairn_error *error)
{
    const uint32_t types = built->info.types;
    uint32_t *rank = malloc(((size_t)types + 1) * sizeof *rank);
    if (!rank) {
        return cairn_build_no_memory(error, built->info.objects);
    }
    for (uint32_t i = 0; i < types; i++) {
        built->types[i].type = i;
    }
    if (types > 0) {
        qsort(built->types, types, sizeof *built->types, compare_types);
    }
    for (uint32_t i = 0; i < types; i++) {
        rank[built->types[i].type] = i;
        built->types[i].type = i;
    }
    for (uint32_t v = 0; v < built->info.objects; v++) {
        built->nodes[v].type = rank[built->nodes[v].type];
    }
    free(rank);
    return CAIRN_OK;
}

enum cairn_status cairn_build_types(struct cairn_graph_built *built,
                                    const struct cairn_dominators *dominators, struct cairn_error *error)
{
    const size_t names = (size_t)built->info.strings * 2;
    uint32_t *number = malloc((names + 2) * sizeof *number);
    if (!number) {
        return cairn_build_no_memory(error, built->info.objects);
    }
    memset(number, 0xff, (names + 2) * sizeof *number);
    enum cairn_status status = find_types(built, number, error);
    free(number);
    if (status == CAIRN_OK) {
        status = retain_types(built, dominators, error);
    }
    return status == CAIRN_OK ? rank_types(built, error) : status;
}

/* A hash table of sums while they grow; `slot` holds indexes + 1. */
struct sums {
    struct cairn_graph_account *rows;
    size_t count, capacity, mask;
    uint32_t *slots;
};

static size_t hash_of(const struct cairn_graph_account *row)
{
    const uint64_t mixed = ((uint64_t)row->account << 34 ^ (uint64_t)row->type << 2 ^ (uint64_t)row->class) *
                           UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(mixed ^ mixed >> 32);
}

static bool same(const struct cairn_graph_account *a, const struct cairn_graph_account *b)
{
    return a->account == b->account && a->type == b->type && a->class == b->class;
}

static bool grow(struct sums *sums)
{
    const size_t slots = sums->slots ? (sums->mask + 1) * 2 : 1024;
    uint32_t *larger = calloc(slots, sizeof *larger);
    void *rows = realloc(sums->rows, slots / 2 * sizeof *sums->rows);
    sums->rows = rows ? rows : sums->rows;
    if (!larger || !rows) {
        free(larger);
        return false;
    }
    for (size_t i = 0; i < sums->count; i++) {
        size_t at = hash_of(&sums->rows[i]) & (slots - 1);
        while (larger[at]) {
            at = (at + 1) & (slots - 1);
        }
        larger[at] = (uint32_t)i + 1;
    }
    free(sums->slots);
    sums->slots = larger;
    sums->mask = slots - 1;
    sums->capacity = slots / 2;
    return true;
}

/* The row of that key, made when it is new; NULL when memory ran out. */
static struct cairn_graph_account *find(struct sums *sums, const struct cairn_graph_account *key)
{
    if (sums->count == sums->capacity && !grow(sums)) {
        return NULL;
    }
    size_t at = hash_of(key) & sums->mask;
    for (; sums->slots[at]; at = (at + 1) & sums->mask) {
        if (same(&sums->rows[sums->slots[at] - 1], key)) {
            return &sums->rows[sums->slots[at] - 1];
        }
    }
    sums->rows[sums->count++] = *key;
    sums->slots[at] = (uint32_t)sums->count;
    return &sums->rows[sums->count - 1];
}

static int compare_accounts(const void *left, const void *right)
{
    const struct cairn_graph_account *a = left, *b = right;
    if (a->account != b->account) {
        return a->account < b->account ? -1 : 1;
    }
    if (a->type != b->type) {
        return a->type < b->type ? -1 : 1;
    }
    return (a->class > b->class) - (a->class < b->class);
}

/* Objects within one block follow each other: the block counts with the first of them. */
static void add_object(struct cairn_graph_account *row, const struct cairn_graph_node *node,
                       const struct cairn_graph_node *before)
{
    row->objects++;
    if (node->birth == CAIRN_GRAPH_NO_EVENT || (before && before->birth == node->birth)) {
        return;
    }
    row->blocks++;
    row->bytes += (int64_t)node->block_bytes;
    if (row->oldest_serial == CAIRN_UNKNOWN || (int64_t)node->birth < row->oldest_serial) {
        row->oldest_serial = (int64_t)node->birth;
    }
}

enum cairn_status cairn_build_accounts(struct cairn_graph_built *built, struct cairn_error *error)
{
    struct sums sums = {.rows = NULL};
    for (uint32_t v = 0; v < built->info.objects; v++) {
        const struct cairn_graph_node *node = &built->nodes[v];
        if (node->account == 0) {
            continue;
        }
        const struct cairn_graph_account key = {.account = node->account,
                                                .type = node->type,
                                                .class = built->class[v],
                                                .oldest_serial = CAIRN_UNKNOWN};
        struct cairn_graph_account *row = find(&sums, &key);
        if (!row) {
            free(sums.slots);
            free(sums.rows);
            return cairn_build_no_memory(error, built->info.objects);
        }
        add_object(row, node, v > 0 ? &built->nodes[v - 1] : NULL);
        built->info.accounts = node->account > built->info.accounts ? node->account : built->info.accounts;
    }
    free(sums.slots);
    if (sums.count > 0) {
        qsort(sums.rows, sums.count, sizeof *sums.rows, compare_accounts);
    }
    built->accounts = sums.rows;
    built->account_count = sums.count;
    return CAIRN_OK;
}
