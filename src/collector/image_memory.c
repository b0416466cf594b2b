#include "collector/image_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "collector/table.h"
#include "collector/target.h"

#define WINDOW_BYTES  ((size_t)256 << 10)
#define PAGE_BYTES    4096u
#define LOOKED_PAGES  4096u        /* at most, at once */
#define SPARSE_PAGES  16u          /* fewer that were never touched are read along */
#define PAGE_IS_THERE (3ull << 62) /* in memory, or swapped out */

/* "start-end rwxp offset device inode   path". */
static bool parse_map(const char *line, struct cairn_image_map *map)
{
    char rights[5];
    int path = 0;
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*s %n", &map->start, &map->end, rights,
               &map->file_offset, &path) < 4 ||
        path == 0) {
        return false;
    }
    map->readable = rights[0] == 'r';
    map->writable = rights[1] == 'w';
    map->shared = rights[3] == 's';
    map->path = line + path;
    return true;
}

static bool add_map(struct cairn_image_memory *memory, const char *line)
{
    struct cairn_image_map map;
    if (!parse_map(line, &map)) {
        return true;
    }
    struct cairn_image_map *maps =
        cairn_grown(memory->maps, &memory->map_capacity, memory->map_count, sizeof *maps);
    if (!maps) {
        return false;
    }
    memory->maps = maps;
    map.path = strdup(map.path);
    if (!map.path) {
        return false;
    }
    maps[memory->map_count++] = map;
    return true;
}

static enum cairn_status read_maps(struct cairn_image_memory *memory, struct cairn_error *error)
{
    char path[64], *line = NULL;
    size_t capacity = 0;
    cairn_proc_path(path, sizeof path, memory->pid, "maps");
    FILE *file = fopen(path, "re");
    if (!file) {
        return cairn_fail_errno(error, "an object graph was left out: the system does not let the program's "
                                       "memory be looked at");
    }
    bool room = true;
    for (ssize_t length; room && (length = getline(&line, &capacity, file)) > 0;) {
        if (line[length - 1] == '\n') {
            line[length - 1] = '\0';
        }
        room = add_map(memory, line);
    }
    free(line);
    fclose(file);
    return room ? CAIRN_OK
                : cairn_fail(error, CAIRN_E_NOMEM, "an object graph was left out: no memory for it");
}

static ssize_t read_remote(const struct cairn_image_memory *memory, uint64_t address, void *into,
                           size_t bytes)
{
    const struct iovec local = {.iov_base = into, .iov_len = bytes};
    const struct iovec remote = {.iov_base = (void *)(uintptr_t)address, .iov_len = bytes};
    return process_vm_readv(memory->pid, &local, 1, &remote, 1, 0);
}

static enum cairn_status ended_early(struct cairn_error *error)
{
    return cairn_fail(error, CAIRN_E_SYSTEM,
                      "an object graph was left out: its image ended before it was read");
}

/* The system may let the list of mappings be read and not the memory. */
enum cairn_status cairn_image_memory_check(const struct cairn_image_memory *memory, struct cairn_error *error)
{
    for (size_t i = 0; i < memory->map_count; i++) {
        const struct cairn_image_map *map = &memory->maps[i];
        uint64_t word;
        if (!map->readable || !map->writable || map->shared) {
            continue;
        }
        if (read_remote(memory, map->start, &word, sizeof word) == (ssize_t)sizeof word) {
            return CAIRN_OK;
        }
        return errno == ESRCH
                   ? ended_early(error)
                   : cairn_fail_errno(error, "an object graph was left out: the system does not let "
                                             "the program's memory be read");
    }
    return ended_early(error);
}

enum cairn_status cairn_image_memory_open(struct cairn_image_memory *memory, pid_t pid,
                                          struct cairn_error *error)
{
    char path[64];
    *memory = (struct cairn_image_memory){.pid = pid, .pagemap = -1, .window = malloc(WINDOW_BYTES)};
    enum cairn_status status =
        memory->window ? read_maps(memory, error)
                       : cairn_fail(error, CAIRN_E_NOMEM, "an object graph was left out: no memory for it");
    if (status == CAIRN_OK) {
        status = cairn_image_memory_check(memory, error);
    }
    cairn_proc_path(path, sizeof path, pid, "pagemap");
    memory->pagemap = open(path, O_RDONLY | O_CLOEXEC);
    return status;
}

