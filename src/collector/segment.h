/* One segment of shared memory, as its maker sees it: a memfd, its mapping, and the robust futex word that tells the
 * agent whether the collector still lives. All segments of a recording belong to the thread that made the first. */
#ifndef CAIRN_COLLECTOR_SEGMENT_H
#define CAIRN_COLLECTOR_SEGMENT_H

#include <linux/futex.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "wire/ring.h"

/* What the agent is told in every header. */
struct cairn_segment_settings {
    uint32_t process, segment_index;
    uint64_t clock_base;
    uint32_t clock_kind, max_depth, options;
    uint64_t sample_bytes, sample_seed;
};

#define CAIRN_SEGMENT_NAME "cairn" /* as the maps of a recorded process show it */

/* `header` is followed by the rings' data. */
struct cairn_segment {
    struct cairn_segment_header *header;
    struct robust_list *robust; /* in a private page below the mapping */
    int fd;                     /* to be passed on, then closed; −1 after that */
};

/* The list of robust words of this thread. The kernel walks it when the thread ends, however it ends. */
struct cairn_robust_words {
    struct robust_list_head head;
    struct robust_list_head *previous; /* the C library's */
    size_t previous_size;
};

/* Registers with the kernel; the calling thread is the one whose life the words tell. */
CAIRN_MUST_CHECK enum cairn_status cairn_robust_words_init(struct cairn_robust_words *words,
                                                           struct cairn_error *error);
/* Gives the thread back its former list. Segments must be closed before. */
void cairn_robust_words_release(struct cairn_robust_words *words);

/* Whether this system lets us make a segment at all: asked before the program starts. */
CAIRN_MUST_CHECK enum cairn_status cairn_segment_check(struct cairn_error *error);

CAIRN_MUST_CHECK enum cairn_status cairn_segment_open(struct cairn_segment *segment,
                                                      const struct cairn_segment_settings *settings,
                                                      struct cairn_robust_words *words,
                                                      struct cairn_error *error);
/* Tells the agent to stop, marks the word as an orphan's, and unmaps. Tolerates a zeroed segment. */
void cairn_segment_close(struct cairn_segment *segment, struct cairn_robust_words *words);

/* The data of ring `index`. */
static inline uint64_t *cairn_segment_ring_words(const struct cairn_segment *segment, uint32_t index)
{
    return (uint64_t *)(void *)((uint8_t *)segment->header + CAIRN_SEGMENT_HEADER_BYTES +
                                (uint64_t)index * CAIRN_RING_BYTES);
}

#endif
