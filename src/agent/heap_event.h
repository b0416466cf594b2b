/* Recording the coming and going of blocks of the heap, the usual way inline. `domain` is an enum cairn_domain of the heap.
 *
 * In a sampled recording a new block that is passed over costs a compare and a subtraction, and the free of one a load and a
 * compare. */
#ifndef CAIRN_AGENT_HEAP_EVENT_H
#define CAIRN_AGENT_HEAP_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "agent/capture.h"
#include "agent/event.h"
#include "agent/filter.h"

/* A realloc, from before the real call until after it. */
struct cairn_heap_change {
    uint64_t key;
    bool known;  /* the old block is recorded */
    bool wanted; /* what comes of it will be */
};

/* A block was sampled: the next sample is drawn, and its free will be recorded. */
void cairn_heap_sampled(struct cairn_thread *thread, uint64_t key);
/* Looks after what a recorded event would look after. */
void cairn_heap_look(uint32_t domain, uintptr_t sp);
/* The old and the new side of a realloc in a sampled recording, or of a thread without a ring. */
void cairn_heap_decide(struct cairn_heap_change *change, size_t size);
/* A new block of another domain than malloc's. */
void cairn_heap_record_other(const void *block, size_t size, uint32_t domain,
                             const struct cairn_registers *at);
/* After any realloc: tells that it failed, or that what came of it is not recorded. */
void cairn_heap_close_change(const struct cairn_heap_change *change, bool failed, uintptr_t sp);

static inline uint64_t cairn_heap_key(const void *block, uint32_t domain)
{
    return (uint64_t)(uintptr_t)block | (uint64_t)domain << 56;
}

/* Whether a new block is passed over and there is nothing to look after besides: what nearly every block of a sampled recording is.
 * What it is not, cairn_heap_new() decides. */
static inline bool cairn_heap_passed_over(size_t size)
{
    struct cairn_thread *thread = cairn_self;
    const struct cairn_segment_header *segment = thread->writer.segment;
    atomic_signal_fence(memory_order_seq_cst);
    return segment && !cairn_event_has_news(segment) && cairn_sampling_passes_over(&thread->sampling, size);
}

/* The thread's own word on a new block. A signal handler that forks leaves a child whose thread is zeroed: see
 * cairn_event_may_begin(). */
static inline bool cairn_heap_passes_over(const void *block, size_t size, uint32_t domain, uintptr_t sp)
{
    struct cairn_thread *thread = cairn_self;
    const struct cairn_segment_header *segment = thread->writer.segment;
    atomic_signal_fence(memory_order_seq_cst);
    if (segment && cairn_sampling_passes_over(&thread->sampling, size)) {
        if (__builtin_expect(cairn_event_has_news(segment), 0)) {
            cairn_heap_look(domain, sp);
        }
        return true;
    }
    if (__builtin_expect(thread->sampling.mean_bytes != 0, 0)) {
        cairn_heap_sampled(thread, cairn_heap_key(block, domain));
    }
    return false;
}

/* `kind` is ALLOC, REALLOC_END, REALLOC_ALONE, or REALLOC of the block that was at `old`. */
static inline void cairn_heap_record_block(uint8_t kind, const void *old, const void *block, size_t size,
                                           uint32_t domain, const struct cairn_registers *at)
{
    const uint32_t words = kind == CAIRN_RECORD_REALLOC ? 4 : 3;
    struct cairn_thread *thread = cairn_self;
    if (cairn_event_may_begin(thread)) {
        cairn_event_begin(thread, at->sp);
        const uint32_t node = domain == CAIRN_DOMAIN_MALLOC || domain == CAIRN_DOMAIN_POOL
                                  ? cairn_capture(thread, at)
                                  : cairn_python_capture(thread, at, true);
        uint64_t *record = cairn_ring_writer_reserve(&thread->writer, words);
        if (record) {
            record[0] = cairn_record_block_word0(kind, domain, cairn_event_stamp_near(thread, at->sp));
            record[1] = (uint64_t)(uintptr_t)block | (uint64_t)(node & 0xffff) << CAIRN_WIRE_ADDRESS_BITS;
            record[2] = size | (uint64_t)(node >> 16) << CAIRN_WIRE_ADDRESS_BITS;
            if (kind == CAIRN_RECORD_REALLOC) {
                record[3] = (uint64_t)(uintptr_t)old;
            }
            cairn_ring_writer_commit(&thread->writer, words);
        }
        cairn_event_end(thread, at->sp);
        return;
    }
    const struct cairn_draft draft = {.kind = kind,
                                      .domain = (uint8_t)domain,
                                      .words = (uint8_t)(words - 1),
                                      .node_word = 0,
                                      .word = {(uint64_t)(uintptr_t)block, size, (uint64_t)(uintptr_t)old}};
    cairn_event_record(&draft, at, at->sp);
}

