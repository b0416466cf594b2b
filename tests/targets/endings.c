/* endings FOLDER HOW [books]: ends by HOW: return, exit, _exit, _Exit, quick_exit, thread (exit in a thread), main (pthread_exit in the
 * main thread while another one goes on), abort, segv, atexit (allocates in handlers and destructors), exec (of itself, once),
 * group (the bare system call), signal NUMBER.
 * `books`: also where the C library allocates for a thread beside the program's own calls.
 *
 * What must hold: the same status as without a recorder, and everything up to the end is there. */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/syscall.h>

#include "books.h"

static const char *folder;
static bool alone = true; /* no thread for which the C library allocates too */

static void some(void)
{
    for (size_t i = 0; i < 1000; i++) {
        void *block = books_malloc(i);
        if (i % 3) {
            books_free(block, i);
        }
    }
}

static void *exit_in_thread(void *unused)
{
    (void)unused;
    exit(5);
}

static void *go_on(void *unused)
{
    (void)unused;
    for (int i = 0; i < 20; i++) {
        books_free(books_malloc(100), 100);
        usleep(5000);
    }
    exit(6);
}

static void late(void)
{
    books_free(books_malloc(77), 77);
}

__attribute__((destructor)) static void last(void)
{
    books_free(books_malloc(1), 1);
    books_write(alone ? folder : NULL);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        return 2;
    }
    const char *how = argv[2];
    pthread_t id;
    folder = argv[1];
    some();
    if (strcmp(how, "atexit") == 0) {
        atexit(late);
        return 4;
    }
    if (strcmp(how, "exec") == 0) {
        execl(argv[0], argv[0], folder, "return", (char *)NULL);
    }
    alone = argc > 3 || (strcmp(how, "thread") != 0 && strcmp(how, "main") != 0);
    if (strcmp(how, "thread") == 0 && pthread_create(&id, NULL, exit_in_thread, NULL) == 0) {
        pthread_join(id, NULL);
    }
    if (strcmp(how, "main") == 0 && pthread_create(&id, NULL, go_on, NULL) == 0) {
        pthread_exit(NULL);
    }
    if (strcmp(how, "exit") == 0) {
        exit(7);
    }
    books_write(alone ? folder : NULL); /* no destructors from here on */
    if (strcmp(how, "_exit") == 0) {
        _exit(8);
    } else if (strcmp(how, "_Exit") == 0) {
        _Exit(9);
    } else if (strcmp(how, "quick_exit") == 0) {
        quick_exit(10);
    } else if (strcmp(how, "group") == 0) {
        syscall(SYS_exit_group, 12);
    } else if (strcmp(how, "signal") == 0 && argc > 3) {
        raise(atoi(argv[3]));
    } else if (strcmp(how, "abort") == 0) {
        abort();
    } else if (strcmp(how, "segv") == 0) {
        *(volatile int *)0 = 1;
    }
    return 11;
}
