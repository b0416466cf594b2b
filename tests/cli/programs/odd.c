/* odd WHAT [ARGUMENT]: what programs do that a recorder may stumble over. Prints what does not depend on chance.
 *
 * What must hold: it prints the same and ends in the same way with a recorder and without. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "", *argument = argc > 2 ? argv[2] : "";
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
                                            : 1;
}
