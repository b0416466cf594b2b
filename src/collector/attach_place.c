#include "collector/attach_place.h"

#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#define FRAMES_MAX 512u
/* Of a stack that could not be walked to its end, so much is looked through for the loader's addresses. */
#define LOOK_BYTES (64u << 10)

enum kind { KIND_OTHER = 0, KIND_LIBC, KIND_NEVER }; /* NEVER: the loader, an allocator, the agent */

struct cairn_attach_code {
    Dwfl *dwfl;
    pid_t pid;
    bool attached;
    Dwfl_Module *libc;
    Dwfl_Module *allocator; /* one that is not the C library's */
    uint64_t loader_low, loader_high;
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static const char *name_of(Dwfl_Module *module)
{
    const char *name = dwfl_module_info(module, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    return name ? base_name(name) : "";
}

static bool is_libc(const char *name)
{
    return begins(name, "libc.so.6") || begins(name, "libc-2.") || begins(name, "libpthread");
}

/* Only what is in the loaded files themselves. */
static int no_debug_file(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
                         const char *file_name, const char *link, GElf_Word checksum, char **found)
{
    (void)module;
    (void)user;
    (void)name;
    (void)base;
    (void)file_name;
    (void)link;
    (void)checksum;
    (void)found;
    return -1;
}

static uint64_t find_function(Dwfl_Module *module, const char *name)
{
    const int count = dwfl_module_getsymtab(module);
    for (int i = 1; i < count; i++) {
        GElf_Sym symbol;
        GElf_Addr address;
        const char *found = dwfl_module_getsym_info(module, i, &symbol, &address, NULL, NULL, NULL);
        if (found && symbol.st_shndx != SHN_UNDEF && GELF_ST_TYPE(symbol.st_info) == STT_FUNC &&
            strcmp(found, name) == 0) {
            return address;
        }
    }
    return 0;
}

static int look_at_module(Dwfl_Module *module, void **user, const char *path, Dwarf_Addr start, void *state)
{
    struct cairn_attach_code *code = state;
    const char *name = base_name(path);
    (void)user;
    if (begins(name, "libc.so.6") || begins(name, "libc-2.")) {
        code->libc = module;
    } else if (begins(name, "ld-linux") || begins(name, "ld-2.")) {
        dwfl_module_info(module, NULL, &start, NULL, NULL, NULL, NULL, NULL);
        code->loader_low = start;
        dwfl_module_info(module, NULL, NULL, &code->loader_high, NULL, NULL, NULL, NULL);
    } else if (!code->allocator && !begins(name, "libcairn") && begins(name, "lib") &&
               find_function(module, "malloc")) {
        code->allocator = module;
    }
    return DWARF_CB_OK;
}

enum cairn_status cairn_attach_code_open(pid_t pid, struct cairn_attach_code **result,
                                         struct cairn_error *error)
{
    static char *no_path;
    static const Dwfl_Callbacks callbacks = {
        .find_elf = dwfl_linux_proc_find_elf, .find_debuginfo = no_debug_file, .debuginfo_path = &no_path};
    struct cairn_attach_code *code = calloc(1, sizeof *code);
    if (!code) {
        return cairn_fail(error, CAIRN_E_NOMEM, "there is no memory to look at process %d", (int)pid);
    }
    code->pid = pid;
    code->dwfl = dwfl_begin(&callbacks);
    if (!code->dwfl || dwfl_linux_proc_report(code->dwfl, pid) != 0 ||
        dwfl_report_end(code->dwfl, NULL, NULL) != 0 ||
        dwfl_getmodules(code->dwfl, look_at_module, code, 0) != 0 || !code->libc || !code->loader_low) {
        cairn_attach_code_free(code);
        return cairn_fail(error, CAIRN_E_SYSTEM,
                          "process %d cannot be joined: what is loaded in it cannot be read", (int)pid);
    }
    *result = code;
    return CAIRN_OK;
}

void cairn_attach_code_free(struct cairn_attach_code *code)
{
    if (code && code->dwfl) {
        dwfl_end(code->dwfl);
    }
    free(code);
}

uint64_t cairn_attach_code_function(const struct cairn_attach_code *code, const char *name)
{
    return find_function(code->libc, name);
}

/* Functions of the C library in which a thread waits, or asks the kernel, without a lock of the library's. Names without the
 * underscores and prefixes of their aliases. */
static bool waits_without_lock(const char *name)
{
    static const char *const known[] = {"accept",
                                        "accept4",
                                        "clock_nanosleep",
                                        "connect",
                                        "epoll_pwait",
                                        "epoll_pwait2",
                                        "epoll_wait",
                                        "fcntl",
                                        "fcntl64",
                                        "fdatasync",
                                        "flock",
                                        "fsync",
                                        "ioctl",
                                        "msgrcv",
                                        "msgsnd",
                                        "nanosleep",
                                        "pause",
                                        "poll",
                                        "ppoll",
                                        "pread",
                                        "pread64",
                                        "preadv",
                                        "preadv64",
                                        "pselect",
                                        "pthread_barrier_wait",
                                        "pthread_clockjoin_np",
                                        "pthread_cond_clockwait",
                                        "pthread_cond_timedwait",
                                        "pthread_cond_wait",
                                        "pthread_join",
                                        "pthread_mutex_lock",
                                        "pthread_mutex_timedlock",
                                        "pthread_rwlock_rdlock",
                                        "pthread_rwlock_wrlock",
                                        "pthread_timedjoin_np",
                                        "pwrite",
                                        "pwrite64",
                                        "pwritev",
                                        "pwritev64",
                                        "read",
                                        "readv",
                                        "recv",
                                        "recvfrom",
                                        "recvmmsg",
                                        "recvmsg",
                                        "sched_yield",
                                        "select",
                                        "sem_clockwait",
                                        "sem_timedwait",
                                        "sem_wait",
                                        "semop",
                                        "semtimedop",
                                        "send",
                                        "sendmmsg",
                                        "sendmsg",
                                        "sendto",
                                        "sigsuspend",
                                        "sigtimedwait",
                                        "sigwait",
                                        "sigwaitinfo",
                                        "sleep",
                                        "splice",
                                        "syscall",
                                        "usleep",
                                        "wait",
                                        "wait3",
                                        "wait4",
                                        "waitid",
                                        "waitpid",
                                        "write",
                                        "writev"};
    name += strspn(name, "_");
    name += begins(name, "libc_") ? 5 : begins(name, "GI_") ? 3 : 0;
    name += strspn(name, "_");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i], name) == 0) {
            return true;
        }
    }
    return false;
}

