/* A library to load and unload: plugin_work() allocates from inside it. Built twice, as plugin_a and plugin_b, of the same
 * size: the loader puts one where the other was. */
#include <stdlib.h>

extern void *PLUGIN_WORK(size_t size);

void *PLUGIN_WORK(size_t size)
{
    void *block = malloc(size);
    __asm__ volatile("" : "+r"(block));
    return block;
}
