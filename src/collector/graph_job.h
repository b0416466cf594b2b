/* One object graph on its way into the trace. Private to the files graph*.c. */
#ifndef CAIRN_COLLECTOR_GRAPH_JOB_H
#define CAIRN_COLLECTOR_GRAPH_JOB_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector/graph_asking.h"
#include "collector/held_threads.h"
#include "collector/ledger.h"
#include "wire/session.h"

#define CAIRN_GRAPH_PAUSE_UNKNOWN (-1)

enum cairn_graph_state {
    CAIRN_GRAPH_WAITING, /* for its moment, its stream, or its turn */
    CAIRN_GRAPH_RUNNING, /* a thread has it */
    CAIRN_GRAPH_OVER,
};

/*  WAITING ──(moment and stream are there)──► RUNNING ──► OVER
 *     └──────────(no stream came)──────────────────────────►┘
 *
 * One that is taken in place by ourselves runs first, and gets its moment once the program stands still. */
struct cairn_graph_job {
    struct cairn_graph_job *next;
    struct cairn_recorder *recorder;
    struct cairn_graph_ask *ask; /* that it answers, or NULL; the ask's owner clears it */
    uint32_t process, serial;
    uint32_t number; /* of the graph, 0 until it runs */
    uint32_t order;  /* of moments: the first is 1; 0: none yet */
    int fd;          /* −1: no stream yet */
    int64_t t_ns;
    char *name;
    struct cairn_ledger_image
        image; /* of the ledger, at the moment; given back when its thread is done with it */
    _Atomic bool image_done;
    pid_t still; /* the process to be read, 0: it tells its graph itself */
    struct cairn_session_image threads;
    uint32_t whole_stacks;
    _Atomic int64_t pause_ns; /* how long the program stood still */
    enum cairn_graph_state state;
    pthread_t thread;
    _Atomic bool finished;
    bool failed;
    struct cairn_error error;

    /* The threads that are held while the image is made. `held` may be read once the image has come. */
    bool holding; /* `holder` is to be joined, `hold_fd` to be closed */
    int hold_fd;
    _Atomic bool *held_by_us; /* the target's */
    pid_t hold_pid, hold_asking;
    bool hold_gentle;
    pthread_t holder;
    struct cairn_held_threads held;

    /* In place by ourselves: the graph's thread holds the program, then waits for its moment, or for `abandoned`. */
    bool in_place;
    _Atomic bool stands, has_moment, abandoned;
    int64_t since_ns; /* when it began */
};

/* graph_threads.c: bodies of the threads. The state is the job. */
void *cairn_graph_thread(void *state);
void *cairn_graph_holder(void *state);

#endif
