#include "agent/python/capture.h"

#include "agent/memory.h"
#include "agent/process.h"
#include "agent/python/allocators.h"
#include "agent/python/code.h"
#include "agent/python/frames.h"
#include "agent/python/interpreter.h"
#include "agent/stack.h"

/* C frames between the allocator and the innermost Python frame, at most: extensions that go deeper are cut. */
#define INNER_MAX                 256u
#define FIRST_MINOR_OF_OWN_STATES 12u

/* What one thread keeps: its Python frames, and room for the C frames below them. */
struct cairn_python_thread {
    /* What the kept frames belong to: the thread that has this ring now, its numbering of nodes, the known code objects. */
    uint32_t thread_generation, stacks_generation, code_generation;
    uint8_t kinds[INNER_MAX];
    uint64_t values[INNER_MAX];
    struct cairn_python_frames frames;
};

static struct cairn_python_thread *thread_of(struct cairn_thread *thread)
{
    if (!thread->python) {
        thread->python = cairn_memory_map(sizeof *thread->python);
    }
    return thread->python;
}

void cairn_python_thread_free(struct cairn_python_thread *own)
{
    cairn_memory_unmap(own, sizeof *own);
}

/* Of the calling thread, 0 when it has none. Another allocator than the interpreter's may be called without the GIL, and the
 * thread state that runs now may then be another thread's (to 3.11; from 3.12 on each thread has its own). */
static uintptr_t thread_state(bool by_interpreter)
{
    const struct cairn_python_functions *call = &cairn_python.call;
    void *state = by_interpreter || cairn_python.layout->minor >= FIRST_MINOR_OF_OWN_STATES
                      ? call->current_thread_state()
                      : NULL;
    return (uintptr_t)(state ? state : call->PyGILState_GetThisThreadState());
}

/* The node of the innermost Python frame, 0 when there is none (or no way to say it). */
static uint32_t intern_frames(struct cairn_thread *thread, struct cairn_python_thread *own)
{
    struct cairn_python_frames *frames = &own->frames;
    const uint8_t kind = CAIRN_NODE_PYTHON;
    uint32_t node = 0;
    if (frames->kept > 0) {
        node = frames->frames[frames->kept - 1].node;
    } else if (frames->dropped > 0) {
        const uint8_t cut = CAIRN_NODE_TRUNCATED;
        const uint64_t nothing = 0;
        node = cairn_stacks_intern_path(thread->stacks, 0, &cut, &nothing, 1, &thread->writer);
    }
    for (uint32_t i = frames->kept; i < frames->count; i++) {
        struct cairn_python_frame *frame = &frames->frames[i];
        if (frame->number == 0) {
            frame->number = cairn_python_code_number(cairn_python.layout, frame->code, &thread->writer);
        }
        const uint64_t value = (uint64_t)frame->number << 32 | frame->offset;
        node = cairn_stacks_intern_path(thread->stacks, node, &kind, &value, 1, &thread->writer);
        if (node == 0) {
            cairn_python_frames_forget(frames);
            return 0;
        }
        frame->node = node;
    }
    return node;
}

/* Whose thread it is, from 3.12 on: if it is another's than the main interpreter's, its lock may be another, too. */
static inline void note_interpreter(uintptr_t state)
{
    if (cairn_python.main && state &&
        __builtin_expect(
            *(const uintptr_t *)(state + cairn_python.layout->thread_interpreter) != cairn_python.main, 0)) {
        atomic_store_explicit(&cairn_python.has_many_locks, true, memory_order_relaxed);
    }
}

static uint32_t python_node(struct cairn_thread *thread, struct cairn_python_thread *own, bool by_interpreter)
{
    const uintptr_t state = thread_state(by_interpreter);
    note_interpreter(state);
    const uint32_t stacks_generation = cairn_stacks_generation(thread->stacks, &thread->writer);
    const uint32_t code_generation =
        atomic_load_explicit(&cairn_python_code_generation, memory_order_relaxed);
    if (thread->generation != own->thread_generation || stacks_generation != own->stacks_generation ||
        code_generation != own->code_generation) {
        cairn_python_frames_forget(&own->frames);
        own->thread_generation = thread->generation;
        own->stacks_generation = stacks_generation;
        own->code_generation = code_generation;
    }
    const uint32_t max_depth = thread->writer.segment->max_depth;
    cairn_python_frames_walk(&own->frames, cairn_python.layout, state, cairn_python.code_type, max_depth);
    return own->frames.count > 0 ? intern_frames(thread, own) : 0;
}

/* Leaves the interpreter's own frames out of the `count` inner ones; returns how many stay. */
static size_t drop_interpreter(struct cairn_python_thread *own, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (own->values[i] - cairn_python.text_low >= cairn_python.text_high - cairn_python.text_low) {
            own->kinds[kept] = own->kinds[i];
            own->values[kept++] = own->values[i];
        }
    }
    return kept;
}

uint32_t cairn_python_capture(struct cairn_thread *thread, const struct cairn_registers *at,
                              bool by_interpreter)
{
    if (!thread->stacks) {
        return 0;
    }
    if (__builtin_expect(!atomic_load_explicit(&cairn_python.asked, memory_order_relaxed), 0)) {
        cairn_python_ask();
    }
    if (!by_interpreter) {
        cairn_python_watch();
    }
    if (atomic_load_explicit(&cairn_python.state, memory_order_acquire) != CAIRN_PYTHON_READY) {
        return cairn_stacks_capture(thread->stacks, at, &thread->writer);
    }
    struct cairn_python_thread *own = thread_of(thread);
    const uint32_t node = own ? python_node(thread, own, by_interpreter) : 0;
    if (node == 0) {
        return cairn_stacks_capture(thread->stacks, at, &thread->writer);
    }
    const bool native = thread->writer.segment->options & CAIRN_OPTION_NATIVE;
    if (by_interpreter && !native) {
        return node;
    }
    size_t count = cairn_stacks_walk_inner(thread->stacks, at, cairn_python.eval_low, cairn_python.eval_high,
                                           own->kinds, own->values, INNER_MAX);
    if (!native) {
        count = drop_interpreter(own, count);
    }
    const uint32_t inner =
        cairn_stacks_intern_path(thread->stacks, node, own->kinds, own->values, count, &thread->writer);
    return inner ? inner : node;
}
