#include "import/code.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "collector/names.h"
#include "collector/table.h"
#include "trace/site.h"

#define MOST_SITE_FRAMES 4096u
#define MOST_MODULES     16384u /* places looks at each of them for a new one */
/* What one of each takes with its part of a table, rounded up. */
#define FRAME_BYTES 96u
#define STACK_BYTES 64u

/* A frame's row, and what the site rule says of it. */
struct frame {
    struct cairn_frame row;
    bool skipped;
};

struct stack {
    uint32_t parent, frame;
};

struct cairn_code {
    _Atomic uint32_t next_frame; /* of places, which makes none here */
    struct cairn_places *places;
    struct cairn_names names, modules; /* of the latter: files, numbered as places does */
    size_t functions_flushed, files_flushed, frames_flushed;
    struct cairn_site_rule *rule;
    struct cairn_table frame_table;
    struct frame *frames; /* number − 1 */
    size_t frame_count, frame_capacity;
    struct stack *stacks; /* number − 1 */
    size_t stack_count, stack_capacity;
    struct cairn_site_candidate candidates[MOST_SITE_FRAMES];
    uint32_t candidate_frames[MOST_SITE_FRAMES];
};

enum cairn_status cairn_code_new(struct cairn_code **code, struct cairn_error *error)
{
    struct cairn_code *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return cairn_fail(error, CAIRN_E_NOMEM, "out of memory");
    }
    atomic_store_explicit(&made->next_frame, 1, memory_order_relaxed);
    made->places = cairn_places_new(&made->next_frame);
    const enum cairn_status status = made->places == NULL
                                         ? cairn_fail(error, CAIRN_E_NOMEM, "out of memory")
                                         : cairn_site_rule_new(true, NULL, 0, &made->rule, error);
    if (status != CAIRN_OK) {
        cairn_code_free(made);
        return status;
    }
    *code = made;
    return CAIRN_OK;
}

void cairn_code_free(struct cairn_code *code)
{
    if (code == NULL) {
        return;
    }
    cairn_places_free(code->places);
    cairn_names_release(&code->names);
    cairn_names_release(&code->modules);
    cairn_site_rule_free(code->rule);
    cairn_table_release(&code->frame_table);
    free(code->frames);
    free(code->stacks);
    free(code);
}

static bool same(const struct cairn_frame *a, const struct cairn_frame *b)
{
    return a->function == b->function && a->file == b->file && a->module == b->module && a->line == b->line &&
           a->inlined_into == b->inlined_into && a->kind == b->kind;
}

/* The row's number, made when it is new. */
static uint32_t number_of(struct cairn_code *code, struct cairn_frame *row,
                          const struct cairn_code_place *place)
{
    if (!cairn_table_reserve(&code->frame_table)) {
        return 0;
    }
    const uint64_t hash = cairn_table_hash(cairn_table_hash((uint64_t)row->function << 32 | row->file,
                                                            (uint64_t)row->module << 32 | row->inlined_into),
                                           (uint64_t)row->line ^ (uint64_t)(unsigned)row->kind << 62);
    size_t cell;
    for (uint32_t at = cairn_table_first(&code->frame_table, hash, &cell); at != 0;
         at = cairn_table_next(&code->frame_table, hash, &cell)) {
        if (same(&code->frames[at - 1].row, row)) {
            return at;
        }
    }
    struct frame *frames =
        cairn_grown(code->frames, &code->frame_capacity, code->frame_count, sizeof *frames);
    if (frames == NULL) {
        return 0;
    }
    code->frames = frames;
    row->frame = (uint32_t)code->frame_count + 1;
    frames[code->frame_count++] = (struct frame){
        .row = *row,
        .skipped = cairn_site_rule_skips(code->rule, place->function, place->module, CAIRN_LANG_NATIVE)};
    cairn_table_add(&code->frame_table, hash, cell, row->frame);
    return row->frame;
}

