/* odd WHAT [ARGUMENT]: what programs do that a recorder may stumble over. Prints what does not depend on chance.
 *
 * What must hold: it prints the same and ends in the same way with a recorder and without. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

extern char **environ;

static void work(int rounds)
{
    for (int i = 0; i < rounds; i++) {
        free(malloc((size_t)(i * 37 % 700)));
    }
}

static int status_of(pid_t pid)
{
    int status = -1;
    waitpid(pid, &status, 0);
    return status;
}

/* A daemon forks twice; the process in between allocates nothing, and the first is long gone when the last one does. */
static int daemon_of_a_daemon(void)
{
    int gone[2];
    work(100);
    if (pipe(gone) != 0) {
        return 1;
    }
    if (fork() != 0) {
        return 2;
    }
    setsid();
    const pid_t middle = getpid();
    if (fork() != 0) {
        _exit(0);
    }
    close(gone[1]);
    char byte;
    while (read(gone[0], &byte, 1) > 0) { /* until its forefathers have ended */
    }
    while (getppid() == middle) {
        usleep(1000);
    }
    usleep(50000); /* the recorder learns of it, too */
    work(1000);
    return 0;
}

/* exec with pointers to nowhere: the kernel says EFAULT. */
static int pointers_to_nowhere(void)
{
    char *arguments[] = {"x", NULL}, *bad[] = {(char *)16, NULL};
    char *const *volatile nowhere = (char *const *)16;
    work(10);
    printf("%d ", execve((const char *)nowhere, arguments, environ));
    printf("%d\n", errno == EFAULT);
    printf("%d ", execve("/bin/true", nowhere, environ));
    printf("%d\n", errno == EFAULT);
    printf("%d ", execve("/bin/true", arguments, nowhere));
    printf("%d\n", errno == EFAULT);
    printf("%d ", execve("/bin/true", arguments, bad));
    printf("%d\n", errno == EFAULT);
    printf("%d ", execve("/bin/true", bad, environ));
    printf("%d\n", errno == EFAULT);
    return 3;
}

static bool starts(char *const *arguments, bool spawned)
{
    char *environment[] = {"A=b", NULL};
    pid_t pid;
    if (spawned) {
        return posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, environment) == 0 && status_of(pid) == 0;
    }
    pid = vfork();
    if (pid == 0) {
        execve("/bin/true", arguments, environment);
        _exit(127);
    }
    return status_of(pid) == 0;
}

