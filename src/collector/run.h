/* The loop of a running recording: sockets, signals, ends of processes, rings, and what is due now and then. */
#ifndef CAIRN_COLLECTOR_RUN_H
#define CAIRN_COLLECTOR_RUN_H

#include "collector/recorder.h"

enum cairn_run_end {
    CAIRN_RUN_ENDED,   /* no recorded process lives any more */
    CAIRN_RUN_STOPPED, /* asked to stop: the program runs on */
};

/* Until the recording is over. `root` is the program, a child of ours; ENDED: `wait_status` is its as of wait(). */
enum cairn_run_end cairn_run(struct cairn_recorder *recorder, pid_t root, const sigset_t *watched,
                             int *wait_status);

#endif
