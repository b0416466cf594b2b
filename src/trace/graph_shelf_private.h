/* What stands on a shelf. Internal to trace: graph_shelf.c puts it there, writer_graph.c takes it off. */
#ifndef CAIRN_TRACE_GRAPH_SHELF_PRIVATE_H
#define CAIRN_TRACE_GRAPH_SHELF_PRIVATE_H

#include "base/buffer.h"
#include "trace/graph_codec.h"
#include "trace/graph_shelf.h"

enum cairn_shelved_kind {
    CAIRN_SHELVED_OBJECTS,
    CAIRN_SHELVED_LINKS,
    CAIRN_SHELVED_PART,
    CAIRN_SHELVED_STRINGS,
    CAIRN_SHELVED_KEYS,
};

/* A row with a BLOB. */
struct cairn_shelved {
    struct cairn_shelved *next;
    enum cairn_shelved_kind kind;
    enum cairn_graph_links links; /* LINKS, PART */
    uint32_t number, part;        /* of the chunk; PART: of the list, and of its part */
    uint64_t first_address;       /* OBJECTS */
    size_t length;
    uint8_t data[];
};

struct cairn_graph_shelf {
    uint32_t graph;
    struct cairn_shelved *first, *last; /* in order */
    struct cairn_graph_codec codec;
    struct cairn_buffer blob; /* the one that was encoded last */
};

#endif
