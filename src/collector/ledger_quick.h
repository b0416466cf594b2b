/* The usual allocation and the usual free, nine of ten events: a block of an exact recording that is young, in order, in a
 * chunk that has room. Each does what its namesake in ledger_blocks.c does, or nothing at all. Private to the merge. */
#ifndef CAIRN_COLLECTOR_LEDGER_QUICK_H
#define CAIRN_COLLECTOR_LEDGER_QUICK_H

#include "collector/ledger_internal.h"
#include "collector/live_young.h"

/* Nothing but the block itself is to be done next. */
static inline bool cairn_ledger_is_quick(const struct cairn_ledger *ledger,
                                         const struct cairn_ledger_process *process, uint64_t stamp)
{
    return process->live->young != NULL && stamp >= ledger->last_stamp && ledger->ending_count == 0 &&
           ledger->count < CAIRN_CHUNK_EVENTS && ledger->pipeline->sample_bytes == 0;
}

/* The time of the next event. */
static inline uint64_t cairn_ledger_advance(struct cairn_ledger *ledger, struct cairn_ledger_time when)
{
    ledger->last_stamp = when.stamp;
    ledger->last_us = when.us > ledger->last_us ? when.us : ledger->last_us;
    return ledger->last_us;
}

/* As cairn_ledger_alloc(); `hash` is that of (address, domain). False: nothing was done. */
static inline bool cairn_ledger_alloc_quickly(struct cairn_ledger *ledger,
                                              struct cairn_ledger_process *process,
                                              struct cairn_ledger_thread *thread,
                                              struct cairn_ledger_time when, uint32_t account, uint64_t hash,
                                              uint64_t address, uint64_t size, uint8_t domain)
{
    if (!cairn_ledger_is_quick(ledger, process, when.stamp) || account == 0 || size >= CAIRN_SIZE_IS_GIANT) {
        return false;
    }
    struct cairn_live_map *map = process->live;
    struct cairn_live_slot *place = cairn_young_place(map, hash);
    if (!cairn_young_clear(map, place, hash, address, domain)) {
        return false;
    }
    const uint64_t us = cairn_ledger_advance(ledger, when);
    const uint64_t birth = ledger->next_event;
    cairn_live_pack(place, &(struct cairn_live_block){.address = address,
                                                      .size = size,
                                                      .birth = birth,
                                                      .time_us = us & CAIRN_LIVE_TIME_MASK,
                                                      .account = account,
                                                      .domain = domain});
    map->count++;
    *cairn_ledger_append(ledger, 0) = (struct cairn_event){
        .t_ns = us * CAIRN_EVENT_TIME_UNIT_NS, .size = size, .account = account, .kind = CAIRN_EVENT_ALLOC};
    if (cairn_domain_is_heap(domain)) {
        process->traced_bytes += (int64_t)size;
        if (process->traced_bytes > process->traced_peak_bytes) {
            process->traced_peak_bytes = process->traced_bytes;
        }
        thread->last_birth_1 = birth + 1;
    }
    return true;
}

/* As cairn_ledger_free_block() without flags but CAIRN_LEDGER_LATER. False: nothing was done. */
static inline bool cairn_ledger_free_quickly(struct cairn_ledger *ledger,
                                             struct cairn_ledger_process *process,
                                             const struct cairn_ledger_thread *thread,
                                             struct cairn_ledger_time when, uint64_t hash, uint64_t address,
                                             uint8_t domain, bool later)
{
    struct cairn_live_block block;
    if (!cairn_ledger_is_quick(ledger, process, when.stamp) ||
        !cairn_young_take(process->live, hash, address, domain, &block)) {
        return false;
    }
    ledger->last_stamp = when.stamp;
    if (cairn_domain_is_heap(domain)) {
        process->traced_bytes -= (int64_t)block.size;
    }
    if (cairn_ledger_is_inherited(ledger, process, block.account)) {
        return true;
    }
    const uint64_t us = cairn_ledger_advance(ledger, when);
    const bool temporary = block.birth + 1 == thread->last_birth_1 && !later;
    *cairn_ledger_append(ledger, cairn_ledger_lifetime(ledger, block.time_us, us)) =
        (struct cairn_event){.t_ns = us * CAIRN_EVENT_TIME_UNIT_NS,
                             .size = block.size,
                             .birth = block.birth,
                             .account = block.account,
                             .kind = CAIRN_EVENT_FREE,
                             .flags = temporary ? CAIRN_EVENT_TEMPORARY : 0};
    return true;
}

#endif
