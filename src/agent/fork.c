#include "agent/fork.h"

#include <pthread.h>

#include "agent/event.h"
#include "agent/machine.h"
#include "agent/own.h"
#include "agent/process.h"
#include "agent/thread.h"

/* A handler may fork while its thread is in the middle of an event: what the event goes on with in the child. */
struct interrupted {
    struct cairn_thread *thread;
    uintptr_t gate;
    struct cairn_ring_writer writer;
    struct cairn_stacks *stacks;
};

static __thread struct interrupted interrupted __attribute__((tls_model("initial-exec")));
static __thread uint64_t last_serial __attribute__((tls_model("initial-exec")));

static void before(void)
{
    const struct cairn_thread *thread = cairn_self;
    interrupted = (struct interrupted){.thread = NULL};
    if (thread->gate != CAIRN_GATE_CLOSED && thread->gate != CAIRN_GATE_OPEN) {
        interrupted = (struct interrupted){
            .thread = cairn_self, .gate = thread->gate, .writer = thread->writer, .stacks = thread->stacks};
    }
    /* A child that has had no event yet begins here: what its own child inherits is told by it, not by its parent. */
    if (cairn_process_is_unborn_child()) {
        cairn_thread_attach();
    }
    cairn_process_fork_serial = cairn_process_next_fork();
    if (cairn_process_fork_serial != 0) {
        const struct cairn_draft draft = {.kind = CAIRN_RECORD_FORK,
                                          .words = 1,
                                          .node_word = CAIRN_NODE_NOWHERE,
                                          .word = {cairn_process_fork_serial}};
        cairn_event_record(&draft, NULL, CAIRN_FRAME());
    }
}

static void after_in_parent(void)
{
    last_serial = cairn_process_fork_serial;
    cairn_process_fork_serial = 0;
}

/* The child finds its thread zeroed: it is closed, and says HELLO at its first event. An interrupted event still writes where
 * its ring was: that is made memory nobody reads, and this child goes unrecorded. */
static void after_in_child(void)
{
    if (!interrupted.thread) {
        return;
    }
    cairn_process_leave_parent();
    interrupted.thread->writer = interrupted.writer;
    interrupted.thread->stacks = interrupted.stacks;
    interrupted.thread->gate = interrupted.gate;
    cairn_process_stop();
    atomic_store_explicit(&interrupted.writer.segment->control, CAIRN_CONTROL_STOP, memory_order_relaxed);
}

void cairn_fork_prepare(void)
{
    cairn_own_begin();
    pthread_atfork(before, after_in_parent, after_in_child);
    cairn_own_end();
}

void cairn_fork_done(pid_t child, uintptr_t sp)
{
    if (last_serial != 0) {
        const struct cairn_draft draft = {.kind = CAIRN_RECORD_FORK_DONE,
                                          .words = 2,
                                          .node_word = CAIRN_NODE_NOWHERE,
                                          .word = {last_serial, child > 0 ? (uint64_t)child : 0}};
        cairn_event_record(&draft, NULL, sp);
        last_serial = 0;
    }
}