struct walk {
    struct cairn_attach_code *code;
    size_t count;
    enum kind kinds[FRAMES_MAX];
    const char *names[FRAMES_MAX]; /* of the C library's frames; NULL: a function it does not show */
    uint64_t stack;                /* of the last frame, 0: not known */
};

static int add_frame(Dwfl_Frame *frame, void *state)
{
    struct walk *walk = state;
    Dwarf_Addr pc;
    bool exact;
    if (walk->count == FRAMES_MAX || !dwfl_frame_pc(frame, &pc, &exact)) {
        return DWARF_CB_ABORT;
    }
    const Dwarf_Addr at = exact ? pc : pc - 1;
    Dwfl_Module *module = dwfl_addrmodule(walk->code->dwfl, at);
    enum kind kind = KIND_OTHER;
    const char *name = NULL;
    if (module) {
        const char *file = name_of(module);
        if (at - walk->code->loader_low < walk->code->loader_high - walk->code->loader_low ||
            module == walk->code->allocator || begins(file, "libcairn")) {
            kind = KIND_NEVER;
        } else if (is_libc(file)) {
            GElf_Off offset;
            GElf_Sym symbol;
            kind = KIND_LIBC;
            name = dwfl_module_addrinfo(module, at, &offset, &symbol, NULL, NULL, NULL);
        }
    }
    Dwarf_Word stack = 0;
    walk->stack = dwfl_frame_reg(frame, 7, &stack) == 0 ? stack : 0; /* rsp in DWARF's numbers */
    walk->kinds[walk->count] = kind;
    walk->names[walk->count++] = name;
    return DWARF_CB_OK;
}

/* Where a thread began: in functions of the C library, too, and the first one in the program's own start. `first` and `last` are
 * of a row of the library's frames. */
static bool is_beginning(const struct walk *walk, size_t first, size_t last)
{
    if (last + 2 == walk->count) {
        return walk->names[last] && begins(walk->names[last], "__libc_start_main");
    }
    return first > 0 && last + 1 == walk->count && last - first < 2;
}

/* Of every row of frames in the C library, the outermost says what the program called. */
static bool holds_no_lock(const struct walk *walk, bool complete)
{
    for (size_t i = 0; i < walk->count; i++) {
        if (walk->kinds[i] == KIND_NEVER) {
            return false;
        }
        if (walk->kinds[i] != KIND_LIBC) {
            continue;
        }
        const size_t first = i;
        while (i + 1 < walk->count && walk->kinds[i + 1] == KIND_LIBC) {
            i++;
        }
        if (complete && is_beginning(walk, first, i)) {
            continue;
        }
        if (!walk->names[i] || !waits_without_lock(walk->names[i])) {
            return false;
        }
    }
    return true;
}

/* Whether the loader's code is named anywhere further out. */
static bool names_loader(const struct cairn_attach_code *code, uint64_t stack)
{
    static uint64_t words[LOOK_BYTES / sizeof(uint64_t)];
    struct iovec here = {.iov_base = words, .iov_len = sizeof words};
    bool found = stack == 0;
    /* By halves until all of it can be read: the stack ends somewhere. */
    for (size_t bytes = sizeof words; !found && bytes >= 4096; bytes /= 2) {
        struct iovec there = {.iov_base = (void *)(uintptr_t)stack, .iov_len = bytes};
        here.iov_len = bytes;
        const ssize_t got = process_vm_readv(code->pid, &here, 1, &there, 1, 0);
        for (ssize_t i = 0; i < got / (ssize_t)sizeof *words; i++) {
            found |= words[i] - code->loader_low < code->loader_high - code->loader_low;
        }
        if (got > 0) {
            break;
        }
    }
    return found;
}

bool cairn_attach_code_is_safe(struct cairn_attach_code *code, pid_t tid, bool patient)
{
    struct walk walk = {.code = code};
    if (!code->attached && dwfl_linux_proc_attach(code->dwfl, code->pid, true) != 0) {
        return false;
    }
    code->attached = true;
    const bool complete = dwfl_getthread_frames(code->dwfl, tid, add_frame, &walk) == 0;
    if (walk.count == 0 || !holds_no_lock(&walk, complete)) {
        return false;
    }
    return complete || (!patient && !names_loader(code, walk.stack));
}
