/* The trie of call stacks that one thread has sent through its ring: (parent, kind, value) → node number.
 *
 * Numbers count 1, 2, 3, … in order of sending (wire/record.h), so that both sides agree on them without being told. The
 * table is bounded: when it is full its owner empties it, which sends a NODE_RESET. Memory comes from mmap. */
#ifndef CAIRN_AGENT_NODES_H
#define CAIRN_AGENT_NODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/ring_writer.h"

/* A table of 16 MiB at most. Beyond NODES_FULL the next capture starts anew; up to NODES_MAX it still may add a path. */
#define CAIRN_NODE_TABLE_BITS_MAX 20u
#define CAIRN_NODES_FULL          (1u << (CAIRN_NODE_TABLE_BITS_MAX - 1))
#define CAIRN_NODES_MAX           (CAIRN_NODES_FULL + CAIRN_NODES_FULL / 2)

#define CAIRN_NODE_KIND_SHIFT     28u

struct cairn_node_entry {
    uint64_t value;
    uint32_t parent_and_kind; /* parent | kind << CAIRN_NODE_KIND_SHIFT */
    uint32_t number;          /* 0: free */
};

struct cairn_nodes {
    struct cairn_node_entry *entries;
    uint32_t mask, shift;
    uint32_t count;
    uint32_t generation; /* +1 whenever numbers start again */
};

/* `false` when there is no memory. */
bool cairn_nodes_init(struct cairn_nodes *nodes);
void cairn_nodes_release(struct cairn_nodes *nodes);
/* Forgets all; writes no record. */
void cairn_nodes_clear(struct cairn_nodes *nodes);
/* Forgets all and tells the collector. `false` when the recording is over. */
bool cairn_nodes_restart(struct cairn_nodes *nodes, struct cairn_ring_writer *writer);

/* Called before a NODE of kind NATIVE or NATIVE_PC is sent, where it is set: what must come first can be written then
 * (modules.h). Set once, before the first capture. */
extern void (*cairn_nodes_notice)(uintptr_t address, struct cairn_ring_writer *writer)
    __attribute__((visibility("hidden")));

/* Sends a node that the table does not hold. 0 when the recording is over or the table is at its maximum. */
uint32_t cairn_nodes_add(struct cairn_nodes *nodes, uint32_t parent_and_kind, uint64_t value,
                         struct cairn_ring_writer *writer);

/* The value is mixed while its parent's number is still being looked up: only one multiplication waits for that. */
static inline uint32_t cairn_node_hash(const struct cairn_nodes *nodes, uint32_t parent_and_kind,
                                       uint64_t value)
{
    return (uint32_t)((value * 0x9e3779b97f4a7c15ull ^ parent_and_kind * 0xff51afd7ed558ccdull) >>
                      nodes->shift);
}

/* The node below `parent`, sent where it is new; 0 as cairn_nodes_add. */
static inline uint32_t cairn_nodes_intern(struct cairn_nodes *nodes, uint32_t parent, uint32_t kind,
                                          uint64_t value, struct cairn_ring_writer *writer)
{
    const uint32_t parent_and_kind = parent | kind << CAIRN_NODE_KIND_SHIFT;
    for (uint32_t i = cairn_node_hash(nodes, parent_and_kind, value);; i++) {
        const struct cairn_node_entry *entry = &nodes->entries[i & nodes->mask];
        if (entry->value == value && entry->parent_and_kind == parent_and_kind && entry->number != 0) {
            return entry->number;
        }
        if (entry->number == 0) {
            return cairn_nodes_add(nodes, parent_and_kind, value, writer);
        }
    }
}

#endif