/* How many arguments the system takes, to the last one. */
static int longest_command_line(bool spawned)
{
    static char word[101];
    struct rlimit limit;
    getrlimit(RLIMIT_STACK, &limit);
    limit.rlim_cur = 1 << 20; /* a quarter of it is theirs */
    setrlimit(RLIMIT_STACK, &limit);
    memset(word, 'a', sizeof word - 1);
    size_t low = 0, high = 10000;
    char **arguments = calloc(high + 2, sizeof *arguments);
    while (low < high) {
        const size_t middle = (low + high + 1) / 2;
        for (size_t i = 0; i < middle; i++) {
            arguments[i] = word;
        }
        arguments[middle] = NULL;
        if (starts(arguments, spawned)) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    free(arguments);
    printf("%zu\n", low);
    return 0;
}

static void *(*allocate_elsewhere)(size_t size);
static volatile sig_atomic_t handled;

static void allocate_in_handler(int signal)
{
    (void)signal;
    free(allocate_elsewhere(30));
    handled++;
}

static ucontext_t outside, inside;

static void allocate_in_coroutine(void)
{
    free(allocate_elsewhere(30));
    handled++;
}

/* The same, with about 1 KiB left. */
static void allocate_in_tight_coroutine(void)
{
    volatile char room[2900];
    room[0] = room[sizeof room - 1] = 1;
    free(allocate_elsewhere(30));
    handled += room[0];
}

/* Allocations on stacks of 4 KiB below which nothing is, from a library that was never seen before. */
static int small_stack(const char *library, void (*coroutine)(void))
{
    const size_t bytes = 4096;
    work(10);
    char *stack = mmap(NULL, 2 * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *handle = dlopen(library, RTLD_NOW);
    if (stack == MAP_FAILED || mprotect(stack, bytes, PROT_NONE) != 0 || !handle) {
        return 1;
    }
    *(void **)&allocate_elsewhere = dlsym(handle, "allocate_elsewhere");
    if (coroutine) {
        getcontext(&inside);
        inside.uc_stack.ss_sp = stack + bytes;
        inside.uc_stack.ss_size = bytes;
        inside.uc_link = &outside;
        makecontext(&inside, coroutine, 0);
        swapcontext(&outside, &inside);
    } else {
        const stack_t other = {.ss_sp = stack + bytes, .ss_size = bytes};
        const struct sigaction action = {.sa_handler = allocate_in_handler, .sa_flags = SA_ONSTACK};
        if (sigaltstack(&other, NULL) != 0) {
            puts("the system wants more room than that");
            return 0;
        }
        sigaction(SIGUSR1, &action, NULL);
        raise(SIGUSR1);
    }
    printf("%d\n", (int)handled);
    return 0;
}

/* Allocates from a library whose first page, its headers, nobody can read any more. */
static int hidden_headers(const char *library)
{
    Dl_info found;
    work(10);
    void *handle = dlopen(library, RTLD_NOW);
    *(void **)&allocate_elsewhere = handle ? dlsym(handle, "allocate_elsewhere") : NULL;
    if (!allocate_elsewhere || !dladdr(*(void **)&allocate_elsewhere, &found)) {
        return 1;
    }
    printf("%d\n", mprotect(found.dli_fbase, 4096, PROT_NONE));
    free(allocate_elsewhere(10));
    const pid_t pid = fork();
    if (pid == 0) {
        free(allocate_elsewhere(10));
        exit(2);
    }
    printf("%d\n", WEXITSTATUS(status_of(pid)));
    return 0;
}

/* Calls malloc and free with a stack that is not where the calling convention wants it. */
__attribute__((noinline)) static void *call_crooked(void *function, size_t argument)
{
    void *result;
    __asm__ volatile("mov %%rsp, %%rbx\n\tand $-16, %%rsp\n\tsub $8, %%rsp\n\tcall *%1\n\tmov %%rbx, %%rsp"
                     : "=a"(result), "+r"(function), "+D"(argument)
                     :
                     : "rbx", "rsi", "rdx", "rcx", "r8", "r9", "r10", "r11", "memory", "cc");
    return result;
}

static int crooked_stack(void)
{
    void *allocate = dlsym(RTLD_DEFAULT, "malloc"), *release = dlsym(RTLD_DEFAULT, "free");
    for (size_t i = 0; i < 100; i++) {
        call_crooked(release, (size_t)call_crooked(allocate, i));
    }
    puts("straight");
    return 0;
}

static void *work_and_fork(void *state)
{
    (void)state;
    work(1000);
    const pid_t pid = fork();
    if (pid == 0) {
        work(1000);
        exit(4);
    }
    printf("%d\n", WEXITSTATUS(status_of(pid)));
    return NULL;
}

/* The time stamp counter is taken away, from threads and children that begin later, too. */
static int no_counter(void)
{
    work(10);
    printf("%d\n", prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0));
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, work_and_fork, NULL) != 0) {
            return 1;
        }
        pthread_join(thread, NULL);
    }
    work(100000);
    return 5;
}

static void count(int signal)
{
    (void)signal;
    handled++;
}

/* To its own process group, once each: it has every one once. */
static int signals_to_the_group(void)
{
    const int numbers[] = {SIGUSR1, SIGALRM, SIGPROF, SIGRTMIN, SIGTERM, SIGHUP};
    const struct sigaction action = {.sa_handler = count, .sa_flags = SA_RESTART};
    work(10);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        sigaction(numbers[i], &action, NULL);
        kill(0, numbers[i]);
        for (int j = 0; j < 20; j++) {
            usleep(10000); /* long enough for anybody to send it once more */
        }
        printf("%d\n", (int)handled);
    }
    return 3;
}

