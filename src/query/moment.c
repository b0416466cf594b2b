#include "query/moment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/human.h"
#include "base/sanitise.h"
#include "query/moment_names.h"
#include "query/no_memory.h"
#include "query/sum.h"

#define SECOND_NS INT64_C(1000000000)
#define DAY_S     INT64_C(86400)

/* What a TIME word is read against. */
struct reading {
    struct cairn_trace *trace;
    const struct cairn_recording *recording;
    const struct cairn_span *within; /* may be NULL */
    uint32_t process;
    uint64_t end_position;
    struct cairn_error *error;
};

static void set_exactness(struct cairn_trace *trace, struct cairn_moment *moment)
{
    moment->inexact = !cairn_trace_is_exact(trace, moment->position, moment->t_ns);
}

static void set_label(struct cairn_moment *moment, const char *text)
{
    cairn_sanitise(moment->label, sizeof(moment->label), text, strlen(text));
}

/* Shortens "12.500" to "12.5" and "12.000" to "12". */
static void trim_zeros(char *number)
{
    size_t length = strlen(number);
    while (length && number[length - 1] == '0') {
        number[--length] = '\0';
    }
    if (length && number[length - 1] == '.') {
        number[length - 1] = '\0';
    }
}

static void label_time(struct cairn_moment *moment)
{
    const bool seconds = moment->t_ns >= SECOND_NS;
    char number[48];
    snprintf(number, sizeof(number), "%.3f", (double)moment->t_ns / (seconds ? 1e9 : 1e6));
    trim_zeros(number);
    snprintf(moment->label, sizeof(moment->label), "%s%s", number, seconds ? "s" : "ms");
}

/* "end" is what was live when the program ended. */
static enum cairn_status end_position(struct reading *read)
{
    const struct cairn_snapshot *snapshots;
    size_t count;
    enum cairn_status status = cairn_trace_snapshots(read->trace, &snapshots, &count, read->error);
    for (size_t i = count; status == CAIRN_OK && i > 0; i--) {
        if (strcmp(snapshots[i - 1].kind, "end") == 0) {
            read->end_position = snapshots[i - 1].event;
            return CAIRN_OK;
        }
    }
    return status == CAIRN_OK ? cairn_trace_end(read->trace, &read->end_position, read->error) : status;
}

static enum cairn_status open_reading(struct cairn_trace *trace, struct reading *read,
                                      struct cairn_error *error)
{
    *read = (struct reading){.trace = trace, .recording = cairn_trace_recording(trace), .error = error};
    return end_position(read);
}

static void set_end(const struct reading *read, struct cairn_moment *moment)
{
    *moment = (struct cairn_moment){.position = read->end_position, .t_ns = read->recording->duration_ns};
}

/* A time inside the recording; the end is the end. */
static enum cairn_status set_time(const struct reading *read, int64_t t_ns, struct cairn_moment *moment)
{
    uint64_t position;
    const enum cairn_status status =
        cairn_trace_position_at(read->trace, t_ns < 0 ? 0 : t_ns, &position, read->error);
    if (status != CAIRN_OK) {
        return status;
    }
    *moment = (struct cairn_moment){
        .position = position < read->end_position ? position : read->end_position,
        .t_ns = t_ns,
    };
    return CAIRN_OK;
}

static enum cairn_status set_time_checked(const struct reading *read, const char *text, int64_t t_ns,
                                          struct cairn_moment *moment)
{
    if (t_ns >= 0 && t_ns <= read->recording->duration_ns) {
        return set_time(read, t_ns, moment);
    }
    char clean[64], length[CAIRN_HUMAN_MAX];
    cairn_sanitise(clean, sizeof(clean), text, strlen(text));
    return cairn_fail(read->error, CAIRN_E_NOT_FOUND, "%s is %s of the recording, which is %s long", clean,
                      t_ns < 0 ? "before the start" : "after the end",
                      cairn_human_duration(length, read->recording->duration_ns));
}

static enum cairn_status set_peak(const struct reading *read, struct cairn_moment *moment)
{
    const uint64_t from = read->within ? read->within->from.position : 0;
    const uint64_t to = read->within ? read->within->to.position : read->end_position;
    uint64_t position;
    int64_t bytes, t_ns;
    enum cairn_status status =
        cairn_trace_peak_between(read->trace, read->process, from, to, &position, &bytes, read->error);
    if (status == CAIRN_OK) {
        status = cairn_trace_time_of(read->trace, position, &t_ns, read->error);
    }
    if (status == CAIRN_OK) {
        *moment = (struct cairn_moment){.position = position, .t_ns = t_ns};
    }
    return status;
}

