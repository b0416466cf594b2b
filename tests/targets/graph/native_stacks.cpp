// Blocks of sizes of their own, each held by a known function's frame alone: of a thread that waits, of the thread that ends
// the program, and above a call of a method.
#include <cstdlib>
#include <pthread.h>
#include <unistd.h>

static int pipe_ends[2];

static void keep(void *held)
{
    __asm__ volatile("" ::"r"(held) : "memory");
}

__attribute__((noinline)) static void wait_for_the_end(void **held)
{
    if (write(pipe_ends[1], "x", 1) != 1) {
        abort();
    }
    for (;;) {
        pause();
        keep(held);
    }
}

static void *worker(void *)
{
    void *held[2] = {malloc(1016), malloc(1032)};
    keep(held);
    wait_for_the_end(held);
    return nullptr;
}

/* The compiler need not know that this is the end. */
__attribute__((noinline)) static void end(int status)
{
    if (status >= 0) {
        exit(status);
    }
}

namespace park
{
struct Keeper {
    // The frame is larger than a red zone, and something follows the call: it is no jump.
    __attribute__((noinline)) int finish(void **outer, int calls)
    {
        void *held[40] = {calls == 0 ? malloc(2024) : nullptr};
        keep(held);
        if (calls == 0) {
            end(0);
            return 0;
        }
        const int sum = finish(outer, calls - 1) + 1;
        keep(held);
        return sum;
    }
};
} // namespace park

int main()
{
    char byte;
    pthread_t thread;
    if (pipe(pipe_ends) != 0 || pthread_create(&thread, nullptr, worker, nullptr) != 0 ||
        read(pipe_ends[0], &byte, 1) != 1) {
        return 1;
    }
    void *held[2] = {malloc(3016), nullptr};
    keep(held);
    park::Keeper keeper;
    return keeper.finish(held, 3);
}
