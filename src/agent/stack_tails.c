#include "agent/stack_tails.h"

#include <stdatomic.h>
#include <string.h>

#define WORD_BYTES   sizeof(uintptr_t)

#define SHAPES_BYTES (sizeof(struct cairn_tail_shape[CAIRN_TAIL_WAYS]) << CAIRN_TAIL_SHAPE_BITS)
#define INDEX_BYTES  (sizeof(uint16_t[CAIRN_TAIL_WAYS]) << CAIRN_TAIL_INDEX_BITS)
#define ARENA_BYTES  (CAIRN_TAIL_ARENA_WORDS * sizeof(uint64_t))

/* A thread that walks less often has no tails: these would cost it more page faults than they save. */
#ifdef CAIRN_TAILS_ALWAYS
#define WALKS_BEFORE 0u
#else
#define WALKS_BEFORE 64u
#endif

/* After so many walks it is judged whether tails pay: at least two captures of three must do without a walk (what a tail saves
 * is about what it costs to look for one in vain and to note one). Otherwise the next walks are left alone. */
#define WALKS_JUDGED   512u
#define FOUND_AT_LEAST (2 * WALKS_JUDGED)
#define WALKS_OF_REST  8192u

size_t cairn_tails_bytes(void)
{
    return SHAPES_BYTES + INDEX_BYTES + ARENA_BYTES;
}

void cairn_tails_init(struct cairn_tails *tails, uint8_t *memory)
{
    *tails = (struct cairn_tails){
        .shapes = (void *)memory,
        .index = (void *)(memory + SHAPES_BYTES),
        .arena = (void *)(memory + SHAPES_BYTES + INDEX_BYTES),
        .arena_used = 1, /* 0 is nowhere */
        .resting = WALKS_BEFORE,
    };
}

/* Shapes stay: they say nothing about nodes. */
void cairn_tails_forget(struct cairn_tails *tails)
{
    if (tails->shape_count > 0) {
        memset(tails->index, 0, INDEX_BYTES);
        tails->arena_used = 1;
    }
}

static bool is_resting(struct cairn_tails *tails)
{
#ifndef CAIRN_TAILS_ALWAYS
    if (tails->resting > 0) {
        tails->resting--;
        return true;
    }
    if (++tails->walked == WALKS_JUDGED) {
        tails->resting = tails->found < FOUND_AT_LEAST ? WALKS_OF_REST : 0;
        tails->walked = tails->found = 0;
    }
#endif
    return tails->resting > 0;
}

/* What is to be noted: the kept stack's inner part, from `anchor` on. */
struct part {
    const struct cairn_kept *kept;
    const struct cairn_kept_frame *anchor, *innermost;
};

static struct part part_from(const struct cairn_kept *kept, uint32_t anchor)
{
    return (struct part){
        .kept = kept,
        .anchor = &kept->frames[anchor],
        .innermost = &kept->frames[kept->count - 1],
    };
}

static uint32_t words_of(const struct part *part)
{
    return cairn_kept_reads(part->innermost) - cairn_kept_reads(part->anchor);
}

/* The words that a walk of the part reads, in the order of tails: first the return addresses, from the anchor's inward. A frame's
 * own words follow those of the frame outside it, and its caller's return address is the first. */
static void order_reads(const struct part *part, const struct cairn_kept_read *ordered[CAIRN_TAIL_WORDS])
{
    const uint32_t calls = (uint32_t)(part->innermost - part->anchor);
    uint32_t call = 0, other = calls;
    for (const struct cairn_kept_frame *frame = part->anchor + 1; frame <= part->innermost; frame++) {
        uint32_t read = cairn_kept_reads(frame - 1);
        ordered[call++] = &part->kept->reads[read];
        while (++read < cairn_kept_reads(frame)) {
            ordered[other++] = &part->kept->reads[read];
        }
    }
}

/* The shape of a part, without a number. False where it has none: all its words must lie between `sp` and the return address to the
 * anchor, so that they can be read wherever the kept stack can. */
