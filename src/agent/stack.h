/* Call stacks of the recorded program: learn once, validate and reuse (DESIGN.md, section 3).
 *
 * Every thread owns a `struct cairn_stacks`: the last stack it saw, outermost first, and the table of stack nodes it has
 * sent through its ring. Nothing here allocates from the target's heap, takes a lock on the usual path, or changes errno.
 * No return address is ever rewritten. */
#ifndef CAIRN_AGENT_STACK_H
#define CAIRN_AGENT_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/ring_writer.h"

struct cairn_stacks;

/* The allocator's caller, just after the call returns: what a hook knows of itself with
 * __builtin_return_address(0) and its own frame pointer. */
struct cairn_registers {
    uintptr_t pc;  /* return address into the caller */
    uintptr_t sp;  /* the caller's stack pointer after the return (hook's CFA) */
    uintptr_t rbp; /* the caller's rbp */
};

/* Where they meet the rest of the agent: before a new NODE of kind NATIVE or NATIVE_PC is written, nodes.c calls
 * cairn_nodes_notice, which is cairn_modules_notice() (modules.h), so that its MODULE record comes first. What they make libunwind, the loader or the
 * C library allocate stands between cairn_own_begin() and cairn_own_end() (own.h); cairn_stacks_setup and
 * cairn_stacks_new are called that way already, with signals blocked. */

/* Memory that may be read while walking: the stack the thread runs on now. */
struct cairn_stack_bounds {
    uintptr_t low, high;
};

/* Memory comes from mmap. NULL when there is none: then events carry node 0. */
struct cairn_stacks *cairn_stacks_new(uint32_t max_depth);
/* Tolerates NULL. */
void cairn_stacks_free(struct cairn_stacks *stacks);

/* The node of the whole stack from `at` outward, in the numbering of this ring (wire/record.h); NODE records for what is
 * new have been committed to `writer` already. 0 when there is no stack or no ring. Call it outside enter/leave. Not
 * re-entrant: the caller keeps signal handlers that allocate out (they get node 0 or a flag, not a second walk). */
uint32_t cairn_stacks_capture(struct cairn_stacks *stacks, const struct cairn_registers *at,
                              struct cairn_ring_writer *writer);

/* The same with extra innermost nodes supplied by the caller (Python frames, innermost first), which stand below the
 * native ones in the trie when `native_outer` says so. `values` are node values, `kinds` enum cairn_node_kind. Interns the
 * path (outermost first) and returns the innermost node. */
uint32_t cairn_stacks_intern_path(struct cairn_stacks *stacks, uint32_t parent, const uint8_t *kinds,
                                  const uint64_t *values, size_t count, struct cairn_ring_writer *writer);

/* The innermost frames alone: those from `at` outward up to the first whose code lies in [low, high), which is left out,
 * innermost first; at most `capacity`. Returns how many. Nothing is interned or kept. */
size_t cairn_stacks_walk_inner(struct cairn_stacks *stacks, const struct cairn_registers *at, uintptr_t low,
                               uintptr_t high, uint8_t *kinds, uint64_t *values, size_t capacity);

/* Changes whenever node numbers that were given out stop to hold: for callers that keep some. Numbers anew first where the
 * table is full. Never 0. */
uint32_t cairn_stacks_generation(struct cairn_stacks *stacks, struct cairn_ring_writer *writer);

/* A new ring generation or a forked child: the numbering starts again; nothing kept is valid. Writes no record. */
void cairn_stacks_reset(struct cairn_stacks *stacks);

/* Process-wide: code was unmapped (dlclose) — learned frame rules and kept stacks are stale from here on. Any thread. */
void cairn_stacks_flush_rules(void);

/* Process-wide, once, before the first capture: loads libunwind privately (dlopen RTLD_LOCAL) for frames without simple
 * rules. Works without it: such frames then end the stack with a STOPPED node. `false` when it could not be loaded. */
bool cairn_stacks_setup(void);

#endif
