#include "collector/clock.h"

#include <cpuid.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "wire/ring.h"

#define NS_PER_S 1000000000ll
/* Below this distance the two clocks' reading errors (about 50 ns) would show in the rate. */
#define CALIBRATION_MIN_NS 1000000ll
/* A rate that differs by more than this from the one before is a suspended machine, not a drift. */
#define MAX_DRIFT_SHIFT 10

/* The C library's own function: what a preloaded library (libfaketime) puts before it may tell of another time, or of one that
 * stands still. */
static cairn_clock_function *find_function(void)
{
    cairn_clock_function *function = clock_gettime;
    void *library = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    void *found = library ? dlsym(library, "clock_gettime") : NULL;
    if (found) {
        memcpy(&function, &found, sizeof function);
    }
    if (library) {
        dlclose(library); /* it stays, as everybody's */
    }
    return function;
}

static int64_t read_clock(const struct cairn_clock *clock, clockid_t id)
{
    struct timespec now;
    clock->function(id, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* The kernel watches the TSC: where it took another clock source, the TSC is not fit. */
static bool tsc_is_trusted(void)
{
    char name[32] = "";
    const int fd =
        open("/sys/devices/system/clocksource/clocksource0/current_clocksource", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return true;
    }
    const ssize_t got = read(fd, name, sizeof name - 1);
    close(fd);
    if (got <= 0) {
        return true;
    }
    return strncmp(name, "hpet", 4) != 0 && strncmp(name, "acpi_pm", 7) != 0 &&
           strncmp(name, "refined", 7) != 0;
}

static bool tsc_is_invariant(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(0x80000007u, &a, &b, &c, &d) && (d & (1u << 8)) != 0 && tsc_is_trusted();
}

/* Behind all that stands above it (agent/machine.h). */
static uint64_t read_tsc(void)
{
    _mm_lfence();
    return __rdtsc();
}

/* Both clocks at one instant: the closest of a few tries, so that an interrupt in between does no harm. */
static void read_pair(const struct cairn_clock *clock, uint64_t *ticks, int64_t *ns)
{
    if (clock->kind != CAIRN_CLOCK_TSC) {
        *ns = read_clock(clock, CLOCK_MONOTONIC);
        *ticks = (uint64_t)*ns;
        return;
    }
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 5; i++) {
        const uint64_t before = read_tsc();
        const int64_t now = read_clock(clock, CLOCK_MONOTONIC);
        const uint64_t after = read_tsc();
        if (after - before < best) {
            best = after - before;
            *ticks = before + best / 2;
            *ns = now;
        }
    }
}

void cairn_clock_init(struct cairn_clock *clock)
{
    *clock = (struct cairn_clock){.kind = tsc_is_invariant() ? CAIRN_CLOCK_TSC : CAIRN_CLOCK_MONOTONIC,
                                  .function = find_function()};
    read_pair(clock, &clock->base, &clock->start_ns);
    clock->started_unix_ns = read_clock(clock, CLOCK_REALTIME);
    clock->multiplier = 1ull << 32;
    clock->calibrated = clock->kind == CAIRN_CLOCK_MONOTONIC;
}

uint64_t cairn_clock_stamp(const struct cairn_clock *clock)
{
    const uint64_t now =
        clock->kind == CAIRN_CLOCK_TSC ? read_tsc() : (uint64_t)read_clock(clock, CLOCK_MONOTONIC);
    return now - clock->base;
}

int64_t cairn_clock_elapsed_ns(const struct cairn_clock *clock)
{
    return read_clock(clock, CLOCK_MONOTONIC) - clock->start_ns;
}

void cairn_clock_calibrate(struct cairn_clock *clock)
{
    if (clock->kind != CAIRN_CLOCK_TSC) {
        return;
    }
    uint64_t ticks = 0;
    int64_t ns = 0;
    do {
        read_pair(clock, &ticks, &ns);
    } while (ns - clock->start_ns < CALIBRATION_MIN_NS); /* the first time only, and for less than that */
    const uint64_t stamp = ticks - clock->base;
    const int64_t elapsed = ns - clock->start_ns;
    const uint64_t whole = (uint64_t)(((__int128)elapsed << 32) / (int64_t)stamp);
    if (!clock->calibrated) {
        clock->multiplier = whole;
        clock->calibrated = true;
        return;
    }
    /* A new line from where the old one stands, aimed to meet the true clock a second from now. */
    const int64_t stands = cairn_clock_to_ns(clock, stamp);
    const int64_t second_ticks = (int64_t)cairn_clock_units(clock, NS_PER_S);
    const __int128 target = ((__int128)second_ticks * (int64_t)whole >> 32) + elapsed - stands;
    uint64_t multiplier = target <= 0 ? 1 : (uint64_t)((target << 32) / second_ticks);
    const uint64_t drift = whole >> MAX_DRIFT_SHIFT;
    if (multiplier < whole - drift) {
        multiplier = whole - drift;
    }
    clock->line_stamp = stamp;
    /* Behind by far (the TSC slept with the machine): catch up at once, time may jump forward, never back. */
    clock->line_ns = elapsed - stands > NS_PER_S / 100 ? elapsed : stands;
    clock->multiplier = multiplier;
}

uint64_t cairn_clock_units(const struct cairn_clock *clock, int64_t time_ns)
{
    return (uint64_t)(((__int128)time_ns << 32) / (int64_t)clock->multiplier);
}
