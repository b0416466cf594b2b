#include <stdlib.h>
#include <string.h>

#include "graph/build_parts.h"
#include "graph/order.h"

#define MANY 4096u /* links that are not sorted by comparing */

static uint32_t fewer(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void check(struct cairn_build_hand *hand, bool shelved)
{
    if (!shelved) {
        hand->status = CAIRN_E_NOMEM;
    }
}

/* Each shelves what of its stage begins at hand->at and returns whether more is left. */

static struct cairn_object object_of(const struct cairn_graph_built *built, uint32_t v)
{
    const struct cairn_graph_node *node = &built->nodes[v];
    return (struct cairn_object){
        .id = v,
        .address = node->address,
        .shallow_bytes = node->shallow_bytes,
        .block_bytes = node->block_bytes,
        .retained_bytes = built->retained[v],
        .serial = node->birth == CAIRN_GRAPH_NO_EVENT ? CAIRN_NO_SERIAL : node->birth,
        .account = node->account,
        .type = node->type,
        .label = node->label,
        .dominator = built->dominator[v],
        .parent = built->parent[v],
        .parent_label = built->parent_label[v],
        .root = built->root_of[v],
        .cycle = built->cycle[v],
        .referents = built->edges.first[v + 1] - built->edges.first[v],
        .referrers = built->referrers.first[v + 1] - built->referrers.first[v],
        .parent_confidence = built->parent_confidence[v],
        .lang = node->lang,
        .class = built->class[v],
        .flags = node->flags & 0x1F,
    };
}

static bool shelve_objects(struct cairn_build_hand *hand)
{
    const struct cairn_graph_built *built = hand->built;
    struct cairn_object objects[CAIRN_GRAPH_CHUNK_ROWS];
    const uint32_t first = hand->at * CAIRN_GRAPH_CHUNK_ROWS;
    if (first >= built->info.objects) {
        return false;
    }
    const uint32_t count = fewer(CAIRN_GRAPH_CHUNK_ROWS, built->info.objects - first);
    for (uint32_t i = 0; i < count; i++) {
        objects[i] = object_of(built, first + i);
    }
    check(hand, cairn_graph_shelve_objects(hand->shelf, hand->at, objects, count));
    hand->at++;
    return first + count < built->info.objects;
}

/* Makes the links of one row. */
typedef void fill_function(const struct cairn_build_hand *hand, uint32_t row, struct cairn_link *links);

/* The next `rows` rows of one kind, whose links end where `ends` says. */
static void shelve_links(struct cairn_build_hand *hand, enum cairn_graph_links kind, const uint32_t *ends,
                         uint32_t rows, fill_function *fill)
{
    uint32_t starts[CAIRN_GRAPH_CHUNK_ROWS + 1];
    struct cairn_link *links = malloc(((size_t)(ends[rows] - ends[0]) + 1) * sizeof *links);
    if (!links) {
        hand->status = CAIRN_E_NOMEM;
        return;
    }
    for (uint32_t i = 0; i <= rows; i++) {
        starts[i] = ends[i] - ends[0];
    }
    for (uint32_t i = 0; i < rows; i++) {
        fill(hand, hand->at * CAIRN_GRAPH_CHUNK_ROWS + i, links + starts[i]);
    }
    check(hand, cairn_graph_shelve_links(hand->shelf, kind, hand->at, starts, rows, links));
    free(links);
    hand->at++;
}

/* The next chunk; false when it was the last. */
static bool shelve_chunk(struct cairn_build_hand *hand, enum cairn_graph_links kind, const uint32_t *first,
                         uint32_t rows, fill_function *fill)
{
    const uint32_t from = hand->at * CAIRN_GRAPH_CHUNK_ROWS;
    if (from >= rows) {
        return false;
    }
    shelve_links(hand, kind, first + from, fewer(CAIRN_GRAPH_CHUNK_ROWS, rows - from), fill);
    return rows - from > CAIRN_GRAPH_CHUNK_ROWS;
}

/* Largest retained size first, as all lists are; of equal ones, and of edges to one object, the first. */
static inline int order_of(const struct cairn_link *a, const struct cairn_link *b, const uint64_t *retained)
{
    if (a->object != b->object) {
        const uint64_t a_bytes = retained[a->object], b_bytes = retained[b->object];
        return a_bytes != b_bytes ? (a_bytes < b_bytes ? 1 : -1) : (a->object < b->object ? -1 : 1);
    }
    return a->label != b->label ? (a->label < b->label ? -1 : 1) : a->confidence - b->confidence;
}

static int compare_links(const void *left, const void *right, void *retained)
{
    return order_of(left, right, retained);
}

struct links_of {
    const struct cairn_link *links;
    const uint32_t *order; /* NULL: as they stand */
    const uint64_t *retained;
};

static uint64_t end_of(const void *state, uint32_t index)
{
    const struct links_of *of = state;
    return of->links[index].object;
}

static uint64_t smallness_of(const void *state, uint32_t index)
{
    const struct links_of *of = state;
    return ~of->retained[of->links[of->order[index]].object];
}

/* By retained size and object, edges to one object as they came. False when memory ran out: then nothing has moved. */
static bool distribute_links(struct cairn_link *links, uint32_t count, const uint64_t *retained)
{
    uint32_t *by_object = NULL, *by_size = NULL;
    struct links_of of = {.links = links, .retained = retained};
    struct cairn_link *copy = malloc(count * sizeof *copy);
    bool good = copy && cairn_order(count, end_of, &of, &by_object, NULL) == CAIRN_OK;
    of.order = by_object;
    good = good && cairn_order(count, smallness_of, &of, &by_size, NULL) == CAIRN_OK;
    if (good) {
        memcpy(copy, links, count * sizeof *copy);
        for (uint32_t i = 0; i < count; i++) {
            links[i] = copy[by_object[by_size[i]]];
        }
    }
    free(by_size);
    free(by_object);
    free(copy);
    return good;
}

/* Thousands are first put into order up to edges to one object, which is quicker. */
static void sort_links(struct cairn_link *links, uint32_t count, uint64_t *retained)
{
    if (count < MANY || !distribute_links(links, count, retained)) {
        qsort_r(links, count, sizeof *links, compare_links, retained);
        return;
    }
    for (uint32_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && links[to].object == links[from].object; to++) {
        }
        if (to > from + 1) {
            qsort_r(links + from, to - from, sizeof *links, compare_links, retained);
        }
    }
}

