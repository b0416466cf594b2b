#include "agent/unwind_fallback.h"

#include <dlfcn.h>
#include <libunwind.h>
#include <stdatomic.h>
#include <string.h>

#include "agent/code_lookup.h"
#include "agent/machine.h"
#include "agent/memory.h"
#include "agent/own.h"

/* Frames between this file and the program's, at most; more means that libunwind lost its way in them. */
#define STEPS_MAX 65536u

/* Turns of waiting for another thread inside libunwind before a frame is given up. */
#define WAIT_TURNS_MAX 100000u

struct cairn_fallback {
    unw_cursor_t cursor;
    bool live, failed;
    unw_word_t registers[UNW_REG_LAST + 1]; /* at the cursor's beginning, by libunwind's numbers */
    uint32_t registers_known;               /* bit n: registers[n] */
    uintptr_t code_low, code_high;          /* the last segment with tables that was read */
    const struct cairn_stack_memory *memory;
};

/* What is taken from libunwind, by dlsym. Written once by setup. */
static struct {
    unw_addr_space_t (*create_addr_space)(unw_accessors_t *accessors, int byte_order);
    int (*init_remote)(unw_cursor_t *cursor, unw_addr_space_t space, void *argument);
    int (*step)(unw_cursor_t *cursor);
    int (*get_reg)(unw_cursor_t *cursor, unw_regnum_t number, unw_word_t *value);
    int (*is_signal_frame)(unw_cursor_t *cursor);
    int (*set_caching_policy)(unw_addr_space_t space, unw_caching_policy_t policy);
    unw_accessors_t *(*get_accessors)(unw_addr_space_t space);
    unw_addr_space_t local, own;
    unw_accessors_t local_accessors;
} library;

/* The thread inside libunwind: its tables and pools have locks, and a child forked meanwhile would wait for ever. */
static _Atomic int owner;
static _Atomic bool unusable = true;

static int find_proc_info(unw_addr_space_t space, unw_word_t ip, unw_proc_info_t *info, int needs_unwind_info,
                          void *argument)
{
    (void)space;
    (void)argument; /* the local functions would take it for a cursor of theirs */
    return library.local_accessors.find_proc_info(library.local, ip, info, needs_unwind_info, NULL);
}

static void put_unwind_info(unw_addr_space_t space, unw_proc_info_t *info, void *argument)
{
    (void)space;
    (void)argument;
    library.local_accessors.put_unwind_info(library.local, info, NULL);
}

static int get_dyn_info_list_addr(unw_addr_space_t space, unw_word_t *address, void *argument)
{
    (void)space;
    (void)address;
    (void)argument;
    return -UNW_ENOINFO;
}

static bool may_read(struct cairn_fallback *fallback, uintptr_t address)
{
    if (address >= fallback->code_low && address < fallback->code_high &&
        fallback->code_high - address >= sizeof(unw_word_t)) {
        return true;
    }
    struct cairn_code_module module;
    const struct cairn_code_segment *segment = NULL;
    if (cairn_code_find(address, &module)) {
        segment = cairn_code_segment_of(&module, address, sizeof(unw_word_t));
    }
    if (segment != NULL) {
        fallback->code_low = segment->low;
        fallback->code_high = segment->high;
        return true;
    }
    return cairn_stack_memory_word_is_readable(fallback->memory, address);
}

static int access_mem(unw_addr_space_t space, unw_word_t address, unw_word_t *value, int write,
                      void *argument)
{
    (void)space;
    if (write || !may_read(argument, address)) {
        return -UNW_EINVAL;
    }
    *value = cairn_stack_word(address);
    return 0;
}

static int access_reg(unw_addr_space_t space, unw_regnum_t number, unw_word_t *value, int write,
                      void *argument)
{
    (void)space;
    const struct cairn_fallback *fallback = argument;
    if (write || number < 0 || number > UNW_REG_LAST || !(fallback->registers_known >> number & 1)) {
        return -UNW_EBADREG;
    }
    *value = fallback->registers[number];
    return 0;
}

static int access_fpreg(unw_addr_space_t space, unw_regnum_t number, unw_fpreg_t *value, int write,
                        void *argument)
{
    (void)space;
    (void)number;
    (void)value;
    (void)write;
    (void)argument;
    return -UNW_EBADREG;
}

