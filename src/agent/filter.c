#include "agent/filter.h"

struct cairn_filter *cairn_filter;

void cairn_filter_fit(struct cairn_filter *filter, uint64_t mean_bytes)
{
    filter->narrow = 0;
    for (uint64_t bytes = CAIRN_FILTER_DENSE_BYTES;
         bytes * 2 <= mean_bytes && filter->narrow < CAIRN_FILTER_NARROW_MAX; bytes *= 2) {
        filter->narrow++;
    }
}

static bool holds(struct cairn_filter *filter, uint32_t bucket, uint64_t key)
{
    bool found = false;
    for (uint32_t i = 0; i < CAIRN_FILTER_PLACES; i++) {
        found |= atomic_load_explicit(&filter->buckets[bucket].key[i], memory_order_relaxed) == key;
    }
    return found;
}

void cairn_filter_add(struct cairn_filter *filter, uint64_t key)
{
    const uint32_t bucket = cairn_filter_bucket(filter, key);
    _Atomic uint8_t *taken = &filter->taken[bucket];
    uint8_t bits = atomic_load_explicit(taken, memory_order_relaxed);
    if (bits != 0 && holds(filter, bucket, key)) {
        return; /* its free went past us */
    }
    atomic_fetch_add_explicit(&filter->pages[cairn_filter_page(key)], 1, memory_order_relaxed);
    for (;;) {
        const uint32_t place = (uint32_t)__builtin_ctz(~(uint32_t)bits);
        const bool full = place >= CAIRN_FILTER_PLACES;
        const uint8_t more = (uint8_t)(bits | (full ? CAIRN_FILTER_FULL : 1u << place));
        /* Acquire pairs with the release in remove(): the place is empty. Who frees the block has seen the program hand it on,
         * which is behind all this. */
        if (atomic_compare_exchange_weak_explicit(taken, &bits, more, memory_order_acquire,
                                                  memory_order_relaxed)) {
            if (!full) {
                atomic_store_explicit(&filter->buckets[bucket].key[place], key, memory_order_relaxed);
            }
            return;
        }
    }
}

bool cairn_filter_remove(struct cairn_filter *filter, uint64_t key)
{
    const uint32_t bucket = cairn_filter_bucket(filter, key);
    for (uint32_t i = 0; i < CAIRN_FILTER_PLACES; i++) {
        _Atomic uint64_t *place = &filter->buckets[bucket].key[i];
        if (atomic_load_explicit(place, memory_order_relaxed) == key) {
            atomic_store_explicit(place, 0, memory_order_relaxed);
            atomic_fetch_and_explicit(&filter->taken[bucket], (uint8_t) ~(1u << i), memory_order_release);
            atomic_fetch_sub_explicit(&filter->pages[cairn_filter_page(key)], 1, memory_order_relaxed);
            return true;
        }
    }
    return atomic_load_explicit(&filter->taken[bucket], memory_order_relaxed) & CAIRN_FILTER_FULL;
}
