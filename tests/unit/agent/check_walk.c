/* check_walk.so: preloaded into a program, captures the stack of every allocation as the agent does and holds it equal to
 * what libunwind steps through from the same place. No part of libcairn.so.
 *
 *   CAIRN_CHECK_WALK=FILE         where the results go (check_walk.h); a program that is executed appends ".PID"
 *   CAIRN_CHECK_WALK_EVERY=N      compare every Nth capture only (all of them are made)
 *   CAIRN_CHECK_WALK_DEPTH=N      max_depth */
#define UNW_LOCAL_ONLY
#include <dlfcn.h>
#include <fcntl.h>
#include <libunwind.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check_walk.h"
#include "walk_ring.h"
#include "wire/record.h"

#define EXPORT    __attribute__((visibility("default")))
#define DEPTH_MAX 4096u

EXPORT void *malloc(size_t size);
EXPORT void *calloc(size_t count, size_t size);
EXPORT void *realloc(void *block, size_t size);
EXPORT void *memalign(size_t alignment, size_t size);
EXPORT void *aligned_alloc(size_t alignment, size_t size);
EXPORT int posix_memalign(void **block, size_t alignment, size_t size);
EXPORT int dlclose(void *handle);

static struct {
    int (*getcontext)(unw_context_t *context);
    int (*init_local)(unw_cursor_t *cursor, unw_context_t *context);
    int (*step)(unw_cursor_t *cursor);
    int (*get_reg)(unw_cursor_t *cursor, int number, unw_word_t *value);
    int (*is_signal_frame)(unw_cursor_t *cursor);
    int (*get_proc_info)(unw_cursor_t *cursor, unw_proc_info_t *info);
    void (*flush_cache)(unw_addr_space_t space, unw_word_t low, unw_word_t high);
    int (*dlclose)(void *handle);
    unw_addr_space_t *local;
} oracle;

struct thread_state {
    struct cairn_stacks *stacks;
    struct walk_ring *ring;
    struct walk_node ours[DEPTH_MAX];
    struct walk_node theirs[DEPTH_MAX];
};

/* The program's own allocator, which need not be the C library's. */
static struct {
    void *(*malloc)(size_t size);
    void *(*calloc)(size_t count, size_t size);
    void *(*realloc)(void *block, size_t size);
    void *(*memalign)(size_t alignment, size_t size);
    void *(*aligned_alloc)(size_t alignment, size_t size);
    int (*posix_memalign)(void **block, size_t alignment, size_t size);
} real;

static struct check_walk_results *results;
static unsigned long every = 1, max_depth = 1024;
static bool ready;
static __thread struct thread_state *self __attribute__((tls_model("initial-exec")));
static __thread bool inside __attribute__((tls_model("initial-exec")));

static void look_up(void *handle, const char *name, void *function)
{
    void *found = dlsym(handle, name);
    if (found == NULL) {
        static const char message[] = "check_walk: a function is not to be found\n";
        (void)!write(2, message, sizeof message - 1);
        abort();
    }
    memcpy(function, &found, sizeof found);
}

/* dlsym() does not allocate as long as it finds what it is asked for. */
static void find_real(void)
{
    if (real.malloc == NULL) {
        look_up(RTLD_NEXT, "calloc", &real.calloc);
        look_up(RTLD_NEXT, "realloc", &real.realloc);
        look_up(RTLD_NEXT, "memalign", &real.memalign);
        look_up(RTLD_NEXT, "aligned_alloc", &real.aligned_alloc);
        look_up(RTLD_NEXT, "posix_memalign", &real.posix_memalign);
        look_up(RTLD_NEXT, "malloc", &real.malloc);
    }
}

