/* A preloaded allocator that may be called from anywhere, signal handlers too: blocks come from one static pool by an atomic
 * addition and never come back. Its calloc and realloc call the public malloc and free, as many allocators' do.
 *
 * What must hold: preloaded behind the recorder, it serves the program, and a calloc or a realloc is one event each. */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define POOL_BYTES ((size_t)2 << 30)

extern void *malloc(size_t size);
extern void free(void *block);

static _Alignas(4096) char pool[POOL_BYTES];
static _Atomic size_t used;

void *aligned_alloc(size_t alignment, size_t size)
{
    alignment = alignment < 16 ? 16 : alignment;
    const size_t room = size + 16 + alignment;
    const size_t begin = room > POOL_BYTES ? POOL_BYTES : atomic_fetch_add(&used, (room + 15) & ~(size_t)15);
    if (begin + room > POOL_BYTES) {
        errno = ENOMEM;
        return NULL;
    }
    char *block = (char *)(((uintptr_t)pool + begin + 16 + alignment - 1) & ~(uintptr_t)(alignment - 1));
    memcpy(block - 16, &size, sizeof size);
    return block;
}

/* All of them: a block of the C library's would be taken for one of the pool. */
void *memalign(size_t alignment, size_t size)
{
    return aligned_alloc(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    void *made = aligned_alloc(alignment, size);
    *block = made ? made : *block;
    return made ? 0 : ENOMEM;
}

void *valloc(size_t size)
{
    return aligned_alloc(4096, size);
}

void *pvalloc(size_t size)
{
    return aligned_alloc(4096, (size + 4095) & ~(size_t)4095);
}

void *malloc(size_t size)
{
    return aligned_alloc(16, size);
}

void free(void *block)
{
    (void)block;
}

void *calloc(size_t count, size_t size)
{
    return size && count > POOL_BYTES / size ? NULL : malloc(count * size);
}

void *realloc(void *block, size_t size)
{
    void *moved = malloc(size);
    if (moved && block) {
        size_t old;
        memcpy(&old, (char *)block - 16, sizeof old);
        memcpy(moved, block, old < size ? old : size);
        free(block);
    }
    return moved;
}
