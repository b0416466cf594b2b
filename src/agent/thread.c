#include "agent/thread.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>

#include "agent/clock.h"
#include "agent/event.h"
#include "agent/machine.h"
#include "agent/modules.h"
#include "agent/nodes.h"
#include "agent/own.h"
#include "agent/patch.h"
#include "agent/process.h"
#include "agent/seccomp_filter.h"
#include "agent/signals.h"
#include "agent/stack.h"

/* Where no ring could be had, ask again after so long. */
#define RETRY_NS 100000000ull
/* Of the rounds of destructors at a thread's end (four in the C library) the one in which ours gives the ring back: other
 * keys' destructors that allocate run before it, or make visits. */
#define LAST_ROUND 3u
/* Setting a key beyond these makes the C library allocate from the target's heap. */
#define KEYS_WITHOUT_MEMORY 32u

/* What threads without a ring have instead: a closed gate. Never written. */
static struct cairn_thread nobody;
__thread struct cairn_thread *cairn_self __attribute__((tls_model("initial-exec"))) = &nobody;
__thread bool cairn_thread_ended __attribute__((tls_model("initial-exec")));

/* Of this thread, beyond its ring: a forked child finds them here. */
static __thread struct cairn_stacks *own_stacks __attribute__((tls_model("initial-exec")));
static __thread struct cairn_thread *former __attribute__((tls_model("initial-exec")));
static __thread uint32_t former_generation __attribute__((tls_model("initial-exec")));
static __thread bool stacks_held __attribute__((tls_model("initial-exec")));
static __thread uint64_t retry_ns __attribute__((tls_model("initial-exec")));

static pthread_key_t end_key;
static _Atomic bool end_key_made;

static bool take_if(struct cairn_ring_control *control, uint32_t state)
{
    /* Acquire pairs with the release of the thread that ended, or of the collector that freed: the cursors are theirs. */
    return atomic_compare_exchange_strong_explicit(&control->state, &state, CAIRN_RING_OWNED,
                                                   memory_order_acquire, memory_order_relaxed);
}

static bool take(struct cairn_ring_control *control)
{
    return take_if(control, CAIRN_RING_FREE) || take_if(control, CAIRN_RING_ENDED);
}

/* A thread that ended without its destructors (the exit system call) still owns its ring. */
static bool owner_is_dead(const struct cairn_process *process, const struct cairn_ring_control *control)
{
    const int32_t tid = atomic_load_explicit(&control->tid, memory_order_relaxed);
    return !cairn_seccomp_refuses(CAIRN_CALLS_LIVES) &&
           cairn_syscall3(SYS_tgkill, process->pid, tid, 0) == -ESRCH;
}

