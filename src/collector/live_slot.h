/* A block as the live map packs it, and its key's hash. Private to the live map's files. */
#ifndef CAIRN_COLLECTOR_LIVE_SLOT_H
#define CAIRN_COLLECTOR_LIVE_SLOT_H

#include "collector/live_space.h"

#define CAIRN_LIVE_DOMAIN_BITS 3u
#define CAIRN_LIVE_LOW_TIME    13u /* bits of the time beside the key */

/* Address and domain in one word of 51 bits, as a slot has it. */
static inline uint64_t cairn_live_key(uint64_t address, uint32_t domain)
{
    return address << CAIRN_LIVE_DOMAIN_BITS | domain;
}

static inline uint64_t cairn_live_slot_key(const struct cairn_live_slot *slot)
{
    return slot->w0 >> CAIRN_LIVE_LOW_TIME;
}

static inline uint64_t cairn_live_key_address(uint64_t key)
{
    return key >> CAIRN_LIVE_DOMAIN_BITS;
}

static inline uint32_t cairn_live_key_domain(uint64_t key)
{
    return (uint32_t)key & ((1u << CAIRN_LIVE_DOMAIN_BITS) - 1);
}

/* Addresses come in arithmetic progressions, which one multiplication alone can turn into clusters. */
static inline uint64_t cairn_live_hash(const struct cairn_live_space *space, uint64_t key)
{
    uint64_t hash = (key ^ space->secret) * 0xff51afd7ed558ccdull;
    hash = (hash ^ hash >> 32) * 0xc4ceb9fe1a85ec53ull;
    return hash;
}

static inline uint64_t cairn_live_slot_hash(const struct cairn_live_space *space,
                                            const struct cairn_live_slot *slot)
{
    return cairn_live_hash(space, cairn_live_slot_key(slot));
}

/* A block of less than a giant's size, or one of that size. `time_us` above CAIRN_LIVE_TIME_MASK is cut off. Word by word: a slot
 * that is made elsewhere and copied as a whole waits for the stores of its words. */
static inline void cairn_live_pack_key(struct cairn_live_slot *slot, uint64_t key, uint64_t size,
                                       uint64_t birth, uint64_t time_us, uint32_t account)
{
    slot->w0 = key << CAIRN_LIVE_LOW_TIME | (time_us & ((1u << CAIRN_LIVE_LOW_TIME) - 1));
    slot->w1 = time_us >> CAIRN_LIVE_LOW_TIME << CAIRN_SIZE_BITS | size;
    slot->w2 = birth << CAIRN_LIVE_ACCOUNT_BITS | account;
}

static inline void cairn_live_pack(struct cairn_live_slot *slot, const struct cairn_live_block *block)
{
    const uint64_t size = block->size < CAIRN_SIZE_IS_GIANT ? block->size : CAIRN_SIZE_IS_GIANT;
    cairn_live_pack_key(slot, cairn_live_key(block->address, block->domain), size, block->birth,
                        block->time_us, block->account);
}

/* All but the size of a giant, which others may be adding to. */
static inline void cairn_live_unpack_slot(const struct cairn_live_slot *slot, struct cairn_live_block *block)
{
    const uint64_t key = cairn_live_slot_key(slot);
    *block = (struct cairn_live_block){
        .address = cairn_live_key_address(key),
        .account = (uint32_t)slot->w2 & CAIRN_LIVE_ACCOUNT_MAX,
        .domain = (uint8_t)cairn_live_key_domain(key),
        .size = slot->w1 & CAIRN_SIZE_IS_GIANT,
        .time_us = slot->w1 >> CAIRN_SIZE_BITS << CAIRN_LIVE_LOW_TIME |
                   (slot->w0 & ((1u << CAIRN_LIVE_LOW_TIME) - 1)),
        .birth = slot->w2 >> CAIRN_LIVE_ACCOUNT_BITS,
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
