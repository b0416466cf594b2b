#include "collector/sentinel.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collector/target.h"

/* Who sends one to us first and to our group next (timeout does) may be kept from the processor in between. */
#define LOOKS   10
#define LOOK_NS 1000000

/* No file stays open by it, and nothing but SIGKILL and its parent's end ends it. Other threads' locks may be held for ever here. A
 * byte means: forget what is pending. */
static _Noreturn void stand(int words)
{
    const struct timespec at_once = {.tv_nsec = 0};
    sigset_t all;
    char word;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(words, STDIN_FILENO);
    syscall(SYS_close_range, 1u, ~0u, 0u);
    while (read(STDIN_FILENO, &word, 1) == 1) {
        while (sigtimedwait(&all, NULL, &at_once) > 0) {
        }
    }
    _exit(0);
}

void cairn_sentinel_start(struct cairn_sentinel *sentinel)
{
    int words[2];
    *sentinel = (struct cairn_sentinel){.pid = -1, .words = -1};
    if (pipe2(words, O_CLOEXEC) != 0) {
        return;
    }
    sentinel->pid = fork();
    if (sentinel->pid == 0) {
        stand(words[0]);
    }
    close(words[0]);
    sentinel->words = words[1];
}

void cairn_sentinel_end(struct cairn_sentinel *sentinel)
{
    if (sentinel->words >= 0) {
        close(sentinel->words);
    }
    if (sentinel->pid > 0) {
        kill(sentinel->pid, SIGKILL);
        while (waitpid(sentinel->pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    *sentinel = (struct cairn_sentinel){.pid = -1, .words = -1};
}

static bool is_pending(pid_t pid, int signal)
{
    static const char shared[] = "\nShdPnd:";
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    const char *line = cairn_proc_read(path, text, sizeof text) ? strstr(text, shared) : NULL;
    return line && strtoull(line + sizeof shared - 1, NULL, 16) >> (signal - 1) & 1;
}

bool cairn_sentinel_had(const struct cairn_sentinel *sentinel, int signal)
{
    const struct timespec wait = {.tv_nsec = LOOK_NS};
    bool had = false;
    for (int i = 0; sentinel->pid > 0 && i < LOOKS && !had; i++) {
        had = is_pending(sentinel->pid, signal);
        if (!had) {
            nanosleep(&wait, NULL);
        }
    }
    if (had) {
        (void)!write(sentinel->words, "", 1);
    }
    return had;
}