static int resume(unw_addr_space_t space, unw_cursor_t *cursor, void *argument)
{
    (void)space;
    (void)cursor;
    (void)argument;
    return -UNW_EINVAL;
}

static int get_proc_name(unw_addr_space_t space, unw_word_t address, char *buffer, size_t bytes,
                         unw_word_t *offset, void *argument)
{
    (void)space;
    (void)address;
    (void)buffer;
    (void)bytes;
    (void)offset;
    (void)argument;
    return -UNW_ENOINFO;
}

static int thread_id(void)
{
    return (int)cairn_syscall3(SYS_gettid, 0, 0, 0);
}

static bool load(void *handle, const char *name, void *function)
{
    void *found = dlsym(handle, name);
    memcpy(function, &found, sizeof found);
    return found != NULL;
}

static bool load_functions(void *local, void *remote)
{
    unw_addr_space_t *local_space = NULL;
    if (!load(local, "_ULx86_64_local_addr_space", &local_space) ||
        !load(local, "_Ux86_64_get_accessors", &library.get_accessors) ||
        !load(remote, "_Ux86_64_create_addr_space", &library.create_addr_space) ||
        !load(remote, "_Ux86_64_init_remote", &library.init_remote) ||
        !load(remote, "_Ux86_64_step", &library.step) ||
        !load(remote, "_Ux86_64_get_reg", &library.get_reg) ||
        !load(remote, "_Ux86_64_is_signal_frame", &library.is_signal_frame) ||
        !load(remote, "_Ux86_64_set_caching_policy", &library.set_caching_policy)) {
        return false;
    }
    library.local = *local_space;
    return true;
}

void (*cairn_fallback_loaded)(void);

bool cairn_fallback_setup(void)
{
    static unw_accessors_t accessors = {
        .find_proc_info = find_proc_info,
        .put_unwind_info = put_unwind_info,
        .get_dyn_info_list_addr = get_dyn_info_list_addr,
        .access_mem = access_mem,
        .access_reg = access_reg,
        .access_fpreg = access_fpreg,
        .resume = resume,
        .get_proc_name = get_proc_name,
    };
    if (!atomic_load_explicit(&unusable, memory_order_acquire)) {
        return true;
    }
    cairn_own_begin();
    void *local = dlopen("libunwind.so.8", RTLD_LOCAL | RTLD_NOW);
    void *remote = dlopen("libunwind-x86_64.so.8", RTLD_LOCAL | RTLD_NOW);
    if (cairn_fallback_loaded != NULL) {
        cairn_fallback_loaded();
    }
    if (local != NULL && remote != NULL && load_functions(local, remote)) {
        library.local_accessors = *library.get_accessors(library.local);
        library.own = library.create_addr_space(&accessors, 0);
        if (library.own != NULL) {
            library.set_caching_policy(library.own, UNW_CACHE_NONE);
            atomic_store_explicit(&unusable, false, memory_order_release);
        }
    }
    cairn_own_end();
    return !atomic_load_explicit(&unusable, memory_order_relaxed);
}

struct cairn_fallback *cairn_fallback_new(void)
{
    return cairn_memory_map(sizeof(struct cairn_fallback));
}

void cairn_fallback_free(struct cairn_fallback *fallback)
{
    cairn_memory_unmap(fallback, sizeof *fallback);
}

void cairn_fallback_forked(void)
{
    if (atomic_load_explicit(&owner, memory_order_relaxed) != 0) {
        atomic_store_explicit(&unusable, true, memory_order_relaxed);
    }
}

void cairn_fallback_restart(struct cairn_fallback *fallback)
{
    if (fallback != NULL) {
        fallback->live = false;
        fallback->failed = false;
    }
}

/* Taken from a signal handler that left by longjmp: the same thread again. Acquire and release pair with each other. */
static bool enter_library(void)
{
    if (atomic_load_explicit(&unusable, memory_order_acquire)) {
        return false;
    }
    const int self = thread_id();
    for (uint32_t turn = 0; turn < WAIT_TURNS_MAX; turn++) {
        int expected = 0;
        if (atomic_compare_exchange_weak_explicit(&owner, &expected, self, memory_order_acquire,
                                                  memory_order_relaxed) ||
            expected == self) {
            return true;
        }
        cairn_machine_relax();
    }
    return false;
}

static void leave_library(void)
{
    atomic_store_explicit(&owner, 0, memory_order_release);
}

