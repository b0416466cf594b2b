/* Whether a program can be recorded, before anything is started. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "collector/collector.h"
#include "collector/loader.h"
#include "wire/sanitizer.h"

#define MAX_INTERPRETERS 5 /* of scripts whose interpreters are scripts */
#define HEAD_BYTES       4096u
#define MAX_NAME_BYTES   (64u << 20)
#define MAX_HEADERS      256u

static bool is_executable_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

/* As execvp: a name without a slash is looked for in PATH. */
static enum cairn_status look_up(const char *program, char *resolved, size_t size, struct cairn_error *error)
{
    if (program[0] == '\0') {
        return cairn_fail(error, CAIRN_E_NOT_FOUND, "no program was named");
    }
    if (strchr(program, '/')) {
        if ((size_t)snprintf(resolved, size, "%s", program) >= size) {
            return cairn_fail(error, CAIRN_E_NOT_FOUND, "%.200s…: the path is too long", program);
        }
        return CAIRN_OK;
    }
    const char *path = getenv("PATH");
    if (!path) {
        path = "/bin:/usr/bin";
    }
    bool denied = false;
    for (const char *at = path; at; at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL) {
        const size_t length = strcspn(at, ":");
        const int written = length ? snprintf(resolved, size, "%.*s/%s", (int)length, at, program)
                                   : snprintf(resolved, size, "./%s", program);
        if (written < 0 || (size_t)written >= size) {
            continue;
        }
        if (is_executable_file(resolved)) {
            return CAIRN_OK;
        }
        struct stat status;
        denied |= stat(resolved, &status) == 0 && S_ISREG(status.st_mode);
    }
    return denied ? cairn_fail(error, CAIRN_E_SYSTEM, "%s: what PATH finds is not executable", program)
                  : cairn_fail(error, CAIRN_E_NOT_FOUND, "%s: no such program in PATH", program);
}

static enum cairn_status check_mode(const char *path, mode_t mode, struct cairn_error *error)
{
    if (S_ISDIR(mode)) {
        return cairn_fail(error, CAIRN_E_SYSTEM, "%s: is a folder", path);
    }
    if (!S_ISREG(mode)) {
        return cairn_fail(error, CAIRN_E_SYSTEM, "%s: is no regular file", path);
    }
    if (access(path, X_OK) != 0) {
        return cairn_fail(error, CAIRN_E_SYSTEM, "%s: is not executable; chmod +x makes it so", path);
    }
    if (mode & (S_ISUID | (mode & S_IXGRP ? S_ISGID : 0))) {
        return cairn_fail(
            error, CAIRN_E_SYSTEM,
            "%s: is set%s and cannot be recorded: the system keeps preloaded libraries out of it; "
            "record a copy without that bit",
            path, mode & S_ISUID ? "uid" : "gid");
    }
    if (getxattr(path, "security.capability", NULL, 0) > 0) {
        return cairn_fail(
            error, CAIRN_E_SYSTEM,
            "%s: has file capabilities and cannot be recorded: the system keeps preloaded libraries "
            "out of it; record a copy without them",
            path);
    }
    return CAIRN_OK;
}

static enum cairn_status check_interpreter(const char *path, int fd, const Elf64_Phdr *segment,
                                           struct cairn_error *error)
{
    char loader[PATH_MAX] = "";
    const size_t length = segment->p_filesz < sizeof loader - 1 ? segment->p_filesz : sizeof loader - 1;
    if (pread(fd, loader, length, (off_t)segment->p_offset) != (ssize_t)length) {
        return cairn_fail(error, CAIRN_E_SYSTEM, "%s: is a damaged program file", path);
    }
    const char *base = strrchr(loader, '/');
    base = base ? base + 1 : loader;
    if (strncmp(base, "ld-musl", 7) == 0) {
        return cairn_fail(error, CAIRN_E_SYSTEM,
                          "%s: is built for the musl C library; only glibc programs can be "
                          "recorded",
                          path);
    }
    return CAIRN_OK;
}

/* What check_elf learns of a program file on its way. */
struct program_headers {
    Elf64_Phdr list[MAX_HEADERS];
    uint16_t count;
    const Elf64_Phdr *interpreter, *dynamic; /* NULL: none */
};

