/* opens HOW LIBRARY: loads it with RTLD_DEEPBIND (deep) or into a namespace of its own (apart), lets it allocate, and lets each
 * side free what the other one allocated.
 *
 * What must hold: it prints "done", whoever records it, and ends with 0. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS 100

static void *exchange(void *library)
{
    static void *kept[BLOCKS];
    char *(*allocate)(size_t size);
    void (*release)(void *block);
    bool (*is_shared)(void);
    *(void **)&allocate = dlsym(library, "allocate");
    *(void **)&release = dlsym(library, "release");
    *(void **)&is_shared = dlsym(library, "is_shared");
    const bool shared = is_shared(); /* its allocator is ours, too */
    for (size_t i = 0; i < BLOCKS; i++) {
        void *theirs = allocate(1000 + i), *ours = malloc(100);
        if (shared && i % 2 == 0) {
            free(theirs);
            release(ours);
        } else {
            release(theirs);
            free(ours);
        }
    }
    kept[0] = allocate(777);
    return kept;
}

int main(int argc, char **argv)
{
    const char *how = argc > 2 ? argv[1] : "";
    void *library = strcmp(how, "apart") == 0 ? dlmopen(LM_ID_NEWLM, argv[2], RTLD_LAZY)
                                              : dlopen(argv[2], RTLD_LAZY | RTLD_DEEPBIND);
    const char *error = dlerror();
    if (!library || error) {
        printf("%s\n", error);
        return 1;
    }
    exchange(library);
    void *nothing = dlopen("/nonexistent/library.so", RTLD_LAZY | RTLD_DEEPBIND);
    printf("%d %d\n", nothing == NULL, strstr(dlerror(), "/nonexistent/library.so") != NULL);
    puts("done");
    return 0;
}