/* The snapshot nearest to t_ns whose sites are known; NULL: none. */
static enum cairn_status nearest_known(struct cairn_trace *trace, const struct cairn_snapshot *snapshots,
                                       size_t count, int64_t t_ns, const struct cairn_snapshot **found,
                                       struct cairn_error *error)
{
    enum cairn_status status = CAIRN_OK;
    *found = NULL;
    for (size_t i = 0; status == CAIRN_OK && i < count; i++) {
        bool has = false;
        if (!*found || cairn_apart(snapshots[i].t_ns, t_ns) < cairn_apart((*found)->t_ns, t_ns)) {
            status = cairn_trace_has_sites(trace, &snapshots[i], &has, error);
            *found = has ? &snapshots[i] : *found;
        }
    }
    return status;
}

/* A slim copy of before lists every snapshot and holds the sites of some: CAIRN_E_NOT_FOUND names the nearest of those. */
static enum cairn_status check_sites(const struct reading *read, const struct cairn_snapshot *snapshots,
                                     size_t count, size_t at)
{
    bool has;
    enum cairn_status status = cairn_trace_has_sites(read->trace, &snapshots[at], &has, read->error);
    if (status != CAIRN_OK || has) {
        return status;
    }
    const struct cairn_snapshot *nearest;
    status = nearest_known(read->trace, snapshots, count, snapshots[at].t_ns, &nearest, read->error);
    if (status != CAIRN_OK) {
        return status;
    }
    return nearest ? cairn_fail(read->error, CAIRN_E_NOT_FOUND,
                                "this slim copy left out what was live at s%" PRIu32
                                ": the nearest snapshot that it holds is s%" PRIu32,
                                snapshots[at].snapshot, nearest->snapshot)
                   : cairn_fail(read->error, CAIRN_E_NOT_FOUND,
                                "this slim copy left out what was live at s%" PRIu32 ": ask for a time",
                                snapshots[at].snapshot);
}

static enum cairn_status set_snapshot(const struct reading *read, const char *text, const char *digits,
                                      struct cairn_moment *moment)
{
    const struct cairn_snapshot *snapshots;
    size_t count;
    const enum cairn_status status = cairn_trace_snapshots(read->trace, &snapshots, &count, read->error);
    if (status != CAIRN_OK) {
        return status;
    }
    const uint64_t number = strtoull(digits, NULL, 10);
    for (size_t i = 0; i < count; i++) {
        if (snapshots[i].snapshot == number) {
            *moment = (struct cairn_moment){.position = snapshots[i].event, .t_ns = snapshots[i].t_ns};
            return check_sites(read, snapshots, count, i);
        }
    }
    return cairn_moment_no_snapshot(text, snapshots, count, read->error);
}

static enum cairn_status set_mark(const struct reading *read, const char *name, struct cairn_moment *moment)
{
    const struct cairn_snapshot *snapshots, *found;
    size_t count;
    enum cairn_status status = cairn_trace_snapshots(read->trace, &snapshots, &count, read->error);
    if (status != CAIRN_OK) {
        return status;
    }
    uint32_t process = read->process;
    if (process == 0 && strcmp(name, "exit") == 0) {
        status = cairn_moment_main_process(read->trace, &process, read->error);
        if (status != CAIRN_OK) {
            return status;
        }
    }
    found = cairn_moment_find_mark(name, process, snapshots, count);
    if (!found) {
        return cairn_moment_no_mark(name, snapshots, count, read->error);
    }
    *moment = (struct cairn_moment){.position = found->event, .t_ns = found->t_ns};
    return CAIRN_OK;
}

/* "40%", "12.5%": true when it is one. */
static bool read_percent(const char *text, double *percent)
{
    char *end;
    if (*text < '0' || *text > '9') {
        return false;
    }
    *percent = strtod(text, &end);
    return strcmp(end, "%") == 0;
}

/* "03:12", "03:12:40", "03:12:40.25": nanoseconds of the day. */
static bool read_clock(const char *text, int64_t *of_day_ns)
{
    int hours, minutes, used = 0;
    double seconds = 0;
    if (strspn(text, "0123456789:.") != strlen(text) ||
        sscanf(text, "%2d:%2d%n", &hours, &minutes, &used) != 2) {
        return false;
    }
    if (text[used] == ':') {
        char *end;
        seconds = strtod(text + used + 1, &end);
        used = (int)(end - text);
    }
    if (text[used] || hours > 23 || minutes > 59 || seconds >= 61) {
        return false;
    }
    *of_day_ns = (hours * INT64_C(3600) + minutes * INT64_C(60)) * SECOND_NS + (int64_t)(seconds * 1e9 + 0.5);
    return true;
}

