#include "agent/python/interpreter.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <string.h>

#include "agent/event.h"
#include "agent/own.h"
#include "agent/process.h"
#include "agent/python/allocators.h"
#include "agent/python/capture.h"
#include "agent/python/code.h"
#include "agent/python/library.h"
#include "agent/start.h"
#include "wire/ring.h"

struct cairn_python cairn_python;

#define EVAL_FUNCTION  "_PyEval_EvalFrameDefault"
#define FIRST_FUNCTION "PyMem_SetAllocator"
#define LIBRARY_PREFIX "libpython"

static bool find_functions(const struct cairn_library *library, struct cairn_python_functions *call)
{
#define NAME_AND_PLACE(result, name, arguments) {#name, offsetof(struct cairn_python_functions, name)},
    static const struct {
        const char *name;
        size_t place;
    } functions[] = {CAIRN_PYTHON_FUNCTIONS(NAME_AND_PLACE)};
#undef NAME_AND_PLACE
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        void *found = cairn_library_symbol(library, functions[i].name);
        if (!found) {
            return false;
        }
        memcpy((char *)call + functions[i].place, &found, sizeof found);
    }
    *(void **)&call->current_thread_state = cairn_library_symbol(library, "_PyThreadState_UncheckedGet");
    if (!call->current_thread_state) {
        *(void **)&call->current_thread_state = cairn_library_symbol(library, "PyThreadState_GetUnchecked");
    }
    *(void **)&call->PyFrame_GetBack = cairn_library_symbol(library, "PyFrame_GetBack");
    *(void **)&call->PyFrame_GetCode = cairn_library_symbol(library, "PyFrame_GetCode");
    *(void **)&call->PyInit_gc = cairn_library_symbol(library, "PyInit_gc");
    *(void **)&call->PyGC_Disable = cairn_library_symbol(library, "PyGC_Disable");
    return call->current_thread_state != NULL;
}

struct text_search {
    uintptr_t inside, low, high;
};

static int find_text(struct dl_phdr_info *info, size_t size, void *state)
{
    struct text_search *search = state;
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        const uintptr_t low = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) &&
            search->inside - low < segment->p_memsz) {
            search->low = low;
            search->high = low + segment->p_memsz;
            return 1;
        }
    }
    return 0;
}

/* Where the interpreter's code lies. Without the evaluator's size the whole text stands for it. */
static bool find_code(const struct cairn_library *library, struct cairn_python *python)
{
    Dl_info info;
    void *found = NULL;
    void *eval = cairn_library_symbol(library, EVAL_FUNCTION);
    python->code_type = (uintptr_t)cairn_library_symbol(library, "PyCode_Type");
    python->module_def_type = (uintptr_t)cairn_library_symbol(library, "PyModuleDef_Type");
    python->method_type = (uintptr_t)cairn_library_symbol(library, "PyMethodDescr_Type");
    python->builtin_function_type = (uintptr_t)cairn_library_symbol(library, "PyCFunction_Type");
    struct text_search search = {
        .inside = (uintptr_t)(eval ? eval : cairn_library_symbol(library, FIRST_FUNCTION))};
    if (!python->code_type || !dl_iterate_phdr(find_text, &search)) {
        return false;
    }
    python->text_low = python->eval_low = search.low;
    python->text_high = python->eval_high = search.high;
    if (eval && dladdr1(eval, &info, &found, RTLD_DL_SYMENT) && found) {
        const ElfW(Sym) *symbol = found;
        python->eval_low = (uintptr_t)eval;
        python->eval_high = (uintptr_t)eval + (symbol->st_size ? symbol->st_size : 1);
    }
    return true;
}

/* "3.11.2 (main, …": the minor version, 0 where it is no 3.x. */
static unsigned parse_minor(const char *version)
{
    unsigned minor = 0;
    if (version[0] != '3' || version[1] != '.') {
        return 0;
    }
    for (const char *at = version + 2; *at >= '0' && *at <= '9'; at++) {
        minor = minor * 10 + (unsigned)(*at - '0');
    }
    return minor;
}

/* Appends at most what fits, with a terminator; returns the new length. */
static size_t append(char *text, size_t size, size_t length, const char *more)
{
    while (*more && length + 1 < size) {
        text[length++] = *more++;
    }
    text[length] = '\0';
    return length;
}

/* Says what was found, and why its frames are not, in the trace. */
static void tell(const char *version, const char *why)
{
    char text[33] = "";
    const size_t bytes = strcspn(version, " ");
    size_t length = bytes < 32 ? bytes : 32;
    memcpy(text, version, length);
    cairn_python_tell(CAIRN_TEXT_PYTHON_VERSION, text);
    if (why) {
        char note[160] = "";
        length = append(note, sizeof note, 0, "Python ");
        length = append(note, sizeof note, length, text);
        length = append(note, sizeof note, length, ": ");
        length = append(note, sizeof note, length, why);
        append(note, sizeof note, length, "; Python stacks are left out");
        cairn_python_tell(CAIRN_TEXT_NOTE, note);
    }
}

