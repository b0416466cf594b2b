#include "collector/ranges.h"

#include <stdlib.h>
#include <string.h>

struct cairn_ranges {
    uint32_t references;
    size_t count, capacity;
    struct cairn_range *list; /* by start */
};

struct cairn_ranges *cairn_ranges_new(void)
{
    struct cairn_ranges *ranges = calloc(1, sizeof *ranges);
    if (ranges) {
        ranges->references = 1;
    }
    return ranges;
}

struct cairn_ranges *cairn_ranges_share(struct cairn_ranges *ranges)
{
    ranges->references++;
    return ranges;
}

void cairn_ranges_free(struct cairn_ranges *ranges)
{
    if (ranges && --ranges->references == 0) {
        free(ranges->list);
        free(ranges);
    }
}

size_t cairn_ranges_count(const struct cairn_ranges *ranges)
{
    return ranges->count;
}

/* Makes `*ranges` the caller's own, with room for one more. */
static bool prepare(struct cairn_ranges **ranges)
{
    struct cairn_ranges *own = *ranges;
    if (own->references > 1) {
        own = cairn_ranges_new();
        struct cairn_range *list = malloc(((*ranges)->count + 8) * sizeof *list);
        if (!own || !list) {
            free(own);
            free(list);
            return false;
        }
        if ((*ranges)->count) {
            memcpy(list, (*ranges)->list, (*ranges)->count * sizeof *list);
        }
        own->list = list;
        own->count = (*ranges)->count;
        own->capacity = own->count + 8;
        (*ranges)->references--;
        *ranges = own;
    }
    if (own->count == own->capacity) {
        const size_t capacity = own->capacity ? own->capacity * 2 : 32;
        struct cairn_range *grown = realloc(own->list, capacity * sizeof *grown);
        if (!grown) {
            return false;
        }
        own->list = grown;
        own->capacity = capacity;
    }
    return true;
}

/* Index of the first range that ends above `address`. */
static size_t first_above(const struct cairn_ranges *ranges, uint64_t address)
{
    size_t low = 0, high = ranges->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (ranges->list[middle].end <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void insert(struct cairn_ranges *ranges, size_t at, const struct cairn_range *range)
{
    memmove(ranges->list + at + 1, ranges->list + at, (ranges->count - at) * sizeof *ranges->list);
    ranges->list[at] = *range;
    ranges->count++;
}

static void erase(struct cairn_ranges *ranges, size_t at)
{
    memmove(ranges->list + at, ranges->list + at + 1, (ranges->count - at - 1) * sizeof *ranges->list);
    ranges->count--;
}

bool cairn_ranges_add(struct cairn_ranges **ranges, const struct cairn_range *range)
{
    if (range->start >= range->end) {
        return true;
    }
    if (!prepare(ranges)) {
        return false;
    }
    insert(*ranges, first_above(*ranges, range->start), range);
    return true;
}

static bool has_sibling(const struct cairn_ranges *ranges, const struct cairn_range *range)
{
    for (size_t i = 0; range->split && i < ranges->count; i++) {
        if (ranges->list[i].birth == range->birth) {
            return true;
        }
    }
    return false;
}

bool cairn_ranges_cut(struct cairn_ranges **ranges, uint64_t start, uint64_t end,
                      void (*visit)(void *state, const struct cairn_range_cut *cut), void *state)
{
    for (size_t at = first_above(*ranges, start); at < (*ranges)->count && (*ranges)->list[at].start < end;) {
        if (!prepare(ranges)) {
            return false;
        }
        struct cairn_ranges *own = *ranges;
        struct cairn_range *range = &own->list[at];
        const struct cairn_range before = *range;
        const uint64_t from = before.start > start ? before.start : start;
        const uint64_t to = before.end < end ? before.end : end;
        struct cairn_range_cut cut = {.of = before, .bytes = to - from};
        if (from == before.start && to == before.end) {
            erase(own, at);
            cut.last = !has_sibling(own, &before);
        } else if (from == before.start) {
            range->start = to;
            at++;
        } else if (to == before.end) {
            range->end = from;
            at++;
        } else {
            range->end = from;
            range->split = true;
            struct cairn_range rest = before;
            rest.start = to;
            rest.split = true;
            insert(own, at + 1, &rest);
            at += 2;
        }
        visit(state, &cut);
    }
    return true;
}

const struct cairn_range *cairn_ranges_exact(const struct cairn_ranges *ranges, uint64_t start, uint64_t end)
{
    const size_t at = first_above(ranges, start);
    if (at == ranges->count) {
        return NULL;
    }
    const struct cairn_range *range = &ranges->list[at];
    return range->start == start && range->end == end && !range->split ? range : NULL;
}

bool cairn_ranges_update(struct cairn_ranges **ranges, bool (*visit)(void *state, struct cairn_range *range),
                         void *state)
{
    if ((*ranges)->count && !prepare(ranges)) {
        return false;
    }
    for (size_t i = 0; i < (*ranges)->count; i++) {
        struct cairn_range range = (*ranges)->list[i];
        if (visit(state, &range)) {
            (*ranges)->list[i] = range;
        }
    }
    return true;
}
