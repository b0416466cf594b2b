#include "collector/graph_receive.h"

#include <stdlib.h>
#include <string.h>

#include "collector/table.h"
#include "graph/csr.h"
#include "trace/rows.h"
#include "wire/graph.h"
#include "wire/record.h"

#define NODES_MAX      (1u << 27)
#define EDGES_MAX      (1u << 28)
#define STRINGS_MAX    (1u << 24)

#define PREFETCH_NODES 8u

void cairn_graph_receiver_release(struct cairn_graph_receiver *receiver)
{
    cairn_graph_input_release(&receiver->input);
    free(receiver->strings);
    free(receiver->held_outside);
    *receiver = (struct cairn_graph_receiver){.strings = NULL};
}

static enum cairn_status no_memory(struct cairn_error *error)
{
    return cairn_fail(error, CAIRN_E_NOMEM, "an object graph was left out: no memory for it");
}

static enum cairn_status nonsense(struct cairn_error *error)
{
    return cairn_fail(error, CAIRN_E_FORMAT,
                      "an object graph was left out: what the program sent is damaged");
}

static enum cairn_status take_strings(struct cairn_graph_receiver *receiver, const uint8_t *at, size_t bytes,
                                      uint32_t count, struct cairn_error *error)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t length;
        if (bytes < sizeof length || receiver->string_count >= STRINGS_MAX) {
            return nonsense(error);
        }
        memcpy(&length, at, sizeof length);
        const size_t padded = ((size_t)length + 3) & ~(size_t)3;
        if (padded > bytes - sizeof length) {
            return nonsense(error);
        }
        uint32_t *strings = cairn_grown(receiver->strings, &receiver->string_capacity, receiver->string_count,
                                        sizeof *strings);
        const uint32_t number =
            cairn_graph_input_string(&receiver->input, (const char *)at + sizeof length, length);
        if (strings) {
            receiver->strings = strings;
        }
        if (!strings || number == UINT32_MAX) {
            return no_memory(error);
        }
        strings[receiver->string_count++] = number;
        at += sizeof length + padded;
        bytes -= sizeof length + padded;
    }
    return CAIRN_OK;
}

/* The input's number of a wire string; strings come before what names them, in other lanes perhaps later: unknown is "". */
static uint32_t string_of(const struct cairn_graph_receiver *receiver, uint32_t number)
{
    return number == 0 || number > receiver->string_count ? 0 : receiver->strings[number - 1];
}

static bool find_block(const struct cairn_live_map *live, uint64_t address, struct cairn_live_block *block)
{
    return address && live &&
           (cairn_live_map_find(live, address, CAIRN_DOMAIN_PYTHON_OBJECT, block) ||
            cairn_live_map_find(live, address, CAIRN_DOMAIN_PYTHON_MEM, block));
}

/* Each look at the live map misses the caches: those of a few nodes are under way at once. */
static void prefetch_blocks(const struct cairn_graph_receiver *receiver, const uint8_t *at)
{
    struct cairn_graph_wire_node node;
    memcpy(&node, at, sizeof node);
    const uint64_t addresses[] = {node.block ? node.block : node.address, node.parts[0], node.parts[1]};
    for (size_t i = 0; receiver->live && i < sizeof addresses / sizeof *addresses; i++) {
        if (addresses[i]) {
            cairn_live_map_prefetch(receiver->live, addresses[i], CAIRN_DOMAIN_PYTHON_OBJECT);
            cairn_live_map_prefetch(receiver->live, addresses[i], CAIRN_DOMAIN_PYTHON_MEM);
        }
    }
}

static void join_blocks(const struct cairn_graph_receiver *receiver, const struct cairn_graph_wire_node *wire,
                        struct cairn_graph_node *node)
{
    struct cairn_live_block block;
    uint64_t parts[2] = {0, 0};
    if (find_block(receiver->live, wire->block, &block) ||
        find_block(receiver->live, wire->address, &block)) {
        node->block_bytes = block.size;
        node->birth = block.birth;
        node->account = block.account;
    }
    for (size_t i = 0; i < 2; i++) {
        if (find_block(receiver->live, wire->parts[i], &block)) {
            parts[i] = block.size;
        }
    }
    /* A shallow size counts blocks that no part tells of (a set's table) and never the values of attributes, parts[1]. */
    const uint64_t seen = node->block_bytes + parts[0], counted = node->shallow_bytes + wire->twice_bytes;
    node->unseen_bytes = (seen > counted ? seen - counted : 0) + parts[1];
    node->block_bytes = seen + parts[1];
}

