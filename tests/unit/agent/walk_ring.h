/* A ring in plain memory for tests of the stack walk: the producer's side is the agent's own, the consumer's side keeps
 * every stack node, so that the path of a captured stack can be read back. */
#ifndef CAIRN_TEST_WALK_RING_H
#define CAIRN_TEST_WALK_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/ring_writer.h"
#include "agent/stack.h"

struct walk_node {
    uint64_t value;
    uint32_t parent;
    uint32_t kind;
};

struct walk_ring {
    struct cairn_ring_writer writer;
    struct cairn_ring_control control;
    uint64_t *words;
    struct walk_node *nodes; /* nodes[number]; 0 is unused */
    uint32_t node_count;     /* the last number, as the collector counts */
    uint32_t resets;
    bool closed; /* no room will ever be made again: reserve gives NULL */
    void (*interrupt)(
        void);      /* called once when room is waited for: a signal handler that may leave by longjmp */
    bool malformed; /* a record that the wire does not allow was seen */
};

/* Memory comes from mmap. NULL when there is none. */
struct walk_ring *walk_ring_new(void);
void walk_ring_free(struct walk_ring *ring);
/* Makes the next reserve wait, as a full ring does. */
void walk_ring_look_full(struct walk_ring *ring);
/* Takes what was committed. */
void walk_ring_drain(struct walk_ring *ring);
/* Drains, then writes the path of `node`, innermost first, at most `capacity` long; returns its length. */
size_t walk_ring_path(struct walk_ring *ring, uint32_t node, struct walk_node *path, size_t capacity);

#endif