/* Ends a while after a SIGTERM; tells how many there were. */
static int terminated(void)
{
    const struct sigaction action = {.sa_handler = count};
    sigaction(SIGTERM, &action, NULL);
    puts("ready");
    fflush(stdout);
    while (handled == 0) {
        usleep(10000);
    }
    for (int i = 0; i < 30; i++) {
        usleep(10000);
    }
    printf("%d\n", (int)handled);
    return 4;
}

#define CROWD  40
#define ROUNDS 50

static pthread_barrier_t together;

static void *work_together(void *unused)
{
    (void)unused;
    work(ROUNDS);
    pthread_barrier_wait(&together); /* each needs a ring of its own */
    work(ROUNDS);
    return NULL;
}

/* More threads than there are rings so far, and no descriptor left by which more could be asked for. */
static int no_descriptors(void)
{
    const struct rlimit none = {.rlim_cur = 3, .rlim_max = 3};
    pthread_t threads[CROWD];
    pthread_barrier_init(&together, NULL, CROWD);
    if (setrlimit(RLIMIT_NOFILE, &none) != 0) {
        return 1;
    }
    for (int i = 0; i < CROWD; i++) {
        pthread_create(&threads[i], NULL, work_together, NULL);
    }
    for (int i = 0; i < CROWD; i++) {
        pthread_join(threads[i], NULL);
    }
    return 5;
}

/* All that threads, children and memory take of the C library. */
static const uint32_t few_calls[] = {
    SYS_write,   SYS_mmap,      SYS_munmap,         SYS_mprotect,        SYS_brk,
    SYS_clone,   SYS_clone3,    SYS_exit,           SYS_exit_group,      SYS_wait4,
    SYS_madvise, SYS_mremap,    SYS_rt_sigprocmask, SYS_set_robust_list, SYS_rseq,
    SYS_lseek,   SYS_newfstatat};

#define FEW UINT32_MAX

/* Lets all calls through but that one; with FEW few_calls and the futex calls that the C library makes, and no others. */
static bool filter_out(uint32_t call, uint32_t action, bool by_syscall, unsigned flags)
{
    const struct sock_filter load = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                             allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
                             refuse = BPF_STMT(BPF_RET | BPF_K, action);
    struct sock_filter rules[64] = {load};
    unsigned short count = 1;
    for (size_t i = 0; call == FEW && i < sizeof few_calls / sizeof few_calls[0]; i++) {
        rules[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, few_calls[i], 0, 1);
        rules[count++] = allow;
    }
    rules[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call != FEW ? call : SYS_futex,
                                                  0, call != FEW ? 1 : 3);
    if (call == FEW) {
        rules[count++] =
            (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1]));
        rules[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FUTEX_WAIT, 1, 0);
        rules[count++] = allow;
    }
    rules[count++] = refuse;
    rules[count++] = allow;
    const struct sock_fprog program = {.len = count, .filter = rules};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return false;
    }
    return by_syscall ? syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0
                      : prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

static void *work_before_and_after(void *barrier)
{
    work(ROUNDS);
    pthread_barrier_wait(barrier); /* the filter is set */
    pthread_barrier_wait(barrier);
    work(ROUNDS);
    return NULL;
}

static void *work_a_while(void *unused)
{
    (void)unused;
    work(20000);
    return NULL;
}

