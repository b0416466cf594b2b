/* dlopens FOLDER PLUGIN_A PLUGIN_B COUNT: loads, uses and unloads two libraries in turn, at addresses that are used again.
 *
 * What must hold: blocks of plugin_a_work are named so, and those of plugin_b_work, COUNT each; a library that is named
 * without a folder is found as without a recorder. */
#include <dlfcn.h>

#include "books.h"

static void use(const char *path, const char *name, size_t size)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        printf("%s\n", dlerror());
        exit(3);
    }
    void *(*work)(size_t) = (void *(*)(size_t))dlsym(library, name);
    if (!work) {
        exit(4);
    }
    free(work(size));
    if (dlclose(library) != 0) {
        exit(5);
    }
}

int main(int argc, char **argv)
{
    const int count = argc > 4 ? atoi(argv[4]) : 10;
    /* An error of somebody else's look-up must not turn up here. */
    if (argc < 4 || dlerror() != NULL) {
        return 2;
    }
    for (int i = 0; i < count; i++) {
        use(argv[2], "plugin_a_work", 1111);
        use(argv[3], "plugin_b_work", 2222);
    }
    return 0;
}
