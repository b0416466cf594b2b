/* Starting the program: it must find everything as it would have without us, but for two environment variables. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "collector/recorder.h"

extern char **environ;

/* What the program may send to its process group, ours, for itself. What ends a process that is at fault works as ever; a stop
 * from the terminal, which the program may take otherwise, is followed when the program has stopped (run.c). */
static bool is_ignored(int signal)
{
    static const int ignored[] = {SIGINT,  SIGQUIT,   SIGPIPE, SIGXFSZ, SIGUSR1, SIGUSR2,  SIGALRM,
                                  SIGTSTP, SIGVTALRM, SIGPROF, SIGIO,   SIGPWR,  SIGSTKFLT};
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) {
        if (signal == ignored[i]) {
            return true;
        }
    }
    return signal >= SIGRTMIN && signal <= SIGRTMAX;
}

static void take_limit(int resource, struct rlimit_pair *pair)
{
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    getrlimit((__rlimit_resource_t)resource, &limit);
    *pair = (struct rlimit_pair){.current = limit.rlim_cur, .maximum = limit.rlim_max};
}

static void set_limit(int resource, uint64_t current, uint64_t maximum)
{
    const struct rlimit limit = {.rlim_cur = current, .rlim_max = maximum};
    setrlimit((__rlimit_resource_t)resource, &limit);
}

