// exceptions LIBRARY: C++ exceptions through frames that own memory, nested, rethrown, out of a library that was loaded
// later: caught by the program's own run-time, and every allocation on the way has the stack libunwind says. Prints whose
// functions raise them.
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace
{

struct Owner {
    explicit Owner(int size) : words(static_cast<size_t>(size), "word")
    {
    }
    // Runs while the stack is being unwound.
    ~Owner()
    {
        auto copy = std::make_unique<std::string>(50, 'd');
        released += copy->size();
    }
    std::vector<std::string> words;
    static unsigned long released;
};

unsigned long Owner::released = 0;

__attribute__((noinline)) int dive(int depth, int throw_at)
{
    Owner owner(depth + 1);
    if (depth == throw_at) {
        throw std::out_of_range("depth " + std::to_string(depth) + std::string(30, '!'));
    }
    return dive(depth + 1, throw_at) + static_cast<int>(owner.words.size());
}

__attribute__((noinline)) int nest(int level)
{
    try {
        return dive(0, level);
    } catch (const std::out_of_range &error) {
        std::map<std::string, int> seen;
        seen[error.what()] = level;
        try {
            dive(level, level + 2);
        } catch (const std::exception &) {
            seen["inner" + std::string(20, '.')] = 1;
        }
        if (level % 3 == 0) {
            throw;
        }
        return static_cast<int>(seen.size());
    }
}

const char *raiser()
{
    Dl_info info;
    void *function = dlsym(RTLD_DEFAULT, "_Unwind_RaiseException");
    if (function == nullptr || dladdr(function, &info) == 0) {
        return "nobody";
    }
    const char *slash = std::strrchr(info.dli_fname, '/');
    return slash == nullptr ? info.dli_fname : slash + 1;
}

} // namespace

int main(int argc, char **argv)
{
    void *library = dlopen(argv[argc - 1], RTLD_LAZY);
    auto thrower = reinterpret_cast<void (*)(int)>(dlsym(library, "thrower"));
    long caught = 0, total = 0;
    for (int i = 0; i < 60; i++) {
        try {
            total += nest(i % 12);
        } catch (const std::exception &) {
            caught++;
        }
        try {
            thrower(i % 9);
        } catch (const std::runtime_error &error) {
            total += static_cast<long>(std::string(error.what()).size());
        }
    }
    std::printf("%ld %ld %lu, raised by %s\n", caught, total, Owner::released, raiser());
    return 0;
}
