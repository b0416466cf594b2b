#include "cli/doctor.h"

#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <gnu/libc-version.h>
#include <inttypes.h>
#include <langinfo.h>
#include <limits.h>
#include <link.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/human.h"
#include "cairn/trace.h"
#include "cli/console.h"
#include "collector/collector.h"

#define FREE_BYTES_LOW   (INT64_C(1) << 30) /* less than this and a busy program fills the disk */
#define FREE_BYTES_LEAST (INT64_C(16) << 20)
#define MEMFD_BYTES      (64 << 20)
#define CLOCK_READS      100000

static void set(struct cairn_finding *finding, enum cairn_finding_state state, const char *mend,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

static void set(struct cairn_finding *finding, enum cairn_finding_state state, const char *mend,
                const char *format, ...)
{
    va_list args;
    finding->state = state;
    va_start(args, format);
    vsnprintf(finding->found, sizeof finding->found, format, args);
    va_end(args);
    snprintf(finding->mend, sizeof finding->mend, "%s", mend);
}

/* The first line of a small file; false when it cannot be read. */
static bool read_line(const char *path, char *line, size_t size)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    const bool read = fgets(line, (int)size, file) != NULL;
    fclose(file);
    if (read) {
        line[strcspn(line, "\n")] = '\0';
    }
    return read;
}

static void look_at_system(struct cairn_finding *finding)
{
    struct utsname name;
    int major = 0, minor = 0;
    if (uname(&name) != 0 || sscanf(name.release, "%d.%d", &major, &minor) != 2) {
        set(finding, CAIRN_FINDING_NOTE, "", "the kernel's version cannot be read");
        return;
    }
    const bool old = major < 5 || (major == 5 && minor < 10);
    const bool foreign = strcmp(name.machine, "x86_64") != 0;
    set(finding, old || foreign ? CAIRN_FINDING_STOPS : CAIRN_FINDING_FINE,
        foreign ? "cairn records on x86-64 only"
        : old   ? "Linux 5.10 or newer is needed"
                : "",
        "Linux %.60s on %.30s, glibc %.20s", name.release, name.machine, gnu_get_libc_version());
}

static void look_at_agent(struct cairn_finding *finding)
{
    char path[PATH_MAX];
    struct cairn_error error;
    if (cairn_find_agent(path, sizeof path, &error) != CAIRN_OK) {
        set(finding, CAIRN_FINDING_STOPS, "install cairn again, or name libcairn.so in CAIRN_AGENT", "%s",
            error.message);
        return;
    }
    set(finding, CAIRN_FINDING_FINE, "", "%.250s", path);
}

