/* A fork: the FORK record just before it, and what the child starts with. Registered with pthread_atfork, first of all
 * handlers, so that it holds for the forks the C library makes by itself too (daemon, forkpty). */
#ifndef CAIRN_AGENT_FORK_H
#define CAIRN_AGENT_FORK_H

#include <stdint.h>
#include <sys/types.h>

/* Once, early. */
void cairn_fork_prepare(void);
/* After fork() came back in the parent: `child` is its pid, or −1. */
void cairn_fork_done(pid_t child, uintptr_t sp);

#endif
