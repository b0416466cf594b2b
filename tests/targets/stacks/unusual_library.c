/* A function that is chosen when it is called for the first time: the choice allocates inside the loader's lazy binding. */
#include <stdlib.h>

__attribute__((visibility("default"))) int chosen(int value);

static int choice(int value)
{
    return value * 3;
}

static int (*choose(void))(int)
{
    void *volatile block = malloc(33);
    free(block);
    return choice;
}

int chosen(int value) __attribute__((ifunc("choose")));
