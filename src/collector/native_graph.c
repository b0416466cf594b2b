#include "collector/native_graph.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/image_memory.h"
#include "collector/native_areas.h"
#include "collector/native_blocks.h"
#include "collector/native_containers.h"
#include "collector/native_frames.h"
#include "collector/native_modules.h"
#include "trace/rows.h"

#define WORD           sizeof(uint64_t)
#define EDGES_MAX      ((size_t)1 << 28)
#define NAMED_OFFSETS  4096u /* whose names are looked up without their text */
#define NAMED_SIZES    4096u
#define VTABLES_CACHED 4096u /* a power of two */
#define NO_STRING      UINT32_MAX

struct scan {
    struct cairn_graph_input *input;
    struct cairn_image_memory memory;
    const struct cairn_native_blocks *blocks;
    struct cairn_native_modules modules;
    struct cairn_native_areas areas;
    struct cairn_native_frames frames;
    struct cairn_native_containers containers; /* without parts: not a C++ program */
    const uint8_t *here;                       /* what begins with the word that is being taken… */
    size_t words_left;                         /* …so many of them */
    uint32_t offset_names[NAMED_OFFSETS];      /* by offset / 8; 0: not yet */
    uint32_t size_names[NAMED_SIZES];
    struct {
        uint64_t pointer;
        uint32_t type; /* 0: no class */
    } vtables[VTABLES_CACHED];
    bool failed;
};

static uint32_t text(struct scan *scan, const char *words)
{
    const uint32_t number = cairn_graph_input_string(scan->input, words, strlen(words));
    scan->failed |= number == NO_STRING;
    return number;
}

/* --- Nodes --- */

static uint32_t size_name(struct scan *scan, uint64_t size)
{
    char words[32];
    if (size < NAMED_SIZES && scan->size_names[size]) {
        return scan->size_names[size];
    }
    snprintf(words, sizeof words, "%" PRIu64 " B", size);
    const uint32_t number = text(scan, words);
    if (size < NAMED_SIZES && number != NO_STRING) {
        scan->size_names[size] = number;
    }
    return number;
}

/* The class whose vtable a word points to, 0: none. */
static uint32_t class_name(struct scan *scan, uint64_t pointer)
{
    const size_t place = (size_t)(pointer >> 3) & (VTABLES_CACHED - 1);
    if (scan->vtables[place].pointer == pointer) {
        return scan->vtables[place].type;
    }
    char name[1024];
    uint32_t type = 0;
    const struct cairn_image_map *map = cairn_image_memory_map(&scan->memory, pointer);
    if (map && map->readable && !map->writable && map->path[0] == '/') {
        struct cairn_native_module *module = cairn_native_modules_of(&scan->modules, map);
        if (module && cairn_native_module_class(module, pointer, name, sizeof name)) {
            type = text(scan, name);
        }
    }
    scan->vtables[place].pointer = pointer;
    scan->vtables[place].type = type;
    return type;
}

static void add_nodes(struct scan *scan)
{
    for (size_t i = 0; i < scan->blocks->count && !scan->failed; i++) {
        const struct cairn_native_block *block = &scan->blocks->blocks[i];
        uint32_t type = 0;
        if (block->size >= WORD) {
            const uint8_t *content;
            size_t bytes;
            cairn_image_memory_at(&scan->memory, block->start, block->start + WORD, &content, &bytes);
            uint64_t first = 0;
            if (content && bytes == WORD) {
                memcpy(&first, content, WORD);
            }
            type = first % WORD == 0 && first ? class_name(scan, first) : 0;
        }
        const struct cairn_graph_node node = {.address = block->start,
                                              .shallow_bytes = block->size,
                                              .block_bytes = block->size,
                                              .birth = block->birth,
                                              .account = block->account,
                                              .type = type ? type : size_name(scan, block->size),
                                              .lang = CAIRN_LANG_NATIVE};
        scan->failed |= cairn_graph_input_node(scan->input, &node) == UINT32_MAX;
    }
}

/* --- Words --- */

/* Calls `take` for every aligned word in start … end that holds something. */
static void each_word(struct scan *scan, uint64_t start, uint64_t end,
                      void (*take)(struct scan *scan, const void *state, uint64_t address, uint64_t word),
                      const void *state)
{
    for (uint64_t at = (start + WORD - 1) & ~(uint64_t)(WORD - 1); at + WORD <= end && !scan->failed;) {
        const uint8_t *content;
        size_t bytes;
        cairn_image_memory_at(&scan->memory, at, end, &content, &bytes);
        bytes &= ~(WORD - 1);
        if (bytes == 0) {
            const struct cairn_image_map *map = cairn_image_memory_map(&scan->memory, at);
            at = map && map->readable ? (at | 4095) + 1 : end;
            continue;
        }
        for (size_t i = 0; content && i < bytes; i += WORD) {
            uint64_t word;
            memcpy(&word, content + i, WORD);
            if (word) {
                scan->here = content + i;
                scan->words_left = (bytes - i) / WORD;
                take(scan, state, at + i, word);
            }
        }
        at += bytes;
    }
}

