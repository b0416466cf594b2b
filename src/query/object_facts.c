#include <stdlib.h>

#include "query/grow.h"
#include "query/no_memory.h"
#include "query/objects.h"
#include "query/sum.h"

#define PAGE_LINKS 256u

/* Objects that were met: a bit each, and in the order of a breadth-first walk. */
struct walk {
    struct cairn_graph *graph;
    uint8_t *seen;
    uint32_t *queue;
    size_t count, capacity;
};

static bool meet(struct walk *walk, uint32_t id)
{
    if (walk->seen[id / 8] >> (id % 8) & 1) {
        return true;
    }
    uint32_t *grown = cairn_grow(walk->queue, sizeof *grown, walk->count + 1, &walk->capacity);
    if (!grown) {
        return false;
    }
    walk->queue = grown;
    walk->queue[walk->count++] = id;
    walk->seen[id / 8] = (uint8_t)(walk->seen[id / 8] | 1u << (id % 8));
    return true;
}

static enum cairn_status enter(struct walk *walk, uint32_t id, struct cairn_error *error)
{
    struct cairn_link links[PAGE_LINKS];
    size_t offset = 0, count = 0, total = 0;
    do {
        const enum cairn_status status = cairn_graph_links(walk->graph, CAIRN_LINKS_REFERENTS, id, offset,
                                                           links, PAGE_LINKS, &count, &total, error);
        if (status != CAIRN_OK) {
            return status;
        }
        for (size_t i = 0; i < count; i++) {
            if (links[i].confidence != CAIRN_EDGE_WEAK && !meet(walk, links[i].object)) {
                return cairn_no_memory(error, "the deep size");
            }
        }
        offset += count;
    } while (count > 0 && offset < total);
    return CAIRN_OK;
}

enum cairn_status cairn_object_deep(struct cairn_graph *graph, uint32_t id, size_t budget, int64_t *bytes,
                                    bool *whole, size_t *met, struct cairn_error *error)
{
    struct walk walk = {.graph = graph, .seen = calloc(cairn_graph_about(graph)->objects / 8 + 1, 1)};
    int64_t sum = 0;
    size_t head = 0;
    enum cairn_status status = CAIRN_OK;
    if (id >= cairn_graph_about(graph)->objects) {
        status = cairn_fail(error, CAIRN_E_NOT_FOUND, "there is no object %u in this graph", (unsigned)id);
    } else if (!walk.seen || !meet(&walk, id)) {
        status = cairn_no_memory(error, "the deep size");
    }
    for (; status == CAIRN_OK && head < walk.count && (budget == 0 || walk.count <= budget); head++) {
        struct cairn_object object;
        status = cairn_graph_object(graph, walk.queue[head], &object, error);
        if (status == CAIRN_OK && (head == 0 || !(object.flags & CAIRN_GRAPH_SHARED_KIND))) {
            cairn_add(&sum, (int64_t)object.shallow_bytes);
            status = enter(&walk, object.id, error);
        }
        if (status == CAIRN_OK && head % 1024 == 0 && cairn_trace_cancelled(cairn_graph_trace(graph))) {
            status = cairn_fail(error, CAIRN_E_CANCELLED, "cancelled");
        }
    }
    if (status == CAIRN_OK) {
        *bytes = sum;
        *whole = head == walk.count;
        if (met) {
            *met = walk.count;
        }
    }
    free(walk.seen);
    free(walk.queue);
    return status;
}

static int compare_thread(const void *key, const void *row)
{
    const uint32_t number = *(const uint32_t *)key, its = ((const struct cairn_thread *)row)->thread;
    return (number > its) - (number < its);
}

enum cairn_status cairn_object_birth(struct cairn_graph *graph, const struct cairn_object *object,
                                     struct cairn_object_birth *birth, struct cairn_error *error)
{
    struct cairn_trace *trace = cairn_graph_trace(graph);
    const struct cairn_account *accounts;
    const struct cairn_thread *threads;
    size_t account_count, thread_count;
    struct cairn_object_birth found = {.t_ns = CAIRN_UNKNOWN, .tid = CAIRN_UNKNOWN};
    enum cairn_status status = cairn_trace_accounts(trace, &accounts, &account_count, error);
    if (status == CAIRN_OK) {
        status = cairn_trace_threads(trace, &threads, &thread_count, error);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    if (object->account != 0 && object->account <= account_count) {
        found.stack = accounts[object->account - 1].stack;
        found.thread = accounts[object->account - 1].thread;
        const struct cairn_thread *thread =
            thread_count > 0 ? bsearch(&found.thread, threads, thread_count, sizeof *threads, compare_thread)
                             : NULL;
        found.tid = thread ? thread->tid : CAIRN_UNKNOWN;
    }
    if (object->serial != CAIRN_NO_SERIAL) {
        /* Dropped events have no time any more; that is no failure of the answer. */
        status = cairn_trace_time_of(trace, object->serial + 1, &found.t_ns, error);
        if (status == CAIRN_E_NOT_FOUND ||
            (status == CAIRN_OK && !cairn_trace_is_exact(trace, object->serial + 1, found.t_ns))) {
            found.t_ns = CAIRN_UNKNOWN;
            status = CAIRN_OK;
        }
    }
    if (status == CAIRN_OK) {
        *birth = found;
    }
    return status;
}
