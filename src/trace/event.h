/* Events as the trace keeps them, and the chunk codec (docs/trace-blobs.md has it byte by byte).
 *
 * An event is one change of the ledger in the merged order of the whole recording. Its ordinal (0, 1, 2, …) is its
 * name: a free points at the ordinal of the allocation it ends. A chunk holds up to CAIRN_CHUNK_EVENTS events and
 * decodes on its own. */
#ifndef CAIRN_TRACE_EVENT_H
#define CAIRN_TRACE_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/status.h"

#define CAIRN_CHUNK_EVENTS       65536u
#define CAIRN_KEYFRAME_CHUNKS    16u  /* a keyframe before every so many chunks (and before chunk 0: empty) */
#define CAIRN_EVENT_TIME_UNIT_NS 1000 /* stored stamps are whole microseconds since the recording's start */

enum cairn_event_kind {
    CAIRN_EVENT_ALLOC = 0,   /* +size at account */
    CAIRN_EVENT_FREE = 1,    /* −size at account; birth */
    CAIRN_EVENT_REALLOC = 2, /* −old_size at old_account (birth), +size at account, in one step */
    CAIRN_EVENT_ADOPT =
        3, /* a forked child outlived its parent: +size at account, not an allocation; birth */
    CAIRN_EVENT_SHRINK = 4, /* part of a mapping went: −size at account, the block stays; birth */
    CAIRN_EVENT_LOST = 5,   /* a free that was missed, found later: −size at account; birth */
    CAIRN_EVENT_END =
        6, /* a process ended: `account` holds the PROCESS number; its live blocks are gone, and no
                            later event is of its accounts. Processes behind whose end nothing else happened have none,
                            unless others lived on for a while: the state after the last event is what was live then */
};

enum cairn_event_flag {
    CAIRN_EVENT_TEMPORARY = 1u << 0,  /* this free ends a temporary allocation */
    CAIRN_EVENT_BY_REALLOC = 1u << 1, /* an ALLOC: made by a realloc of a block that is not recorded */
};

/* t_ns is a multiple of CAIRN_EVENT_TIME_UNIT_NS (rounded down) and never decreases with the ordinal. `birth` is the
 * ordinal of the ALLOC, REALLOC or ADOPT that made the freed block, below this event's own. An ADOPT names the event that
 * made the block in the parent, so that it is not taken for a younger one; what frees it names the ADOPT. */
struct cairn_event {
    uint64_t t_ns;
    uint64_t size;
    uint64_t birth;
    uint64_t old_size;    /* REALLOC */
    uint32_t account;     /* FREE: of the freed block */
    uint32_t old_account; /* REALLOC */
    uint8_t kind;         /* enum cairn_event_kind */
    uint8_t flags;        /* enum cairn_event_flag */
};

/* Appends the encoded chunk to `blob`. `events` are in order; the first one's ordinal is `first_event`.
 * `level` is zstd's. */
CAIRN_MUST_CHECK enum cairn_status cairn_events_encode(const struct cairn_event *events, size_t count,
                                                       uint64_t first_event, int level,
                                                       struct cairn_buffer *blob, struct cairn_error *error);

/* The same for many chunks: what it needs of memory is kept from one to the next. */
struct cairn_event_encoder;
/* NULL when memory ran out. */
struct cairn_event_encoder *cairn_event_encoder_new(void);
/* Tolerates NULL. */
void cairn_event_encoder_free(struct cairn_event_encoder *encoder);
CAIRN_MUST_CHECK enum cairn_status cairn_event_encoder_chunk(struct cairn_event_encoder *encoder,
                                                             const struct cairn_event *events, size_t count,
                                                             uint64_t first_event, int level,
                                                             struct cairn_buffer *blob,
                                                             struct cairn_error *error);

/* Decodes a whole chunk into `events`, room for `capacity`; hostile input is CAIRN_E_FORMAT. */
CAIRN_MUST_CHECK enum cairn_status cairn_events_decode(const void *blob, size_t blob_size,
                                                       uint64_t first_event, struct cairn_event *events,
                                                       size_t capacity, size_t *count,
                                                       struct cairn_error *error);

/* Only the events that name a birth before `before` and before the chunk, without decoding the rest: by birth, and in
 * order where births are equal. For `survived`: the work grows with what is found. */
struct cairn_cross_free {
    uint64_t birth, size; /* REALLOC: old_size */
    uint32_t account;     /* REALLOC: old_account */
    uint32_t position;    /* of the event in its chunk */
    uint8_t kind;         /* FREE, LOST, REALLOC (its old side), SHRINK (the block stays), ADOPT (+size) */
};
CAIRN_MUST_CHECK enum cairn_status cairn_events_decode_cross(const void *blob, size_t blob_size,
                                                             uint64_t first_event, uint64_t before,
                                                             struct cairn_cross_free *frees, size_t capacity,
                                                             size_t *count, struct cairn_error *error);
