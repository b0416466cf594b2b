#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK_BYTES 4096u
#define MOST_BLOCK_BYTES  (1u << 20) /* doubling stops here, so that at most 1 MiB is held in vain */

struct cairn_arena_block {
    struct cairn_arena_block *next;
    size_t capacity, used;
    alignas(max_align_t) char bytes[];
};

static size_t round_up(size_t size)
{
    const size_t unit = alignof(max_align_t);
    return (size + unit - 1) / unit * unit;
}

static struct cairn_arena_block *add_block(struct cairn_arena *arena, size_t needed)
{
    size_t capacity = arena->blocks ? arena->blocks->capacity * 2 : FIRST_BLOCK_BYTES;
    if (capacity > MOST_BLOCK_BYTES) {
        capacity = MOST_BLOCK_BYTES;
    }
    if (capacity < needed) {
        capacity = needed;
    }
    struct cairn_arena_block *block = malloc(sizeof(*block) + capacity);
    if (!block) {
        return NULL;
    }
    *block = (struct cairn_arena_block){.next = arena->blocks, .capacity = capacity};
    arena->blocks = block;
    arena->total_bytes += sizeof(*block) + capacity;
    return block;
}

void *cairn_arena_alloc(struct cairn_arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2) {
        return NULL;
    }
    const size_t needed = round_up(size ? size : 1);
    struct cairn_arena_block *block = arena->blocks;
    if (!block || block->capacity - block->used < needed) {
        block = add_block(arena, needed);
        if (!block) {
            return NULL;
        }
    }
    void *const memory = block->bytes + block->used;
    block->used += needed;
    return memset(memory, 0, needed);
}

char *cairn_arena_copy(struct cairn_arena *arena, const char *text, size_t length)
{
    if (length == SIZE_MAX) {
        return NULL;
    }
    char *const copy = cairn_arena_alloc(arena, length + 1);
    if (copy && length > 0) {
        memcpy(copy, text, length);
    }
    return copy;
}

static void free_blocks(struct cairn_arena_block *block)
{
    while (block) {
        struct cairn_arena_block *const next = block->next;
        free(block);
        block = next;
    }
}

void cairn_arena_reset(struct cairn_arena *arena)
{
    struct cairn_arena_block *const newest = arena->blocks;
    if (!newest) {
        return;
    }
    free_blocks(newest->next);
    newest->next = NULL;
    newest->used = 0;
    arena->total_bytes = sizeof(*newest) + newest->capacity;
}

void cairn_arena_release(struct cairn_arena *arena)
{
    free_blocks(arena->blocks);
    *arena = (struct cairn_arena)CAIRN_ARENA_INIT;
}
