#include "agent/program.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "agent/environment.h"
#include "agent/machine.h"
#include "wire/record.h"
#include "wire/sanitizer.h"

#define SCRIPTS_MAX     4u /* a script's interpreter may be a script */
#define HEAD_BYTES      256u
#define PATH_BYTES      1024u
#define SEGMENTS_MAX    32u
#define ENTRIES_MAX     1024u /* of the dynamic section */
#define ENTRIES_AT_ONCE 16u
#define NAME_BYTES      64u
#define CHAIN_MAX       256u
#define DEFAULT_PATH    "/bin:/usr/bin"

/* A program file that is open, and its segments. */
struct image {
    int fd;
    unsigned count;
    Elf64_Phdr segments[SEGMENTS_MAX];
};

/* Where the parts of its dynamic section are in the file; 0: there is none. */
struct dynamic {
    uint64_t strings, symbols, hashes, own_name;
};

static bool read_at(int fd, uint64_t offset, void *to, size_t bytes)
{
    return cairn_syscall4(SYS_pread64, fd, (long)to, (long)bytes, (long)offset) == (long)bytes;
}

/* A text, cut where it does not end within `size` bytes. Empty where it cannot be read. */
static void read_name(int fd, uint64_t offset, char *name, size_t size)
{
    const long got = cairn_syscall4(SYS_pread64, fd, (long)name, (long)size - 1, (long)offset);
    name[cairn_syscall_failed(got) ? 0 : got] = '\0';
}

/* --- Sanitizers --- */

/* Where an address of the program's is in its file, 0 where it is not. */
static uint64_t offset_of(const struct image *image, uint64_t address)
{
    for (unsigned i = 0; i < image->count; i++) {
        const Elf64_Phdr *segment = &image->segments[i];
        if (segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
            address - segment->p_vaddr < segment->p_filesz) {
            return segment->p_offset + (address - segment->p_vaddr);
        }
    }
    return 0;
}

