#include "collector/nodes.h"

#include <stdlib.h>

#include "collector/table.h"
#include "wire/record.h"

#define MAX_NODES ((size_t)1 << 26)
#define MAX_PATH  2048u

void cairn_nodes_release(struct cairn_nodes *nodes)
{
    free(nodes->list);
    *nodes = (struct cairn_nodes){.list = NULL};
}

void cairn_nodes_reset(struct cairn_nodes *nodes)
{
    nodes->count = 0;
}

bool cairn_nodes_add(struct cairn_nodes *nodes, uint32_t parent, uint8_t kind, uint64_t value)
{
    if (nodes->count == MAX_NODES) {
        return false;
    }
    struct cairn_node *list = cairn_grown(nodes->list, &nodes->capacity, nodes->count, sizeof *list);
    if (!list) {
        return false;
    }
    nodes->list = list;
    if (parent > nodes->count) {
        parent = 0;
    }
    list[nodes->count++] = (struct cairn_node){.value = value, .parent = parent, .kind = kind};
    return true;
}

static uint32_t frame_of(const struct cairn_node *node, struct cairn_places *places,
                         const struct cairn_code_map *code, const struct cairn_python_codes *python)
{
    switch ((enum cairn_node_kind)node->kind) {
    case CAIRN_NODE_TRUNCATED:
        return cairn_places_frame(places, 0, 0, CAIRN_FRAME_TRUNCATED);
    case CAIRN_NODE_NATIVE:
    case CAIRN_NODE_NATIVE_PC: {
        /* A return address may lie behind the last byte of its function: the call is before it. */
        const uint64_t address = node->kind == CAIRN_NODE_NATIVE ? node->value - 1 : node->value;
        const struct cairn_code_range *range = cairn_code_map_find(code, address);
        return range ? cairn_places_frame(places, range->module, address - range->bias, CAIRN_FRAME_PLAIN)
                     : cairn_places_frame(places, 0, address, CAIRN_FRAME_PLAIN);
    }
    case CAIRN_NODE_PYTHON: {
        int64_t line = 0;
        const struct cairn_python_code *found = cairn_python_codes_find(python, node->value, &line);
        return found ? cairn_places_python_frame(places, found->name, found->file, line)
                     : cairn_places_python_frame(places, "?", "?", 0);
    }
    case CAIRN_NODE_STOPPED:
        break;
    }
    return cairn_places_frame(places, 0, 0, CAIRN_FRAME_STOPPED);
}

uint32_t cairn_nodes_stack(struct cairn_nodes *nodes, uint32_t number, struct cairn_places *places,
                           const struct cairn_code_map *code, const struct cairn_python_codes *python,
                           uint32_t epoch)
{
    if (number == 0 || number > nodes->count) {
        return 0;
    }
    uint32_t path[MAX_PATH];
    size_t depth = 0;
    uint32_t at = number;
    while (at && nodes->list[at - 1].epoch != epoch && depth < MAX_PATH) {
        path[depth++] = at;
        at = nodes->list[at - 1].parent; /* always a smaller number */
    }
    uint32_t stack = at ? nodes->list[at - 1].stack : 0;
    while (depth > 0) {
        struct cairn_node *node = &nodes->list[path[--depth] - 1];
        const uint32_t frame = frame_of(node, places, code, python);
        stack = frame ? cairn_places_stack(places, stack, frame) : stack;
        if (stack != node->stack) {
            node->account[0] = node->account[1] = 0;
        }
        node->stack = stack;
        node->epoch = epoch;
    }
    return stack;
}
