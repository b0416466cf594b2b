"""Programs with known object graphs, made from a seed.

Every planted block has a size of its own, SIZE_FIRST + 16 k, so that what a recording says of it can be told whatever its
address. A program plants shapes (lists, trees, hash maps, rings, grids, objects of classes with virtual functions), keeps some
of them by variables of its own, from a thread's stack or a register, and loses the others. It prints nothing."""
import random
import textwrap

SIZE_FIRST = 2048
SIZE_STEP = 16

HEAD = r"""
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __cplusplus
#include <new>
#endif

#define NOINLINE __attribute__((noinline))
enum { FIRST = %d, STEP = %d, BLOCKS = %d, EDGES = %d, CLASSES = %d };

/* Where an edge leads from (block, word) and to (block, byte inside it). */
static const struct { unsigned source, word, target, inside; } edges[EDGES + 1] = { %s };
static const unsigned char class_of[BLOCKS + 1] = { %s };
"""

# The pointers of the blocks are known only to the planting thread, in memory that it unmaps when it is done.
PLANT = r"""
#include <sys/mman.h>

static NOINLINE void *make(unsigned k);

static NOINLINE void plant(void **kept, unsigned kept_count, const unsigned *which)
{
    char **blocks = (char **)mmap(NULL, (BLOCKS + 1) * sizeof *blocks, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (unsigned k = 0; k < BLOCKS; k++) {
        blocks[k] = (char *)make(k);
    }
    for (unsigned e = 0; e < EDGES; e++) {
        char *target = blocks[edges[e].target] + edges[e].inside;
        memcpy(blocks[edges[e].source] + 8 * edges[e].word, &target, sizeof target);
    }
    for (unsigned i = 0; i < kept_count; i++) {
        kept[i] = blocks[which[i]];
    }
    memset(blocks, 0, (BLOCKS + 1) * sizeof *blocks);
    munmap(blocks, (BLOCKS + 1) * sizeof *blocks);
}

/* Of what the calls before left on the stack nothing is to be found. */
static NOINLINE void wipe_stack(void)
{
    volatile char room[1 << 16];
    for (size_t i = 0; i < sizeof room; i++) {
        room[i] = 0;
    }
}

static void *kept_by_register[1], *kept_by_stack, *kept_by_thread;
static volatile int holding;
static __thread void *volatile own;

/* The only pointer is in a register, and this turns round. */
static NOINLINE void turn(void)
{
    void *value = kept_by_register[0];
    __asm__ volatile("mov %%0, %%%%r14\n\t"
                     "movq $0, (%%1)\n\t"
                     "xor %%0, %%0\n\t"
                     "movl $1, (%%2)\n"
                     "1:\tpause\n\t"
                     "cmpl $2, (%%2)\n\t"
                     "jne 1b\n\t"
                     : "+r"(value)
                     : "r"(kept_by_register), "r"(&holding)
                     : "r14", "memory", "cc");
}

/* Others are on this thread's stack (in a frame that calls: LeakSanitizer leaves out what lies below a stack's top) and in its
 * own storage. */
static void *hold(void *unused)
{
    (void)unused;
    void *volatile on_stack = kept_by_stack;
    own = kept_by_thread;
    kept_by_stack = kept_by_thread = NULL;
    turn();
    return on_stack;
}
"""

MAIN = r"""
#define KEPT %d
void *kept[KEPT + 3];
static const unsigned which[KEPT + 3] = { %s };

static NOINLINE void *planter(void *unused)
{
    (void)unused;
    plant(kept, KEPT + 3, which);
    kept_by_register[0] = kept[KEPT]; /* the last ones are for the thread */
    kept_by_stack = kept[KEPT + 1];
    kept_by_thread = kept[KEPT + 2];
    memset(kept + KEPT, 0, 3 * sizeof *kept);
    wipe_stack();
    return NULL;
}

int main(void)
{
    pthread_t thread;
    /* Its registers and its stack go with it. */
    pthread_create(&thread, NULL, planter, NULL);
    pthread_join(thread, NULL);
    pthread_create(&thread, NULL, hold, NULL);
    while (holding != 1) {
        usleep(100);
    }
    wipe_stack();
    return 0;
}
"""

MAKE_C = r"""
static NOINLINE void *make(unsigned k)
{
    const size_t size = FIRST + STEP * (size_t)k;
    void *block = k %% 3 == 0 ? calloc(1, size) : k %% 3 == 1 ? malloc(size) : realloc(malloc(40), size);
    memset(block, 0, size);
    return block;
}
"""

MAKE_CPP_HEAD = """
namespace shapes {
struct Base {
    virtual ~Base() {}
    virtual int number() const { return 0; }
    uintptr_t words[4] = {};
};
"""

MAKE_CPP = r"""
/* An object of its class at the start of the block: the vtable takes the first word. */
static NOINLINE void *make(unsigned k)
{
    const size_t size = FIRST + STEP * (size_t)k;
    void *block = operator new(size);
    memset(block, 0, size);
    switch (class_of[k]) {
%s
    default:
        break;
    }
    return block;
}
"""

