#include "graph/input.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_STRING_SLOTS 1024u

void cairn_graph_input_init(struct cairn_graph_input *input)
{
    *input = (struct cairn_graph_input){.texts = CAIRN_ARENA_INIT};
}

void cairn_graph_input_release(struct cairn_graph_input *input)
{
    free(input->nodes);
    free(input->edges);
    free(input->roots);
    free(input->strings);
    free(input->string_slots);
    cairn_arena_release(&input->texts);
    cairn_graph_input_init(input);
}

/* Room for one more element of `size` bytes; false when memory ran out. */
static bool reserve(void **array, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity) {
        return true;
    }
    const size_t larger = *capacity ? *capacity + *capacity / 2 : 1024;
    void *grown = larger < UINT32_MAX ? realloc(*array, larger * size) : NULL;
    if (!grown) {
        return false;
    }
    *array = grown;
    *capacity = larger;
    return true;
}

static uint32_t hash_text(const char *text, size_t length)
{
    uint64_t hash = 0xcbf29ce484222325ull;
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (uint8_t)text[i]) * 0x100000001b3ull;
    }
    return (uint32_t)(hash ^ hash >> 32);
}

static bool grow_slots(struct cairn_graph_input *input)
{
    const size_t slots = input->string_slots ? (input->string_mask + 1) * 2 : FIRST_STRING_SLOTS;
    uint32_t *grown = calloc(slots, sizeof *grown);
    if (!grown) {
        return false;
    }
    for (size_t i = 0; i < input->string_count; i++) {
        size_t at = hash_text(input->strings[i], strlen(input->strings[i])) & (slots - 1);
        while (grown[at]) {
            at = (at + 1) & (slots - 1);
        }
        grown[at] = (uint32_t)i + 1;
    }
    free(input->string_slots);
    input->string_slots = grown;
    input->string_mask = slots - 1;
    return true;
}

static uint32_t add_string(struct cairn_graph_input *input, const char *text, size_t length)
{
    if ((!input->string_slots || input->string_count * 2 > input->string_mask) && !grow_slots(input)) {
        return UINT32_MAX;
    }
    size_t at = hash_text(text, length) & input->string_mask;
    for (; input->string_slots[at]; at = (at + 1) & input->string_mask) {
        const char *known = input->strings[input->string_slots[at] - 1];
        if (strncmp(known, text, length) == 0 && known[length] == '\0') {
            return input->string_slots[at] - 1;
        }
    }
    void *strings = input->strings;
    const bool room = reserve(&strings, &input->string_capacity, input->string_count, sizeof *input->strings);
    input->strings = strings;
    const char *own = room ? cairn_arena_copy(&input->texts, text, length) : NULL;
    if (!own) {
        return UINT32_MAX;
    }
    input->strings[input->string_count++] = own;
    input->string_slots[at] = (uint32_t)input->string_count;
    return (uint32_t)input->string_count - 1;
}

uint32_t cairn_graph_input_string(struct cairn_graph_input *input, const char *text, size_t length)
{
    /* Number 0 is the empty one. */
    if (input->string_count == 0 && add_string(input, "", 0) != 0) {
        return UINT32_MAX;
    }
    return add_string(input, text, strnlen(text, length));
}

uint32_t cairn_graph_input_node(struct cairn_graph_input *input, const struct cairn_graph_node *node)
{
    void *nodes = input->nodes;
    const bool room = reserve(&nodes, &input->node_capacity, input->node_count, sizeof *node);
    input->nodes = nodes;
    if (!room) {
        return UINT32_MAX;
    }
    input->nodes[input->node_count++] = *node;
    return (uint32_t)input->node_count - 1;
}

bool cairn_graph_input_edge(struct cairn_graph_input *input, const struct cairn_graph_edge *edge)
{
    void *edges = input->edges;
    const bool room = reserve(&edges, &input->edge_capacity, input->edge_count, sizeof *edge);
    input->edges = edges;
    if (room) {
        input->edges[input->edge_count++] = *edge;
    }
    return room;
}

bool cairn_graph_input_root(struct cairn_graph_input *input, const struct cairn_graph_root *root)
{
    void *roots = input->roots;
    const bool room = reserve(&roots, &input->root_capacity, input->root_count, sizeof *root);
    input->roots = roots;
    if (room) {
        input->roots[input->root_count++] = *root;
    }
    return room;
}
