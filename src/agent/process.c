#include "agent/process.h"

#include <linux/futex.h>
#include <stddef.h>

#include "agent/event.h"
#include "agent/filter.h"
#include "agent/machine.h"
#include "agent/memory.h"
#include "agent/python/capture.h"
#include "agent/real.h"
#include "agent/seccomp_filter.h"
#include "agent/session.h"

static struct cairn_process *this_process;
/* Mapped when they are needed first, and zeroed by a fork like the process itself: a child finds its parent's to use. */
static struct cairn_segment_use *uses[CAIRN_SEGMENTS_MAX];
__thread uint64_t cairn_process_fork_serial __attribute__((tls_model("initial-exec")));

/* What a forked child still knows of its parent. Where the parent's segments were, its own come to lie: a hook that a signal
 * handler interrupted by forking may still look at a header there, and no address space is lost from child to child. */
static struct {
    struct cairn_segment_header *segments[CAIRN_SEGMENTS_MAX];
    uint32_t segment_count;
    uint32_t number;
    uint32_t options;
    bool known, forked, over, joined;
} inherited;

struct cairn_process *cairn_process_here(void)
{
    enum { NOT_YET, IN_PROGRESS, DONE };
    static _Atomic int prepared;
    int expected = NOT_YET;
    if (atomic_load_explicit(&prepared, memory_order_acquire) == DONE) {
        return this_process;
    }
    /* Whoever comes second goes without this once: only a library's constructor could have made a thread by now. */
    if (atomic_compare_exchange_strong_explicit(&prepared, &expected, IN_PROGRESS, memory_order_acquire,
                                                memory_order_relaxed)) {
        if (cairn_session_locate()) {
            this_process = cairn_memory_map_wiped(sizeof *this_process);
        }
        atomic_store_explicit(&prepared, DONE, memory_order_release);
    }
    return this_process;
}

void cairn_process_lock(struct cairn_process *process)
{
    /* Acquire pairs with the release in unlock. */
    while (atomic_exchange_explicit(&process->lock, 1, memory_order_acquire)) {
        if (cairn_seccomp_refuses(CAIRN_CALLS_YIELD)) {
            cairn_machine_relax();
        } else {
            cairn_syscall3(SYS_sched_yield, 0, 0, 0);
        }
    }
}

void cairn_process_unlock(struct cairn_process *process)
{
    atomic_store_explicit(&process->lock, 0, memory_order_release);
}

static bool add_segment(struct cairn_process *process, const struct cairn_session_request *request,
                        bool *reached)
{
    *reached = false;
    const uint32_t count = atomic_load_explicit(&process->segment_count, memory_order_relaxed);
    if (count == CAIRN_SEGMENTS_MAX || cairn_seccomp_refuses(CAIRN_CALLS_MAP | CAIRN_CALLS_CONNECT)) {
        return false;
    }
    if (!uses[count]) {
        uses[count] = cairn_memory_map_wiped(sizeof *uses[count]);
    }
    struct cairn_segment_use *use = uses[count];
    if (!use || !(use->header = cairn_session_segment(request, inherited.segments[count], reached))) {
        return false;
    }
    process->segments[count] = use;
    inherited.segments[count] = use->header;
    if (inherited.segment_count <= count) {
        inherited.segment_count = count + 1;
    }
    /* Release pairs with the acquire of who looks through the segments without the lock. */
    atomic_store_explicit(&process->segment_count, count + 1, memory_order_release);
    return true;
}

bool cairn_process_add_segment(struct cairn_process *process, int32_t tid)
{
    const struct cairn_session_request request = {.magic = CAIRN_SESSION_MAGIC,
                                                  .version = CAIRN_WIRE_VERSION,
                                                  .verb = CAIRN_SESSION_SEGMENT,
                                                  .process = process->number,
                                                  .pid = process->pid,
                                                  .tid = tid};
    bool reached;
    return add_segment(process, &request, &reached);
}

/* A child that nobody hears of leaves a word where its parent's segment still is. */
static bool say_hello(struct cairn_process *process)
{
    const struct cairn_session_request request = {
        .magic = CAIRN_SESSION_MAGIC,
        .version = CAIRN_WIRE_VERSION,
        .verb = CAIRN_SESSION_HELLO,
        .process = inherited.number,
        .pid = process->pid,
        .tid = (int32_t)cairn_syscall3(SYS_gettid, 0, 0, 0),
        .parent_pid = (int32_t)cairn_syscall3(SYS_getppid, 0, 0, 0),
        .reason = inherited.known    ? CAIRN_HELLO_FORK
                  : inherited.joined ? CAIRN_HELLO_ATTACH
                                     : CAIRN_HELLO_START,
        .fork_serial = cairn_process_fork_serial,
    };
    bool reached;
    const bool added = add_segment(process, &request, &reached);
    if (!added && !reached && inherited.known) {
        atomic_fetch_add_explicit(&inherited.segments[0]->unheard_children, 1, memory_order_relaxed);
    }
    return added;
}