/* The recording's own wall clock, as the people who ran it saw it. */
static enum cairn_status set_clock(const struct reading *read, const char *text, int64_t of_day_ns,
                                   struct cairn_moment *moment)
{
    const int64_t day_ns = DAY_S * SECOND_NS;
    if (read->recording->started_unix_ns == CAIRN_UNKNOWN) {
        return cairn_fail(
            read->error, CAIRN_E_NOT_FOUND,
            "the trace was imported and does not know the time of day: give a time like 1.5s or 40%%");
    }
    const int64_t start_ns = (read->recording->started_unix_ns % day_ns +
                              read->recording->utc_offset_s % DAY_S * SECOND_NS + 2 * day_ns) %
                             day_ns;
    const int64_t t_ns = (of_day_ns - start_ns + day_ns) % day_ns;
    if (t_ns <= read->recording->duration_ns) {
        return set_time(read, t_ns, moment);
    }
    /* A clock without fraction names the second in which the recording began, too. */
    if (start_ns - of_day_ns >= 0 && start_ns - of_day_ns < SECOND_NS) {
        return set_time(read, 0, moment);
    }
    char clean[64];
    const int64_t from_s = start_ns / SECOND_NS;
    const int64_t to_s = (start_ns + read->recording->duration_ns % day_ns) / SECOND_NS % DAY_S;
    cairn_sanitise(clean, sizeof(clean), text, strlen(text));
    return cairn_fail(read->error, CAIRN_E_NOT_FOUND,
                      "%s is outside of the recording: it ran from %02" PRId64 ":%02" PRId64 ":%02" PRId64
                      " to %02" PRId64 ":%02" PRId64 ":%02" PRId64,
                      clean, from_s / 3600, from_s / 60 % 60, from_s % 60, to_s / 3600, to_s / 60 % 60,
                      to_s % 60);
}

static enum cairn_status parse(const struct reading *read, const char *text, struct cairn_moment *moment);

/* Splits "end-5m" at the last sign with a duration behind it; NULL when there is none. */
static const char *offset_sign(const char *text, int64_t *offset_ns)
{
    for (size_t i = strlen(text); i > 1; i--) {
        const char *sign = text + i - 1;
        if (*sign == '-' || *sign == '+') {
            int64_t length_ns;
            if (cairn_parse_duration(sign + 1, &length_ns, NULL) != CAIRN_OK) {
                return NULL;
            }
            *offset_ns = *sign == '-' ? -length_ns : length_ns;
            return sign;
        }
    }
    return NULL;
}

static enum cairn_status set_offset(const struct reading *read, const char *text, const char *sign,
                                    int64_t offset_ns, struct cairn_moment *moment)
{
    char *base_text = strndup(text, (size_t)(sign - text));
    struct cairn_moment base;
    if (!base_text) {
        return cairn_no_memory(read->error, "the answer");
    }
    const enum cairn_status status = parse(read, base_text, &base);
    free(base_text);
    if (status != CAIRN_OK) {
        return status;
    }
    int64_t t_ns;
    if (__builtin_add_overflow(base.t_ns, offset_ns, &t_ns)) {
        t_ns = INT64_MAX;
    }
    return set_time_checked(read, text, t_ns, moment);
}

static enum cairn_status no_such_word(const struct reading *read, const char *text)
{
    char clean[64];
    cairn_sanitise(clean, sizeof(clean), text, strlen(text));
    return cairn_fail(read->error, CAIRN_E_USAGE,
                      "\"%s\" is no moment: use start, end, peak, 40%%, 12.5s, end-5m, s7, @name or 03:12:40",
                      clean);
}

static bool is_snapshot(const char *text)
{
    return text[0] == 's' && text[1] && strspn(text + 1, "0123456789") == strlen(text + 1);
}

static enum cairn_status parse_number(const struct reading *read, const char *text,
                                      struct cairn_moment *moment)
{
    double percent;
    int64_t t_ns;
    if (read_percent(text, &percent)) {
        if (!(percent <= 100)) {
            return cairn_fail(read->error, CAIRN_E_USAGE, "%s is more than the whole recording", text);
        }
        const int64_t whole_ns = read->recording->duration_ns;
        const double part_ns = (double)whole_ns * percent / 100;
        return set_time(read, part_ns < (double)whole_ns ? (int64_t)part_ns : whole_ns, moment);
    }
    if (read_clock(text, &t_ns)) {
        return set_clock(read, text, t_ns, moment);
    }
    if (cairn_parse_duration(text, &t_ns, NULL) == CAIRN_OK) {
        return set_time_checked(read, text, t_ns, moment);
    }
    return no_such_word(read, text);
}

