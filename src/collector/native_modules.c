#include "collector/native_modules.h"

#include <gelf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/loader.h"
#include "collector/program_path.h"
#include "collector/table.h"

#define PAGE_MASK ((uint64_t)4095)

enum cairn_status cairn_native_modules_build(struct cairn_native_modules *modules,
                                             const struct cairn_image_memory *memory,
                                             struct cairn_error *error)
{
    char file[4096] = "";
    *modules = (struct cairn_native_modules){.modules = NULL};
    if (!cairn_process_file(memory->pid, file, sizeof file) ||
        !cairn_process_program(memory->pid, modules->program, sizeof modules->program)) {
        file[0] = '\0';
    }
    for (size_t i = 0; i < memory->map_count; i++) {
        const struct cairn_image_map *map = &memory->maps[i];
        if (map->path[0] != '/' || map->file_offset != 0 || map->shared) {
            continue;
        }
        struct cairn_native_module *grown =
            cairn_grown(modules->modules, &modules->capacity, modules->count, sizeof *grown);
        if (!grown) {
            return cairn_fail(error, CAIRN_E_NOMEM, "an object graph was left out: no memory for it");
        }
        modules->modules = grown;
        const bool by_program = strcmp(map->path, file) == 0 && !cairn_is_loader(file);
        const char *name = by_program ? modules->program : map->path;
        grown[modules->count++] = (struct cairn_native_module){
            .path = map->path, .name = strrchr(name, '/') + 1, .start = map->start};
    }
    return CAIRN_OK;
}

void cairn_native_modules_release(struct cairn_native_modules *modules)
{
    for (size_t i = 0; i < modules->count; i++) {
        struct cairn_native_module *module = &modules->modules[i];
        if (module->loaded) {
            cairn_symbol_table_release(&module->objects);
            cairn_symbol_file_close(&module->file);
        }
    }
    free(modules->modules);
    *modules = (struct cairn_native_modules){.modules = NULL};
}

struct cairn_native_module *cairn_native_modules_of(const struct cairn_native_modules *modules,
                                                    const struct cairn_image_map *map)
{
    for (size_t i = modules->count; i-- > 0;) {
        struct cairn_native_module *module = &modules->modules[i];
        if (module->start <= map->start && strcmp(module->path, map->path) == 0) {
            return module;
        }
    }
    return NULL;
}

const char *cairn_native_module_name(const struct cairn_native_module *module)
{
    return module->name;
}

/* The lowest address that the file asks for. */
static uint64_t file_base(Elf *elf)
{
    size_t count = 0;
    if (!elf || elf_getphdrnum(elf, &count) != 0) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr header;
        if (gelf_getphdr(elf, (int)i, &header) && header.p_type == PT_LOAD) {
            return header.p_vaddr & ~PAGE_MASK;
        }
    }
    return 0;
}

static void load(struct cairn_native_module *module)
{
    if (module->loaded) {
        return;
    }
    module->loaded = true;
    cairn_symbol_file_open(&module->file, module->path, NULL);
    module->bias = module->start - file_base(module->file.elf);
    if (module->file.debug_elf) {
        cairn_symbol_table_load_objects(&module->objects, module->file.debug_elf);
    }
    if (module->objects.count == 0 && module->file.elf) {
        cairn_symbol_table_release(&module->objects);
        cairn_symbol_table_load_objects(&module->objects, module->file.elf);
    }
}

uint64_t cairn_native_module_bias(struct cairn_native_module *module)
{
    load(module);
    return module->bias;
}

struct cairn_native_module *cairn_native_modules_at(const struct cairn_native_modules *modules,
                                                    const struct cairn_image_memory *memory, uint64_t address)
{
    const struct cairn_image_map *map = cairn_image_memory_map(memory, address);
    return map ? cairn_native_modules_of(modules, map) : NULL;
}

char *cairn_native_module_function(struct cairn_native_module *module, uint64_t address, char *out,
                                   size_t out_size)
{
    load(module);
    const struct cairn_elf_symbol *symbol =
        cairn_symbol_table_at(cairn_symbol_file_table(&module->file), address - module->bias);
    if (symbol) {
        cairn_demangle(symbol->name, out, out_size);
    } else {
        snprintf(out, out_size, "%s+0x%" PRIx64, cairn_native_module_name(module), address - module->bias);
    }
    return out;
}

uint64_t cairn_native_module_data_end(struct cairn_native_module *module)
{
    size_t count = 0;
    uint64_t end = 0;
    load(module);
    if (!module->file.elf || elf_getphdrnum(module->file.elf, &count) != 0) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr header;
        if (gelf_getphdr(module->file.elf, (int)i, &header) && header.p_type == PT_LOAD &&
            (header.p_flags & PF_W)) {
            end = (module->bias + header.p_vaddr + header.p_memsz + PAGE_MASK) & ~PAGE_MASK;
        }
    }
    return end;
}

static uint64_t tls_bytes(struct cairn_native_module *module)
{
    size_t count = 0;
    load(module);
    if (!module->file.elf || elf_getphdrnum(module->file.elf, &count) != 0) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr header;
        if (gelf_getphdr(module->file.elf, (int)i, &header) && header.p_type == PT_TLS) {
            return header.p_memsz + header.p_align;
        }
    }
    return 0;
}

uint64_t cairn_native_modules_tls_bytes(const struct cairn_native_modules *modules)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < modules->count; i++) {
        sum += tls_bytes(&modules->modules[i]);
    }
    return sum;
}

char *cairn_native_module_place(struct cairn_native_module *module, uint64_t address, char *out,
                                size_t out_size)
{
    load(module);
    const char *name = cairn_native_module_name(module);
    const struct cairn_elf_symbol *symbol = cairn_symbol_table_at(&module->objects, address - module->bias);
    if (!symbol) {
        snprintf(out, out_size, "%s!+0x%" PRIx64, name, address - module->bias);
        return out;
    }
    char variable[512];
    cairn_demangle(symbol->name, variable, sizeof variable);
    const uint64_t offset = address - module->bias - symbol->address;
    if (offset == 0) {
        snprintf(out, out_size, "%s!%s", name, variable);
    } else {
        snprintf(out, out_size, "%s!%s+0x%" PRIx64, name, variable, offset);
    }
    return out;
}

bool cairn_native_module_class(struct cairn_native_module *module, uint64_t address, char *out,
                               size_t out_size)
{
    static const char mangled[] = "_ZTV", words[] = "vtable for ";
    load(module);
    const struct cairn_elf_symbol *symbol = cairn_symbol_table_at(&module->objects, address - module->bias);
    if (!symbol || strncmp(symbol->name, mangled, sizeof mangled - 1) != 0) {
        return false;
    }
    char name[1024];
    cairn_demangle(symbol->name, name, sizeof name);
    if (strncmp(name, words, sizeof words - 1) != 0) {
        return false;
    }
    snprintf(out, out_size, "%s", name + sizeof words - 1);
    return true;
}
