#include "collector/loader.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Options whose value is the next word. */
static const char *const with_value[] = {
    "--library-path",         "--inhibit-rpath",     "--audit", "--preload", "--argv0",
    "--glibc-hwcaps-prepend", "--glibc-hwcaps-mask",
};

static bool takes_next(const char *word)
{
    for (size_t i = 0; i < sizeof with_value / sizeof with_value[0]; i++) {
        if (strcmp(word, with_value[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool cairn_is_loader(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    return strncmp(name, "ld-linux", 8) == 0 || strncmp(name, "ld-2.", 5) == 0;
}

char *const *cairn_loader_program(char *const *argv)
{
    for (argv++; argv[0] && strncmp(argv[0], "--", 2) == 0; argv++) {
        if (takes_next(argv[0])) {
            if (!*++argv) {
                return NULL;
            }
        } else if (argv[0][2] == '\0') {
            argv++;
            break;
        } else if (strcmp(argv[0], "--inhibit-cache") != 0) {
            return NULL;
        }
    }
    return argv[0] ? argv : NULL;
}

bool cairn_loader_resolve(const char *file, char *const *argv, const char *folder, char *path, size_t size)
{
    char *const *program = cairn_is_loader(file) && argv[0] ? cairn_loader_program(argv) : NULL;
    char joined[PATH_MAX];
    if (!program || (size_t)snprintf(joined, sizeof joined, "%s/%s", program[0][0] == '/' ? "" : folder,
                                     program[0]) >= sizeof joined) {
        return false;
    }
    char *absolute = realpath(joined, NULL);
    const bool fits = absolute && (size_t)snprintf(path, size, "%s", absolute) < size;
    free(absolute);
    return fits;
}
