/* The loop of a running recording: sockets, signals, ends of processes, rings, and what is due now and then. */
#ifndef CAIRN_COLLECTOR_RUN_H
#define CAIRN_COLLECTOR_RUN_H

#include "collector/recorder.h"

enum cairn_run_end {
    CAIRN_RUN_ENDED,   /* no recorded process lives any more */
    CAIRN_RUN_STOPPED, /* asked to stop: the program runs on */
    CAIRN_RUN_FAILED,  /* the program could not be joined */
};

/* What is recorded, and for how long. */
struct cairn_run_plan {
    pid_t root;
    bool joins;          /* it ran before: no child of ours, which is joined first */
    const char *agent;   /* then: the library that is loaded into it */
    int64_t duration_ns; /* from then on; 0: until it ends, or somebody says stop */
};

/* Until the recording is over. ENDED: `wait_status` is the root's as of wait(), where it is a child of ours. FAILED: `error`
 * says why. */
enum cairn_run_end cairn_run(struct cairn_recorder *recorder, const struct cairn_run_plan *plan,
                             const sigset_t *watched, int *wait_status, struct cairn_error *error);

#endif