static bool describe(const struct part *part, struct cairn_tail_shape *shape)
{
    const uint32_t words = words_of(part);
    if (words == 0 || words > CAIRN_TAIL_WORDS) {
        return false;
    }
    const struct cairn_kept_read *reads[CAIRN_TAIL_WORDS];
    order_reads(part, reads);
    *shape = (struct cairn_tail_shape){
        .key = part->innermost->key,
        .sp = part->innermost->sp,
        .anchor = (uint32_t)(part->anchor - part->kept->frames),
        .words = (uint8_t)words,
        .calls = (uint8_t)(part->innermost - part->anchor),
        .needs_rbp = part->innermost->reads & CAIRN_KEPT_NEEDS_RBP,
        .anchor_needs_rbp = part->anchor->reads & CAIRN_KEPT_NEEDS_RBP,
    };
    for (uint32_t i = 0; i < words; i++) {
        const uintptr_t offset = reads[i]->address - shape->sp;
        if (reads[i]->address > reads[0]->address || offset % WORD_BYTES != 0 ||
            offset / WORD_BYTES > UINT16_MAX) {
            return false;
        }
        shape->slot[i] = (uint16_t)(offset / WORD_BYTES);
    }
    return true;
}

static bool is_of_shape(const struct part *part, const struct cairn_tail_shape *shape)
{
    struct cairn_tail_shape own;
    return shape->key == part->innermost->key && shape->sp == part->innermost->sp && describe(part, &own) &&
           shape->anchor == own.anchor && shape->words == own.words && shape->calls == own.calls &&
           shape->needs_rbp == own.needs_rbp && shape->anchor_needs_rbp == own.anchor_needs_rbp &&
           memcmp(shape->slot, own.slot, sizeof own.slot) == 0;
}

/* A signal handler may leave this by longjmp: half a shape is never found. */
static void put_shape(struct cairn_tails *tails, struct cairn_tail_shape *place,
                      const struct cairn_tail_shape *shape)
{
    struct cairn_tail_shape unfinished = *shape;
    unfinished.key = 0;
    unfinished.number = ++tails->shape_count;
    place->key = 0;
    atomic_signal_fence(memory_order_seq_cst);
    *place = unfinished;
    atomic_signal_fence(memory_order_seq_cst);
    place->key = shape->key;
}

static void put_tail(struct cairn_tails *tails, const struct part *part, const struct cairn_tail_shape *shape)
{
    if (cairn_tail_look(tails, shape, part->anchor, part->innermost->rbp) != NULL) {
        return; /* it was another kept stack that the capture found */
    }
    if (tails->arena_used + CAIRN_TAIL_HEAD_WORDS + shape->words > CAIRN_TAIL_ARENA_WORDS) {
        cairn_tails_forget(tails);
    }
    struct cairn_tail *tail = (struct cairn_tail *)(void *)(tails->arena + tails->arena_used);
    tail->shape = shape->number;
    tail->node = part->innermost->node;
    tail->anchor_node = part->anchor->node;
    tail->rbp = shape->needs_rbp ? part->innermost->rbp : 0;
    tail->anchor_rbp = shape->anchor_needs_rbp ? part->anchor->rbp : 0;
    const struct cairn_kept_read *reads[CAIRN_TAIL_WORDS];
    order_reads(part, reads);
    for (uint32_t i = 0; i < shape->words; i++) {
        tail->value[i] = reads[i]->value;
    }
    uint16_t *place = tails->index[cairn_tail_hash(shape, part->anchor->node)];
    place[place[0] <= place[1] ? 0 : 1] = (uint16_t)tails->arena_used;
    tails->arena_used += CAIRN_TAIL_HEAD_WORDS + shape->words;
}

/* The anchor is where the walk met what it knew, or further out where other tails of the frame have theirs: what stays while they
 * come and go. */
void cairn_tails_note(struct cairn_tails *tails, const struct cairn_kept *kept, uint32_t reused)
{
    uint32_t anchor = reused == 0 ? 0 : reused - 1;
    struct part part = part_from(kept, anchor);
    if (is_resting(tails) || (part.innermost->reads & CAIRN_KEPT_READS_CODE)) {
        return;
    }
    while (words_of(&part) > CAIRN_TAIL_WORDS) {
        part.anchor++;
    }
    anchor = (uint32_t)(part.anchor - kept->frames);
    struct cairn_tail_shape *ways = cairn_tail_shapes(tails, part.innermost->key, part.innermost->sp);
    for (uint32_t way = 0; way < CAIRN_TAIL_WAYS; way++) {
        const struct part known = part_from(kept, ways[way].anchor <= anchor ? ways[way].anchor : anchor);
        if (is_of_shape(&known, &ways[way])) {
            put_tail(tails, &known, &ways[way]);
            return;
        }
    }
    struct cairn_tail_shape shape;
    if (describe(&part, &shape)) {
        struct cairn_tail_shape *older = &ways[ways[0].number <= ways[1].number ? 0 : 1];
        put_shape(tails, older, &shape);
        put_tail(tails, &part, older);
    }
}
