/* One recording while it runs: what the thread that owns the shared memory keeps. Private to the collector's files. */
#ifndef CAIRN_COLLECTOR_RECORDER_H
#define CAIRN_COLLECTOR_RECORDER_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector/chunker.h"
#include "collector/clock.h"
#include "collector/collector.h"
#include "collector/ledger.h"
#include "collector/memory.h"
#include "collector/pipeline.h"
#include "collector/places.h"
#include "collector/segment.h"
#include "collector/session.h"
#include "collector/store.h"
#include "collector/symbolise.h"
#include "collector/target.h"

/* So many programs that were not recorded are named. */
#define CAIRN_UNRECORDED_MAX 16u

struct cairn_recorder {
    const struct cairn_record_options *options;
    struct cairn_clock clock;
    struct cairn_session session;
    struct cairn_robust_words words;

    _Atomic uint32_t next_frame;
    struct cairn_pipeline pipeline;
    struct cairn_places *places;
    uint64_t sample_seed;
    bool joined; /* the program ran before: it has blocks that nothing is known of */
    struct cairn_ledger *ledger;
    struct cairn_chunker *chunker;
    struct cairn_symboliser *symboliser;
    struct cairn_store *store;
    struct cairn_memory *memory;

    struct cairn_target **targets; /* number − 1 */
    size_t target_count, target_capacity;
    size_t alive; /* neither left nor done */
    uint32_t next_thread;
    uint64_t segments_passed;
    char refusal[256]; /* why the first process that could not join could not; "": none */
    bool turned_away;  /* somebody was, and a note says so */

    struct cairn_source **heap; /* of the merge */
    size_t heap_count, heap_capacity;
    struct cairn_batch *rows; /* threads, notes, …: not yet sent */

    int epoll;
    struct cairn_recording row; /* texts owned */
    uint64_t skipped_events, torn_records, damaged_rings;
    bool own_malloc; /* a program said that its heap is not seen */
    int64_t stalled_ns;
    bool stopping;                       /* the agents were told to stop */
    struct cairn_session_call stop_call; /* who said so and waits for the end; fd −1: nobody */
    const char *stopped_why;

    int64_t merged_ns; /* no event before this time will come */
    uint64_t commits;  /* asked for so far */
    int64_t committed_ns, places_ns, calibrated_ns, memory_ns, residency_ns, resided_ns, progress_ns,
        swept_ns;
    uint64_t committed_position;
    uint64_t unrecorded[CAIRN_UNRECORDED_MAX]; /* what was said: unrecorded.c */
    uint32_t unrecorded_count;
    uint32_t named_snapshots, pause_notes, exit_snapshots;

    struct cairn_graph_job *graphs; /* graphs.c */
    struct cairn_graph_ask *asks;   /* graph_asking.c; the oldest first */
    uint32_t graph_jobs, graph_moments, next_graph;
    struct cairn_late_answer *late_answers; /* answers.c; the oldest first */
};

/* --- merge.c: from rings to records in order --- */

/* One look at every ring, then everything that is in order is applied. Returns the bytes taken out of rings. */
size_t cairn_recorder_drain(struct cairn_recorder *recorder);
/* Before a sleep longer than CAIRN_BEAT_NS: until the next look every event reads the clock itself. */
void cairn_recorder_rest(struct cairn_recorder *recorder);

/* --- apply.c: from records to the ledger --- */

/* Applies one record, which was checked. */
void cairn_recorder_apply(struct cairn_recorder *recorder, struct cairn_source *source,
                          const uint64_t *record);
/* The account of a source's node (0: none) in that domain; 0 when memory ran out. */
uint32_t cairn_recorder_account(struct cairn_recorder *recorder, struct cairn_source *source, uint32_t node,
                                uint8_t domain);
/* The thread of a source ends (its row is written); harmless when there is none. */
void cairn_recorder_thread_end(struct cairn_recorder *recorder, struct cairn_source *source, int64_t t_ns);
/* The interpreter in a process says its version. */
void cairn_recorder_python_version(struct cairn_recorder *recorder, struct cairn_target *target,
                                   const char *version);

/* --- apply_run.c: many of them --- */

/* Applies the records of one source that are stamped up to `limit`. */
void cairn_recorder_apply_run(struct cairn_recorder *recorder, struct cairn_source *source, uint64_t limit);

/* --- forks.c: what a child inherits --- */

/* A process is about to fork, for the `serial`th time. */
void cairn_recorder_fork(struct cairn_recorder *recorder, struct cairn_target *target, uint64_t serial);
/* It did, or failed to (`child` 0). */
void cairn_recorder_fork_done(struct cairn_target *target, uint64_t serial, pid_t child);
/* The child gets what `parent` noted down for that fork; false when it is not there. */
bool cairn_recorder_inherit(struct cairn_recorder *recorder, struct cairn_target *child,
                            struct cairn_target *parent, uint64_t serial);

/* --- targets.c: processes come and go --- */