LOSERS = 14
LOSERS_TEXT = r"""
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace zoo {
%s
}

static void *kept;

static void lose()
{
    void *blocks[%d] = { %s };
    static const unsigned edges[][2] = { %s };
    unsigned word = 0;
    for (auto &edge : edges) {
        static_cast<void **>(blocks[edge[0]])[++word] = blocks[edge[1]];
    }
    kept = blocks[0];
    memset(blocks, 0, sizeof blocks);
    __asm__ volatile("" : : "r"(blocks) : "memory");
}

int main()
{
    std::thread(lose).join();
    __asm__ volatile("" : : "r"(&kept) : "memory");
    return 0;
}
"""


def named_losers(numbers):
    """A C++ program that loses blocks, each made by a function of its own; some hold others, in cycles too. One is kept."""
    makers = "\n".join(f"__attribute__((noinline)) void *make_{k}(int n) {{ return calloc({SIZE_FIRST + SIZE_STEP * k} / n, n); }}"
                       for k in range(LOSERS))
    edges = {(numbers.randrange(LOSERS), numbers.randrange(LOSERS)) for _ in range(LOSERS)}
    return LOSERS_TEXT % (makers, LOSERS, ", ".join(f"zoo::make_{k}(1)" for k in range(LOSERS)),
                          ", ".join(f"{{{a}, {b}}}" for a, b in sorted(edges) if a != b))


class Program:
    """`blocks`, `edges` {(source, word): (target, inside)}, `kept` blocks held by variables, `held` {kind of root: block} those
    that a thread's register, stack and own storage hold, `classes` by block (0: none)."""

    def __init__(self, seed, cpp):
        self.random = random.Random(seed)
        self.cpp = cpp
        self.blocks, self.edges, self.kept, self.classes = 0, {}, [], []
        self.class_count = self.random.randint(1, 5) if cpp else 0
        for _ in range(self.random.randint(8, 16)):
            shape = self.random.choice([self.list, self.tree, self.hash_map, self.ring, self.tangle])
            head = shape(self.random.randint(1, 12))
            if self.random.random() < 0.5:
                self.kept.append(head)
            elif self.random.random() < 0.3:
                holder = self.random.randrange(self.blocks)
                if holder != head:  # a pointer into the block it stands in is no edge
                    self.link(holder, head)
        self.held = {kind: self.list(self.random.randint(1, 6)) for kind in ("register", "stack", "tls")}

    def block(self):
        self.blocks += 1
        self.classes.append(self.random.randint(0, self.class_count))
        return self.blocks - 1

    def size(self, k):
        return SIZE_FIRST + SIZE_STEP * k

    def link(self, source, target):
        word = self.random.randrange(1, self.size(source) // 8)
        while (source, word) in self.edges:
            word = self.random.randrange(1, self.size(source) // 8)
        inside = 0 if self.random.random() < 0.8 else self.random.randrange(self.size(target))
        self.edges[source, word] = target, inside

    def list(self, count):
        made = [self.block() for _ in range(count)]
        for source, target in zip(made, made[1:]):
            self.link(source, target)
        return made[0]

    def tree(self, count):
        made = [self.block() for _ in range(count)]
        for i, target in enumerate(made[1:], 1):
            self.link(made[(i - 1) // 2], target)
        return made[0]

    def hash_map(self, count):
        table = self.block()
        for _ in range(count):
            self.link(table, self.list(self.random.randint(1, 3)))
        return table

    def ring(self, count):
        made = [self.block() for _ in range(count)]
        for source, target in zip(made, made[1:] + made[:1]):
            if source != target:
                self.link(source, target)
        return made[0]

    def tangle(self, count):
        made = [self.block() for _ in range(count)]
        for _ in range(count * 2):
            source, target = self.random.choice(made), self.random.choice(made)
            if source != target:
                self.link(source, target)
        return made[0]

    def reachable(self):
        out = {}
        for (source, _), (target, _) in self.edges.items():
            out.setdefault(source, set()).add(target)
        found, todo = set(), [*self.kept, *self.held.values()]
        while todo:
            block = todo.pop()
            if block not in found:
                found.add(block)
                todo.extend(out.get(block, ()))
        return found

    def source(self):
        edges = ", ".join(f"{{{s}, {w}, {t}, {i}}}" for (s, w), (t, i) in sorted(self.edges.items())) or "{0, 0, 0, 0}"
        classes = ", ".join(map(str, self.classes))
        text = HEAD % (SIZE_FIRST, SIZE_STEP, self.blocks, len(self.edges), self.class_count, edges, classes)
        text += PLANT.replace("%%", "%")
        if self.cpp:
            text += MAKE_CPP_HEAD
            for k in range(1, self.class_count + 1):
                text += f"struct Shape{k} : Base {{ int number() const override {{ return {k}; }} }};\n"
            text += "}\n" + MAKE_CPP % "\n".join(
                f"    case {k}:\n        new (block) shapes::Shape{k};\n        break;" for k in range(1, self.class_count + 1))
        else:
            text += MAKE_C.replace("%%", "%")
        which = ", ".join(map(str, [*self.kept, *self.held.values()]))
        return textwrap.dedent(text) + MAIN % (len(self.kept), which)