/* How much of the blob's beginning that takes; `blob` holds its first CAIRN_EVENTS_HEADER_MOST bytes, or all of it. */
#define CAIRN_EVENTS_HEADER_MOST 512u
CAIRN_MUST_CHECK enum cairn_status cairn_events_cross_prefix(const void *blob, size_t blob_size,
                                                             uint64_t first_event, uint64_t before,
                                                             size_t *prefix, struct cairn_error *error);

/* The same for many chunks: what they need of memory is kept from one to the next. */
struct cairn_event_decoder;
/* NULL when memory ran out. */
struct cairn_event_decoder *cairn_event_decoder_new(void);
void cairn_event_decoder_free(struct cairn_event_decoder *decoder);
CAIRN_MUST_CHECK enum cairn_status cairn_event_decoder_all(struct cairn_event_decoder *decoder,
                                                           const void *blob, size_t blob_size,
                                                           uint64_t first_event, struct cairn_event *events,
                                                           size_t capacity, size_t *count,
                                                           struct cairn_error *error);
/* Passes a chunk's first events, at most `most`, as long as they are stamped at or before `until_ns`: how many there were,
 * and the time of the last one (untouched where there was none). Only times are unpacked. `count`: events in the chunk. */
CAIRN_MUST_CHECK enum cairn_status cairn_event_decoder_times(struct cairn_event_decoder *decoder,
                                                             const void *blob, size_t blob_size,
                                                             uint64_t until_ns, size_t most, size_t *passed,
                                                             uint64_t *t_ns, size_t *count,
                                                             struct cairn_error *error);
CAIRN_MUST_CHECK enum cairn_status cairn_event_decoder_cross(struct cairn_event_decoder *decoder,
                                                             const void *blob, size_t blob_size,
                                                             uint64_t first_event, uint64_t before,
                                                             struct cairn_cross_free *frees, size_t capacity,
                                                             size_t *count, struct cairn_error *error);

/* One account's totals, or a change of them: what keyframes and chunk deltas hold. The live columns are those of the
 * ledger: END takes a process's accounts to 0, in the delta of its chunk and in every keyframe behind it. In a sampled
 * recording they are estimates (weight.h), and the last two, which are 0 in others, say how far off they may be. */
struct cairn_totals {
    int64_t live_bytes, live_blocks;
    int64_t allocated_bytes, allocations; /* reallocs included */
    int64_t reallocs, temporary;
    int64_t live_variance, allocated_variance; /* of the bytes: struct cairn_weight */
};

/* An account with its totals; in blobs sorted by account, all-zero ones left out. */
struct cairn_account_totals {
    uint32_t account;
    struct cairn_totals totals;
};

CAIRN_MUST_CHECK enum cairn_status cairn_totals_encode(const struct cairn_account_totals *rows, size_t count,
                                                       int level, struct cairn_buffer *blob,
                                                       struct cairn_error *error);
/* How many rows a blob claims to have; 0 when it makes no sense. Who knows how many there can be asks first: few bytes may
 * stand for gigabytes. */
size_t cairn_totals_claimed(const void *blob, size_t blob_size);
/* `rows` is allocated with malloc, the caller frees it. */
CAIRN_MUST_CHECK enum cairn_status cairn_totals_decode(const void *blob, size_t blob_size,
                                                       struct cairn_account_totals **rows, size_t *count,
                                                       struct cairn_error *error);

/* Size and lifetime histogram of one account: log2 buckets. size bucket b holds sizes in [2^(b−1), 2^b), bucket 0 is
 * size 0; lifetime bucket l holds lifetimes below 2^l microseconds (l = 0 … 39), 40 = longer, 41 = still live. */
#define CAIRN_SIZE_BUCKETS     48u
#define CAIRN_LIFETIME_BUCKETS 42u
#define CAIRN_LIFETIME_LIVE    41u
struct cairn_histogram_cell {
    uint8_t size_bucket, lifetime_bucket;
    uint64_t blocks;
    uint64_t temporary; /* of these */
};
CAIRN_MUST_CHECK enum cairn_status cairn_histogram_encode(const struct cairn_histogram_cell *cells,
                                                          size_t count, struct cairn_buffer *blob,
                                                          struct cairn_error *error);
/* At most CAIRN_SIZE_BUCKETS × CAIRN_LIFETIME_BUCKETS cells. */
CAIRN_MUST_CHECK enum cairn_status cairn_histogram_decode(const void *blob, size_t blob_size,
                                                          struct cairn_histogram_cell *cells, size_t capacity,
                                                          size_t *count, struct cairn_error *error);

static inline unsigned cairn_size_bucket(uint64_t size)
{
    const uint64_t most = (UINT64_C(1) << (CAIRN_SIZE_BUCKETS - 1)) - 1;
    return 63 - (unsigned)__builtin_clzll((size < most ? size : most) << 1 | 1);
}

static inline unsigned cairn_lifetime_bucket(uint64_t lifetime_ns)
{
    const uint64_t us = lifetime_ns / 1000;
    const unsigned bucket = us == 0 ? 0 : (unsigned)(64 - __builtin_clzll(us));
    return bucket < 40 ? bucket : 40;
}

#endif
