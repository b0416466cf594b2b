/* bench_codec [TRACE…]: what the chunk codec costs, in bytes and nanoseconds an event, on the events of traces; without
 * one, on two made-up programs: one in a loop, and one whose sites, sizes and lifetimes are random. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cairn/trace.h"

#define ROUNDS       3
#define SYNTHETIC    2000000u
#define RANDOM_LIVE  20000u
#define RANDOM_SITES 300u

struct events {
    struct cairn_event *list;
    size_t count, capacity;
};

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void check(enum cairn_status status, const struct cairn_error *error)
{
    if (status != CAIRN_OK) {
        fprintf(stderr, "%s\n", error->message);
        exit(2);
    }
}

static void *checked(void *memory)
{
    if (!memory) {
        fputs("out of memory\n", stderr);
        exit(2);
    }
    return memory;
}

static bool keep(void *state, uint64_t ordinal, const struct cairn_event *event)
{
    struct events *events = state;
    (void)ordinal;
    if (events->count == events->capacity) {
        events->capacity = events->capacity ? events->capacity * 2 : CAIRN_CHUNK_EVENTS;
        events->list = checked(realloc(events->list, events->capacity * sizeof *events->list));
    }
    events->list[events->count++] = *event;
    return true;
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

static void measure(const char *name, const struct events *events)
{
    struct cairn_event *decoded = checked(calloc(CAIRN_CHUNK_EVENTS, sizeof *decoded));
    struct cairn_cross_free *cross = checked(calloc(CAIRN_CHUNK_EVENTS, sizeof *cross));
    struct cairn_error error;
    double best[3] = {1e30, 1e30, 1e30};
    size_t bytes = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double spent[3] = {0, 0, 0};
        bytes = 0;
        for (size_t at = 0; at < events->count; at += CAIRN_CHUNK_EVENTS) {
            const size_t rest = events->count - at;
            const size_t count = rest < CAIRN_CHUNK_EVENTS ? rest : CAIRN_CHUNK_EVENTS;
            struct cairn_buffer blob = CAIRN_BUFFER_INIT;
            size_t found;
            double start = now_ns();
            check(cairn_events_encode(events->list + at, count, at, 1, &blob, &error), &error);
            spent[0] += now_ns() - start;
            start = now_ns();
            check(
                cairn_events_decode(blob.data, blob.length, at, decoded, CAIRN_CHUNK_EVENTS, &found, &error),
                &error);
            spent[1] += now_ns() - start;
            start = now_ns();
            check(cairn_events_decode_cross(blob.data, blob.length, at, at, cross, CAIRN_CHUNK_EVENTS, &found,
                                            &error),
                  &error);
            spent[2] += now_ns() - start;
            bytes += blob.length;
            cairn_buffer_release(&blob);
        }
        for (int i = 0; i < 3; i++) {
            best[i] = least(best[i], spent[i]);
        }
    }
    const double count = (double)events->count;
    printf(
        "%-32s %10zu events  %6.3f bytes  encode %5.1f ns  decode %5.1f ns  frees of older blocks %5.1f ns\n",
        name, events->count, (double)bytes / count, best[0] / count, best[1] / count, best[2] / count);
    free(decoded);
    free(cross);
}

static void measure_trace(const char *path)
{
    struct cairn_trace *trace;
    struct cairn_error error;
    struct events events = {.list = NULL};
    check(cairn_trace_open(path, NULL, &trace, &error), &error);
    const uint64_t all = (uint64_t)cairn_trace_recording(trace)->events;
    check(cairn_trace_events(trace, 0, all, keep, &events, &error), &error);
    cairn_trace_close(trace);
    if (events.count > 0) {
        measure(path, &events);
    }
    free(events.list);
}

static uint64_t below(uint64_t *seed, uint64_t limit)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (*seed >> 33) % limit;
}

static void free_of(struct events *events, size_t birth, uint64_t t_ns)
{
    const struct cairn_event event = {.kind = CAIRN_EVENT_FREE,
                                      .account = events->list[birth].account,
                                      .size = events->list[birth].size,
                                      .birth = birth,
                                      .t_ns = t_ns};
    keep(events, 0, &event);
}

static void alloc(struct events *events, uint32_t account, uint64_t size, uint64_t t_ns)
{
    keep(events, 0, &(struct cairn_event){.account = account, .size = size, .t_ns = t_ns});
}

static void measure_loop(void)
{
    struct events events = {.list = NULL};
    uint64_t seed = 1, t_ns = 0;
    for (size_t i = 0; i < SYNTHETIC; i++) {
        t_ns += below(&seed, 5) == 0 ? 1000 : 0;
        const size_t step = i % 8;
        if (step < 4) {
            alloc(&events, 1 + (uint32_t)step, 16u << step, t_ns);
        } else {
            free_of(&events, i - 4, t_ns);
        }
    }
    measure("a loop", &events);
    free(events.list);
}

static void measure_random(void)
{
    struct events events = {.list = NULL};
    size_t *live = checked(calloc(RANDOM_LIVE, sizeof *live));
    uint64_t seed = 1, t_ns = 0;
    for (size_t i = 0; i < SYNTHETIC; i++) {
        t_ns += below(&seed, 5) == 0 ? 1000 : 0;
        if (i >= RANDOM_LIVE && i % 2 == 0) {
            size_t *slot = &live[below(&seed, RANDOM_LIVE)];
            free_of(&events, *slot, t_ns);
            *slot = i + 1; /* the next event's block takes the place */
        } else {
            const uint32_t account = 1 + (uint32_t)below(&seed, RANDOM_SITES);
            alloc(&events, account, account % 4 ? account * 8 : 16 + below(&seed, 200), t_ns);
            if (i < RANDOM_LIVE) {
                live[i] = i;
            }
        }
    }
    measure("random sites, sizes, lifetimes", &events);
    free(live);
    free(events.list);
}

int main(int argc, char **argv)
{
    if (argc == 1) {
        measure_loop();
        measure_random();
    }
    for (int i = 1; i < argc; i++) {
        measure_trace(argv[i]);
    }
    return 0;
}
