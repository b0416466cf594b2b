#include "walk_ring.h"

#include <sys/mman.h>

#include "wire/record.h"

#define NODES_MAX (1u << 21)

static void *map(size_t bytes)
{
    void *memory =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

struct walk_ring *walk_ring_new(void)
{
    struct walk_ring *ring = map(sizeof *ring);
    if (ring == NULL) {
        return NULL;
    }
    ring->words = map(CAIRN_RING_BYTES);
    ring->nodes = map(NODES_MAX * sizeof *ring->nodes);
    ring->writer = (struct cairn_ring_writer){.control = &ring->control, .words = ring->words};
    return ring->words != NULL && ring->nodes != NULL ? ring : NULL;
}

void walk_ring_free(struct walk_ring *ring)
{
    if (ring != NULL) {
        munmap(ring->words, CAIRN_RING_BYTES);
        munmap(ring->nodes, NODES_MAX * sizeof *ring->nodes);
        munmap(ring, sizeof *ring);
    }
}

static void add_node(struct walk_ring *ring, const uint64_t *record)
{
    const uint32_t parent = (uint32_t)record[1];
    if (ring->node_count + 1 >= NODES_MAX || parent > ring->node_count) {
        ring->malformed = true;
        return;
    }
    ring->nodes[++ring->node_count] =
        (struct walk_node){.value = record[2], .parent = parent, .kind = (uint32_t)(record[1] >> 32)};
}

/* Returns the record's length in words. */
static uint64_t take_record(struct walk_ring *ring, const uint64_t *record, uint64_t position)
{
    switch ((enum cairn_record_kind)(record[0] & 0xff)) {
    case CAIRN_RECORD_PAD:
        return (CAIRN_RING_BYTES - position) / 8;
    case CAIRN_RECORD_NODE:
        add_node(ring, record);
        return 3;
    case CAIRN_RECORD_NODE_RESET:
        ring->node_count = 0;
        ring->resets++;
        return 1;
    default:
        ring->malformed = true;
        return 1;
    }
}

void walk_ring_drain(struct walk_ring *ring)
{
    const uint64_t head = atomic_load_explicit(&ring->control.head, memory_order_acquire);
    uint64_t tail = atomic_load_explicit(&ring->control.tail, memory_order_relaxed);
    while (tail < head) {
        const uint64_t position = tail & (CAIRN_RING_BYTES - 1);
        tail += 8 * take_record(ring, ring->words + position / 8, position);
    }
    ring->malformed |= tail != head;
    atomic_store_explicit(&ring->control.tail, tail, memory_order_release);
}

void walk_ring_look_full(struct walk_ring *ring)
{
    walk_ring_drain(ring);
    ring->writer.tail_seen = ring->writer.head - CAIRN_RING_BYTES;
}

/* In place of ring_writer.c's: the consumer is the same thread. */
uint64_t *cairn_ring_writer_wait(struct cairn_ring_writer *writer, uint32_t words)
{
    struct walk_ring *ring = (struct walk_ring *)(void *)writer; /* its first member */
    if (ring->interrupt != NULL) {
        void (*interrupt)(void) = ring->interrupt;
        ring->interrupt = NULL;
        interrupt();
    }
    if (ring->closed) {
        return NULL;
    }
    const uint64_t position = writer->head & (CAIRN_RING_BYTES - 1);
    if (position + 8ull * words > CAIRN_RING_BYTES) {
        writer->words[position / 8] = cairn_record_word0(CAIRN_RECORD_PAD, 0);
        cairn_ring_writer_commit(writer, (uint32_t)((CAIRN_RING_BYTES - position) / 8));
    }
    walk_ring_drain(ring);
    writer->tail_seen = atomic_load_explicit(&ring->control.tail, memory_order_acquire);
    return writer->words + (writer->head & (CAIRN_RING_BYTES - 1)) / 8;
}

size_t walk_ring_path(struct walk_ring *ring, uint32_t node, struct walk_node *path, size_t capacity)
{
    walk_ring_drain(ring);
    size_t length = 0;
    while (node != 0 && node <= ring->node_count && length < capacity) {
        path[length++] = ring->nodes[node];
        node = ring->nodes[node].parent;
    }
    return length;
}
