/* The run-time libraries of sanitizers that bring an allocator of their own and want to be the first library of all: agent and
 * collector keep out of programs that have one. */
#ifndef CAIRN_WIRE_SANITIZER_H
#define CAIRN_WIRE_SANITIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Whether the file at `path`, `length` bytes without a NUL, is one by its name. */
static inline bool cairn_is_sanitizer_library(const char *path, size_t length)
{
    static const char *const prefixes[] = {"libasan.so",        "libtsan.so",       "libhwasan.so",
                                           "libclang_rt.asan",  "libclang_rt.tsan", "libclang_rt.msan",
                                           "libclang_rt.hwasan"};
    const char *name = path;
    for (size_t i = 0; i < length; i++) {
        name = path[i] == '/' ? path + i + 1 : name;
    }
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        const size_t prefix = strlen(prefixes[i]);
        if ((size_t)(path + length - name) >= prefix && memcmp(name, prefixes[i], prefix) == 0) {
            return true;
        }
    }
    return false;
}

#endif
