/* Ctrl-Z in a terminal: the program's, and then ours. */
#ifndef CAIRN_COLLECTOR_JOB_CONTROL_H
#define CAIRN_COLLECTOR_JOB_CONTROL_H

#include <sys/types.h>

/* After SIGCHLD. Where the program, our child, was stopped from the terminal, or so by itself, we stop, too: the shell knows us alone, and
 * continues the whole group. */
void cairn_follow_stop(pid_t program);

#endif
