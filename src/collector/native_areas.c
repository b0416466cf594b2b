#include "collector/native_areas.h"

#include <stdlib.h>
#include <string.h>

#include "collector/table.h"

#define PAGE_BYTES  ((uint64_t)4096)
#define PAGE_MASK   (PAGE_BYTES - 1)
#define WORD        sizeof(uint64_t)
#define CHUNK_HEAD  16u /* of a block that the C library mapped by itself, at its page's start */
#define ARENA_BYTES ((uint64_t)64 << 20) /* its arenas begin at multiples of this … */
#define ARENA_HEAD  128u                 /* … with a word that points right behind the head of one */
/* The C library's struct of a thread with what lies above it; below it is thread-local storage. */
#define THREAD_BYTES ((uint64_t)4096)
#define TLS_BYTES    ((uint64_t)64 << 10)
#define AGENT_NAME   "libcairn.so"

struct finder {
    struct cairn_native_areas *areas;
    struct cairn_image_memory *memory;
    const struct cairn_native_modules *modules;
    const struct cairn_native_blocks *blocks;
    const struct cairn_native_threads *threads;
    struct cairn_native_module *data_before; /* whose data end where the next mapping begins */
    bool has_unknown_blocks;
    bool failed;
};

static void add(struct finder *finder, struct cairn_native_area area)
{
    area.start = (area.start + WORD - 1) & ~(uint64_t)(WORD - 1);
    if (area.start >= area.end || finder->failed) {
        return;
    }
    struct cairn_native_areas *areas = finder->areas;
    struct cairn_native_area *grown =
        cairn_grown(areas->areas, &areas->capacity, areas->count, sizeof *grown);
    if (!grown) {
        finder->failed = true;
        return;
    }
    areas->areas = grown;
    grown[areas->count++] = area;
}

/* A stack from where it is in use; `end` is its other end. */
static void add_used_stack(struct finder *finder, const struct cairn_native_thread *thread, uint64_t end)
{
    uint64_t start = thread->stack;
    if (thread->saves_registers) {
        const uint64_t frames = start + CAIRN_SESSION_IMAGE_REGISTERS * WORD;
        add(finder, (struct cairn_native_area){.start = start,
                                               .end = frames < end ? frames : end,
                                               .kind = CAIRN_AREA_REGISTERS,
                                               .thread = thread->tid});
        start = frames;
    }
    add(finder, (struct cairn_native_area){
                    .start = start, .end = end, .kind = CAIRN_AREA_STACK, .thread = thread->tid});
}

/* `tid` 0: not known. */
static void add_stack(struct finder *finder, uint64_t start, uint64_t end, int32_t tid)
{
    const struct cairn_native_thread *thread = cairn_native_threads_by_stack(finder->threads, start, end);
    if (thread) {
        add_used_stack(finder, thread, end);
    } else {
        finder->areas->whole_stacks++;
        add(finder,
            (struct cairn_native_area){.start = start, .end = end, .kind = CAIRN_AREA_STACK, .thread = tid});
    }
}

/* What lies between the recorded blocks of an allocator's memory. */
static void add_between_blocks(struct finder *finder, uint64_t start, uint64_t end)
{
    const struct cairn_native_blocks *blocks = finder->blocks;
    for (size_t i = cairn_native_blocks_from(blocks, start);
         i < blocks->count && blocks->blocks[i].start < end; i++) {
        const struct cairn_native_block *block = &blocks->blocks[i];
        if (block->outer == CAIRN_NO_BLOCK) {
            add(finder,
                (struct cairn_native_area){.start = start, .end = block->start, .kind = CAIRN_AREA_BEFORE});
            start = block->start + block->size > start ? block->start + block->size : start;
        }
    }
    add(finder, (struct cairn_native_area){.start = start, .end = end, .kind = CAIRN_AREA_BEFORE});
}

/* `area` without the blocks in it. A large block of the C library is a mapping of its own, which the kernel may show as one
 * with its neighbours: their pages are left out. Blocks of any other form tell that an allocator manages what is around
 * them. */
