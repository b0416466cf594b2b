/* Symbols of the interpreter's library. It may have been loaded out of sight (RTLD_LOCAL), where dlsym(RTLD_DEFAULT) does not
 * look: plugins bring their interpreter so. dlopen is not called, which must not be in the middle of another; dlsym only for
 * what is there: an error of ours would take the place of one that the program has yet to ask for. */
#ifndef CAIRN_AGENT_PYTHON_LIBRARY_H
#define CAIRN_AGENT_PYTHON_LIBRARY_H

#include <link.h>
#include <stdbool.h>
#include <stdint.h>

struct cairn_library {
    uintptr_t bias;
    const ElfW(Sym) * symbols;
    const char *names;
    const uint32_t *hash; /* DT_GNU_HASH */
    bool
        in_sight; /* its names are those of dlsym(RTLD_DEFAULT), where a program may have its own copy of a variable */
};

/* Finds the first loaded module whose file name begins with `prefix` and that defines `symbol`; false when there is none. */
bool cairn_library_find(struct cairn_library *library, const char *prefix, const char *symbol);

/* The address of a function or variable, NULL when it is not there. */
void *cairn_library_symbol(const struct cairn_library *library, const char *name);

/* The functions that a library which was found shows to others, at most so many; how many. */
struct cairn_library_function {
    const char *name; /* the library's */
    void *address;
};
size_t cairn_library_list(const struct cairn_library *library, struct cairn_library_function *list,
                          size_t most);

#endif
