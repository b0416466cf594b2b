/* Many records of one ring. Nearly all are allocations, frees and reallocs, for which the short way is enough; they are looked at some
 * records ahead, so that what they need of the live map is loaded when they are applied. */
#include "collector/ledger_quick.h"
#include "collector/recorder.h"

#define AHEAD_RECORDS 16u

/* A record about a block, and what it needs. */
struct ahead {
    const uint64_t *record;
    uint64_t key;
    struct cairn_live_slot *place; /* the key's, where the process has young blocks */
    const struct cairn_node *node; /* of a new block: the one that it names, or NULL */
    /* Of a whole realloc: its old block's. */
    uint64_t old_key;
    struct cairn_live_slot *old_place;
};

/* Loads the node of a new block. */
static inline const struct cairn_node *node_of(const struct cairn_nodes *nodes, const uint64_t *record)
{
    const uint32_t index = cairn_record_node(record[1], record[2]) - 1;
    if (__builtin_expect(index >= nodes->count, 0)) {
        return NULL;
    }
    __builtin_prefetch(&nodes->list[index]);
    return &nodes->list[index];
}

static inline uint64_t key_of(const uint64_t *record)
{
    return cairn_live_key(cairn_record_address(record), cairn_record_domain(record));
}

/* Records about blocks stamped up to `limit`, at most AHEAD_RECORDS, none behind one that is about something else. Returns how
 * many there are, and how many words they take. */
static inline size_t look_ahead(const struct cairn_source *source, uint64_t limit, struct ahead *ahead,
                                size_t *words)
{
    const struct cairn_ring_reader *reader = &source->reader;
    const struct cairn_live_map *map = source->target->ledger->live;
    const uint64_t *at = reader->staged + reader->begin, *const end = reader->staged + reader->end;
    size_t count = 0;
    while (count < AHEAD_RECORDS && at < end && cairn_record_stamp(at) <= limit) {
        const uint32_t kind = 1u << cairn_record_kind(at);
        if (!(kind & CAIRN_RECORDS_OF_BLOCKS)) {
            break;
        }
        struct ahead *one = &ahead[count++];
        one->record = at;
        one->key = key_of(at);
        one->place = cairn_young_ahead(map, one->key);
        if (kind & CAIRN_RECORDS_OF_NEW_BLOCKS) {
            one->node = node_of(&source->nodes, at);
            at += 3;
        } else if (kind & 1u << CAIRN_RECORD_REALLOC) {
            one->node = node_of(&source->nodes, at);
            one->old_key = cairn_live_key(at[3] & CAIRN_WIRE_ADDRESS_MASK, cairn_record_domain(at));
            one->old_place = cairn_young_ahead(map, one->old_key);
            at += 4;
        } else {
            at += 2;
        }
    }
    *words = (size_t)(at - reader->staged) - reader->begin;
    return count;
}

/* Of a new block; 0: not known yet. */
static inline uint32_t account_of(const struct cairn_source *source, const struct ahead *ahead)
{
    return ahead->node ? cairn_node_account(ahead->node, (uint8_t)cairn_live_key_domain(ahead->key),
                                            source->target->code_epoch)
                       : 0;
}

/* False: nothing was done. */
static inline bool apply_quickly(struct cairn_recorder *recorder, const struct cairn_source *source,
                                 struct cairn_ledger_run *run, const struct ahead *ahead)
{
    const uint64_t *record = ahead->record;
    const uint64_t us = cairn_clock_to_us(&recorder->clock, cairn_record_stamp(record));
    switch (cairn_record_kind(record)) {
    case CAIRN_RECORD_ALLOC:
        return cairn_ledger_run_alloc(run, us, account_of(source, ahead), ahead->key, ahead->place,
                                      record[2] & CAIRN_WIRE_ADDRESS_MASK);
    case CAIRN_RECORD_REALLOC_BEGIN:
        return cairn_ledger_run_realloc_begin(run, ahead->key, ahead->place);
    case CAIRN_RECORD_REALLOC_END:
        return cairn_ledger_run_realloc_end(run, us, account_of(source, ahead), ahead->key, ahead->place,
                                            record[2] & CAIRN_WIRE_ADDRESS_MASK);
    case CAIRN_RECORD_REALLOC:
        return cairn_ledger_run_realloc(run, us, account_of(source, ahead), ahead->key, ahead->place,
                                        record[2] & CAIRN_WIRE_ADDRESS_MASK, ahead->old_key,
                                        ahead->old_place);
    case CAIRN_RECORD_FREE:
        return cairn_ledger_run_free(run, us, ahead->key, ahead->place, (record[1] & CAIRN_FREE_LATER) != 0);
    default:
        return false;
    }
}

static void apply_blocks(struct cairn_recorder *recorder, struct cairn_source *source,
                         const struct ahead *ahead, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct cairn_ledger_run run;
        /* The array of young blocks may be made while these are applied. */
        if (ahead[i].place && source->thread.number != 0 &&
            cairn_ledger_run_begin(&run, recorder->ledger, source->target->ledger, &source->thread,
                                   cairn_record_stamp(ahead[i].record))) {
            const size_t first = i;
            while (i < count && apply_quickly(recorder, source, &run, &ahead[i])) {
                i++;
            }
            if (i > first) {
                cairn_ledger_run_end(&run, cairn_record_stamp(ahead[i - 1].record));
            }
            if (i == count) {
                return;
            }
        }
        cairn_recorder_apply(recorder, source, ahead[i].record);
    }
}

void cairn_recorder_apply_run(struct cairn_recorder *recorder, struct cairn_source *source, uint64_t limit)
{
    struct cairn_ring_reader *reader = &source->reader;
    while (reader->begin < reader->end && cairn_record_stamp(reader->staged + reader->begin) <= limit) {
        struct ahead ahead[AHEAD_RECORDS];
        size_t words;
        const size_t count = look_ahead(source, limit, ahead, &words);
        if (count > 0) {
            apply_blocks(recorder, source, ahead, count);
        } else {
            const uint64_t *record = reader->staged + reader->begin;
            words = cairn_record_words_checked(record);
            cairn_recorder_apply(recorder, source, record);
        }
        reader->begin += words;
    }
}
