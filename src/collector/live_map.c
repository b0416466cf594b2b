#include "collector/live_map.h"

#include <stdlib.h>
#include <string.h>

#include "collector/live_space.h"

#define SEGMENT_FULL 144u /* beyond this, probes get long: split */
#define MAX_DEPTH    30u
#define ADDRESS_MASK ((1ull << 48) - 1)
#define EACH_BYTE    0x0101010101010101ull

struct directory {
    uint32_t references; /* maps that share it */
    uint32_t depth;
    struct cairn_live_segment *segments[]; /* 2^depth */
};

struct cairn_live_map {
    struct cairn_live_space *space;
    struct directory *directory;
    uint64_t count;
};

/* Addresses come in arithmetic progressions, which one multiplication alone can turn into clusters. */
static inline uint64_t hash_key(const struct cairn_live_space *space, uint64_t address, uint32_t domain)
{
    uint64_t hash = (address ^ (uint64_t)domain << 56 ^ space->secret) * 0xff51afd7ed558ccdull;
    hash = (hash ^ hash >> 32) * 0xc4ceb9fe1a85ec53ull;
    return hash;
}

static size_t directory_index(const struct directory *directory, uint64_t hash)
{
    return directory->depth == 0 ? 0 : (size_t)(hash >> (64 - directory->depth));
}

/* The upper end of the product chooses the segment, so group and tag come from what is below it. */
static inline uint32_t home_group(uint64_t hash)
{
    return (uint32_t)(((hash >> 8 & 0xffffff) * CAIRN_GROUPS) >> 24);
}

static inline uint64_t tag_of(uint64_t hash)
{
    const uint64_t tag = hash >> 12 & 0xff; /* the group's number hangs on higher bits */
    return tag ? tag : 1;
}

static inline uint32_t next_group(uint32_t group)
{
    return group + 1 == CAIRN_GROUPS ? 0 : group + 1;
}

static inline uint32_t slot_domain(const struct cairn_live_slot *slot)
{
    return (uint32_t)(slot->w1 >> CAIRN_SIZE_BITS) & 7;
}

/* The high bit of each byte of `word` that is zero; bytes above the lowest of them may be wrong. */
static inline uint64_t zero_bytes(uint64_t word)
{
    return (word - EACH_BYTE) & ~word & EACH_BYTE << 7;
}

static struct cairn_live_slot pack(const struct cairn_live_block *block)
{
    const uint64_t size = block->size < CAIRN_SIZE_IS_GIANT ? block->size : CAIRN_SIZE_IS_GIANT;
    return (struct cairn_live_slot){
        .w0 = block->address << 16 | (block->account & 0xffff),
        .w1 = (block->time_us & 0xffff) << 48 | (uint64_t)(block->account >> 16 & 0xff) << 40 |
              (uint64_t)block->domain << CAIRN_SIZE_BITS | size,
        .w2 = (block->time_us >> 16 & 0xffffff) << 40 | block->birth,
    };
}

/* All but the size of a giant, which others may be adding to. */
static void unpack_slot(const struct cairn_live_slot *slot, struct cairn_live_block *block)
{
    *block = (struct cairn_live_block){
        .address = slot->w0 >> 16,
        .account = (uint32_t)(slot->w0 & 0xffff) | (uint32_t)(slot->w1 >> 40 & 0xff) << 16,
        .domain = (uint8_t)slot_domain(slot),
        .size = slot->w1 & CAIRN_SIZE_IS_GIANT,
        .time_us = slot->w1 >> 48 | slot->w2 >> 40 << 16,
        .birth = slot->w2 & CAIRN_LIVE_BIRTH_MAX,
    };
}

static void unpack(const struct cairn_live_space *space, const struct cairn_live_slot *slot,
                   struct cairn_live_block *block)
{
    unpack_slot(slot, block);
    if (block->size == CAIRN_SIZE_IS_GIANT) {
        block->size = cairn_live_giant_size(space, block->birth);
    }
}

static uint64_t slot_hash(const struct cairn_live_space *space, const struct cairn_live_slot *slot)
{
    return hash_key(space, slot->w0 >> 16, slot_domain(slot));
}