/* Answers a HELLO or SEGMENT request and closes its connection. */
void cairn_recorder_hello(struct cairn_recorder *recorder, struct cairn_session_call *call);
void cairn_recorder_more_rings(struct cairn_recorder *recorder, struct cairn_session_call *call);
/* A connection was ended unheard: the recorder has no descriptor for it. */
void cairn_recorder_turned_away(struct cairn_recorder *recorder);
/* The process is gone, or runs another program now: its rings get their last look. */
void cairn_recorder_target_left(struct cairn_recorder *recorder, struct cairn_target *target);
/* Everything of it was merged. */
void cairn_recorder_target_done(struct cairn_recorder *recorder, struct cairn_target *target);
/* Its row goes to the trace as it is now. */
void cairn_recorder_write_process(struct cairn_recorder *recorder, const struct cairn_target *target);
void cairn_recorder_note_lost_fork(struct cairn_recorder *recorder, const struct cairn_target *child);
/* Totals for cairn_traced_bytes(), counters, forks whose child never came. */
void cairn_recorder_tend_targets(struct cairn_recorder *recorder, int64_t now_ns);
/* A living target of that pid, or NULL. */
struct cairn_target *cairn_recorder_target_by_pid(struct cairn_recorder *recorder, pid_t pid);
/* Whether a child that was forked may still report. */
bool cairn_recorder_expects_children(struct cairn_recorder *recorder, int64_t now_ns);
/* Tells every agent to stop, for good. */
void cairn_recorder_stop_agents(struct cairn_recorder *recorder);
/* Frees all targets and closes their segments. */
void cairn_recorder_free_targets(struct cairn_recorder *recorder);

/* --- rows.c: rows of this thread on their way to the trace --- */

/* The batch for rows of this thread's own; NULL when memory ran out. */
struct cairn_batch *cairn_recorder_rows(struct cairn_recorder *recorder);
__attribute__((format(printf, 3, 4))) void cairn_recorder_note(struct cairn_recorder *recorder,
                                                               uint32_t process, const char *format, ...);
/* --- unrecorded.c --- */

/* A process is about to start a program that is not recorded, `why` (enum cairn_unrecorded): once for each program the trace says
 * so. */
void cairn_recorder_unrecorded(struct cairn_recorder *recorder, const struct cairn_target *target,
                               uint64_t why, const char *program);

/* Sends the rows, then everything of the ledger. */
void cairn_recorder_send(struct cairn_recorder *recorder);
void cairn_recorder_snapshot(struct cairn_recorder *recorder, const char *kind, const char *name,
                             uint32_t process, int64_t t_ns);
/* Everything so far becomes visible to readers. `everything`: the last commit but for names. */
void cairn_recorder_commit(struct cairn_recorder *recorder, int64_t now_ns, bool everything);

/* --- launch.c --- */

/* A started program, held back before its exec. */
struct cairn_launch {
    pid_t pid;
    int go, failure; /* pipes: to let it go; its errno when exec failed */
};

#define CAIRN_SIGNALS 65 /* the kernel's, which are counted from 1 */

/* What of this process's own state the program must find as it was. */
struct cairn_inherited {
    sigset_t mask;
    struct sigaction ignored[CAIRN_SIGNALS]; /* by number, as they were before this process ignored them */
    struct sigaction of_children;            /* SIGCHLD's */
    struct rlimit_pair {
        uint64_t current, maximum;
    } file_limit, descriptor_limit;
};

/* Takes note, then: signals ignored that end a process unless it expects them, but SIGTERM and SIGHUP blocked (unless they are
 * ignored) and SIGCHLD, limits raised. `watched` gets the blocked ones. */
void cairn_inherited_take(struct cairn_inherited *inherited, sigset_t *watched);
/* For a program that is no child of ours: SIGINT and SIGQUIT are watched, too, since they end its recording; SIGTSTP is as it was. */
void cairn_inherited_watch_interrupts(const struct cairn_inherited *inherited, sigset_t *watched);
/* Puts this process back. */
void cairn_inherited_restore(const struct cairn_inherited *inherited);

CAIRN_MUST_CHECK enum cairn_status cairn_launch_fork(struct cairn_launch *launch, const char *program,
                                                     char *const *argv, const char *agent,
                                                     const char *session_path,
                                                     const struct cairn_inherited *inherited,
                                                     struct cairn_error *error);
/* Lets it exec. Returns 0, or the errno of the exec that failed (the process is gone then). */
int cairn_launch_go(struct cairn_launch *launch);
/* Ends a program that was not let go. */
void cairn_launch_cancel(struct cairn_launch *launch);

/* --- output.c --- */

/* The trace's path by the rules of `record -o`; parent folders are made. `program` is what the user typed. */
CAIRN_MUST_CHECK enum cairn_status cairn_output_path(const struct cairn_record_options *options, pid_t pid,
                                                     char *path, size_t size, struct cairn_error *error);
/* NAME of that: the program, or the script or module an interpreter runs; behind the loader, where that is started by hand. */
void cairn_output_name(char *const *argv, char *name, size_t size);

#endif
