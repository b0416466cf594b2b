/* The sending side of a graph (wire/graph.h): items are gathered and go out in full messages. Used in a
 * still image, or in a program that stands still. */
#ifndef CAIRN_AGENT_PYTHON_GRAPH_STREAM_H
#define CAIRN_AGENT_PYTHON_GRAPH_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/graph.h"

/* One message being gathered. */
struct cairn_graph_lane {
    uint32_t kind, count;
    size_t used;
    uint8_t bytes[CAIRN_GRAPH_MESSAGE_BYTES];
};

struct cairn_graph_stream {
    int fd;
    bool failed;
    struct cairn_graph_lane strings, nodes, edges, roots;
    uint32_t string_count;
    /* Strings that were sent: 64-bit hash and number; two texts with one hash are taken for one. */
    struct cairn_graph_sent {
        uint64_t hash;
        uint32_t number;
    } * sent;
    size_t sent_mask;
};

/* False without memory. */
bool cairn_graph_stream_init(struct cairn_graph_stream *stream, int fd);
/* The descriptor stays the caller's. Also of a stream whose init failed. */
void cairn_graph_stream_release(struct cairn_graph_stream *stream);
/* The text's number; 0 for an empty one. */
uint32_t cairn_graph_stream_string(struct cairn_graph_stream *stream, const char *text, size_t length);
void cairn_graph_stream_node(struct cairn_graph_stream *stream, const struct cairn_graph_wire_node *node);
void cairn_graph_stream_edge(struct cairn_graph_stream *stream, const struct cairn_graph_wire_edge *edge);
void cairn_graph_stream_root(struct cairn_graph_stream *stream, const struct cairn_graph_wire_root *root);
/* Sends what is left, and END. */
void cairn_graph_stream_end(struct cairn_graph_stream *stream);

#endif
