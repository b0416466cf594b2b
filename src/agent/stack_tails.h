/* Inner parts of stacks that a thread has walked before: a stack that is not the last one, but ends in one of them, needs no walk.
 * Private to stack.c.
 *
 * A *tail* reaches from a stack's innermost frame to one further out, its *anchor*. It holds the words that a walk between
 * the two reads. Where a capture begins at the same frame and all of these words stand as they were, such a walk would read
 * the same and come to the same anchor; and where the kept stack has that anchor, and the words it follows from hold as well,
 * the stack's node is the tail's. So nothing that a program does to its stack makes a tail say what is not so. Tails are
 * forgotten with the nodes' numbers, and thereby with the rules (dlclose).
 *
 * A *shape* says where the words of some tails stand, so that a tail can be looked for by what they are now. It is a hint, no
 * more. */
#ifndef CAIRN_AGENT_STACK_TAILS_H
#define CAIRN_AGENT_STACK_TAILS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/stack.h"
#include "agent/stack_kept.h"

#define CAIRN_TAIL_WORDS      16u
#define CAIRN_TAIL_WAYS       2u
#define CAIRN_TAIL_SHAPE_BITS 9u
#define CAIRN_TAIL_INDEX_BITS 11u
#define CAIRN_TAIL_ARENA_WORDS                                                                               \
    32768u /* 256 KiB, some three thousand tails; what is not used is not touched */

/* A line of the cache. */
struct cairn_tail_shape {
    uintptr_t key, sp;     /* of the innermost frame; key 0: free, or being written */
    uint64_t number;       /* of no other shape that ever was */
    uint32_t anchor;       /* its place in the kept stack */
    uint8_t words, calls;  /* `calls` of the words are return addresses: the first ones */
    bool needs_rbp;        /* tails hold for one rbp of the innermost frame only */
    bool anchor_needs_rbp; /* … of the anchor */
    uint16_t
        slot[CAIRN_TAIL_WORDS]; /* where they stand, in words from `sp` on; slot[0] returns to the anchor */
};

struct cairn_tail {
    uint64_t shape; /* its number */
    uint32_t node, anchor_node;
    uintptr_t rbp, anchor_rbp; /* 0 where they do not matter */
    uintptr_t value[];
};

#define CAIRN_TAIL_HEAD_WORDS ((uint32_t)(offsetof(struct cairn_tail, value) / sizeof(uint64_t)))

struct cairn_tails {
    struct cairn_tail_shape (*shapes)[CAIRN_TAIL_WAYS]; /* by hash of key and sp */
    uint16_t (*index)[CAIRN_TAIL_WAYS]; /* by hash of a tail: where it begins in `arena`; 0: nowhere */
    uint64_t *arena;
    uint32_t arena_used;
    uint32_t resting;       /* so many walks to go without */
    uint32_t found, walked; /* since this was judged last */
    uint64_t shape_count;   /* that ever were */
};

/* Of the memory that cairn_tails_init() wants: zeroed, and as aligned as a page. */
size_t cairn_tails_bytes(void);
void cairn_tails_init(struct cairn_tails *tails, uint8_t *memory);
/* Node numbers start again. */
void cairn_tails_forget(struct cairn_tails *tails);
/* The kept stack is a whole one, all but its first `reused` frames newly walked. Its inner part may come again. */
void cairn_tails_note(struct cairn_tails *tails, const struct cairn_kept *kept, uint32_t reused);

static inline struct cairn_tail_shape *cairn_tail_shapes(const struct cairn_tails *tails, uintptr_t key,
                                                         uintptr_t sp)
{
    return tails->shapes[(key ^ sp << 16) * 0x9e3779b97f4a7c15ull >> (64 - CAIRN_TAIL_SHAPE_BITS)];
}

static inline uintptr_t cairn_tail_word(const struct cairn_tail_shape *shape, uint32_t word)
{
    return cairn_stack_word(shape->sp + (uintptr_t)shape->slot[word] * sizeof(uintptr_t));
}

