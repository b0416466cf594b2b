/* Recording the coming and going of blocks of the heap, the usual way inline. */
#ifndef CAIRN_AGENT_HEAP_EVENT_H
#define CAIRN_AGENT_HEAP_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "agent/capture.h"
#include "agent/event.h"

/* `kind` is ALLOC or REALLOC_END. */
static inline void cairn_heap_record_block(uint8_t kind, const void *block, size_t size,
                                           const struct cairn_registers *at)
{
    struct cairn_thread *thread = cairn_self;
    if (cairn_event_may_begin(thread)) {
        cairn_event_begin(thread, at->sp);
        const uint32_t node = cairn_capture(thread, at);
        uint64_t *record = cairn_ring_writer_reserve(&thread->writer, 3);
        if (record) {
            record[0] = cairn_record_word0(kind, cairn_event_stamp(thread, at->sp));
            record[1] = (uint64_t)(uintptr_t)block | (uint64_t)(node & 0xffff) << CAIRN_WIRE_ADDRESS_BITS;
            record[2] = size | (uint64_t)(node >> 16) << CAIRN_WIRE_ADDRESS_BITS;
            cairn_ring_writer_commit(&thread->writer, 3);
        }
        cairn_event_end(thread, at->sp);
        return;
    }
    const struct cairn_draft draft = {
        .kind = kind, .words = 2, .node_word = 0, .word = {(uint64_t)(uintptr_t)block, size}};
    cairn_event_record(&draft, at, at->sp);
}

/* `kind` is FREE or REALLOC_BEGIN. */
static inline void cairn_heap_record_going(uint8_t kind, const void *block, uintptr_t sp)
{
    struct cairn_thread *thread = cairn_self;
    if (cairn_event_may_begin(thread)) {
        cairn_event_begin(thread, sp);
        uint64_t *record = cairn_ring_writer_reserve(&thread->writer, 2);
        if (record) {
            record[0] = cairn_record_word0(kind, cairn_event_stamp(thread, sp));
            record[1] = (uint64_t)(uintptr_t)block;
            cairn_ring_writer_commit(&thread->writer, 2);
        }
        cairn_event_end(thread, sp);
        return;
    }
    const struct cairn_draft draft = {
        .kind = kind, .words = 1, .node_word = CAIRN_NODE_NOWHERE, .word = {(uint64_t)(uintptr_t)block}};
    cairn_event_record(&draft, NULL, sp);
}

#endif
