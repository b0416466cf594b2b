/* The code of a process that is to be joined: where its functions are, and whether a thread of it stands at a place where
 * it holds none of the locks that loading a library takes. */
#ifndef CAIRN_COLLECTOR_ATTACH_PLACE_H
#define CAIRN_COLLECTOR_ATTACH_PLACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/status.h"

struct cairn_attach_code;

/* Reads what is loaded. Nothing is stopped for it. Free with cairn_attach_code_free(). */
CAIRN_MUST_CHECK enum cairn_status cairn_attach_code_open(pid_t pid, struct cairn_attach_code **code,
                                                          struct cairn_error *error);
void cairn_attach_code_free(struct cairn_attach_code *code);

/* The address of a function of the C library, 0 where it has none of that name. */
uint64_t cairn_attach_code_function(const struct cairn_attach_code *code, const char *name);

/* Whether the thread, which stands (ptrace, by the calling thread), is outside of the loader, of the allocator, of this
 * agent, and of whatever else of the C library is not known to wait without a lock. `patient`: nothing is taken for granted
 * about stacks that cannot be walked to their end. */
bool cairn_attach_code_is_safe(struct cairn_attach_code *code, pid_t tid, bool patient);

#endif
