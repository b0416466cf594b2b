/* libunwind, for the frames no simple rule describes: loaded privately, with an address space of its own that reads
 * only unwind tables and the stack under walk.
 *
 * Linked normally its _Unwind_* functions would take over the exceptions of libraries that are loaded later, and its own
 * address space validates memory through a pipe whose descriptors the program may have closed and reused. */
#ifndef CAIRN_AGENT_UNWIND_FALLBACK_H
#define CAIRN_AGENT_UNWIND_FALLBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/stack_memory.h"
#include "agent/unwind_x86_64.h"

/* One thread's cursor. */
struct cairn_fallback;

/* Once, before the first use: dlopen. `false` when libunwind is not to be had. */
bool cairn_fallback_setup(void);
/* Called by it when libunwind is loaded and before it does anything. May be NULL. */
extern void (*cairn_fallback_loaded)(void);
/* NULL when there is no memory or no libunwind. */
struct cairn_fallback *cairn_fallback_new(void);
/* Tolerates NULL. */
void cairn_fallback_free(struct cairn_fallback *fallback);
/* In a forked child, before the first walk: when another thread was inside libunwind at the fork, its locks are held for
 * ever, and it is not used any more. */
void cairn_fallback_forked(void);

/* A new walk begins: the cursor stands nowhere. Tolerates NULL. */
void cairn_fallback_restart(struct cairn_fallback *fallback);

/* One step outward from `frame`, which a walk has reached that began in our caller's caller. Moves `memory` along. */
enum cairn_step_kind cairn_fallback_step(struct cairn_fallback *fallback, const struct cairn_frame *frame,
                                         struct cairn_stack_memory *memory, struct cairn_frame *outer);

#endif