/* The slot of that key, or UINT32_MAX. */
static inline uint32_t find_slot(const struct cairn_live_segment *segment, uint64_t hash, uint64_t address,
                                 uint32_t domain)
{
    const uint64_t pattern = tag_of(hash) * EACH_BYTE;
    uint32_t group = home_group(hash);
    for (uint32_t steps = 0; steps < CAIRN_GROUPS; steps++) {
        for (uint64_t hits = zero_bytes(segment->tags[group] ^ pattern); hits; hits &= hits - 1) {
            const uint32_t at = group * CAIRN_GROUP_SLOTS + (uint32_t)__builtin_ctzll(hits) / 8;
            const struct cairn_live_slot *slot = &segment->slots[at];
            if (slot->w0 >> 16 == address && slot_domain(slot) == domain &&
                (uint8_t)(segment->tags[group] >> at % CAIRN_GROUP_SLOTS * 8) == (uint8_t)pattern) {
                return at;
            }
        }
        if (__builtin_expect(segment->passed[group] == 0, 1)) {
            return UINT32_MAX;
        }
        group = next_group(group);
    }
    return UINT32_MAX;
}

/* An empty slot for a key that is not there, its tag set; the segment has one. */
static inline struct cairn_live_slot *claim_slot(struct cairn_live_segment *segment, uint64_t hash)
{
    uint32_t group = home_group(hash);
    uint64_t empty;
    while ((empty = zero_bytes(segment->tags[group])) == 0) {
        segment->passed[group]++;
        group = next_group(group);
    }
    const uint32_t in_group = (uint32_t)__builtin_ctzll(empty) / 8;
    segment->tags[group] |= tag_of(hash) << in_group * 8;
    segment->count++;
    return &segment->slots[group * CAIRN_GROUP_SLOTS + in_group];
}

static inline void release_slot(struct cairn_live_segment *segment, uint64_t hash, uint32_t at)
{
    segment->tags[at / CAIRN_GROUP_SLOTS] &= ~(0xffull << at % CAIRN_GROUP_SLOTS * 8);
    for (uint32_t group = home_group(hash); group != at / CAIRN_GROUP_SLOTS; group = next_group(group)) {
        segment->passed[group]--;
    }
    segment->count--;
}

static inline bool is_empty(const struct cairn_live_segment *segment, uint32_t at)
{
    return (segment->tags[at / CAIRN_GROUP_SLOTS] >> at % CAIRN_GROUP_SLOTS * 8 & 0xff) == 0;
}

static size_t directory_bytes(uint32_t depth)
{
    return sizeof(struct directory) + (sizeof(void *) << depth);
}

struct cairn_live_map *cairn_live_map_new(struct cairn_live_space *space)
{
    struct cairn_live_map *map = calloc(1, sizeof *map);
    struct directory *directory = malloc(directory_bytes(0));
    struct cairn_live_segment *segment = cairn_live_segment_new_empty(space, 0);
    if (!map || !directory || !segment) {
        free(map);
        free(directory);
        if (segment) {
            cairn_live_segment_release(space, segment);
        }
        return NULL;
    }
    directory->references = 1;
    directory->depth = 0;
    directory->segments[0] = segment;
    *map = (struct cairn_live_map){.space = space, .directory = directory};
    return map;
}

struct cairn_live_map *cairn_live_map_fork(struct cairn_live_map *map)
{
    struct cairn_live_map *child = malloc(sizeof *child);
    if (child) {
        *child = *map;
        map->directory->references++;
    }
    return child;
}

static size_t directory_size(const struct directory *directory)
{
    return (size_t)1 << directory->depth;
}

/* How many neighbouring entries point to that segment. */
static size_t segment_span(const struct directory *directory, const struct cairn_live_segment *segment)
{
    return (size_t)1 << (directory->depth - segment->depth);
}

void cairn_live_map_free(struct cairn_live_map *map)
{
    if (!map) {
        return;
    }
    struct directory *directory = map->directory;
    if (--directory->references == 0) {
        const size_t size = directory_size(directory);
        for (size_t i = 0; i < size;) {
            struct cairn_live_segment *segment = directory->segments[i];
            i += segment_span(directory, segment);
            cairn_live_segment_release(map->space, segment);
        }
        free(directory);
    }
    free(map);
}

uint64_t cairn_live_map_count(const struct cairn_live_map *map)
{
    return map->count;
}

