/* The library that plugins.c loads and unloads, built with frames of different sizes: the same addresses mean another
 * function each time. */
#include <stdlib.h>
#include <string.h>

#ifndef ROOM
#define ROOM 32
#endif

__attribute__((visibility("default"))) int plugin_work(int depth, int (*callback)(int));

__attribute__((noinline)) static int inner(int depth, int (*callback)(int))
{
    volatile char room[ROOM];
    room[0] = (char)depth;
    void *volatile block = malloc((size_t)depth + ROOM);
    const int result = callback(depth);
    free(block);
    return result + room[0];
}

int plugin_work(int depth, int (*callback)(int))
{
    volatile char room[ROOM * 2 + 8];
    memset((char *)room, depth, sizeof room);
    if (depth > 0) {
        return plugin_work(depth - 1, callback) + room[1];
    }
    char *volatile copy = strdup("plugin");
    free(copy);
    return inner(depth + 3, callback) + room[0];
}