static void leave_segments(uint32_t from)
{
    for (uint32_t i = from; i < inherited.segment_count; i++) {
        cairn_memory_replace(inherited.segments[i], CAIRN_SEGMENT_BYTES);
    }
}

void cairn_process_leave_parent(void)
{
    leave_segments(0);
}

/* What an earlier recording sampled is none of this one's; what a parent did is. False when there is no memory for it. */
static bool choose_filter(const struct cairn_segment_header *header)
{
    static struct cairn_filter *made;
    if (header->sample_bytes == 0) {
        cairn_filter = NULL;
        return true;
    }
    if (!made) {
        made = cairn_memory_map(sizeof *made);
    } else if (!inherited.known) {
        cairn_memory_wipe(made, sizeof *made);
    }
    if (made && !inherited.known) {
        cairn_filter_fit(made, header->sample_bytes);
    }
    cairn_filter = made;
    cairn_real_want_plain();
    return made != NULL;
}

bool cairn_process_begin(struct cairn_process *process)
{
    process->pid = (int32_t)cairn_syscall3(SYS_getpid, 0, 0, 0);
    const bool wanted = !inherited.over && (!inherited.known || (inherited.options & CAIRN_OPTION_FOLLOW));
    const bool recorded = wanted && say_hello(process);
    leave_segments(recorded ? 1 : 0);
    if (!recorded) {
        inherited.over |= wanted;
        atomic_store_explicit(&process->state, CAIRN_PROCESS_OVER, memory_order_relaxed);
        return false;
    }
    const struct cairn_segment_header *header = process->segments[0]->header;
    if (!choose_filter(header)) {
        atomic_store_explicit(&process->state, CAIRN_PROCESS_OVER, memory_order_relaxed);
        return false;
    }
    process->number = header->process;
    process->begun_ns = cairn_clock_monotonic_ns();
    inherited.forked = inherited.known;
    inherited.number = header->process;
    inherited.options = header->options;
    inherited.known = true;
    cairn_process_fork_serial = 0;
    atomic_store_explicit(&process->state, CAIRN_PROCESS_RECORDING, memory_order_release);
    return true;
}

void cairn_process_stop(void)
{
    struct cairn_process *process = this_process;
    inherited.over = true;
    atomic_store_explicit(&process->state, CAIRN_PROCESS_OVER, memory_order_relaxed);
    const uint32_t count = atomic_load_explicit(&process->segment_count, memory_order_acquire);
    for (uint32_t i = 0; i < count; i++) {
        atomic_fetch_or_explicit(&process->segments[i]->header->control, CAIRN_CONTROL_STOP,
                                 memory_order_relaxed);
    }
}

/* A hook's frame stands in the gate: whether its thread is still there cannot be known from here. */
static bool is_in_event(const struct cairn_process *process)
{
    const uint32_t count = atomic_load_explicit(&process->segment_count, memory_order_acquire);
    for (uint32_t i = 0; i < count * CAIRN_RINGS_PER_SEGMENT; i++) {
        const uintptr_t gate =
            process->segments[i / CAIRN_RINGS_PER_SEGMENT]->threads[i % CAIRN_RINGS_PER_SEGMENT].gate;
        if (gate != CAIRN_GATE_CLOSED && gate != CAIRN_GATE_OPEN) {
            return true;
        }
    }
    return false;
}

/* Whether some thread, which has not noticed the end of the recording, still takes one of these for its own. Then they stay,
 * empty and closed, and are nobody else's ever. */
static bool is_held(const struct cairn_segment_use *use)
{
    for (uint32_t i = 0; i < CAIRN_RINGS_PER_SEGMENT; i++) {
        if (use->threads[i].held) {
            return true;
        }
    }
    return false;
}

/* The kernel marks a collector's death; one that ended said so itself. */
static bool is_recorded(const struct cairn_process *process)
{
    if (atomic_load_explicit(&process->state, memory_order_relaxed) != CAIRN_PROCESS_RECORDING) {
        return false;
    }
    const struct cairn_segment_header *header = process->segments[0]->header;
    const uint32_t alive = atomic_load_explicit(&header->collector_alive, memory_order_acquire);
    return alive != 0 && !(alive & FUTEX_OWNER_DIED) &&
           !(atomic_load_explicit(&header->control, memory_order_acquire) & CAIRN_CONTROL_STOP);
}

