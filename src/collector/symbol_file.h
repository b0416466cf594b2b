/* One ELF file and its separate debug file, opened for symbols. Internal to the collector's symbol part. */
#ifndef CAIRN_COLLECTOR_SYMBOL_FILE_H
#define CAIRN_COLLECTOR_SYMBOL_FILE_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/symbol_image.h"
#include "collector/symbols.h"

/* A function of a symbol table. Sorted by address; `size` 0 means up to the next one. `name` is borrowed from the ELF. */
struct cairn_elf_symbol {
    uint64_t address, size;
    const char *name;
    uint8_t rank; /* of several at one address the lowest wins: global before weak before local */
};

struct cairn_symbol_table {
    struct cairn_elf_symbol *symbols;
    size_t count;
};

/* Where a compile unit's code lies, for files without .debug_aranges. Sorted by `low`. */
struct cairn_unit_range {
    uint64_t low, high;
    Dwarf_Off unit;
};

/* All members may be absent. */
struct cairn_symbol_file {
    int elf_fd, debug_fd; /* -1: not open */
    Elf *elf, *debug_elf;
    struct cairn_symbol_image image; /* what `dwarf` is read from where that is compressed */
    Dwarf *dwarf;                    /* NULL until somebody asks for it */
    bool has_dwarf;
    struct cairn_symbol_table table; /* empty until somebody asks for it */
    bool table_loaded;
    struct cairn_unit_range *ranges; /* NULL until a look-up needs them */
    size_t range_count, range_capacity;
    bool ranges_loaded;
    size_t head_bytes;     /* of .debug_info, unpacked at first; set before the first question */
    Dwarf_Off head_offset; /* where the next unit starts that was not asked for its ranges, in the head */
    struct cairn_unit_functions *units; /* those of which addresses were asked for, by offset */
    size_t unit_count, unit_capacity;
    char state[256]; /* see cairn_symbol_module_state() */
};

/* Opens `path` (its build-id must be `build_id` unless that is NULL) and the debug file that belongs to it. Never fails:
 * `state` says what was found. */
void cairn_symbol_file_open(struct cairn_symbol_file *file, const char *path, const char *build_id);
void cairn_symbol_file_close(struct cairn_symbol_file *file);
/* Its debug information, NULL when it has none that can be read. Where that is compressed (libc's is on Debian) what is needed
 * of it is unpacked now, which takes milliseconds. */
Dwarf *cairn_symbol_file_dwarf(struct cairn_symbol_file *file);
/* Whether only the head of that is unpacked. What lies behind it looks like zeros. */
bool cairn_symbol_file_has_more(const struct cairn_symbol_file *file);
/* Unpacks the rest; false, and no debug information from now on, where that is damaged. Everything that came of the file's
 * Dwarf so far is gone. */
bool cairn_symbol_file_finish(struct cairn_symbol_file *file);
/* Memory ran out: no debug information from now on, and its Dwarf is left as it is. `state` says so. */
void cairn_symbol_file_give_up(struct cairn_symbol_file *file);

/* The functions of its symbol table, the debug file's where there is one. Never NULL, may be empty; the file's own. */
const struct cairn_symbol_table *cairn_symbol_file_table(struct cairn_symbol_file *file);

/* The functions of `elf`: .symtab, else .dynsym; `*dynamic` says which. An empty table when there is neither. */
void cairn_symbol_table_load(struct cairn_symbol_table *table, Elf *elf, bool *dynamic);
/* Its variables (and vtables) instead. */
void cairn_symbol_table_load_objects(struct cairn_symbol_table *table, Elf *elf);
void cairn_symbol_table_release(struct cairn_symbol_table *table);
/* The symbol that holds `address`, or NULL. Its name, mangled. */
const struct cairn_elf_symbol *cairn_symbol_table_at(const struct cairn_symbol_table *table,
                                                     uint64_t address);
const char *cairn_symbol_table_find(const struct cairn_symbol_table *table, uint64_t address);

/* As cairn_symbol_module_resolve(), with debug information only: 0 when it knows nothing. Texts point into `scratch`,
 * or into the file. */
struct cairn_symbol_scratch {
    char names[16384], files[16384]; /* texts of one answer, one behind the other */
    size_t names_used, files_used;
};
size_t cairn_symbol_dwarf_resolve(struct cairn_symbol_file *file, uint64_t address,
                                  struct cairn_symbol_scratch *scratch, struct cairn_symbol *rows,
                                  size_t capacity);

/* The subprogram of `unit` (in namespaces and classes too) that holds the address; false when there is none. */
bool cairn_symbol_function_at(struct cairn_symbol_file *file, Dwarf_Die *unit, uint64_t address,
                              Dwarf_Die *function);
void cairn_symbol_functions_release(struct cairn_symbol_file *file);

/* Demangles `linkage` into the scratch and fills the two names of `row`. */
void cairn_symbol_set_name(struct cairn_symbol *row, const char *linkage,
                           struct cairn_symbol_scratch *scratch);

#endif
