#include <stdlib.h>
#include <string.h>

#include "graph/build_parts.h"
#include "graph/order.h"

#define ROWS_A_STEP 1024u
#define MANY        4096u /* links that are not sorted by comparing */

static uint32_t fewer(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Each writes what of its stage begins at built->at and returns whether more is left. */

static bool write_types(struct cairn_graph_built *built, struct cairn_writer *writer)
{
    const uint32_t end = built->at + fewer(ROWS_A_STEP, built->info.types - built->at);
    for (; built->at < end; built->at++) {
        cairn_writer_graph_type(writer, built->info.graph, &built->types[built->at]);
    }
    return built->at < built->info.types;
}

static bool write_roots(struct cairn_graph_built *built, struct cairn_writer *writer)
{
    const uint32_t end = built->at + fewer(ROWS_A_STEP, built->info.roots - built->at);
    for (; built->at < end; built->at++) {
        const struct cairn_graph_root *root = &built->roots[built->at];
        const struct cairn_graph_root_row row = {.root = built->at,
                                                 .object = root->node,
                                                 .kind = built->strings[root->kind],
                                                 .name = built->strings[root->name]};
        cairn_writer_graph_root(writer, built->info.graph, &row);
    }
    return built->at < built->info.roots;
}

static bool write_accounts(struct cairn_graph_built *built, struct cairn_writer *writer)
{
    const uint32_t count = (uint32_t)built->account_count;
    const uint32_t end = built->at + fewer(ROWS_A_STEP, count - built->at);
    for (; built->at < end; built->at++) {
        cairn_writer_graph_account(writer, built->info.graph, &built->accounts[built->at]);
    }
    return built->at < count;
}

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

static bool write_objects(struct cairn_graph_built *built, struct cairn_writer *writer)
{
    struct cairn_object objects[CAIRN_GRAPH_CHUNK_ROWS];
    const uint32_t first = built->at * CAIRN_GRAPH_CHUNK_ROWS;
    if (first >= built->info.objects) {
        return false;
    }
    const uint32_t count = fewer(CAIRN_GRAPH_CHUNK_ROWS, built->info.objects - first);
    for (uint32_t i = 0; i < count; i++) {
        objects[i] = object_of(built, first + i);
    }
    cairn_writer_graph_objects(writer, built->info.graph, built->at, objects, count);
    built->at++;
    return first + count < built->info.objects;
}

/* Writes the rows `first` … first + rows of one kind, whose links are made by `fill` for one row each. */
static bool write_links(struct cairn_graph_built *built, struct cairn_writer *writer,
                        enum cairn_graph_links kind, const uint32_t *ends, uint32_t rows,
                        void (*fill)(const struct cairn_graph_built *built, uint32_t row,
                                     struct cairn_link *links))
{
    uint32_t starts[CAIRN_GRAPH_CHUNK_ROWS + 1];
    struct cairn_link *links = malloc(((size_t)(ends[rows] - ends[0]) + 1) * sizeof *links);
    if (!links) {
        built->status = CAIRN_E_NOMEM;
        return false;
    }
    for (uint32_t i = 0; i <= rows; i++) {
        starts[i] = ends[i] - ends[0];
    }
    for (uint32_t i = 0; i < rows; i++) {
        fill(built, built->at * CAIRN_GRAPH_CHUNK_ROWS + i, links + starts[i]);
    }
    cairn_writer_graph_links(writer, built->info.graph, kind, built->at, starts, rows, links);
    free(links);
    built->at++;
    return true;
}

/* The next chunk; false when it was the last. */
static bool write_chunk(struct cairn_graph_built *built, struct cairn_writer *writer,
                        enum cairn_graph_links kind, const uint32_t *first, uint32_t rows,
                        void (*fill)(const struct cairn_graph_built *built, uint32_t row,
                                     struct cairn_link *links))
{
    const uint32_t from = built->at * CAIRN_GRAPH_CHUNK_ROWS;
    return from < rows &&
           write_links(built, writer, kind, first + from, fewer(CAIRN_GRAPH_CHUNK_ROWS, rows - from), fill) &&
           rows - from > CAIRN_GRAPH_CHUNK_ROWS;
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

static void fill_referents(const struct cairn_graph_built *built, uint32_t row, struct cairn_link *links)
{
    const struct cairn_csr *edges = &built->edges;
    uint32_t count = 0;
    for (uint32_t e = edges->first[row]; e < edges->first[row + 1]; e++) {
        links[count++] = (struct cairn_link){
            .object = edges->target[e], .label = built->labels[e], .confidence = built->confidences[e]};
    }
    sort_links(links, count, built->retained);
}

static void fill_referrers(const struct cairn_graph_built *built, uint32_t row, struct cairn_link *links)
{
    const struct cairn_edges_by_target *edges = &built->referrers;
    for (uint32_t i = edges->first[row]; i < edges->first[row + 1]; i++) {
        *links++ = (struct cairn_link){.object = edges->source[i],
                                       .label = built->labels[edges->edge[i]],
                                       .confidence = built->confidences[edges->edge[i]]};
    }
}

/* Once both directions are written they are not needed any more. */
static bool write_referrers(struct cairn_graph_built *built, struct cairn_writer *writer)
{
    if (write_chunk(built, writer, CAIRN_LINKS_REFERRERS, built->referrers.first, built->info.objects,
                    fill_referrers)) {
        return true;
    }
    free(built->referrers.source);
    free(built->referrers.edge);
    free(built->labels);
    free(built->confidences);
    built->referrers.source = built->referrers.edge = built->labels = NULL;
    built->confidences = NULL;
    cairn_csr_release(&built->edges);
    return false;
}

static void fill_listed(const struct cairn_graph_built *built, uint32_t row, struct cairn_link *links)
{
    for (uint32_t i = built->lists.first[row]; i < built->lists.first[row + 1]; i++) {
        *links++ = (struct cairn_link){.object = built->lists.target[i]};
    }
}

/* Lists without labels are made when their turn comes, and given back after it. */
static bool write_lists(struct cairn_graph_built *built, struct cairn_writer *writer,
                        enum cairn_graph_links kind, uint32_t rows,
                        uint32_t (*row_of)(const struct cairn_graph_built *built, uint32_t object))
{
    if (!built->lists.first) {
        built->status = cairn_build_lists(built, rows, row_of, &built->lists, NULL);
    }
    if (built->status == CAIRN_OK &&
        write_chunk(built, writer, kind, built->lists.first, rows, fill_listed)) {
        return true;
    }
    if (kind == CAIRN_LINKS_TYPES) {
        built->of_type = built->lists; /* identities go by type */
        built->lists = (struct cairn_csr){.nodes = 0};
    } else {
        cairn_csr_release(&built->lists);
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

static bool write_strings(struct cairn_graph_built *built, struct cairn_writer *writer)
{
    const uint32_t first = built->at * CAIRN_GRAPH_CHUNK_STRINGS;
    if (first >= built->info.strings) {
        return false;
    }
    const uint32_t count = fewer(CAIRN_GRAPH_CHUNK_STRINGS, built->info.strings - first);
    cairn_writer_graph_strings(writer, built->info.graph, built->at, built->strings + first, count);
    built->at++;
    return first + count < built->info.strings;
}

static uint64_t key_of(const void *state, uint32_t index)
{
    return ((const uint64_t *)state)[index];
}

/* The keys of one type, sorted, into built->sorted. */
static void sort_keys(struct cairn_graph_built *built, uint32_t type)
{
    const uint32_t first = built->of_type.first[type], count = built->of_type.first[type + 1] - first;
    uint32_t *order = NULL;
    for (uint32_t i = 0; i < count; i++) {
        const struct cairn_graph_node *node = &built->nodes[built->of_type.target[first + i]];
        built->unsorted[i] = node->birth == CAIRN_GRAPH_NO_EVENT ? node->address << 1 | 1 : node->birth << 1;
    }
    if (cairn_order(count, key_of, built->unsorted, &order, NULL) != CAIRN_OK) {
        built->status = CAIRN_E_NOMEM;
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        built->sorted[i] = built->unsorted[order[i]];
    }
    free(order);
}

static bool allocate_keys(struct cairn_graph_built *built)
{
    int64_t most = 0;
    for (uint32_t i = 0; i < built->info.types; i++) {
        most = built->types[i].count > most ? built->types[i].count : most;
    }
    built->keys = malloc(CAIRN_GRAPH_PART_KEYS * sizeof *built->keys);
    built->unsorted = malloc(((size_t)most + 1) * sizeof *built->unsorted);
    built->sorted = malloc(((size_t)most + 1) * sizeof *built->sorted);
    if (!built->keys || !built->unsorted || !built->sorted) {
        built->status = CAIRN_E_NOMEM;
        return false;
    }
    if (built->info.types > 0) {
        sort_keys(built, 0);
    }
    return true;
}

/* One chunk: keys go on at number `key` of type `type`. */
static bool write_keys(struct cairn_graph_built *built, struct cairn_writer *writer)
{
    if (!built->keys && !allocate_keys(built)) {
        return false;
    }
    size_t count = 0;
    while (built->type < built->info.types && count < CAIRN_GRAPH_PART_KEYS) {
        if (built->key == (uint32_t)built->types[built->type].count) {
            built->type++;
            built->key = 0;
            if (built->type < built->info.types) {
                sort_keys(built, built->type);
            }
        } else {
            built->keys[count++] =
                (struct cairn_graph_key){.type = built->type, .key = built->sorted[built->key++]};
        }
    }
    if (count > 0) {
        cairn_writer_graph_keys(writer, built->info.graph, built->at++, built->keys, count);
    }
    return built->type < built->info.types;
}

static bool write_stage(struct cairn_graph_built *built, struct cairn_writer *writer)
{
    switch (built->stage) {
    case CAIRN_WRITE_TYPES:
        return write_types(built, writer);
    case CAIRN_WRITE_ROOTS:
        return write_roots(built, writer);
    case CAIRN_WRITE_ACCOUNTS:
        return write_accounts(built, writer);
    case CAIRN_WRITE_OBJECTS:
        return write_objects(built, writer);
    case CAIRN_WRITE_REFERENTS:
        return write_chunk(built, writer, CAIRN_LINKS_REFERENTS, built->edges.first, built->info.objects,
                           fill_referents);
    case CAIRN_WRITE_REFERRERS:
        return write_referrers(built, writer);
    case CAIRN_WRITE_DOMINATED:
        return write_lists(built, writer, CAIRN_LINKS_DOMINATED, built->info.objects + 2, dominated_row);
    case CAIRN_WRITE_BY_TYPE:
        return write_lists(built, writer, CAIRN_LINKS_TYPES, built->info.types, type_row);
    case CAIRN_WRITE_BY_CYCLE:
        return write_lists(built, writer, CAIRN_LINKS_CYCLES, built->info.cycles, cycle_row);
    case CAIRN_WRITE_BY_ACCOUNT:
        return write_lists(built, writer, CAIRN_LINKS_ACCOUNTS, built->info.accounts, account_row);
    case CAIRN_WRITE_LEAKS:
        return write_lists(built, writer, CAIRN_LINKS_LEAKS, 2, leak_row);
    case CAIRN_WRITE_STRINGS:
        return write_strings(built, writer);
    case CAIRN_WRITE_KEYS:
        return write_keys(built, writer);
    case CAIRN_WRITE_GRAPH:
        cairn_writer_graph(writer, &built->info);
        return false;
    default:
        return false;
    }
}

bool cairn_graph_built_write(struct cairn_graph_built *built, struct cairn_writer *writer)
{
    if (built->stage == CAIRN_WRITE_DONE || built->status != CAIRN_OK) {
        return false;
    }
    if (!write_stage(built, writer)) {
        built->stage++;
        built->at = 0;
    }
    return built->stage != CAIRN_WRITE_DONE && built->status == CAIRN_OK;
}

enum cairn_status cairn_graph_built_status(const struct cairn_graph_built *built)
{
    return built->status;
}
