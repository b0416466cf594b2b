/* The stack of an allocation in a program with a Python interpreter: Python frames, and below them the C functions that they
 * called, down to the allocator. */
#ifndef CAIRN_AGENT_PYTHON_CAPTURE_H
#define CAIRN_AGENT_PYTHON_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/thread.h"

struct cairn_registers;

/* As cairn_stacks_capture(). `by_interpreter`: one of the interpreter's allocators was called, with the GIL held; its own
 * C frames are left out unless the recording wants them. */
uint32_t cairn_python_capture(struct cairn_thread *thread, const struct cairn_registers *at,
                              bool by_interpreter);

/* Arranges for the first pending call once the interpreter is up: the self-test, the module `_cairn`, and the hooks again
 * where the first ones were thrown away. Cheap until then. */
void cairn_python_ask(void);
/* The same in a program that ran before this library came, without the module. False: not now. */
bool cairn_python_ask_late(void);

/* Notices that the interpreter was taken down and is up again, as programs that embed it do: then all begins anew, and the
 * hooks are put back (from 3.12 on they are thrown away with it). Asked by malloc, which an interpreter's start calls often. */
void cairn_python_watch(void);

/* What a thread kept of its Python frames. Tolerates NULL. */
void cairn_python_thread_free(struct cairn_python_thread *own);

#endif
