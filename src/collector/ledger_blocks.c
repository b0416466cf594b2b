/* Allocations, frees and reallocs of blocks. */
#include <string.h>

#include "collector/ledger_internal.h"
#include "trace/weight.h"

/* The agent tells some frees of blocks that were not sampled, too: they are nobody's fault. */
static bool is_sampled(const struct cairn_ledger *ledger)
{
    return ledger->pipeline->sample_bytes != 0;
}

static void remember(struct cairn_ledger_recents *recents, const struct cairn_ledger_recent *one)
{
    recents->list[recents->next++ % CAIRN_LEDGER_RECENT] = *one;
}

/* Whether a record with that stamp, which came late, is about something that was decided without it. */
static bool was_decided(struct cairn_ledger_recents *recents, uint32_t process, uint64_t address,
                        uint8_t domain, uint64_t stamp)
{
    for (uint32_t i = 0; i < CAIRN_LEDGER_RECENT; i++) {
        struct cairn_ledger_recent *one = &recents->list[i];
        if (one->stamp > stamp && one->address == address && one->process == process &&
            one->domain == domain) {
            one->stamp = 0;
            return true;
        }
    }
    return false;
}

/* True for a record that ought to have been seen before the last one. */
static bool advance(struct cairn_ledger *ledger, uint64_t stamp)
{
    if (__builtin_expect(stamp < ledger->last_stamp, 0)) {
        return true;
    }
    ledger->last_stamp = stamp;
    return false;
}

/* What the process holds, with a block of it added (`sign` 1) or taken away (−1). */
static void count_traced(const struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                         const struct cairn_live_block *block, int64_t sign)
{
    if (cairn_domain_is_heap(block->domain)) {
        process->traced_bytes +=
            sign * (ledger->pipeline->sample_bytes
                        ? cairn_weigh(ledger->pipeline->sample_bytes, block->size, block->birth).bytes
                        : (int64_t)block->size);
        if (process->traced_bytes > process->traced_peak_bytes) {
            process->traced_peak_bytes = process->traced_bytes;
        }
    }
}

/* The event that takes a block of this process out of the sums. */
static struct cairn_event *end_block(struct cairn_ledger *ledger, enum cairn_event_kind kind,
                                     const struct cairn_live_block *block, uint64_t time_us)
{
    const uint8_t lifetime = cairn_ledger_lifetime(ledger, block->time_us, time_us);
    struct cairn_event *event = cairn_ledger_event(ledger, time_us, lifetime);
    event->kind = (uint8_t)kind;
    event->account = block->account;
    event->size = block->size;
    event->birth = block->birth;
    return event;
}

/* A block was found where a new one begins: its free was lost, or comes late. */
static void lose_block(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                       const struct cairn_live_block *block, struct cairn_ledger_time when)
{
    count_traced(ledger, process, block, -1);
    if (!cairn_ledger_is_inherited(ledger, process, block->account)) {
        end_block(ledger, CAIRN_EVENT_LOST, block, when.us);
        ledger->counts.lost_frees++;
    }
    remember(&ledger->lost, &(struct cairn_ledger_recent){.address = block->address,
                                                          .domain = block->domain,
                                                          .process = process->number,
                                                          .stamp = when.stamp});
}

/* Puts a block that the next event will make into the live map; a block that is in its place is lost first, and then its
 * event is the next one. False when there is no memory. */
static bool place_block(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                        struct cairn_live_block *block, struct cairn_ledger_time when)
{
    if (__builtin_expect(ledger->ending_count != 0, 0)) {
        cairn_ledger_flush_ends(ledger);
    }
    struct cairn_live_block old;
    block->birth = ledger->next_event;
    block->time_us = (when.us > ledger->last_us ? when.us : ledger->last_us) & CAIRN_LIVE_TIME_MASK;
    switch (cairn_live_map_put(process->live, block, &old)) {
    case CAIRN_LIVE_NEW:
        break;
    case CAIRN_LIVE_REPLACED:
        lose_block(ledger, process, &old, when);
        block->birth = ledger->next_event;
        cairn_live_map_put(process->live, block, &old);
        break;
    case CAIRN_LIVE_FAILED:
        ledger->counts.unstored++;
        return false;
    }
    count_traced(ledger, process, block, 1);
    return true;
}

