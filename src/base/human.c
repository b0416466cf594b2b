#include "base/human.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_SECOND  1000000000ull
#define BILLION        1000000000ull /* fractions are read as billionths */
#define COUNT_OF(list) (sizeof(list) / sizeof((list)[0]))

struct unit {
    const char *name;
    uint64_t value;
};

static const struct unit byte_units[] = {
    {.name = "B", .value = 1},
    {.name = "KiB", .value = 1ull << 10},
    {.name = "MiB", .value = 1ull << 20},
    {.name = "GiB", .value = 1ull << 30},
    {.name = "TiB", .value = 1ull << 40},
    {.name = "PiB", .value = 1ull << 50},
    {.name = "EiB", .value = 1ull << 60},
};
static const struct unit short_byte_units[] = {
    {.name = "", .value = 1},           {.name = "K", .value = 1ull << 10},
    {.name = "M", .value = 1ull << 20}, {.name = "G", .value = 1ull << 30},
    {.name = "T", .value = 1ull << 40}, {.name = "P", .value = 1ull << 50},
    {.name = "E", .value = 1ull << 60},
};
static const struct unit count_units[] = {
    {.name = "", .value = 1},
    {.name = "k", .value = 1000},
    {.name = "M", .value = 1000000},
    {.name = "G", .value = 1000000000},
    {.name = "T", .value = 1000000000000},
    {.name = "P", .value = 1000000000000000},
    {.name = "E", .value = 1000000000000000000},
};
static const struct unit time_units[] = {{.name = "ns", .value = 1},
                                         {.name = "us", .value = 1000},
                                         {.name = "ms", .value = 1000000},
                                         {.name = "s", .value = NS_PER_SECOND}};

static uint64_t magnitude(int64_t value)
{
    return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

/* Tenths of `unit` in `value`, rounded. */
static uint64_t tenths_of(uint64_t value, uint64_t unit)
{
    return value / unit * 10 + (value % unit * 10 + unit / 2) / unit;
}

/* Three digits or so in the largest unit that leaves at least 1. A value that rounds up to the next unit is written in
 * that unit: never "1024 KiB". */
static void write_scaled(char buffer[CAIRN_HUMAN_MAX], const char *sign, uint64_t value,
                         const struct unit *units, size_t count, const char *space)
{
    size_t at = 0;
    while (at + 1 < count && value >= units[at + 1].value) {
        at++;
    }
    uint64_t tenths = tenths_of(value, units[at].value);
    if (at > 0 && at + 1 < count && (tenths + 5) / 10 >= units[at + 1].value / units[at].value) {
        at++;
        tenths = tenths_of(value, units[at].value);
    }
    const char *const name = units[at].name;
    space = name[0] == '\0' ? "" : space;
    if (at == 0) {
        snprintf(buffer, CAIRN_HUMAN_MAX, "%s%" PRIu64 "%s%s", sign, value, space, name);
    } else if (tenths >= 1000) {
        snprintf(buffer, CAIRN_HUMAN_MAX, "%s%" PRIu64 "%s%s", sign, (tenths + 5) / 10, space, name);
    } else {
        snprintf(buffer, CAIRN_HUMAN_MAX, "%s%" PRIu64 ".%" PRIu64 "%s%s", sign, tenths / 10, tenths % 10,
                 space, name);
    }
}

/* Whether the number is known; otherwise `buffer` says so. */
static bool is_known(char buffer[CAIRN_HUMAN_MAX], int64_t number)
{
    if (number == INT64_MIN) {
        snprintf(buffer, CAIRN_HUMAN_MAX, "–");
    }
    return number != INT64_MIN;
}

char *cairn_human_bytes(char buffer[CAIRN_HUMAN_MAX], int64_t bytes)
{
    if (is_known(buffer, bytes)) {
        write_scaled(buffer, bytes < 0 ? "-" : "", magnitude(bytes), byte_units, COUNT_OF(byte_units), " ");
    }
    return buffer;
}

char *cairn_human_bytes_signed(char buffer[CAIRN_HUMAN_MAX], int64_t bytes)
{
    const char *const sign = bytes < 0 ? "-" : bytes > 0 ? "+" : "";
    if (is_known(buffer, bytes)) {
        write_scaled(buffer, sign, magnitude(bytes), byte_units, COUNT_OF(byte_units), " ");
    }
    return buffer;
}

char *cairn_human_bytes_short(char buffer[CAIRN_HUMAN_MAX], int64_t bytes)
{
    if (is_known(buffer, bytes)) {
        write_scaled(buffer, bytes < 0 ? "-" : "", magnitude(bytes), short_byte_units,
                     COUNT_OF(short_byte_units), "");
    }
    return buffer;
}

char *cairn_human_count(char buffer[CAIRN_HUMAN_MAX], int64_t count)
{
    if (is_known(buffer, count)) {
        write_scaled(buffer, count < 0 ? "-" : "", magnitude(count), count_units, COUNT_OF(count_units), " ");
    }
    return buffer;
}

char *cairn_human_blocks(char buffer[CAIRN_HUMAN_MAX], int64_t blocks)
{
    char count[CAIRN_HUMAN_MAX];
    snprintf(buffer, CAIRN_HUMAN_MAX, "%.20s block%s", cairn_human_count(count, blocks),
             blocks == 1 || blocks == -1 ? "" : "s");
    return buffer;
}

char *cairn_human_duration(char buffer[CAIRN_HUMAN_MAX], int64_t time_ns)
{
    const char *const sign = time_ns < 0 ? "-" : "";
    const uint64_t value = magnitude(time_ns);
    const uint64_t seconds = (value + NS_PER_SECOND / 2) / NS_PER_SECOND;
    const uint64_t minutes = (seconds + 30) / 60;
    const uint64_t hours = (minutes + 30) / 60;
    if (!is_known(buffer, time_ns)) {
        return buffer;
    }
    if (value == 0) {
        snprintf(buffer, CAIRN_HUMAN_MAX, "0 s");
    } else if (tenths_of(value, NS_PER_SECOND) < 600) {
        write_scaled(buffer, sign, value, time_units, COUNT_OF(time_units), " ");
    } else if (seconds < 3600) {
        snprintf(buffer, CAIRN_HUMAN_MAX, "%s%" PRIu64 " m %02" PRIu64 " s", sign, seconds / 60,
                 seconds % 60);
    } else if (minutes < 24 * 60) {
        snprintf(buffer, CAIRN_HUMAN_MAX, "%s%" PRIu64 " h %02" PRIu64 " m", sign, minutes / 60,
                 minutes % 60);
    } else {
        snprintf(buffer, CAIRN_HUMAN_MAX, "%s%" PRIu64 " d %02" PRIu64 " h", sign, hours / 24, hours % 24);
    }
    return buffer;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads "12", "12.5", ".5" without minding the locale; digits behind the ninth decimal are dropped. Returns the first
 * byte behind the number, or NULL when there is none or it does not fit. */
static const char *read_decimal(const char *text, uint64_t *whole, uint64_t *billionths)
{
    const char *at = text;
    uint64_t value = 0;
    while (is_digit(*at)) {
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value)) {
            return NULL;
        }
        at++;
    }
    bool any = at > text;
    uint64_t fraction = 0;
    if (*at == '.') {
        at++;
        for (uint64_t place = BILLION / 10; is_digit(*at); place /= 10, at++) {
            fraction += (uint64_t)(*at - '0') * place;
            any = true;
        }
    }
    if (!any) {
        return NULL;
    }
    *whole = value;
    *billionths = fraction;
    return at;
}

