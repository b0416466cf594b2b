/* Waits in the system call that its argument names until a line comes on standard input, which another thread reads. What must
 * hold: the wait ends by that and by nothing else, though the program is joined and left meanwhile. Prints how it ended. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int ends[2];
static sem_t semaphore;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int told;
static pthread_t waiter;

static void nothing(int signal)
{
    (void)signal;
}

static void *wait_for_word(void *kind)
{
    char byte;
    while (read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n') {
    }
    if (strcmp(kind, "sigsuspend") == 0 || strcmp(kind, "sigtimedwait") == 0) {
        pthread_kill(waiter, SIGUSR1);
        return NULL;
    }
    pthread_mutex_lock(&mutex);
    told = 1;
    pthread_cond_signal(&condition);
    pthread_mutex_unlock(&mutex);
    sem_post(&semaphore);
    return write(ends[1], "x", 1) == 1 ? NULL : kind;
}

static int wait_in(const char *kind)
{
    char byte;
    struct epoll_event event = {.events = EPOLLIN};
    sigset_t none, user;
    sigemptyset(&none);
    sigemptyset(&user);
    sigaddset(&user, SIGUSR1);
    const struct timespec long_time = {.tv_sec = 100};
    if (strcmp(kind, "epoll_wait") == 0) {
        const int epoll = epoll_create1(0);
        epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event);
        return epoll_wait(epoll, &event, 1, 100000);
    }
    if (strcmp(kind, "poll") == 0) {
        return poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, 100000);
    }
    if (strcmp(kind, "select") == 0) {
        fd_set set;
        FD_ZERO(&set);
        FD_SET(ends[0], &set);
        return select(ends[0] + 1, &set, NULL, NULL, NULL);
    }
    if (strcmp(kind, "recv") == 0) {
        setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 100},
                   sizeof(struct timeval));
        return (int)recv(ends[0], &byte, 1, 0);
    }
    if (strcmp(kind, "read") == 0) {
        return (int)read(ends[0], &byte, 1);
    }
    if (strcmp(kind, "sem_wait") == 0) {
        return sem_wait(&semaphore) == 0;
    }
    if (strcmp(kind, "cond_wait") == 0) {
        pthread_mutex_lock(&mutex);
        while (!told) {
            pthread_cond_wait(&condition, &mutex);
        }
        return 1;
    }
    if (strcmp(kind, "sigsuspend") == 0) {
        return sigsuspend(&none) == -1 && errno == EINTR;
    }
    if (strcmp(kind, "sigtimedwait") == 0) {
        return sigtimedwait(&user, NULL, &long_time) == SIGUSR1;
    }
    return nanosleep(&(struct timespec){.tv_sec = 1}, NULL) == 0;
}

int main(int count, char **arguments)
{
    pthread_t thread;
    char *kind = arguments[count - 1];
    sigset_t user;
    const struct sigaction action = {.sa_handler = nothing};
    sigemptyset(&user);
    sigaddset(&user, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &user, NULL);
    sigaction(SIGUSR1, &action, NULL);
    sem_init(&semaphore, 0, 0);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
        return 2;
    }
    waiter = pthread_self();
    pthread_create(&thread, NULL, wait_for_word, kind);
    const int result = wait_in(kind);
    const int why = errno;
    printf("%s %s\n", kind, result == 1 ? "as told" : strerror(why));
    fflush(stdout);
    pthread_join(thread, NULL);
    return result == 1 ? 0 : 1;
}
