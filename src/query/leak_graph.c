#include <stdlib.h>

#include "query/grow.h"
#include "query/leak_sums.h"
#include "query/no_memory.h"
#include "query/sum.h"

#define PAGE_LINKS 256u

static const uint8_t class_of[CAIRN_OBJECT_CLASSES] = {
    [CAIRN_OBJECT_REACHABLE] = CAIRN_LEAK_REACHABLE,
    [CAIRN_OBJECT_DEFINITE] = CAIRN_LEAK_DEFINITE,
    [CAIRN_OBJECT_INDIRECT] = CAIRN_LEAK_INDIRECT,
};

/* What was met on the way from suppressed leaks: a bit each, and a queue. */
struct flood {
    struct cairn_graph *graph;
    uint8_t *met;
    uint32_t *queue;
    size_t count, capacity;
};

static bool is_met(const uint8_t *met, uint32_t id)
{
    return met[id / 8] >> (id % 8) & 1;
}

static bool meet(struct flood *flood, uint32_t id)
{
    if (is_met(flood->met, id)) {
        return true;
    }
    uint32_t *grown = cairn_grow(flood->queue, sizeof *grown, flood->count + 1, &flood->capacity);
    if (!grown) {
        return false;
    }
    flood->queue = grown;
    grown[flood->count++] = id;
    flood->met[id / 8] = (uint8_t)(flood->met[id / 8] | 1u << (id % 8));
    return true;
}

/* Its referents that leaked; the others are no leaks anyway. */
static enum cairn_status flow(struct flood *flood, uint32_t id, struct cairn_error *error)
{
    struct cairn_link links[PAGE_LINKS];
    struct cairn_object target;
    size_t offset = 0, count = 0, total = 0;
    do {
        enum cairn_status status = cairn_graph_links(flood->graph, CAIRN_LINKS_REFERENTS, id, offset, links,
                                                     PAGE_LINKS, &count, &total, error);
        for (size_t i = 0; status == CAIRN_OK && i < count; i++) {
            if (links[i].confidence == CAIRN_EDGE_WEAK || is_met(flood->met, links[i].object)) {
                continue;
            }
            status = cairn_graph_object(flood->graph, links[i].object, &target, error);
            if (status == CAIRN_OK && target.class != CAIRN_OBJECT_REACHABLE && !meet(flood, target.id)) {
                status = cairn_no_memory(error, "the leaks");
            }
        }
        if (status != CAIRN_OK) {
            return status;
        }
        offset += count;
    } while (count > 0 && offset < total);
    return CAIRN_OK;
}

/* What a suppressed leak keeps is suppressed with it, as LeakSanitizer has it. */
static enum cairn_status flood_suppressed(struct flood *flood, const uint8_t *suppressed, size_t accounts,
                                          struct cairn_error *error)
{
    const uint32_t objects = cairn_graph_about(flood->graph)->objects;
    struct cairn_object object;
    enum cairn_status status = CAIRN_OK;
    for (uint32_t id = 0; status == CAIRN_OK && id < objects; id++) {
        status = cairn_graph_object(flood->graph, id, &object, error);
        if (status == CAIRN_OK && object.class != CAIRN_OBJECT_REACHABLE && object.account != 0 &&
            object.account <= accounts && suppressed[object.account - 1] && !meet(flood, id)) {
            status = cairn_no_memory(error, "the leaks");
        }
    }
    for (size_t head = 0; status == CAIRN_OK && head < flood->count; head++) {
        status = flow(flood, flood->queue[head], error);
    }
    return status;
}

static void add_blocks(struct cairn_leak_sum *sum, int64_t bytes, int64_t blocks, uint64_t oldest)
{
    cairn_add(&sum->bytes, bytes);
    cairn_add(&sum->blocks, blocks);
    if (oldest < sum->oldest) {
        sum->oldest = oldest;
    }
}

