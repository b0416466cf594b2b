#include "fault.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

/* Atomic, so that programs with threads can be tested; whichever thread comes to the last one fails. */
static atomic_long left;
static atomic_bool happened;

void fault_allocation(unsigned long countdown)
{
    happened = false;
    left = (long)countdown;
}

bool fault_happened(void)
{
    left = 0;
    return happened;
}

static bool fails(void)
{
    if (left <= 0 || atomic_fetch_sub(&left, 1) != 1) {
        return false;
    }
    errno = ENOMEM;
    happened = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails() ? NULL : __real_realloc(memory, size);
}
