// Throws on demand, and catches: a library that is loaded after the program has started.
#include <dlfcn.h>
#include <stdexcept>
#include <string>
#include <unwind.h>

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT void thrower(int depth)
{
    std::string text(40 + static_cast<size_t>(depth), 'x');
    if (depth == 0) {
        throw std::runtime_error(text);
    }
    thrower(depth - 1);
}

// How long what it caught is.
EXPORT int catcher(int depth)
{
    try {
        thrower(depth);
    } catch (const std::exception &error) {
        return static_cast<int>(std::string(error.what()).size());
    }
    return 0;
}

// The file whose functions raise this library's exceptions.
EXPORT const char *raiser()
{
    Dl_info info;
    return dladdr(reinterpret_cast<void *>(_Unwind_RaiseException), &info) != 0 ? info.dli_fname : "nobody";
}
