/* The producer's side of one ring: reserve words, fill them, commit. One thread owns a writer; nothing here locks,
 * allocates, or makes a system call unless the ring is full.
 *
 * Protocol of an event, so that the collector can put a watermark on this ring:
 *     enter (inside = stack pointer) → stamp → fill → commit (head, release) → leave (inside = 0)
 * The real malloc or free is never called between enter and leave. NODE, NODE_RESET and TEXT records carry the stamp of
 * the record before them: the collector applies them in ring order, whatever their stamp. */
#ifndef CAIRN_AGENT_RING_WRITER_H
#define CAIRN_AGENT_RING_WRITER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/clock.h"
#include "agent/machine.h"
#include "wire/record.h"
#include "wire/ring.h"

struct cairn_ring_writer {
    struct cairn_ring_control *control; /* NULL: this thread has no ring (yet, or recording is over) */
    struct cairn_segment_header *segment;
    uint64_t *words;    /* the ring's data, CAIRN_RING_BYTES long */
    uint64_t head;      /* bytes, ours; control->head follows at commit */
    uint64_t tail_seen; /* the last tail we loaded: read again only when it looks full */
    uint64_t last_stamp;
    uint64_t clock_base;
    uint32_t clock_kind;  /* enum cairn_clock_kind, or CAIRN_CLOCK_STOPPED */
    uint32_t shared_left; /* events that may still have `last_stamp`, while the segment's beat is `beat` */
    uint64_t beat;
};

/* So many events share one reading of the clock, which costs more than the rest of a record: some 100 ns each in programs that are
 * busy allocating, where the trace keeps microseconds. */
#define CAIRN_STAMP_SHARERS 8u

/* The kernel took the time stamp counter away from this thread (seccomp's strict mode), and system calls with it: stamps
 * stand still, and waiting is spinning. */
#define CAIRN_CLOCK_STOPPED 0u

/* More than one thread has written: then the order of stamps across threads counts. Set before the second one's first
 * stamp, so that whoever is handed something by it sees this set. */
extern _Atomic bool cairn_ring_writers_many;

/* What the clock says now, as a stamp. The counter may be read before what stands above it is done, a lock's taking, too:
 * threads that hand addresses on were seen stamped up to 0.8 µs the wrong way round. */
static inline uint64_t cairn_ring_writer_now(const struct cairn_ring_writer *writer)
{
    if (__builtin_expect(writer->clock_kind == CAIRN_CLOCK_TSC, 1)) {
        if (atomic_load_explicit(&cairn_ring_writers_many, memory_order_relaxed)) {
            cairn_machine_finish();
        }
        return cairn_machine_cycles() - writer->clock_base;
    }
    return writer->clock_kind == CAIRN_CLOCK_STOPPED ? writer->last_stamp
                                                     : cairn_clock_monotonic_ns() - writer->clock_base;
}

/* Brings `last_stamp` up to `stamp`, which may lie behind it: stamps of a ring never decrease. Returns it. */
static inline uint64_t cairn_ring_writer_advance(struct cairn_ring_writer *writer, uint64_t stamp)
{
    if ((int64_t)(stamp - writer->last_stamp) > 0) {
        writer->last_stamp = stamp;
    }
    return writer->last_stamp;
}

/* A stamp for an event of which no other thread needs to know when it was: that of the event before, if it is only just past. */
static inline uint64_t cairn_ring_writer_stamp_near(struct cairn_ring_writer *writer)
{
    const uint64_t beat = atomic_load_explicit(&writer->segment->beat, memory_order_relaxed);
    const bool alone = !atomic_load_explicit(&cairn_ring_writers_many, memory_order_relaxed);
    if (writer->shared_left > 0 && beat == writer->beat && alone) {
        writer->shared_left--;
        return writer->last_stamp;
    }
    writer->beat = beat;
    writer->shared_left = beat != 0 && alone ? CAIRN_STAMP_SHARERS - 1 : 0;
    return cairn_ring_writer_advance(writer, cairn_ring_writer_now(writer));
}

/* Waits until `words` words are free in one piece (writing a PAD and wrapping where needed) and returns where they
 * begin, or NULL when the recording is over (collector gone, STOP): then the caller goes on unrecorded. The wait is
 * bounded by the collector's life, counted in stalled_ns, and keeps errno. In ring_writer.c. */
uint64_t *cairn_ring_writer_wait(struct cairn_ring_writer *writer, uint32_t words);

/* Room for `words` words (at most CAIRN_RECORD_MAX_WORDS), or NULL. The usual case is a compare and an add. */
static inline uint64_t *cairn_ring_writer_reserve(struct cairn_ring_writer *writer, uint32_t words)
{
    const uint64_t position = writer->head & (CAIRN_RING_BYTES - 1);
    const uint64_t bytes = (uint64_t)words * 8;
    if (__builtin_expect(position + bytes <= CAIRN_RING_BYTES &&
                             writer->head + bytes - writer->tail_seen <= CAIRN_RING_BYTES,
                         1)) {
        return writer->words + position / 8;
    }
    return cairn_ring_writer_wait(writer, words);
}

/* Makes the words visible to the collector. Pairs with the collector's acquire load of `head`. */
static inline void cairn_ring_writer_commit(struct cairn_ring_writer *writer, uint32_t words)
{
    writer->head += (uint64_t)words * 8;
    atomic_store_explicit(&writer->control->head, writer->head, memory_order_release);
}

/* Whether nobody will ever make room or answer: the collector said stop, or the kernel marked its death. */
bool cairn_ring_collector_is_gone(const struct cairn_segment_header *segment);
/* Sleeps a little. The futex word does not change while the collector lives, so this is a sleep that ends early when it
 * dies by an orderly close; a system call every program with threads may make. */
void cairn_ring_sleep(struct cairn_segment_header *segment);

#endif
