#include "agent/event.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "agent/capture.h"
#include "agent/graph_moment.h"
#include "agent/heap_event.h"
#include "agent/memory.h"
#include "agent/patch.h"
#include "agent/process.h"
#include "agent/seccomp_filter.h"

#define TEXT_WORDS 4u /* of a TEXT record, before its text */

_Atomic uint32_t cairn_event_paused;

/* True where that must not be asked. */
static bool on_alternate_stack(void)
{
    stack_t stack = {.ss_flags = 0};
    if (cairn_seccomp_refuses(CAIRN_CALLS_ALTERNATE)) {
        return true;
    }
    return !cairn_syscall_failed(cairn_syscall3(SYS_sigaltstack, 0, (long)&stack, 0)) &&
           (stack.ss_flags & SS_ONSTACK);
}

/* Whether the event that holds the gate will never end: a signal handler left it by longjmp. Then the hook's frame is gone:
 * what is above our own stack pointer has been used for something else since, or we are there ourselves (a handler that
 * interrupts has its frames below, unless it runs on an alternate stack). Errs towards "it stands": such an event is only
 * put off. */
static bool left_behind(const struct cairn_thread *thread, uintptr_t sp)
{
    if (thread->writer.clock_kind == CAIRN_CLOCK_STOPPED) {
        return sp >= thread->gate; /* no system calls */
    }
    if (cairn_seccomp_refuses(CAIRN_CALLS_PROBE)) {
        return sp >= thread->gate && !on_alternate_stack();
    }
    const uintptr_t *word = cairn_event_word(thread->gate);
    return !cairn_memory_is_readable(word) || *word != thread->gate_word ||
           (sp >= thread->gate && !on_alternate_stack());
}

/* The stack table may have been left half-way too: numbers start again. */
static void reopen(struct cairn_thread *thread, uintptr_t sp)
{
    cairn_event_begin(thread, sp);
    if (thread->stacks) {
        cairn_stacks_reset(thread->stacks);
    }
    uint64_t *record = cairn_ring_writer_reserve(&thread->writer, 1);
    if (record) {
        record[0] = cairn_record_word0(CAIRN_RECORD_NODE_RESET, cairn_event_stamp(thread, sp));
        cairn_ring_writer_commit(&thread->writer, 1);
    }
    cairn_event_end(thread, sp);
}

static void defer(struct cairn_thread *thread, const struct cairn_draft *draft, uintptr_t sp)
{
    struct cairn_ring_control *control = thread->writer.control;
    /* Handlers interrupt each other here: every one gets a place of its own. */
    const uint32_t place = atomic_fetch_add_explicit(&thread->deferred_count, 1, memory_order_relaxed);
    if (place >= CAIRN_DEFERRED_MAX) {
        atomic_fetch_sub_explicit(&thread->deferred_count, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&control->skipped, 1, memory_order_relaxed);
        return;
    }
    if (atomic_load_explicit(&control->inside, memory_order_relaxed) == 0) {
        atomic_store_explicit(&control->inside, sp, memory_order_relaxed);
    }
    struct cairn_deferred *deferred = &thread->deferred[place];
    deferred->stamp = cairn_ring_writer_now(&thread->writer);
    deferred->draft = *draft;
    atomic_store_explicit(&deferred->ready, 1, memory_order_release);
}

static void fill(uint64_t *record, const struct cairn_draft *draft, uint64_t stamp, uint32_t node)
{
    record[0] = cairn_record_block_word0(draft->kind, draft->domain, stamp);
    for (uint32_t i = 0; i < draft->words; i++) {
        record[1 + i] = draft->word[i];
    }
    if (draft->kind == CAIRN_RECORD_BREAK) {
        record[1 + draft->node_word] = node;
    } else if (draft->node_word != CAIRN_NODE_NOWHERE) {
        record[1 + draft->node_word] |= (uint64_t)(node & 0xffff) << CAIRN_WIRE_ADDRESS_BITS;
        record[2 + draft->node_word] |= (uint64_t)(node >> 16) << CAIRN_WIRE_ADDRESS_BITS;
    }
}