static void look_at_memfd(struct cairn_finding *finding)
{
    const int descriptor = memfd_create("cairn-doctor", MFD_CLOEXEC);
    if (descriptor < 0) {
        set(finding, CAIRN_FINDING_STOPS, "allow memfd_create in this container's seccomp profile",
            "memfd_create: %s", strerror(errno));
        return;
    }
    struct rlimit limit;
    const bool bounded = getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < MEMFD_BYTES;
    void *memory = MAP_FAILED;
    if (!bounded && ftruncate(descriptor, MEMFD_BYTES) == 0) {
        memory = mmap(NULL, MEMFD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    }
    const int failure = errno;
    close(descriptor);
    if (bounded) {
        set(finding, CAIRN_FINDING_STOPS, "raise the limit: ulimit -f unlimited",
            "files are limited to %" PRIu64 " bytes (ulimit -f), which holds for shared memory too",
            (uint64_t)limit.rlim_cur);
    } else if (memory == MAP_FAILED) {
        set(finding, CAIRN_FINDING_STOPS,
            "give this container or user more memory (ulimit -v, memory cgroup)",
            "64 MiB of shared memory cannot be had: %s", strerror(failure));
    } else {
        munmap(memory, MEMFD_BYTES);
        set(finding, CAIRN_FINDING_FINE, "", "memfd_create works");
    }
}

static void look_at_folder(struct cairn_finding *finding)
{
    const char *folder = getenv("XDG_RUNTIME_DIR");
    struct stat about;
    const bool own = folder != NULL && folder[0] == '/' && stat(folder, &about) == 0 &&
                     S_ISDIR(about.st_mode) && about.st_uid == geteuid() && access(folder, W_OK | X_OK) == 0;
    if (own) {
        set(finding, CAIRN_FINDING_FINE, "", "%.200s", folder);
        return;
    }
    const bool temporary = access("/tmp", W_OK | X_OK) == 0;
    set(finding, temporary ? CAIRN_FINDING_FINE : CAIRN_FINDING_STOPS,
        temporary ? "" : "set XDG_RUNTIME_DIR to a folder of yours (mode 0700), or make /tmp writable",
        "%s%s", temporary ? "/tmp" : "neither XDG_RUNTIME_DIR nor /tmp can be written",
        folder != NULL && temporary ? " (XDG_RUNTIME_DIR is no folder of this user)" : "");
}

static void look_at_libunwind(struct cairn_finding *finding)
{
    void *library = dlopen("libunwind.so.8", RTLD_LAZY | RTLD_LOCAL);
    if (library == NULL) {
        set(finding, CAIRN_FINDING_NOTE, "install libunwind8",
            "libunwind.so.8 is missing: stacks may end early at frames without simple rules");
        return;
    }
    dlclose(library);
    set(finding, CAIRN_FINDING_FINE, "", "libunwind.so.8 is there");
}

/* The build-id of the C library in this process, as hexadecimal. */
static int visit_libc(struct dl_phdr_info *info, size_t size, void *state)
{
    (void)size;
    char *hex = state;
    const char *slash = strrchr(info->dlpi_name, '/');
    if (slash == NULL || strncmp(slash, "/libc.so", 8) != 0) {
        return 0;
    }
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type != PT_NOTE) {
            continue;
        }
        const char *at = (const char *)(info->dlpi_addr + header->p_vaddr), *end = at + header->p_memsz;
        while (at + sizeof(ElfW(Nhdr)) <= end) {
            const ElfW(Nhdr) *note = (const void *)at;
            const unsigned char *bytes =
                (const unsigned char *)at + sizeof *note + ((note->n_namesz + 3u) & ~3u);
            if (note->n_type == NT_GNU_BUILD_ID && note->n_descsz <= 32) {
                for (size_t j = 0; j < note->n_descsz; j++) {
                    sprintf(hex + 2 * j, "%02x", bytes[j]);
                }
                return 1;
            }
            at = (const char *)bytes + ((note->n_descsz + 3u) & ~3u);
        }
    }
    return 1;
}

static void look_at_libc_symbols(struct cairn_finding *finding)
{
    char build_id[65] = "", path[160];
    dl_iterate_phdr(visit_libc, build_id);
    snprintf(path, sizeof path, "/usr/lib/debug/.build-id/%.2s/%s.debug", build_id,
             build_id[0] != '\0' ? build_id + 2 : "");
    if (build_id[0] != '\0' && access(path, R_OK) == 0) {
        set(finding, CAIRN_FINDING_FINE, "", "installed");
    } else {
        set(finding, CAIRN_FINDING_NOTE, "install libc6-dbg (Debian, Ubuntu) or glibc-debuginfo (Fedora)",
            "not installed: frames inside the C library have no lines");
    }
}

/* Holds a child of ours, and reads its memory. 0, or what the system says to that. */
static int try_to_trace(void)
{
    char word = 0, copy;
    const struct iovec here = {.iov_base = &copy, .iov_len = sizeof copy};
    const struct iovec there = {.iov_base = &word, .iov_len = sizeof word};
    int failed = 0;
    const pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            pause();
        }
    }
    if (child < 0 || ptrace(PTRACE_SEIZE, child, NULL, NULL) != 0 ||
        process_vm_readv(child, &here, 1, &there, 1, 0) < 0) {
        failed = errno;
    }
    if (child > 0) {
        kill(child, SIGKILL);
        waitpid(child, NULL, __WALL);
    }
    return failed;
}

