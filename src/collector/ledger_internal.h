/* What the ledger's files share: making events. */
#ifndef CAIRN_COLLECTOR_LEDGER_INTERNAL_H
#define CAIRN_COLLECTOR_LEDGER_INTERNAL_H

#include "collector/ledger.h"
#include "wire/record.h"

#define CAIRN_LEDGER_RECENT 64u

/* A block whose fate was decided before its late record came. */
struct cairn_ledger_recent {
    uint64_t address, stamp;
    uint32_t process;
    uint8_t domain;
};

struct cairn_ledger_recents {
    struct cairn_ledger_recent list[CAIRN_LEDGER_RECENT];
    uint32_t next;
};

struct cairn_ledger {
    struct cairn_pipeline *pipeline;
    struct cairn_places *places;
    struct cairn_live_space *space;

    struct cairn_chunk_buffer *buffer;
    uint32_t count, sent; /* events in the buffer; of them told to the chunker */
    uint32_t partial_sends;
    uint64_t next_event;
    uint64_t last_us, last_stamp;
    bool failed;

    struct cairn_table account_table;
    struct cairn_account_identity *accounts;
    size_t account_count, account_capacity, accounts_sent;

    struct cairn_ledger_process **processes; /* by number */
    size_t process_count, process_capacity;
    uint32_t *custodians; /* by number: who answers for its blocks now; 0: nobody */
    size_t custodian_count, custodian_capacity;
    uint32_t *ending; /* ended, and their events still to come */
    uint64_t *ending_us;
    size_t ending_count, ending_capacity, ending_us_capacity;

    struct cairn_ledger_recents lost, unknown;
    struct cairn_ledger_counts counts;
};

void cairn_ledger_seal(struct cairn_ledger *ledger);
void cairn_ledger_flush_ends(struct cairn_ledger *ledger);

/* The slot for the next event, in a chunk that has room. */
static inline struct cairn_event *cairn_ledger_append(struct cairn_ledger *ledger, uint8_t lifetime)
{
    const uint32_t at = ledger->count++;
    ledger->next_event++;
    ledger->buffer->lifetimes[at] = lifetime;
    return &ledger->buffer->events[at];
}

/* The slot for the next event, its time set (never before the last one's). Its ordinal is next_event − 1 then. */
static inline struct cairn_event *cairn_ledger_event(struct cairn_ledger *ledger, uint64_t time_us,
                                                     uint8_t lifetime)
{
    if (__builtin_expect(ledger->ending_count != 0, 0)) {
        cairn_ledger_flush_ends(ledger);
    }
    if (__builtin_expect(ledger->count == CAIRN_CHUNK_EVENTS, 0)) {
        cairn_ledger_seal(ledger);
    }
    if (time_us > ledger->last_us) {
        ledger->last_us = time_us;
    }
    struct cairn_event *event = cairn_ledger_append(ledger, lifetime);
    *event = (struct cairn_event){.t_ns = ledger->last_us * CAIRN_EVENT_TIME_UNIT_NS};
    return event;
}

/* The bucket of a block's lifetime, 40 at most; times beyond CAIRN_LIVE_TIME_MASK are cut off. */
static inline uint8_t cairn_ledger_lifetime_of(uint64_t birth_us, uint64_t now_us)
{
    const uint64_t us = (now_us - birth_us) & CAIRN_LIVE_TIME_MASK;
    return (uint8_t)(63 - __builtin_clzll(us << 1 | 1));
}

static inline uint8_t cairn_ledger_lifetime(const struct cairn_ledger *ledger, uint64_t birth_us,
                                            uint64_t now_us)
{
    return cairn_ledger_lifetime_of(birth_us, now_us > ledger->last_us ? now_us : ledger->last_us);
}

/* The block's account is of another process: it was inherited and is not this one's in the sums. */
static inline bool cairn_ledger_is_inherited(const struct cairn_ledger *ledger,
                                             const struct cairn_ledger_process *process, uint32_t account)
{
    /* Most processes inherited nothing: then the account need not be looked at. */
    return process->lineage != 0 && ledger->accounts[account - 1].process != process->number;
}

#endif
