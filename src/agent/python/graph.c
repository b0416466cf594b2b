#include "agent/python/graph.h"

#include <string.h>

#include "agent/event.h"
#include "agent/graph_moment.h"
#include "agent/machine.h"
#include "agent/memory.h"
#include "agent/process.h"
#include "agent/python/code.h"
#include "agent/python/frames.h"
#include "agent/python/graph_objects.h"
#include "agent/python/interpreter.h"
#include "agent/python/objects.h"
#include "agent/session.h"

/* The collector's state in 3.8 and 3.9 lies somewhere in so many first bytes of the runtime's or the interpreter's: a head, which says
 * so far from its end whether the collector is on, and three generations. */
#define STATE_BYTES        1536u
#define STATE_HEAD_BYTES   24u
#define GENERATIONS_BYTES  72u
#define BEFORE_GENERATIONS 12u

/* --- In the image --- */

static uint32_t text(struct cairn_graph_stream *stream, const char *words)
{
    return cairn_graph_stream_string(stream, words, strlen(words));
}

static uint32_t python_text(struct cairn_graph_stream *stream, uintptr_t string)
{
    char words[256];
    return cairn_graph_stream_string(stream, words,
                                     cairn_python_text(cairn_python.layout, string, words, sizeof words));
}

/* A function of the interpreter's module gc as the program has it, and nothing that was put in its place. A new reference, or NULL. */
static void *gc_function_here(void *modules, const char *name)
{
    const struct cairn_python_functions *call = &cairn_python.call;
    void *gc = modules ? call->PyDict_GetItemString(modules, "gc") : NULL;
    void **place = gc ? call->_PyObject_GetDictPtr(gc) : NULL;
    void *found = place && *place ? call->PyDict_GetItemString(*place, name) : NULL;
    const bool is_builtin =
        found && cairn_python_word((uintptr_t)found, CAIRN_PYTHON_TYPE) == cairn_python.builtin_function_type;
    return is_builtin ? call->Py_BuildValue("O", found) : NULL;
}

/* The same where the program has none, without an import: that runs Python code, and where another thread waits for the
 * interpreter's lock, Python code gives it up and waits until that thread has had it. In an image there are no others. `*ours`: it
 * was made here, and is none of the program's objects. */
static void *gc_function(const char *name, bool *ours)
{
    const struct cairn_python_functions *call = &cairn_python.call;
    void *modules = call->PySys_GetObject("modules");
    void *found = gc_function_here(modules, name);
    *ours = false;
    if (found || !call->PyInit_gc || !cairn_python.module_def_type) {
        return found;
    }
    void *gc = call->PyInit_gc();
    if (!gc) {
        return NULL;
    }
    if (cairn_python_word((uintptr_t)gc, CAIRN_PYTHON_TYPE) != cairn_python.module_def_type) {
        if (modules && !call->PyDict_GetItemString(modules, "gc") &&
            call->PyDict_SetItemString(modules, "gc", gc) != 0) {
            call->PyErr_Clear();
        }
        return call->PyObject_GetAttrString(gc, name); /* the module stays: gc's list has it */
    }
    /* Newer versions only describe the module: that is nobody's to give back. */
    struct cairn_python_method *method =
        (struct cairn_python_method *)cairn_python_word((uintptr_t)gc, CAIRN_PYTHON_METHODS);
    while (method->name && strcmp(method->name, name) != 0) {
        method++;
    }
    *ours = true;
    return method->name ? call->PyCFunction_NewEx(method, NULL, NULL) : NULL;
}

/* The one that the calling thread runs: the newest comes first in the list. */
static void *own_interpreter(void)
{
    const struct cairn_python_functions *call = &cairn_python.call;
    const void *own = call->current_thread_state();
    for (void *interpreter = call->PyInterpreterState_Head(); interpreter;
         interpreter = call->PyInterpreterState_Next(interpreter)) {
        void *thread = call->PyInterpreterState_ThreadHead(interpreter);
        while (thread && thread != own) {
            thread = call->PyThreadState_Next(thread);
        }
        if (thread) {
            return interpreter;
        }
    }
    return call->PyInterpreterState_Main();
}

/* 3.8 and 3.9 export nothing that switches their collector off, and the first object of a module gc may set it off. What it
 * keeps is known by itself: three lists of objects with limits and counts, and behind them the address of the first. Whether it
 * collects stands before them. */
static bool switch_off(uintptr_t from)
{
    for (uintptr_t at = from + GENERATIONS_BYTES + STATE_HEAD_BYTES; at < from + STATE_BYTES;
         at += sizeof(uintptr_t)) {
        const uintptr_t first = at - GENERATIONS_BYTES;
        int *enabled = (int *)(first - BEFORE_GENERATIONS);
        if (cairn_python_word(at, 0) == first && (*enabled == 0 || *enabled == 1)) {
            *enabled = 0;
            return true;
        }
    }
    return false;
}

/* What is made here would set off a collection at any time: the program's finalizers would run, and objects be gone that are
 * to be told. */
