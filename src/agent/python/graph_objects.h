/* Every object that can be reached, with its edges by name. Used in a still image only, where objects may be made. */
#ifndef CAIRN_AGENT_PYTHON_GRAPH_OBJECTS_H
#define CAIRN_AGENT_PYTHON_GRAPH_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/python/graph_kinds.h"
#include "agent/python/graph_stream.h"

/* The objects found so far, in order of their numbers, and how many edges lead to each. */
struct cairn_graph_objects {
    struct cairn_graph_stream *stream;
    uint32_t options; /* enum cairn_option_bits: what labels are wanted */
    uintptr_t *list;
    uint32_t *edges_in; /* by number: edges of the kind that count a reference */
    size_t count, capacity;
    uint32_t *slots; /* number + 1, by address */
    size_t slot_mask;
    struct cairn_graph_kinds *kinds;
    bool failed; /* no memory for more */
};

bool cairn_graph_objects_init(struct cairn_graph_objects *objects, struct cairn_graph_stream *stream);
/* Also of objects whose init failed. */
void cairn_graph_objects_release(struct cairn_graph_objects *objects);
/* Where the object's number stands, or behind it. */
static inline size_t cairn_graph_objects_slot(const struct cairn_graph_objects *objects, uintptr_t object)
{
    return (size_t)((object * 0x9e3779b97f4a7c15ull) >> 20) & objects->slot_mask;
}

/* The object's number, given now if it is new. */
uint32_t cairn_graph_objects_number(struct cairn_graph_objects *objects, uintptr_t object);
/* The same will soon be asked of that one. */
static inline void cairn_graph_objects_expect(const struct cairn_graph_objects *objects, uintptr_t object)
{
    __builtin_prefetch(&objects->slots[cairn_graph_objects_slot(objects, object)]);
}

/* Sends every object from `first` on, finding new ones on the way, until none is left. `listed`: so many of the first ones
 * hold one more reference, of the list they came from. */
void cairn_graph_objects_send(struct cairn_graph_objects *objects, size_t listed);

/* From 3.13 on a dict may look at the values that its object keeps in itself, and the object holds those. */
bool cairn_graph_dict_only_looks(uintptr_t dict);

#define CAIRN_GRAPH_AHEAD 8u /* objects that are expected */

/* graph_edges.c: sends the edges that leave `object`, which has that number. */
void cairn_graph_edges_send(struct cairn_graph_objects *objects, uint32_t number, uintptr_t object);
/* Sends one edge; `counted`: it holds a reference. */
void cairn_graph_edge(struct cairn_graph_objects *objects, uint32_t source, uintptr_t target, uint32_t name,
                      uint32_t index, bool counted);

/* Type objects' members, the same in 3.8 to 3.13. */
enum {
    CAIRN_TYPE_NAME = 24,
    CAIRN_TYPE_BASIC_SIZE = 32,
    CAIRN_TYPE_ITEM_SIZE = 40,
    CAIRN_TYPE_FLAGS = 168,
    CAIRN_TYPE_TRAVERSE = 184,
    CAIRN_TYPE_MEMBERS = 240,
    CAIRN_TYPE_BASE = 256,
    CAIRN_TYPE_DICT = 264,
    CAIRN_TYPE_IS_GC = 328,
    CAIRN_TYPE_BASES = 336,
    CAIRN_TYPE_MRO = 344,
};
#define CAIRN_TYPE_FLAG_MANAGED_DICT (1ul << 4) /* 3.11 on */
#define CAIRN_TYPE_FLAG_HEAP         (1ul << 9) /* made by Python code, or as if it were */
#define CAIRN_TYPE_FLAG_HAVE_GC      (1ul << 14)
#define CAIRN_TYPE_FLAG_LONG         (1ul << 24)
#define CAIRN_TYPE_FLAG_LIST         (1ul << 25)
#define CAIRN_TYPE_FLAG_TUPLE        (1ul << 26)
#define CAIRN_TYPE_FLAG_BYTES        (1ul << 27)
#define CAIRN_TYPE_FLAG_UNICODE      (1ul << 28)
#define CAIRN_TYPE_FLAG_DICT         (1ul << 29)
#define CAIRN_TYPE_FLAG_TYPE         (1ul << 31)

/* A tuple's items stand in it, a list's where this word points to. */
#define CAIRN_TUPLE_ITEMS 24u
#define CAIRN_LIST_ITEMS  24u

/* In front of an object that manages its dict, the dict. */
#define CAIRN_OBJECT_MANAGED_DICT 24u
/* Where a dict keeps its values apart from its keys. */
#define CAIRN_DICT_VALUES 40u

#endif
