/* One recorded process: its segments and rings, what is known of it, and what its forked children will inherit. */
#ifndef CAIRN_COLLECTOR_TARGET_H
#define CAIRN_COLLECTOR_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector/code_map.h"
#include "collector/ledger.h"
#include "collector/nodes.h"
#include "collector/python_codes.h"
#include "collector/ring_reader.h"
#include "collector/segment.h"
#include "trace/rows.h"

struct cairn_target;

/* A ring and the thread that writes it now. */
struct cairn_source {
    struct cairn_ring_reader reader;
    struct cairn_target *target;
    struct cairn_nodes nodes;
    struct cairn_ledger_thread thread; /* number 0: no thread yet */
    int32_t tid;
    int64_t thread_started_ns;
    char *thread_name;     /* owned, or NULL */
    uint32_t ended_thread; /* the last one that said it ended here, or 0 */
    int32_t ended_tid;
    bool visited;                 /* by a thread that ended: its row is written */
    uint64_t skipped, stalled_ns; /* as last read */
    bool damage_noted;
};

/* A fork whose child has not reported yet. */
struct cairn_fork_image {
    struct cairn_fork_image *next;
    uint64_t serial;
    pid_t child; /* 0: not known yet */
    int64_t t_ns;
    struct cairn_ledger_image ledger;
    struct cairn_code_map *code;
};

enum cairn_target_state {
    CAIRN_TARGET_ALIVE = 0,
    CAIRN_TARGET_LEFT, /* dead, or became another program: what is in its rings is the rest */
    CAIRN_TARGET_DONE, /* everything was merged */
};

/* Of so many threads that ended last frees may still come: hundreds can end while one waits for a processor to make them. */
#define CAIRN_ENDED_THREADS 16384u

/*  ALIVE ──(pidfd readable, or a new HELLO of the same pid)──► LEFT ──(rings drained and merged)──► DONE  */
struct cairn_target {
    uint32_t number;
    pid_t pid;
    bool is_root;         /* the program that was started, or what it became by exec */
    uint64_t start_ticks; /* of the pid, from /proc: tells reused ones apart */
    int pidfd;            /* or −1 */
    enum cairn_target_state state;
    uint64_t left_stamp; /* when we learnt that it is not ALIVE any more */
    struct cairn_ended_thread {
        uint32_t number;
        int32_t tid;
    } * ended; /* the newest at ended_count − 1, modulo the capacity */
    size_t ended_count, ended_capacity;
    struct cairn_ledger_process *ledger;
    struct cairn_code_map *code;
    uint32_t code_epoch; /* never 0 */
    struct cairn_python_codes python_codes;
    char *python_version; /* owned; what row.python points to */
    char *file;           /* owned; that it runs, which row.program may be a link to */
    struct cairn_segment *segments;
    size_t segment_count;
    struct cairn_source *sources; /* CAIRN_RINGS_PER_SEGMENT a segment */
    size_t source_count;

    /* A forked child whose parent's FORK record is still to come through the merge. */
    bool awaits_fork;
    uint32_t fork_parent;
    uint64_t fork_serial;
    int64_t awaits_since_ns;
    struct cairn_fork_image *images; /* of its own forks */

    uint64_t peak_resets; /* as last seen in the header */
    uint64_t skipped_events, ringless_events;
    bool unheard_children;         /* there are some, and a note says so */
    int64_t graph_ns, graph_bytes; /* of its last object graph: when, and how large the heap was; 0: none */
    _Atomic bool held_by_us;       /* a thread of ours holds its threads */
    int64_t room_ns;               /* when it was last looked whether memory has room for its image */
    bool exit_seen;                /* its exit snapshot was taken */
    bool exec_pending;             /* EXEC came; a new HELLO of this pid may follow */
    int64_t memory_sampled_ns;
    struct cairn_process row; /* texts owned by this target */
};

/* `image` lists are freed with the target. */
void cairn_fork_image_free(struct cairn_fork_image *image);

/* Code moved: what nodes know of their frames is of another epoch. */
static inline void cairn_target_code_changed(struct cairn_target *target)
{
    if (++target->code_epoch == 0) {
        target->code_epoch = 1;
    }
}

/* False where /proc counts processes of another PID namespace: what it has under our numbers are others'. */
bool cairn_proc_is_ours(void);
/* The path of a file that /proc has of a process; "" where it is not ours. */
void cairn_proc_path(char *path, size_t size, pid_t pid, const char *file);
/* Reads a small file of /proc as a string; the number of bytes, 0 when it cannot be read. */
size_t cairn_proc_read(const char *path, char *text, size_t size);
/* Whether the process has more seccomp filters than this one. False where that is not told. */
bool cairn_process_is_locked_in(pid_t pid);
/* Start time of a process in clock ticks since boot, 0 when it cannot be read. */
uint64_t cairn_process_start_ticks(pid_t pid);
/* 0 when it cannot be read. */
pid_t cairn_process_parent(pid_t pid);
/* One letter from /proc/PID/task/TID/stat: R, S, D, T, t, Z, X, …; 0 when the thread is gone. */
char cairn_thread_state(pid_t pid, pid_t tid);
/* Exit code as wait() gives it of a process that is a zombie; false when that cannot be known. */
bool cairn_process_exit_code(pid_t pid, int *status);

#endif
