/* The interpreter's allocators, recorded: domains MEM and OBJ are wrapped, RAW reaches malloc by itself. */
#ifndef CAIRN_AGENT_PYTHON_ALLOCATORS_H
#define CAIRN_AGENT_PYTHON_ALLOCATORS_H

#include <stdbool.h>
#include <stdint.h>

/* Puts our wrappers around what is set now, where they are not in use already. Holding the GIL, or before the interpreter
 * is initialised. */
void cairn_python_hook(void);
/* Whether an allocation of both domains reaches our wrappers, however many others wrap them. Needs the GIL. */
bool cairn_python_is_hooked(void);

/* > 0 while this thread is inside a wrapper: what malloc and mmap do for it is the interpreter's block, counted once. */
extern __thread uint32_t cairn_python_depth __attribute__((visibility("hidden"), tls_model("initial-exec")));

/* A TEXT record in the calling thread's ring. */
void cairn_python_tell(uint32_t text_kind, const char *text);

#endif
