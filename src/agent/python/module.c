#include "agent/python/module.h"

#include <cairn/cairn.h>
#include <dlfcn.h>
#include <limits.h>
#include <string.h>

#include "agent/event.h"
#include "agent/python/allocators.h"
#include "agent/python/graph.h"
#include "agent/python/interpreter.h"

extern const struct cairn_agent_interface cairn_agent_interface_1;

#define METH_VARARGS  1
#define PYTHON_FOLDER "/python"

static void *none(void)
{
    return cairn_python.call.Py_BuildValue("");
}

/* Calls `act` with the one str argument. */
static void *with_name(void *arguments, void (*act)(const char *))
{
    const char *name = NULL;
    if (!cairn_python.call.PyArg_ParseTuple(arguments, "s", &name)) {
        return NULL;
    }
    act(name);
    return none();
}

static void *mark(void *self, void *arguments)
{
    (void)self;
    return with_name(arguments, cairn_agent_interface_1.mark);
}

static void *snapshot(void *self, void *arguments)
{
    (void)self;
    return with_name(arguments, cairn_agent_interface_1.snapshot);
}

static void *graph(void *self, void *arguments)
{
    (void)self;
    return with_name(arguments, cairn_python_graph);
}

static void *without_argument(void *arguments, void (*act)(void))
{
    if (!cairn_python.call.PyArg_ParseTuple(arguments, "")) {
        return NULL;
    }
    act();
    return none();
}

static void *pause_recording(void *self, void *arguments)
{
    (void)self;
    return without_argument(arguments, cairn_agent_interface_1.pause);
}

static void *resume_recording(void *self, void *arguments)
{
    (void)self;
    return without_argument(arguments, cairn_agent_interface_1.resume);
}

static void *reset_peak(void *self, void *arguments)
{
    (void)self;
    return without_argument(arguments, cairn_agent_interface_1.reset_peak);
}

static void *traced_memory(void *self, void *arguments)
{
    uint64_t current = 0, peak = 0;
    (void)self;
    if (!cairn_python.call.PyArg_ParseTuple(arguments, "")) {
        return NULL;
    }
    cairn_agent_interface_1.traced_bytes(&current, &peak);
    return cairn_python.call.Py_BuildValue("(KK)", (unsigned long long)current, (unsigned long long)peak);
}

/* Registered with atexit before any of the program's own, so it is called after them, and before the interpreter takes its
 * modules down. */
static void *at_exit(void *self, void *arguments)
{
    (void)self;
    (void)arguments;
    cairn_python_tell(CAIRN_TEXT_EXIT, "exit");
    cairn_python_exit_graph();
    return none();
}

/* The interpreter keeps pointers into it. */
static struct cairn_python_method methods[] = {
    {"mark", mark, METH_VARARGS, NULL},
    {"snapshot", snapshot, METH_VARARGS, NULL},
    {"graph", graph, METH_VARARGS, NULL},
    {"pause", pause_recording, METH_VARARGS, NULL},
    {"resume", resume_recording, METH_VARARGS, NULL},
    {"reset_peak", reset_peak, METH_VARARGS, NULL},
    {"traced_memory", traced_memory, METH_VARARGS, NULL},
    {"_at_exit", at_exit, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

/* Where cairn.py lies: in python/ beside this library. */
static bool find_folder(char *folder, size_t size)
{
    Dl_info info;
    if (!dladdr(&cairn_python, &info) || !info.dli_fname || info.dli_fname[0] != '/') {
        return false;
    }
    const char *slash = strrchr(info.dli_fname, '/');
    const size_t length = (size_t)(slash - info.dli_fname);
    if (length + sizeof PYTHON_FOLDER > size) {
        return false;
    }
    memcpy(folder, info.dli_fname, length);
    memcpy(folder + length, PYTHON_FOLDER, sizeof PYTHON_FOLDER);
    return true;
}

/* atexit.register(_cairn._at_exit) */
static void watch_exit(void *module)
{
    const struct cairn_python_functions *call = &cairn_python.call;
    void *atexit = call->PyImport_ImportModule("atexit");
    void *enter = atexit ? call->PyObject_GetAttrString(atexit, "register") : NULL;
    void *callback = enter ? call->PyObject_GetAttrString(module, "_at_exit") : NULL;
    void *result = callback ? call->PyObject_CallFunction(enter, "O", callback) : NULL;
    void *const used[] = {result, callback, enter, atexit};
    for (size_t i = 0; i < sizeof used / sizeof *used; i++) {
        if (used[i]) {
            call->Py_DecRef(used[i]);
        }
    }
}

void cairn_python_add_module(void)
{
    const struct cairn_python_functions *call = &cairn_python.call;
    char folder[PATH_MAX];
    void *module = call->PyImport_AddModule("_cairn");
    void *path = call->PySys_GetObject("path");
    if (module && call->PyModule_AddFunctions(module, methods) == 0 && path &&
        find_folder(folder, sizeof folder)) {
        void *text = call->PyUnicode_DecodeFSDefault(folder);
        if (text) {
            call->PyList_Append(path, text);
            call->Py_DecRef(text);
        }
    }
    if (module) {
        watch_exit(module);
    }
    call->PyErr_Clear();
}