static void add_without_blocks(struct finder *finder, const struct cairn_native_area *area)
{
    const struct cairn_native_blocks *blocks = finder->blocks;
    const size_t first = cairn_native_blocks_from(blocks, area->start);
    for (size_t i = first; i < blocks->count && blocks->blocks[i].start < area->end; i++) {
        if (blocks->blocks[i].outer == CAIRN_NO_BLOCK &&
            (blocks->blocks[i].start & PAGE_MASK) != CHUNK_HEAD) {
            if (finder->has_unknown_blocks) {
                add_between_blocks(finder, area->start, area->end);
            }
            return;
        }
    }
    struct cairn_native_area rest = *area;
    for (size_t i = first; i < blocks->count && blocks->blocks[i].start < area->end; i++) {
        const struct cairn_native_block *block = &blocks->blocks[i];
        if (block->outer == CAIRN_NO_BLOCK) {
            rest.end = block->start & ~PAGE_MASK;
            add(finder, rest);
            rest.start = (block->start + block->size + PAGE_MASK) & ~PAGE_MASK;
            rest.end = area->end;
        }
    }
    add(finder, rest);
}

/* Where the C library's struct of a thread begins in the mapping: its first and third word point to itself. 0: nowhere. */
static uint64_t find_thread(struct cairn_image_memory *memory, const struct cairn_image_map *map)
{
    for (uint64_t at = map->start; at < map->end;) {
        const uint8_t *content;
        size_t bytes;
        cairn_image_memory_at(memory, at, map->end, &content, &bytes);
        if (bytes < 3 * WORD) {
            return 0;
        }
        for (size_t i = 0; content && i + 3 * WORD <= bytes; i += 64) {
            uint64_t words[3];
            memcpy(words, content + i, sizeof words);
            if (words[0] == at + i && words[2] == at + i) {
                return at + i;
            }
        }
        at += bytes;
    }
    return 0;
}

/* Where on the thread's stack, which begins at `start`, its thread-local storage begins; 0: not known. */
static uint64_t tls_start(const struct finder *finder, uint64_t start,
                          const struct cairn_native_thread *thread)
{
    const uint64_t bytes = cairn_native_modules_tls_bytes(finder->modules);
    if (!thread || bytes >= thread->handle - start) {
        return 0;
    }
    const uint64_t low = (thread->handle - bytes) & ~(uint64_t)(WORD - 1);
    return thread->stack < low ? low : 0;
}

/* A thread's stack with the C library's struct of it on top. One whose thread ended is kept for
 * the next thread: nobody's, but for the vector of its thread-local storage, the second word there, which is kept too. */
static bool take_thread_stack(struct finder *finder, const struct cairn_image_map *map,
                              const struct cairn_image_map *before)
{
    if (!before || before->end != map->start || before->readable || before->writable) {
        return false;
    }
    const struct cairn_native_thread *known =
        cairn_native_threads_by_handle(finder->threads, map->start, map->end);
    const uint64_t thread = known ? known->handle : find_thread(finder->memory, map);
    if (!thread) {
        return false;
    }
    uint64_t end = (thread + THREAD_BYTES + PAGE_MASK) & ~PAGE_MASK;
    end = end < map->end ? end : map->end;
    if (known || !finder->threads->complete) {
        const uint64_t tls = tls_start(finder, map->start, known);
        add_stack(finder, map->start, tls ? tls : end, known ? known->tid : 0);
        if (tls) {
            add(finder, (struct cairn_native_area){
                            .start = tls, .end = end, .kind = CAIRN_AREA_TLS, .thread = known->tid});
        }
    } else {
        const uint64_t vector = thread + WORD;
        add(finder,
            (struct cairn_native_area){.start = vector, .end = vector + WORD, .kind = CAIRN_AREA_TLS});
    }
    add_without_blocks(
        finder, &(struct cairn_native_area){.start = end, .end = map->end, .kind = CAIRN_AREA_MAPPING});
    return true;
}

/* The C library's allocator has it for small blocks. */
static bool is_arena(const struct finder *finder, const struct cairn_image_map *map)
{
    if (strcmp(map->path, "[heap]") == 0) {
        return true;
    }
    if (map->start % ARENA_BYTES != 0) {
        return false;
    }
    const uint64_t arena = cairn_image_memory_word(finder->memory, map->start);
    return arena >= ARENA_BYTES && arena % ARENA_BYTES <= ARENA_HEAD && arena % ARENA_BYTES != 0;
}

