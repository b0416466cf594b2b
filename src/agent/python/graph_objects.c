#include "agent/python/graph_objects.h"

#include <string.h>

#include "agent/memory.h"
#include "agent/python/graph_labels.h"
#include "agent/python/interpreter.h"
#include "agent/python/objects.h"

#define FIRST_OBJECTS ((size_t)1 << 16)

#define DICT_KEYS     32u
#define KEYS_FREE     16u /* entries that the keys have room for yet, 3.11 on */
#define KEYS_USED     24u
#define VALUES_MOST   255u

/* In 3.11, in front of an object that manages its dict; in 3.12 they share the dict's place, marked by its lowest bit. */
#define MANAGED_VALUES        32u
#define FIRST_EMBEDDED_VALUES 13u
#define VALUES_EMBEDDED       2u /* a byte of the values' head */

bool cairn_graph_objects_init(struct cairn_graph_objects *objects, struct cairn_graph_stream *stream)
{
    objects->stream = stream;
    objects->capacity = FIRST_OBJECTS;
    objects->list = cairn_memory_map(FIRST_OBJECTS * sizeof *objects->list);
    objects->edges_in = cairn_memory_map(FIRST_OBJECTS * sizeof *objects->edges_in);
    objects->slots = cairn_memory_map(FIRST_OBJECTS * 2 * sizeof *objects->slots);
    objects->slot_mask = FIRST_OBJECTS * 2 - 1;
    objects->kinds = cairn_memory_map(sizeof *objects->kinds);
    return objects->list && objects->edges_in && objects->slots && objects->kinds;
}

void cairn_graph_objects_release(struct cairn_graph_objects *objects)
{
    cairn_memory_unmap(objects->list, objects->capacity * sizeof *objects->list);
    cairn_memory_unmap(objects->edges_in, objects->capacity * sizeof *objects->edges_in);
    cairn_memory_unmap(objects->slots, (objects->slot_mask + 1) * sizeof *objects->slots);
    cairn_memory_unmap(objects->kinds, sizeof *objects->kinds);
}

static void *grown(void *array, size_t old_bytes, size_t bytes)
{
    void *fresh = cairn_memory_map(bytes);
    if (fresh) {
        memcpy(fresh, array, old_bytes);
        cairn_memory_unmap(array, old_bytes);
    }
    return fresh;
}

static bool grow(struct cairn_graph_objects *objects)
{
    const size_t old = objects->capacity, capacity = old * 2;
    uint32_t *slots = cairn_memory_map(capacity * 2 * sizeof *slots);
    uintptr_t *list = grown(objects->list, old * sizeof *list, capacity * sizeof *list);
    uint32_t *edges_in = grown(objects->edges_in, old * sizeof *edges_in, capacity * sizeof *edges_in);
    objects->list = list ? list : objects->list;
    objects->edges_in = edges_in ? edges_in : objects->edges_in;
    if (!slots || !list || !edges_in) {
        return false;
    }
    cairn_memory_unmap(objects->slots, (objects->slot_mask + 1) * sizeof *slots);
    objects->slots = slots;
    objects->slot_mask = capacity * 2 - 1;
    objects->capacity = capacity;
    for (size_t i = 0; i < objects->count; i++) {
        size_t at = cairn_graph_objects_slot(objects, objects->list[i]);
        while (slots[at]) {
            at = (at + 1) & objects->slot_mask;
        }
        slots[at] = (uint32_t)i + 1;
    }
    return true;
}

/* The object's slot, or the free one where it would stand. */
static size_t find_slot(const struct cairn_graph_objects *objects, uintptr_t object)
{
    size_t at = cairn_graph_objects_slot(objects, object);
    while (objects->slots[at] && objects->list[objects->slots[at] - 1] != object) {
        at = (at + 1) & objects->slot_mask;
    }
    return at;
}

uint32_t cairn_graph_objects_number(struct cairn_graph_objects *objects, uintptr_t object)
{
    const size_t at = find_slot(objects, object);
    if (objects->slots[at]) {
        return objects->slots[at] - 1;
    }
    if (objects->count == objects->capacity) {
        if (objects->failed || !grow(objects)) {
            objects->failed = true;
            return 0;
        }
        return cairn_graph_objects_number(objects, object);
    }
    objects->list[objects->count++] = object;
    objects->slots[at] = (uint32_t)objects->count;
    return (uint32_t)objects->count - 1;
}

/* References that no edge accounts for: C code, or a frame that runs. Immortal objects (3.12 on) have no true count. */
static bool held_outside(const struct cairn_graph_objects *objects, uint32_t number, bool listed)
{
    const uintptr_t object = objects->list[number];
    const uint64_t count = cairn_python.layout->minor >= 12 ? (uint32_t)cairn_python_int(object, 0)
                                                            : cairn_python_word(object, 0);
    const bool immortal = cairn_python.layout->minor >= 12 && count >= UINT32_C(1) << 30;
    return immortal || count > (uint64_t)objects->edges_in[number] + listed;
}

