/* Sums of numbers from a trace. A damaged one may hold any: they wrap around instead of being undefined. */
#ifndef CAIRN_QUERY_SUM_H
#define CAIRN_QUERY_SUM_H

#include <stdint.h>

static inline void cairn_add(int64_t *sum, int64_t value)
{
    *sum = (int64_t)((uint64_t)*sum + (uint64_t)value);
}

static inline void cairn_subtract(int64_t *sum, int64_t value)
{
    *sum = (int64_t)((uint64_t)*sum - (uint64_t)value);
}

static inline int64_t cairn_difference(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

/* |value|, as far as there is one. */
static inline int64_t cairn_magnitude(int64_t value)
{
    return value >= 0 ? value : value == INT64_MIN ? INT64_MAX : -value;
}

/* How far two times lie from each other. */
static inline uint64_t cairn_apart(int64_t a, int64_t b)
{
    return a < b ? (uint64_t)b - (uint64_t)a : (uint64_t)a - (uint64_t)b;
}

/* `i` of `n` equal parts of a length that is not negative, rounded down. */
static inline int64_t cairn_parts(int64_t length, int64_t i, int64_t n)
{
    return length / n * i + length % n * i / n;
}

static inline double cairn_percent(int64_t part, int64_t whole)
{
    return whole == 0 ? 0 : (double)part * 100 / (double)whole;
}

#endif
