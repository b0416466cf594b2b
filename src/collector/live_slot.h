/* A block as the live map packs it, and its key's hash. Private to the live map's files. */
#ifndef CAIRN_COLLECTOR_LIVE_SLOT_H
#define CAIRN_COLLECTOR_LIVE_SLOT_H

#include "collector/live_space.h"

static inline uint32_t cairn_live_slot_domain(const struct cairn_live_slot *slot)
{
    return (uint32_t)(slot->w1 >> CAIRN_SIZE_BITS) & 7;
}

static inline bool cairn_live_slot_is(const struct cairn_live_slot *slot, uint64_t address, uint32_t domain)
{
    return slot->w0 >> 16 == address && cairn_live_slot_domain(slot) == domain;
}

/* Addresses come in arithmetic progressions, which one multiplication alone can turn into clusters. */
static inline uint64_t cairn_live_hash(const struct cairn_live_space *space, uint64_t address,
                                       uint32_t domain)
{
    uint64_t hash = (address ^ (uint64_t)domain << 56 ^ space->secret) * 0xff51afd7ed558ccdull;
    hash = (hash ^ hash >> 32) * 0xc4ceb9fe1a85ec53ull;
    return hash;
}

static inline uint64_t cairn_live_slot_hash(const struct cairn_live_space *space,
                                            const struct cairn_live_slot *slot)
{
    return cairn_live_hash(space, slot->w0 >> 16, cairn_live_slot_domain(slot));
}

/* Word by word: a slot that is made elsewhere and copied as a whole waits for the stores of its words. */
static inline void cairn_live_pack(struct cairn_live_slot *slot, const struct cairn_live_block *block)
{
    const uint64_t size = block->size < CAIRN_SIZE_IS_GIANT ? block->size : CAIRN_SIZE_IS_GIANT;
    slot->w0 = block->address << 16 | (block->account & 0xffff);
    slot->w1 = (block->time_us & 0xffff) << 48 | (uint64_t)(block->account >> 16 & 0xff) << 40 |
               (uint64_t)block->domain << CAIRN_SIZE_BITS | size;
    slot->w2 = (block->time_us >> 16 & 0xffffff) << 40 | block->birth;
}

/* All but the size of a giant, which others may be adding to. */
static inline void cairn_live_unpack_slot(const struct cairn_live_slot *slot, struct cairn_live_block *block)
{
    *block = (struct cairn_live_block){
        .address = slot->w0 >> 16,
        .account = (uint32_t)(slot->w0 & 0xffff) | (uint32_t)(slot->w1 >> 40 & 0xff) << 16,
        .domain = (uint8_t)cairn_live_slot_domain(slot),
        .size = slot->w1 & CAIRN_SIZE_IS_GIANT,
        .time_us = slot->w1 >> 48 | slot->w2 >> 40 << 16,
        .birth = slot->w2 & CAIRN_LIVE_BIRTH_MAX,
    };
}

static inline void cairn_live_unpack(const struct cairn_live_space *space, const struct cairn_live_slot *slot,
                                     struct cairn_live_block *block)
{
    cairn_live_unpack_slot(slot, block);
    if (block->size == CAIRN_SIZE_IS_GIANT) {
        block->size = cairn_live_giant_size(space, block->birth);
    }
}

/* GCC takes a function that only prefetches for one without effects and leaves its calls out. This is an effect. */
static inline void cairn_live_prefetched(void)
{
    __asm__ volatile("");
}

#endif
