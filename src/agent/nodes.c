#include "agent/nodes.h"

#include <stdatomic.h>
#include <string.h>

#include "agent/memory.h"
#include "wire/record.h"

#define FIRST_TABLE_BITS 10u

/* Below this a table is kept at most a quarter full: a search that goes on is a branch nobody can predict. */
#define SPARSE_TABLE_BITS 16u

#define NODE_WORDS        3u
#define RESET_WORDS       1u

static size_t table_bytes(uint32_t bits)
{
    return sizeof(struct cairn_node_entry) << bits;
}

static uint32_t table_bits(const struct cairn_nodes *nodes)
{
    return 64 - nodes->shift;
}

/* A signal handler may leave by longjmp between any two steps here: there is never less behind `entries` than `mask` says, and what is
 * unmapped is no table any more. At worst an old table is left behind. */
static void use_table(struct cairn_nodes *nodes, struct cairn_node_entry *entries, uint32_t bits)
{
    const bool grows = bits > table_bits(nodes);
    if (grows) {
        nodes->entries = entries;
        atomic_signal_fence(memory_order_seq_cst);
    }
    nodes->mask = (1u << bits) - 1;
    nodes->shift = 64 - bits;
    if (!grows) {
        atomic_signal_fence(memory_order_seq_cst);
        nodes->entries = entries;
    }
    atomic_signal_fence(memory_order_seq_cst);
}

bool cairn_nodes_init(struct cairn_nodes *nodes)
{
    struct cairn_node_entry *entries = cairn_memory_map(table_bytes(FIRST_TABLE_BITS));
    *nodes = (struct cairn_nodes){.shift = 64};
    if (entries == NULL) {
        return false;
    }
    use_table(nodes, entries, FIRST_TABLE_BITS);
    return true;
}

void cairn_nodes_release(struct cairn_nodes *nodes)
{
    struct cairn_node_entry *entries = nodes->entries;
    if (entries != NULL) {
        nodes->entries = NULL;
        atomic_signal_fence(memory_order_seq_cst);
        cairn_memory_unmap(entries, table_bytes(table_bits(nodes)));
    }
}

/* A forked child would copy every page of a large table just to clear it. */
void cairn_nodes_clear(struct cairn_nodes *nodes)
{
    nodes->generation++;
    nodes->count = 0;
    struct cairn_node_entry *old = nodes->entries;
    const uint32_t old_bits = table_bits(nodes);
    struct cairn_node_entry *entries =
        old_bits > FIRST_TABLE_BITS ? cairn_memory_map(table_bytes(FIRST_TABLE_BITS)) : NULL;
    if (entries == NULL) {
        memset(old, 0, table_bytes(old_bits));
        return;
    }
    use_table(nodes, entries, FIRST_TABLE_BITS);
    cairn_memory_unmap(old, table_bytes(old_bits));
}

bool cairn_nodes_restart(struct cairn_nodes *nodes, struct cairn_ring_writer *writer)
{
    cairn_nodes_clear(nodes);
    uint64_t *words = cairn_ring_writer_reserve(writer, RESET_WORDS);
    if (words == NULL) {
        return false;
    }
    words[0] = cairn_record_word0(CAIRN_RECORD_NODE_RESET, writer->last_stamp);
    cairn_ring_writer_commit(writer, RESET_WORDS);
    return true;
}

static void place(struct cairn_nodes *nodes, const struct cairn_node_entry *entry)
{
    uint32_t i = cairn_node_hash(nodes, entry->parent_and_kind, entry->value);
    while (nodes->entries[i & nodes->mask].number != 0) {
        i++;
    }
    nodes->entries[i & nodes->mask] = *entry;
}

static void grow(struct cairn_nodes *nodes)
{
    struct cairn_node_entry *old = nodes->entries;
    const uint32_t old_bits = table_bits(nodes), old_mask = nodes->mask;
    struct cairn_node_entry *entries = cairn_memory_map(table_bytes(old_bits + 1));
    if (entries == NULL) {
        return;
    }
    use_table(nodes, entries, old_bits + 1);
    for (uint32_t i = 0; i <= old_mask; i++) {
        if (old[i].number != 0) {
            place(nodes, &old[i]);
        }
    }
    cairn_memory_unmap(old, table_bytes(old_bits));
}

void (*cairn_nodes_notice)(uintptr_t address, struct cairn_ring_writer *writer);

uint32_t cairn_nodes_add(struct cairn_nodes *nodes, uint32_t parent_and_kind, uint64_t value,
                         struct cairn_ring_writer *writer)
{
    const uint32_t kind = parent_and_kind >> CAIRN_NODE_KIND_SHIFT;
    const uint32_t fullest = nodes->mask / (table_bits(nodes) < SPARSE_TABLE_BITS ? 4 : 2);
    if (nodes->count > fullest && table_bits(nodes) < CAIRN_NODE_TABLE_BITS_MAX) {
        grow(nodes);
    }
    if (nodes->count >= nodes->mask - nodes->mask / 4) {
        return 0; /* CAIRN_NODES_MAX, or no memory to grow to it */
    }
    if (cairn_nodes_notice && (kind == CAIRN_NODE_NATIVE || kind == CAIRN_NODE_NATIVE_PC)) {
        cairn_nodes_notice(value, writer);
    }
    uint64_t *words = cairn_ring_writer_reserve(writer, NODE_WORDS);
    if (words == NULL) {
        return 0;
    }
    const uint32_t parent = parent_and_kind & ((1u << CAIRN_NODE_KIND_SHIFT) - 1);
    words[0] = cairn_record_word0(CAIRN_RECORD_NODE, writer->last_stamp);
    words[1] = parent | (uint64_t)kind << 32;
    words[2] = value;
    cairn_ring_writer_commit(writer, NODE_WORDS);
    const struct cairn_node_entry entry = {
        .value = value,
        .parent_and_kind = parent_and_kind,
        .number = ++nodes->count,
    };
    place(nodes, &entry);
    return entry.number;
}
