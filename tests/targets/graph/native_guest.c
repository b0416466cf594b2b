/* What a program can see of graphs that are taken of it: nothing. Waits for children, signals and fork handlers while graphs
 * are asked for, and says what it saw.
 *
 * native_guest waits    waitpid(-1) has no child, no SIGCHLD comes, no fork handler runs, a child of its own is as ever
 * native_guest storms   eight threads allocate, one of them forks; the books must balance at the end
 * native_guest calls    threads in calls that must not end early: epoll_wait, recv with a time limit, nanosleep, poll
 * native_guest large    a heap of 64 MiB
 * native_guest nothing  waits for five seconds */
#include <cairn/cairn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GRAPHS 20

static _Atomic int child_signals, handlers_run, early;

static void count_signal(int number)
{
    (void)number;
    child_signals++;
}

static void count_handler(void)
{
    handlers_run++;
}

struct link {
    struct link *next;
    char rest[40];
};
static struct link *kept;

static void keep(size_t count)
{
    while (count-- > 0) {
        struct link *link = malloc(sizeof *link);
        memset(link, 0, sizeof *link);
        link->next = kept;
        kept = link;
    }
}

static int no_child(int options)
{
    int status = 0;
    return waitpid(-1, &status, options) == -1 && errno == ECHILD;
}

static int waits(void)
{
    int strays = 0, status = 0;
    signal(SIGCHLD, count_signal);
    pthread_atfork(count_handler, count_handler, count_handler);
    for (int i = 0; i < GRAPHS; i++) {
        keep(100);
        errno = 7;
        cairn_graph("asked");
        strays += errno != 7;
        strays += !no_child(0) || !no_child(WNOHANG);
    }
    const int graphs_signals = child_signals, graphs_handlers = handlers_run;
    const pid_t child = fork();
    if (child == 0) {
        _exit(3);
    }
    cairn_graph("with a child");
    const int own = waitpid(-1, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 3;
    printf("strays %d signals %d handlers %d own %d own_signals %d\n", strays, graphs_signals,
           graphs_handlers, own, child_signals);
    return 0;
}

static _Atomic int stop;

static void *allocate(void *start)
{
    unsigned seed = (unsigned)(size_t)start;
    void *blocks[64] = {NULL};
    while (!stop) {
        const unsigned place = (seed = seed * 1103515245u + 12345u) / 65536 % 64;
        free(blocks[place]);
        blocks[place] = malloc(16 + seed / 65536 % 500);
    }
    for (int i = 0; i < 64; i++) {
        free(blocks[i]);
    }
    return NULL;
}

static int storms(void)
{
    pthread_t threads[8];
    int failed = 0;
    for (size_t i = 0; i < 8; i++) {
        pthread_create(&threads[i], NULL, allocate, (void *)(i + 1));
    }
    for (int i = 0; i < GRAPHS; i++) {
        cairn_graph("storm");
        const pid_t child = fork();
        if (child == 0) {
            void *block = malloc(100);
            cairn_graph("child");
            free(block);
            _exit(0);
        }
        int status = 0;
        failed += waitpid(child, &status, 0) != child || status != 0;
    }
    stop = 1;
    for (size_t i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("failed %d\n", failed);
    return 0;
}

static long elapsed_ms(const struct timespec *since)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

enum { LONG_MS = 1500 };

static void *in_call(void *which)
{
    struct timespec start;
    int pair[2];
    char byte;
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    clock_gettime(CLOCK_MONOTONIC, &start);
    switch ((size_t)which) {
    case 0: {
        struct epoll_event event;
        early += epoll_wait(epoll_create1(0), &event, 1, LONG_MS) != 0;
        break;
    }
    case 1:
        setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 1, .tv_usec = 500000},
                   sizeof(struct timeval));
        early += recv(pair[0], &byte, 1, 0) != -1 || errno != EAGAIN;
        break;
    case 2:
        early += nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 500000000}, NULL) != 0;
        break;
    default:
        early += poll(NULL, 0, LONG_MS) != 0;
        break;
    }
    early += elapsed_ms(&start) < LONG_MS - 20;
    return NULL;
}

static int calls(void)
{
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, in_call, (void *)i);
    }
    for (int i = 0; i < 10; i++) {
        usleep(50000);
        cairn_graph("call");
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("early %d\n", early);
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    keep(1000);
    if (strcmp(what, "waits") == 0) {
        return waits();
    }
    if (strcmp(what, "storms") == 0) {
        return storms();
    }
    if (strcmp(what, "calls") == 0) {
        return calls();
    }
    if (strcmp(what, "large") == 0) {
        keep((64u << 20) / sizeof(struct link));
        cairn_graph("large");
        puts("done");
        return 0;
    }
    sleep(5);
    puts("done");
    return 0;
}