/* `kind` is FREE or REALLOC_BEGIN; `flags` go into the record (CAIRN_FREE_NESTED). */
static inline void cairn_heap_record_going(uint8_t kind, const void *block, uint32_t domain, uint64_t flags,
                                           uintptr_t sp)
{
    uint64_t word = (uint64_t)(uintptr_t)block | flags;
    struct cairn_thread *thread = cairn_self;
    if (cairn_sampling_went_on(&thread->sampling)) {
        word |= CAIRN_FREE_LATER;
    }
    if (cairn_event_may_begin(thread)) {
        cairn_event_begin(thread, sp);
        uint64_t *record = cairn_ring_writer_reserve(&thread->writer, 2);
        if (record) {
            record[0] = cairn_record_block_word0(kind, domain, cairn_event_stamp_near(thread, sp));
            record[1] = word;
            cairn_ring_writer_commit(&thread->writer, 2);
        }
        cairn_event_end(thread, sp);
        return;
    }
    const struct cairn_draft draft = {
        .kind = kind, .domain = (uint8_t)domain, .words = 1, .node_word = CAIRN_NODE_NOWHERE, .word = {word}};
    cairn_event_record(&draft, NULL, sp);
}

/* A new block, after the real call. Of other domains than malloc's the record is made elsewhere: their hooks are short then, and a
 * walk of Python's frames costs more than a call. */
static inline void cairn_heap_new(const void *block, size_t size, uint32_t domain,
                                  const struct cairn_registers *at)
{
    if (cairn_heap_passes_over(block, size, domain, at->sp)) {
        return;
    }
    if (domain == CAIRN_DOMAIN_MALLOC) {
        cairn_heap_record_block(CAIRN_RECORD_ALLOC, NULL, block, size, domain, at);
    } else {
        cairn_heap_record_other(block, size, domain, at);
    }
}

/* Whether a block that is given back is known for none that was sampled, as nearly every one of a sampled recording is.
 * What it does not know, cairn_heap_gone() finds out. */
static inline bool cairn_heap_is_passed_over(const void *block, uint32_t domain)
{
    const struct cairn_filter *filter = cairn_filter;
    return filter && !cairn_filter_may_hold(filter, cairn_heap_key(block, domain));
}

/* A block is given back, before the real call. `flags` go into the record (CAIRN_FREE_NESTED). */
static inline void cairn_heap_gone(const void *block, uint32_t domain, uint64_t flags, uintptr_t sp)
{
    if (!cairn_filter || cairn_filter_take(cairn_filter, cairn_heap_key(block, domain))) {
        cairn_heap_record_going(CAIRN_RECORD_FREE, block, domain, flags, sp);
    }
}

/* Before the real realloc of a block. */
static inline struct cairn_heap_change cairn_heap_begin_change(const void *block, size_t size,
                                                               uint32_t domain, uintptr_t sp)
{
    struct cairn_heap_change change = {.key = cairn_heap_key(block, domain), .known = true, .wanted = true};
    if (__builtin_expect(cairn_filter || cairn_self->gate == CAIRN_GATE_CLOSED, 0)) {
        cairn_heap_decide(&change, size);
    }
    if (change.known) {
        cairn_heap_record_going(CAIRN_RECORD_REALLOC_BEGIN, block, domain, 0, sp);
    }
    return change;
}

/* After it; `changed` is NULL where it failed. While the recording is paused only the going is told. */
static inline void cairn_heap_end_change(const struct cairn_heap_change *change, const void *changed,
                                         size_t size, uint32_t domain, const struct cairn_registers *at)
{
    if (__builtin_expect(!changed || !change->wanted || cairn_event_is_paused(), 0)) {
        cairn_heap_close_change(change, !changed, at->sp);
        return;
    }
    if (__builtin_expect(cairn_filter != NULL, 0)) {
        cairn_filter_add(cairn_filter, cairn_heap_key(changed, domain));
    }
    cairn_heap_record_block(change->known ? CAIRN_RECORD_REALLOC_END : CAIRN_RECORD_REALLOC_ALONE, NULL,
                            changed, size, domain, at);
    if (__builtin_expect(cairn_thread_ended, 0)) {
        cairn_thread_end_visit();
    }
}

/* Whether a realloc may be told after it, by cairn_heap_changed() alone, as far as the thread and the recording go. */
static inline bool cairn_heap_tells_change_late(void)
{
    return __builtin_expect(!cairn_filter && cairn_self->gate != CAIRN_GATE_CLOSED, 1);
}

/* After a realloc that went well, of a block whose old address could not become anybody else's yet. */
static inline void cairn_heap_changed(const void *old, const void *changed, size_t size, uint32_t domain,
                                      const struct cairn_registers *at)
{
    if (__builtin_expect(cairn_event_is_paused(), 0)) {
        cairn_heap_record_going(CAIRN_RECORD_FREE, old, domain, CAIRN_FREE_LATER, at->sp); /* not temporary */
    } else {
        cairn_heap_record_block(CAIRN_RECORD_REALLOC, old, changed, size, domain, at);
    }
}

#endif