void cairn_image_memory_close(struct cairn_image_memory *memory)
{
    for (size_t i = 0; i < memory->map_count; i++) {
        free((void *)(uintptr_t)memory->maps[i].path);
    }
    free(memory->maps);
    free(memory->window);
    if (memory->window && memory->pagemap >= 0) {
        close(memory->pagemap);
    }
    *memory = (struct cairn_image_memory){.pagemap = -1};
}

const struct cairn_image_map *cairn_image_memory_map(const struct cairn_image_memory *memory,
                                                     uint64_t address)
{
    size_t low = 0, high = memory->map_count; /* maps[low − 1].start <= address < maps[high].start */
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (memory->maps[middle].start <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 && address < memory->maps[low - 1].end ? &memory->maps[low - 1] : NULL;
}

/* How many of the pages from `pages` on were never touched, and whether the first ones were. Reading one would make it, a
 * gigabyte of them take a second. */
static size_t run_of_pages(const uint64_t *pages, size_t count, bool *untouched)
{
    size_t absent = 0, at = 0;
    while (at < count && !(pages[at] & PAGE_IS_THERE)) {
        at++;
    }
    *untouched = at >= SPARSE_PAGES;
    if (*untouched) {
        return at;
    }
    for (; at < count && absent < SPARSE_PAGES; at++) {
        absent = pages[at] & PAGE_IS_THERE ? 0 : absent + 1;
    }
    return absent == SPARSE_PAGES ? at - SPARSE_PAGES : at;
}

/* What of `bytes` bytes is to be read at once, or has `*untouched` pages alone. */
static uint64_t alike(const struct cairn_image_memory *memory, uint64_t start, uint64_t bytes,
                      bool *untouched)
{
    uint64_t pages[LOOKED_PAGES];
    const uint64_t first = start / PAGE_BYTES, all = (start + bytes - 1) / PAGE_BYTES - first + 1;
    const size_t count = all < LOOKED_PAGES ? (size_t)all : LOOKED_PAGES;
    *untouched = false;
    if (memory->pagemap >= 0 && count >= SPARSE_PAGES &&
        pread(memory->pagemap, pages, count * sizeof *pages, (off_t)(first * sizeof *pages)) ==
            (ssize_t)(count * sizeof *pages)) {
        const uint64_t end = (first + run_of_pages(pages, count, untouched)) * PAGE_BYTES;
        bytes = end - start < bytes ? end - start : bytes;
    }
    return *untouched || bytes < WINDOW_BYTES ? bytes : WINDOW_BYTES;
}

static void load_window(struct cairn_image_memory *memory, uint64_t address)
{
    const struct cairn_image_map *map = cairn_image_memory_map(memory, address);
    memory->window_start = address;
    memory->window_bytes = 0;
    memory->window_empty = false;
    if (!map || !map->readable || memory->gone) {
        return;
    }
    uint64_t bytes = map->end - address < WINDOW_BYTES ? map->end - address : WINDOW_BYTES;
    if (map->path[0] != '/') {
        bytes = alike(memory, address, map->end - address, &memory->window_empty);
    }
    if (memory->window_empty) {
        memory->window_bytes = (size_t)bytes;
        return;
    }
    const ssize_t got = read_remote(memory, address, memory->window, (size_t)bytes);
    memory->gone = got < 0 && errno == ESRCH;
    memory->window_bytes = got > 0 ? (size_t)got : 0;
}

void cairn_image_memory_at(struct cairn_image_memory *memory, uint64_t address, uint64_t limit,
                           const uint8_t **content, size_t *bytes)
{
    if (address - memory->window_start >= memory->window_bytes) {
        load_window(memory, address);
    }
    const uint64_t into = address - memory->window_start;
    const uint64_t left = into < memory->window_bytes ? memory->window_bytes - into : 0;
    *bytes = (size_t)(limit - address < left ? limit - address : left);
    *content = memory->window_empty ? NULL : memory->window + into;
}

uint64_t cairn_image_memory_word(struct cairn_image_memory *memory, uint64_t address)
{
    uint64_t word = 0;
    return read_remote(memory, address, &word, sizeof word) == (ssize_t)sizeof word ? word : 0;
}