static void fill_referents(const struct cairn_build_hand *hand, uint32_t row, struct cairn_link *links)
{
    const struct cairn_graph_built *built = hand->built;
    const struct cairn_csr *edges = &built->edges;
    uint32_t count = 0;
    for (uint32_t e = edges->first[row]; e < edges->first[row + 1]; e++) {
        links[count++] = (struct cairn_link){
            .object = edges->target[e], .label = built->labels[e], .confidence = built->confidences[e]};
    }
    sort_links(links, count, built->retained);
}

static void fill_referrers(const struct cairn_build_hand *hand, uint32_t row, struct cairn_link *links)
{
    const struct cairn_graph_built *built = hand->built;
    const struct cairn_edges_by_target *edges = &built->referrers;
    for (uint32_t i = edges->first[row]; i < edges->first[row + 1]; i++) {
        *links++ = (struct cairn_link){.object = edges->source[i],
                                       .label = built->labels[edges->edge[i]],
                                       .confidence = built->confidences[edges->edge[i]]};
    }
}

/* Once both directions are there the edges are not needed any more, but for how many each object has. */
static bool shelve_referrers(struct cairn_build_hand *hand)
{
    struct cairn_graph_built *built = hand->built;
    if (shelve_chunk(hand, CAIRN_LINKS_REFERRERS, built->referrers.first, built->info.objects,
                     fill_referrers)) {
        return true;
    }
    free(built->referrers.source);
    free(built->referrers.edge);
    free(built->labels);
    free(built->confidences);
    free(built->edges.target);
    built->referrers.source = built->referrers.edge = built->labels = built->edges.target = NULL;
    built->confidences = NULL;
    return false;
}