static struct directory *directory_copy(const struct directory *directory, uint32_t depth)
{
    struct directory *copy = malloc(directory_bytes(depth));
    if (!copy) {
        return NULL;
    }
    copy->references = 1;
    copy->depth = depth;
    const size_t repeat = (size_t)1 << (depth - directory->depth);
    const size_t size = directory_size(directory);
    for (size_t i = 0; i < size; i++) {
        for (size_t j = 0; j < repeat; j++) {
            copy->segments[i * repeat + j] = directory->segments[i];
        }
    }
    return copy;
}

/* Makes the directory this map's own. */
static bool own_directory(struct cairn_live_map *map)
{
    struct directory *shared = map->directory;
    if (__builtin_expect(shared->references == 1, 1)) {
        return true;
    }
    struct directory *own = directory_copy(shared, shared->depth);
    if (!own) {
        return false;
    }
    const size_t size = directory_size(own);
    for (size_t i = 0; i < size; i += segment_span(own, own->segments[i])) {
        own->segments[i]->references++;
    }
    shared->references--;
    map->directory = own;
    return true;
}

static void point_to(struct directory *directory, size_t index, struct cairn_live_segment *segment)
{
    const size_t span = segment_span(directory, segment);
    const size_t first = index & ~(span - 1);
    for (size_t i = 0; i < span; i++) {
        directory->segments[first + i] = segment;
    }
}

/* The segment for `hash`, this map's own; NULL when memory ran out. */
static struct cairn_live_segment *own_segment(struct cairn_live_map *map, uint64_t hash)
{
    if (!own_directory(map)) {
        return NULL;
    }
    const size_t index = directory_index(map->directory, hash);
    struct cairn_live_segment *segment = map->directory->segments[index];
    if (__builtin_expect(segment->references == 1, 1)) {
        return segment;
    }
    struct cairn_live_segment *copy = cairn_live_segment_new(map->space, segment->depth);
    if (!copy) {
        return NULL;
    }
    copy->count = segment->count;
    memcpy(copy->tags, segment->tags, sizeof *segment - offsetof(struct cairn_live_segment, tags));
    cairn_live_segment_release(map->space, segment);
    point_to(map->directory, index, copy);
    return copy;
}

/* Splits the segment for `hash`, which is this map's own; false when memory ran out or it cannot be split. */
static bool split_segment(struct cairn_live_map *map, uint64_t hash)
{
    struct cairn_live_space *space = map->space;
    struct cairn_live_segment *segment = map->directory->segments[directory_index(map->directory, hash)];
    if (segment->depth == MAX_DEPTH) {
        return false;
    }
    struct cairn_live_segment *halves[2] = {
        cairn_live_segment_new_empty(space, (uint8_t)(segment->depth + 1)),
        cairn_live_segment_new_empty(space, (uint8_t)(segment->depth + 1))};
    bool ready = halves[0] && halves[1];
    if (ready && segment->depth == map->directory->depth) {
        struct directory *doubled = directory_copy(map->directory, map->directory->depth + 1);
        ready = doubled != NULL;
        if (ready) {
            free(map->directory);
            map->directory = doubled;
        }
    }
    if (!ready) {
        for (int i = 0; i < 2; i++) {
            if (halves[i]) {
                cairn_live_segment_release(space, halves[i]);
            }
        }
        return false;
    }
    const uint32_t bit = 63u - segment->depth;
    for (uint32_t i = 0; i < CAIRN_SEGMENT_SLOTS; i++) {
        if (!is_empty(segment, i)) {
            const uint64_t slot_key = slot_hash(space, &segment->slots[i]);
            *claim_slot(halves[slot_key >> bit & 1], slot_key) = segment->slots[i];
        }
    }
    const size_t index = directory_index(map->directory, hash);
    const size_t half_span = segment_span(map->directory, halves[0]);
    const size_t first = index & ~(2 * half_span - 1);
    point_to(map->directory, first, halves[0]);
    point_to(map->directory, first + half_span, halves[1]);
    cairn_live_segment_release(space, segment);
    return true;
}

