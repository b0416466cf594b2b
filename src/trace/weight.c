#include "trace/weight.h"

#include <math.h>

#define TERMS    12
#define CERTAIN  45.0 /* of N: exp(−45) is nothing beside 1 */
#define SUM_MOST 0x1p62
#define GOLDEN   0x9e3779b97f4a7c15ull

/* 1 − exp(−x) for x in (0, CERTAIN): the series for a part of x, then 1 − exp(−2y) = q (2 − q). The mathematical library's
 * last digit differs from version to version; basic operations do not. */
static double sampling_probability(double x)
{
    int doublings = 0;
    for (; x > 0.0625; doublings++) {
        x /= 2;
    }
    double q = 0;
    for (int n = TERMS; n >= 1; n--) {
        q = x / n * (1 - q);
    }
    for (; doublings > 0; doublings--) {
        q *= 2 - q;
    }
    return q;
}

/* In [0, 1). SplitMix64's mixing. */
static double fraction_of(uint64_t birth)
{
    uint64_t value = (birth + 1) * GOLDEN;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ull;
    value = (value ^ value >> 27) * 0x94d049bb133111ebull;
    return (double)((value ^ value >> 31) >> 11) * 0x1p-53;
}

static int64_t rounded(double value, double fraction)
{
    return value < SUM_MOST ? (int64_t)(value + fraction) : (int64_t)SUM_MOST;
}

struct cairn_weight cairn_weigh(int64_t sample_bytes, uint64_t size, uint64_t birth)
{
    const double mean = (double)sample_bytes, bytes = (double)size;
    const double ratio = size > 0 ? bytes / mean : 1 / mean;
    if (sample_bytes <= 0 || !(ratio < CERTAIN)) {
        return (struct cairn_weight){.bytes = (int64_t)size, .blocks = 1};
    }
    const double p = sampling_probability(ratio), fraction = fraction_of(birth);
    return (struct cairn_weight){
        .bytes = rounded(bytes / p, fraction),
        .blocks = rounded(1 / p, fraction),
        .variance = rounded(bytes * bytes / mean * (1 - p) / (p * p), fraction),
    };
}

int64_t cairn_standard_error(int64_t sample_bytes, int64_t variance)
{
    return variance > 0 && sample_bytes > 0 ? rounded(sqrt((double)variance * (double)sample_bytes), 0.5) : 0;
}
