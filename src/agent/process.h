/* This process as the collector knows it: its number, its segments, and whether it is still recorded.
 *
 * The struct lies in memory that a forked child finds zeroed, which is how a child that came without our hooks (a raw
 * clone) is noticed before it writes anything: UNBORN again, it says HELLO for itself.
 *
 *          first event                 STOP, collector gone, refused
 *   UNBORN ───────────► RECORDING ─────────────────────────────────► OVER
 *      └────────────────────────────────────────────────────────────►┘  */
#ifndef CAIRN_AGENT_PROCESS_H
#define CAIRN_AGENT_PROCESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/thread.h"
#include "wire/ring.h"
#include "wire/session.h"

#define CAIRN_SEGMENTS_MAX 1024u /* 8192 threads alive at once; later ones are counted as skipped */

enum cairn_process_state { CAIRN_PROCESS_UNBORN = 0, CAIRN_PROCESS_RECORDING, CAIRN_PROCESS_OVER };

/* One mapped segment and what this side keeps for its rings. In wiped memory too. */
struct cairn_segment_use {
    struct cairn_segment_header *header;
    struct cairn_thread threads[CAIRN_RINGS_PER_SEGMENT];
};

struct cairn_process {
    _Atomic uint32_t state; /* enum cairn_process_state */
    _Atomic uint32_t lock;
    int32_t pid;
    uint32_t number;
    uint64_t begun_ns;              /* when recording it began */
    _Atomic uint64_t forks;         /* serial of the last one */
    _Atomic uint64_t answered;      /* number of the collector's last request that a thread took */
    _Atomic bool ended;             /* its graph at the end was taken */
    _Atomic uint32_t segment_count; /* segments[0…count) do not change any more */
    struct cairn_segment_use *segments[CAIRN_SEGMENTS_MAX];
};

/* NULL where this process is not to be recorded: there is no session. Ready from the first call on, however early. */
struct cairn_process *cairn_process_here(void);

/* The following need the process's lock. Both say false when this process is not recorded. */
bool cairn_process_begin(struct cairn_process *process);
bool cairn_process_add_segment(struct cairn_process *process, int32_t tid);

/* In a forked child: the parent's segments become memory of its own, at the same place. Done by begin. */
void cairn_process_leave_parent(void);

/* Held over system calls and the loader's look-ups, never over a call of the target's; with signals blocked. */
void cairn_process_lock(struct cairn_process *process);
void cairn_process_unlock(struct cairn_process *process);

/* Recording is over for good: every thread notices at its next event. */
void cairn_process_stop(void);

/* Another recording is about to begin in this process: all threads are without a ring again, as after a fork. AGAIN while one
 * of them is in the middle of an event, BUSY while the process is recorded. */
enum cairn_join_result cairn_process_renew(void);
/* Then, with the session known: the next event says HELLO. False when there is no memory. */
bool cairn_process_enter_unborn(void);
/* After a stop: the segments go back. Where they were stays memory of this process's own that costs next to nothing: a thread
 * that is late may still look there. */
void cairn_process_give_back(void);

/* Whether the caller runs in the recorded process itself: not in a child that only shares its memory (vfork), nor in one
 * that has not said HELLO. */
bool cairn_process_is_here(void);

/* Whether a record of the caller's would be this process's own: it is recorded, or will say HELLO for itself. */
bool cairn_process_may_tell(void);

/* Whether it is a child, forked by a recorded process, that will be recorded from its first event on, which is still to come. */
bool cairn_process_is_unborn_child(void);

/* Whether it is no forked child: those inherit what was told of modules. */
bool cairn_process_is_new(void);

/* What to do about programs this one starts. Nothing where recording never began or is over. */
enum cairn_following { CAIRN_FOLLOW_AS_IT_IS, CAIRN_FOLLOW_CHILDREN, CAIRN_FOLLOW_NOBODY };
enum cairn_following cairn_process_following(void);

/* The serial for a fork about to happen; 0 where its child will not be recorded. */
uint64_t cairn_process_next_fork(void);

/* The process ends with that status, by exit or the like. */
void cairn_process_tell_exit(int status, uintptr_t sp);

/* The first segment's header, which holds what concerns the whole process; NULL where nothing is recorded. */
struct cairn_segment_header *cairn_process_header(void);

/* Counts an event that found no ring at all. */
void cairn_process_count_ringless(void);

/* Of all segments, counted through. */
static inline struct cairn_ring_control *cairn_process_ring(const struct cairn_process *process,
                                                            uint32_t index)
{
    return &process->segments[index / CAIRN_RINGS_PER_SEGMENT]
                ->header->rings[index % CAIRN_RINGS_PER_SEGMENT];
}

/* Serial of the fork this thread is in the middle of (between the FORK record and the child's first event), else 0. */
extern __thread uint64_t cairn_process_fork_serial
    __attribute__((visibility("hidden"), tls_model("initial-exec")));

#endif