static enum cairn_status read_headers(const char *path, int fd, const Elf64_Ehdr *header,
                                      struct program_headers *headers, struct cairn_error *error)
{
    *headers = (struct program_headers){.count = header->e_phnum};
    const size_t bytes = header->e_phnum * sizeof headers->list[0];
    if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum > MAX_HEADERS ||
        pread(fd, headers->list, bytes, (off_t)header->e_phoff) != (ssize_t)bytes) {
        return cairn_fail(error, CAIRN_E_SYSTEM, "%s: is a damaged program file", path);
    }
    for (uint16_t i = 0; i < headers->count; i++) {
        if (headers->list[i].p_type == PT_INTERP) {
            headers->interpreter = &headers->list[i];
        } else if (headers->list[i].p_type == PT_DYNAMIC) {
            headers->dynamic = &headers->list[i];
        }
    }
    return CAIRN_OK;
}

/* An entry of the dynamic section; 0 when there is none. */
static uint64_t read_dynamic_value(int fd, const struct program_headers *headers, Elf64_Sxword tag)
{
    for (uint64_t at = 0; headers->dynamic && at + sizeof(Elf64_Dyn) <= headers->dynamic->p_filesz;
         at += sizeof(Elf64_Dyn)) {
        Elf64_Dyn entry;
        if (pread(fd, &entry, sizeof entry, (off_t)(headers->dynamic->p_offset + at)) !=
                (ssize_t)sizeof entry ||
            entry.d_tag == DT_NULL) {
            break;
        }
        if (entry.d_tag == tag) {
            return entry.d_un.d_val;
        }
    }
    return 0;
}

/* The names that the dynamic symbols and the needed libraries have, as one block of NUL-terminated texts; the caller
 * frees it. NULL when there are none to be found. */
static char *read_dynamic_names(int fd, const struct program_headers *headers, size_t *size)
{
    const uint64_t address = read_dynamic_value(fd, headers, DT_STRTAB),
                   bytes = read_dynamic_value(fd, headers, DT_STRSZ);
    for (uint16_t i = 0; i < headers->count && bytes > 0 && bytes <= MAX_NAME_BYTES; i++) {
        const Elf64_Phdr *segment = &headers->list[i];
        if (segment->p_type != PT_LOAD || address < segment->p_vaddr ||
            address - segment->p_vaddr >= segment->p_filesz) {
            continue;
        }
        char *names = malloc(bytes);
        const off_t offset = (off_t)(segment->p_offset + (address - segment->p_vaddr));
        const ssize_t got = names ? pread(fd, names, bytes, offset) : -1;
        if (got > 0) {
            *size = (size_t)got;
            return names;
        }
        free(names);
        return NULL;
    }
    return NULL;
}

/* A sanitizer brings an allocator of its own that will not have anybody in front of it: the program would fail, or run
 * and show nothing. */
static enum cairn_status check_sanitizers(const char *path, int fd, const struct program_headers *headers,
                                          struct cairn_error *error)
{
    static const struct {
        const char *symbol, *name, *option;
    } sanitizers[] = {
        {"__asan_init", "AddressSanitizer", "address"},
        {"__tsan_init", "ThreadSanitizer", "thread"},
        {"__msan_init", "MemorySanitizer", "memory"},
        {"__hwasan_init", "HWAddressSanitizer", "hwaddress"},
    };
    size_t size = 0;
    char *names = read_dynamic_names(fd, headers, &size);
    enum cairn_status status = CAIRN_OK;
    for (size_t i = 0; names && status == CAIRN_OK && i < sizeof sanitizers / sizeof sanitizers[0]; i++) {
        if (memmem(names, size, sanitizers[i].symbol, strlen(sanitizers[i].symbol) + 1)) {
            status =
                cairn_fail(error, CAIRN_E_SYSTEM,
                           "%s: is built with %s, whose own allocator hides the heap; record a build without "
                           "-fsanitize=%s",
                           path, sanitizers[i].name, sanitizers[i].option);
        }
    }
    free(names);
    return status;
}

/* Nor will one that is preloaded. */
static enum cairn_status check_preloaded(const char *path, struct cairn_error *error)
{
    const char *list = getenv("LD_PRELOAD");
    for (size_t length; list && *(list += strspn(list, ": ")) != '\0'; list += length) {
        length = strcspn(list, ": ");
        if (cairn_is_sanitizer_library(list, length)) {
            const char *slash = memrchr(list, '/', length);
            const char *name = slash ? slash + 1 : list;
            return cairn_fail(error, CAIRN_E_SYSTEM,
                              "%s: LD_PRELOAD names %.*s, a sanitizer that will not have anybody in front of "
                              "it; record without it",
                              path, (int)(list + length - name), name);
        }
    }
    return CAIRN_OK;
}

