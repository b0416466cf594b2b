/* calls FOLDER HOW: heap calls that are special in one way.
 *   chain    one block grown and shrunk, in place and moved; it alone stays
 *   nothing  realloc to nothing and from nothing, and reallocs that fail
 *   empty    blocks of no bytes
 *   aligned  aligned_alloc, memalign, valloc, pvalloc, posix_memalign
 *   huge     a hundred blocks of 1 GiB that nobody touches
 *   plain    ten thousand pairs
 *
 * What must hold: the books, to the byte, and the peak. */
#include <errno.h>
#include <malloc.h>

#include "../books.h"

static char *resized(char *block, size_t *size, size_t wanted)
{
    char *moved = books_realloc(block, *size, wanted);
    if (!moved) {
        _exit(4);
    }
    *size = wanted;
    return moved;
}

static int chain(void)
{
    enum { STEPS = 5000, WALLS = STEPS / 50 };
    void *walls[WALLS];
    int moved = 0, stayed = 0;
    size_t size = 100;
    char *block = books_malloc(size);
    for (int i = 0; i < STEPS; i++) {
        if (i % 50 == 0) {
            walls[i / 50] = books_malloc(500); /* behind the block: it has to move */
        }
        const uintptr_t before = (uintptr_t)block;
        block = resized(block, &size, i % 3 == 2 ? size / 2 + 1 : size + 97 + (size_t)i % 1000);
        *((uintptr_t)block == before ? &stayed : &moved) += 1;
    }
    for (int i = 0; i < WALLS; i++) {
        books_free(walls[i], 500);
    }
    resized(block, &size, 300000); /* the allocator maps it */
    return moved > 10 && stayed > 10 ? 0 : 3;
}

static int nothing(void)
{
    volatile size_t too_much = SIZE_MAX / 2;
    for (int i = 0; i < 200; i++) {
        char *block = books_malloc(100);
        block[99] = 7;
        errno = 0;
        if (realloc(block, too_much) || errno != ENOMEM || reallocarray(block, too_much, 8) ||
            block[99] != 7) {
            return 4;
        }
        if (i > 0) { /* the first one is kept where it is */
            books_out(100);
            if (realloc(block, 0)) {
                return 5;
            }
        }
        block = books_realloc(NULL, 0, 10);
        books_free(block, 10);
    }
    return 0;
}

static int empty(void)
{
    for (int i = 0; i < 1000; i++) {
        void *block = i % 3 == 0 ? books_malloc(0) : i % 3 == 1 ? books_realloc(NULL, 0, 0) : calloc(0, 10);
        if (!block) {
            return 3;
        }
        if (i % 3 == 2) {
            books_in(0);
        }
        if (i % 2) {
            books_free(block, 0);
        }
    }
    return 0;
}

static void *aligned_block(int kind, size_t alignment, size_t size)
{
    void *block = NULL;
    switch (kind) {
    case 0:
        return aligned_alloc(alignment, size);
    case 1:
        return memalign(alignment, size);
    case 2:
        return valloc(size);
    case 3:
        return pvalloc(size);
    default:
        return posix_memalign(&block, alignment, size) == 0 ? block : NULL;
    }
}

static int aligned(void)
{
    for (int i = 0; i < 1000; i++) {
        const size_t alignment = (size_t)16 << i % 9, size = (size_t)i * 37;
        char *block = aligned_block(i % 5, alignment, size);
        if (!block || ((uintptr_t)block & 15)) {
            return 3;
        }
        memset(block, 1, size);
        books_in(size);
        if (i % 2) {
            books_free(block, size);
        }
    }
    return posix_memalign(&(void *){NULL}, 3, 100) == EINVAL ? 0 : 4;
}

static int huge(void)
{
    enum { COUNT = 100 };
    void *blocks[COUNT];
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = malloc((size_t)1 << 30);
        if (!blocks[i]) {
            return 77;
        }
        books_in((size_t)1 << 30);
    }
    for (int i = 0; i < COUNT / 2; i++) {
        books_free(blocks[i], (size_t)1 << 30);
    }
    return 0;
}

static int plain(void)
{
    for (int i = 0; i < 10000; i++) {
        books_free(books_malloc((size_t)i), (size_t)i);
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } ways[] = {{"chain", chain},     {"nothing", nothing}, {"empty", empty},
                {"aligned", aligned}, {"huge", huge},       {"plain", plain}};
    int status = 2;
    for (size_t i = 0; argc > 2 && i < sizeof ways / sizeof ways[0]; i++) {
        if (strcmp(argv[2], ways[i].name) == 0) {
            status = ways[i].run();
        }
    }
    books_write_with_peak(argc > 1 ? argv[1] : NULL);
    return status;
}
