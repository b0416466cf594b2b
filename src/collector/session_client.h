/* The other end of a session's socket, for commands: `cairn snapshot`, `cairn stop`. */
#ifndef CAIRN_COLLECTOR_SESSION_CLIENT_H
#define CAIRN_COLLECTOR_SESSION_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/status.h"
#include "wire/session.h"

/* Sends a command to the recording of process `pid`, or of `cairn record` or `cairn attach` itself with that pid, and waits
 * for its answer (a minute at most). `name` may be NULL. CAIRN_E_NOT_FOUND where nothing records that process. */
CAIRN_MUST_CHECK enum cairn_status cairn_session_command(pid_t pid, enum cairn_session_verb verb,
                                                         const char *name,
                                                         struct cairn_session_answer *answer,
                                                         struct cairn_error *error);

/* Whether a recorder that lives has that process. */
bool cairn_session_is_recorded(pid_t pid);

#endif
