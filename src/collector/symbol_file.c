#include "collector/symbol_file.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <gelf.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/dwarf_room.h"

#define BUILD_ID_MAX_BYTES 64
#define DEBUG_ROOT         "/usr/lib/debug"

static Elf *open_elf(const char *path, int *fd)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat info;
    if (*fd >= 0 && fstat(*fd, &info) == 0 && S_ISREG(info.st_mode)) {
        Elf *elf = elf_begin(*fd, ELF_C_READ_MMAP, NULL);
        if (elf && elf_kind(elf) == ELF_K_ELF) {
            return elf;
        }
        elf_end(elf);
    }
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    return NULL;
}

static void close_elf(Elf **elf, int *fd)
{
    elf_end(*elf);
    *elf = NULL;
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

/* The file's build-id as lower-case hexadecimal, "" when it has none. */
static void read_build_id(Elf *elf, char hex[2 * BUILD_ID_MAX_BYTES + 1])
{
    const void *bytes = NULL;
    const ssize_t length = dwelf_elf_gnu_build_id(elf, &bytes);
    hex[0] = '\0';
    for (ssize_t i = 0; i < length && i < BUILD_ID_MAX_BYTES; i++) {
        snprintf(hex + 2 * i, 3, "%02x", ((const unsigned char *)bytes)[i]);
    }
}

/* Takes `path` as the debug file when it is one with the same build-id (an empty id fits any). */
static bool try_debug_file(struct cairn_symbol_file *file, const char *path, const char *build_id)
{
    char found[2 * BUILD_ID_MAX_BYTES + 1];
    file->debug_elf = open_elf(path, &file->debug_fd);
    if (!file->debug_elf) {
        return false;
    }
    read_build_id(file->debug_elf, found);
    if (build_id[0] && strcmp(found, build_id) != 0) {
        close_elf(&file->debug_elf, &file->debug_fd);
        return false;
    }
    return true;
}

static bool find_by_build_id(struct cairn_symbol_file *file, const char *build_id)
{
    char path[PATH_MAX];
    if (strlen(build_id) < 4) {
        return false;
    }
    snprintf(path, sizeof path, DEBUG_ROOT "/.build-id/%.2s/%s.debug", build_id, build_id + 2);
    return try_debug_file(file, path, build_id);
}

/* .gnu_debuglink: beside the file, in .debug/, or below the debug root, as gdb looks. */
static bool find_by_link(struct cairn_symbol_file *file, const char *path, const char *build_id)
{
    GElf_Word checksum;
    const char *name = dwelf_elf_gnu_debuglink(file->elf, &checksum);
    char real[PATH_MAX], folder[PATH_MAX], candidate[3 * PATH_MAX];
    if (!name || strchr(name, '/') || !realpath(path, real)) {
        return false;
    }
    memcpy(folder, real, sizeof folder);
    const char *base = dirname(folder);
    const char *const patterns[] = {"%s/.debug/%s", DEBUG_ROOT "%s/%s", "%s/%s"};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(candidate, sizeof candidate, patterns[i], base, name);
#pragma GCC diagnostic pop
        if (strcmp(candidate, real) != 0 && try_debug_file(file, candidate, build_id)) {
            return true;
        }
    }
    return false;
}

