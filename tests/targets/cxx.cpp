// cxx FOLDER: new and delete in all their forms, containers, thread_local destructors that allocate, an exception through the
// allocator's callers, an own operator new over a static pool for one class.
//
// What must hold: every block is freed (nothing of ours is live at the end), the program prints the same.
#include <cairn/cairn.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace
{

struct alignas(128) Wide {
    char room[256];
};

struct Pooled {
    char room[48];
    static void *operator new(std::size_t size)
    {
        void *block = &pool[used++ * 64];
        cairn_block_alloc(block, size);
        return block;
    }
    static void operator delete(void *block)
    {
        cairn_block_free(block);
    }
    static char pool[64 * 100];
    static int used;
};
char Pooled::pool[64 * 100];
int Pooled::used;

struct AtThreadEnd {
    std::unique_ptr<std::string> text = std::make_unique<std::string>(100, 'x');
    ~AtThreadEnd()
    {
        std::vector<int> late(50, 1);
        text.reset(new std::string(200, 'y'));
    }
};
thread_local AtThreadEnd at_thread_end;

int thrower(int depth)
{
    std::string text(static_cast<std::size_t>(64 + depth), 'a');
    if (depth == 0) {
        throw std::runtime_error(text);
    }
    return thrower(depth - 1) + static_cast<int>(text.size());
}

} // namespace

int main()
{
    cairn_mark("begin");
    int caught = 0;
    for (int i = 0; i < 100; i++) {
        delete new Wide;
        delete[] new int[100];
        ::operator delete (::operator new(64), std::size_t{64});
        delete new Pooled;
        try {
            thrower(i % 30);
        } catch (const std::exception &error) {
            caught += static_cast<int>(std::string(error.what()).size());
        }
    }
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++) {
        threads.emplace_back([] {
            std::map<int, std::string> numbers;
            for (int k = 0; k < 1000; k++) {
                numbers[k] = std::string(40, static_cast<char>('a' + k % 26));
            }
            at_thread_end.text->append("z");
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    cairn_pause();
    std::vector<char> unseen(1000);
    cairn_resume();
    uint64_t current = 0, peak = 0;
    cairn_traced_bytes(&current, &peak);
    cairn_snapshot("end");
    std::printf("caught %d, paused %zu\n", caught, unseen.size());
    return 0;
}
