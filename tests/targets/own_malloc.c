/* A program that brings its own malloc, as statically linked allocators do: its definition comes before any preloaded one.
 *
 * What must hold: it runs as ever, and the recording says that this heap was not seen. */
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static _Alignas(16) char pool[64 << 20];
static _Atomic size_t used;

void *malloc(size_t size)
{
    return pool + atomic_fetch_add(&used, (size + 15) & ~(size_t)15);
}

void free(void *block)
{
    (void)block;
}

void *calloc(size_t count, size_t size)
{
    return malloc(count * size);
}

void *realloc(void *block, size_t size)
{
    void *moved = malloc(size);
    return block ? memmove(moved, block, size) : moved;
}

int main(void)
{
    for (int i = 0; i < 1000; i++) {
        free(malloc(10));
    }
    puts("done");
    return 0;
}
