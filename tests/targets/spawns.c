/* spawns FOLDER COUNT PROGRAM: starts PROGRAM COUNT times each by vfork and exec, posix_spawn, fork and execve with an empty
 * environment, and system(); an exec that fails is among them.
 *
 * What must hold: the parent's books; the programs started are recorded, though their environment was emptied. */
#include <spawn.h>
#include <sys/wait.h>

#include "books.h"

static void wait_for(pid_t pid, int expected)
{
    int status;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != expected) {
        _exit(3);
    }
}

__attribute__((noinline)) static pid_t start_by_vfork(const char *program, char *const *arguments)
{
    const pid_t pid = vfork();
    if (pid == 0) {
        execv(program, arguments);
        _exit(9);
    }
    return pid;
}

int main(int argc, char **argv)
{
    const int count = atoi(argv[2]);
    char *program = argv[3], *arguments[] = {program, NULL}, *nothing[] = {NULL};
    if (argc < 4) {
        return 2;
    }
    for (int i = 0; i < count; i++) {
        void *block = books_malloc(50);
        pid_t pid;
        wait_for(start_by_vfork(program, arguments), 0);
        wait_for(start_by_vfork("/nowhere/at/all", arguments), 9);
        if (posix_spawn(&pid, program, NULL, NULL, arguments, nothing) != 0) {
            return 4;
        }
        wait_for(pid, 0);
        pid = fork();
        if (pid == 0) {
            execle(program, program, (char *)NULL, nothing);
            _exit(127);
        }
        wait_for(pid, 0);
        books_free(block, 50);
    }
    books_write(argv[1]);
    return 0;
}