static void fill_listed(const struct cairn_build_hand *hand, uint32_t row, struct cairn_link *links)
{
    for (uint32_t i = hand->lists.first[row]; i < hand->lists.first[row + 1]; i++) {
        *links++ = (struct cairn_link){.object = hand->lists.target[i]};
    }
}

/* Lists without labels are made when their turn comes, and given back after it. */
static bool shelve_lists(struct cairn_build_hand *hand, enum cairn_graph_links kind, uint32_t rows,
                         uint32_t (*row_of)(const struct cairn_graph_built *built, uint32_t object))
{
    if (!hand->lists.first) {
        hand->status = cairn_build_lists(hand->built, rows, row_of, &hand->lists, NULL);
    }
    if (hand->status == CAIRN_OK && shelve_chunk(hand, kind, hand->lists.first, rows, fill_listed)) {
        return true;
    }
    if (kind == CAIRN_LINKS_TYPES) {
        hand->of_type = hand->lists; /* identities go by type */
        hand->lists = (struct cairn_csr){.nodes = 0};
    } else {
        cairn_csr_release(&hand->lists);
    }
    return false;
}

static uint32_t dominated_row(const struct cairn_graph_built *built, uint32_t object)
{
    const uint32_t dominator = built->dominator[object];
    return dominator == CAIRN_DOMINATED_BY_ROOTS     ? built->info.objects
           : dominator == CAIRN_DOMINATED_BY_GARBAGE ? built->info.objects + 1
                                                     : dominator;
}

static uint32_t type_row(const struct cairn_graph_built *built, uint32_t object)
{
    return built->nodes[object].type;
}

static uint32_t cycle_row(const struct cairn_graph_built *built, uint32_t object)
{
    return built->cycle[object] - 1;
}

static uint32_t account_row(const struct cairn_graph_built *built, uint32_t object)
{
    return built->nodes[object].account - 1;
}

static uint32_t leak_row(const struct cairn_graph_built *built, uint32_t object)
{
    return (uint32_t)built->class[object] - CAIRN_OBJECT_DEFINITE;
}

static bool shelve_strings(struct cairn_build_hand *hand)
{
    const struct cairn_graph_built *built = hand->built;
    const uint32_t first = hand->at * CAIRN_GRAPH_CHUNK_STRINGS;
    if (first >= built->info.strings) {
        return false;
    }
    const uint32_t count = fewer(CAIRN_GRAPH_CHUNK_STRINGS, built->info.strings - first);
    check(hand, cairn_graph_shelve_strings(hand->shelf, hand->at, built->strings + first, count));
    hand->at++;
    return first + count < built->info.strings;
}

static uint64_t key_of(const void *state, uint32_t index)
{
    return ((const uint64_t *)state)[index];
}

/* The keys of one type, sorted, into hand->sorted. */
static void sort_keys(struct cairn_build_hand *hand, uint32_t type)
{
    const uint32_t first = hand->of_type.first[type], count = hand->of_type.first[type + 1] - first;
    uint32_t *order = NULL;
    for (uint32_t i = 0; i < count; i++) {
        const struct cairn_graph_node *node = &hand->built->nodes[hand->of_type.target[first + i]];
        hand->unsorted[i] = node->birth == CAIRN_GRAPH_NO_EVENT ? node->address << 1 | 1 : node->birth << 1;
    }
    if (cairn_order(count, key_of, hand->unsorted, &order, NULL) != CAIRN_OK) {
        hand->status = CAIRN_E_NOMEM;
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        hand->sorted[i] = hand->unsorted[order[i]];
    }
    free(order);
}

