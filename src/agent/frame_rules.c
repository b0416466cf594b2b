#include "agent/frame_rules.h"

#include <stddef.h>

#include "agent/code_lookup.h"
#include "agent/eh_frame.h"
#include "agent/memory.h"

#define FIRST_TABLE_BITS 12u
#define LAST_TABLE_BITS  20u /* 8 MiB, half a million call sites */

struct cairn_frame_rules cairn_frame_rules = {.growing = ATOMIC_FLAG_INIT};

static size_t table_bytes(uint32_t entries)
{
    return sizeof(struct cairn_rule_table) + (size_t)entries * sizeof(uint64_t);
}

/* At most half full, so that a search ends after a few entries. */
static bool has_room(const struct cairn_rule_table *table)
{
    return atomic_load_explicit(&table->count, memory_order_relaxed) <= table->mask / 2;
}

static void put(struct cairn_rule_table *table, uint64_t entry)
{
    for (uint64_t i = cairn_rule_hash(entry >> CAIRN_RULE_BITS, table->shift);; i++) {
        uint64_t expected = 0;
        /* Relaxed: the word is all there is to see. */
        if (atomic_compare_exchange_strong_explicit(&table->entries[i & table->mask], &expected, entry,
                                                    memory_order_relaxed, memory_order_relaxed)) {
            atomic_fetch_add_explicit(&table->count, 1, memory_order_relaxed);
            return;
        }
        if (expected >> CAIRN_RULE_BITS == entry >> CAIRN_RULE_BITS) {
            return;
        }
    }
}

static void clear(struct cairn_rule_table *table)
{
    for (uint32_t i = 0; i <= table->mask; i++) {
        atomic_store_explicit(&table->entries[i], 0, memory_order_relaxed);
    }
    atomic_store_explicit(&table->count, 0, memory_order_relaxed);
}

/* Publishes a table twice as large with what the old one holds. A thread that finds another one at it goes on without;
 * entries it adds to the old table meanwhile are learned again. */
static void grow(struct cairn_rule_table *old)
{
    const uint32_t bits = old == NULL ? FIRST_TABLE_BITS : 64 - old->shift + 1;
    if (bits > LAST_TABLE_BITS ||
        atomic_flag_test_and_set_explicit(&cairn_frame_rules.growing, memory_order_acquire)) {
        return;
    }
    if (atomic_load_explicit(&cairn_frame_rules.table, memory_order_relaxed) == old) {
        const uint32_t epoch = cairn_frame_rules_epoch();
        struct cairn_rule_table *table = cairn_memory_map(table_bytes(1u << bits));
        if (table != NULL) {
            table->mask = (1u << bits) - 1;
            table->shift = 64 - bits;
            for (uint32_t i = 0; old != NULL && i <= old->mask; i++) {
                const uint64_t entry = atomic_load_explicit(&old->entries[i], memory_order_relaxed);
                if (entry != 0) {
                    put(table, entry);
                }
            }
            atomic_store_explicit(&cairn_frame_rules.table, table, memory_order_release);
            /* A flush in between may have seen the old table only. */
            if (cairn_frame_rules_epoch() != epoch) {
                clear(table);
            }
        }
    }
    atomic_flag_clear_explicit(&cairn_frame_rules.growing, memory_order_release);
}

static void keep(uint64_t entry, uint32_t epoch)
{
    struct cairn_rule_table *table = atomic_load_explicit(&cairn_frame_rules.table, memory_order_acquire);
    if (table == NULL || !has_room(table)) {
        grow(table);
        table = atomic_load_explicit(&cairn_frame_rules.table, memory_order_acquire);
    }
    if (table == NULL || !has_room(table)) {
        return;
    }
    put(table, entry);
    /* Read before a flush, kept after it: nobody knows whether it is stale. */
    if (cairn_frame_rules_epoch() != epoch) {
        clear(table);
    }
}

static cairn_rule read_rule(const struct cairn_code_module *module, uintptr_t code)
{
    struct cairn_cfi_row row;
    switch (cairn_eh_frame_row(module, code - 1, &row)) {
    case CAIRN_CFI_FOUND:
        return cairn_unwind_rule(module, &row, code);
    case CAIRN_CFI_NONE: {
        const bool begins_function = cairn_eh_frame_row(module, code, &row) == CAIRN_CFI_FOUND;
        return cairn_unwind_rule_without_row(module, begins_function, code);
    }
    default:
        return cairn_rule_special(CAIRN_RULE_FALLBACK);
    }
}

cairn_rule cairn_frame_rule_learn(uintptr_t code)
{
    if (code == 0 || code >> CAIRN_CODE_ADDRESS_BITS != 0) {
        return cairn_rule_special(CAIRN_RULE_STOP);
    }
    const uint32_t epoch = cairn_frame_rules_epoch();
    struct cairn_code_module module;
    if (!cairn_code_find(code - 1, &module)) {
        /* Not kept: a module may be loaded here later. */
        return cairn_rule_special(CAIRN_RULE_FRAME_POINTER);
    }
    const cairn_rule rule = read_rule(&module, code);
    keep((uint64_t)code << CAIRN_RULE_BITS | rule, epoch);
    return rule;
}

void cairn_frame_rules_flush(void)
{
    /* The epoch first: whoever learned before it finds out when it keeps. */
    atomic_fetch_add_explicit(&cairn_frame_rules.epoch, 1, memory_order_acq_rel);
    struct cairn_rule_table *table = atomic_load_explicit(&cairn_frame_rules.table, memory_order_acquire);
    if (table != NULL) {
        clear(table);
    }
}

void cairn_frame_rules_forked(void)
{
    atomic_flag_clear_explicit(&cairn_frame_rules.growing, memory_order_relaxed);
}
