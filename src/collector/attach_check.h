/* Whether a process that runs can be joined, and if not, why not, in a sentence. Looks at /proc only. */
#ifndef CAIRN_COLLECTOR_ATTACH_CHECK_H
#define CAIRN_COLLECTOR_ATTACH_CHECK_H

#include <sys/types.h>

#include "base/status.h"

/* `agent` is the libcairn.so that would be loaded into it. CAIRN_E_USAGE: no such process, or no process to join (another
 * user's, static, of 32 bits, traced, …). */
CAIRN_MUST_CHECK enum cairn_status cairn_attach_check(pid_t pid, const char *agent,
                                                      struct cairn_error *error);

/* After ptrace, or a look into the process's memory, said EPERM: what forbids it here. Returns the status it sets. */
enum cairn_status cairn_attach_forbidden(pid_t pid, struct cairn_error *error);

#endif
