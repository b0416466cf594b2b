#include "collector/native_blocks.h"

#include <stdlib.h>

#include "collector/table.h"
#include "wire/record.h"

#define BUCKET_SHIFT 8u
#define GAP_BYTES    ((uint64_t)256 << 10) /* between the starts of neighbours of one cluster, at most */
#define BLOCKS_MAX   (1u << 27)
#define DIGIT_BITS   8u /* of an address of 48 */
#define DIGITS       (1u << DIGIT_BITS)
#define TOP_DIGIT    40u
#define FEW          64u /* are sorted by comparing */

static void add_block(void *state, const struct cairn_live_block *block)
{
    struct cairn_native_blocks *blocks = state;
    if (!cairn_domain_is_heap(block->domain) || blocks->failed) {
        return;
    }
    struct cairn_native_block *grown =
        cairn_grown(blocks->blocks, &blocks->capacity, blocks->count, sizeof *grown);
    if (!grown || blocks->count >= BLOCKS_MAX) {
        blocks->blocks = grown ? grown : blocks->blocks;
        blocks->failed = true;
        return;
    }
    blocks->blocks = grown;
    grown[blocks->count++] = (struct cairn_native_block){.start = block->address,
                                                         .size = block->size,
                                                         .birth = block->birth,
                                                         .account = block->account,
                                                         .outer = CAIRN_NO_BLOCK};
}

static int compare(const void *left, const void *right)
{
    const struct cairn_native_block *a = left, *b = right;
    if (a->start != b->start) {
        return a->start < b->start ? -1 : 1;
    }
    return a->size != b->size ? (a->size < b->size ? 1 : -1) : 0;
}

/* Moves every block to the part of its digit, in place: the hole that a block leaves is filled by the block that belongs
 * there. `starts` become the ends. */
static void distribute(struct cairn_native_block *blocks, uint32_t *starts, const uint32_t *ends,
                       unsigned shift)
{
    for (uint32_t digit = 0; digit < DIGITS; digit++) {
        while (starts[digit] < ends[digit]) {
            struct cairn_native_block *block = &blocks[starts[digit]];
            const uint32_t own = block->start >> shift & (DIGITS - 1);
            if (own == digit) {
                starts[digit]++;
            } else {
                const struct cairn_native_block moved = blocks[starts[own]];
                blocks[starts[own]++] = *block;
                *block = moved;
            }
        }
    }
}

/* By the digits of their addresses from `shift` down: no memory beside the blocks, which a gigabyte of them would double. */
static void sort(struct cairn_native_block *blocks, uint32_t count, unsigned shift)
{
    if (count <= FEW) {
        qsort(blocks, count, sizeof *blocks, compare);
        return;
    }
    uint32_t sizes[DIGITS] = {0}, starts[DIGITS], ends[DIGITS];
    for (uint32_t i = 0; i < count; i++) {
        sizes[blocks[i].start >> shift & (DIGITS - 1)]++;
    }
    for (uint32_t digit = 0, start = 0; digit < DIGITS; digit++) {
        starts[digit] = start;
        ends[digit] = start += sizes[digit];
    }
    distribute(blocks, starts, ends, shift);
    for (uint32_t digit = 0; digit < DIGITS; digit++) {
        struct cairn_native_block *part = blocks + (ends[digit] - sizes[digit]);
        if (shift > 0) {
            sort(part, sizes[digit], shift - DIGIT_BITS);
        } else if (sizes[digit] > 1) {
            qsort(part, sizes[digit], sizeof *part, compare);
        }
    }
}

static void find_outer(struct cairn_native_blocks *blocks)
{
    uint32_t open = CAIRN_NO_BLOCK;
    for (uint32_t i = 0; i < blocks->count; i++) {
        struct cairn_native_block *block = &blocks->blocks[i];
        while (open != CAIRN_NO_BLOCK &&
               block->start - blocks->blocks[open].start >= blocks->blocks[open].size) {
            open = blocks->blocks[open].outer;
        }
        block->outer = open;
        open = i;
    }
}

