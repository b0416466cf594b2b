/* The CPython interpreter in this process: found by its exported symbols, in the executable or a shared libpython, or in one
 * that is loaded later. No Python headers: what is called is declared here. */
#ifndef CAIRN_AGENT_PYTHON_INTERPRETER_H
#define CAIRN_AGENT_PYTHON_INTERPRETER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/python/layout.h"

/* PyMemAllocatorEx. */
struct cairn_python_allocator {
    void *context;
    void *(*malloc)(void *context, size_t size);
    void *(*calloc)(void *context, size_t count, size_t size);
    void *(*realloc)(void *context, void *block, size_t size);
    void (*free)(void *context, void *block);
};

/* PyMemAllocatorDomain; RAW reaches malloc, which is hooked anyway. */
enum cairn_python_domain { CAIRN_PYTHON_RAW = 0, CAIRN_PYTHON_MEM = 1, CAIRN_PYTHON_OBJ = 2 };

struct cairn_python_method { /* PyMethodDef */
    const char *name;
    void *(*call)(void *self, void *arguments);
    int flags;
    const char *doc;
};

/* X(result, name, arguments): exported by every version. */
#define CAIRN_PYTHON_FUNCTIONS(X)                                                                            \
    X(void, PyMem_GetAllocator, (int, struct cairn_python_allocator *))                                      \
    X(void, PyMem_SetAllocator, (int, struct cairn_python_allocator *))                                      \
    X(void *, PyGILState_GetThisThreadState, (void))                                                         \
    X(int, Py_AddPendingCall, (int (*)(void *), void *))                                                     \
    X(int, Py_IsInitialized, (void))                                                                         \
    X(const char *, Py_GetVersion, (void))                                                                   \
    X(void *, PyObject_Malloc, (size_t))                                                                     \
    X(void, PyObject_Free, (void *))                                                                         \
    X(void *, PyMem_Malloc, (size_t))                                                                        \
    X(void, PyMem_Free, (void *))                                                                            \
    X(void *, PyImport_AddModule, (const char *))                                                            \
    X(int, PyModule_AddFunctions, (void *, struct cairn_python_method *))                                    \
    X(void *, PyImport_ImportModule, (const char *))                                                         \
    X(void *, PyObject_GetAttrString, (void *, const char *))                                                \
    X(void *, PyCFunction_NewEx, (struct cairn_python_method *, void *, void *))                             \
    X(void *, PyObject_CallFunction, (void *, const char *, ...))                                            \
    X(void *, PySys_GetObject, (const char *))                                                               \
    X(int, PyList_Append, (void *, void *))                                                                  \
    X(void *, PyUnicode_DecodeFSDefault, (const char *))                                                     \
    X(int, PyArg_ParseTuple, (void *, const char *, ...))                                                    \
    X(void *, Py_BuildValue, (const char *, ...))                                                            \
    X(int, PyDict_Next, (void *, intptr_t *, void **, void **))                                              \
    X(void *, PyDict_GetItemString, (void *, const char *))                                                  \
    X(int, PyDict_SetItemString, (void *, const char *, void *))                                             \
    X(void *, PyObject_Repr, (void *))                                                                       \
    X(size_t, PyLong_AsSize_t, (void *))                                                                     \
    X(size_t, _PySys_GetSizeOf, (void *))                                                                    \
    X(void **, _PyObject_GetDictPtr, (void *))                                                               \
    X(void *, PyInterpreterState_Head, (void))                                                               \
    X(void *, PyInterpreterState_Main, (void))                                                               \
    X(void *, PyInterpreterState_Next, (void *))                                                             \
    X(void *, PyInterpreterState_ThreadHead, (void *))                                                       \
    X(void *, PyThreadState_Next, (void *))                                                                  \
    X(void *, PyEval_GetFrame, (void))                                                                       \
    X(int, PyFrame_GetLineNumber, (void *))                                                                  \
    X(int, PyCode_Addr2Line, (void *, int))                                                                  \
    X(void, PyErr_Clear, (void))                                                                             \
    X(void, Py_DecRef, (void *))

struct cairn_python_functions {
#define CAIRN_PYTHON_MEMBER(result, name, arguments) result(*name) arguments;
    CAIRN_PYTHON_FUNCTIONS(CAIRN_PYTHON_MEMBER)
#undef CAIRN_PYTHON_MEMBER
    /* The thread state that runs now; another name from 3.13 on. */
    void *(*current_thread_state)(void);
    /* 3.9 on; NULL before. */
    void *(*PyFrame_GetBack)(void *);
    void *(*PyFrame_GetCode)(void *);
    /* Of the built-in module gc; NULL where it is not exported. */
    void *(*PyInit_gc)(void);
    int (*PyGC_Disable)(void); /* 3.10 on */
};

/*   ABSENT ──symbols found──► HOOKED ──first pending call, walk agrees──► READY ──taken down, and up again──► HOOKED
 *                                └──────────── it differs ──────────────► NATIVE   (blocks counted, no Python frames) */
enum cairn_python_state {
    CAIRN_PYTHON_ABSENT = 0,
    CAIRN_PYTHON_HOOKED,
    CAIRN_PYTHON_READY,
    CAIRN_PYTHON_NATIVE,
};

struct cairn_python {
    _Atomic int state;  /* enum cairn_python_state */
    _Atomic bool asked; /* the pending call is on its way or was made */
    _Atomic bool gone;  /* READY, and the interpreter was taken down since */
    /* Other interpreters than the main one were seen, which from 3.12 on may have a lock of their own. */
    _Atomic bool has_many_locks;
    const struct cairn_python_layout *layout;
    struct cairn_python_functions call;
    uintptr_t code_type;             /* &PyCode_Type */
    uintptr_t main;                  /* the main interpreter, from 3.12 on; else 0 */
    uintptr_t module_def_type;       /* &PyModuleDef_Type */
    uintptr_t runtime;               /* &_PyRuntime; 0 where it is not exported */
    uintptr_t method_type;           /* &PyMethodDescr_Type, of C code's methods */
    uintptr_t builtin_function_type; /* &PyCFunction_Type */
    /* Code of the function that runs Python frames, and of the whole interpreter. */
    uintptr_t eval_low, eval_high, text_low, text_high;
};

extern struct cairn_python cairn_python __attribute__((visibility("hidden")));

/* Looks for an interpreter and hooks its allocators. Called early, and again when modules were loaded; cheap once it is
 * found. With signals blocked or on a slow path: it calls dlsym. */
void cairn_python_look(void);

/* The same in a program that ran before this library came: what is found is told, and hooked by the first pending call after
 * this. Before slots are pointed (patch.h): it calls the loader. */
void cairn_python_look_late(void);
/* One was found so, and its first pending call is still to come. */
bool cairn_python_is_coming(void);
/* The recording of such a program is over. Needs no lock of the interpreter's. */
void cairn_python_leave(void);

static inline bool cairn_python_is_here(void)
{
    return atomic_load_explicit(&cairn_python.state, memory_order_relaxed) != CAIRN_PYTHON_ABSENT;
}

#endif