enum cairn_live_put cairn_live_map_put(struct cairn_live_map *map, const struct cairn_live_block *block,
                                       struct cairn_live_block *old)
{
    const uint64_t hash = hash_key(map->space, block->address & ADDRESS_MASK, block->domain);
    struct cairn_live_segment *segment = own_segment(map, hash);
    while (segment && segment->count >= SEGMENT_FULL && split_segment(map, hash)) {
        segment = map->directory->segments[directory_index(map->directory, hash)];
    }
    if (!segment) {
        return CAIRN_LIVE_FAILED;
    }
    if (segment->count == CAIRN_SEGMENT_SLOTS ||
        (block->size >= CAIRN_SIZE_IS_GIANT &&
         !cairn_live_giant_store(map->space, block->birth, block->size))) {
        return CAIRN_LIVE_FAILED;
    }
    const uint32_t at = find_slot(segment, hash, block->address, block->domain);
    if (at != UINT32_MAX) {
        unpack(map->space, &segment->slots[at], old);
        segment->slots[at] = pack(block);
        return CAIRN_LIVE_REPLACED;
    }
    *claim_slot(segment, hash) = pack(block);
    map->count++;
    return CAIRN_LIVE_NEW;
}

bool cairn_live_map_take(struct cairn_live_map *map, uint64_t address, uint8_t domain,
                         struct cairn_live_block *block)
{
    const uint64_t hash = hash_key(map->space, address, domain);
    struct cairn_live_segment *segment = map->directory->segments[directory_index(map->directory, hash)];
    const uint32_t at = find_slot(segment, hash, address, domain);
    if (at == UINT32_MAX) {
        return false;
    }
    segment = own_segment(map, hash);
    if (!segment) {
        return false;
    }
    unpack(map->space, &segment->slots[at], block);
    release_slot(segment, hash, at);
    map->count--;
    return true;
}

bool cairn_live_map_find(const struct cairn_live_map *map, uint64_t address, uint8_t domain,
                         struct cairn_live_block *block)
{
    const uint64_t hash = hash_key(map->space, address, domain);
    const struct cairn_live_segment *segment =
        map->directory->segments[directory_index(map->directory, hash)];
    const uint32_t at = find_slot(segment, hash, address, domain);
    if (at == UINT32_MAX) {
        return false;
    }
    unpack(map->space, &segment->slots[at], block);
    return true;
}

void cairn_live_map_visit(const struct cairn_live_map *map,
                          void (*visit)(void *state, const struct cairn_live_block *block), void *state)
{
    const size_t size = directory_size(map->directory);
    for (size_t i = 0; i < size;) {
        const struct cairn_live_segment *segment = map->directory->segments[i];
        for (uint32_t at = 0; at < CAIRN_SEGMENT_SLOTS; at++) {
            struct cairn_live_block block;
            if (!is_empty(segment, at)) {
                unpack_slot(&segment->slots[at], &block);
                visit(state, &block);
            }
        }
        i += segment_span(map->directory, segment);
    }
}

bool cairn_live_map_update(struct cairn_live_map *map,
                           bool (*visit)(void *state, struct cairn_live_block *block), void *state)
{
    const size_t size = directory_size(map->directory);
    for (size_t i = 0; i < size;) {
        struct cairn_live_segment *segment = map->directory->segments[i];
        const size_t span = segment_span(map->directory, segment);
        for (uint32_t at = 0; at < CAIRN_SEGMENT_SLOTS; at++) {
            if (is_empty(segment, at)) {
                continue;
            }
            struct cairn_live_block block;
            unpack(map->space, &segment->slots[at], &block);
            if (!visit(state, &block)) {
                continue;
            }
            segment = own_segment(map, slot_hash(map->space, &segment->slots[at]));
            if (!segment || (block.size >= CAIRN_SIZE_IS_GIANT &&
                             !cairn_live_giant_store(map->space, block.birth, block.size))) {
                return false;
            }
            segment->slots[at] = pack(&block);
        }
        i += span;
    }
    return true;
}

void cairn_live_map_prefetch(const struct cairn_live_map *map, uint64_t address, uint8_t domain)
{
    const uint64_t hash = hash_key(map->space, address, domain);
    const struct cairn_live_segment *segment =
        map->directory->segments[directory_index(map->directory, hash)];
    const struct cairn_live_slot *slots = &segment->slots[home_group(hash) * CAIRN_GROUP_SLOTS];
    __builtin_prefetch(&segment->tags[home_group(hash)]);
    __builtin_prefetch(&segment->references);
    __builtin_prefetch(slots, 1);
    __builtin_prefetch(slots + 3, 1);
    __builtin_prefetch(slots + 6, 1);
}
