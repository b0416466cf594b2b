/* Code objects by number: a node of a stack names code by a small number, and name, file and line table are sent once. */
#ifndef CAIRN_AGENT_PYTHON_CODE_H
#define CAIRN_AGENT_PYTHON_CODE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/python/layout.h"
#include "agent/ring_writer.h"

/* Once a process. False without memory. A forked child finds the table empty and sends again what it uses. */
bool cairn_python_code_setup(void);

/* The number of `code` in this process (1, 2, …); what is new is described in `writer`'s ring before its number is known to
 * any thread. Code objects of the same file, name, first line and line table share a number. 0 when it can't be had: no room,
 * or another thread is at it for too long. */
uint32_t cairn_python_code_number(const struct cairn_python_layout *layout, uintptr_t code,
                                  struct cairn_ring_writer *writer);

/* Before one of the interpreter's blocks is freed: if it is a known code object, its address may soon be another's. */
void cairn_python_code_freed(const void *block);

/* All addresses: an interpreter was taken down, and what its code objects' memory is used for since was not seen. */
void cairn_python_code_forget(void);

/* Changes when a known code object was freed: a kept frame's code may be another by now. */
extern _Atomic uint32_t cairn_python_code_generation __attribute__((visibility("hidden")));

/* Another recording begins: nothing was told of any code object. Holding the GIL, while no frames are captured. */
void cairn_python_code_restart(void);

#endif