/* A filter gives the same error as yama's upper levels, which say what to do. */
static void look_at_ptrace(struct cairn_finding *finding)
{
    char scope[16];
    const int failed = try_to_trace();
    const bool forbidden = failed == EPERM || failed == EACCES || failed == ENOSYS;
    const long level =
        read_line("/proc/sys/kernel/yama/ptrace_scope", scope, sizeof scope) ? strtol(scope, NULL, 10) : 0;
    if (forbidden && level < 2) {
        set(finding, CAIRN_FINDING_NOTE, "in a container, allow it: docker run --cap-add SYS_PTRACE",
            "forbidden (%s): no cairn attach; native object graphs lack what registers hold, or all",
            strerror(failed));
    } else if (level == 0) {
        set(finding, CAIRN_FINDING_FINE, "", "allowed for programs of the same user");
    } else if (!forbidden && geteuid() == 0) {
        set(finding, CAIRN_FINDING_FINE, "", "allowed for root (ptrace_scope %ld)", level);
    } else if (level == 1) {
        set(finding, CAIRN_FINDING_FINE, "",
            "allowed for programs that cairn starts; for cairn attach: sysctl kernel.yama.ptrace_scope=0");
    } else {
        set(finding, CAIRN_FINDING_NOTE,
            level == 2 ? "as root, sysctl kernel.yama.ptrace_scope=1"
                       : "until the next boot nothing can be traced",
            "forbidden (ptrace_scope %ld): no cairn attach, and object graphs miss what only registers hold",
            level);
    }
}

static void look_at_disk(struct cairn_finding *finding)
{
    struct statvfs about;
    char text[CAIRN_HUMAN_MAX];
    if (access(".", W_OK | X_OK) != 0) {
        set(finding, CAIRN_FINDING_STOPS, "record with -o into a folder that you may write",
            "this folder cannot be written: %s", strerror(errno));
        return;
    }
    if (statvfs(".", &about) != 0) {
        set(finding, CAIRN_FINDING_NOTE, "", "the free space of this folder cannot be told: %s",
            strerror(errno));
        return;
    }
    const uint64_t free_bytes = (uint64_t)about.f_bavail * about.f_frsize;
    const int64_t bytes = free_bytes > INT64_MAX ? INT64_MAX : (int64_t)free_bytes;
    cairn_human_bytes(text, bytes);
    if (bytes < FREE_BYTES_LEAST) {
        set(finding, CAIRN_FINDING_STOPS, "make room, or record with -o on another disk", "%s free here",
            text);
    } else if (bytes < FREE_BYTES_LOW) {
        set(finding, CAIRN_FINDING_NOTE, "make room, or bound the trace with --max-size", "%s free here",
            text);
    } else {
        set(finding, CAIRN_FINDING_FINE, "", "%s free here", text);
    }
}

static void look_at_terminal(struct cairn_finding *finding)
{
    struct cairn_console terminal;
    cairn_console_inspect(&terminal, STDOUT_FILENO, CAIRN_COLOUR_AUTO);
    const char *term = getenv("TERM");
    if (!terminal.is_terminal) {
        set(finding, CAIRN_FINDING_NOTE, "run `cairn view` in a terminal; every answer is there as text, too",
            "standard output is none, %s", nl_langinfo(CODESET));
    } else if (term == NULL || term[0] == '\0' || strcmp(term, "dumb") == 0) {
        set(finding, CAIRN_FINDING_NOTE, "set TERM to what your terminal is, as in TERM=xterm-256color",
            "TERM is %s: the viewer cannot draw", term == NULL || term[0] == '\0' ? "not set" : term);
    } else if (!terminal.utf8) {
        set(finding, CAIRN_FINDING_NOTE, "use a UTF-8 locale for lines and bars: LC_ALL=C.UTF-8",
            "%.60s, %zu columns, %s: drawn in ASCII", term, terminal.width, nl_langinfo(CODESET));
    } else {
        set(finding, CAIRN_FINDING_FINE, "", "%.60s, %zu columns, UTF-8", term, terminal.width);
    }
}