static void stop_collecting(void)
{
    const struct cairn_python_functions *call = &cairn_python.call;
    bool ours;
    if (call->PyGC_Disable) {
        call->PyGC_Disable();
        return;
    }
    const uintptr_t state =
        cairn_python.layout->minor == 8 ? cairn_python.runtime : (uintptr_t)own_interpreter();
    if (state && switch_off(state)) {
        return;
    }
    void *disable = gc_function("disable", &ours);
    void *nothing = disable ? call->PyObject_CallFunction(disable, NULL) : NULL;
    if (!nothing) {
        call->PyErr_Clear();
    }
}

/* Python's list of what its collector tracks, which is not part of the graph. A new reference, or NULL. */
static void *list_tracked(uintptr_t *ours)
{
    const struct cairn_python_functions *call = &cairn_python.call;
    bool made;
    void *get = gc_function("get_objects", &made);
    void *list = get ? call->PyObject_CallFunction(get, NULL) : NULL;
    *ours = made ? (uintptr_t)get : 0;
    if (get) {
        call->Py_DecRef(get);
    }
    if (!list) {
        call->PyErr_Clear();
    } else if (!(cairn_python_word(cairn_python_word((uintptr_t)list, CAIRN_PYTHON_TYPE), CAIRN_TYPE_FLAGS) &
                 CAIRN_TYPE_FLAG_LIST)) {
        call->Py_DecRef(list); /* the program calls another built-in function so */
        return NULL;
    }
    return list;
}

static void add_tracked(struct cairn_graph_objects *objects, void *list, uintptr_t ours)
{
    const size_t count = list ? cairn_python_word((uintptr_t)list, CAIRN_PYTHON_SIZE) : 0;
    const uintptr_t *items = list ? (const uintptr_t *)cairn_python_word((uintptr_t)list, 24) : NULL;
    for (size_t i = 0; i < count; i++) {
        if (count - i > CAIRN_GRAPH_AHEAD) {
            cairn_graph_objects_expect(objects, items[i + CAIRN_GRAPH_AHEAD]);
        }
        if (items[i] != ours) {
            cairn_graph_objects_number(objects, items[i]);
        }
    }
}

static void module_roots(struct cairn_graph_objects *objects)
{
    void *modules = cairn_python.call.PySys_GetObject("modules");
    const uint32_t kind = text(objects->stream, "module");
    intptr_t position = 0;
    void *name, *module;
    while (modules && cairn_python.call.PyDict_Next(modules, &position, &name, &module)) {
        cairn_graph_stream_root(
            objects->stream,
            &(struct cairn_graph_wire_root){.node = cairn_graph_objects_number(objects, (uintptr_t)module),
                                            .kind = kind,
                                            .name = python_text(objects->stream, (uintptr_t)name)});
    }
}

/* "name() file.py: local" */
static uint32_t local_name(struct cairn_graph_stream *stream, uintptr_t code, uintptr_t local)
{
    const struct cairn_python_layout *layout = cairn_python.layout;
    char words[512];
    size_t length = cairn_python_text(layout, cairn_python_word(code, layout->code_name), words, 160);
    memcpy(words + length, "() ", 3);
    length += 3;
    char file[256];
    const size_t file_length =
        cairn_python_text(layout, cairn_python_word(code, layout->code_filename), file, sizeof file);
    size_t base = file_length;
    while (base > 0 && file[base - 1] != '/') {
        base--;
    }
    memcpy(words + length, file + base, file_length - base);
    length += file_length - base;
    if (local) {
        words[length++] = ' ';
        length += cairn_python_text(layout, local, words + length, sizeof words - length);
    }
    return cairn_graph_stream_string(stream, words, length);
}

/* From 3.11 on a running frame is no object: its locals are roots themselves. */
static void frame_roots(struct cairn_graph_objects *objects, const struct cairn_python_frame *frame,
                        uint32_t kind)
{
    const struct cairn_python_layout *layout = cairn_python.layout;
    if (!layout->frame_locals) {
        cairn_graph_stream_root(
            objects->stream,
            &(struct cairn_graph_wire_root){.node = cairn_graph_objects_number(objects, frame->frame),
                                            .kind = kind,
                                            .name = local_name(objects->stream, frame->code, 0)});
        return;
    }
    const int32_t count = cairn_python_int(frame->code, layout->code_local_count);
    const uintptr_t names = cairn_python_word(frame->code, layout->code_local_names);
    for (int32_t i = 0; i < count && i < 4096; i++) {
        const uintptr_t local = cairn_python_word(frame->frame, (unsigned)(layout->frame_locals + 8 * i));
        if (local) {
            cairn_graph_stream_root(
                objects->stream, &(struct cairn_graph_wire_root){
                                     .node = cairn_graph_objects_number(objects, local),
                                     .kind = kind,
                                     .name = local_name(objects->stream, frame->code,
                                                        cairn_python_word(names, (unsigned)(24 + 8 * i)))});
        }
    }
}

