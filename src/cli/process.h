/* The PID that `attach`, `stop` and `snapshot` take. */
#ifndef CAIRN_CLI_PROCESS_H
#define CAIRN_CLI_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "cli/command.h"

/* The first positional argument; false after a complaint. */
bool cairn_process_argument(const struct cairn_invocation *invocation, pid_t *pid);

#endif
