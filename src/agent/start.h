/* Where the agent begins: with the program, or when it is joined later. */
#ifndef CAIRN_AGENT_START_H
#define CAIRN_AGENT_START_H

#include <stdbool.h>

/* What the agent needs once: the C library's handlers, the unwinder, a ring for the calling thread. Does nothing when it was
 * done. A session is known. */
void cairn_start_prepare(void);
/* Whether that was done, or will be as with every preloaded library. */
bool cairn_start_is_prepared(void);
/* Whether this library came into a program that ran already. */
bool cairn_start_came_late(void);

#endif