static bool has_debug_info(Elf *elf)
{
    size_t names;
    Elf_Scn *section = NULL;
    if (elf_getshdrstrndx(elf, &names) != 0) {
        return false;
    }
    while ((section = elf_nextscn(elf, section)) != NULL) {
        GElf_Shdr header;
        const char *name = gelf_getshdr(section, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;
        if (name && header.sh_type != SHT_NOBITS &&
            (strcmp(name, ".debug_info") == 0 || strcmp(name, ".zdebug_info") == 0)) {
            return true;
        }
    }
    return false;
}

/* Those of the debug file, or of the file itself where that has more; false when they are only the dynamic ones. */
static bool load_table(struct cairn_symbol_file *file)
{
    bool dynamic;
    cairn_symbol_table_load(&file->table, file->debug_elf ? file->debug_elf : file->elf, &dynamic);
    if (file->debug_elf && (dynamic || file->table.count == 0)) {
        cairn_symbol_table_release(&file->table);
        cairn_symbol_table_load(&file->table, file->elf, &dynamic);
    }
    file->table_loaded = true;
    return !dynamic;
}

const struct cairn_symbol_table *cairn_symbol_file_table(struct cairn_symbol_file *file)
{
    if (!file->table_loaded && file->elf) {
        (void)load_table(file);
    }
    return &file->table;
}

static void open_parts(struct cairn_symbol_file *file, const char *path, const char *build_id)
{
    if (!has_debug_info(file->elf) && !find_by_build_id(file, build_id)) {
        (void)find_by_link(file, path, build_id);
    }
    file->has_dwarf = has_debug_info(file->debug_elf ? file->debug_elf : file->elf);
    const char *word = "debug"; /* which needs no table, as a rule */
    if (!file->has_dwarf) {
        const bool all = load_table(file);
        word = file->table.count == 0 ? "none: no symbols in it" : all ? "symtab" : "dynsym";
    }
    snprintf(file->state, sizeof file->state, "%s", word);
}

void cairn_symbol_file_open(struct cairn_symbol_file *file, const char *path, const char *build_id)
{
    *file = (struct cairn_symbol_file){.elf_fd = -1, .debug_fd = -1};
    if (path[0] != '/') {
        snprintf(file->state, sizeof file->state, "none: not a file");
        return;
    }
    file->elf = open_elf(path, &file->elf_fd);
    char found[2 * BUILD_ID_MAX_BYTES + 1] = "";
    if (file->elf) {
        read_build_id(file->elf, found);
    }
    if (file->elf && build_id && build_id[0] && strcmp(found, build_id) != 0) {
        close_elf(&file->elf, &file->elf_fd);
        if (find_by_build_id(file, build_id)) {
            /* The program's own build is gone from its path, its debug file is still there. */
            file->elf = file->debug_elf;
            file->elf_fd = file->debug_fd;
            file->debug_elf = NULL;
            file->debug_fd = -1;
            open_parts(file, path, build_id);
            return;
        }
        snprintf(file->state, sizeof file->state,
                 "none: the file was replaced while the program ran; record again with the file in place");
        return;
    }
    if (!file->elf) {
        snprintf(file->state, sizeof file->state, "none: the file is not there or is no ELF file");
        return;
    }
    open_parts(file, path, found);
}

static void begin_dwarf(struct cairn_symbol_file *file, Elf *elf)
{
    file->dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
    file->has_dwarf = file->dwarf != NULL;
    if (file->dwarf) {
        cairn_dwarf_room_watch(file->dwarf);
    }
}

Dwarf *cairn_symbol_file_dwarf(struct cairn_symbol_file *file)
{
    if (file->has_dwarf && !file->dwarf) {
        Elf *best = file->debug_elf ? file->debug_elf : file->elf;
        if (cairn_symbol_image_open(&file->image, best, file->head_bytes)) {
            best = file->image.elf;
        }
        begin_dwarf(file, best);
    }
    return file->dwarf;
}

bool cairn_symbol_file_has_more(const struct cairn_symbol_file *file)
{
    return file->image.elf && file->image.info_bytes != SIZE_MAX;
}

static void forget_dwarf(struct cairn_symbol_file *file)
{
    free(file->ranges);
    file->ranges = NULL;
    file->range_count = file->range_capacity = 0;
    file->ranges_loaded = false;
    cairn_symbol_functions_release(file);
    dwarf_end(file->dwarf);
    file->dwarf = NULL;
}

bool cairn_symbol_file_finish(struct cairn_symbol_file *file)
{
    forget_dwarf(file);
    if (cairn_symbol_image_finish(&file->image)) {
        begin_dwarf(file, file->image.elf);
    } else {
        file->has_dwarf = false;
    }
    return file->has_dwarf;
}

void cairn_symbol_file_give_up(struct cairn_symbol_file *file)
{
    file->dwarf = NULL; /* it may be in the middle of anything */
    forget_dwarf(file);
    file->has_dwarf = false;
    snprintf(
        file->state, sizeof file->state,
        "%s: the recorder had too little memory for its debug information; raise ulimit -v and record again",
        cairn_symbol_file_table(file)->count > 0 ? "symtab" : "none");
}

void cairn_symbol_file_close(struct cairn_symbol_file *file)
{
    cairn_symbol_table_release(&file->table);
    forget_dwarf(file);
    cairn_symbol_image_close(&file->image);
    close_elf(&file->debug_elf, &file->debug_fd);
    close_elf(&file->elf, &file->elf_fd);
    *file = (struct cairn_symbol_file){.elf_fd = -1, .debug_fd = -1};
}
