// news FOLDER HOW: operator new and delete.
//   deletes  every form of both, and free_sized where there is one
//   throws   exceptions through frames that allocate
//   pool     an operator new over a static pool, which mallocs what does not fit (built as news_pool)
//
// What must hold: the books; nothing stays of `deletes`; what is allocated after a catch has a stack of its own again;
// a malloc below operator new is counted once.
#include <dlfcn.h>

#include <cstddef>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>

#include "../books.h"

#ifdef OWN_NEW
static char pool[1 << 16];
static std::size_t used;

static bool is_pooled(const void *block)
{
    return block >= pool && block < pool + sizeof pool;
}

void *operator new(std::size_t size)
{
    const std::size_t room = (size + 15) & ~std::size_t{15};
    if (used + room <= sizeof pool) {
        used += room;
        return pool + used - room;
    }
    void *block = books_malloc(size);
    if (!block) {
        throw std::bad_alloc();
    }
    return block;
}

void operator delete(void *block) noexcept
{
    if (block && !is_pooled(block)) {
        books_free(block, 24);
    }
}

void operator delete(void *block, std::size_t) noexcept
{
    operator delete(block);
}

static int run(const char *)
{
    for (int i = 0; i < 10000; i++) {
        struct Item {
            char room[24];
        } *volatile item = new Item;
        if (i % 2) {
            delete item;
        }
    }
    return 0;
}
#else
[[gnu::noinline]] static void books_deletes(std::size_t size)
{
    const auto wide = std::align_val_t{128};
    const std::nothrow_t none{};
    for (int form = 0; form < 8; form++) {
        books_in(size);
        void *block = form < 2   ? ::operator new(size)
                      : form < 4 ? ::operator new[](size)
                      : form < 6 ? ::operator new(size, wide)
                      : form < 7 ? ::operator new(size, none)
                                 : ::operator new[](size, wide, none);
        std::memset(block, 1, size);
        books_out(size);
        switch (form) {
        case 0:
            ::operator delete(block);
            break;
        case 1:
            ::operator delete(block, size);
            break;
        case 2:
            ::operator delete[](block);
            break;
        case 3:
            ::operator delete[](block, size);
            break;
        case 4:
            ::operator delete(block, wide);
            break;
        case 5:
            ::operator delete(block, size, wide);
            break;
        case 6:
            ::operator delete(block, none);
            break;
        default:
            ::operator delete[](block, wide);
            break;
        }
    }
    static auto *const free_sized =
        reinterpret_cast<void (*)(void *, std::size_t)>(dlsym(RTLD_DEFAULT, "free_sized"));
    void *block = books_malloc(size);
    books_out(size);
    if (free_sized) {
        free_sized(block, size);
    } else {
        std::free(block);
    }
}

[[gnu::noinline]] static int thrower(int depth)
{
    void *block = books_malloc(16);
    books_free(block, 16);
    if (depth == 0) {
        throw std::runtime_error("deep down");
    }
    return thrower(depth - 1) + (block ? 1 : 0);
}

[[gnu::noinline]] static void books_after()
{
    for (std::size_t i = 0; i < 100; i++) {
        books_free(books_malloc(i), i);
    }
}

static int run(const char *how)
{
    int caught = 0;
    for (int i = 0; i < 300; i++) {
        if (std::strcmp(how, "deletes") == 0) {
            books_deletes((static_cast<std::size_t>(i) + 1) * 128); // of which aligned ones make whole units
            continue;
        }
        try {
            thrower(i % 40);
        } catch (const std::exception &) {
            caught++;
        }
        books_after();
    }
    return caught == (std::strcmp(how, "throws") == 0 ? 300 : 0) ? 0 : 3;
}
#endif

int main(int argc, char **argv)
{
    const int status = argc > 2 ? run(argv[2]) : 2;
    books_write(argc > 1 ? argv[1] : nullptr);
    return status;
}