/* Thread-local storage of the first thread lies in a mapping of the loader's, perhaps next to an allocator's. */
static void take_anonymous(struct finder *finder, const struct cairn_image_map *map)
{
    struct cairn_native_area area = {.start = map->start, .end = map->end, .kind = CAIRN_AREA_MAPPING};
    const struct cairn_native_thread *known =
        cairn_native_threads_by_handle(finder->threads, map->start, map->end);
    if (known) {
        const uint64_t thread = known->handle;
        const uint64_t low = thread - map->start > TLS_BYTES ? (thread - TLS_BYTES) & ~PAGE_MASK : map->start;
        uint64_t high = (thread + THREAD_BYTES + PAGE_MASK) & ~PAGE_MASK;
        high = high < map->end ? high : map->end;
        area.end = low;
        add_without_blocks(finder, &area);
        add_without_blocks(finder,
                           &(struct cairn_native_area){
                               .start = low, .end = high, .kind = CAIRN_AREA_TLS, .thread = known->tid});
        area.start = high;
        area.end = map->end;
    }
    add_without_blocks(finder, &area);
}

static bool is_agent(const struct cairn_native_module *module)
{
    return strcmp(cairn_native_module_name(module), AGENT_NAME) == 0;
}

/* Data of a module up to `end`; the recorder's own hold nothing of the program's. */
static void take_data(struct finder *finder, struct cairn_native_module *module, uint64_t start, uint64_t end)
{
    if (!is_agent(module)) {
        add_without_blocks(finder,
                           &(struct cairn_native_area){
                               .start = start, .end = end, .kind = CAIRN_AREA_DATA, .module = module});
    }
}

/* Uninitialised data. The kernel may show what was mapped right behind them as one with them. */
static void take_uninitialised(struct finder *finder, struct cairn_native_module *module,
                               const struct cairn_image_map *map)
{
    const uint64_t data_end = cairn_native_module_data_end(module);
    struct cairn_image_map rest = *map;
    rest.start = data_end <= map->start ? map->start : data_end < map->end ? data_end : map->end;
    take_data(finder, module, map->start, rest.start);
    if (rest.start < rest.end) {
        take_anonymous(finder, &rest);
    }
}

/* Old pointers lie in what is free there, and they are none of ours; blocks that are not known hold what they hold. */
static void take_allocators(struct finder *finder, const struct cairn_image_map *map)
{
    if (finder->has_unknown_blocks) {
        add_between_blocks(finder, map->start, map->end);
    }
}

static void take_map(struct finder *finder, const struct cairn_image_map *map,
                     const struct cairn_image_map *before)
{
    struct cairn_native_module *data_before =
        before && before->end == map->start ? finder->data_before : NULL;
    finder->data_before = NULL;
    if (!map->readable || !map->writable || map->shared) {
        return;
    }
    if (strcmp(map->path, "[stack]") == 0) {
        add_stack(finder, map->start, map->end, 0);
    } else if (map->path[0] == '/') {
        finder->data_before = cairn_native_modules_of(finder->modules, map);
        if (finder->data_before) {
            take_data(finder, finder->data_before, map->start, map->end);
        } else {
            take_anonymous(finder, map);
        }
    } else if (data_before && strcmp(map->path, "[heap]") != 0) {
        take_uninitialised(finder, data_before, map);
    } else if (is_arena(finder, map)) {
        take_allocators(finder, map);
    } else if (!take_thread_stack(finder, map, before)) {
        take_anonymous(finder, map);
    }
}

enum cairn_status cairn_native_areas_find(struct cairn_native_areas *areas, struct cairn_image_memory *memory,
                                          const struct cairn_native_modules *modules,
                                          const struct cairn_native_blocks *blocks,
                                          const struct cairn_native_threads *threads, bool has_unknown_blocks,
                                          struct cairn_error *error)
{
    *areas = (struct cairn_native_areas){.areas = NULL};
    struct finder finder = {.areas = areas,
                            .memory = memory,
                            .modules = modules,
                            .blocks = blocks,
                            .threads = threads,
                            .has_unknown_blocks = has_unknown_blocks};
    for (size_t i = 0; i < memory->map_count; i++) {
        take_map(&finder, &memory->maps[i], i > 0 ? &memory->maps[i - 1] : NULL);
    }
    return finder.failed ? cairn_fail(error, CAIRN_E_NOMEM, "an object graph was left out: no memory for it")
                         : CAIRN_OK;
}

void cairn_native_areas_release(struct cairn_native_areas *areas)
{
    free(areas->areas);
    *areas = (struct cairn_native_areas){.areas = NULL};
}