/* --- Edges --- */

static uint32_t offset_name(struct scan *scan, uint64_t offset)
{
    char words[32];
    const uint64_t place = offset / WORD;
    const bool kept = offset % WORD == 0 && place < NAMED_OFFSETS;
    if (kept && scan->offset_names[place]) {
        return scan->offset_names[place];
    }
    snprintf(words, sizeof words, "+%" PRIu64, offset);
    const uint32_t number = text(scan, words);
    if (kept && number != NO_STRING) {
        scan->offset_names[place] = number;
    }
    return number;
}

static void add_edge(struct scan *scan, uint32_t source, uint32_t target, uint32_t name, bool exact)
{
    const struct cairn_graph_edge edge = {.source = source,
                                          .target = target,
                                          .name = name,
                                          .index = CAIRN_EDGE_NO_INDEX,
                                          .confidence = exact ? CAIRN_EDGE_EXACT : CAIRN_EDGE_INTERIOR};
    scan->failed |= scan->input->edge_count >= EDGES_MAX || !cairn_graph_input_edge(scan->input, &edge);
}

static void notice_container(struct scan *scan, uint64_t address, uint64_t word, uint32_t target)
{
    if (scan->containers.parts && word == scan->blocks->blocks[target].start) {
        cairn_native_containers_notice(&scan->containers, address, target, scan->here, scan->words_left);
    }
}

static void take_edge(struct scan *scan, const void *state, uint64_t address, uint64_t word)
{
    const uint32_t source = *(const uint32_t *)state;
    const uint32_t target = cairn_native_blocks_find(scan->blocks, word);
    if (target != CAIRN_NO_BLOCK && target != source) {
        notice_container(scan, address, word, target);
        add_edge(scan, source, target, offset_name(scan, address - scan->blocks->blocks[source].start),
                 word == scan->blocks->blocks[target].start);
    }
}

/* What a block holds besides the blocks that lie in it: those speak for themselves. */
static void scan_block(struct scan *scan, uint32_t number)
{
    const struct cairn_native_block *block = &scan->blocks->blocks[number];
    const uint64_t end = block->start + block->size;
    uint64_t start = block->start;
    for (uint32_t i = number + 1; i < scan->blocks->count && scan->blocks->blocks[i].start < end; i++) {
        const struct cairn_native_block *inner = &scan->blocks->blocks[i];
        if (inner->outer == number) {
            each_word(scan, start, inner->start, take_edge, &number);
            start = inner->start + inner->size;
        }
    }
    each_word(scan, start, end, take_edge, &number);
    if (block->outer != CAIRN_NO_BLOCK) {
        add_edge(scan, number, block->outer, text(scan, "within"), false);
    }
}

/* --- Roots --- */

/* The C library's own data point into the middle of blocks: at what is free behind them. */
static bool is_c_library(const struct cairn_native_area *area)
{
    return area->module && strncmp(cairn_native_module_name(area->module), "libc.so", 7) == 0;
}

/* "function of thread 123", where it is known whose frame lies there. */
static void stack_name(const struct scan *scan, const struct cairn_native_area *area, uint64_t address,
                       char *out, size_t size)
{
    const struct cairn_native_frame *frame = cairn_native_frames_at(&scan->frames, address);
    struct cairn_native_module *module =
        frame ? cairn_native_modules_at(&scan->modules, &scan->memory, frame->code) : NULL;
    if (module) {
        char function[900];
        cairn_native_module_function(module, frame->code, function, sizeof function);
        snprintf(out, size, "%s of thread %d", function, (int)area->thread);
    } else if (area->thread) {
        snprintf(out, size, "thread %d +0x%" PRIx64, (int)area->thread, address - area->start);
    } else {
        snprintf(out, size, "a thread +0x%" PRIx64, address - area->start);
    }
}

static void area_name(const struct scan *scan, const struct cairn_native_area *area, uint64_t address,
                      char *out, size_t size)
{
    static const char *const registers[CAIRN_SESSION_IMAGE_REGISTERS] = {"rbx", "r12", "r13",
                                                                         "r14", "r15", "rbp"};
    const uint64_t offset = address - area->start;
    switch (area->kind) {
    case CAIRN_AREA_DATA:
        cairn_native_module_place(area->module, address, out, size);
        break;
    case CAIRN_AREA_REGISTERS:
        snprintf(out, size, "thread %d %s", (int)area->thread,
                 registers[offset / WORD % CAIRN_SESSION_IMAGE_REGISTERS]);
        break;
    case CAIRN_AREA_STACK:
        stack_name(scan, area, address, out, size);
        break;
    case CAIRN_AREA_TLS:
        if (area->thread) {
            snprintf(out, size, "thread %d +0x%" PRIx64, (int)area->thread, offset);
        } else {
            snprintf(out, size, "a thread +0x%" PRIx64, offset);
        }
        break;
    case CAIRN_AREA_BEFORE:
        snprintf(out, size, "the recording: memory that was there already");
        break;
    default:
        snprintf(out, size, "0x%" PRIx64, address);
        break;
    }
}

