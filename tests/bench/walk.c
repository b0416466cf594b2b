/* What one capture of a call stack costs: the agent's walk alone, without hooks, ring consumer or collector.
 *
 *   walk [CAPTURES [DEPTH same|near|paths|apart]]
 *
 * For each depth a recursion stands still and the stack is captured below it in four ways:
 *   same     the same site again: nothing but validation
 *   near     from one of eight sites in the third caller: two frames are new
 *   paths    through three frames picked by a path number, one of 512: the inner one to four frames are new
 *   apart    from two places in turn that share the outermost frames only: half of the stack is new
 * Prints nanoseconds a capture, and what the loop costs without the capture (taken off). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "agent/ring_writer.h"
#include "agent/stack.h"

#define DEFAULT_CAPTURES 2000000ul
#define NOINLINE         __attribute__((noinline))

static struct cairn_ring_control control;
static struct cairn_ring_writer writer = {.control = &control};
static struct cairn_stacks *stacks;
static volatile int capturing;
static uint64_t captures;
static volatile uint32_t last_node;

enum way { WAY_SAME, WAY_NEAR, WAY_PATHS, WAY_APART, WAY_COUNT };

/* The consumer is always done. */
uint64_t *cairn_ring_writer_wait(struct cairn_ring_writer *full, uint32_t words)
{
    const uint64_t position = full->head & (CAIRN_RING_BYTES - 1);
    if (position + 8ull * words > CAIRN_RING_BYTES) {
        full->head += CAIRN_RING_BYTES - position;
    }
    full->tail_seen = full->head;
    return full->words + (full->head & (CAIRN_RING_BYTES - 1)) / 8;
}

/* Of this thread's own work: whoever shares the processor is left out. */
static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Stands where malloc's hook would. */
NOINLINE static void hook(void)
{
    const struct cairn_registers at = {
        .pc = (uintptr_t)__builtin_return_address(0),
        .sp = (uintptr_t)__builtin_frame_address(0) + 16,
        .rbp = *(const uintptr_t *)__builtin_frame_address(0),
    };
    if (capturing) {
        last_node = cairn_stacks_capture(stacks, &at, &writer);
    }
}

NOINLINE static void leaf(uint64_t path)
{
    (void)path;
    hook();
    __asm__ volatile("");
}

#define STEP(name, next)                                                                                     \
    NOINLINE static void name(uint64_t path)                                                                 \
    {                                                                                                        \
        switch (path & 7) {                                                                                  \
        case 0:                                                                                              \
            next(path >> 3);                                                                                 \
            __asm__ volatile("nop # 0");                                                                     \
            break;                                                                                           \
        case 1:                                                                                              \
            next(path >> 3);                                                                                 \
            __asm__ volatile("nop # 1");                                                                     \
            break;                                                                                           \
        case 2:                                                                                              \
            next(path >> 3);                                                                                 \
            __asm__ volatile("nop # 2");                                                                     \
            break;                                                                                           \
        case 3:                                                                                              \
            next(path >> 3);                                                                                 \
            __asm__ volatile("nop # 3");                                                                     \
            break;                                                                                           \
        case 4:                                                                                              \
            next(path >> 3);                                                                                 \
            __asm__ volatile("nop # 4");                                                                     \
            break;                                                                                           \
        case 5:                                                                                              \
            next(path >> 3);                                                                                 \
            __asm__ volatile("nop # 5");                                                                     \
            break;                                                                                           \
        case 6:                                                                                              \
            next(path >> 3);                                                                                 \
            __asm__ volatile("nop # 6");                                                                     \
            break;                                                                                           \
        default:                                                                                             \
            next(path >> 3);                                                                                 \
            __asm__ volatile("nop # 7");                                                                     \
            break;                                                                                           \
        }                                                                                                    \
    }

STEP(third_step, leaf)
STEP(second_step, third_step)
STEP(first_step, second_step)

static uint64_t spent_ns;

NOINLINE static void loop(enum way way)
{
    const uint64_t start = now_ns();
    for (uint64_t i = 0; i < captures; i++) {
        const uint64_t path = i * 2654435761u >> 7;
        first_step(way == WAY_SAME ? 0 : way == WAY_NEAR ? path << 6 : path);
    }
    spent_ns = now_ns() - start;
}

NOINLINE static uint64_t descend_once(uint64_t depth, uint64_t path)
{
    volatile char room[40];
    room[0] = (char)depth;
    if (depth == 0) {
        first_step(path);
    } else {
        descend_once(depth - 1, path);
    }
    return (uint64_t)room[0];
}

NOINLINE static void loop_apart(uint64_t depth)
{
    const uint64_t start = now_ns();
    for (uint64_t i = 0; i < captures; i += 2) {
        descend_once(depth, i);
        __asm__ volatile("nop");
        descend_once(depth, i);
    }
    spent_ns = now_ns() - start;
}

NOINLINE static uint64_t descend(uint64_t depth, enum way way, uint64_t inner)
{
    volatile char room[40];
    room[0] = (char)depth;
    if (depth > 0) {
        descend(depth - 1, way, inner);
    } else if (way == WAY_APART) {
        loop_apart(inner);
    } else {
        loop(way);
    }
    return (uint64_t)room[0];
}

/* Frames of the loop, the steps, the leaf, main and what started it. */
#define OTHER_FRAMES 10u

static double measure(uint64_t depth, enum way way)
{
    double ns[2];
    uint64_t outer = depth > OTHER_FRAMES ? depth - OTHER_FRAMES : 0, inner = 0;
    if (way == WAY_APART) {
        inner = outer / 2;
        outer -= inner;
    }
    for (int pass = 0; pass < 2; pass++) {
        double best = 1e9;
        for (int turn = 0; turn < 9; turn++) {
            capturing = pass;
            descend(outer, way, inner);
            const double once = (double)spent_ns / (double)captures;
            best = once < best ? once : best;
        }
        ns[pass] = best;
    }
    return ns[1] - ns[0];
}

int main(int argc, char **argv)
{
    static const uint64_t depths[] = {5, 20, 50, 200};
    static const char *const names[] = {"same", "near", "paths", "apart"};
    captures = (argc > 1 ? strtoul(argv[1], NULL, 10) : DEFAULT_CAPTURES) / 9;
    writer.words = mmap(NULL, CAIRN_RING_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cairn_stacks_setup();
    stacks = cairn_stacks_new(1024);
    if (writer.words == MAP_FAILED || stacks == NULL) {
        return 1;
    }
    if (argc == 4) {
        for (int way = 0; way < WAY_COUNT; way++) {
            if (strcmp(argv[3], names[way]) == 0) {
                printf("%.1f ns a capture\n", measure(strtoul(argv[2], NULL, 10), (enum way)way));
            }
        }
        return 0;
    }
    printf("depth    same    near   paths   apart   (ns a capture)\n");
    for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++) {
        printf("%5lu", (unsigned long)depths[i]);
        for (int way = 0; way < WAY_COUNT; way++) {
            printf(" %7.1f", measure(depths[i], (enum way)way));
        }
        printf("\n");
    }
    return 0;
}
