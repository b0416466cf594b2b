/* What is not usual about blocks of the heap. */
#include "agent/heap_event.h"

void cairn_heap_sampled(struct cairn_thread *thread, uint64_t key)
{
    cairn_sampling_draw(&thread->sampling);
    cairn_filter_add(cairn_filter, key);
}

void cairn_heap_record_other(const void *block, size_t size, uint32_t domain,
                             const struct cairn_registers *at)
{
    cairn_heap_record_block(CAIRN_RECORD_ALLOC, NULL, block, size, domain, at);
}

void cairn_heap_look(uint32_t domain, uintptr_t sp)
{
    const struct cairn_draft draft = {
        .kind = CAIRN_RECORD_ALLOC, .domain = (uint8_t)domain, .node_word = CAIRN_NODE_NOWHERE};
    cairn_event_look(&draft, sp);
}

void cairn_heap_decide(struct cairn_heap_change *change, size_t size)
{
    if (cairn_self->gate == CAIRN_GATE_CLOSED && !cairn_thread_attach()) {
        change->known = change->wanted = false;
    } else if (cairn_filter) {
        change->known = cairn_filter_take(cairn_filter, change->key);
        change->wanted = !cairn_sampling_passes_over(&cairn_self->sampling, size);
        if (change->wanted) {
            cairn_sampling_draw(&cairn_self->sampling);
        }
    }
}

static void record_alone(uint8_t kind, uintptr_t sp)
{
    const struct cairn_draft draft = {.kind = kind, .node_word = CAIRN_NODE_NOWHERE};
    cairn_event_record(&draft, NULL, sp);
}

void cairn_heap_close_change(const struct cairn_heap_change *change, bool failed, uintptr_t sp)
{
    if (change->known) {
        if (failed && cairn_filter) {
            cairn_filter_add(cairn_filter, change->key);
        }
        record_alone(failed ? CAIRN_RECORD_REALLOC_CANCEL : CAIRN_RECORD_REALLOC_GONE, sp);
    } else if (cairn_thread_ended && cairn_self->gate == CAIRN_GATE_OPEN) {
        cairn_thread_end_visit();
    }
}
