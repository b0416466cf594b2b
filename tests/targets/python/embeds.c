/* embeds LIBPYTHON MODE TIMES SCRIPT: loads an interpreter at run time and has it run a text, once a life. MODE: global or local. Plain C
 * without Python's headers, as programs do whose scripting is optional. What must hold: the text's allocations have Python stacks. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *find(void *library, const char *name)
{
    void *found = dlsym(library, name);
    if (!found) {
        fprintf(stderr, "embeds: %s\n", dlerror());
        exit(2);
    }
    return found;
}

int main(int count, char **words)
{
    if (count != 5) {
        return 2;
    }
    void *library = dlopen(words[1], RTLD_NOW | (strcmp(words[2], "global") == 0 ? RTLD_GLOBAL : RTLD_LOCAL));
    if (!library) {
        fprintf(stderr, "embeds: %s\n", dlerror());
        return 2;
    }
    void (*initialize)(void);
    int (*run)(const char *), (*finalize)(void);
    *(void **)&initialize = find(library, "Py_Initialize");
    *(void **)&run = find(library, "PyRun_SimpleString");
    *(void **)&finalize = find(library, "Py_FinalizeEx");
    int status = 0;
    for (int life = 0; life < atoi(words[3]); life++) {
        initialize();
        status |= run(words[4]);
        status |= finalize();
    }
    return status ? 1 : 0;
}
