#include "agent/python/layout.h"

#include <stddef.h>
#include <string.h>

#include "agent/python/layout_table.h"

/* 3.13's _PyRuntime begins with this cookie, its version and whether it is a free-threaded build. */
#define RUNTIME_COOKIE        "xdebugpy"
#define RUNTIME_FREE_THREADED 16

const struct cairn_python_layout *cairn_python_layout(unsigned minor, const void *runtime, const char **why)
{
    if (minor < CAIRN_PYTHON_FIRST_MINOR ||
        minor - CAIRN_PYTHON_FIRST_MINOR >= sizeof cairn_python_layouts / sizeof *cairn_python_layouts) {
        *why = "this version's frames are not known";
        return NULL;
    }
    if (minor >= 13 && runtime && memcmp(runtime, RUNTIME_COOKIE, 8) == 0) {
        uint64_t free_threaded;
        memcpy(&free_threaded, (const char *)runtime + RUNTIME_FREE_THREADED, sizeof free_threaded);
        if (free_threaded) {
            *why = "it is a free-threaded build";
            return NULL;
        }
    }
    return &cairn_python_layouts[minor - CAIRN_PYTHON_FIRST_MINOR];
}
