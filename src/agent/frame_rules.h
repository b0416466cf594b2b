/* Frame rules learned from .eh_frame, one per call site, for the whole process.
 *
 * An open hash table of single atomic words (code address and rule together), so that looking up is lock-free and a torn
 * entry cannot be seen. Entries are added by whoever comes first; only a flush takes them away. The table doubles up
 * to a bound; beyond it rules are read anew each time. */
#ifndef CAIRN_AGENT_FRAME_RULES_H
#define CAIRN_AGENT_FRAME_RULES_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/unwind_x86_64.h"

struct cairn_rule_table {
    uint32_t mask; /* entries − 1 */
    uint32_t shift;
    _Atomic uint32_t count;
    _Atomic uint64_t entries[]; /* code address << CAIRN_RULE_BITS | rule; 0: free */
};

struct cairn_frame_rules {
    /* Stored with release after its content; loaded with acquire. Old tables stay mapped: somebody may still read. */
    struct cairn_rule_table *_Atomic table;
    /* +1 when code was unmapped: what was learned or kept before is stale. Release by the flush, acquire by users. */
    _Atomic uint32_t epoch;
    atomic_flag growing;
};

extern struct cairn_frame_rules cairn_frame_rules __attribute__((visibility("hidden")));

/* Reads the rule from the module's tables and keeps it. */
cairn_rule cairn_frame_rule_learn(uintptr_t code);
void cairn_frame_rules_flush(void);
/* In a forked child: the thread that was growing the table, if any, is not here. */
void cairn_frame_rules_forked(void);

static inline uint32_t cairn_frame_rules_epoch(void)
{
    return atomic_load_explicit(&cairn_frame_rules.epoch, memory_order_acquire);
}

static inline uint64_t cairn_rule_hash(uint64_t code, uint32_t shift)
{
    return code * 0x9e3779b97f4a7c15ull >> shift;
}

/* The rule of a code address (a key without its mark; never 0). */
static inline cairn_rule cairn_frame_rule(uintptr_t code)
{
    struct cairn_rule_table *table = atomic_load_explicit(&cairn_frame_rules.table, memory_order_acquire);
    if (__builtin_expect(table != NULL, 1)) {
        for (uint64_t i = cairn_rule_hash(code, table->shift);; i++) {
            const uint64_t entry =
                atomic_load_explicit(&table->entries[i & table->mask], memory_order_relaxed);
            if (__builtin_expect(entry >> CAIRN_RULE_BITS == code, 1)) {
                return (cairn_rule)entry & ((1u << CAIRN_RULE_BITS) - 1);
            }
            if (entry == 0) {
                break;
            }
        }
    }
    return cairn_frame_rule_learn(code);
}

#endif