/* Where the block of a split dict's values begins; its keys are its class's. */
static uintptr_t values_block(uintptr_t values)
{
    const unsigned minor = cairn_python.layout->minor;
    return values && (minor == 11 || minor == 12) ? values - ((const uint8_t *)values)[-1] : values;
}

/* Values of attributes that the object keeps without a dict. To learn their names one was made, in the image alone. */
static uintptr_t own_values(const struct cairn_graph_objects *objects, uintptr_t object)
{
    const unsigned minor = cairn_python.layout->minor;
    const uintptr_t dict = cairn_python_word(object - CAIRN_OBJECT_MANAGED_DICT, 0);
    if (minor == 11 && cairn_python_word(object - MANAGED_VALUES, 0)) {
        return cairn_python_word(object - MANAGED_VALUES, 0);
    }
    if (minor == 12 && (dict & 1)) {
        return dict + 1;
    }
    return dict && !objects->slots[find_slot(objects, dict)] ? cairn_python_word(dict, CAIRN_DICT_VALUES) : 0;
}

bool cairn_graph_dict_only_looks(uintptr_t dict)
{
    const uintptr_t values = cairn_python_word(dict, CAIRN_DICT_VALUES);
    return cairn_python.layout->minor >= FIRST_EMBEDDED_VALUES && values &&
           ((const uint8_t *)values)[VALUES_EMBEDDED];
}

/* A dict that looks at the values in an object weighs them, too. So many bytes of that object's block. */
static uint32_t weighed_by_dict(const struct cairn_graph_objects *objects, uintptr_t object)
{
    const uintptr_t dict = cairn_python_word(object - CAIRN_OBJECT_MANAGED_DICT, 0);
    if (!dict || !cairn_graph_dict_only_looks(dict) || !objects->slots[find_slot(objects, dict)]) {
        return 0;
    }
    const uintptr_t keys = cairn_python_word(dict, DICT_KEYS);
    const uint64_t room = cairn_python_word(keys, KEYS_FREE) + cairn_python_word(keys, KEYS_USED);
    return room <= VALUES_MOST ? (uint32_t)(room * sizeof(uintptr_t)) : 0;
}

/* Blocks that belong to the object besides its own. */
static void find_parts(const struct cairn_graph_objects *objects, uintptr_t object, unsigned long flags,
                       uint64_t parts[2])
{
    if (flags & CAIRN_TYPE_FLAG_LIST) {
        parts[0] = cairn_python_word(object, CAIRN_LIST_ITEMS);
    } else if (flags & CAIRN_TYPE_FLAG_DICT) {
        const uintptr_t values = cairn_python_word(object, CAIRN_DICT_VALUES);
        parts[0] = values ? values_block(values) : cairn_python_word(object, DICT_KEYS);
    }
    if (cairn_python.layout->minor >= 11 && (flags & CAIRN_TYPE_FLAG_MANAGED_DICT)) {
        parts[1] = values_block(own_values(objects, object));
    }
}

static void send_node(struct cairn_graph_objects *objects, uint32_t number, bool listed)
{
    const uintptr_t object = objects->list[number];
    const struct cairn_graph_kind *kind = cairn_graph_kind_of(objects->kinds, objects->stream, object);
    const unsigned long flags = kind->flags;
    struct cairn_graph_wire_node node = {
        .address = object,
        .shallow_bytes = cairn_graph_weigh(kind, object),
        .block = object - cairn_graph_head_bytes(kind, object),
        .type = kind->name_string,
        .label = cairn_graph_label(objects, object, flags),
        .flags = (kind->shared ? CAIRN_GRAPH_WIRE_SHARED_KIND : 0u) |
                 (listed ? CAIRN_GRAPH_WIRE_TRACKED : 0u) |
                 (held_outside(objects, number, listed) ? CAIRN_GRAPH_WIRE_HELD_OUTSIDE : 0u)};
    find_parts(objects, object, flags, node.parts);
    if (cairn_python.layout->minor >= FIRST_EMBEDDED_VALUES && (flags & CAIRN_TYPE_FLAG_MANAGED_DICT)) {
        node.twice_bytes = weighed_by_dict(objects, object);
    }
    cairn_graph_stream_node(objects->stream, &node);
}

void cairn_graph_objects_send(struct cairn_graph_objects *objects, size_t listed)
{
    /* Edges first: only when all are known is it known who is held from outside. */
    for (size_t i = 0; i < objects->count && !objects->stream->failed; i++) {
        cairn_graph_edges_send(objects, (uint32_t)i, objects->list[i]);
    }
    const size_t count = objects->count;
    for (size_t i = 0; i < count && !objects->stream->failed; i++) {
        send_node(objects, (uint32_t)i, i < listed);
    }
}
