/* sandbox FOLDER HOW: what programs do that lock themselves in or clean up after strangers, then some thousand pairs.
 *   strict    seccomp's strict mode: read, write, exit and sigreturn are all there is
 *   filter    a seccomp filter: what allocating needs by itself, what docs/agent.md says, and the end; else death
 *   closefds  closes every descriptor from 3 on; the next one must be 3
 *   chroot    into an empty folder (root only)
 *   noproc    nothing is left of /proc (root only)
 *   memory    an address space limit that makes mallocs fail; errno is ENOMEM each time
 *   list      prints which descriptors are open
 *   names     renames threads
 *   scrub     clears its environment and starts a program by system()
 *
 * What must hold: the books; nothing but what the program did is to be seen. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "books.h"

static void pairs(int count)
{
    for (int i = 0; i < count; i++) {
        const size_t size = 16 + (size_t)i % 200;
        books_free(books_malloc(size), size);
    }
}

static int fail_to_allocate(void)
{
    const struct rlimit limit = {300u << 20, 300u << 20};
    setrlimit(RLIMIT_AS, &limit);
    for (int i = 0; i < 1000; i++) {
        errno = 0;
        if (malloc((size_t)1 << 30) || errno != ENOMEM || calloc(1u << 20, 2048) || errno != ENOMEM) {
            return 4;
        }
    }
    return 0;
}

static int close_all(void)
{
    for (int round = 0; round < 2; round++) {
        for (int fd = 3; fd < 1024; fd++) {
            if (close(fd) == 0 && round > 0) {
                return 5; /* somebody opened it again */
            }
        }
        pairs(1000);
    }
    const int fd = dup(1);
    close(fd);
    return fd == 3 ? 0 : 6;
}

static int list_descriptors(void)
{
    for (int fd = 0; fd < 1024; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) {
            printf("%d ", fd);
        }
    }
    puts("are open");
    return 0;
}

static void *named(void *unused)
{
    (void)unused;
    pthread_setname_np(pthread_self(), "by itself");
    free(malloc(5));
    return NULL;
}

static bool lock_in(void)
{
    char folder[] = "/tmp/sandbox-XXXXXX";
    return mkdtemp(folder) && chdir(folder) == 0 && rmdir(folder) == 0 && chroot(".") == 0 && chdir("/") == 0;
}

static bool hide_proc(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", "/proc", "tmpfs", 0, NULL) == 0 && access("/proc/self", F_OK) != 0;
}

static bool filter_calls(void)
{
#define ALLOW(call)                                                                                          \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW(SYS_brk),
        ALLOW(SYS_mmap),
        ALLOW(SYS_munmap),
        ALLOW(SYS_mremap),
        ALLOW(SYS_futex),
        ALLOW(SYS_getpid),
        ALLOW(SYS_rt_sigprocmask),
        ALLOW(SYS_write),
        ALLOW(SYS_exit_group),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
#undef ALLOW
    const struct sock_fprog program = {.len = sizeof rules / sizeof rules[0], .filter = rules};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

int main(int argc, char **argv)
{
    const char *how = argc > 2 ? argv[2] : "";
    int status = 0;
    pairs(1000);
    const bool locked = strstr("strict filter chroot noproc", how) != NULL && *how;
    const int file = locked ? books_open(argv[1]) : -1;
    if (strcmp(how, "closefds") == 0) {
        status = close_all();
    } else if (strcmp(how, "list") == 0) {
        return list_descriptors();
    } else if (strcmp(how, "memory") == 0) {
        status = fail_to_allocate();
    } else if ((strcmp(how, "chroot") == 0 && !lock_in()) || (strcmp(how, "noproc") == 0 && !hide_proc()) ||
               (strcmp(how, "filter") == 0 && !filter_calls())) {
        return 77;
    } else if (strcmp(how, "names") == 0) {
        pthread_t id;
        prctl(PR_SET_NAME, "by prctl");
        pthread_create(&id, NULL, named, NULL);
        pthread_join(id, NULL);
        return 0;
    } else if (strcmp(how, "scrub") == 0) {
        clearenv();
        return system("exit 12") == 12 << 8 ? 0 : 7;
    } else if (strcmp(how, "strict") == 0) {
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) {
            return 77;
        }
        pairs(200000);
        books_write_to(file);
        syscall(SYS_exit, 0);
    }
    pairs(20000);
    if (file >= 0) {
        books_write_to(file);
    } else {
        books_write(argv[1]);
    }
    return status;
}
