/* Recording one event. The usual way is inline: gate, stack, stamp, three stores, commit; no locked instruction, no
 * shared line but the ring's own. Everything else (no ring yet, signal handlers, pause, the end) is event.c. */
#ifndef CAIRN_AGENT_EVENT_H
#define CAIRN_AGENT_EVENT_H

#include "agent/clock.h"
#include "agent/stack.h"
#include "agent/thread.h"

/* What a hook or an entry point of cairn.h is to the linker. */
/* Programs that call malloc on a crooked stack get away with it in the C library. */
#define CAIRN_HOOK __attribute__((visibility("default"), force_align_arg_pointer))

/* Where the calling function's frame begins (its CFA): just below stands its return address, as long as it runs. What the
 * functions here take as `sp`. */
#define CAIRN_FRAME() ((uintptr_t)__builtin_frame_address(0) + 16)

/* In a hook, first thing: its caller. The hook has a frame pointer (-fno-omit-frame-pointer). */
#define CAIRN_CALLER()                                                                                       \
    {                                                                                                        \
        .pc = (uintptr_t)__builtin_return_address(0), .sp = CAIRN_FRAME(),                                   \
        .rbp = *(const uintptr_t *)__builtin_frame_address(0)                                                \
    }

/* 0, or why events must not take the usual way: CAIRN_CONTROL_PAUSE, set by cairn_pause(), or EVENT_LOOK. */
#define CAIRN_EVENT_LOOK (1u << 16) /* a module was loaded: look at what it brought */
extern _Atomic uint32_t cairn_event_paused __attribute__((visibility("hidden")));

/* Records `draft`, whatever the state of the thread; `at` is NULL where the event has no stack. */
void cairn_event_record(const struct cairn_draft *draft, const struct cairn_registers *at, uintptr_t sp);
/* Of a block that is passed over: what a recorded event of `draft` would have looked after, too. For when
 * cairn_event_has_news(). */
void cairn_event_look(const struct cairn_draft *draft, uintptr_t sp);
/* For records that are no drafts: a thread whose gate is held for the caller, who writes to its ring and calls
 * cairn_event_end(). NULL where nothing can be written now. */
struct cairn_thread *cairn_event_enter(uintptr_t sp);
/* Writes a TEXT record; `name` may be NULL (empty), and is cut where it is too long. */
void cairn_event_text(uint32_t text_kind, const char *name, uint64_t word2, uintptr_t sp);
/* Writes what signal handlers left behind, and opens the gate. */
void cairn_event_flush(struct cairn_thread *thread, uintptr_t sp);

/* Whether events of the thread must not take the usual way. */
static inline bool cairn_event_has_news(const struct cairn_segment_header *segment)
{
    return (atomic_load_explicit(&segment->control, memory_order_relaxed) |
            atomic_load_explicit(&cairn_event_paused, memory_order_relaxed)) != 0;
}

/* A signal handler may fork between any two instructions here, and the child go on with a thread that is zeroed: hence the
 * segment before the gate. It stays readable in the child. */
static inline bool cairn_event_may_begin(const struct cairn_thread *thread)
{
    struct cairn_segment_header *segment = thread->writer.segment;
    atomic_signal_fence(memory_order_seq_cst);
    return __builtin_expect(thread->gate == CAIRN_GATE_OPEN && !cairn_event_has_news(segment), 1);
}

/* Paused by the program or by the collector: only frees are recorded. */
static inline bool cairn_event_is_paused(void)
{
    const struct cairn_thread *thread = cairn_self;
    uint32_t control = atomic_load_explicit(&cairn_event_paused, memory_order_relaxed);
    if (thread->gate != CAIRN_GATE_CLOSED) {
        control |= atomic_load_explicit(&thread->writer.segment->control, memory_order_relaxed);
    }
    return control & CAIRN_CONTROL_PAUSE;
}

/* The word by which a frame shows that it still stands: its return address. */
static inline const uintptr_t *cairn_event_word(uintptr_t sp)
{
    return (const uintptr_t *)sp - 1;
}

/* The fences below order these stores for signal handlers of the same thread; nobody else reads the gate. */
static inline void cairn_event_begin(struct cairn_thread *thread, uintptr_t sp)
{
    thread->gate_word = *cairn_event_word(sp);
    thread->gate = sp;
    atomic_signal_fence(memory_order_seq_cst);
}

static inline void cairn_event_end(struct cairn_thread *thread, uintptr_t sp)
{
    atomic_signal_fence(memory_order_seq_cst);
    if (__builtin_expect(!thread->writer.control, 0)) {
        thread->gate = CAIRN_GATE_CLOSED; /* zeroed by a fork since it began */
        return;
    }
    if (__builtin_expect(atomic_load_explicit(&thread->deferred_count, memory_order_relaxed) == 0, 1)) {
        /* Release: whoever sees 0 sees the record too. */
        atomic_store_explicit(&thread->writer.control->inside, 0, memory_order_release);
        thread->gate = CAIRN_GATE_OPEN;
        atomic_signal_fence(memory_order_seq_cst);
        if (__builtin_expect(atomic_load_explicit(&thread->deferred_count, memory_order_relaxed) == 0, 1)) {
            return;
        }
    }
    cairn_event_flush(thread, sp);
}

/* Between room for a record and its bytes: from here to the event's end the collector keeps its watermark below this ring. */
static inline uint64_t cairn_event_stamp(struct cairn_thread *thread, uintptr_t sp)
{
    atomic_store_explicit(&thread->writer.control->inside, sp, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    return cairn_ring_writer_advance(&thread->writer, cairn_ring_writer_now(&thread->writer));
}

/* The same for blocks of the heap, which come and go by the million. */
static inline uint64_t cairn_event_stamp_near(struct cairn_thread *thread, uintptr_t sp)
{
    atomic_store_explicit(&thread->writer.control->inside, sp, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    return cairn_ring_writer_stamp_near(&thread->writer);
}

#endif
