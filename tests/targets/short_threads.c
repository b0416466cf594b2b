/* short_threads FOLDER COUNT [books]: COUNT threads one after another, 8 at a time, each of which allocates a little, some of it in
 * thread-specific destructors up to the last round. Prints the growth of its address space when that is large.
 * `books`: of its own calls, without those of the C library for threads and stdio.
 *
 * What must hold: the books; rings are used again, and the recorder's memory in this process is bounded. */
#include <pthread.h>

#include "books.h"

#define AT_ONCE 8

static pthread_key_t key;

static void destroy(void *value)
{
    const uintptr_t round = (uintptr_t)value;
    books_free(books_malloc(100 + round), 100 + round);
    if (round < 4) {
        pthread_setspecific(key, (void *)(round + 1));
    }
}

static void *run(void *unused)
{
    (void)unused;
    pthread_setspecific(key, (void *)1);
    void *block = books_malloc(64);
    books_free(books_malloc(10), 10);
    return block;
}

static long resident_pages(void)
{
    long resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file || fscanf(file, "%*d %ld", &resident) != 1) {
        resident = 0;
    }
    if (file) {
        fclose(file);
    }
    return resident;
}

int main(int argc, char **argv)
{
    const int count = argc > 2 ? atoi(argv[2]) : 100;
    long before = 0;
    pthread_key_create(&key, destroy);
    for (int done = 0; done < count; done += AT_ONCE) {
        pthread_t ids[AT_ONCE];
        for (int i = 0; i < AT_ONCE; i++) {
            if (pthread_create(&ids[i], NULL, run, NULL) != 0) {
                return 3;
            }
        }
        for (int i = 0; i < AT_ONCE; i++) {
            void *block;
            pthread_join(ids[i], &block);
            books_free(block, 64);
        }
        if (done == AT_ONCE * 10) {
            before = resident_pages();
        }
    }
    /* Nine rings of 1 MiB are shared with a recorder, and each may be written once round; more would be a leak a thread. */
    if (count > AT_ONCE * 20 && resident_pages() > before + 3000) {
        printf("grew by %ld pages\n", resident_pages() - before);
    }
    if (argc > 3) {
        books_write(argv[1]);
    }
    return 0;
}