/* A filter against the call of that number, or nearly all; then threads that had begun before it end, others begin, and children. */
static int locked_in(const char *number, const char *how)
{
    const uint32_t action = strstr(how, "errno")  ? SECCOMP_RET_ERRNO | EPERM
                            : strstr(how, "trap") ? SECCOMP_RET_TRAP
                                                  : SECCOMP_RET_KILL_PROCESS;
    const bool everywhere = strstr(how, "everywhere") != NULL;
    const uint32_t call = strcmp(number, "few") == 0 ? FEW : (uint32_t)strtoul(number, NULL, 10);
    const struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    mallopt(M_ARENA_MAX, 2); /* or the C library looks how many processors there are */
    pthread_t threads[10], early;
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_barrier_init(&together, NULL, 10);
    work(ROUNDS);
    pthread_create(&early, NULL, work_before_and_after, &barrier);
    pthread_barrier_wait(&barrier);
    if (!filter_out(call, action, everywhere, everywhere ? SECCOMP_FILTER_FLAG_TSYNC : 0)) {
        return 77;
    }
    pthread_barrier_wait(&barrier);
    pthread_join(early, NULL);
    work(call == FEW ? 500000 : ROUNDS); /* more than a ring holds, faster than anybody reads it */
    for (int i = 0; i < 10; i++) {
        pthread_create(&threads[i], NULL, work_together, NULL);
    }
    for (int i = 0; i < 10; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_create(&early, NULL, work_a_while, NULL);
    pthread_join(early, NULL);
    for (int i = 0; i < 2; i++) {
        const pid_t pid = fork();
        if (pid == 0) {
            work(ROUNDS);
            if (i == 1) {
                execl("/bin/true", "true", NULL);
            }
            _exit(3);
        }
        printf("%d\n", status_of(pid));
    }
    puts("done");
    return 6;
}

/* By the C library's function for them: six arguments, errors, and a child that shares the way back. */
static int raw_calls(void)
{
    static const long wanted = 0x5e5e5e5e;
    FILE *file = tmpfile();
    if (!file || ftruncate(fileno(file), 3 * 4096) != 0 ||
        pwrite(fileno(file), &wanted, sizeof wanted, 2 * 4096) < 0) {
        return 1;
    }
    errno = 7;
    const long *words = (const long *)syscall(SYS_mmap, NULL, 4096L, (long)PROT_READ, (long)MAP_PRIVATE,
                                              (long)fileno(file), 2 * 4096L);
    printf("%d %d\n", words[0] == wanted, errno);
    printf("%ld %d\n", syscall(SYS_close, -1L), errno);
    printf("%ld %d\n", syscall(100000L), errno);
    printf("%ld %d\n", syscall(SYS_seccomp, 1L, 0L, NULL), errno);
    printf("%ld %d\n", syscall(SYS_seccomp, 1L, ~0L, NULL), errno);
    printf("%ld %d\n", syscall(SYS_prctl, (long)PR_SET_SECCOMP, 2L, 8L), errno);
    printf("%ld\n", syscall(SYS_prctl, (long)PR_GET_DUMPABLE));
    fflush(stdout);
    const long pid = syscall(SYS_clone, (long)SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0) {
        work(ROUNDS);
        _exit(9);
    }
    printf("%d\n", status_of((pid_t)pid));
    return 3;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "", *argument = argc > 2 ? argv[2] : "",
               *how = argc > 3 ? argv[3] : "";
    return strcmp(what, "daemon") == 0      ? daemon_of_a_daemon()
           : strcmp(what, "nowhere") == 0   ? pointers_to_nowhere()
           : strcmp(what, "exec") == 0      ? longest_command_line(false)
           : strcmp(what, "spawn") == 0     ? longest_command_line(true)
           : strcmp(what, "handler") == 0   ? small_stack(argument, NULL)
           : strcmp(what, "coroutine") == 0 ? small_stack(argument, allocate_in_coroutine)
           : strcmp(what, "tight") == 0     ? small_stack(argument, allocate_in_tight_coroutine)
           : strcmp(what, "counter") == 0   ? no_counter()
           : strcmp(what, "hidden") == 0    ? hidden_headers(argument)
           : strcmp(what, "crooked") == 0   ? crooked_stack()
           : strcmp(what, "group") == 0     ? signals_to_the_group()
           : strcmp(what, "terms") == 0     ? terminated()
           : strcmp(what, "nofiles") == 0   ? no_descriptors()
           : strcmp(what, "raw") == 0       ? raw_calls()
           : strcmp(what, "filter") == 0    ? locked_in(argument, how)
                                            : 1;
}