static double clock_read_ns(void)
{
    struct timespec begin, end, at;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int i = 0; i < CLOCK_READS; i++) {
        clock_gettime(CLOCK_MONOTONIC, &at);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    return ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) / CLOCK_READS;
}

/* Every event carries a stamp, so a slow clock slows the recorded program. */
static void look_at_clock(struct cairn_finding *finding)
{
    char line[4096], source[32] = "unknown";
    bool invariant = false;
    FILE *file = fopen("/proc/cpuinfo", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "flags", 5) == 0) {
            invariant = strstr(line, " constant_tsc") != NULL && strstr(line, " nonstop_tsc") != NULL;
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", source, sizeof source);
    const double cost = clock_read_ns();
    if (invariant) {
        set(finding, CAIRN_FINDING_FINE, "", "invariant TSC; the system's clock is %s, %.0f ns a reading",
            source, cost);
    } else {
        set(finding, CAIRN_FINDING_NOTE, "",
            "no invariant TSC: stamps come from the system's clock (%s, %.0f ns a reading)", source, cost);
    }
}

static void remove_folder(const char *folder)
{
    DIR *entries = opendir(folder);
    const struct dirent *entry;
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        char path[PATH_MAX];
        const bool own = entry->d_name[0] != '.';
        if (own && (size_t)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) < sizeof path) {
            unlink(path);
        }
    }
    if (entries != NULL) {
        closedir(entries);
    }
    rmdir(folder);
}

static void look_at_trial(struct cairn_finding *finding)
{
    char folder[] = "/tmp/cairn-doctor.XXXXXX", output[64];
    if (mkdtemp(folder) == NULL) {
        set(finding, CAIRN_FINDING_NOTE, "make /tmp writable", "not tried: /tmp: %s", strerror(errno));
        return;
    }
    snprintf(output, sizeof output, "%s/trial.cairn", folder);
    char program[] = "/bin/sh", option[] = "-c", script[] = "x=1; for i in 1 2 3; do x=$x$i; done";
    char *argv[] = {program, option, script, NULL};
    struct cairn_record_options options = CAIRN_RECORD_OPTIONS_DEFAULT;
    struct cairn_record_result result = {.path = ""};
    struct cairn_error error = {.message = ""};
    struct cairn_trace *trace = NULL;
    options.output = output;
    options.argv = argv;
    enum cairn_status status = cairn_record(&options, &result, &error);
    if (status == CAIRN_OK) {
        status = cairn_trace_open(result.path, NULL, &trace, &error);
    }
    if (status != CAIRN_OK) {
        set(finding, CAIRN_FINDING_STOPS, "mend what is said above, or report this", "%s", error.message);
    } else if (cairn_trace_recording(trace)->alloc_events == 0) {
        set(finding, CAIRN_FINDING_STOPS,
            "check that LD_PRELOAD works here (a static /bin/sh, AppArmor, SELinux)",
            "/bin/sh ran, but nothing of it was recorded");
    } else {
        set(finding, CAIRN_FINDING_FINE, "", "/bin/sh: %" PRId64 " allocations seen",
            cairn_trace_recording(trace)->alloc_events);
    }
    if (trace != NULL) {
        cairn_trace_close(trace);
    }
    remove_folder(folder);
}

const struct cairn_check cairn_checks[] = {
    {.name = "system", .look = look_at_system},
    {.name = "agent", .look = look_at_agent},
    {.name = "shared memory", .look = look_at_memfd},
    {.name = "socket folder", .look = look_at_folder},
    {.name = "libunwind", .look = look_at_libunwind},
    {.name = "libc symbols", .look = look_at_libc_symbols},
    {.name = "ptrace", .look = look_at_ptrace},
    {.name = "clock", .look = look_at_clock},
    {.name = "disk", .look = look_at_disk},
    {.name = "terminal", .look = look_at_terminal},
    {.name = "trial recording", .look = look_at_trial},
    {.name = NULL},
};
