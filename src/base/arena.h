/* A bump allocator for many small things that die together (names, rows of one answer). Not thread-safe. */
#ifndef CAIRN_BASE_ARENA_H
#define CAIRN_BASE_ARENA_H

#include <stddef.h>

struct cairn_arena_block;

/* Zero-initialise, or CAIRN_ARENA_INIT. */
struct cairn_arena {
    struct cairn_arena_block *blocks;
    size_t total_bytes; /* memory held, for the users that have a bound */
};

#define CAIRN_ARENA_INIT                                                                                     \
    {                                                                                                        \
        .blocks = NULL                                                                                       \
    }

/* `size` bytes, zeroed, aligned for any type; NULL when memory ran out. Lives until release or reset. */
void *cairn_arena_alloc(struct cairn_arena *arena, size_t size);
/* A NUL-terminated copy of `length` bytes of `text`. */
char *cairn_arena_copy(struct cairn_arena *arena, const char *text, size_t length);
void cairn_arena_reset(struct cairn_arena *arena);
void cairn_arena_release(struct cairn_arena *arena);

#endif
