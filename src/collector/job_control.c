#include "collector/job_control.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whether a shell waits for us to end or to stop. */
static bool is_in_foreground(void)
{
    const int terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
    if (terminal < 0) {
        return false;
    }
    const bool is = tcgetpgrp(terminal) == getpgrp();
    close(terminal);
    return is;
}

/* Whether the program has stopped by SIGTSTP, which is asked once. A look alone takes nothing from who traces it (held_threads.c). */
static bool has_stopped(pid_t pid)
{
    siginfo_t info = {.si_pid = 0};
    return waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid &&
           info.si_code == CLD_STOPPED && info.si_status == SIGTSTP &&
           waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG) == 0;
}

void cairn_follow_stop(pid_t program)
{
    if (!has_stopped(program) || !is_in_foreground()) {
        return;
    }
    const struct sigaction usual = {.sa_handler = SIG_DFL};
    struct sigaction former;
    sigaction(SIGTSTP, &usual, &former);
    raise(SIGTSTP);
    sigaction(SIGTSTP, &former, NULL);
}
