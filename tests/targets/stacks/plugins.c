/* plugins A.so B.so …: libraries that come and go at the same addresses, with other code in them each time. What was
 * learned of the old code must be forgotten. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static int back(int depth)
{
    void *volatile block = malloc((size_t)depth + 1);
    free(block);
    return depth;
}

int main(int argc, char **argv)
{
    long total = 0;
    for (int i = 0; i < 60; i++) {
        void *library = dlopen(argv[1 + i % (argc - 1)], i & 1 ? RTLD_NOW : RTLD_LAZY);
        if (library == NULL) {
            fprintf(stderr, "%s\n", dlerror());
            return 1;
        }
        int (*work)(int, int (*)(int));
        *(void **)&work = dlsym(library, "plugin_work");
        for (int depth = 0; depth < 5; depth++) {
            total += work(depth, back);
        }
        dlclose(library);
        total += back(i);
    }
    printf("%ld\n", total);
    return 0;
}
