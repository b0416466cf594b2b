#include "cli/install.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEMO_NAME "cairn-demo-leaky"

enum cairn_status cairn_find_demo(char *path, size_t path_size, struct cairn_error *error)
{
    /* In the build tree it is beside the program. */
    static const char *const places[] = {"", "/" CAIRN_FROM_BIN_TO_LIBEXEC};
    char folder[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
    if (length <= 0) {
        return cairn_fail_errno(error, "where cairn itself is cannot be told: /proc/self/exe");
    }
    folder[length] = '\0';
    char *slash = strrchr(folder, '/');
    *(slash != NULL ? slash : folder) = '\0';
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const int needed = snprintf(path, path_size, "%s%s/%s", folder, places[i], DEMO_NAME);
        if (needed > 0 && (size_t)needed < path_size && access(path, X_OK) == 0) {
            return CAIRN_OK;
        }
    }
    return cairn_fail(error, CAIRN_E_NOT_FOUND,
                      "the demo program " DEMO_NAME " is not where it was installed: install cairn again");
}
