#include "collector/places.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "collector/table.h"

#define MAX_STACK_DEPTH 1024u /* as stored; readers refuse deeper ones */

struct module {
    const char *path, *build_id;
    uint64_t hash;
};

struct frame {
    uint64_t offset; /* Python: the line */
    uint32_t module; /* Python: the function, counted from 1 */
    uint32_t number; /* of its row */
    uint8_t kind;    /* enum cairn_frame_kind, or PYTHON_FRAME */
};

#define PYTHON_FRAME 0xffu

struct python_function {
    const char *name, *file;
};

struct stack {
    uint32_t parent, frame;
    uint32_t depth;
};

struct cairn_places {
    _Atomic uint32_t *next_frame;
    struct cairn_arena texts;
    struct module *modules;
    size_t module_count, module_capacity, modules_flushed;
    struct cairn_table frame_table, stack_table, python_table;
    struct python_function *functions;
    size_t function_count, function_capacity;
    struct frame *frames;
    size_t frame_count, frame_capacity, frames_flushed;
    struct stack *stacks;
    size_t stack_count, stack_capacity, stacks_flushed;
};

struct cairn_places *cairn_places_new(_Atomic uint32_t *next_frame)
{
    struct cairn_places *places = calloc(1, sizeof *places);
    if (places) {
        places->next_frame = next_frame;
    }
    return places;
}

void cairn_places_free(struct cairn_places *places)
{
    if (places) {
        cairn_arena_release(&places->texts);
        free(places->modules);
        cairn_table_release(&places->frame_table);
        cairn_table_release(&places->stack_table);
        cairn_table_release(&places->python_table);
        free(places->functions);
        free(places->frames);
        free(places->stacks);
        free(places);
    }
}

