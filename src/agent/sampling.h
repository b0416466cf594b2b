/* Which blocks of a sampled recording are recorded: those that a Poisson process along the bytes which a thread allocates
 * falls into. A thread counts down to the next sample; a block is taken when it reaches that. A block of `size` bytes
 * is taken with probability 1 − exp(−max(size, 1) / mean), whatever came before. */
#ifndef CAIRN_AGENT_SAMPLING_H
#define CAIRN_AGENT_SAMPLING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of one thread, which alone uses it. All zero: every block is recorded. */
struct cairn_sampling {
    uint64_t left;       /* bytes up to and with the one that is sampled next; at least 1 */
    uint64_t drawn;      /* what `left` was after the last sample */
    uint64_t mean_bytes; /* between samples */
    uint64_t random;     /* state of the generator */
};

/* `mean_bytes` 0: every block is recorded. Threads with other `stream`s draw other numbers from the same seed. */
void cairn_sampling_init(struct cairn_sampling *sampling, uint64_t mean_bytes, uint64_t seed,
                         uint64_t stream);
/* The distance to the next sample, from the end of the block that was taken: of a memoryless process it does not matter how
 * many samples fell into the block. */
void cairn_sampling_draw(struct cairn_sampling *sampling);

/* Counts a block of `size` bytes, and says whether it is passed over. Two signal handlers' counts may become one: what is
 * left after that is as random as before. */
static inline bool cairn_sampling_passes_over(struct cairn_sampling *sampling, size_t size)
{
    const size_t bytes = size + (size == 0);
    if (sampling->left > bytes) {
        sampling->left -= bytes;
        return true;
    }
    return false;
}

/* Whether the thread has allocated since its last sample. */
static inline bool cairn_sampling_went_on(const struct cairn_sampling *sampling)
{
    return sampling->left != sampling->drawn;
}

#endif