void cairn_inherited_take(struct cairn_inherited *inherited, sigset_t *watched)
{
    take_limit(RLIMIT_FSIZE, &inherited->file_limit);
    take_limit(RLIMIT_NOFILE, &inherited->descriptor_limit);
    set_limit(RLIMIT_FSIZE, inherited->file_limit.maximum, inherited->file_limit.maximum);
    set_limit(RLIMIT_NOFILE, inherited->descriptor_limit.maximum, inherited->descriptor_limit.maximum);

    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    for (int signal = 1; signal < CAIRN_SIGNALS; signal++) {
        if (is_ignored(signal)) {
            sigaction(signal, &ignore, &inherited->ignored[signal]);
        }
    }
    /* Who ignores it is told of no child's end: the kernel forgets them at once. */
    const struct sigaction usual = {.sa_handler = SIG_DFL};
    sigaction(SIGCHLD, &usual, &inherited->of_children);

    static const int passed_on[] = {SIGTERM, SIGHUP};
    sigemptyset(watched);
    for (size_t i = 0; i < sizeof passed_on / sizeof passed_on[0]; i++) {
        struct sigaction now;
        if (sigaction(passed_on[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN) {
            sigaddset(watched, passed_on[i]);
        }
    }
    sigaddset(watched, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, watched, &inherited->mask);
}

void cairn_inherited_watch_interrupts(const struct cairn_inherited *inherited, sigset_t *watched)
{
    static const int interrupts[] = {SIGINT, SIGQUIT};
    const struct sigaction usual = {.sa_handler = SIG_DFL};
    for (size_t i = 0; i < sizeof interrupts / sizeof interrupts[0]; i++) {
        sigaddset(watched, interrupts[i]);
    }
    pthread_sigmask(SIG_BLOCK, watched, NULL);
    for (size_t i = 0; i < sizeof interrupts / sizeof interrupts[0]; i++) {
        sigaction(interrupts[i], &usual, NULL); /* ignored ones would not even wait */
    }
    sigaction(SIGTSTP, &inherited->ignored[SIGTSTP], NULL);
}

void cairn_inherited_restore(const struct cairn_inherited *inherited)
{
    for (int signal = 1; signal < CAIRN_SIGNALS; signal++) {
        if (is_ignored(signal)) {
            sigaction(signal, &inherited->ignored[signal], NULL);
        }
    }
    sigaction(SIGCHLD, &inherited->of_children, NULL);
    set_limit(RLIMIT_FSIZE, inherited->file_limit.current, inherited->file_limit.maximum);
    set_limit(RLIMIT_NOFILE, inherited->descriptor_limit.current, inherited->descriptor_limit.maximum);
    pthread_sigmask(SIG_SETMASK, &inherited->mask, NULL);
}

/* `environ` with our two variables; an LD_PRELOAD that is there stays behind ours. NULL when memory ran out. */
static char **make_environment(const char *agent, const char *session_path, struct cairn_buffer *preload,
                               struct cairn_buffer *session)
{
    size_t count = 0;
    const char *existing = "";
    while (environ[count]) {
        if (strncmp(environ[count], "LD_PRELOAD=", 11) == 0) {
            existing = environ[count] + 11;
        }
        count++;
    }
    cairn_buffer_format(preload, *existing ? "LD_PRELOAD=%s:%s" : "LD_PRELOAD=%s%s", agent, existing);
    cairn_buffer_format(session, CAIRN_SESSION_VARIABLE "=%s", session_path);
    char **made = malloc((count + 3) * sizeof *made);
    if (!made || preload->failed || session->failed) {
        free(made);
        return NULL;
    }
    size_t filled = 0;
    for (size_t i = 0; i < count; i++) {
        if (strncmp(environ[i], "LD_PRELOAD=", 11) != 0 &&
            strncmp(environ[i], CAIRN_SESSION_VARIABLE "=", sizeof CAIRN_SESSION_VARIABLE) != 0) {
            made[filled++] = environ[i];
        }
    }
    made[filled++] = preload->data;
    made[filled++] = session->data;
    made[filled] = NULL;
    return made;
}

/* In the child: wait to be let go, then become the program. */
static _Noreturn void become(const char *program, char *const *argv, char *const *environment, int go,
                             int failure, const struct cairn_inherited *inherited)
{
    char byte;
    ssize_t got;
    do {
        got = read(go, &byte, 1);
    } while (got < 0 && errno == EINTR);
    if (got != 1) {
        _exit(127); /* called off */
    }
    cairn_inherited_restore(inherited);
    execve(program, argv, environment);
    if (errno == ENOEXEC) {
        /* As execvp does: a script without an interpreter's line is the shell's. */
        size_t count = 0;
        while (argv[count]) {
            count++;
        }
        char **shell = malloc((count + 2) * sizeof *shell);
        if (shell) {
            shell[0] = argv[0];
            shell[1] = strdup(program);
            memcpy(shell + 2, argv + 1, count * sizeof *shell);
            execve("/bin/sh", shell, environment);
        }
    }
    const int why = errno;
    (void)!write(failure, &why, sizeof why);
    _exit(127);
}

enum cairn_status cairn_launch_fork(struct cairn_launch *launch, const char *program, char *const *argv,
                                    const char *agent, const char *session_path,
                                    const struct cairn_inherited *inherited, struct cairn_error *error)
{
    *launch = (struct cairn_launch){.pid = -1, .go = -1, .failure = -1};
    struct cairn_buffer preload = CAIRN_BUFFER_INIT, session = CAIRN_BUFFER_INIT;
    int go[2] = {-1, -1}, failure[2] = {-1, -1};
    enum cairn_status status = CAIRN_OK;
    char **environment = make_environment(agent, session_path, &preload, &session);
    if (!environment) {
        status = cairn_fail(error, CAIRN_E_NOMEM, "the recorder ran out of memory");
        goto done;
    }
    if (pipe2(go, O_CLOEXEC) != 0 || pipe2(failure, O_CLOEXEC) != 0) {
        status = cairn_fail_errno(error, "cannot make a pipe");
        goto done;
    }
    launch->pid = fork();
    if (launch->pid < 0) {
        status = cairn_fail_errno(error, "cannot start another process");
        goto done;
    }
    if (launch->pid == 0) {
        close(go[1]);
        close(failure[0]);
        become(program, argv, environment, go[0], failure[1], inherited);
    }
    launch->go = go[1];
    launch->failure = failure[0];
    go[1] = -1;
    failure[0] = -1;
done:
    for (int i = 0; i < 2; i++) {
        if (go[i] >= 0) {
            close(go[i]);
        }
        if (failure[i] >= 0) {
            close(failure[i]);
        }
    }
    free(environment);
    cairn_buffer_release(&preload);
    cairn_buffer_release(&session);
    return status;
}

static void reap(pid_t pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

int cairn_launch_go(struct cairn_launch *launch)
{
    int why = 0;
    ssize_t got = 0;
    if (write(launch->go, "", 1) == 1) {
        do {
            got = read(launch->failure, &why, sizeof why);
        } while (got < 0 && errno == EINTR);
    }
    close(launch->go);
    close(launch->failure);
    if (got == (ssize_t)sizeof why) {
        reap(launch->pid);
        return why;
    }
    return 0;
}

void cairn_launch_cancel(struct cairn_launch *launch)
{
    close(launch->go); /* its read ends with nothing: it exits */
    close(launch->failure);
    reap(launch->pid);
}
