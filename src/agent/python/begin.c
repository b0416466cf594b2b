/* The first pending call: the interpreter is up, and we hold its lock. */
#include "agent/patch.h"
#include "agent/python/allocators.h"
#include "agent/python/capture.h"
#include "agent/python/code.h"
#include "agent/python/frames.h"
#include "agent/python/interpreter.h"
#include "agent/python/module.h"
#include "agent/start.h"

/* Frames compared, at most. */
#define COMPARED_MAX 64u

static bool same_frame(const struct cairn_python_frame *ours, void *frame, void *code)
{
    const struct cairn_python_functions *call = &cairn_python.call;
    /* CAIRN_PYTHON_NOT_BEGUN is −1, as for the interpreter. */
    return ours->code == (uintptr_t)code &&
           call->PyCode_Addr2Line(code, (int)ours->offset) == call->PyFrame_GetLineNumber(frame);
}

/* 3.8 has no calls for the frames further out: there the innermost one stands for all. */
static bool innermost_agrees(const struct cairn_python_frames *walked)
{
    void *frame = cairn_python.call.PyEval_GetFrame();
    const struct cairn_python_frame *ours = &walked->frames[walked->count - 1];
    return frame && ours->frame == (uintptr_t)frame && same_frame(ours, frame, (void *)ours->code);
}

static bool all_agree(const struct cairn_python_frames *walked)
{
    const struct cairn_python_functions *call = &cairn_python.call;
    void *frame = call->PyEval_GetFrame();
    uint32_t compared = 0;
    bool owned = false, agree = frame != NULL;
    while (agree && frame && compared < COMPARED_MAX) {
        void *code = call->PyFrame_GetCode(frame);
        agree = compared < walked->count &&
                same_frame(&walked->frames[walked->count - 1 - compared], frame, code);
        call->Py_DecRef(code);
        void *outer = call->PyFrame_GetBack(frame);
        if (owned) {
            call->Py_DecRef(frame);
        }
        owned = true;
        frame = outer;
        compared++;
    }
    if (owned && frame) {
        call->Py_DecRef(frame);
    }
    return agree && (frame || compared == walked->count);
}

/* Compares our walk with what the interpreter itself says of this very moment. */
static bool walk_agrees(void)
{
    static struct cairn_python_frames walked;
    const struct cairn_python_functions *call = &cairn_python.call;
    cairn_python_frames_walk(&walked, cairn_python.layout, (uintptr_t)call->current_thread_state(),
                             cairn_python.code_type, CAIRN_PYTHON_DEPTH_MAX);
    if (walked.count == 0) {
        return call->PyEval_GetFrame() == NULL;
    }
    return call->PyFrame_GetBack && call->PyFrame_GetCode ? all_agree(&walked) : innermost_agrees(&walked);
}

/* What a capture compares with. Called in the main interpreter: if it is not there, it is not known where to look. */
static void find_main(void)
{
    const uint16_t offset = cairn_python.layout->thread_interpreter;
    const uintptr_t main = (uintptr_t)cairn_python.call.PyInterpreterState_Main();
    const char *state = cairn_python.call.current_thread_state();
    cairn_python.main = offset ? main : 0;
    if (offset && (*(const uintptr_t *)(const void *)(state + offset) != main ||
                   cairn_python.call.PyInterpreterState_Next(cairn_python.call.PyInterpreterState_Head()))) {
        atomic_store_explicit(&cairn_python.has_many_locks, true, memory_order_relaxed);
    }
}

static int begin(void *nothing)
{
    (void)nothing;
    /* What the test itself allocates is gone when it ends: not the program's. */
    cairn_python_depth++;
    if (!cairn_python_is_hooked()) {
        cairn_python_hook();
    }
    const bool agrees = walk_agrees();
    find_main();
    cairn_python_depth--;
    atomic_store_explicit(&cairn_python.state, agrees ? CAIRN_PYTHON_READY : CAIRN_PYTHON_NATIVE,
                          memory_order_release);
    if (!agrees) {
        cairn_python_tell(CAIRN_TEXT_NOTE,
                          "this Python's frames are not where they should be: Python stacks are left out");
    }
    if (!cairn_start_came_late()) {
        cairn_python_add_module();
    }
    return 0;
}

/* The same where the interpreter ran before us. Whatever was told of its code was told to another recording. */
static int begin_late(void *nothing)
{
    if (cairn_patch_is_on()) {
        cairn_python_code_restart();
        atomic_store_explicit(&cairn_python.state, CAIRN_PYTHON_HOOKED, memory_order_release);
        atomic_store_explicit(&cairn_python.asked, true, memory_order_release);
        begin(nothing);
    }
    return 0;
}

bool cairn_python_ask_late(void)
{
    return cairn_python.call.Py_IsInitialized() && cairn_python.call.Py_AddPendingCall(begin_late, NULL) == 0;
}

void cairn_python_ask(void)
{
    const struct cairn_python_functions *call = &cairn_python.call;
    if (cairn_start_came_late() || !call->Py_IsInitialized() ||
        atomic_exchange_explicit(&cairn_python.asked, true, memory_order_relaxed)) {
        return;
    }
    if (call->Py_AddPendingCall(begin, NULL) != 0) {
        /* The queue is full: at a later allocation. */
        atomic_store_explicit(&cairn_python.asked, false, memory_order_relaxed);
    }
}

void cairn_python_watch(void)
{
    if (atomic_load_explicit(&cairn_python.state, memory_order_relaxed) != CAIRN_PYTHON_READY) {
        return;
    }
    if (!cairn_python.call.Py_IsInitialized()) {
        atomic_store_explicit(&cairn_python.gone, true, memory_order_relaxed);
    } else if (atomic_load_explicit(&cairn_python.gone, memory_order_relaxed) &&
               atomic_exchange_explicit(&cairn_python.gone, false, memory_order_relaxed)) {
        cairn_python_code_forget();
        atomic_store_explicit(&cairn_python.state, CAIRN_PYTHON_HOOKED, memory_order_release);
        atomic_store_explicit(&cairn_python.asked, false, memory_order_release);
    }
}