/* Whether a block is of that process, and not one that it inherited by fork: those are its parent's. */
static bool is_own(const struct cairn_leak_sums *sums, uint32_t process, uint32_t account)
{
    return account != 0 && account <= sums->account_count && sums->accounts[account - 1].process == process;
}

/* Object by object: where it matters which ones of an account leaked. */
static enum cairn_status add_objects(struct cairn_graph *graph, uint64_t cutoff, const uint8_t *suppressed,
                                     const uint8_t *met, struct cairn_leak_sums *sums,
                                     struct cairn_error *error)
{
    const struct cairn_graph_info *about = cairn_graph_about(graph);
    struct cairn_object object;
    uint64_t before = CAIRN_NO_SERIAL;
    for (uint32_t id = 0; id < about->objects; id++) {
        const enum cairn_status status = cairn_graph_object(graph, id, &object, error);
        if (status != CAIRN_OK) {
            return status;
        }
        /* Objects of one block follow each other: it counts with the first of them. */
        const bool counts = object.serial != CAIRN_NO_SERIAL && object.serial != before &&
                            object.serial < cutoff && is_own(sums, about->process, object.account);
        const bool named = counts && suppressed && suppressed[object.account - 1];
        before = object.serial;
        /* What is suppressed and no leak is not talked about either. */
        if (counts && !(named && object.class == CAIRN_OBJECT_REACHABLE)) {
            const size_t class = met && is_met(met, id) ? CAIRN_LEAK_SUPPRESSED : class_of[object.class];
            add_blocks(cairn_leak_sum_of(sums, object.account, class), (int64_t)object.block_bytes, 1,
                       object.serial);
        }
    }
    return CAIRN_OK;
}

static enum cairn_status add_accounts(struct cairn_graph *graph, struct cairn_leak_sums *sums,
                                      struct cairn_error *error)
{
    const struct cairn_graph_account *rows;
    size_t count;
    const enum cairn_status status = cairn_graph_accounts(graph, &rows, &count, error);
    for (size_t i = 0; status == CAIRN_OK && i < count; i++) {
        if (is_own(sums, cairn_graph_about(graph)->process, rows[i].account)) {
            add_blocks(cairn_leak_sum_of(sums, rows[i].account, class_of[rows[i].class]), rows[i].bytes,
                       rows[i].blocks,
                       rows[i].oldest_serial != CAIRN_UNKNOWN ? (uint64_t)rows[i].oldest_serial
                                                              : CAIRN_NO_SERIAL);
        }
    }
    return status;
}

enum cairn_status cairn_leak_graph_suppressed(struct cairn_graph *graph, const uint8_t *suppressed,
                                              size_t accounts, uint8_t **met, struct cairn_error *error)
{
    struct flood flood = {.graph = graph};
    flood.met = calloc((size_t)cairn_graph_about(graph)->objects / 8 + 1, 1);
    const enum cairn_status status = flood.met ? flood_suppressed(&flood, suppressed, accounts, error)
                                               : cairn_no_memory(error, "the leaks");
    free(flood.queue);
    if (status != CAIRN_OK) {
        free(flood.met);
        return status;
    }
    *met = flood.met;
    return CAIRN_OK;
}

enum cairn_status cairn_leak_graph_add(struct cairn_graph *graph, uint64_t cutoff, const uint8_t *suppressed,
                                       struct cairn_leak_sums *sums, struct cairn_error *error)
{
    if (cutoff == UINT64_MAX && !suppressed) {
        return add_accounts(graph, sums, error);
    }
    uint8_t *met = NULL;
    enum cairn_status status = CAIRN_OK;
    if (suppressed) {
        status = cairn_leak_graph_suppressed(graph, suppressed, sums->account_count, &met, error);
    }
    if (status == CAIRN_OK) {
        status = add_objects(graph, cutoff, suppressed, met, sums, error);
    }
    free(met);
    return status;
}