/* Most programs have no interpreter: that is seen without dlsym, whose error the program would meet. */
static bool find_library(struct cairn_library *library)
{
    if (!cairn_library_find(library, "", FIRST_FUNCTION)) {
        return false;
    }
    library->in_sight = dlsym(RTLD_DEFAULT, FIRST_FUNCTION) != NULL;
    if (library->in_sight) {
        return true;
    }
    dlerror();
    return cairn_library_find(library, LIBRARY_PREFIX, FIRST_FUNCTION);
}

/* What the interpreter calls its version, NULL where there is none. Without a layout `*why` says why its frames cannot be
 * read. */
static const char *find(struct cairn_python *python, const char **why)
{
    struct cairn_library library = {.symbols = NULL};
    if (!find_library(&library) || !find_functions(&library, &python->call) || !find_code(&library, python)) {
        return NULL;
    }
    const char *version = python->call.Py_GetVersion();
    const void *runtime = cairn_library_symbol(&library, "_PyRuntime");
    python->runtime = (uintptr_t)runtime;
    python->layout = cairn_python_layout(parse_minor(version), runtime, why);
    if (python->layout && !cairn_python_code_setup()) {
        python->layout = NULL;
        *why = "there is no memory for its code table";
    }
    return version;
}

static void look(struct cairn_python *python)
{
    const char *why = "its version is not known";
    const char *version = find(python, &why);
    if (!version) {
        return;
    }
    if (!python->layout) {
        atomic_store_explicit(&python->asked, true, memory_order_relaxed);
        atomic_store_explicit(&python->state, CAIRN_PYTHON_NATIVE, memory_order_release);
        tell(version, why);
        return;
    }
    /* Published before the hooks: they read it. */
    atomic_store_explicit(&python->state, CAIRN_PYTHON_HOOKED, memory_order_release);
    cairn_python_hook();
    tell(version, NULL);
}

/* It runs, and its allocators may be changed only under its lock: by a pending call, which an event asks for. */
static _Atomic bool late_call_wanted, late_call_expected;

void cairn_python_look_late(void)
{
    const char *why = "its version is not known";
    const struct cairn_segment_header *header = cairn_process_header();
    if (!header || !(header->options & CAIRN_OPTION_PYTHON)) {
        return;
    }
    const char *version = find(&cairn_python, &why);
    if (!version) {
        return;
    }
    tell(version, cairn_python.layout ? NULL : why);
    if (cairn_python.layout) {
        cairn_python_tell(
            CAIRN_TEXT_NOTE,
            "Python ran already when the recording began: its stacks are native ones until it takes memory "
            "from the C library (small objects need none) and its main thread runs Python code, and no "
            "object graph is taken when it ends (cairn snapshot PID --graph takes one)");
        atomic_store_explicit(&late_call_expected, true, memory_order_relaxed);
        atomic_store_explicit(&late_call_wanted, true, memory_order_relaxed);
        atomic_fetch_or_explicit(&cairn_event_paused, CAIRN_EVENT_LOOK, memory_order_relaxed);
    }
}

bool cairn_python_is_coming(void)
{
    return atomic_load_explicit(&late_call_expected, memory_order_relaxed) &&
           atomic_load_explicit(&cairn_python.state, memory_order_relaxed) < CAIRN_PYTHON_READY;
}

static void ask_late(void)
{
    if (atomic_exchange_explicit(&late_call_wanted, false, memory_order_acquire) &&
        !cairn_python_ask_late()) {
        /* The queue is full: at a later event. */
        atomic_store_explicit(&late_call_wanted, true, memory_order_relaxed);
        atomic_fetch_or_explicit(&cairn_event_paused, CAIRN_EVENT_LOOK, memory_order_relaxed);
    }
}

void cairn_python_leave(void)
{
    atomic_store_explicit(&late_call_wanted, false, memory_order_relaxed);
    atomic_store_explicit(&late_call_expected, false, memory_order_relaxed);
    if (cairn_python_is_here()) {
        atomic_store_explicit(&cairn_python.state, CAIRN_PYTHON_HOOKED, memory_order_relaxed);
        /* The next call of a wrapper, under the interpreter's lock, takes the wrappers out. */
        atomic_store_explicit(&cairn_python.asked, false, memory_order_release);
    }
}

void cairn_python_look(void)
{
    static _Atomic bool busy;
    const struct cairn_segment_header *header = cairn_process_header();
    if (cairn_start_came_late()) {
        ask_late();
        return;
    }
    if (cairn_python_is_here() || !header || !(header->options & CAIRN_OPTION_PYTHON) ||
        atomic_exchange_explicit(&busy, true, memory_order_acquire)) {
        return;
    }
    cairn_own_begin();
    look(&cairn_python);
    cairn_own_end();
    atomic_store_explicit(&busy, false, memory_order_release);
}
