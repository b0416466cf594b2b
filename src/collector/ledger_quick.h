/* The usual allocation, free and realloc, nine of ten events: a block of an exact recording that is young, in order, in a
 * chunk that has room. Each does what its namesake in ledger_blocks.c does, or nothing at all. Private to the merge. */
#ifndef CAIRN_COLLECTOR_LEDGER_QUICK_H
#define CAIRN_COLLECTOR_LEDGER_QUICK_H

#include "collector/ledger_internal.h"
#include "collector/live_young.h"

/* What changes with each of a thread's blocks, taken out of the books while nothing else happens to them. */
struct cairn_ledger_run {
    struct cairn_ledger *ledger;
    struct cairn_ledger_process *process;
    struct cairn_ledger_thread *thread;
    struct cairn_live_map *map;
    struct cairn_event *events; /* of the open chunk, `count` of them filled */
    uint8_t *lifetimes;
    uint64_t first_event; /* of that chunk */
    uint32_t count;
    bool inherits; /* the process has blocks that may be another's */
    uint64_t last_us, last_birth_1;
    int64_t traced_bytes, traced_peak_bytes;
};

/* Begins one for events stamped `stamp` and later, in order. False: there is something else to be done with the next event. */
static inline bool cairn_ledger_run_begin(struct cairn_ledger_run *run, struct cairn_ledger *ledger,
                                          struct cairn_ledger_process *process,
                                          struct cairn_ledger_thread *thread, uint64_t stamp)
{
    if (process->live->young == NULL || stamp < ledger->last_stamp || ledger->ending_count != 0 ||
        ledger->count == CAIRN_CHUNK_EVENTS || ledger->pipeline->sample_bytes != 0) {
        return false;
    }
    *run = (struct cairn_ledger_run){.ledger = ledger,
                                     .process = process,
                                     .thread = thread,
                                     .map = process->live,
                                     .events = ledger->buffer->events,
                                     .lifetimes = ledger->buffer->lifetimes,
                                     .first_event = ledger->next_event - ledger->count,
                                     .count = ledger->count,
                                     .inherits = process->lineage != 0,
                                     .last_us = ledger->last_us,
                                     .last_birth_1 = thread->last_birth_1,
                                     .traced_bytes = process->traced_bytes,
                                     .traced_peak_bytes = process->traced_peak_bytes};
    return true;
}

/* Puts everything back; `stamp` is of the last record that was applied. */
static inline void cairn_ledger_run_end(const struct cairn_ledger_run *run, uint64_t stamp)
{
    run->ledger->count = run->count;
    run->ledger->next_event = run->first_event + run->count;
    run->ledger->last_us = run->last_us;
    run->ledger->last_stamp = stamp;
    run->process->traced_bytes = run->traced_bytes;
    run->process->traced_peak_bytes = run->traced_peak_bytes;
    run->thread->last_birth_1 = run->last_birth_1;
}

/* The hash of a key, and its young place. */
static inline uint64_t cairn_ledger_run_hash(const struct cairn_ledger_run *run, uint64_t key)
{
    return cairn_live_hash(run->map->table.space, key);
}

/* Whether a new block can be made with the next event: its young place is free for it then. */
static inline __attribute__((always_inline)) bool cairn_ledger_run_has_room(struct cairn_ledger_run *run,
                                                                            uint32_t account, uint64_t key,
                                                                            struct cairn_live_slot *place,
                                                                            uint64_t size)
{
    if (account == 0 || size >= CAIRN_SIZE_IS_GIANT || run->count == CAIRN_CHUNK_EVENTS) {
        return false;
    }
    return __builtin_expect(cairn_live_slot_key(place) == key, 1)
               ? !cairn_young_is_block(place)
               : cairn_young_clear(run->map, place, cairn_ledger_run_hash(run, key), key);
}

/* Puts a block that the next event makes into its young place. */
static inline __attribute__((always_inline)) void
cairn_ledger_run_place(struct cairn_ledger_run *run, uint64_t us, uint32_t account, uint64_t key,
                       struct cairn_live_slot *place, uint64_t size)
{
    run->last_us = us > run->last_us ? us : run->last_us;
    const uint64_t birth = run->first_event + run->count;
    cairn_live_pack_key(place, key, size, birth, run->last_us, account);
    run->map->count++;
    if (cairn_domain_is_heap(cairn_live_key_domain(key))) {
        run->traced_bytes += (int64_t)size;
        if (run->traced_bytes > run->traced_peak_bytes) {
            run->traced_peak_bytes = run->traced_bytes;
        }
        run->last_birth_1 = birth + 1;
    }
}

/* As cairn_ledger_alloc(), of a block whose key has that young place. False: nothing was done. */
static inline __attribute__((always_inline)) bool
cairn_ledger_run_alloc(struct cairn_ledger_run *run, uint64_t us, uint32_t account, uint64_t key,
                       struct cairn_live_slot *place, uint64_t size)
{
    if (!cairn_ledger_run_has_room(run, account, key, place, size)) {
        return false;
    }
    cairn_ledger_run_place(run, us, account, key, place, size);
    run->lifetimes[run->count] = 0;
    run->events[run->count++] = (struct cairn_event){.t_ns = run->last_us * CAIRN_EVENT_TIME_UNIT_NS,
                                                     .size = size,
                                                     .account = account,
                                                     .kind = CAIRN_EVENT_ALLOC};
    return true;
}

