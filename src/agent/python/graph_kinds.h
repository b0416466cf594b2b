/* What is known of a type, found out once: most objects are of few types. In a still image only, as graph_objects.h. */
#ifndef CAIRN_AGENT_PYTHON_GRAPH_KINDS_H
#define CAIRN_AGENT_PYTHON_GRAPH_KINDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/python/graph_stream.h"

/* Where an object's references stand. */
enum cairn_graph_shape {
    CAIRN_GRAPH_SHAPE_OTHER = 0,
    CAIRN_GRAPH_SHAPE_DICT,
    CAIRN_GRAPH_SHAPE_LIST,
    CAIRN_GRAPH_SHAPE_TUPLE,
};

/* How sys.getsizeof() comes to its answer. A __sizeof__ of the program's own is never called: it is as if its class had none. */
enum cairn_graph_weighing {
    CAIRN_GRAPH_WEIGHED_BY_ASKING =
        0,                         /* it must be called, or the __sizeof__ of C code that it would come to */
    CAIRN_GRAPH_WEIGHED_BY_SIZE,   /* object.__sizeof__: bytes + items * item_bytes */
    CAIRN_GRAPH_WEIGHED_BY_ROOM,   /* list.__sizeof__: the same of the items that it has room for */
    CAIRN_GRAPH_WEIGHED_BY_LENGTH, /* str.__sizeof__ of compact ASCII; others must be asked */
};

struct cairn_graph_kind {
    uintptr_t type; /* 0: nothing is known in this place */
    unsigned long flags;
    const char *name;     /* type.__name__ */
    uint32_t name_string; /* its number in the stream */
    uint8_t shape;        /* enum cairn_graph_shape */
    uint8_t weighing;     /* enum cairn_graph_weighing */
    bool shared;          /* types, modules, functions, code: what many objects refer to without owning it */
    uint64_t bytes, item_bytes;
    void *sizeof_method; /* borrowed: the __sizeof__ behind the program's own; NULL where it has none */
};

#define CAIRN_GRAPH_KINDS 4096u

/* One place a type; types share places. Zeroed memory is an empty table. */
struct cairn_graph_kinds {
    struct cairn_graph_kind places[CAIRN_GRAPH_KINDS];
};

/* Of the object's type; holds until the next call. */
const struct cairn_graph_kind *cairn_graph_kind_of(struct cairn_graph_kinds *kinds,
                                                   struct cairn_graph_stream *stream, uintptr_t object);
/* sys.getsizeof(object), were it not for a __sizeof__ of the program's own; 0 where that of C code raises. */
uint64_t cairn_graph_weigh(const struct cairn_graph_kind *kind, uintptr_t object);
/* So much stands in front of the object in its block. */
uint64_t cairn_graph_head_bytes(const struct cairn_graph_kind *kind, uintptr_t object);
/* type(object).__name__: the last part of tp_name. */
const char *cairn_graph_type_name(uintptr_t object);

#endif
