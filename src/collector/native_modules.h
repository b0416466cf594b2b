/* The files that a still image has mapped, for the names of their variables and classes. */
#ifndef CAIRN_COLLECTOR_NATIVE_MODULES_H
#define CAIRN_COLLECTOR_NATIVE_MODULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "collector/image_memory.h"
#include "collector/symbol_file.h"

struct cairn_native_module {
    const char *path; /* borrowed from the image */
    const char *name; /* without folders; of the program: what it was started as */
    uint64_t start;   /* where its first byte is mapped */
    uint64_t bias;    /* added to the file's addresses; known once it is loaded */
    bool loaded;
    struct cairn_symbol_file file;
    struct cairn_symbol_table objects;
};

struct cairn_native_modules {
    struct cairn_native_module *modules;
    size_t count, capacity;
    char program[4096];
};

/* The modules borrow texts of `memory`. Zero-initialised or built ones can be released. */
CAIRN_MUST_CHECK enum cairn_status cairn_native_modules_build(struct cairn_native_modules *modules,
                                                              const struct cairn_image_memory *memory,
                                                              struct cairn_error *error);
void cairn_native_modules_release(struct cairn_native_modules *modules);

/* The module that `map` is a part of, or NULL. */
struct cairn_native_module *cairn_native_modules_of(const struct cairn_native_modules *modules,
                                                    const struct cairn_image_map *map);
/* Where its data end, uninitialised ones too; 0: not known. */
uint64_t cairn_native_module_data_end(struct cairn_native_module *module);
/* Thread-local storage that all of them want in every thread, alignment included: at most so much of it lies below a thread's
 * pointer. */
uint64_t cairn_native_modules_tls_bytes(const struct cairn_native_modules *modules);
/* Its file's name without folders. */
const char *cairn_native_module_name(const struct cairn_native_module *module);
/* What is added to its file's addresses. Opens the file. */
uint64_t cairn_native_module_bias(struct cairn_native_module *module);
/* The module whose code or data is mapped at `address`, or NULL. */
struct cairn_native_module *cairn_native_modules_at(const struct cairn_native_modules *modules,
                                                    const struct cairn_image_memory *memory,
                                                    uint64_t address);
/* The function that holds `address`, demangled, else "name+0x1234". Returns `out`. */
char *cairn_native_module_function(struct cairn_native_module *module, uint64_t address, char *out,
                                   size_t out_size);

/* "name!variable+0x10", or "name!+0x4010" where no symbol tells. Returns `out`. */
char *cairn_native_module_place(struct cairn_native_module *module, uint64_t address, char *out,
                                size_t out_size);
/* The class whose vtable holds `address`; false when there is none. */
bool cairn_native_module_class(struct cairn_native_module *module, uint64_t address, char *out,
                               size_t out_size);

#endif
