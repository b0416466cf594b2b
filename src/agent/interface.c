/* The agent's side of include/cairn/cairn.h. */
#include <cairn/cairn.h>

#include "agent/event.h"
#include "agent/heap_event.h"
#include "agent/native_graph.h"
#include "agent/process.h"

static void tell_moment(enum cairn_text_kind kind, const char *name)
{
    cairn_event_text(kind, name, 0, CAIRN_FRAME());
}

static void mark(const char *name)
{
    tell_moment(CAIRN_TEXT_MARK, name);
}

static void snapshot(const char *name)
{
    tell_moment(CAIRN_TEXT_SNAPSHOT, name);
}

static void graph(const char *name)
{
    if (!cairn_native_graph(name, 0, CAIRN_FRAME())) {
        tell_moment(CAIRN_TEXT_GRAPH, name);
    }
}

static void tell_pause(bool begins)
{
    const struct cairn_draft draft = {
        .kind = CAIRN_RECORD_PAUSE, .words = 1, .node_word = CAIRN_NODE_NOWHERE, .word = {begins}};
    cairn_event_record(&draft, NULL, CAIRN_FRAME());
}

static void pause_recording(void)
{
    tell_pause(true);
    atomic_fetch_or_explicit(&cairn_event_paused, CAIRN_CONTROL_PAUSE, memory_order_relaxed);
}

static void resume_recording(void)
{
    atomic_fetch_and_explicit(&cairn_event_paused, ~(uint32_t)CAIRN_CONTROL_PAUSE, memory_order_relaxed);
    tell_pause(false);
}

static void block_alloc(const void *block, size_t size)
{
    const struct cairn_registers at = CAIRN_CALLER();
    cairn_heap_new(block, size, CAIRN_DOMAIN_POOL, &at);
}

static void block_free(const void *block)
{
    cairn_heap_gone(block, CAIRN_DOMAIN_POOL, 0, CAIRN_FRAME());
}

static uint64_t not_negative(int64_t value)
{
    return value > 0 ? (uint64_t)value : 0;
}

static void traced_bytes(uint64_t *current, uint64_t *peak)
{
    const struct cairn_segment_header *header = cairn_process_header();
    if (header && current) {
        *current = not_negative(atomic_load_explicit(&header->traced_bytes, memory_order_relaxed));
    }
    if (header && peak) {
        *peak = not_negative(atomic_load_explicit(&header->traced_peak_bytes, memory_order_relaxed));
    }
}

static void reset_peak(void)
{
    struct cairn_segment_header *header = cairn_process_header();
    if (header) {
        atomic_fetch_add_explicit(&header->peak_reset, 1, memory_order_relaxed);
    }
}

extern const struct cairn_agent_interface cairn_agent_interface_1;
__attribute__((visibility("default"))) const struct cairn_agent_interface cairn_agent_interface_1 = {
    .size = sizeof(struct cairn_agent_interface),
    .mark = mark,
    .snapshot = snapshot,
    .graph = graph,
    .pause = pause_recording,
    .resume = resume_recording,
    .block_alloc = block_alloc,
    .block_free = block_free,
    .traced_bytes = traced_bytes,
    .reset_peak = reset_peak,
};