static bool allocate_keys(struct cairn_build_hand *hand)
{
    const struct cairn_graph_built *built = hand->built;
    int64_t most = 0;
    for (uint32_t i = 0; i < built->info.types; i++) {
        most = built->types[i].count > most ? built->types[i].count : most;
    }
    hand->keys = malloc(CAIRN_GRAPH_PART_KEYS * sizeof *hand->keys);
    hand->unsorted = malloc(((size_t)most + 1) * sizeof *hand->unsorted);
    hand->sorted = malloc(((size_t)most + 1) * sizeof *hand->sorted);
    if (!hand->keys || !hand->unsorted || !hand->sorted) {
        hand->status = CAIRN_E_NOMEM;
        return false;
    }
    if (built->info.types > 0) {
        sort_keys(hand, 0);
    }
    return true;
}

/* One chunk: keys go on at number `key` of type `type`. */
static bool shelve_keys(struct cairn_build_hand *hand)
{
    const struct cairn_graph_built *built = hand->built;
    if (!hand->keys && !allocate_keys(hand)) {
        return false;
    }
    size_t count = 0;
    while (hand->type < built->info.types && count < CAIRN_GRAPH_PART_KEYS) {
        if (hand->key == (uint32_t)built->types[hand->type].count) {
            hand->type++;
            hand->key = 0;
            if (hand->type < built->info.types) {
                sort_keys(hand, hand->type);
            }
        } else {
            hand->keys[count++] =
                (struct cairn_graph_key){.type = hand->type, .key = hand->sorted[hand->key++]};
        }
    }
    if (count > 0) {
        check(hand, cairn_graph_shelve_keys(hand->shelf, hand->at++, hand->keys, count));
    }
    return hand->type < built->info.types;
}

static bool shelve(struct cairn_build_hand *hand)
{
    const struct cairn_graph_built *built = hand->built;
    const struct cairn_graph_info *info = &built->info;
    switch (hand->stages[0]) {
    case CAIRN_BUILD_OBJECTS:
        return shelve_objects(hand);
    case CAIRN_BUILD_REFERENTS:
        return shelve_chunk(hand, CAIRN_LINKS_REFERENTS, built->edges.first, info->objects, fill_referents);
    case CAIRN_BUILD_REFERRERS:
        return shelve_referrers(hand);
    case CAIRN_BUILD_DOMINATED:
        return shelve_lists(hand, CAIRN_LINKS_DOMINATED, info->objects + 2, dominated_row);
    case CAIRN_BUILD_BY_TYPE:
        return shelve_lists(hand, CAIRN_LINKS_TYPES, info->types, type_row);
    case CAIRN_BUILD_BY_CYCLE:
        return shelve_lists(hand, CAIRN_LINKS_CYCLES, info->cycles, cycle_row);
    case CAIRN_BUILD_BY_ACCOUNT:
        return shelve_lists(hand, CAIRN_LINKS_ACCOUNTS, info->accounts, account_row);
    case CAIRN_BUILD_LEAKS:
        return shelve_lists(hand, CAIRN_LINKS_LEAKS, 2, leak_row);
    case CAIRN_BUILD_STRINGS:
        return shelve_strings(hand);
    case CAIRN_BUILD_KEYS:
        return shelve_keys(hand);
    }
    return false;
}

bool cairn_build_shelve(struct cairn_build_hand *hand)
{
    if (hand->stage_count > 0 && hand->status == CAIRN_OK && !shelve(hand)) {
        hand->stages++;
        hand->stage_count--;
        hand->at = 0;
    }
    return hand->stage_count > 0 && hand->status == CAIRN_OK;
}

void cairn_build_hand_release(struct cairn_build_hand *hand)
{
    cairn_graph_shelf_free(hand->shelf);
    cairn_csr_release(&hand->lists);
    cairn_csr_release(&hand->of_type);
    free(hand->keys);
    free(hand->unsorted);
    free(hand->sorted);
}