static struct check_walk_results *open_results(void)
{
    const char *name = getenv("CAIRN_CHECK_WALK");
    if (name == NULL) {
        return NULL;
    }
    char own_name[4096];
    int file = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    for (unsigned i = 0; file < 0 && i < 1000; i++) {
        snprintf(own_name, sizeof own_name, "%s.%d.%u", name, (int)getpid(), i);
        file = open(own_name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    }
    if (file < 0 || ftruncate(file, CHECK_WALK_FILE_BYTES) != 0) {
        return NULL;
    }
    void *memory = mmap(NULL, CHECK_WALK_FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    return memory == MAP_FAILED ? NULL : memory;
}

__attribute__((constructor)) static void set_up(void)
{
    inside = true;
    void *library = dlopen("libunwind.so.8", RTLD_LOCAL | RTLD_NOW);
    if (library != NULL) {
        look_up(library, "_Ux86_64_getcontext", &oracle.getcontext);
        look_up(library, "_ULx86_64_init_local", &oracle.init_local);
        look_up(library, "_ULx86_64_step", &oracle.step);
        look_up(library, "_ULx86_64_get_reg", &oracle.get_reg);
        look_up(library, "_ULx86_64_is_signal_frame", &oracle.is_signal_frame);
        look_up(library, "_ULx86_64_get_proc_info", &oracle.get_proc_info);
        look_up(library, "_Ux86_64_flush_cache", &oracle.flush_cache);
        look_up(library, "_ULx86_64_local_addr_space", &oracle.local);
    }
    look_up(RTLD_NEXT, "dlclose", &oracle.dlclose);
    const char *number = getenv("CAIRN_CHECK_WALK_EVERY");
    every = number != NULL ? strtoul(number, NULL, 10) : 1;
    number = getenv("CAIRN_CHECK_WALK_DEPTH");
    max_depth = number != NULL ? strtoul(number, NULL, 10) : 1024;
    results = open_results();
    cairn_stacks_setup();
    ready = library != NULL && results != NULL && every != 0;
    inside = false;
}

static struct thread_state *own_state(void)
{
    if (self == NULL) {
        struct thread_state *state = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE,
                                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (state == MAP_FAILED) {
            return NULL;
        }
        state->ring = walk_ring_new();
        state->stacks = cairn_stacks_new((uint32_t)max_depth);
        self = state;
    }
    return self;
}

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    const size_t bytes = (size_t)length < sizeof line ? (size_t)length : sizeof line - 1;
    const uint64_t at = atomic_fetch_add(&results->text_bytes, bytes);
    if (sizeof *results + at + bytes <= CHECK_WALK_FILE_BYTES) {
        memcpy((char *)(results + 1) + at, line, bytes);
    }
}

static void say_frame(size_t i, const char *mark, const struct walk_node *node)
{
    Dl_info info;
    const bool known = dladdr((void *)(uintptr_t)(node->value - 1), &info) != 0;
    const char *module = known && info.dli_fname != NULL ? strrchr(info.dli_fname, '/') : NULL;
    say("  %3zu %s kind %u %#lx %s+%#lx %s\n", i, mark, node->kind, (unsigned long)node->value,
        module != NULL ? module + 1 : "?",
        known ? (unsigned long)(node->value - (uintptr_t)info.dli_fbase) : 0,
        known && info.dli_sname != NULL ? info.dli_sname : "");
}

static void describe(const struct thread_state *state, size_t ours, size_t theirs, int last_step)
{
    if (atomic_load(&results->text_bytes) > 20000) {
        return;
    }
    say("difference: ours %zu frames, libunwind %zu (last step %d)\n", ours, theirs, last_step);
    for (size_t i = 0; i < ours || i < theirs; i++) {
        const bool same = i < ours && i < theirs && state->ours[i].value == state->theirs[i].value &&
                          state->ours[i].kind == state->theirs[i].kind;
        if (same) {
            say_frame(i, "=", &state->ours[i]);
            continue;
        }
        if (i < ours) {
            say_frame(i, "ours", &state->ours[i]);
        }
        if (i < theirs) {
            say_frame(i, "libunwind", &state->theirs[i]);
        }
    }
}

/* Calls `visit` for libunwind's frames, innermost first, from the allocator's caller outward. */
static int visit_oracle(unw_context_t *context, const struct cairn_registers *at,
                        bool (*visit)(unw_cursor_t *cursor, void *data), void *data)
{
    unw_cursor_t cursor;
    bool found = false;
    int stepped;
    oracle.init_local(&cursor, context);
    do {
        unw_word_t sp = 0;
        oracle.get_reg(&cursor, UNW_REG_SP, &sp);
        found = found || sp == at->sp;
        if (found && !visit(&cursor, data)) {
            return 1;
        }
        stepped = oracle.step(&cursor);
    } while (stepped > 0);
    return stepped;
}

struct collection {
    struct walk_node *nodes;
    size_t count;
};

static bool collect(unw_cursor_t *cursor, void *data)
{
    struct collection *collection = data;
    unw_word_t pc = 0;
    oracle.get_reg(cursor, UNW_REG_IP, &pc);
    if (pc != 0) {
        collection->nodes[collection->count++] = (struct walk_node){
            .value = pc,
            .kind = oracle.is_signal_frame(cursor) > 0 ? CAIRN_NODE_NATIVE_PC : CAIRN_NODE_NATIVE,
        };
    }
    return collection->count < DEPTH_MAX;
}

static bool has_information(unw_cursor_t *cursor, void *data)
{
    unw_proc_info_t info;
    size_t *count = data;
    /* Where it has none, libunwind makes some up: a procedure of one byte. */
    if (oracle.get_proc_info(cursor, &info) < 0 || info.end_ip - info.start_ip == 1) {
        return false;
    }
    ++*count;
    return *count < DEPTH_MAX;
}

/* Without call frame information libunwind goes on by rbp alone, and with a wrong stack pointer. What it says beyond such
 * a frame is no measure. */
static bool guesses_before(unw_context_t *context, const struct cairn_registers *at, size_t frame)
{
    size_t informed = 0;
    visit_oracle(context, at, has_information, &informed);
    return informed < frame;
}

static void compare(struct thread_state *state, uint32_t node, unw_context_t *context,
                    const struct cairn_registers *at)
{
    size_t ours = walk_ring_path(state->ring, node, state->ours, DEPTH_MAX);
    struct collection collection = {.nodes = state->theirs};
    const int last_step = visit_oracle(context, at, collect, &collection);
    const size_t theirs = collection.count;
    uint32_t end = CAIRN_NODE_NATIVE;
    if (ours > 0 && (state->ours[ours - 1].kind == CAIRN_NODE_TRUNCATED ||
                     state->ours[ours - 1].kind == CAIRN_NODE_STOPPED)) {
        end = state->ours[--ours].kind;
    }
    size_t same = 0;
    while (same < ours && same < theirs && state->ours[same].value == state->theirs[same].value &&
           state->ours[same].kind == state->theirs[same].kind) {
        same++;
    }
    atomic_fetch_add(&results->compared, 1);
    atomic_fetch_add(&results->frames, same);
    atomic_fetch_add(&results->malformed, state->ring->malformed);
    if (same == ours && same == theirs && end == CAIRN_NODE_NATIVE) {
        atomic_fetch_add(&results->equal, 1);
    } else if (same == ours && end == CAIRN_NODE_TRUNCATED && theirs > max_depth && ours >= max_depth / 2) {
        atomic_fetch_add(&results->truncated, 1);
    } else if (guesses_before(context, at, same)) {
        atomic_fetch_add(&results->guessed, 1);
    } else if (same == theirs && same > 0) {
        if (atomic_fetch_add(&results->oracle_early, 1) < 3) {
            describe(state, ours, theirs, last_step);
        }
    } else if (same == ours && end == CAIRN_NODE_STOPPED) {
        if (atomic_fetch_add(&results->stopped, 1) < 2) {
            describe(state, ours, theirs, last_step);
        }
    } else {
        atomic_fetch_add(&results->differences, 1);
        describe(state, ours, theirs, last_step);
    }
}

/* Not inlined: its frame holds what the context points at. */
static __attribute__((noinline)) void check(const struct cairn_registers *at)
{
    inside = true;
    struct thread_state *state = own_state();
    if (state != NULL && state->stacks != NULL && state->ring != NULL) {
        const uint32_t node = cairn_stacks_capture(state->stacks, at, &state->ring->writer);
        if (atomic_fetch_add(&results->captures, 1) % every == 0) {
            unw_context_t context;
            oracle.getcontext(&context);
            compare(state, node, &context, at);
        }
    }
    inside = false;
}

#define CHECK()                                                                                              \
    do {                                                                                                     \
        if (ready && !inside) {                                                                              \
            const struct cairn_registers at = {                                                              \
                .pc = (uintptr_t)__builtin_return_address(0),                                                \
                .sp = (uintptr_t)__builtin_frame_address(0) + 16,                                            \
                .rbp = *(const uintptr_t *)__builtin_frame_address(0),                                       \
            };                                                                                               \
            check(&at);                                                                                      \
        }                                                                                                    \
    } while (0)

void *malloc(size_t size)
{
    find_real();
    void *block = real.malloc(size);
    CHECK();
    return block;
}

void *calloc(size_t count, size_t size)
{
    find_real();
    void *block = real.calloc(count, size);
    CHECK();
    return block;
}

void *realloc(void *block, size_t size)
{
    find_real();
    void *moved = real.realloc(block, size);
    CHECK();
    return moved;
}

void *memalign(size_t alignment, size_t size)
{
    find_real();
    void *block = real.memalign(alignment, size);
    CHECK();
    return block;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    find_real();
    void *block = real.aligned_alloc(alignment, size);
    CHECK();
    return block;
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    find_real();
    const int failure = real.posix_memalign(block, alignment, size);
    CHECK();
    return failure;
}

int dlclose(void *handle)
{
    const int result = oracle.dlclose(handle);
    cairn_stacks_flush_rules();
    oracle.flush_cache(*oracle.local, 0, 0);
    return result;
}