/* `flags` are the event's. */
static void allocate(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                     struct cairn_ledger_thread *thread, struct cairn_ledger_time when, uint32_t account,
                     uint64_t address, uint64_t size, uint8_t domain, uint8_t flags)
{
    const bool late = advance(ledger, when.stamp);
    struct cairn_live_block block = {.address = address, .size = size, .account = account, .domain = domain};
    if (account == 0) {
        ledger->counts.unstored++;
        return;
    }
    if (!place_block(ledger, process, &block, when)) {
        return;
    }
    struct cairn_event *event = cairn_ledger_event(ledger, when.us, 0);
    event->kind = CAIRN_EVENT_ALLOC;
    event->flags = flags;
    event->account = account;
    event->size = size;
    if (cairn_domain_is_heap(domain)) {
        thread->last_birth_1 = block.birth + 1;
    }
    if (late && was_decided(&ledger->unknown, process->number, address, domain, when.stamp)) {
        ledger->counts.unknown_frees -= !is_sampled(ledger);
        cairn_live_map_take(process->live, address, domain, &block);
        count_traced(ledger, process, &block, -1);
        end_block(ledger, CAIRN_EVENT_FREE, &block, when.us);
    }
}

void cairn_ledger_alloc(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                        struct cairn_ledger_thread *thread, struct cairn_ledger_time when, uint32_t account,
                        uint64_t address, uint64_t size, uint8_t domain)
{
    allocate(ledger, process, thread, when, account, address, size, domain, 0);
}

void cairn_ledger_realloc_alone(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                                struct cairn_ledger_thread *thread, struct cairn_ledger_time when,
                                uint32_t account, uint64_t address, uint64_t size, uint8_t domain)
{
    allocate(ledger, process, thread, when, account, address, size, domain, CAIRN_EVENT_BY_REALLOC);
}

/* Blocks from before an interpreter's allocators were hooked are not known to us, and given back through them. */
static bool of_interpreter(uint8_t domain)
{
    return domain == CAIRN_DOMAIN_PYTHON_OBJECT || domain == CAIRN_DOMAIN_PYTHON_MEM;
}

enum taken {
    TAKEN,
    NOT_THERE, /* its fate was decided, or it need not be known */
    UNKNOWN,   /* counted as such */
};

/* Takes a block that a thread gives back out of the live map. */
static enum taken take_block(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                             struct cairn_ledger_time when, uint64_t address, uint8_t domain, bool maybe,
                             struct cairn_live_block *block)
{
    if (__builtin_expect(advance(ledger, when.stamp), 0) &&
        was_decided(&ledger->lost, process->number, address, domain, when.stamp)) {
        if (ledger->counts.lost_frees) {
            ledger->counts.lost_frees--;
        }
        return NOT_THERE;
    }
    if (__builtin_expect(!cairn_live_map_take(process->live, address, domain, block), 0)) {
        if (maybe) {
            return NOT_THERE;
        }
        ledger->counts.unknown_frees += !is_sampled(ledger);
        remember(&ledger->unknown,
                 &(struct cairn_ledger_recent){
                     .address = address, .domain = domain, .process = process->number, .stamp = when.stamp});
        return UNKNOWN;
    }
    return TAKEN;
}

void cairn_ledger_free_block(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                             struct cairn_ledger_thread *thread, struct cairn_ledger_time when,
                             uint64_t address, uint8_t domain, uint8_t flags)
{
    struct cairn_live_block block;
    const bool maybe = (flags & CAIRN_LEDGER_MAYBE) || of_interpreter(domain);
    if (take_block(ledger, process, when, address, domain, maybe, &block) != TAKEN) {
        return;
    }
    count_traced(ledger, process, &block, -1);
    if (cairn_ledger_is_inherited(ledger, process, block.account)) {
        return;
    }
    struct cairn_event *event = end_block(ledger, CAIRN_EVENT_FREE, &block, when.us);
    if (block.birth + 1 == thread->last_birth_1 && !(flags & CAIRN_LEDGER_LATER)) {
        event->flags = CAIRN_EVENT_TEMPORARY;
    }
}

/* Takes the block that a realloc is about. */
static void take_old(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                     struct cairn_ledger_time when, uint64_t address, uint8_t domain,
                     struct cairn_ledger_pending *pending)
{
    const enum taken taken =
        take_block(ledger, process, when, address, domain, of_interpreter(domain), &pending->block);
    pending->known = taken == TAKEN;
    pending->unknown_stamp = taken == UNKNOWN ? when.stamp : 0;
    if (taken != TAKEN) {
        pending->block = (struct cairn_live_block){.address = address, .domain = domain};
    }
}