enum cairn_join_result cairn_process_renew(void)
{
    struct cairn_process *process = cairn_process_here();
    if (!process) {
        return CAIRN_JOIN_DONE;
    }
    if (is_recorded(process)) {
        return CAIRN_JOIN_BUSY;
    }
    if (is_in_event(process) || atomic_load_explicit(&process->lock, memory_order_acquire)) {
        return CAIRN_JOIN_AGAIN;
    }
    cairn_process_stop();
    cairn_process_give_back();
    for (uint32_t i = 0; i < CAIRN_SEGMENTS_MAX && uses[i]; i++) {
        const bool held = is_held(uses[i]);
        for (uint32_t j = 0; j < CAIRN_RINGS_PER_SEGMENT; j++) {
            cairn_python_thread_free(uses[i]->threads[j].python);
        }
        cairn_memory_wipe(uses[i], sizeof *uses[i]);
        uses[i] = held ? cairn_memory_map_wiped(sizeof *uses[i]) : uses[i];
    }
    return CAIRN_JOIN_DONE;
}

bool cairn_process_enter_unborn(void)
{
    struct cairn_process *process = this_process;
    if (!process && !(process = cairn_memory_map_wiped(sizeof *process))) {
        return false;
    }
    inherited.number = 0;
    inherited.options = 0;
    inherited.known = inherited.forked = inherited.over = false;
    inherited.joined = true;
    cairn_memory_wipe(process, sizeof *process); /* UNBORN */
    this_process = process;
    return true;
}

void cairn_process_give_back(void)
{
    leave_segments(0);
}

static bool is_own_pid(const struct cairn_process *process)
{
    return !cairn_seccomp_refuses(CAIRN_CALLS_PID) && cairn_syscall3(SYS_getpid, 0, 0, 0) == process->pid;
}

bool cairn_process_is_here(void)
{
    const struct cairn_process *process = cairn_process_here();
    return process &&
           atomic_load_explicit(&process->state, memory_order_relaxed) == CAIRN_PROCESS_RECORDING &&
           is_own_pid(process);
}

bool cairn_process_may_tell(void)
{
    const struct cairn_process *process = cairn_process_here();
    return process && (atomic_load_explicit(&process->state, memory_order_relaxed) == CAIRN_PROCESS_UNBORN ||
                       cairn_process_is_here());
}

bool cairn_process_is_unborn_child(void)
{
    const struct cairn_process *process = cairn_process_here();
    return process && atomic_load_explicit(&process->state, memory_order_relaxed) == CAIRN_PROCESS_UNBORN &&
           inherited.known && !inherited.over && (inherited.options & CAIRN_OPTION_FOLLOW);
}

bool cairn_process_is_new(void)
{
    return !inherited.forked;
}

enum cairn_following cairn_process_following(void)
{
    const struct cairn_process *process = cairn_process_here();
    if (!process || inherited.over || !inherited.known) {
        return CAIRN_FOLLOW_AS_IT_IS;
    }
    return inherited.options & CAIRN_OPTION_FOLLOW ? CAIRN_FOLLOW_CHILDREN : CAIRN_FOLLOW_NOBODY;
}

uint64_t cairn_process_next_fork(void)
{
    return cairn_process_is_here() && (inherited.options & CAIRN_OPTION_FOLLOW)
               ? atomic_fetch_add_explicit(&cairn_process_here()->forks, 1, memory_order_relaxed) + 1
               : 0;
}

void cairn_process_tell_exit(int status, uintptr_t sp)
{
    if (cairn_process_may_tell()) {
        const struct cairn_draft draft = {.kind = CAIRN_RECORD_EXIT,
                                          .words = 1,
                                          .node_word = CAIRN_NODE_NOWHERE,
                                          .word = {(uint32_t)status}};
        cairn_event_record(&draft, NULL, sp);
    }
}

struct cairn_segment_header *cairn_process_header(void)
{
    const struct cairn_process *process = cairn_process_here();
    return process && atomic_load_explicit(&process->segment_count, memory_order_acquire) > 0
               ? process->segments[0]->header
               : NULL;
}

void cairn_process_count_ringless(void)
{
    struct cairn_segment_header *header = cairn_process_header();
    if (header) {
        atomic_fetch_add_explicit(&header->ringless, 1, memory_order_relaxed);
    }
}