/* False when memory ran out, or there are too many. */
static bool find_module(struct cairn_code *code, const char *path, uint32_t *module)
{
    bool added = false;
    if (path == NULL || path[0] == '\0') {
        *module = 0;
        return true;
    }
    *module = cairn_names_file(&code->modules, path, &added);
    if (added) {
        return code->modules.file_count <= MOST_MODULES &&
               cairn_places_module(code->places, path, NULL) == *module;
    }
    return *module != 0;
}

uint32_t cairn_code_frame(struct cairn_code *code, const struct cairn_code_place *place)
{
    bool added;
    struct cairn_frame row = {.line = place->line,
                              .offset = CAIRN_UNKNOWN,
                              .lang = CAIRN_LANG_NATIVE,
                              .kind = (int)place->kind,
                              .inlined_into = place->inlined_into};
    if (place->function != NULL) {
        row.function = cairn_names_function(&code->names, place->function, NULL, CAIRN_LANG_NATIVE, &added);
    }
    if (place->file != NULL) {
        row.file = cairn_names_file(&code->names, place->file, &added);
    }
    return find_module(code, place->module, &row.module) ? number_of(code, &row, place) : 0;
}

uint32_t cairn_code_stack(struct cairn_code *code, uint32_t parent, uint32_t frame)
{
    const uint32_t number = cairn_places_stack(code->places, parent, frame);
    if (number <= code->stack_count) {
        return number;
    }
    struct stack *stacks =
        cairn_grown(code->stacks, &code->stack_capacity, code->stack_count, sizeof *stacks);
    if (stacks == NULL) {
        return 0;
    }
    code->stacks = stacks;
    stacks[code->stack_count++] = (struct stack){.parent = parent, .frame = frame};
    return number;
}

uint32_t cairn_code_site(struct cairn_code *code, uint32_t stack)
{
    size_t count = 0;
    for (uint32_t at = stack; at != 0 && at <= code->stack_count; at = code->stacks[at - 1].parent) {
        for (uint32_t frame = code->stacks[at - 1].frame; frame != 0 && count < MOST_SITE_FRAMES;
             frame = code->frames[frame - 1].row.inlined_into) {
            code->candidates[count] = (struct cairn_site_candidate){
                .skipped = code->frames[frame - 1].skipped, .lang = CAIRN_LANG_NATIVE};
            code->candidate_frames[count++] = frame;
        }
    }
    return count == 0 ? 0 : code->candidate_frames[cairn_site_rule_choose(code->candidates, count, false)];
}

void cairn_code_flush(struct cairn_code *code, struct cairn_batch *batch)
{
    const struct cairn_names *names = &code->names;
    for (; code->functions_flushed < names->function_count; code->functions_flushed++) {
        const struct cairn_known_function *function = &names->functions[code->functions_flushed];
        cairn_batch_function(batch,
                             &(struct cairn_function){.function = (uint32_t)code->functions_flushed + 1,
                                                      .name = function->name,
                                                      .lang = function->lang});
    }
    for (; code->files_flushed < names->file_count; code->files_flushed++) {
        cairn_batch_source_file(batch,
                                &(struct cairn_source_file){.file = (uint32_t)code->files_flushed + 1,
                                                            .path = names->files[code->files_flushed]});
    }
    for (; code->frames_flushed < code->frame_count; code->frames_flushed++) {
        cairn_batch_frame(batch, &code->frames[code->frames_flushed].row);
    }
    cairn_places_flush(code->places, batch);
}

struct cairn_places *cairn_code_places(struct cairn_code *code)
{
    return code->places;
}

size_t cairn_code_bytes(const struct cairn_code *code)
{
    const struct cairn_names *names = &code->names;
    return names->texts.total_bytes + code->modules.texts.total_bytes +
           (names->function_count + names->file_count + code->frame_count) * FRAME_BYTES +
           code->stack_count * STACK_BYTES;
}