/* Writes one, unless the handler left before it was complete. It is struck out last: a jump out of here repeats it rather than
 * losing it. */
static void write_deferred(struct cairn_thread *thread, struct cairn_deferred *deferred)
{
    if (!atomic_load_explicit(&deferred->ready, memory_order_acquire)) {
        return;
    }
    const uint32_t words = 1u + deferred->draft.words;
    uint64_t *record = cairn_ring_writer_reserve(&thread->writer, words);
    if (record) {
        fill(record, &deferred->draft, cairn_ring_writer_advance(&thread->writer, deferred->stamp), 0);
        cairn_ring_writer_commit(&thread->writer, words);
    }
    atomic_store_explicit(&deferred->ready, 0, memory_order_relaxed);
}

void cairn_event_flush(struct cairn_thread *thread, uintptr_t sp)
{
    do {
        cairn_event_begin(thread, sp);
        uint32_t done = 0, count;
        do {
            count = atomic_load_explicit(&thread->deferred_count, memory_order_relaxed);
            for (; done < count && done < CAIRN_DEFERRED_MAX; done++) {
                write_deferred(thread, &thread->deferred[done]);
            }
        } while (!atomic_compare_exchange_strong_explicit(&thread->deferred_count, &count, 0,
                                                          memory_order_relaxed, memory_order_relaxed));
        atomic_store_explicit(&thread->writer.control->inside, 0, memory_order_release);
        thread->gate = CAIRN_GATE_OPEN;
        atomic_signal_fence(memory_order_seq_cst);
    } while (atomic_load_explicit(&thread->deferred_count, memory_order_relaxed) != 0);
}

/* What a pause leaves out. */
static bool is_allocation(uint8_t kind)
{
    return kind == CAIRN_RECORD_ALLOC || kind == CAIRN_RECORD_MAP || kind == CAIRN_RECORD_REALLOC_ALONE;
}

/* A thread that may record an event of that kind, its gate closed behind the caller; or, with *nested set, one whose
 * event in progress the caller has interrupted; or NULL. */
static struct cairn_thread *enter(uint8_t kind, uintptr_t sp, bool *nested)
{
    for (;;) {
        struct cairn_thread *thread = cairn_self;
        if (thread->gate == CAIRN_GATE_CLOSED) {
            if (!cairn_thread_attach()) {
                return NULL;
            }
            continue;
        }
        uint32_t control = atomic_load_explicit(&thread->writer.segment->control, memory_order_relaxed);
        if (control & CAIRN_CONTROL_STOP) {
            cairn_process_stop();
            cairn_thread_abandon();
            return NULL;
        }
        control |= atomic_load_explicit(&cairn_event_paused, memory_order_relaxed);
        if ((control & CAIRN_CONTROL_PAUSE) && is_allocation(kind)) {
            return NULL;
        }
        if (thread->gate != CAIRN_GATE_OPEN) {
            if (left_behind(thread, sp)) {
                reopen(thread, sp);
                continue;
            }
            *nested = true;
            return thread;
        }
        cairn_event_begin(thread, sp);
        return thread;
    }
}

/* Put off until here because it calls the loader. */
static void look_for_modules(void)
{
    if ((atomic_load_explicit(&cairn_event_paused, memory_order_relaxed) & CAIRN_EVENT_LOOK) &&
        cairn_self->gate == CAIRN_GATE_OPEN) {
        atomic_fetch_and_explicit(&cairn_event_paused, ~CAIRN_EVENT_LOOK, memory_order_relaxed);
        if (cairn_patch_look()) {
            atomic_fetch_or_explicit(&cairn_event_paused, CAIRN_EVENT_LOOK, memory_order_relaxed);
        }
        cairn_python_look();
    }
}

/* The collector asks for an object graph: taken here, where neither the allocator nor the agent is in the middle of
 * something. */