static uint64_t text_hash(const char *text, uint64_t hash)
{
    for (; text && *text; text++) {
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3ull;
    }
    return hash;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

uint32_t cairn_places_module(struct cairn_places *places, const char *path, const char *build_id)
{
    const uint64_t hash = text_hash(build_id, text_hash(path, 0xcbf29ce484222325ull));
    for (size_t i = 0; i < places->module_count; i++) {
        const struct module *known = &places->modules[i];
        if (known->hash == hash && same_text(known->path, path) && same_text(known->build_id, build_id)) {
            return (uint32_t)i + 1;
        }
    }
    struct module *modules =
        cairn_grown(places->modules, &places->module_capacity, places->module_count, sizeof *modules);
    const char *own_path = cairn_arena_copy(&places->texts, path, strlen(path));
    const char *own_id = build_id ? cairn_arena_copy(&places->texts, build_id, strlen(build_id)) : NULL;
    if (modules) {
        places->modules = modules;
    }
    if (!modules || !own_path || (build_id && !own_id)) {
        return 0;
    }
    modules[places->module_count++] = (struct module){.path = own_path, .build_id = own_id, .hash = hash};
    return (uint32_t)places->module_count;
}

static uint32_t intern_frame(struct cairn_places *places, uint32_t module, uint64_t offset, uint8_t kind)
{
    if (!cairn_table_reserve(&places->frame_table)) {
        return 0;
    }
    const uint64_t hash = cairn_table_hash(offset, (uint64_t)module << 8 | (uint64_t)kind);
    size_t cell;
    for (uint32_t at = cairn_table_first(&places->frame_table, hash, &cell); at;
         at = cairn_table_next(&places->frame_table, hash, &cell)) {
        const struct frame *known = &places->frames[at - 1];
        if (known->offset == offset && known->module == module && known->kind == kind) {
            return known->number;
        }
    }
    struct frame *frames =
        cairn_grown(places->frames, &places->frame_capacity, places->frame_count, sizeof *frames);
    if (!frames) {
        return 0;
    }
    places->frames = frames;
    const uint32_t number = atomic_fetch_add_explicit(places->next_frame, 1, memory_order_relaxed);
    frames[places->frame_count++] =
        (struct frame){.offset = offset, .module = module, .number = number, .kind = kind};
    cairn_table_add(&places->frame_table, hash, cell, (uint32_t)places->frame_count);
    return number;
}

uint32_t cairn_places_frame(struct cairn_places *places, uint32_t module, uint64_t offset,
                            enum cairn_frame_kind kind)
{
    return intern_frame(places, module, offset, (uint8_t)kind);
}

/* The same function in two processes is one: told by name and file. */
static uint32_t intern_python_function(struct cairn_places *places, const char *name, const char *file)
{
    if (!cairn_table_reserve(&places->python_table)) {
        return 0;
    }
    const uint64_t hash = cairn_table_hash(text_hash(name, 0xcbf29ce484222325ull), text_hash(file, 0x1505));
    size_t cell;
    for (uint32_t at = cairn_table_first(&places->python_table, hash, &cell); at;
         at = cairn_table_next(&places->python_table, hash, &cell)) {
        const struct python_function *known = &places->functions[at - 1];
        if (strcmp(known->name, name) == 0 && strcmp(known->file, file) == 0) {
            return at;
        }
    }
    struct python_function *functions =
        cairn_grown(places->functions, &places->function_capacity, places->function_count, sizeof *functions);
    const char *own_name = cairn_arena_copy(&places->texts, name, strlen(name));
    const char *own_file = cairn_arena_copy(&places->texts, file, strlen(file));
    if (functions) {
        places->functions = functions;
    }
    if (!functions || !own_name || !own_file) {
        return 0;
    }
    functions[places->function_count++] = (struct python_function){.name = own_name, .file = own_file};
    cairn_table_add(&places->python_table, hash, cell, (uint32_t)places->function_count);
    return (uint32_t)places->function_count;
}

uint32_t cairn_places_python_frame(struct cairn_places *places, const char *name, const char *file,
                                   int64_t line)
{
    const uint32_t function = intern_python_function(places, name, file);
    return function ? intern_frame(places, function, line > 0 ? (uint64_t)line : 0, PYTHON_FRAME) : 0;
}

uint32_t cairn_places_stack(struct cairn_places *places, uint32_t parent, uint32_t frame)
{
    if (!cairn_table_reserve(&places->stack_table)) {
        return 0;
    }
    const uint64_t hash = cairn_table_hash(parent, frame);
    size_t cell;
    for (uint32_t at = cairn_table_first(&places->stack_table, hash, &cell); at;
         at = cairn_table_next(&places->stack_table, hash, &cell)) {
        if (places->stacks[at - 1].parent == parent && places->stacks[at - 1].frame == frame) {
            return at;
        }
    }
    const uint32_t depth = parent ? places->stacks[parent - 1].depth + 1 : 1;
    if (depth > MAX_STACK_DEPTH) {
        return parent;
    }
    struct stack *stacks =
        cairn_grown(places->stacks, &places->stack_capacity, places->stack_count, sizeof *stacks);
    if (!stacks) {
        return 0;
    }
    places->stacks = stacks;
    stacks[places->stack_count++] = (struct stack){.parent = parent, .frame = frame, .depth = depth};
    cairn_table_add(&places->stack_table, hash, cell, (uint32_t)places->stack_count);
    return (uint32_t)places->stack_count;
}

size_t cairn_places_stack_count(const struct cairn_places *places)
{
    return places->stack_count;
}

void cairn_places_flush(struct cairn_places *places, struct cairn_batch *batch)
{
    for (; places->modules_flushed < places->module_count; places->modules_flushed++) {
        const struct module *module = &places->modules[places->modules_flushed];
        cairn_batch_module(batch, &(struct cairn_module){.module = (uint32_t)places->modules_flushed + 1,
                                                         .path = module->path,
                                                         .build_id = module->build_id});
    }
    for (; places->frames_flushed < places->frame_count; places->frames_flushed++) {
        const struct frame *frame = &places->frames[places->frames_flushed];
        if (frame->kind == PYTHON_FRAME) {
            const struct python_function *function = &places->functions[frame->module - 1];
            cairn_batch_python_frame(batch, frame->number, function->name, function->file,
                                     (int64_t)frame->offset);
            continue;
        }
        const bool real = frame->kind == CAIRN_FRAME_PLAIN;
        cairn_batch_frame(batch,
                          &(struct cairn_frame){.frame = frame->number,
                                                .module = frame->module,
                                                .line = CAIRN_UNKNOWN,
                                                .offset = real ? (int64_t)frame->offset : CAIRN_UNKNOWN,
                                                .lang = CAIRN_LANG_NATIVE,
                                                .kind = frame->kind});
    }
    for (; places->stacks_flushed < places->stack_count; places->stacks_flushed++) {
        const struct stack *stack = &places->stacks[places->stacks_flushed];
        cairn_batch_stack(batch, &(struct cairn_stack_row){.stack = (uint32_t)places->stacks_flushed + 1,
                                                           .parent = stack->parent,
                                                           .frame = stack->frame,
                                                           .depth = stack->depth});
    }
}