static enum cairn_status parse_word(const struct reading *read, const char *text, struct cairn_moment *moment)
{
    if (strcmp(text, "start") == 0) {
        *moment = (struct cairn_moment){.position = 0};
        return CAIRN_OK;
    }
    if (strcmp(text, "end") == 0) {
        set_end(read, moment);
        return CAIRN_OK;
    }
    if (strcmp(text, "peak") == 0) {
        return set_peak(read, moment);
    }
    if (is_snapshot(text)) {
        return set_snapshot(read, text, text + 1, moment);
    }
    return text[0] == '@' && text[1] ? set_mark(read, text + 1, moment) : parse_number(read, text, moment);
}

static enum cairn_status parse(const struct reading *read, const char *text, struct cairn_moment *moment)
{
    int64_t offset_ns;
    const char *sign = offset_sign(text, &offset_ns);
    const struct cairn_snapshot *snapshots;
    size_t count;
    enum cairn_status status = CAIRN_OK;
    if (sign && text[0] == '@') {
        /* A mark may be called "step-5m". */
        status = cairn_trace_snapshots(read->trace, &snapshots, &count, read->error);
        if (status == CAIRN_OK && cairn_moment_find_mark(text + 1, 0, snapshots, count)) {
            sign = NULL;
        }
    }
    if (status == CAIRN_OK) {
        status = sign ? set_offset(read, text, sign, offset_ns, moment) : parse_word(read, text, moment);
    }
    if (status == CAIRN_OK) {
        set_label(moment, text);
    }
    return status;
}

enum cairn_status cairn_moment_parse(struct cairn_trace *trace, const char *text,
                                     const struct cairn_span *within, uint32_t process,
                                     struct cairn_moment *moment, struct cairn_error *error)
{
    struct reading read;
    struct cairn_moment parsed;
    enum cairn_status status = open_reading(trace, &read, error);
    if (status != CAIRN_OK) {
        return status;
    }
    read.within = within;
    read.process = process;
    status = parse(&read, text, &parsed);
    if (status == CAIRN_OK) {
        set_exactness(trace, &parsed);
        *moment = parsed;
    }
    return status;
}

/* Rows of a table have no place to say that they are those of another moment. */
static enum cairn_status refuse_inexact(struct cairn_trace *trace, const struct cairn_moment *moment,
                                        struct cairn_error *error)
{
    const struct cairn_snapshot *snapshots, *nearest = NULL;
    size_t count;
    enum cairn_status status = cairn_trace_snapshots(trace, &snapshots, &count, error);
    if (status == CAIRN_OK) {
        status = nearest_known(trace, snapshots, count, moment->t_ns, &nearest, error);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    char where[64] = "ask for a snapshot";
    if (nearest) {
        snprintf(where, sizeof(where), "the nearest snapshot that it knows is s%" PRIu32, nearest->snapshot);
    }
    return cairn_fail(error, CAIRN_E_NOT_FOUND,
                      "what was live at %s is not known: single events of that time were dropped to keep the "
                      "trace small (slim, record --max-size): %s",
                      moment->label, where);
}

enum cairn_status cairn_moment_position(struct cairn_trace *trace, const char *text, uint64_t *position,
                                        struct cairn_error *error)
{
    struct cairn_moment moment;
    enum cairn_status status = cairn_moment_parse(trace, text, NULL, 0, &moment, error);
    if (status == CAIRN_OK && moment.inexact &&
        !(cairn_trace_recording(trace)->untold & CAIRN_UNTOLD_EVENTS)) {
        status = refuse_inexact(trace, &moment, error);
    }
    if (status == CAIRN_OK) {
        *position = moment.position;
    }
    return status;
}

enum cairn_status cairn_moment_at(struct cairn_trace *trace, int64_t t_ns, struct cairn_moment *moment,
                                  struct cairn_error *error)
{
    struct reading read;
    struct cairn_moment at;
    enum cairn_status status = open_reading(trace, &read, error);
    if (status == CAIRN_OK) {
        const int64_t last_ns = read.recording->duration_ns;
        status = set_time(&read, t_ns < 0 ? 0 : t_ns > last_ns ? last_ns : t_ns, &at);
    }
    if (status == CAIRN_OK) {
        label_time(&at);
        set_exactness(trace, &at);
        *moment = at;
    }
    return status;
}

enum cairn_status cairn_span_parse(struct cairn_trace *trace, const char *from, const char *to,
                                   uint32_t process, struct cairn_span *span, struct cairn_error *error)
{
    struct cairn_span parsed;
    enum cairn_status status =
        cairn_moment_parse(trace, from ? from : "start", NULL, process, &parsed.from, error);
    if (status == CAIRN_OK) {
        status = cairn_moment_parse(trace, to ? to : "end", NULL, process, &parsed.to, error);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    if (parsed.from.position > parsed.to.position) {
        return cairn_fail(error, CAIRN_E_USAGE, "the span is empty: %s comes after %s", parsed.from.label,
                          parsed.to.label);
    }
    *span = parsed;
    return CAIRN_OK;
}
