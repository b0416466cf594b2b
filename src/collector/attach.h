/* Joining a program that runs: the agent is loaded into it and called, by the hand of one of its threads, which stands
 * for some milliseconds; all others run on. And leaving it again. Both are done by a thread of their own here. */
#ifndef CAIRN_COLLECTOR_ATTACH_H
#define CAIRN_COLLECTOR_ATTACH_H

#include <sys/types.h>

#include "base/status.h"

struct cairn_attach_job;

/* Loads `agent` into the process and lets it say HELLO to the session at `session`, which somebody must answer meanwhile.
 * NULL when there is no memory. */
struct cairn_attach_job *cairn_attach_join(pid_t pid, const char *agent, const char *session);
/* The agent, which was told to stop before, gives back what it took. Where this fails it does so by itself, at the program's
 * next allocation. */
struct cairn_attach_job *cairn_attach_leave(pid_t pid, const char *agent);

/* A descriptor that is readable when the job is done. Borrowed. */
int cairn_attach_done(const struct cairn_attach_job *job);
/* Waits for its end, and frees it. */
CAIRN_MUST_CHECK enum cairn_status cairn_attach_finish(struct cairn_attach_job *job,
                                                       struct cairn_error *error);

#endif
