/* From stamps (invariant TSC ticks, or nanoseconds of CLOCK_MONOTONIC) to time since the recording's start.
 *
 * The TSC is calibrated against CLOCK_MONOTONIC again and again; every calibration starts a new straight line at the
 * point where the old one ended, so that the mapping never steps. */
#ifndef CAIRN_COLLECTOR_CLOCK_H
#define CAIRN_COLLECTOR_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

typedef int cairn_clock_function(clockid_t id, struct timespec *now);

struct cairn_clock {
    cairn_clock_function *function; /* the one that tells the true time */
    uint32_t kind;                  /* enum cairn_clock_kind */
    uint64_t base;                  /* clock value of stamp 0: goes into the segment headers */
    int64_t start_ns;               /* CLOCK_MONOTONIC at stamp 0 */
    int64_t started_unix_ns;        /* CLOCK_REALTIME at stamp 0 */
    uint64_t line_stamp;            /* the current line goes through (line_stamp, line_ns) */
    int64_t line_ns;
    uint64_t multiplier; /* nanoseconds a tick, 32 fractional bits */
    bool calibrated;
};

void cairn_clock_init(struct cairn_clock *clock);
/* The stamp of this instant. */
uint64_t cairn_clock_stamp(const struct cairn_clock *clock);
/* CLOCK_MONOTONIC since the start. */
int64_t cairn_clock_elapsed_ns(const struct cairn_clock *clock);
/* Corrects the line; call it before the first conversion and about once a second. Cheap. */
void cairn_clock_calibrate(struct cairn_clock *clock);
/* How many stamp units last `time_ns`, by the current line. */
uint64_t cairn_clock_units(const struct cairn_clock *clock, int64_t time_ns);

/* Nanoseconds since the start; stamps before the line's point are fine. Never negative. */
static inline int64_t cairn_clock_to_ns(const struct cairn_clock *clock, uint64_t stamp)
{
    const int64_t ticks = (int64_t)(stamp - clock->line_stamp);
    const int64_t ns = clock->line_ns + (int64_t)(((__int128)ticks * (int64_t)clock->multiplier) >> 32);
    return ns < 0 ? 0 : ns;
}

/* The same in whole microseconds. */
static inline uint64_t cairn_clock_to_us(const struct cairn_clock *clock, uint64_t stamp)
{
    return (uint64_t)cairn_clock_to_ns(clock, stamp) / 1000;
}

#endif