/* The event of a block that is made of one which was taken out, and its young place. */
static inline __attribute__((always_inline)) void
cairn_ledger_run_replace(struct cairn_ledger_run *run, uint64_t us, uint32_t account, uint64_t key,
                         struct cairn_live_slot *place, uint64_t size, const struct cairn_live_block *old)
{
    if (cairn_domain_is_heap(old->domain)) {
        run->traced_bytes -= (int64_t)old->size;
    }
    cairn_ledger_run_place(run, us, account, key, place, size);
    run->lifetimes[run->count] = cairn_ledger_lifetime_of(old->time_us, run->last_us);
    run->events[run->count++] = (struct cairn_event){.t_ns = run->last_us * CAIRN_EVENT_TIME_UNIT_NS,
                                                     .size = size,
                                                     .birth = old->birth,
                                                     .account = account,
                                                     .old_account = old->account,
                                                     .old_size = old->size,
                                                     .kind = CAIRN_EVENT_REALLOC};
}

/* As cairn_ledger_realloc_begin(), of a young block and outside any other realloc. False: nothing was done. */
static inline bool cairn_ledger_run_realloc_begin(struct cairn_ledger_run *run, uint64_t key,
                                                  struct cairn_live_slot *place)
{
    struct cairn_ledger_thread *thread = run->thread;
    if (thread->reallocating != 0 || cairn_live_slot_key(place) != key || !cairn_young_is_block(place)) {
        return false;
    }
    cairn_live_unpack_slot(place, &thread->pending[0].block);
    thread->pending[0].known = true;
    thread->reallocating = 1;
    place->w1 = CAIRN_YOUNG_NO_BLOCK;
    run->map->count--;
    return true;
}

/* As cairn_ledger_realloc_end(), of the only one that began. False: nothing was done. */
static inline bool cairn_ledger_run_realloc_end(struct cairn_ledger_run *run, uint64_t us, uint32_t account,
                                                uint64_t key, struct cairn_live_slot *place, uint64_t size)
{
    struct cairn_ledger_thread *thread = run->thread;
    const struct cairn_live_block *old = &thread->pending[0].block;
    if (thread->reallocating != 1 || !thread->pending[0].known ||
        (run->inherits && cairn_ledger_is_inherited(run->ledger, run->process, old->account)) ||
        !cairn_ledger_run_has_room(run, account, key, place, size)) {
        return false;
    }
    thread->reallocating = 0;
    cairn_ledger_run_replace(run, us, account, key, place, size, old);
    return true;
}

/* As cairn_ledger_realloc(), of keys that have those young places. False: nothing was done. */
static inline bool cairn_ledger_run_realloc(struct cairn_ledger_run *run, uint64_t us, uint32_t account,
                                            uint64_t key, struct cairn_live_slot *place, uint64_t size,
                                            uint64_t old_key, struct cairn_live_slot *old_place)
{
    struct cairn_live_block old;
    if (__builtin_expect(cairn_live_slot_key(old_place) == old_key, 1)) {
        if (!cairn_young_is_block(old_place)) {
            return false;
        }
        cairn_live_unpack_slot(old_place, &old);
        if (run->inherits && cairn_ledger_is_inherited(run->ledger, run->process, old.account)) {
            return false;
        }
        /* First, as the new block may need its place. */
        const uint64_t w1 = old_place->w1;
        old_place->w1 = CAIRN_YOUNG_NO_BLOCK;
        if (!cairn_ledger_run_has_room(run, account, key, place, size)) {
            old_place->w1 = w1;
            return false;
        }
        run->map->count--;
    } else {
        struct cairn_live_block taken;
        if (run->inherits || !cairn_ledger_run_has_room(run, account, key, place, size)) {
            return false;
        }
        /* Who was in the new block's place is in the table now. */
        cairn_young_leave_key(place, key);
        if (!cairn_young_take(run->map, old_place, cairn_ledger_run_hash(run, old_key), old_key, &taken)) {
            return false;
        }
        old = taken;
    }
    cairn_ledger_run_replace(run, us, account, key, place, size, &old);
    return true;
}

/* As cairn_ledger_free_block() without flags but CAIRN_LEDGER_LATER. False: nothing was done. */
static inline __attribute__((always_inline)) bool cairn_ledger_run_free(struct cairn_ledger_run *run,
                                                                        uint64_t us, uint64_t key,
                                                                        struct cairn_live_slot *place,
                                                                        bool later)
{
    struct cairn_live_block block;
    if (run->count == CAIRN_CHUNK_EVENTS) {
        return false;
    }
    if (__builtin_expect(cairn_live_slot_key(place) == key, 1)) {
        if (!cairn_young_is_block(place)) {
            return false;
        }
        cairn_live_unpack_slot(place, &block);
        place->w1 = CAIRN_YOUNG_NO_BLOCK;
        run->map->count--;
    } else {
        struct cairn_live_block taken;
        if (!cairn_young_take(run->map, place, cairn_ledger_run_hash(run, key), key, &taken)) {
            return false;
        }
        block = taken;
    }
    if (cairn_domain_is_heap(cairn_live_key_domain(key))) {
        run->traced_bytes -= (int64_t)block.size;
    }
    if (run->inherits && cairn_ledger_is_inherited(run->ledger, run->process, block.account)) {
        return true;
    }
    run->last_us = us > run->last_us ? us : run->last_us;
    run->lifetimes[run->count] = cairn_ledger_lifetime_of(block.time_us, run->last_us);
    run->events[run->count++] = (struct cairn_event){
        .t_ns = run->last_us * CAIRN_EVENT_TIME_UNIT_NS,
        .size = block.size,
        .birth = block.birth,
        .account = block.account,
        .kind = CAIRN_EVENT_FREE,
        .flags = block.birth + 1 == run->last_birth_1 && !later ? CAIRN_EVENT_TEMPORARY : 0};
    return true;
}

#endif
