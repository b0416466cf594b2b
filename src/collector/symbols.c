#include "collector/symbols.h"

#include <stdlib.h>
#include <string.h>

#include "collector/symbol_file.h"

/* Files kept open at once; each may hold two descriptors and libdw's tables. */
#define OPEN_MODULES_MAX 64

struct cairn_symbol_module {
    struct cairn_symbols *owner;
    struct cairn_symbol_module *next;
    char *path, *build_id; /* build_id "" when unknown */
    bool open;
    uint64_t last_use;
    struct cairn_symbol_file file; /* `state` outlives the open file */
};

struct cairn_symbols {
    struct cairn_symbol_module *modules;
    size_t open_count;
    uint64_t clock;
    size_t head_bytes;
    struct cairn_symbol_scratch scratch;
};

enum cairn_status cairn_symbols_new(struct cairn_symbols **symbols, struct cairn_error *error)
{
    if (elf_version(EV_CURRENT) == EV_NONE) {
        return cairn_fail(error, CAIRN_E_SYSTEM, "symbols: libelf is of another version");
    }
    *symbols = calloc(1, sizeof **symbols);
    return *symbols ? CAIRN_OK : cairn_fail(error, CAIRN_E_NOMEM, "symbols: out of memory");
}

static void module_close(struct cairn_symbol_module *module)
{
    char state[sizeof module->file.state];
    if (!module->open) {
        return;
    }
    memcpy(state, module->file.state, sizeof state);
    cairn_symbol_file_close(&module->file);
    memcpy(module->file.state, state, sizeof state);
    module->open = false;
    module->owner->open_count--;
}

void cairn_symbols_expect_few(struct cairn_symbols *symbols, size_t head_bytes)
{
    symbols->head_bytes = head_bytes;
}

void cairn_symbols_free(struct cairn_symbols *symbols)
{
    if (!symbols) {
        return;
    }
    for (struct cairn_symbol_module *module = symbols->modules, *next; module; module = next) {
        next = module->next;
        module_close(module);
        free(module->path);
        free(module->build_id);
        free(module);
    }
    free(symbols);
}

static void close_oldest(struct cairn_symbols *symbols)
{
    struct cairn_symbol_module *oldest = NULL;
    for (struct cairn_symbol_module *module = symbols->modules; module; module = module->next) {
        if (module->open && (!oldest || module->last_use < oldest->last_use)) {
            oldest = module;
        }
    }
    if (oldest) {
        module_close(oldest);
    }
}

static void module_open(struct cairn_symbol_module *module)
{
    struct cairn_symbols *symbols = module->owner;
    module->last_use = ++symbols->clock;
    if (module->open) {
        return;
    }
    if (symbols->open_count >= OPEN_MODULES_MAX) {
        close_oldest(symbols);
    }
    cairn_symbol_file_open(&module->file, module->path, module->build_id);
    module->file.head_bytes = symbols->head_bytes;
    module->open = true;
    symbols->open_count++;
}

struct cairn_symbol_module *cairn_symbols_module(struct cairn_symbols *symbols, const char *path,
                                                 const char *build_id)
{
    const char *id = build_id ? build_id : "";
    for (struct cairn_symbol_module *module = symbols->modules; module; module = module->next) {
        if (strcmp(module->path, path) == 0 && strcmp(module->build_id, id) == 0) {
            return module;
        }
    }
    struct cairn_symbol_module *module = calloc(1, sizeof *module);
    if (!module) {
        return NULL;
    }
    module->path = strdup(path);
    module->build_id = strdup(id);
    if (!module->path || !module->build_id) {
        free(module->path);
        free(module->build_id);
        free(module);
        return NULL;
    }
    module->owner = symbols;
    module->next = symbols->modules;
    symbols->modules = module;
    module_open(module);
    return module;
}

const char *cairn_symbol_module_state(const struct cairn_symbol_module *module)
{
    return module->file.state;
}

size_t cairn_symbol_module_resolve(struct cairn_symbol_module *module, uint64_t offset,
                                   struct cairn_symbol *rows, size_t capacity)
{
    if (capacity == 0) {
        return 0;
    }
    module_open(module);
    struct cairn_symbol_scratch *scratch = &module->owner->scratch;
    scratch->names_used = scratch->files_used = 0;
    const size_t count = cairn_symbol_dwarf_resolve(&module->file, offset, scratch, rows, capacity);
    if (count > 0 && rows[count - 1].function) {
        return count;
    }
    const char *name = cairn_symbol_table_find(cairn_symbol_file_table(&module->file), offset);
    rows[0] = (struct cairn_symbol){.function = NULL};
    if (name) {
        cairn_symbol_set_name(&rows[0], name, scratch);
    }
    return 1;
}
