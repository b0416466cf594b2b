/* A library to preload into the recorder: the wall clock is set forward and back by an hour between any two looks at it. */
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long step(void)
{
    static _Atomic unsigned looks;
    return atomic_fetch_add(&looks, 1) % 2 ? 3600 : -3600;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    const int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        time->tv_sec += step();
    }
    return result;
}

int gettimeofday(struct timeval *time, void *zone)
{
    const int result = (int)syscall(SYS_gettimeofday, time, zone);
    time->tv_sec += result == 0 ? step() : 0;
    return result;
}

time_t time(time_t *result)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result) {
        *result = now.tv_sec;
    }
    return now.tv_sec;
}
