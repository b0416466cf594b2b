#include "agent/sampling.h"

#define GOLDEN 0x9e3779b97f4a7c15ull

/* SplitMix64: G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014. */
static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ull;
    value = (value ^ value >> 27) * 0x94d049bb133111ebull;
    return value ^ value >> 31;
}

/* −ln(value / 2^64) for value > 0, to about 1e-12: the exponent apart, of what is left in [1/√2, √2) the series of the area
 * tangent. The mathematical library is none that this one may need. */
static double negative_logarithm(uint64_t value)
{
    static const double log_2 = 0.69314718055994530942, root_half = 0.70710678118654752440;
    const int zeros = __builtin_clzll(value);
    double fraction = (double)(value << zeros) * 0x1p-64; /* in [1/2, 1] */
    double exponent = zeros;
    if (fraction < root_half) {
        fraction *= 2;
        exponent += 1;
    }
    const double t = (fraction - 1) / (fraction + 1), square = t * t;
    double sum = 0;
    for (int odd = 15; odd >= 1; odd -= 2) {
        sum = sum * square + 1.0 / odd;
    }
    return exponent * log_2 - 2 * t * sum;
}

void cairn_sampling_draw(struct cairn_sampling *sampling)
{
    sampling->random += GOLDEN;
    const double gap = negative_logarithm(mix(sampling->random) | 1) * (double)sampling->mean_bytes;
    /* Rounded up: then a block of whole bytes holds the sample just as often as with the gap itself. */
    sampling->left = gap < 0x1p62 ? (uint64_t)gap + 1 : 1ull << 62;
    sampling->drawn = sampling->left;
}

void cairn_sampling_init(struct cairn_sampling *sampling, uint64_t mean_bytes, uint64_t seed, uint64_t stream)
{
    *sampling = (struct cairn_sampling){.mean_bytes = mean_bytes, .random = mix(seed + mix(stream + GOLDEN))};
    if (mean_bytes != 0) {
        cairn_sampling_draw(sampling);
    }
}
