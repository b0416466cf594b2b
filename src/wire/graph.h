/* How a still image of a target tells its object graph: over a session connection (verb GRAPH), messages of at most
 * CAIRN_GRAPH_MESSAGE_BYTES, each a head and whole items of one kind. Numbers of strings count 1, 2, 3, … in order of
 * sending, nodes 0, 1, 2, …; an item may name a node whose own item comes later. The last message is END; a stream
 * without it is thrown away. The collector checks every number. */
#ifndef CAIRN_WIRE_GRAPH_H
#define CAIRN_WIRE_GRAPH_H

#include <stdint.h>

#define CAIRN_GRAPH_MESSAGE_BYTES 65536u

enum cairn_graph_message_kind {
    CAIRN_GRAPH_TELL_STRINGS = 1, /* items: uint32_t length, then the bytes, padded with NULs to 4 */
    CAIRN_GRAPH_TELL_NODES = 2,
    CAIRN_GRAPH_TELL_EDGES = 3,
    CAIRN_GRAPH_TELL_ROOTS = 4,
    CAIRN_GRAPH_TELL_END = 5,
};

struct cairn_graph_message {
    uint32_t kind, count;
};

struct cairn_graph_wire_node {
    uint64_t address, shallow_bytes;
    uint64_t block; /* where the recorded block would begin; 0: the same as address */
    uint64_t parts
        [2]; /* further blocks that belong to it: items of a list or keys of a dict, and values of attributes,
                        * which shallow_bytes does not count; 0: none */
    uint32_t type, label;
    uint32_t flags;       /* enum cairn_graph_wire_flag */
    uint32_t twice_bytes; /* of its block, what another object's shallow_bytes counts as well */
};

enum cairn_graph_wire_flag {
    CAIRN_GRAPH_WIRE_SHARED_KIND = 1u << 0,  /* type, module, function */
    CAIRN_GRAPH_WIRE_TRACKED = 1u << 1,      /* known to Python's collector */
    CAIRN_GRAPH_WIRE_HELD_OUTSIDE = 1u << 2, /* more references than edges lead here: C code holds it */
};

struct cairn_graph_wire_edge {
    uint32_t source, target, name, index; /* index UINT32_MAX: none */
};

struct cairn_graph_wire_root {
    uint32_t node, kind, name;
};

#endif
