#include "base/lru.h"

#include <stdlib.h>

#define FIRST_BUCKETS 64u /* a power of two */

struct entry {
    uint64_t key;
    void *value;
    size_t size_bytes;
    unsigned pins;
    struct entry *next_in_bucket;
    struct entry *newer, *older;
};

struct cairn_lru {
    void (*destroy)(void *value);
    struct entry **buckets;
    size_t bucket_count;
    struct entry *newest, *oldest;
    struct cairn_lru_stats stats;
};

static struct entry **bucket_of(const struct cairn_lru *cache, uint64_t key)
{
    const uint64_t mixed = (key ^ key >> 32) * 0x9e3779b97f4a7c15ull;
    return &cache->buckets[(mixed >> 32) & (cache->bucket_count - 1)];
}

static struct entry *find(const struct cairn_lru *cache, uint64_t key)
{
    struct entry *entry = *bucket_of(cache, key);
    while (entry && entry->key != key) {
        entry = entry->next_in_bucket;
    }
    return entry;
}

static void unlink_age(struct cairn_lru *cache, struct entry *entry)
{
    *(entry->newer ? &entry->newer->older : &cache->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &cache->oldest) = entry->newer;
}

static void make_newest(struct cairn_lru *cache, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = cache->newest;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = entry;
    cache->newest = entry;
}

static void drop(struct cairn_lru *cache, struct entry *entry)
{
    struct entry **link = bucket_of(cache, entry->key);
    while (*link != entry) {
        link = &(*link)->next_in_bucket;
    }
    *link = entry->next_in_bucket;
    unlink_age(cache, entry);
    cache->stats.used_bytes -= entry->size_bytes;
    cache->stats.entries--;
    cache->destroy(entry->value);
    free(entry);
}

/* Failing is no harm: chains get longer. */
static void grow_buckets(struct cairn_lru *cache)
{
    struct entry **const larger = calloc(cache->bucket_count * 2, sizeof(struct entry *));
    if (!larger) {
        return;
    }
    free(cache->buckets);
    cache->buckets = larger;
    cache->bucket_count *= 2;
    for (struct entry *entry = cache->newest; entry; entry = entry->older) {
        struct entry **const bucket = bucket_of(cache, entry->key);
        entry->next_in_bucket = *bucket;
        *bucket = entry;
    }
}

static void evict(struct cairn_lru *cache, const struct entry *keep)
{
    struct entry *entry = cache->oldest;
    while (entry && cache->stats.used_bytes > cache->stats.limit_bytes) {
        struct entry *const newer = entry->newer;
        if (entry != keep && entry->pins == 0) {
            drop(cache, entry);
            cache->stats.evictions++;
        }
        entry = newer;
    }
}

struct cairn_lru *cairn_lru_new(size_t limit_bytes, void (*destroy)(void *value))
{
    struct cairn_lru *const cache = calloc(1, sizeof(*cache));
    if (!cache) {
        return NULL;
    }
    cache->buckets = calloc(FIRST_BUCKETS, sizeof(struct entry *));
    if (!cache->buckets) {
        free(cache);
        return NULL;
    }
    cache->bucket_count = FIRST_BUCKETS;
    cache->destroy = destroy;
    cache->stats.limit_bytes = limit_bytes;
    return cache;
}

void cairn_lru_free(struct cairn_lru *cache)
{
    if (!cache) {
        return;
    }
    while (cache->oldest) {
        drop(cache, cache->oldest);
    }
    free(cache->buckets);
    free(cache);
}

void *cairn_lru_get(struct cairn_lru *cache, uint64_t key)
{
    struct entry *const entry = find(cache, key);
    if (!entry) {
        cache->stats.misses++;
        return NULL;
    }
    cache->stats.hits++;
    unlink_age(cache, entry);
    make_newest(cache, entry);
    return entry->value;
}

int cairn_lru_put(struct cairn_lru *cache, uint64_t key, void *value, size_t size_bytes)
{
    struct entry *const old = find(cache, key);
    struct entry *const entry = old && old->pins > 0 ? NULL : malloc(sizeof(*entry));
    if (!entry) {
        cache->destroy(value);
        return -1;
    }
    if (old) {
        drop(cache, old);
    }
    if (cache->stats.entries >= cache->bucket_count) {
        grow_buckets(cache);
    }
    struct entry **const bucket = bucket_of(cache, key);
    *entry = (struct entry){.key = key, .value = value, .size_bytes = size_bytes, .next_in_bucket = *bucket};
    *bucket = entry;
    make_newest(cache, entry);
    cache->stats.entries++;
    cache->stats.used_bytes += size_bytes;
    evict(cache, entry);
    return 0;
}

void cairn_lru_pin(struct cairn_lru *cache, uint64_t key)
{
    struct entry *const entry = find(cache, key);
    if (entry) {
        entry->pins++;
    }
}

void cairn_lru_unpin(struct cairn_lru *cache, uint64_t key)
{
    struct entry *const entry = find(cache, key);
    if (entry && entry->pins > 0) {
        entry->pins--;
    }
}

void cairn_lru_stats(const struct cairn_lru *cache, struct cairn_lru_stats *stats)
{
    *stats = cache->stats;
}