/* By the table that the loader looks in (DT_GNU_HASH): the program brings that function along. */
static bool defines(const struct image *image, const struct dynamic *dynamic, const char *function)
{
    uint32_t head[4], hash = 5381; /* buckets, first symbol, words of the filter, its shift */
    uint64_t word;
    for (const char *at = function; *at; at++) {
        hash = hash * 33 + (uint8_t)*at;
    }
    if (!dynamic->hashes || !dynamic->symbols || !read_at(image->fd, dynamic->hashes, head, sizeof head) ||
        head[0] == 0 || head[2] == 0) {
        return false;
    }
    const uint64_t filter = dynamic->hashes + sizeof head, buckets = filter + 8ull * head[2];
    if (!read_at(image->fd, filter + 8ull * (hash / 64 % head[2]), &word, sizeof word) ||
        !(word >> (hash % 64) & word >> ((head[3] < 32 ? hash >> head[3] : 0) % 64) & 1)) {
        return false;
    }
    uint32_t index, value = 0;
    if (!read_at(image->fd, buckets + 4ull * (hash % head[0]), &index, sizeof index) || index < head[1]) {
        return false;
    }
    for (unsigned i = 0; i < CHAIN_MAX && !(value & 1); i++, index++) {
        const uint64_t chain = buckets + 4ull * head[0];
        Elf64_Sym symbol;
        char name[NAME_BYTES];
        if (!read_at(image->fd, chain + 4ull * (index - head[1]), &value, sizeof value)) {
            return false;
        }
        if ((value ^ hash) >> 1 == 0 &&
            read_at(image->fd, dynamic->symbols + (uint64_t)index * sizeof symbol, &symbol, sizeof symbol)) {
            read_name(image->fd, dynamic->strings + symbol.st_name, name, sizeof name);
            if (strcmp(name, function) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Calls `visit` with the dynamic section's entries until it says true, which is the answer. */
static bool any_entry(const struct image *image, const Elf64_Phdr *section,
                      bool (*visit)(const struct image *image, struct dynamic *dynamic,
                                    const Elf64_Dyn *entry),
                      struct dynamic *dynamic)
{
    Elf64_Dyn entries[ENTRIES_AT_ONCE];
    for (uint64_t at = 0; at < section->p_filesz / sizeof *entries && at < ENTRIES_MAX;
         at += ENTRIES_AT_ONCE) {
        const long got = cairn_syscall4(SYS_pread64, image->fd, (long)entries, sizeof entries,
                                        (long)(section->p_offset + at * sizeof *entries));
        if (cairn_syscall_failed(got)) {
            return false;
        }
        for (size_t i = 0; i < (size_t)got / sizeof *entries; i++) {
            if (entries[i].d_tag == DT_NULL) {
                return false;
            }
            if (visit(image, dynamic, &entries[i])) {
                return true;
            }
        }
    }
    return false;
}

static bool note_table(const struct image *image, struct dynamic *dynamic, const Elf64_Dyn *entry)
{
    const uint64_t offset = offset_of(image, entry->d_un.d_ptr);
    dynamic->strings = entry->d_tag == DT_STRTAB ? offset : dynamic->strings;
    dynamic->symbols = entry->d_tag == DT_SYMTAB ? offset : dynamic->symbols;
    dynamic->hashes = entry->d_tag == DT_GNU_HASH ? offset : dynamic->hashes;
    return false;
}

static bool needs_sanitizer(const struct image *image, struct dynamic *dynamic, const Elf64_Dyn *entry)
{
    char name[NAME_BYTES];
    if (entry->d_tag != DT_NEEDED) {
        return false;
    }
    read_name(image->fd, dynamic->strings + entry->d_un.d_val, name, sizeof name);
    return cairn_is_sanitizer_library(name, strlen(name));
}

static bool has_sanitizer(const struct image *image, const Elf64_Phdr *section)
{
    static const char *const functions[] = {"__asan_init", "__tsan_init", "__msan_init", "__hwasan_init"};
    struct dynamic dynamic = {.strings = 0};
    any_entry(image, section, note_table, &dynamic);
    if (dynamic.strings == 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (defines(image, &dynamic, functions[i])) {
            return true;
        }
    }
    return any_entry(image, section, needs_sanitizer, &dynamic);
}

/* --- Files --- */

static bool is_of_other_library(const struct image *image, const Elf64_Phdr *interpreter)
{
    char name[HEAD_BYTES];
    read_name(image->fd, interpreter->p_offset, name, sizeof name);
    const char *slash = strrchr(name, '/');
    return strncmp(slash ? slash + 1 : name, "ld-musl", 7) == 0;
}

static bool names_itself(const struct image *image, struct dynamic *dynamic, const Elf64_Dyn *entry)
{
    (void)image;
    dynamic->own_name = entry->d_tag == DT_SONAME ? dynamic->strings + entry->d_un.d_val : 0;
    return entry->d_tag == DT_SONAME;
}

/* Of a program without an interpreter: a loader, whose program is its argument, is one by its own name, and takes along what is
 * preloaded. */
static uint32_t judge_loader(const struct image *image, const Elf64_Phdr *section)
{
    struct dynamic dynamic = {.strings = 0};
    char name[NAME_BYTES];
    any_entry(image, section, note_table, &dynamic);
    if (dynamic.strings == 0 || !any_entry(image, section, names_itself, &dynamic)) {
        return CAIRN_UNRECORDED_STATIC;
    }
    read_name(image->fd, dynamic.own_name, name, sizeof name);
    return strncmp(name, "ld-linux", 8) == 0    ? 0
           : strncmp(name, "libc.musl", 9) == 0 ? CAIRN_UNRECORDED_OTHER_LIBRARY
                                                : CAIRN_UNRECORDED_STATIC;
}

static uint32_t judge_elf(int fd, const uint8_t *head, size_t length)
{
    struct image image = {.fd = fd};
    const Elf64_Phdr *interpreter = NULL, *dynamic = NULL;
    Elf64_Ehdr header;
    if (head[EI_CLASS] == ELFCLASS32) {
        return CAIRN_UNRECORDED_NARROW;
    }
    if (length < sizeof header) {
        return 0;
    }
    memcpy(&header, head, sizeof header);
    if (header.e_machine != EM_X86_64) {
        return CAIRN_UNRECORDED_FOREIGN;
    }
    image.count = header.e_phnum < SEGMENTS_MAX ? header.e_phnum : SEGMENTS_MAX;
    if (header.e_phentsize != sizeof *image.segments ||
        !read_at(fd, header.e_phoff, image.segments, image.count * sizeof *image.segments)) {
        return 0;
    }
    for (unsigned i = 0; i < image.count; i++) {
        interpreter = image.segments[i].p_type == PT_INTERP ? &image.segments[i] : interpreter;
        dynamic = image.segments[i].p_type == PT_DYNAMIC ? &image.segments[i] : dynamic;
    }
    if (!interpreter) {
        return dynamic ? judge_loader(&image, dynamic) : CAIRN_UNRECORDED_STATIC;
    }
    if (is_of_other_library(&image, interpreter)) {
        return CAIRN_UNRECORDED_OTHER_LIBRARY;
    }
    return dynamic && has_sanitizer(&image, dynamic) ? CAIRN_UNRECORDED_SANITIZER : 0;
}

/* The file that a script's first line names, into `path`; false where it is none. */
static bool script_interpreter(const uint8_t *head, size_t length, char *path)
{
    size_t at = 2, end;
    if (length < 2 || head[0] != '#' || head[1] != '!') {
        return false;
    }
    while (at < length && (head[at] == ' ' || head[at] == '\t')) {
        at++;
    }
    for (end = at; end < length && head[end] != ' ' && head[end] != '\t' && head[end] != '\n'; end++) {
    }
    memcpy(path, head + at, end - at);
    path[end - at] = '\0';
    return end > at && end < length;
}

/* −1 where it is no file that can be run and read. (Below a folder other than the current one, what cannot be run is opened, too.) */
static int open_program(int folder, const char *path)
{
    if ((folder == AT_FDCWD || path[0] == '/') && cairn_syscall3(SYS_access, (long)path, X_OK, 0) != 0) {
        return -1;
    }
    const long fd =
        cairn_syscall4(SYS_openat, folder, (long)path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
    return cairn_syscall_failed(fd) ? -1 : (int)fd;
}

static int open_by_search(int folder_now, const char *name)
{
    const char *path = cairn_environment_get("PATH");
    const size_t length = strlen(name);
    char candidate[PATH_BYTES];
    for (const char *at = path ? path : DEFAULT_PATH;; at++) {
        const size_t folder = strcspn(at, ":");
        if (folder + 1 + length + 1 <= sizeof candidate) {
            memcpy(candidate, at, folder);
            candidate[folder] = '/';
            memcpy(candidate + folder + (folder > 0), name, length + 1); /* an empty folder is this one */
            const int fd = open_program(folder_now, candidate);
            if (fd >= 0) {
                return fd;
            }
        }
        at += folder;
        if (*at == '\0') {
            return -1;
        }
    }
}

/* What the file is, or whose: `path` gets the interpreter of a script, or is empty. */
static uint32_t judge(int fd, char *path)
{
    uint8_t head[HEAD_BYTES];
    const long got = cairn_syscall4(SYS_pread64, fd, (long)head, sizeof head, 0);
    const size_t length = cairn_syscall_failed(got) ? 0 : (size_t)got;
    path[0] = '\0';
    if (length > EI_NIDENT && memcmp(head, ELFMAG, SELFMAG) == 0) {
        return judge_elf(fd, head, length);
    }
    if (!script_interpreter(head, length, path)) {
        path[0] = '\0';
    }
    return 0;
}

uint32_t cairn_program_unfit(const struct cairn_program *program)
{
    const char *path = program->path;
    char interpreter[HEAD_BYTES];
    uint32_t unfit = 0;
    if (path[0] == '\0') {
        return judge(program->folder, interpreter);
    }
    int fd = program->search && !strchr(path, '/') ? open_by_search(program->current, path)
                                                   : open_program(program->folder, path);
    for (unsigned scripts = 0; fd >= 0; scripts++) {
        unfit = judge(fd, interpreter);
        cairn_syscall3(SYS_close, fd, 0, 0);
        fd = interpreter[0] && scripts < SCRIPTS_MAX ? open_program(program->current, interpreter) : -1;
    }
    return unfit;
}

static bool is_loader(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    return strncmp(name, "ld-linux", 8) == 0 || strncmp(name, "ld-2.", 5) == 0;
}

bool cairn_program_only_lists(const struct cairn_program *program)
{
    char *const *argument = program->arguments;
    if (!is_loader(program->path) || !argument || !argument[0]) {
        return false;
    }
    while (*++argument && strncmp(*argument, "--", 2) == 0) {
        if (strcmp(*argument, "--list") == 0 || strcmp(*argument, "--verify") == 0) {
            return true;
        }
    }
    return false;
}