/* What a program file asks no interpreter for: the loader itself, by the name in it. */
static bool is_loader(int fd, const struct program_headers *headers)
{
    size_t size = 0;
    char *names = read_dynamic_names(fd, headers, &size);
    const uint64_t own = read_dynamic_value(fd, headers, DT_SONAME);
    const bool is = names && own < size && strncmp(names + own, "ld-linux", 8) == 0;
    free(names);
    return is;
}

/* A dynamically linked program of this machine, or the loader of such. `head` is the start of the file. */
static enum cairn_status check_elf(const char *path, int fd, const unsigned char *head, size_t length,
                                   bool *loader, struct cairn_error *error)
{
    Elf64_Ehdr header;
    if (length > EI_CLASS && head[EI_CLASS] == ELFCLASS32) {
        return cairn_fail(
            error, CAIRN_E_SYSTEM,
            "%s: is a 32-bit program, and only x86-64 ones can be recorded; build it without -m32", path);
    }
    if (length < sizeof header || head[EI_CLASS] != ELFCLASS64) {
        return cairn_fail(error, CAIRN_E_SYSTEM, "%s: is a damaged program file", path);
    }
    memcpy(&header, head, sizeof header);
    if (head[EI_DATA] != ELFDATA2LSB || header.e_machine != EM_X86_64) {
        return cairn_fail(error, CAIRN_E_SYSTEM,
                          "%s: is a program for another machine; only x86-64 ones can be recorded", path);
    }
    if (header.e_type != ET_EXEC && header.e_type != ET_DYN) {
        return cairn_fail(error, CAIRN_E_SYSTEM, "%s: is an object file, no program", path);
    }
    struct program_headers headers;
    enum cairn_status status = read_headers(path, fd, &header, &headers, error);
    if (status != CAIRN_OK) {
        return status;
    }
    *loader = !headers.interpreter && is_loader(fd, &headers);
    if (*loader) {
        return check_preloaded(path, error);
    }
    if (!headers.interpreter) {
        return cairn_fail(
            error, CAIRN_E_SYSTEM,
            "%s: is statically linked and cannot be recorded: nothing can be preloaded into it; link "
            "it dynamically (without -static)",
            path);
    }
    status = check_interpreter(path, fd, headers.interpreter, error);
    if (status == CAIRN_OK) {
        status = check_sanitizers(path, fd, &headers, error);
    }
    return status == CAIRN_OK ? check_preloaded(path, error) : status;
}

/* The interpreter a script's first line names; a script without one is the shell's. */
static void script_interpreter(const unsigned char *head, size_t length, char *interpreter, size_t size)
{
    snprintf(interpreter, size, "/bin/sh");
    if (length < 3 || head[0] != '#' || head[1] != '!') {
        return;
    }
    size_t at = 2;
    while (at < length && (head[at] == ' ' || head[at] == '\t')) {
        at++;
    }
    size_t to = at;
    while (to < length && head[to] != ' ' && head[to] != '\t' && head[to] != '\n') {
        to++;
    }
    if (to > at && to - at < size) {
        memcpy(interpreter, head + at, to - at);
        interpreter[to - at] = '\0';
    }
}

/* Reads a file's head into `head` after checking its mode; the descriptor stays open in `*fd`. One that may be run but not read
 * has no head, and no descriptor. */
static enum cairn_status open_program(const char *path, int *fd, unsigned char *head, size_t *length,
                                      struct cairn_error *error)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        if (errno == ENOENT || errno == ENOTDIR) {
            return cairn_fail(error, CAIRN_E_NOT_FOUND, "%s: no such file", path);
        }
        cairn_fail_errno(error, "%s", path);
        return CAIRN_E_SYSTEM;
    }
    const enum cairn_status mode = check_mode(path, status.st_mode, error);
    *fd = mode == CAIRN_OK ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    const ssize_t got = *fd >= 0 ? pread(*fd, head, HEAD_BYTES, 0) : -1;
    *length = got > 0 ? (size_t)got : 0;
    return mode;
}

static bool is_elf(const unsigned char *head, size_t length)
{
    return length >= SELFMAG && memcmp(head, ELFMAG, SELFMAG) == 0;
}

