/* An object graph as it was captured: nodes, edges and roots in plain arrays, before anything is derived from it.
 *
 * The collector fills one from a still image of the target (Python objects, native blocks, or both in one), and hands it to
 * the builder (build.h), which finds dominators, retained sizes, shortest paths and cycles and stores everything. Node
 * numbers are indices; texts are numbers into `strings` (0: none). All arrays are owned by the input. */
#ifndef CAIRN_GRAPH_INPUT_H
#define CAIRN_GRAPH_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "trace/graph_rows.h"

#define CAIRN_GRAPH_NO_EVENT UINT64_MAX

struct cairn_graph_node {
    uint64_t address;
    uint64_t shallow_bytes; /* Python: exactly sys.getsizeof; native: the bytes asked for */
    uint64_t block_bytes;   /* of the recorded block(s) it lies in; 0: none is known */
    uint64_t
        unseen_bytes; /* what its death frees beyond its shallow size: what sys.getsizeof does not count */
    uint64_t birth;   /* ordinal of the event that made its block, its serial number; or NO_EVENT */
    uint32_t account; /* that allocated it: stack, thread, process; 0: not known */
    uint32_t type;    /* string: Python type, C++ class, or a size class at a site ("64 B from grow()") */
    uint32_t label;   /* string: "len 1000", a repr with --labels values, "" */
    uint8_t lang;     /* enum cairn_lang */
    uint8_t flags;    /* enum cairn_graph_node_flag */
};

/* `name` is a string, as people write the way from source to target: ".attr", "['key']", "[3]", "f_locals x", "+16". Edges
 * whose only name is a number may leave it 0 and set `index` (shown as "[index]"); CAIRN_EDGE_NO_INDEX otherwise. */
struct cairn_graph_edge {
    uint32_t source, target;
    uint32_t name;
    uint32_t index;
    uint8_t confidence; /* enum cairn_graph_confidence */
};
#define CAIRN_EDGE_NO_INDEX UINT32_MAX

/* What keeps a node alive from outside: a module's globals, a thread's frame, data of a module, a stack, a register. */
struct cairn_graph_root {
    uint32_t node;
    uint32_t kind; /* string: "module", "frame", "data", "stack", "register", "tls", "interpreter" */
    uint32_t name; /* string: "app", "worker() app.py:12", "libfoo.so!cache+0x10" */
};

struct cairn_graph_input {
    struct cairn_graph_node *nodes;
    size_t node_count, node_capacity;
    struct cairn_graph_edge *edges;
    size_t edge_count, edge_capacity;
    struct cairn_graph_root *roots;
    size_t root_count, root_capacity;
    const char **strings; /* [0] is "" */
    size_t string_count, string_capacity;
    uint32_t *string_slots; /* of the intern table */
    size_t string_mask;
    struct cairn_arena texts;
    /* about the capture */
    uint32_t process, snapshot;
    int64_t t_ns, pause_ns;
    const char *name; /* as asked for; NULL */
};

void cairn_graph_input_init(struct cairn_graph_input *input);
void cairn_graph_input_release(struct cairn_graph_input *input);
/* Each returns the number, or UINT32_MAX when memory ran out. Equal strings have one number. */
uint32_t cairn_graph_input_string(struct cairn_graph_input *input, const char *text, size_t length);
uint32_t cairn_graph_input_node(struct cairn_graph_input *input, const struct cairn_graph_node *node);
CAIRN_MUST_CHECK bool cairn_graph_input_edge(struct cairn_graph_input *input,
                                             const struct cairn_graph_edge *edge);
CAIRN_MUST_CHECK bool cairn_graph_input_root(struct cairn_graph_input *input,
                                             const struct cairn_graph_root *root);

#endif
