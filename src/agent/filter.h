/* Which live blocks were sampled, so that the free of any other one costs one load. A set of keys (address and domain) that all
 * threads change without a lock. In front stand counts of the keys in each page of addresses: neighbours share a cache line, so
 * what a program works on stays in the first cache. Behind them are buckets of seven places, and a byte a bucket that says
 * which of them are taken. A key that finds its bucket full is not kept: the bucket is marked for good, its page is
 * counted for good, and from then on all of the bucket's keys in such pages may have been sampled. So one that was
 * sampled is never passed over; one that was not may be taken for one, rarely.
 *
 * The further apart the samples, the fewer buckets are used: each is a page that is touched, in the program and once more in its
 * children.
 *
 * A forked child inherits the set with the blocks. */
#ifndef CAIRN_AGENT_FILTER_H
#define CAIRN_AGENT_FILTER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define CAIRN_FILTER_PAGES   (1u << 16) /* 256 MiB of 4 KiB each; then they share */
#define CAIRN_FILTER_BUCKETS (1u << 16)
#define CAIRN_FILTER_PLACES  7u
#define CAIRN_FILTER_FULL    0x80u /* a key found no place */

/* For a distance of 64 KiB or less all buckets; half of them for twice that, down to an eighth: 57,000 keys, which is 28 GiB of a heap
 * that is sampled every 512 KiB. */
#define CAIRN_FILTER_DENSE_BYTES (64u << 10)
#define CAIRN_FILTER_NARROW_MAX  3u

struct cairn_filter {
    _Atomic uint32_t pages[CAIRN_FILTER_PAGES];
    _Atomic uint8_t taken[CAIRN_FILTER_BUCKETS]; /* a bit a place, and FULL */
    uint32_t narrow;                             /* the buckets in use are 1 / 2^narrow of all */
    struct {
        _Alignas(64) _Atomic uint64_t key[CAIRN_FILTER_PLACES + 1]; /* 0: none; the last one is never used */
    } buckets[CAIRN_FILTER_BUCKETS];
};

/* Of this process and its present recording; NULL where every block is recorded. Never unmapped. */
extern struct cairn_filter *cairn_filter __attribute__((visibility("hidden")));

/* How `filter`, which is empty, is used in a recording with that distance between samples. */
void cairn_filter_fit(struct cairn_filter *filter, uint64_t mean_bytes);
/* Adds what is not there. Before anybody else can know the block. */
void cairn_filter_add(struct cairn_filter *filter, uint64_t key);
/* The slow half of cairn_filter_take(). */
bool cairn_filter_remove(struct cairn_filter *filter, uint64_t key);

/* The domain is above the address. */
static inline uint32_t cairn_filter_page(uint64_t key)
{
    return (uint32_t)(key >> 12 ^ key >> 28 ^ key >> 44) & (CAIRN_FILTER_PAGES - 1);
}

/* Addresses come in steps of 16. */
static inline uint32_t cairn_filter_bucket(const struct cairn_filter *filter, uint64_t key)
{
    return (uint32_t)((key >> 4 | key << 60) * 0x9e3779b97f4a7c15ull >> 48 >> filter->narrow);
}

/* Whether a key of its page is in the set. */
static inline bool cairn_filter_may_hold(const struct cairn_filter *filter, uint64_t key)
{
    const _Atomic uint32_t *page = &filter->pages[cairn_filter_page(key)];
    return __builtin_expect(atomic_load_explicit(page, memory_order_relaxed) != 0, 0);
}

/* Whether the block may have been sampled; then it is in the set no more. By who owns the block: it was added before. */
static inline bool cairn_filter_take(struct cairn_filter *filter, uint64_t key)
{
    return cairn_filter_may_hold(filter, key) && cairn_filter_remove(filter, key);
}

#endif
