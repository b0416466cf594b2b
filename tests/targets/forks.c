/* forks FOLDER COUNT [raw]: forks COUNT children; each frees a block of its parent's, allocates 20 of its own and frees 10.
 * `raw`: by the clone system call, which runs no handlers.
 *
 * What must hold: every child is a process of the recording with its own books; the parent's are untouched. */
#include <signal.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "books.h"

static void child(void *inherited, const char *folder, bool raw)
{
    books_reset();
    free(inherited);
    void *blocks[20];
    for (size_t i = 0; i < 20; i++) {
        blocks[i] = books_malloc(10 + i);
    }
    for (size_t i = 0; i < 10; i++) {
        books_free(blocks[i], 10 + i);
    }
    books.frees++; /* the inherited one */
    books_write(raw ? NULL : folder);
    _exit(0);
}

int main(int argc, char **argv)
{
    const int count = argc > 2 ? atoi(argv[2]) : 10;
    const bool raw = argc > 3 && strcmp(argv[3], "raw") == 0;
    void *kept = books_malloc(1000);
    for (int i = 0; i < count; i++) {
        void *passing = books_malloc((size_t)i + 1);
        const pid_t pid = raw ? (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : fork();
        if (pid == 0) {
            child(kept, argv[1], raw);
        }
        books_free(passing, (size_t)i + 1);
        int status;
        if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
            return 3;
        }
    }
    books_write(argv[1]);
    return 0;
}
