#include "collector/live_space.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#define SPACE_BLOCK (8u << 20)
#define HUGE_PAGE   (2u << 20)
/* The first one: a program of a few thousand blocks need not wait until the kernel has cleared a huge page. */
#define FIRST_BLOCK (128u << 10)

struct cairn_live_giant {
    uint64_t birth, size;
};

struct cairn_live_block_of_memory {
    struct cairn_live_block_of_memory *next;
    void *memory;
    size_t bytes;
};

struct cairn_live_space *cairn_live_space_new(void)
{
    struct cairn_live_space *space = calloc(1, sizeof *space);
    if (!space) {
        return NULL;
    }
    if (getrandom(&space->secret, sizeof space->secret, GRND_NONBLOCK) != sizeof space->secret) {
        space->secret = 0x9e3779b97f4a7c15ull;
    }
    return space;
}

static void give_back(struct cairn_live_space *space)
{
    while (space->memory) {
        struct cairn_live_block_of_memory *block = space->memory;
        space->memory = block->next;
        munmap(block->memory, block->bytes);
        free(block);
    }
    space->free_segments = NULL;
    space->unused = NULL;
    space->unused_count = 0;
    space->bytes = 0;
}

void cairn_live_space_free(struct cairn_live_space *space)
{
    if (!space) {
        return;
    }
    give_back(space);
    free(space->giants);
    free(space);
}

size_t cairn_live_space_bytes(const struct cairn_live_space *space)
{
    return space->bytes;
}

static void *map(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

/* Memory at a huge page's boundary: blocks are looked up all over it, and each look would miss the TLB. */
static void *map_aligned(void)
{
    uint8_t *memory = map(SPACE_BLOCK + HUGE_PAGE);
    if (!memory) {
        return NULL;
    }
    const size_t before = (HUGE_PAGE - ((uintptr_t)memory & (HUGE_PAGE - 1))) & (HUGE_PAGE - 1);
    if (before) {
        munmap(memory, before);
    }
    munmap(memory + before + SPACE_BLOCK, HUGE_PAGE - before);
    madvise(memory + before, SPACE_BLOCK, MADV_HUGEPAGE);
    return memory + before;
}

static bool space_grow(struct cairn_live_space *space)
{
    struct cairn_live_block_of_memory *block = malloc(sizeof *block);
    if (!block) {
        return false;
    }
    block->bytes = space->memory ? SPACE_BLOCK : FIRST_BLOCK;
    block->memory = space->memory ? map_aligned() : map(FIRST_BLOCK);
    if (!block->memory) {
        free(block);
        return false;
    }
    block->next = space->memory;
    space->memory = block;
    space->bytes += block->bytes;
    space->unused = block->memory;
    space->unused_count = block->bytes / CAIRN_SEGMENT_PAGE;
    return true;
}

/* One that was given back, or else the next one that nobody has touched: short programs need but one. */
static struct cairn_live_segment *take_segment(struct cairn_live_space *space)
{
    struct cairn_live_segment *segment = space->free_segments;
    if (segment) {
        space->free_segments = segment->next_free;
        return segment;
    }
    if (space->unused_count == 0 && !space_grow(space)) {
        return NULL;
    }
    segment = (struct cairn_live_segment *)(void *)space->unused;
    space->unused += CAIRN_SEGMENT_PAGE;
    space->unused_count--;
    return segment;
}

struct cairn_live_segment *cairn_live_segment_new(struct cairn_live_space *space, uint8_t depth)
{
    struct cairn_live_segment *segment = take_segment(space);
    if (!segment) {
        return NULL;
    }
    space->used++;
    segment->references = 1;
    segment->count = 0;
    segment->depth = depth;
    return segment;
}

struct cairn_live_segment *cairn_live_segment_new_empty(struct cairn_live_space *space, uint8_t depth)
{
    struct cairn_live_segment *segment = cairn_live_segment_new(space, depth);
    if (segment) {
        memset(segment->tags, 0, sizeof segment->tags);
        memset(segment->passed, 0, sizeof segment->passed);
    }
    return segment;
}

void cairn_live_segment_release(struct cairn_live_space *space, struct cairn_live_segment *segment)
{
    if (--segment->references == 0) {
        segment->next_free = space->free_segments;
        space->free_segments = segment;
        if (--space->used == 0 && space->bytes > FIRST_BLOCK + SPACE_BLOCK) {
            give_back(space);
        }
    }
}

bool cairn_live_giant_store(struct cairn_live_space *space, uint64_t birth, uint64_t size)
{
    if (space->giant_count == space->giant_capacity) {
        const size_t capacity = space->giant_capacity ? space->giant_capacity * 2 : 16;
        struct cairn_live_giant *grown = realloc(space->giants, capacity * sizeof *grown);
        if (!grown) {
            return false;
        }
        space->giants = grown;
        space->giant_capacity = capacity;
    }
    space->giants[space->giant_count++] = (struct cairn_live_giant){.birth = birth, .size = size};
    return true;
}

uint64_t cairn_live_giant_size(const struct cairn_live_space *space, uint64_t birth)
{
    size_t low = 0, high = space->giant_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (space->giants[middle].birth < birth) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < space->giant_count && space->giants[low].birth == birth ? space->giants[low].size
                                                                         : CAIRN_SIZE_IS_GIANT;
}