/* Of a loader's command line: what it will not run by itself is left to it to complain of. */
static enum cairn_status check_loaded(char *const *argv, struct cairn_error *error)
{
    char *const *program = cairn_loader_program(argv);
    if (!program) {
        return cairn_fail(error, CAIRN_E_SYSTEM,
                          "%s: runs no program with these options, so there is nothing to record; name a "
                          "program behind it",
                          argv[0]);
    }
    unsigned char head[HEAD_BYTES];
    bool loader = false;
    const int fd = open(*program, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const ssize_t length = fd >= 0 ? pread(fd, head, sizeof head, 0) : -1;
    const enum cairn_status status = length > 0 && is_elf(head, (size_t)length)
                                         ? check_elf(*program, fd, head, (size_t)length, &loader, error)
                                         : CAIRN_OK;
    if (fd >= 0) {
        close(fd);
    }
    return status;
}

enum cairn_status cairn_check_program(char *const *argv, char *resolved, size_t resolved_size,
                                      struct cairn_error *error)
{
    enum cairn_status status = look_up(argv[0], resolved, resolved_size, error);
    char path[PATH_MAX];
    if (status == CAIRN_OK) {
        snprintf(path, sizeof path, "%s", resolved);
    }
    for (int i = 0; status == CAIRN_OK; i++) {
        if (i == MAX_INTERPRETERS) {
            return cairn_fail(error, CAIRN_E_SYSTEM, "%s: its interpreters are scripts without an end",
                              resolved);
        }
        unsigned char head[HEAD_BYTES];
        size_t length = 0;
        int fd = -1;
        bool loader = false;
        status = open_program(path, &fd, head, &length, error);
        const bool is_last = is_elf(head, length) || fd < 0;
        if (status == CAIRN_OK && fd >= 0 && is_last) {
            status = check_elf(path, fd, head, length, &loader, error);
        }
        if (fd >= 0) {
            close(fd);
        }
        if (status == CAIRN_OK && loader && i == 0) {
            status = check_loaded(argv, error);
        }
        if (status == CAIRN_E_NOT_FOUND && i > 0) {
            return cairn_fail(error, CAIRN_E_SYSTEM, "%s: its interpreter %s is not there", resolved, path);
        }
        if (is_last) {
            return status;
        }
        script_interpreter(head, length, path, sizeof path);
    }
    return status;
}

static bool is_agent(char *path, size_t size, const char *folder, const char *name)
{
    return (size_t)snprintf(path, size, "%s/%s", folder, name) < size && access(path, R_OK) == 0;
}

/* The loader takes a list of such paths apart at blanks and colons. */
static enum cairn_status check_agent_path(const char *path, struct cairn_error *error)
{
    return strpbrk(path, " :")
               ? cairn_fail(error, CAIRN_E_SYSTEM,
                            "%s: cannot be preloaded, as there is a blank or a colon in its path; "
                            "install cairn where there is none",
                            path)
               : CAIRN_OK;
}

enum cairn_status cairn_find_agent(char *path, size_t path_size, struct cairn_error *error)
{
    const char *named = getenv("CAIRN_AGENT");
    if (named && *named) {
        char *absolute = realpath(named, NULL);
        const bool fits = absolute && (size_t)snprintf(path, path_size, "%s", absolute) < path_size;
        free(absolute);
        return fits ? check_agent_path(path, error)
                    : cairn_fail(error, CAIRN_E_NOT_FOUND, "%s: CAIRN_AGENT names no readable file", named);
    }
    char folder[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
    if (length > 0) {
        folder[length] = '\0';
        char *slash = strrchr(folder, '/');
        *slash = '\0';
        static const char *const places[] = {"libcairn.so", CAIRN_FROM_BIN_TO_LIB "/libcairn.so"};
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
            char found[PATH_MAX];
            if (!is_agent(found, sizeof found, folder, places[i])) {
                continue;
            }
            char *absolute = realpath(found, NULL);
            const bool fits = absolute && (size_t)snprintf(path, path_size, "%s", absolute) < path_size;
            free(absolute);
            if (fits) {
                return check_agent_path(path, error);
            }
        }
    }
    return cairn_fail(error, CAIRN_E_NOT_FOUND,
                      "libcairn.so was not found beside this program or in " CAIRN_FROM_BIN_TO_LIB
                      " from there; CAIRN_AGENT can name it");
}
