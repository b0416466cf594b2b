/* The stack of an allocation, whatever runs here: native frames, and Python ones above them where there is an interpreter. */
#ifndef CAIRN_AGENT_CAPTURE_H
#define CAIRN_AGENT_CAPTURE_H

#include "agent/python/capture.h"
#include "agent/python/interpreter.h"
#include "agent/stack.h"
#include "agent/thread.h"

/* The node of the stack from `at` outward; as cairn_stacks_capture(). */
static inline uint32_t cairn_capture(struct cairn_thread *thread, const struct cairn_registers *at)
{
    if (__builtin_expect(cairn_python_is_here(), 0)) {
        return cairn_python_capture(thread, at, false);
    }
    return thread->stacks ? cairn_stacks_capture(thread->stacks, at, &thread->writer) : 0;
}

#endif
