/* Tells a signal that was sent to this process's group from one that was sent to this process: a child in the group that does
 * nothing, with all signals blocked, has the first pending, too. */
#ifndef CAIRN_COLLECTOR_SENTINEL_H
#define CAIRN_COLLECTOR_SENTINEL_H

#include <stdbool.h>
#include <sys/types.h>

struct cairn_sentinel {
    pid_t pid; /* −1: there is none */
    int words; /* a pipe that it reads */
};

/* It ends with the calling thread, at the latest. */
void cairn_sentinel_start(struct cairn_sentinel *sentinel);
void cairn_sentinel_end(struct cairn_sentinel *sentinel);

/* Whether the group had a signal that has come, or has it within the next milliseconds. Asked once a signal: then it is forgotten. */
bool cairn_sentinel_had(const struct cairn_sentinel *sentinel, int signal);

#endif