/* A realloc that failed, or was left behind: the old block is where it was. */
static void put_back(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                     struct cairn_ledger_pending *pending)
{
    struct cairn_live_block other;
    if (!pending->known && pending->unknown_stamp != 0) {
        ledger->counts.unknown_frees -= !is_sampled(ledger) && ledger->counts.unknown_frees > 0;
        /* A late record about it finds it live again. */
        was_decided(&ledger->unknown, process->number, pending->block.address, pending->block.domain,
                    pending->unknown_stamp - 1);
    }
    if (pending->known && cairn_live_map_put(process->live, &pending->block, &other) == CAIRN_LIVE_REPLACED) {
        /* Its address has a new block already, so it was gone after all. */
        cairn_live_map_put(process->live, &other, &pending->block);
        lose_block(ledger, process, &pending->block,
                   (struct cairn_ledger_time){.stamp = ledger->last_stamp, .us = ledger->last_us});
    }
}

void cairn_ledger_realloc_begin(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                                struct cairn_ledger_thread *thread, struct cairn_ledger_time when,
                                uint64_t address, uint8_t domain)
{
    if (thread->reallocating == CAIRN_LEDGER_PENDING_MAX) {
        put_back(ledger, process, &thread->pending[0]);
        thread->reallocating--;
        memmove(&thread->pending[0], &thread->pending[1], thread->reallocating * sizeof thread->pending[0]);
    }
    take_old(ledger, process, when, address, domain, &thread->pending[thread->reallocating++]);
}

/* What became of a block that was taken out of the live map, if it was `known`. */
static void reallocate(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                       struct cairn_ledger_thread *thread, struct cairn_ledger_time when,
                       const struct cairn_ledger_pending *pending, uint32_t account, uint64_t address,
                       uint64_t size, uint8_t domain)
{
    const struct cairn_live_block old = pending->block;
    const bool known = pending->known;
    if (known) {
        count_traced(ledger, process, &old, -1);
    }
    if (!known || cairn_ledger_is_inherited(ledger, process, old.account)) {
        cairn_ledger_realloc_alone(ledger, process, thread, when, account, address, size, domain);
        return;
    }
    advance(ledger, when.stamp);
    ledger->counts.unstored += account == 0;
    struct cairn_live_block block = {.address = address, .size = size, .account = account, .domain = domain};
    if (account == 0 || !place_block(ledger, process, &block, when)) {
        end_block(ledger, CAIRN_EVENT_FREE, &old, when.us);
        return;
    }
    const uint8_t lifetime = cairn_ledger_lifetime(ledger, old.time_us, when.us);
    struct cairn_event *event = cairn_ledger_event(ledger, when.us, lifetime);
    event->kind = CAIRN_EVENT_REALLOC;
    event->account = account;
    event->size = size;
    event->old_account = old.account;
    event->old_size = old.size;
    event->birth = old.birth;
    if (cairn_domain_is_heap(domain)) {
        thread->last_birth_1 = block.birth + 1;
    }
}

void cairn_ledger_realloc_end(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                              struct cairn_ledger_thread *thread, struct cairn_ledger_time when,
                              uint32_t account, uint64_t address, uint64_t size, uint8_t domain)
{
    static const struct cairn_ledger_pending none = {.known = false};
    reallocate(ledger, process, thread, when,
               thread->reallocating > 0 ? &thread->pending[--thread->reallocating] : &none, account, address,
               size, domain);
}

void cairn_ledger_realloc(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                          struct cairn_ledger_thread *thread, struct cairn_ledger_time when, uint32_t account,
                          uint64_t old_address, uint64_t address, uint64_t size, uint8_t domain)
{
    struct cairn_ledger_pending pending;
    take_old(ledger, process, when, old_address, domain, &pending);
    reallocate(ledger, process, thread, when, &pending, account, address, size, domain);
}

void cairn_ledger_realloc_gone(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                               struct cairn_ledger_thread *thread, struct cairn_ledger_time when)
{
    advance(ledger, when.stamp);
    if (thread->reallocating == 0) {
        return;
    }
    const struct cairn_ledger_pending *pending = &thread->pending[--thread->reallocating];
    if (pending->known) {
        count_traced(ledger, process, &pending->block, -1);
        if (!cairn_ledger_is_inherited(ledger, process, pending->block.account)) {
            end_block(ledger, CAIRN_EVENT_FREE, &pending->block, when.us);
        }
    }
}

void cairn_ledger_realloc_cancel(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                                 struct cairn_ledger_thread *thread)
{
    if (thread->reallocating > 0) {
        put_back(ledger, process, &thread->pending[--thread->reallocating]);
    }
}
