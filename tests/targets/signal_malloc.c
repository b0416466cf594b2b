/* signal_malloc FOLDER [jump|fork]: allocates in a signal handler, some thousand times a second, while the program allocates
 * itself; `jump`: the handler leaves by siglongjmp every few times; `fork`: it forks, and the child goes on for a while. To
 * be run with pool_malloc preloaded: the C library's malloc may not be interrupted by itself.
 *
 * What must hold: no deadlock; recorded and skipped events together are the books'; children end with 0. */
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "books.h"

/* On a crowded machine a handler can last longer than it is to the next signal, and the program would not get on. */
#define SIGNALS_MAX 4000

static volatile sig_atomic_t signals;
static bool jump, fork_too;
static volatile bool in_child;
static int childs_steps = 100;
static sigjmp_buf again;
static volatile bool may_jump;

static void handle(int number)
{
    (void)number;
    if (++signals == SIGNALS_MAX) {
        const struct itimerval never = {{0, 0}, {0, 0}};
        setitimer(ITIMER_REAL, &never, NULL);
    }
    void *first = books_malloc(24), *second = books_malloc(100);
    books_free(first, 24);
    books_free(books_realloc(second, 100, 200), 200);
    if (fork_too && signals % 50 == 0) {
        const pid_t pid = fork();
        if (pid == 0) {
            const struct itimerval never = {{0, 0}, {0, 0}};
            setitimer(ITIMER_REAL, &never, NULL);
            in_child = true;
        } else {
            int status = 1;
            if (pid > 0 && (waitpid(pid, &status, 0) != pid || status != 0)) {
                _exit(4);
            }
        }
    }
    if (jump && may_jump && signals % 7 == 0) {
        siglongjmp(again, 1);
    }
}

__attribute__((noinline)) static void deeper(int depth)
{
    volatile char room[64];
    room[0] = (char)depth;
    if (depth > 0) {
        deeper(depth - 1);
    } else {
        books_free(books_malloc(32), 32);
    }
    room[1] = room[0];
}

int main(int argc, char **argv)
{
    jump = argc > 2 && strcmp(argv[2], "jump") == 0;
    fork_too = argc > 2 && strcmp(argv[2], "fork") == 0;
    struct sigaction action = {.sa_handler = handle};
    sigaction(SIGALRM, &action, NULL);
    const struct itimerval often = {{0, 100}, {0, 100}}, never = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &often, NULL);
    for (volatile int i = 0; i < 300000 || (signals <= 100 && !in_child); i++) {
        /* What a jump tears out of the middle of a call is in nobody's books: there is no ledger then. */
        if (sigsetjmp(again, 1) == 0) {
            may_jump = true;
            deeper(i % 20);
            may_jump = false;
        }
        if (in_child && --childs_steps == 0) {
            _exit(0);
        }
    }
    if (in_child) {
        _exit(0);
    }
    setitimer(ITIMER_REAL, &never, NULL);
    if (!jump && !in_child) {
        books_write(argc > 1 ? argv[1] : NULL);
    }
    return signals > 100 ? 0 : 3;
}