static void take_root(struct scan *scan, const void *state, uint64_t address, uint64_t word)
{
    static const char *const kinds[] = {
        [CAIRN_AREA_DATA] = "data", [CAIRN_AREA_REGISTERS] = "register", [CAIRN_AREA_STACK] = "stack",
        [CAIRN_AREA_TLS] = "tls",   [CAIRN_AREA_MAPPING] = "mapping",    [CAIRN_AREA_BEFORE] = "before"};
    const struct cairn_native_area *area = state;
    const uint32_t target = cairn_native_blocks_find(scan->blocks, word);
    if (target == CAIRN_NO_BLOCK || (word != scan->blocks->blocks[target].start && is_c_library(area))) {
        return;
    }
    notice_container(scan, address, word, target);
    char name[1024];
    area_name(scan, area, address, name, sizeof name);
    const struct cairn_graph_root root = {
        .node = target, .kind = text(scan, kinds[area->kind]), .name = text(scan, name)};
    scan->failed |= scan->failed || !cairn_graph_input_root(scan->input, &root);
}

static void take_registers(struct scan *scan, const struct cairn_native_thread *thread)
{
    for (size_t i = 0; thread->registers && i < CAIRN_HELD_REGISTERS; i++) {
        const uint32_t target = cairn_native_blocks_find(scan->blocks, thread->registers[i]);
        if (target != CAIRN_NO_BLOCK) {
            char name[64], own[16];
            cairn_held_register_name(i, own, sizeof own);
            snprintf(name, sizeof name, "thread %d %s", (int)thread->tid, own);
            const struct cairn_graph_root root = {
                .node = target, .kind = text(scan, "register"), .name = text(scan, name)};
            scan->failed |= !cairn_graph_input_root(scan->input, &root);
        }
    }
}

/* --- Containers --- */

static bool has_standard_library(const struct cairn_image_memory *memory)
{
    for (size_t i = 0; i < memory->map_count; i++) {
        if (strstr(memory->maps[i].path, "/libstdc++.so")) {
            return true;
        }
    }
    return false;
}

/* Blocks without a class of their own that are parts of containers are called so. */
static void name_containers(struct scan *scan)
{
    uint32_t names[CAIRN_PART_COUNT] = {0};
    if (!scan->containers.parts) {
        return;
    }
    cairn_native_containers_follow(&scan->containers, &scan->memory);
    for (size_t i = 0; i < scan->blocks->count && !scan->failed; i++) {
        const enum cairn_container_part part = (enum cairn_container_part)scan->containers.parts[i];
        struct cairn_graph_node *node = &scan->input->nodes[i];
        if (part != CAIRN_PART_NONE && node->type == size_name(scan, scan->blocks->blocks[i].size)) {
            names[part] = names[part] ? names[part] : text(scan, cairn_container_part_name(part));
            node->type = names[part];
        }
    }
}

static enum cairn_status run(struct scan *scan, const struct cairn_native_image *image,
                             struct cairn_error *error)
{
    const struct cairn_native_threads *threads = image->threads;
    enum cairn_status status = cairn_image_memory_open(&scan->memory, image->pid, error);
    if (status == CAIRN_OK) {
        status = cairn_native_modules_build(&scan->modules, &scan->memory, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_native_areas_find(&scan->areas, &scan->memory, &scan->modules, scan->blocks, threads,
                                         image->has_unknown_blocks, error);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    cairn_native_frames_find(&scan->frames, &scan->memory, &scan->modules, threads);
    if (has_standard_library(&scan->memory)) {
        scan->failed = !cairn_native_containers_init(&scan->containers, scan->blocks);
    }
    add_nodes(scan);
    for (uint32_t i = 0; i < scan->blocks->count && !scan->failed; i++) {
        scan_block(scan, i);
    }
    for (size_t i = 0; i < scan->areas.count; i++) {
        each_word(scan, scan->areas.areas[i].start, scan->areas.areas[i].end, take_root,
                  &scan->areas.areas[i]);
    }
    for (size_t i = 0; i < threads->count; i++) {
        take_registers(scan, &threads->list[i]);
    }
    name_containers(scan);
    return scan->failed ? cairn_fail(error, CAIRN_E_NOMEM, "an object graph was left out: no memory for it")
                        : cairn_image_memory_check(&scan->memory, error); /* to the very end */
}

enum cairn_status cairn_native_graph(struct cairn_graph_input *input, const struct cairn_native_image *image,
                                     uint32_t *whole_stacks, struct cairn_error *error)
{
    struct scan *scan = calloc(1, sizeof *scan);
    if (!scan) {
        return cairn_fail(error, CAIRN_E_NOMEM, "an object graph was left out: no memory for it");
    }
    scan->input = input;
    scan->blocks = image->blocks;
    const enum cairn_status status = run(scan, image, error);
    *whole_stacks = scan->areas.whole_stacks;
    cairn_native_containers_release(&scan->containers);
    cairn_native_frames_release(&scan->frames);
    cairn_native_areas_release(&scan->areas);
    cairn_native_modules_release(&scan->modules);
    cairn_image_memory_close(&scan->memory);
    free(scan);
    return status;
}