static enum cairn_status take_node(struct cairn_graph_receiver *receiver,
                                   const struct cairn_graph_wire_node *wire, struct cairn_error *error)
{
    struct cairn_graph_input *input = &receiver->input;
    struct cairn_graph_node node = {
        .address = wire->address,
        .shallow_bytes = wire->shallow_bytes < (uint64_t)1 << 47 ? wire->shallow_bytes : 0,
        .birth = CAIRN_GRAPH_NO_EVENT,
        .type = wire->type,
        .label = wire->label,
        .lang = CAIRN_LANG_PYTHON,
        .flags = (uint8_t)((wire->flags & CAIRN_GRAPH_WIRE_SHARED_KIND ? CAIRN_GRAPH_SHARED_KIND : 0u) |
                           (wire->flags & CAIRN_GRAPH_WIRE_TRACKED ? CAIRN_GRAPH_TRACKED : 0u))};
    join_blocks(receiver, wire, &node);
    bool *held =
        cairn_grown(receiver->held_outside, &receiver->held_capacity, input->node_count, sizeof *held);
    if (!held) {
        return no_memory(error);
    }
    receiver->held_outside = held;
    held[input->node_count] = (wire->flags & CAIRN_GRAPH_WIRE_HELD_OUTSIDE) != 0;
    return input->node_count >= NODES_MAX || cairn_graph_input_node(input, &node) == UINT32_MAX
               ? no_memory(error)
               : CAIRN_OK;
}

static enum cairn_status take_edge(struct cairn_graph_receiver *receiver,
                                   const struct cairn_graph_wire_edge *wire, struct cairn_error *error)
{
    const struct cairn_graph_edge edge = {
        .source = wire->source, .target = wire->target, .name = wire->name, .index = wire->index};
    return receiver->input.edge_count >= EDGES_MAX || !cairn_graph_input_edge(&receiver->input, &edge)
               ? no_memory(error)
               : CAIRN_OK;
}

static enum cairn_status take_root(struct cairn_graph_receiver *receiver,
                                   const struct cairn_graph_wire_root *wire, struct cairn_error *error)
{
    const struct cairn_graph_root root = {.node = wire->node, .kind = wire->kind, .name = wire->name};
    return cairn_graph_input_root(&receiver->input, &root) ? CAIRN_OK : no_memory(error);
}

static enum cairn_status take_items(struct cairn_graph_receiver *receiver, uint32_t kind, const uint8_t *at,
                                    uint32_t count, struct cairn_error *error)
{
    enum cairn_status status = CAIRN_OK;
    for (uint32_t i = 0; status == CAIRN_OK && i < count; i++) {
        struct cairn_graph_wire_node node;
        struct cairn_graph_wire_edge edge;
        struct cairn_graph_wire_root root;
        if (kind == CAIRN_GRAPH_TELL_NODES) {
            if (count - i > PREFETCH_NODES) {
                prefetch_blocks(receiver, at + (i + PREFETCH_NODES) * sizeof node);
            }
            memcpy(&node, at + i * sizeof node, sizeof node);
            status = take_node(receiver, &node, error);
        } else if (kind == CAIRN_GRAPH_TELL_EDGES) {
            memcpy(&edge, at + i * sizeof edge, sizeof edge);
            status = take_edge(receiver, &edge, error);
        } else {
            memcpy(&root, at + i * sizeof root, sizeof root);
            status = take_root(receiver, &root, error);
        }
    }
    return status;
}

enum cairn_status cairn_graph_receive(struct cairn_graph_receiver *receiver, const void *message,
                                      size_t bytes, struct cairn_error *error)
{
    struct cairn_graph_message head;
    if (bytes < sizeof head || receiver->ended) {
        return nonsense(error);
    }
    memcpy(&head, message, sizeof head);
    const uint8_t *items = (const uint8_t *)message + sizeof head;
    const size_t room = bytes - sizeof head;
    switch (head.kind) {
    case CAIRN_GRAPH_TELL_STRINGS:
        return take_strings(receiver, items, room, head.count, error);
    case CAIRN_GRAPH_TELL_NODES:
    case CAIRN_GRAPH_TELL_EDGES:
    case CAIRN_GRAPH_TELL_ROOTS: {
        const size_t size = head.kind == CAIRN_GRAPH_TELL_NODES   ? sizeof(struct cairn_graph_wire_node)
                            : head.kind == CAIRN_GRAPH_TELL_EDGES ? sizeof(struct cairn_graph_wire_edge)
                                                                  : sizeof(struct cairn_graph_wire_root);
        return head.count > room / size ? nonsense(error)
                                        : take_items(receiver, head.kind, items, head.count, error);
    }
    case CAIRN_GRAPH_TELL_END:
        receiver->ended = true;
        return CAIRN_OK;
    default:
        return nonsense(error);
    }
}

