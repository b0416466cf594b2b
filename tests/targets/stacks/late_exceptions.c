/* late_exceptions LIBRARY: a C program that loads a C++ library, and the C++ run-time with it, long after its start. The
 * library's exceptions are raised by that run-time, whatever else was loaded before. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    for (int i = 0; i < 500; i++) {
        void *volatile block = malloc((size_t)i);
        free(block);
    }
    void *library = dlopen(argv[argc - 1], RTLD_NOW);
    int (*catcher)(int);
    const char *(*raiser)(void);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    *(void **)&catcher = dlsym(library, "catcher");
    *(void **)&raiser = dlsym(library, "raiser");
    int total = 0;
    for (int i = 0; i < 100; i++) {
        total += catcher(i % 10);
    }
    const char *slash = strrchr(raiser(), '/');
    printf("%d, raised by %s\n", total, slash != NULL ? slash + 1 : raiser());
    return 0;
}