/* With the process's lock held. `index` counts over all segments. */
static bool find_ring(const struct cairn_process *process, uint32_t *index)
{
    const uint32_t count =
        CAIRN_RINGS_PER_SEGMENT * atomic_load_explicit(&process->segment_count, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++) {
        if (take(cairn_process_ring(process, i))) {
            *index = i;
            return true;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (owner_is_dead(process, cairn_process_ring(process, i))) {
            *index = i;
            return true;
        }
    }
    return false;
}

/* Records of a thread's beginning and end. Signals are blocked and the gate is closed. */
static bool write_life(struct cairn_thread *thread, enum cairn_record_kind kind, uint32_t words)
{
    uint64_t *record = cairn_ring_writer_reserve(&thread->writer, words);
    if (!record) {
        return false;
    }
    record[words - 1] = (uint32_t)thread->tid | (cairn_thread_ended ? CAIRN_THREAD_VISITS : 0);
    record[0] = cairn_record_word0(kind, cairn_event_stamp(thread, CAIRN_FRAME()));
    cairn_ring_writer_commit(&thread->writer, words);
    atomic_store_explicit(&thread->writer.control->inside, 0, memory_order_release);
    return true;
}

/* prctl(PR_SET_TSC), which a thread's threads and children inherit. */
static bool counter_is_forbidden(void)
{
    int now = PR_TSC_ENABLE;
    cairn_syscall3(SYS_prctl, PR_GET_TSC, (long)&now, 0);
    return now == PR_TSC_SIGSEGV;
}

/* `thread` becomes the calling thread's, with the ring it belongs to. False when the recording is over. */
static bool move_in(struct cairn_thread *thread, struct cairn_segment_header *header, uint32_t index,
                    int32_t tid)
{
    struct cairn_ring_control *control = &header->rings[index];
    if (tid != cairn_process_here()->pid) {
        atomic_store_explicit(&cairn_ring_writers_many, true, memory_order_release);
    }
    atomic_store_explicit(&control->tid, tid, memory_order_relaxed);
    thread->generation = atomic_fetch_add_explicit(&control->generation, 1, memory_order_release) + 1;
    thread->writer = (struct cairn_ring_writer){
        .control = control,
        .segment = header,
        .words = (uint64_t *)(void *)((uint8_t *)header + CAIRN_SEGMENT_HEADER_BYTES +
                                      (uint64_t)index * CAIRN_RING_BYTES),
        .head = atomic_load_explicit(&control->head, memory_order_relaxed),
        .tail_seen = atomic_load_explicit(&control->tail, memory_order_acquire),
        .last_stamp = thread->writer.last_stamp,
        .clock_base = header->clock_base,
        .clock_kind = header->clock_kind == CAIRN_CLOCK_TSC && counter_is_forbidden() ? CAIRN_CLOCK_STOPPED
                                                                                      : header->clock_kind,
    };
    cairn_sampling_init(&thread->sampling, header->sample_bytes, header->sample_seed,
                        (uint64_t)header->process << 40 ^
                            (uint64_t)(header->segment_index * CAIRN_RINGS_PER_SEGMENT + index) << 24 ^
                            thread->generation);
    thread->tid = tid;
    thread->handle = pthread_self();
    thread->stacks = NULL;
    memset(thread->name, 0, sizeof thread->name);
    atomic_store_explicit(&thread->deferred_count, 0, memory_order_relaxed);
    return write_life(thread, CAIRN_RECORD_THREAD_START, 2);
}

static void tell_own_name(struct cairn_thread *thread)
{
    char name[CAIRN_THREAD_NAME_BYTES] = {0};
    if (!cairn_seccomp_refuses(CAIRN_CALLS_NAME) &&
        !cairn_syscall_failed(cairn_syscall3(SYS_prctl, PR_GET_NAME, (long)name, 0)) &&
        memcmp(name, thread->name, sizeof name) != 0) {
        memcpy(thread->name, name, sizeof name);
        cairn_event_text(CAIRN_TEXT_THREAD_NAME, name, 0, CAIRN_FRAME());
    }
}

static void open_stacks(struct cairn_thread *thread)
{
    cairn_nodes_notice = cairn_modules_notice;
    if (stacks_held) {
        return;
    }
    if (own_stacks) { /* of before a fork */
        cairn_stacks_reset(own_stacks);
    } else {
        cairn_own_begin();
        own_stacks = cairn_stacks_new(thread->writer.segment->max_depth);
        cairn_own_end();
    }
    thread->stacks = own_stacks;
}

static void arm_end(uintptr_t round)
{
    if (atomic_load_explicit(&end_key_made, memory_order_acquire)) {
        cairn_own_begin();
        pthread_setspecific(end_key, (void *)round);
        cairn_own_end();
    }
}

/* The ring this thread had before it ended, if nobody else has taken it since. */
static bool return_to_former(void)
{
    struct cairn_ring_control *control = former ? former->writer.control : NULL;
    if (!control || !take(control)) {
        return false;
    }
    if (atomic_load_explicit(&control->generation, memory_order_relaxed) != former_generation) {
        atomic_store_explicit(&control->state, CAIRN_RING_ENDED, memory_order_release);
        return false;
    }
    return true;
}

/* With signals blocked. False when no ring can be had. */
static bool attach(struct cairn_process *process)
{
    const int32_t tid = (int32_t)cairn_syscall3(SYS_gettid, 0, 0, 0);
    struct cairn_thread *thread = NULL;
    bool begins = false;
    cairn_process_lock(process);
    if (atomic_load_explicit(&process->state, memory_order_relaxed) == CAIRN_PROCESS_UNBORN) {
        begins = cairn_process_begin(process);
        former = NULL;
    }
    /* A child that shares our memory (vfork) is not this process: its thread ends before ours does. */
    if (cairn_process_is_here()) {
        uint32_t index;
        if (return_to_former()) {
            thread = former;
        } else if (find_ring(process, &index) ||
                   (cairn_process_add_segment(process, tid) && find_ring(process, &index))) {
            struct cairn_segment_use *use = process->segments[index / CAIRN_RINGS_PER_SEGMENT];
            thread = &use->threads[index % CAIRN_RINGS_PER_SEGMENT];
            if (!move_in(thread, use->header, index % CAIRN_RINGS_PER_SEGMENT, tid)) {
                thread = NULL;
            }
        }
    }
    cairn_process_unlock(process);
    if (!thread) {
        return false;
    }
    if (begins && cairn_process_is_new()) {
        cairn_modules_tell_all(&thread->writer);
    }
    thread->held = true;
    thread->gate = CAIRN_GATE_OPEN;
    cairn_self = thread;
    return true;
}

/* Whether a seccomp filter would end the program for a ring. */
static bool is_refused(const struct cairn_process *process)
{
    const bool begins = atomic_load_explicit(&process->state, memory_order_relaxed) == CAIRN_PROCESS_UNBORN;
    return cairn_seccomp_refuses(begins ? CAIRN_CALLS_OF_PROCESS : CAIRN_CALLS_OF_THREAD);
}

bool cairn_thread_attach(void)
{
    struct cairn_process *process = cairn_process_here();
    if (!process || cairn_own_active()) {
        return false;
    }
    if (atomic_load_explicit(&process->state, memory_order_relaxed) == CAIRN_PROCESS_OVER) {
        cairn_patch_end();
        return false;
    }
    if (is_refused(process) || (retry_ns != 0 && cairn_clock_monotonic_ns() < retry_ns)) {
        cairn_process_count_ringless();
        return false;
    }
    const int saved = errno;
    const struct cairn_signals signals = cairn_signals_block();
    const bool attached = attach(process);
    if (attached && !cairn_thread_ended) {
        open_stacks(cairn_self);
        tell_own_name(cairn_self);
        arm_end(1);
    }
    cairn_signals_restore(signals);
    errno = saved;
    if (!attached && atomic_load_explicit(&process->state, memory_order_relaxed) == CAIRN_PROCESS_RECORDING) {
        retry_ns = cairn_clock_monotonic_ns() + RETRY_NS;
        cairn_process_count_ringless();
    }
    return attached;
}

void cairn_thread_hold_stacks(bool hold)
{
    if (hold && !cairn_own_active() && cairn_self->gate == CAIRN_GATE_CLOSED) {
        cairn_thread_attach();
    }
    stacks_held = hold;
}

void cairn_thread_stop_clock(void)
{
    if (cairn_self->gate != CAIRN_GATE_CLOSED || cairn_thread_attach()) {
        cairn_self->writer.clock_kind = CAIRN_CLOCK_STOPPED;
    }
}

void cairn_thread_abandon(void)
{
    if (cairn_self != &nobody) {
        cairn_self->gate = CAIRN_GATE_CLOSED;
        cairn_self->held = false;
        cairn_self = &nobody;
    }
}

/* With signals blocked, no event in progress. */
static void move_out(struct cairn_thread *thread)
{
    former = thread;
    former_generation = thread->generation;
    cairn_thread_abandon();
    /* Release pairs with the acquire of whoever takes it next. */
    atomic_store_explicit(&thread->writer.control->state, CAIRN_RING_ENDED, memory_order_release);
}

void cairn_thread_end_visit(void)
{
    const struct cairn_signals signals = cairn_signals_block();
    if (cairn_self->gate == CAIRN_GATE_OPEN) {
        move_out(cairn_self);
    }
    cairn_signals_restore(signals);
}

/* The key's destructor. An event still in progress was left by a cancellation: the gate is opened again first. */
static void end_thread(void *value)
{
    const uintptr_t round = (uintptr_t)value;
    const int saved = errno;
    if (round < LAST_ROUND) {
        arm_end(round + 1);
        return;
    }
    const struct cairn_signals signals = cairn_signals_block();
    struct cairn_thread *thread = cairn_event_enter(CAIRN_FRAME());
    if (thread) {
        cairn_event_end(thread, CAIRN_FRAME());
        tell_own_name(thread);
        write_life(thread, CAIRN_RECORD_THREAD_END, 1);
        thread->stacks = NULL;
        move_out(thread);
    }
    cairn_thread_ended = true;
    cairn_stacks_free(own_stacks);
    own_stacks = NULL;
    cairn_signals_restore(signals);
    errno = saved;
}

void cairn_thread_tell_name(pthread_t handle, const char *name, uintptr_t sp)
{
    const struct cairn_process *process = cairn_process_here();
    if (!process) {
        return;
    }
    const uint32_t count = atomic_load_explicit(&process->segment_count, memory_order_acquire);
    for (uint32_t i = 0; i < count * CAIRN_RINGS_PER_SEGMENT; i++) {
        struct cairn_thread *thread =
            &process->segments[i / CAIRN_RINGS_PER_SEGMENT]->threads[i % CAIRN_RINGS_PER_SEGMENT];
        if (thread->gate != CAIRN_GATE_CLOSED && pthread_equal(thread->handle, handle)) {
            cairn_event_text(CAIRN_TEXT_THREAD_NAME, name, (uint64_t)(uint32_t)thread->tid, sp);
            return;
        }
    }
    /* It has no ring yet, and will tell its name itself when it gets one. */
}

void cairn_thread_prepare(void)
{
    cairn_own_begin();
    if (pthread_key_create(&end_key, end_thread) == 0) {
        if (end_key < KEYS_WITHOUT_MEMORY) {
            atomic_store_explicit(&end_key_made, true, memory_order_release);
        } else {
            pthread_key_delete(end_key);
        }
    }
    cairn_own_end();
    if (cairn_self->gate == CAIRN_GATE_OPEN) {
        arm_end(1);
    } else {
        cairn_thread_attach();
    }
}