/* Where in `index` the tail would be that stands in memory now. */
static inline uint32_t cairn_tail_hash(const struct cairn_tail_shape *shape, uint32_t anchor_node)
{
    uint64_t mixed = shape->number ^ (uint64_t)anchor_node << 32;
    for (uint32_t i = 0; i < shape->calls; i++) {
        mixed = (mixed << 7 | mixed >> 57) ^ cairn_tail_word(shape, i);
    }
    return (uint32_t)(mixed * 0x9e3779b97f4a7c15ull >> (64 - CAIRN_TAIL_INDEX_BITS));
}

static inline bool cairn_tail_holds(const struct cairn_tail *tail, const struct cairn_tail_shape *shape,
                                    const struct cairn_kept_frame *anchor, uintptr_t rbp)
{
    uintptr_t difference = tail->shape ^ shape->number;
    difference |= tail->anchor_node ^ anchor->node;
    difference |= tail->rbp ^ (shape->needs_rbp ? rbp : 0);
    difference |= tail->anchor_rbp ^ (shape->anchor_needs_rbp ? anchor->rbp : 0);
    for (uint32_t i = 0; i < shape->words; i++) {
        difference |= tail->value[i] ^ cairn_tail_word(shape, i);
    }
    return difference == 0;
}

/* The kept frame that tails of the shape may be anchored at, or NULL. */
static inline const struct cairn_kept_frame *cairn_tail_anchor(const struct cairn_tail_shape *shape,
                                                               const struct cairn_kept *kept)
{
    const struct cairn_kept_frame *anchor = &kept->frames[shape->anchor];
    const uintptr_t slot = shape->sp + (uintptr_t)shape->slot[0] * sizeof(uintptr_t);
    return shape->anchor < kept->count && cairn_return_slot(anchor->sp) == slot &&
                   ((anchor->reads & CAIRN_KEPT_NEEDS_RBP) != 0) == shape->anchor_needs_rbp
               ? anchor
               : NULL;
}

/* The tail of this shape that stands in memory now, or NULL. */
static inline const struct cairn_tail *cairn_tail_look(const struct cairn_tails *tails,
                                                       const struct cairn_tail_shape *shape,
                                                       const struct cairn_kept_frame *anchor, uintptr_t rbp)
{
    const uint16_t *place = tails->index[cairn_tail_hash(shape, anchor->node)];
    for (uint32_t way = 0; way < CAIRN_TAIL_WAYS; way++) {
        const struct cairn_tail *tail = (const struct cairn_tail *)(const void *)(tails->arena + place[way]);
        if (place[way] != 0 && cairn_tail_holds(tail, shape, anchor, rbp)) {
            return tail;
        }
    }
    return NULL;
}

/* The node of the stack from `at` outward, or 0 where a walk is needed. Whatever the kept stack was read from must be readable,
 * and all between that and `at`. */
static inline uint32_t cairn_tails_find(struct cairn_tails *tails, const struct cairn_kept *kept,
                                        const struct cairn_registers *at)
{
    const struct cairn_tail_shape *shape = cairn_tail_shapes(tails, at->pc, at->sp);
    for (uint32_t way = 0; way < CAIRN_TAIL_WAYS; way++, shape++) {
        if (shape->key != at->pc || shape->sp != at->sp) {
            continue;
        }
        const struct cairn_kept_frame *anchor = cairn_tail_anchor(shape, kept);
        const struct cairn_tail *tail =
            anchor != NULL ? cairn_tail_look(tails, shape, anchor, at->rbp) : NULL;
        if (tail != NULL) {
            const bool holds = cairn_kept_all_valid(kept->reads, cairn_kept_reads(anchor));
            tails->found += holds;
            return holds ? tail->node : 0;
        }
    }
    return 0;
}

#endif
