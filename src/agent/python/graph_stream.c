#include "agent/python/graph_stream.h"

#include <string.h>

#include "agent/memory.h"
#include "agent/session.h"

#define FIRST_SENT_SLOTS ((size_t)1 << 14)
#define TEXT_MAX         1024u

static void send_lane(struct cairn_graph_stream *stream, struct cairn_graph_lane *lane)
{
    const struct cairn_graph_message head = {.kind = lane->kind, .count = lane->count};
    memcpy(lane->bytes, &head, sizeof head);
    if (!stream->failed && !cairn_session_send(stream->fd, lane->bytes, lane->used)) {
        stream->failed = true;
    }
    lane->count = 0;
    lane->used = sizeof head;
}

/* Room for an item; what stands in the lane goes out first where there is none. */
static uint8_t *add(struct cairn_graph_stream *stream, struct cairn_graph_lane *lane, size_t bytes)
{
    if (lane->used + bytes > sizeof lane->bytes) {
        send_lane(stream, lane);
    }
    uint8_t *item = lane->bytes + lane->used;
    lane->used += bytes;
    lane->count++;
    return item;
}

static void init_lane(struct cairn_graph_lane *lane, uint32_t kind)
{
    lane->kind = kind;
    lane->used = sizeof(struct cairn_graph_message);
}

bool cairn_graph_stream_init(struct cairn_graph_stream *stream, int fd)
{
    stream->fd = fd;
    init_lane(&stream->strings, CAIRN_GRAPH_TELL_STRINGS);
    init_lane(&stream->nodes, CAIRN_GRAPH_TELL_NODES);
    init_lane(&stream->edges, CAIRN_GRAPH_TELL_EDGES);
    init_lane(&stream->roots, CAIRN_GRAPH_TELL_ROOTS);
    stream->sent_mask = FIRST_SENT_SLOTS - 1;
    stream->sent = cairn_memory_map(FIRST_SENT_SLOTS * sizeof *stream->sent);
    return stream->sent != NULL;
}

void cairn_graph_stream_release(struct cairn_graph_stream *stream)
{
    cairn_memory_unmap(stream->sent, (stream->sent_mask + 1) * sizeof *stream->sent);
}

static bool grow(struct cairn_graph_stream *stream)
{
    const size_t slots = (stream->sent_mask + 1) * 2;
    struct cairn_graph_sent *grown = cairn_memory_map(slots * sizeof *grown);
    if (!grown) {
        return false;
    }
    for (size_t i = 0; i <= stream->sent_mask; i++) {
        if (stream->sent[i].number) {
            size_t at = stream->sent[i].hash & (slots - 1);
            while (grown[at].number) {
                at = (at + 1) & (slots - 1);
            }
            grown[at] = stream->sent[i];
        }
    }
    cairn_memory_unmap(stream->sent, (stream->sent_mask + 1) * sizeof *grown);
    stream->sent = grown;
    stream->sent_mask = slots - 1;
    return true;
}

uint32_t cairn_graph_stream_string(struct cairn_graph_stream *stream, const char *text, size_t length)
{
    uint64_t hash = 0xcbf29ce484222325ull;
    length = length < TEXT_MAX ? length : TEXT_MAX;
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (uint8_t)text[i]) * 0x100000001b3ull;
    }
    hash ^= hash >> 29;
    if (length == 0 || (stream->string_count * 2 > stream->sent_mask && !grow(stream))) {
        return 0;
    }
    size_t at = hash & stream->sent_mask;
    for (; stream->sent[at].number; at = (at + 1) & stream->sent_mask) {
        if (stream->sent[at].hash == hash) {
            return stream->sent[at].number;
        }
    }
    const uint32_t size = (uint32_t)length;
    const size_t padded = (length + 3) & ~(size_t)3;
    uint8_t *item = add(stream, &stream->strings, sizeof size + padded);
    memcpy(item, &size, sizeof size);
    memset(item + sizeof size + padded - 4, 0, 4);
    memcpy(item + sizeof size, text, length);
    stream->sent[at] = (struct cairn_graph_sent){.hash = hash, .number = ++stream->string_count};
    return stream->string_count;
}

void cairn_graph_stream_node(struct cairn_graph_stream *stream, const struct cairn_graph_wire_node *node)
{
    memcpy(add(stream, &stream->nodes, sizeof *node), node, sizeof *node);
}

void cairn_graph_stream_edge(struct cairn_graph_stream *stream, const struct cairn_graph_wire_edge *edge)
{
    memcpy(add(stream, &stream->edges, sizeof *edge), edge, sizeof *edge);
}

void cairn_graph_stream_root(struct cairn_graph_stream *stream, const struct cairn_graph_wire_root *root)
{
    memcpy(add(stream, &stream->roots, sizeof *root), root, sizeof *root);
}

void cairn_graph_stream_end(struct cairn_graph_stream *stream)
{
    struct cairn_graph_lane *const lanes[] = {&stream->strings, &stream->nodes, &stream->edges,
                                              &stream->roots};
    for (size_t i = 0; i < sizeof lanes / sizeof *lanes; i++) {
        send_lane(stream, lanes[i]);
    }
    init_lane(&stream->nodes, CAIRN_GRAPH_TELL_END);
    send_lane(stream, &stream->nodes);
}