/* Begins where the caller of this function stands. Its frame must outlive the cursor's use of it. */
#define KNOW(number, name) __asm__ volatile("mov %%" name ", %0" : "=m"(fallback->registers[number]))

static inline __attribute__((always_inline)) bool begin_here(struct cairn_fallback *fallback)
{
    KNOW(UNW_X86_64_RBX, "rbx");
    KNOW(UNW_X86_64_RBP, "rbp");
    KNOW(UNW_X86_64_RSP, "rsp");
    KNOW(UNW_X86_64_R12, "r12");
    KNOW(UNW_X86_64_R13, "r13");
    KNOW(UNW_X86_64_R14, "r14");
    KNOW(UNW_X86_64_R15, "r15");
    __asm__ volatile("lea 0(%%rip), %%rax\n\tmov %%rax, %0"
                     : "=m"(fallback->registers[UNW_X86_64_RIP])
                     :
                     : "rax");
    fallback->registers_known = 1u << UNW_X86_64_RBX | 1u << UNW_X86_64_RBP | 1u << UNW_X86_64_RSP |
                                0xfu << UNW_X86_64_R12 | 1u << UNW_X86_64_RIP;
    return library.init_remote(&fallback->cursor, library.own, fallback) == 0;
}

static bool read_register(struct cairn_fallback *fallback, unw_regnum_t number, uintptr_t *value)
{
    unw_word_t word = 0;
    if (library.get_reg(&fallback->cursor, number, &word) != 0) {
        return false;
    }
    *value = word;
    return true;
}

/* Moves the cursor outward until it stands on `frame`. */
static bool reach_frame(struct cairn_fallback *fallback, const struct cairn_frame *frame)
{
    uintptr_t pc = 0, sp = 0;
    for (uint32_t steps = 0; steps < STEPS_MAX; steps++) {
        if (!read_register(fallback, UNW_REG_IP, &pc) || !read_register(fallback, UNW_REG_SP, &sp)) {
            return false;
        }
        if (sp == frame->sp && pc == cairn_key_value(frame->key)) {
            return true;
        }
        if (library.step(&fallback->cursor) <= 0) {
            return false;
        }
    }
    return false;
}

/* The cursor stands on `frame`: one step from there. */
static enum cairn_step_kind step_cursor(struct cairn_fallback *fallback, struct cairn_frame *outer)
{
    const int stepped = library.step(&fallback->cursor);
    if (stepped == 0) {
        return CAIRN_STEP_END;
    }
    uintptr_t pc = 0;
    if (stepped < 0 || !read_register(fallback, UNW_REG_IP, &pc) ||
        !read_register(fallback, UNW_REG_SP, &outer->sp)) {
        return CAIRN_STEP_STOPPED;
    }
    /* A register that nobody saved is not known; no rule will hold with this value. */
    if (!read_register(fallback, UNW_X86_64_RBP, &outer->rbp)) {
        outer->rbp = 0;
    }
    /* libunwind means the frame that was interrupted, not the trampoline inside it. */
    outer->key = library.is_signal_frame(&fallback->cursor) > 0 ? cairn_key_exact(pc) : pc;
    return pc == 0 ? CAIRN_STEP_END : CAIRN_STEP_OPAQUE;
}

enum cairn_step_kind cairn_fallback_step(struct cairn_fallback *fallback, const struct cairn_frame *frame,
                                         struct cairn_stack_memory *memory, struct cairn_frame *outer)
{
    if (fallback == NULL || fallback->failed ||
        atomic_load_explicit(&cairn_code_hides, memory_order_relaxed) || !enter_library()) {
        return CAIRN_STEP_STOPPED;
    }
    enum cairn_step_kind kind = CAIRN_STEP_STOPPED;
    fallback->memory = memory;
    cairn_own_begin();
    if (!fallback->live) {
        fallback->live = begin_here(fallback);
    }
    if (fallback->live && reach_frame(fallback, frame)) {
        kind = step_cursor(fallback, outer);
    }
    cairn_own_end();
    leave_library();
    if (kind == CAIRN_STEP_OPAQUE && !cairn_stack_memory_enter(memory, outer->sp)) {
        kind = CAIRN_STEP_STOPPED;
    }
    fallback->failed = kind != CAIRN_STEP_OPAQUE;
    return kind;
}