static bool add_cluster(struct cairn_native_blocks *blocks, uint32_t first, uint32_t end)
{
    struct cairn_native_cluster *grown =
        cairn_grown(blocks->clusters, &blocks->cluster_capacity, blocks->cluster_count, sizeof *grown);
    if (!grown) {
        return false;
    }
    blocks->clusters = grown;
    const uint64_t start = blocks->blocks[first].start, last = blocks->blocks[end - 1].start;
    const size_t buckets = (size_t)((last - start) >> BUCKET_SHIFT) + 1;
    uint32_t *begins = malloc((buckets + 1) * sizeof *begins);
    if (!begins) {
        return false;
    }
    uint32_t at = first;
    for (size_t bucket = 0; bucket < buckets; bucket++) {
        while (at < end && (blocks->blocks[at].start - start) >> BUCKET_SHIFT < bucket) {
            at++;
        }
        begins[bucket] = at;
    }
    begins[buckets] = end;
    grown[blocks->cluster_count++] = (struct cairn_native_cluster){
        .start = start, .last = last, .first = first, .end = end, .begins = begins};
    return true;
}

static bool make_clusters(struct cairn_native_blocks *blocks)
{
    uint32_t first = 0;
    for (uint32_t i = 1; i <= blocks->count; i++) {
        if (i == blocks->count || blocks->blocks[i].start - blocks->blocks[i - 1].start > GAP_BYTES) {
            if (!add_cluster(blocks, first, i)) {
                return false;
            }
            first = i;
        }
    }
    return true;
}

enum cairn_status cairn_native_blocks_build(struct cairn_native_blocks *blocks,
                                            const struct cairn_live_map *live, struct cairn_error *error)
{
    *blocks = (struct cairn_native_blocks){.blocks = NULL};
    cairn_live_map_visit(live, add_block, blocks);
    if (!blocks->failed && blocks->count > 0) {
        sort(blocks->blocks, (uint32_t)blocks->count, TOP_DIGIT);
        find_outer(blocks);
        blocks->failed = !make_clusters(blocks);
    }
    return blocks->failed ? cairn_fail(error, CAIRN_E_NOMEM, "an object graph was left out: no memory for it")
                          : CAIRN_OK;
}

void cairn_native_blocks_release(struct cairn_native_blocks *blocks)
{
    for (size_t i = 0; i < blocks->cluster_count; i++) {
        free(blocks->clusters[i].begins);
    }
    free(blocks->clusters);
    free(blocks->blocks);
    *blocks = (struct cairn_native_blocks){.blocks = NULL};
}

/* The last cluster that starts at `address` or before; NULL when there is none. */
static const struct cairn_native_cluster *find_cluster(const struct cairn_native_blocks *blocks,
                                                       uint64_t address)
{
    size_t low = 0, high = blocks->cluster_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (blocks->clusters[middle].start <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 ? &blocks->clusters[low - 1] : NULL;
}

uint32_t cairn_native_blocks_find(const struct cairn_native_blocks *blocks, uint64_t address)
{
    const struct cairn_native_cluster *cluster = find_cluster(blocks, address);
    if (!cluster) {
        return CAIRN_NO_BLOCK;
    }
    const uint64_t start = address < cluster->last ? address : cluster->last;
    uint32_t i = cluster->begins[((start - cluster->start) >> BUCKET_SHIFT) + 1] - 1;
    while (blocks->blocks[i].start > address) {
        i--;
    }
    /* A block without bytes is held by a pointer to where it would be. */
    while (i != CAIRN_NO_BLOCK && address != blocks->blocks[i].start &&
           address - blocks->blocks[i].start >= blocks->blocks[i].size) {
        i = blocks->blocks[i].outer;
    }
    return i;
}

size_t cairn_native_blocks_from(const struct cairn_native_blocks *blocks, uint64_t address)
{
    size_t low = 0, high = blocks->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (blocks->blocks[middle].start < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}
