#include "collector/live_table.h"

#include <stdlib.h>
#include <string.h>

#define SEGMENT_FULL 144u /* beyond this, probes get long: split */
#define MAX_DEPTH    30u
#define EACH_BYTE    0x0101010101010101ull

struct cairn_live_directory {
    uint32_t references; /* tables that share it */
    uint32_t depth;
    struct cairn_live_segment *segments[]; /* 2^depth */
};

static size_t directory_index(const struct cairn_live_directory *directory, uint64_t hash)
{
    return directory->depth == 0 ? 0 : (size_t)(hash >> (64 - directory->depth));
}

static inline struct cairn_live_segment *segment_of(const struct cairn_live_table *table, uint64_t hash)
{
    return table->directory->segments[directory_index(table->directory, hash)];
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

/* The high bit of each byte of `word` that is zero; bytes above the lowest of them may be wrong. */
static inline uint64_t zero_bytes(uint64_t word)
{
    return (word - EACH_BYTE) & ~word & EACH_BYTE << 7;
}

/* The slot of that key, or UINT32_MAX. */
static inline uint32_t find_slot(const struct cairn_live_segment *segment, uint64_t hash, uint64_t key)
{
    const uint64_t pattern = tag_of(hash) * EACH_BYTE;
    uint32_t group = home_group(hash);
    for (uint32_t steps = 0; steps < CAIRN_GROUPS; steps++) {
        for (uint64_t hits = zero_bytes(segment->tags[group] ^ pattern); hits; hits &= hits - 1) {
            const uint32_t at = group * CAIRN_GROUP_SLOTS + (uint32_t)__builtin_ctzll(hits) / 8;
            const struct cairn_live_slot *slot = &segment->slots[at];
            if (cairn_live_slot_key(slot) == key &&
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
    return sizeof(struct cairn_live_directory) + (sizeof(void *) << depth);
}

bool cairn_live_table_init(struct cairn_live_table *table, struct cairn_live_space *space)
{
    struct cairn_live_directory *directory = malloc(directory_bytes(0));
    struct cairn_live_segment *segment = cairn_live_segment_new_empty(space, 0);
    if (!directory || !segment) {
        free(directory);
        if (segment) {
            cairn_live_segment_release(space, segment);
        }
        return false;
    }
    directory->references = 1;
    directory->depth = 0;
    directory->segments[0] = segment;
    *table = (struct cairn_live_table){.space = space, .directory = directory};
    return true;
}

struct cairn_live_table cairn_live_table_share(const struct cairn_live_table *table)
{
    table->directory->references++;
    return *table;
}

static size_t directory_size(const struct cairn_live_directory *directory)
{
    return (size_t)1 << directory->depth;
}

/* How many neighbouring entries point to that segment. */
static size_t segment_span(const struct cairn_live_directory *directory,
                           const struct cairn_live_segment *segment)
{
    return (size_t)1 << (directory->depth - segment->depth);
}

void cairn_live_table_release(struct cairn_live_table *table)
{
    struct cairn_live_directory *directory = table->directory;
    if (--directory->references == 0) {
        const size_t size = directory_size(directory);
        for (size_t i = 0; i < size;) {
            struct cairn_live_segment *segment = directory->segments[i];
            i += segment_span(directory, segment);
            cairn_live_segment_release(table->space, segment);
        }
        free(directory);
    }
    table->directory = NULL;
}

static struct cairn_live_directory *directory_copy(const struct cairn_live_directory *directory,
                                                   uint32_t depth)
{
    struct cairn_live_directory *copy = malloc(directory_bytes(depth));
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

/* Makes the directory this table's own. */
static bool own_directory(struct cairn_live_table *table)
{
    struct cairn_live_directory *shared = table->directory;
    if (__builtin_expect(shared->references == 1, 1)) {
        return true;
    }
    struct cairn_live_directory *own = directory_copy(shared, shared->depth);
    if (!own) {
        return false;
    }
    const size_t size = directory_size(own);
    for (size_t i = 0; i < size; i += segment_span(own, own->segments[i])) {
        own->segments[i]->references++;
    }
    shared->references--;
    table->directory = own;
    return true;
}

static void point_to(struct cairn_live_directory *directory, size_t index, struct cairn_live_segment *segment)
{
    const size_t span = segment_span(directory, segment);
    const size_t first = index & ~(span - 1);
    for (size_t i = 0; i < span; i++) {
        directory->segments[first + i] = segment;
    }
}

/* The segment for `hash`, this table's own; NULL when memory ran out. */
static struct cairn_live_segment *own_segment(struct cairn_live_table *table, uint64_t hash)
{
    if (!own_directory(table)) {
        return NULL;
    }
    const size_t index = directory_index(table->directory, hash);
    struct cairn_live_segment *segment = table->directory->segments[index];
    if (__builtin_expect(segment->references == 1, 1)) {
        return segment;
    }
    struct cairn_live_segment *copy = cairn_live_segment_new(table->space, segment->depth);
    if (!copy) {
        return NULL;
    }
    copy->count = segment->count;
    memcpy(copy->tags, segment->tags, sizeof *segment - offsetof(struct cairn_live_segment, tags));
    cairn_live_segment_release(table->space, segment);
    point_to(table->directory, index, copy);
    return copy;
}

/* Splits the segment for `hash`, which is this table's own; false when memory ran out or it cannot be split. */
static bool split_segment(struct cairn_live_table *table, uint64_t hash)
{
    struct cairn_live_space *space = table->space;
    struct cairn_live_segment *segment = table->directory->segments[directory_index(table->directory, hash)];
    if (segment->depth == MAX_DEPTH) {
        return false;
    }
    struct cairn_live_segment *halves[2] = {
        cairn_live_segment_new_empty(space, (uint8_t)(segment->depth + 1)),
        cairn_live_segment_new_empty(space, (uint8_t)(segment->depth + 1))};
    bool ready = halves[0] && halves[1];
    if (ready && segment->depth == table->directory->depth) {
        struct cairn_live_directory *doubled = directory_copy(table->directory, table->directory->depth + 1);
        ready = doubled != NULL;
        if (ready) {
            free(table->directory);
            table->directory = doubled;
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
            const uint64_t slot_key = cairn_live_slot_hash(space, &segment->slots[i]);
            *claim_slot(halves[slot_key >> bit & 1], slot_key) = segment->slots[i];
        }
    }
    const size_t index = directory_index(table->directory, hash);
    const size_t half_span = segment_span(table->directory, halves[0]);
    const size_t first = index & ~(2 * half_span - 1);
    point_to(table->directory, first, halves[0]);
    point_to(table->directory, first + half_span, halves[1]);
    cairn_live_segment_release(space, segment);
    return true;
}

bool cairn_live_table_add(struct cairn_live_table *table, uint64_t hash, const struct cairn_live_slot *slot)
{
    struct cairn_live_segment *segment = own_segment(table, hash);
    while (segment && segment->count >= SEGMENT_FULL && split_segment(table, hash)) {
        segment = segment_of(table, hash);
    }
    if (!segment || segment->count == CAIRN_SEGMENT_SLOTS) {
        return false;
    }
    *claim_slot(segment, hash) = *slot;
    return true;
}

const struct cairn_live_slot *cairn_live_table_find(const struct cairn_live_table *table, uint64_t hash,
                                                    uint64_t key)
{
    const struct cairn_live_segment *segment = segment_of(table, hash);
    const uint32_t at = find_slot(segment, hash, key);
    return at == UINT32_MAX ? NULL : &segment->slots[at];
}

struct cairn_live_slot *cairn_live_table_own(struct cairn_live_table *table, uint64_t hash, uint64_t key)
{
    const uint32_t at = find_slot(segment_of(table, hash), hash, key);
    struct cairn_live_segment *segment = at == UINT32_MAX ? NULL : own_segment(table, hash);
    return segment ? &segment->slots[at] : NULL;
}

bool cairn_live_table_take(struct cairn_live_table *table, uint64_t hash, uint64_t key,
                           struct cairn_live_block *block)
{
    const uint32_t at = find_slot(segment_of(table, hash), hash, key);
    struct cairn_live_segment *segment = at == UINT32_MAX ? NULL : own_segment(table, hash);
    if (!segment) {
        return false;
    }
    cairn_live_unpack(table->space, &segment->slots[at], block);
    release_slot(segment, hash, at);
    return true;
}

void cairn_live_table_visit(const struct cairn_live_table *table,
                            void (*visit)(void *state, const struct cairn_live_block *block), void *state)
{
    const size_t size = directory_size(table->directory);
    for (size_t i = 0; i < size;) {
        const struct cairn_live_segment *segment = table->directory->segments[i];
        for (uint32_t at = 0; at < CAIRN_SEGMENT_SLOTS; at++) {
            struct cairn_live_block block;
            if (!is_empty(segment, at)) {
                cairn_live_unpack_slot(&segment->slots[at], &block);
                visit(state, &block);
            }
        }
        i += segment_span(table->directory, segment);
    }
}

bool cairn_live_table_update(struct cairn_live_table *table,
                             bool (*visit)(void *state, struct cairn_live_block *block), void *state)
{
    const size_t size = directory_size(table->directory);
    for (size_t i = 0; i < size;) {
        struct cairn_live_segment *segment = table->directory->segments[i];
        const size_t span = segment_span(table->directory, segment);
        for (uint32_t at = 0; at < CAIRN_SEGMENT_SLOTS; at++) {
            if (is_empty(segment, at)) {
                continue;
            }
            struct cairn_live_block block;
            cairn_live_unpack(table->space, &segment->slots[at], &block);
            if (!visit(state, &block)) {
                continue;
            }
            segment = own_segment(table, cairn_live_slot_hash(table->space, &segment->slots[at]));
            if (!segment || (block.size >= CAIRN_SIZE_IS_GIANT &&
                             !cairn_live_giant_store(table->space, block.birth, block.size))) {
                return false;
            }
            cairn_live_pack(&segment->slots[at], &block);
        }
        i += span;
    }
    return true;
}

void cairn_live_table_prefetch(const struct cairn_live_table *table, uint64_t hash)
{
    const struct cairn_live_segment *segment = segment_of(table, hash);
    const struct cairn_live_slot *slots = &segment->slots[home_group(hash) * CAIRN_GROUP_SLOTS];
    __builtin_prefetch(&segment->tags[home_group(hash)]);
    __builtin_prefetch(&segment->references);
    __builtin_prefetch(slots, 1);
    __builtin_prefetch(slots + 3, 1);
    __builtin_prefetch(slots + 6, 1);
    cairn_live_prefetched();
}