/* Marks what can be reached from `node`; `queue` has room for all nodes. */
static void flood(const struct cairn_csr *graph, uint32_t node, bool *reached, uint32_t *queue)
{
    size_t tail = 0;
    if (!reached[node]) {
        reached[node] = true;
        queue[tail++] = node;
    }
    for (size_t head = 0; head < tail; head++) {
        for (uint32_t e = graph->first[queue[head]]; e < graph->first[queue[head] + 1]; e++) {
            if (!reached[graph->target[e]]) {
                reached[graph->target[e]] = true;
                queue[tail++] = graph->target[e];
            }
        }
    }
}

static enum cairn_status build_rows(const struct cairn_graph_input *input, struct cairn_csr *graph,
                                    struct cairn_error *error)
{
    uint32_t *ends = malloc((input->edge_count + 1) * 2 * sizeof *ends);
    if (!ends) {
        return no_memory(error);
    }
    for (size_t i = 0; i < input->edge_count; i++) {
        ends[i] = input->edges[i].source;
        ends[input->edge_count + i] = input->edges[i].target;
    }
    const enum cairn_status status = cairn_csr_build(graph, (uint32_t)input->node_count, ends,
                                                     ends + input->edge_count, input->edge_count, error);
    free(ends);
    return status;
}

/* What no module and no frame leads to, and yet is referred to by more than we see: C code holds it. */
static enum cairn_status add_outside_roots(struct cairn_graph_receiver *receiver, struct cairn_error *error)
{
    static const char kind_text[] = "reference", name_text[] = "held outside of Python's objects";
    struct cairn_graph_input *input = &receiver->input;
    struct cairn_csr graph;
    enum cairn_status status = build_rows(input, &graph, error);
    if (status != CAIRN_OK) {
        return status;
    }
    bool *reached = calloc(input->node_count + 1, sizeof *reached);
    uint32_t *queue = malloc((input->node_count + 1) * sizeof *queue);
    const uint32_t kind = cairn_graph_input_string(input, kind_text, sizeof kind_text - 1);
    const uint32_t name = cairn_graph_input_string(input, name_text, sizeof name_text - 1);
    if (!reached || !queue || kind == UINT32_MAX || name == UINT32_MAX) {
        status = no_memory(error);
    }
    for (size_t i = 0; status == CAIRN_OK && i < input->root_count; i++) {
        flood(&graph, input->roots[i].node, reached, queue);
    }
    for (uint32_t v = 0; status == CAIRN_OK && v < input->node_count; v++) {
        if (receiver->held_outside[v] && !reached[v]) {
            const struct cairn_graph_root root = {.node = v, .kind = kind, .name = name};
            flood(&graph, v, reached, queue);
            status = cairn_graph_input_root(input, &root) ? CAIRN_OK : no_memory(error);
        }
    }
    free(reached);
    free(queue);
    cairn_csr_release(&graph);
    return status;
}

enum cairn_status cairn_graph_receive_finish(struct cairn_graph_receiver *receiver, struct cairn_error *error)
{
    struct cairn_graph_input *input = &receiver->input;
    if (!receiver->ended) {
        return cairn_fail(error, CAIRN_E_FORMAT, "an object graph was left out: it did not come to its end");
    }
    for (size_t i = 0; i < input->edge_count; i++) {
        struct cairn_graph_edge *edge = &input->edges[i];
        if (edge->source >= input->node_count || edge->target >= input->node_count) {
            return nonsense(error);
        }
        edge->name = string_of(receiver, edge->name);
    }
    for (size_t i = 0; i < input->root_count; i++) {
        struct cairn_graph_root *root = &input->roots[i];
        if (root->node >= input->node_count) {
            return nonsense(error);
        }
        root->kind = string_of(receiver, root->kind);
        root->name = string_of(receiver, root->name);
    }
    for (size_t i = 0; i < input->node_count; i++) {
        input->nodes[i].type = string_of(receiver, input->nodes[i].type);
        input->nodes[i].label = string_of(receiver, input->nodes[i].label);
    }
    return add_outside_roots(receiver, error);
}