static void thread_roots(struct cairn_graph_objects *objects)
{
    static struct cairn_python_frames walked;
    const struct cairn_python_functions *call = &cairn_python.call;
    const uint32_t kind = text(objects->stream, "frame");
    for (void *thread = call->PyInterpreterState_ThreadHead(own_interpreter()); thread;
         thread = call->PyThreadState_Next(thread)) {
        cairn_python_frames_forget(&walked);
        cairn_python_frames_walk(&walked, cairn_python.layout, (uintptr_t)thread, cairn_python.code_type,
                                 CAIRN_PYTHON_DEPTH_MAX);
        for (uint32_t i = 0; i < walked.count; i++) {
            frame_roots(objects, &walked.frames[i], kind);
        }
    }
}

static void send_all(struct cairn_graph_objects *objects)
{
    uintptr_t ours;
    stop_collecting();
    void *list = list_tracked(&ours);
    add_tracked(objects, list, ours);
    const size_t tracked = objects->count;
    module_roots(objects);
    thread_roots(objects);
    cairn_graph_objects_send(objects, tracked);
    if (!objects->failed && !objects->stream->failed) {
        cairn_graph_stream_end(objects->stream);
    }
    if (list) {
        cairn_python.call.Py_DecRef(list);
    }
}

static void tell_graph(const struct cairn_session_request *request, uint32_t options)
{
    struct cairn_graph_stream *stream = cairn_memory_map(sizeof *stream);
    struct cairn_graph_objects objects = {.stream = stream, .options = options};
    const int fd = cairn_session_stream(request);
    if (fd >= 0 && stream && cairn_graph_stream_init(stream, fd) &&
        cairn_graph_objects_init(&objects, stream)) {
        send_all(&objects);
    }
    cairn_graph_objects_release(&objects);
    if (stream) {
        cairn_graph_stream_release(stream);
        cairn_memory_unmap(stream, sizeof *stream);
    }
    if (fd >= 0) {
        cairn_syscall3(SYS_close, fd, 0, 0);
    }
}

/* --- In the target --- */

struct python_teller {
    struct cairn_graph_teller teller;
    struct cairn_session_request request;
    uint32_t options; /* enum cairn_option_bits */
};

static void prepare(struct cairn_graph_teller *teller, uint32_t serial)
{
    struct python_teller *python = (struct python_teller *)teller;
    const struct cairn_segment_header *header = cairn_process_header();
    python->options = header ? header->options : 0;
    python->request = (struct cairn_session_request){.magic = CAIRN_SESSION_MAGIC,
                                                     .version = CAIRN_WIRE_VERSION,
                                                     .verb = CAIRN_SESSION_GRAPH_STREAM,
                                                     .process = cairn_process_here()->number,
                                                     .fork_serial = serial};
}

static void tell(const struct cairn_graph_teller *teller, bool in_place)
{
    const struct python_teller *python = (const struct python_teller *)teller;
    (void)in_place; /* never */
    tell_graph(&python->request, python->options);
}

/* Only in an image: in the program itself to look would make objects, and call upon some. */
static void take(const char *name, uint32_t asked, uintptr_t sp)
{
    struct python_teller teller = {.teller = {.prepare = prepare, .tell = tell, .image_only = true}};
    cairn_graph_moment(name, asked, sp, &teller.teller);
}

static bool wanted(uint32_t option)
{
    return cairn_graph_wanted(option) &&
           atomic_load_explicit(&cairn_python.state, memory_order_acquire) >= CAIRN_PYTHON_READY &&
           cairn_python.layout;
}

void cairn_python_graph(const char *name)
{
    if (wanted(CAIRN_OPTION_GRAPHS)) {
        take(name, 0, CAIRN_FRAME());
    }
}

void cairn_python_exit_graph(void)
{
    if (wanted(CAIRN_OPTION_EXIT_GRAPH) && cairn_graph_take_end()) {
        take("exit", 0, CAIRN_FRAME());
    }
}

static bool holds_lock(void)
{
    const struct cairn_python_functions *call = &cairn_python.call;
    const void *current = call->current_thread_state();
    return current && current == call->PyGILState_GetThisThreadState();
}

bool cairn_python_end_graph(void)
{
    if (!wanted(CAIRN_OPTION_EXIT_GRAPH)) {
        return false;
    }
    if (cairn_python.call.Py_IsInitialized() && holds_lock() && cairn_graph_take_end()) {
        take("exit", 0, CAIRN_FRAME());
    }
    return true;
}

/* --- Asked for by the collector --- */

static _Atomic uint32_t pending;

static int take_pending(void *nothing)
{
    (void)nothing;
    const uint32_t asked = atomic_exchange_explicit(&pending, 0, memory_order_relaxed);
    if (asked && wanted(CAIRN_OPTION_GRAPHS)) {
        take("", asked, CAIRN_FRAME());
    }
    return 0;
}

bool cairn_python_graph_asked(uint32_t asked, bool first, bool allocates)
{
    if (!wanted(CAIRN_OPTION_GRAPHS)) {
        return false;
    }
    if (first) {
        atomic_store_explicit(&pending, asked, memory_order_relaxed);
        cairn_python.call.Py_AddPendingCall(take_pending, NULL);
    } else if (allocates && holds_lock() && atomic_exchange_explicit(&pending, 0, memory_order_relaxed)) {
        take("", asked, CAIRN_FRAME());
    }
    return true;
}