static bool scale(uint64_t whole, uint64_t billionths, uint64_t unit, int64_t *value)
{
    /* unit ≤ 2^42 here, so the fraction is split to stay inside 64 bits. */
    const uint64_t fraction = unit / BILLION * billionths + unit % BILLION * billionths / BILLION;
    uint64_t total;
    if (__builtin_mul_overflow(whole, unit, &total) || __builtin_add_overflow(total, fraction, &total) ||
        total > INT64_MAX) {
        return false;
    }
    *value = (int64_t)total;
    return true;
}

static const char *skip_spaces(const char *text)
{
    while (*text == ' ') {
        text++;
    }
    return text;
}

/* The bytes that a suffix stands for: "", B, K, KB, KiB and so on, in any case; 0 when it is none of them. */
static uint64_t byte_suffix(const char *suffix)
{
    static const char letters[] = "kmgt";
    uint64_t unit = 1;
    if (*suffix != '\0') {
        const char lower = (char)(*suffix | 0x20);
        const char *const found = strchr(letters, lower);
        if (found) {
            unit = 1ull << (10 * (found - letters + 1));
            suffix++;
            if (*suffix == 'i' && suffix[1] != '\0') {
                suffix++;
            }
        }
        if (*suffix == 'B' || *suffix == 'b') {
            suffix++;
        }
    }
    return *suffix == '\0' ? unit : 0;
}

enum cairn_status cairn_parse_bytes(const char *text, int64_t *bytes, struct cairn_error *error)
{
    uint64_t whole, billionths;
    const char *const suffix = read_decimal(text, &whole, &billionths);
    if (!suffix) {
        return cairn_fail(error, CAIRN_E_USAGE, "'%s' is not a size: write one like 4096, 200M or 1.5GiB",
                          text);
    }
    const uint64_t unit = byte_suffix(skip_spaces(suffix));
    if (unit == 0) {
        return cairn_fail(error, CAIRN_E_USAGE, "'%s' is not a size: '%s' is none of B, K, M, G, T", text,
                          skip_spaces(suffix));
    }
    if (!scale(whole, billionths, unit, bytes)) {
        return cairn_fail(error, CAIRN_E_USAGE, "'%s' is too large a size: the most is 8 EiB", text);
    }
    return CAIRN_OK;
}

enum cairn_status cairn_parse_duration(const char *text, int64_t *time_ns, struct cairn_error *error)
{
    static const struct unit units[] = {
        {.name = "ns", .value = 1},
        {.name = "us", .value = 1000},
        {.name = "ms", .value = 1000000},
        {.name = "s", .value = NS_PER_SECOND},
        {.name = "m", .value = 60 * NS_PER_SECOND},
        {.name = "h", .value = 3600 * NS_PER_SECOND},
    };
    uint64_t whole, billionths;
    const char *suffix = read_decimal(text, &whole, &billionths);
    if (!suffix) {
        return cairn_fail(error, CAIRN_E_USAGE, "'%s' is not a duration: write one like 300ms, 12.5s or 5m",
                          text);
    }
    suffix = skip_spaces(suffix);
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (strcmp(suffix, units[i].name) != 0) {
            continue;
        }
        if (!scale(whole, billionths, units[i].value, time_ns)) {
            return cairn_fail(error, CAIRN_E_USAGE, "'%s' is too long a duration: the most is 292 years",
                              text);
        }
        return CAIRN_OK;
    }
    return *suffix == '\0'
               ? cairn_fail(error, CAIRN_E_USAGE, "'%s' has no unit: write %sms, %ss or %sm", text, text,
                            text, text)
               : cairn_fail(error, CAIRN_E_USAGE,
                            "'%s' is not a duration: '%s' is none of ns, us, ms, s, m, h", text, suffix);
}
