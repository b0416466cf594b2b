/* A thread of the target and its ring. One `struct cairn_thread` belongs to every ring and passes with it from thread to
 * thread; it lies in memory that a forked child finds zeroed (gate CLOSED, no ring).
 *
 *   gate:   CLOSED ──attach──► OPEN ──begin──► a stack pointer ──end──► OPEN ──thread ends──► CLOSED
 *
 * While an event is being recorded the gate holds the recording hook's stack pointer. A signal handler that allocates
 * meanwhile leaves its event in `deferred`, stamped; the interrupted hook writes it when it is done. A gate whose frame
 * does not stand any more was left behind by a longjmp, and is opened again. */
#ifndef CAIRN_AGENT_THREAD_H
#define CAIRN_AGENT_THREAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/ring_writer.h"
#include "agent/sampling.h"

struct cairn_python_thread;
struct cairn_stacks;

#define CAIRN_GATE_CLOSED       0u
#define CAIRN_GATE_OPEN         1u

#define CAIRN_RECORD_WORDS_MAX  4u /* of a deferrable record, without its first word */
#define CAIRN_DEFERRED_MAX      1024u
#define CAIRN_THREAD_NAME_BYTES 16u /* the kernel's limit */

/* A record on its way: all but stamp and stack. */
struct cairn_draft {
    uint8_t kind;   /* enum cairn_record_kind */
    uint8_t domain; /* enum cairn_domain, of records about blocks */
    uint8_t words;
    uint8_t
        node_word; /* index into `word` where the node's low half goes to bits 48…63, the high half into the next
                          one; CAIRN_NODE_NOWHERE: the record names no stack */
    uint64_t word[CAIRN_RECORD_WORDS_MAX];
};
#define CAIRN_NODE_NOWHERE 0xffu

struct cairn_deferred {
    _Atomic uint32_t ready; /* set when the rest is there: a longjmp may leave it unset */
    uint64_t stamp;
    struct cairn_draft draft;
};

struct cairn_thread {
    _Alignas(CAIRN_CACHE_LINE) uintptr_t gate;
    uintptr_t gate_word; /* what stood just below the gate when it was closed: the hook's return address */
    struct cairn_ring_writer writer;
    struct cairn_sampling sampling;
    _Atomic uint32_t deferred_count;

    struct cairn_stacks *stacks;        /* of the present tenancy; NULL: events carry node 0 */
    struct cairn_python_thread *python; /* its Python frames; NULL until it has some */
    int32_t tid;
    uint32_t generation;
    bool held; /* some thread's cairn_self points here */
    pthread_t handle;
    char name[CAIRN_THREAD_NAME_BYTES]; /* as it was told last */
    struct cairn_deferred deferred[CAIRN_DEFERRED_MAX];
};

/* Of the calling thread; a closed one where it has none. Never NULL. */
extern __thread struct cairn_thread *cairn_self
    __attribute__((visibility("hidden"), tls_model("initial-exec")));

/* Gives the calling thread a ring: cairn_self is open then. False where it is not to be recorded, or no ring can be had:
 * then an event is counted as skipped. Keeps errno. */
bool cairn_thread_attach(void);

/* The recording is over: the calling thread forgets its ring. */
void cairn_thread_abandon(void);

/* While it holds, the calling thread does not look for the bounds of its stack: a thread that gets its ring meanwhile records
 * without stacks. `true` gives it a ring first. */
void cairn_thread_hold_stacks(bool hold);
/* Before the calling thread loses its clock and its system calls (CAIRN_CLOCK_STOPPED): gives it a ring while it can. */
void cairn_thread_stop_clock(void);
/* After an event of a thread that had ended already: it leaves its ring again. */
void cairn_thread_end_visit(void);
/* Whether the calling thread's destructors ran: what it does now is a visit. */
extern __thread bool cairn_thread_ended __attribute__((visibility("hidden"), tls_model("initial-exec")));

/* `thread` (a handle of this process) is called `name` now. */
void cairn_thread_tell_name(pthread_t thread, const char *name, uintptr_t sp);

/* Once, early: learns when threads end, and brings the calling one up to date. */
void cairn_thread_prepare(void);

#endif
