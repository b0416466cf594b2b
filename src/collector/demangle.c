#include <libiberty/demangle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/symbols.h"

/* Return types are dropped: they are long and say nothing about the place. */
#define DEMANGLE_OPTIONS (DMGL_PARAMS | DMGL_ANSI | DMGL_RET_DROP)
/* A mangled name longer than this is shown as it is: the demangler's output may be exponentially longer. */
#define DEMANGLE_INPUT_MAX 8192

char *cairn_demangle(const char *name, char *out, size_t out_size)
{
    char *text = NULL;
    /* Linker and compiler suffixes (.cold, .part.0, @@GLIBC_2.2.5) end the mangled part. */
    const size_t length = strlen(name);
    if (length < DEMANGLE_INPUT_MAX) {
        if (strncmp(name, "_Z", 2) == 0 || strncmp(name, "_R", 2) == 0) {
            text = cplus_demangle(name, DEMANGLE_OPTIONS | DMGL_AUTO);
        } else if (strncmp(name, "_D", 2) == 0) {
            text = dlang_demangle(name, DEMANGLE_OPTIONS);
        }
    }
    snprintf(out, out_size, "%s", text ? text : name);
    free(text);
    return out;
}
