/* The consumer's side of one ring. What lies in shared memory is hostile: cursors are read once and checked, bytes are
 * copied before they are looked at, and a record that makes no sense ends this ring, never the collector. */
#ifndef CAIRN_COLLECTOR_RING_READER_H
#define CAIRN_COLLECTOR_RING_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/record.h"
#include "wire/ring.h"

/* Copied and checked records wait in `staged` from word `begin` to `end`. */
struct cairn_ring_reader {
    struct cairn_ring_control *control; /* in the segment */
    const uint64_t *words;              /* the ring's data */
    uint64_t tail;                      /* ours: what the segment says of it is not believed */
    uint64_t *staged;
    size_t capacity, begin, end; /* words */
    uint64_t newest_stamp;       /* of the records copied so far: they never decrease in one ring */
    uint64_t newest_before;      /* the same before the last look, … */
    size_t fresh_words;          /* … which copied so many, the last ones */
    bool damaged;

    /* No record that is still to come is stamped before this. */
    uint64_t bound;
    uint64_t inside_seen; /* value of `inside` at the last look, and the head with it */
    uint64_t head_seen;
    int64_t inside_since_ns; /* that pair has been there since then at the latest; the caller sets it … */
    bool moved;              /* … when the last look found another pair */
    bool ignored;            /* its thread does not move: others no longer wait for it */
};

void cairn_ring_reader_init(struct cairn_ring_reader *reader, struct cairn_ring_control *control,
                            const uint64_t *words);
void cairn_ring_reader_release(struct cairn_ring_reader *reader);

/* What one look at a ring takes at most. */
#define CAIRN_RING_PIECE_BYTES (64u << 10)

/* Copies what was committed, up to a piece of it, gives the room back, sets `bound`. `quiet_stamp` is the stamp of an instant before the call
 * less the slack: the bound of a ring whose thread is outside. Returns the bytes taken. */
size_t cairn_ring_reader_copy(struct cairn_ring_reader *reader, uint64_t quiet_stamp);
/* After a look: none of its records was stamped later than `now`, the stamp of an instant after that. Whatever says so came now. */
void cairn_ring_reader_hold_back(struct cairn_ring_reader *reader, uint64_t now);
/* Whether its thread has left the hook, or committed, since the last look. */
bool cairn_ring_reader_has_moved(const struct cairn_ring_reader *reader);
/* After its writer is dead or has left and everything was copied: nothing more will come. */
bool cairn_ring_reader_is_empty(const struct cairn_ring_reader *reader);
/* Whether there is more in the ring than was copied: it fills faster than others let its records go on. */
bool cairn_ring_reader_is_behind(const struct cairn_ring_reader *reader);
/* Frees memory that a quiet ring does not need. */
void cairn_ring_reader_shrink(struct cairn_ring_reader *reader);

/* Words of the record at `record`, of which `available` are there; 0: no valid record. */
uint32_t cairn_record_words(const uint64_t *record, size_t available);

/* Kinds, as bits: three words with a node; four with a node; and those or two words. Nearly all records are among them. */
#define CAIRN_RECORDS_OF_NEW_BLOCKS                                                                          \
    (1u << CAIRN_RECORD_ALLOC | 1u << CAIRN_RECORD_REALLOC_END | 1u << CAIRN_RECORD_REALLOC_ALONE)
#define CAIRN_RECORDS_OF_BLOCKS                                                                              \
    (CAIRN_RECORDS_OF_NEW_BLOCKS | 1u << CAIRN_RECORD_REALLOC | 1u << CAIRN_RECORD_FREE |                    \
     1u << CAIRN_RECORD_REALLOC_BEGIN)

/* The most that a record about a block takes. */
#define CAIRN_RECORD_BLOCK_WORDS 4u

/* Words of a record about a block, which may not all be there; 0: it is about something else. By a jump, which the processor
 * foresees: a sum would have to wait until the record is there, and the next record behind it. */
static inline uint32_t cairn_record_block_words(const uint64_t *record)
{
    const uint32_t kind = 1u << cairn_record_kind(record);
    uint32_t words = 0;
    if (kind & CAIRN_RECORDS_OF_NEW_BLOCKS) {
        words = 3;
        __asm__("" : "+r"(words));
    } else if (kind & 1u << CAIRN_RECORD_REALLOC) {
        words = 4;
        __asm__("" : "+r"(words));
    } else if (kind & CAIRN_RECORDS_OF_BLOCKS) {
        words = 2;
        __asm__("" : "+r"(words));
    }
    return words;
}

/* As cairn_record_words(), without a call where the record is about a block. */
static inline uint32_t cairn_record_words_of(const uint64_t *record, size_t available)
{
    const uint32_t words = cairn_record_block_words(record);
    return words == 0 ? cairn_record_words(record, available) : words <= available ? words : 0;
}

/* Of a record that is known to be valid. */
static inline uint32_t cairn_record_words_checked(const uint64_t *record)
{
    return cairn_record_words_of(record, CAIRN_RECORD_MAX_WORDS);
}

#endif