static void look_for_request(const struct cairn_draft *draft, uintptr_t sp)
{
    const struct cairn_thread *thread = cairn_self;
    if (thread->gate == CAIRN_GATE_OPEN &&
        (atomic_load_explicit(&thread->writer.segment->control, memory_order_relaxed) &
         CAIRN_CONTROL_GRAPH)) {
        cairn_graph_answer(draft, sp);
    }
}

/* A block of one of the interpreter's own domains. */
static bool of_interpreter(const struct cairn_draft *draft)
{
    return draft->domain == CAIRN_DOMAIN_PYTHON_OBJECT || draft->domain == CAIRN_DOMAIN_PYTHON_MEM;
}

void cairn_event_look(const struct cairn_draft *draft, uintptr_t sp)
{
    look_for_modules();
    look_for_request(draft, sp);
}

/* Of a thread that had no ring when its hook asked: whether a new block is passed over. Other domains than the heap's never
 * are. */
static bool passes_over(struct cairn_thread *thread, const struct cairn_draft *draft)
{
    if (thread->sampling.mean_bytes == 0 || draft->kind != CAIRN_RECORD_ALLOC ||
        !cairn_domain_is_heap(draft->domain)) {
        return false;
    }
    if (cairn_sampling_passes_over(&thread->sampling, draft->word[1])) {
        return true;
    }
    cairn_heap_sampled(thread, cairn_heap_key((const void *)(uintptr_t)draft->word[0], draft->domain));
    return false;
}

static void write_record(struct cairn_thread *thread, const struct cairn_draft *draft,
                         const struct cairn_registers *at, uintptr_t sp)
{
    const uint32_t node = !at                     ? 0
                          : of_interpreter(draft) ? cairn_python_capture(thread, at, true)
                                                  : cairn_capture(thread, at);
    uint64_t *record = cairn_ring_writer_reserve(&thread->writer, 1u + draft->words);
    if (record) {
        fill(record, draft, cairn_event_stamp(thread, sp), node);
        cairn_ring_writer_commit(&thread->writer, 1u + draft->words);
    }
}

void cairn_event_record(const struct cairn_draft *draft, const struct cairn_registers *at, uintptr_t sp)
{
    bool nested = false;
    cairn_event_look(draft, sp);
    const bool undecided = cairn_self->gate == CAIRN_GATE_CLOSED;
    struct cairn_thread *thread = enter(draft->kind, sp, &nested);
    if (!thread) {
        return;
    }
    if (nested) {
        defer(thread, draft, sp);
        return;
    }
    if (!undecided || !passes_over(thread, draft)) {
        write_record(thread, draft, at, sp);
    }
    cairn_event_end(thread, sp);
    if (cairn_thread_ended) {
        cairn_thread_end_visit();
    }
}

struct cairn_thread *cairn_event_enter(uintptr_t sp)
{
    bool nested = false;
    struct cairn_thread *thread = enter(CAIRN_RECORD_TEXT, sp, &nested);
    return nested ? NULL : thread;
}

void cairn_event_text(uint32_t text_kind, const char *name, uint64_t word2, uintptr_t sp)
{
    struct cairn_thread *thread = cairn_event_enter(sp);
    if (!thread) {
        return;
    }
    const size_t most = (CAIRN_RECORD_MAX_WORDS - TEXT_WORDS) * 8;
    const size_t bytes = name ? strnlen(name, most) : 0;
    const uint32_t words = TEXT_WORDS + (uint32_t)(bytes + 7) / 8;
    uint64_t *record = cairn_ring_writer_reserve(&thread->writer, words);
    if (record) {
        record[words - 1] = 0;
        record[0] = cairn_record_word0(CAIRN_RECORD_TEXT, cairn_event_stamp(thread, sp));
        record[1] = bytes | (uint64_t)text_kind << 32;
        record[2] = word2;
        record[3] = 0;
        memcpy(record + TEXT_WORDS, name ? name : "", bytes);
        cairn_ring_writer_commit(&thread->writer, words);
    }
    cairn_event_end(thread, sp);
}
