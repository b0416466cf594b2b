/* bench_read_trace FILE: how long each way of reading takes, in milliseconds of time and of processor time, in the order a
 * reader meets them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cairn/trace.h"

static double started_ms, started_cpu_ms;

static double clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double now_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

static void start(void)
{
    started_ms = now_ms();
    started_cpu_ms = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
}

static void stop(const char *what)
{
    const double cpu_ms = clock_ms(CLOCK_PROCESS_CPUTIME_ID) - started_cpu_ms;
    printf("%9.3f %9.3f  %s\n", now_ms() - started_ms, cpu_ms, what);
}

static void check(enum cairn_status status, const struct cairn_error *error)
{
    if (status != CAIRN_OK) {
        fprintf(stderr, "%s\n", error->message);
        exit(2);
    }
}

static uint64_t position_at(struct cairn_trace *trace, double part)
{
    struct cairn_error error;
    uint64_t position;
    const int64_t t_ns = (int64_t)((double)cairn_trace_recording(trace)->duration_ns * part);
    check(cairn_trace_position_at(trace, t_ns, &position, &error), &error);
    return position;
}

static void read_state(struct cairn_trace *trace, uint64_t position)
{
    const struct cairn_state *state;
    struct cairn_error error;
    check(cairn_trace_state(trace, position, &state, &error), &error);
    cairn_state_release(trace, state);
}

static void read_survivors(struct cairn_trace *trace, uint64_t a, uint64_t b)
{
    struct cairn_totals *survived;
    struct cairn_error error;
    size_t count;
    check(cairn_trace_survived(trace, a, b, &survived, &count, &error), &error);
    free(survived);
}

static bool count_event(void *state, uint64_t ordinal, const struct cairn_event *event)
{
    (void)ordinal;
    *(uint64_t *)state += event->size;
    return true;
}

static void scrub(struct cairn_trace *trace)
{
    double worst = 0, sum = 0;
    const int steps = 200;
    for (int i = 0; i < steps; i++) {
        const double before = now_ms();
        read_state(trace, position_at(trace, 0.4 + i * 0.001));
        const double took = now_ms() - before;
        sum += took;
        worst = took > worst ? took : worst;
    }
    printf("%9.3f  a step of 0.1 %% of the recording (the worst of %d: %.3f)\n", sum / steps, steps, worst);
    sum = worst = 0;
    for (int i = 0; i < steps; i++) {
        const double before = now_ms();
        read_state(trace, position_at(trace, 0.7 + i * 0.00001));
        const double took = now_ms() - before;
        sum += took;
        worst = took > worst ? took : worst;
    }
    printf("%9.3f  a step of 0.001 %% of the recording (the worst of %d: %.3f)\n", sum / steps, steps, worst);
}

int main(int argc, char **argv)
{
    struct cairn_trace *trace;
    struct cairn_error error;
    const struct cairn_account *accounts;
    size_t count;
    if (argc != 2) {
        fprintf(stderr, "usage: %s FILE\n", argv[0]);
        return 2;
    }
    start();
    check(cairn_trace_open(argv[1], NULL, &trace, &error), &error);
    stop("open");
    start();
    check(cairn_trace_accounts(trace, &accounts, &count, &error), &error);
    stop("accounts");
    start();
    check(cairn_trace_load_stacks(trace, &error), &error);
    stop("stacks, frames, functions");
    start();
    const uint64_t at = position_at(trace, 0.37);
    stop("position at 37 %");
    start();
    read_state(trace, at);
    stop("state at 37 %");
    const uint64_t a = position_at(trace, 0.2), b = position_at(trace, 0.8);
    start();
    read_state(trace, a);
    read_state(trace, b);
    stop("states at 20 % and 80 %");
    start();
    read_survivors(trace, a, b);
    stop("survivors from 20 % to 80 %");
    start();
    uint64_t position;
    int64_t bytes;
    check(cairn_trace_peak_between(trace, 0, a, b, &position, &bytes, &error), &error);
    stop("peak between 20 % and 80 %");
    scrub(trace);
    start();
    uint64_t sum = 0;
    check(cairn_trace_events(trace, a, a + 1000000 < b ? a + 1000000 : b, count_event, &sum, &error), &error);
    stop("a million events (or those up to 80 %)");
    cairn_trace_close(trace);
    return 0;
}
