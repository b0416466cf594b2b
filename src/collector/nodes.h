/* The stack nodes of one ring, and which stack of the trace and which account each means. */
#ifndef CAIRN_COLLECTOR_NODES_H
#define CAIRN_COLLECTOR_NODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/code_map.h"
#include "collector/places.h"
#include "collector/python_codes.h"

struct cairn_node {
    uint64_t value;
    uint32_t parent; /* node number, 0: root */
    uint32_t epoch;  /* of the code map that `stack` was found with; 0: not yet */
    uint32_t stack;  /* in the trace */
    /* Of this ring's thread on that stack in domain[i], the last one asked for whose number ends in the bit i; 0: not yet. A
     * line of Python makes objects and their memory by turns. */
    uint32_t account[2];
    uint8_t domain[2]; /* enum cairn_domain */
    uint8_t kind;      /* enum cairn_node_kind */
};

/* What was noted down of an account in that domain, with what was known of the code in that epoch; 0: nothing. */
static inline uint32_t cairn_node_account(const struct cairn_node *node, uint8_t domain, uint32_t epoch)
{
    return node->domain[domain & 1] == domain && node->epoch == epoch ? node->account[domain & 1] : 0;
}

/* Node n is list[n − 1]. Zero-initialise. */
struct cairn_nodes {
    struct cairn_node *list;
    size_t count, capacity;
};

void cairn_nodes_release(struct cairn_nodes *nodes);
/* The numbering starts again. */
void cairn_nodes_reset(struct cairn_nodes *nodes);
/* The next node; a parent that does not exist is taken for the root. False when memory ran out or there are too many:
 * later nodes then mean nothing. */
bool cairn_nodes_add(struct cairn_nodes *nodes, uint32_t parent, uint8_t kind, uint64_t value);
/* The stack of node `number` (0 for unknown ones). `epoch` counts changes of `code` and is never 0: nodes found with an
 * older one are found again. */
uint32_t cairn_nodes_stack(struct cairn_nodes *nodes, uint32_t number, struct cairn_places *places,
                           const struct cairn_code_map *code, const struct cairn_python_codes *python,
                           uint32_t epoch);

#endif
