/* alone FOLDER: what a process can see of itself: tasks, signals handled, blocked and pending, descriptors, timers, how much
 * is mapped executable and writable, and, with counting_malloc preloaded, the calls that reached the allocator.
 *
 * What must hold: it prints the same with a recorder and without. */
#include <dirent.h>
#include <dlfcn.h>

#include "../books.h"

static int entries(const char *folder)
{
    int count = 0;
    DIR *list = opendir(folder);
    while (list && readdir(list)) {
        count++;
    }
    closedir(list);
    return count;
}

static void print_signals(void)
{
    char line[256];
    FILE *file = fopen("/proc/self/status", "re");
    while (file && fgets(line, sizeof line, file)) {
        if ((strncmp(line, "Sig", 3) == 0 && line[3] != 'Q') || strncmp(line, "Shd", 3) == 0 ||
            strncmp(line, "Threads", 7) == 0) {
            fputs(line, stdout);
        }
    }
    fclose(file);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < 10000; i++) {
        books_free(books_malloc(i % 300), i % 300);
    }
    books_write(argc > 1 ? argv[1] : NULL);
    printf("tasks %d descriptors %d\n", entries("/proc/self/task"), entries("/proc/self/fd"));
    print_signals();
    unsigned long (*counted)(void) = (unsigned long (*)(void))dlsym(RTLD_DEFAULT, "counting_malloc_calls");
    if (counted) {
        printf("the allocator was called %lu times\n", counted());
    }
    return 0;
}
