/* Shared memory between the agent and the collector: segments of single-producer rings.
 *
 * The collector creates every segment (a memfd sized with ftruncate, pages come when touched) and passes the
 * descriptor over the session's socket; the agent maps it and closes the descriptor. A process starts with one
 * segment and asks for another when more threads live at once than there are rings. Each thread of the target owns
 * one ring while it lives. All cursors are byte counts that only grow; position = cursor & (CAIRN_RING_BYTES - 1).
 *
 * Both sides include this header: it is libc-only, allocation-free, and the collector treats everything in a
 * segment as hostile (copy, bounds-check, then use). */
#ifndef CAIRN_WIRE_RING_H
#define CAIRN_WIRE_RING_H

#include <stdatomic.h>
#include <stdint.h>

#define CAIRN_WIRE_VERSION         2u
#define CAIRN_SEGMENT_MAGIC        0x314745534e524943ull /* "CIRNSEG1" */
#define CAIRN_RING_BYTES           (1u << 20)
#define CAIRN_RINGS_PER_SEGMENT    8u
#define CAIRN_SEGMENT_HEADER_BYTES 16384u
#define CAIRN_CACHE_LINE           64u
#define CAIRN_BEAT_NS                                                                                        \
    1000000 /* how far such a stamp may lie behind, give or take when the collector gets a processor */

enum cairn_ring_state {
    CAIRN_RING_FREE = 0,  /* nobody's; a starting thread takes it with a compare-and-swap FREE → OWNED */
    CAIRN_RING_OWNED = 1, /* a living thread writes */
    /* Its thread ended. The collector drains it and may set FREE, with a compare-and-swap ENDED → FREE: a starting
     * thread takes an ENDED ring too, drained or not (ENDED → OWNED). The new tenancy begins in the ring itself, at its
     * THREAD_START record; head goes on. The ended thread's very last frees may take it back for a moment. */
    CAIRN_RING_ENDED = 2,
};

/* What one ring's two sides tell each other. Four cache lines: state, producer, consumer, spare. */
struct cairn_ring_control {
    _Alignas(CAIRN_CACHE_LINE) _Atomic uint32_t state; /* enum cairn_ring_state */
    _Atomic int32_t tid;                               /* of the owner, 0 when free */
    _Atomic uint32_t generation;                       /* +1 each time a thread takes it */

    /* Producer's line. `head` is stored with release after the record's bytes; the collector loads it with acquire.
     * `inside` holds the stack pointer at entry to a hook (never 0 there) from before the stamp until after the
     * commit, else 0: while it is set, a record stamped in the past may still appear. */
    _Alignas(CAIRN_CACHE_LINE) _Atomic uint64_t head;
    _Atomic uint64_t inside;
    _Atomic uint64_t stalled_ns; /* time this ring's owner waited for room */
    _Atomic uint64_t
        skipped; /* events not recorded (re-entrant in a signal handler, …): counted, never silent */

    /* Consumer's line. Stored with release after the bytes were copied; the agent loads it with acquire. */
    _Alignas(CAIRN_CACHE_LINE) _Atomic uint64_t tail;

    _Alignas(CAIRN_CACHE_LINE) uint8_t spare[CAIRN_CACHE_LINE];
};

/* Flags of the segment that the collector sets and the agent reads on its hot path (one shared, read-mostly line). */
enum cairn_control_bits {
    CAIRN_CONTROL_STOP = 1u << 0,  /* stop recording for good: the target runs on */
    CAIRN_CONTROL_PAUSE = 1u << 1, /* record frees only (cairn_pause sets its own flag inside the agent) */
    /* An object graph is asked for, by the number in `request`. The thread that sees it first clears it and answers. */
    CAIRN_CONTROL_GRAPH = 1u << 2,
};

/* At offset 0 of every segment. Written by the collector before it is passed, but for the fields marked agent. */
struct cairn_segment_header { /* NOLINT(clang-analyzer-optin.performance.Padding): cache lines */
    uint64_t magic;           /* CAIRN_SEGMENT_MAGIC */
    uint32_t version;         /* CAIRN_WIRE_VERSION */
    uint32_t ring_count;      /* CAIRN_RINGS_PER_SEGMENT */
    uint32_t ring_bytes;      /* CAIRN_RING_BYTES */
    uint32_t process;         /* the process number in the trace */
    uint64_t clock_base;      /* stamps in records are clock − clock_base, 56 bits */
    uint32_t clock_kind;      /* enum cairn_clock_kind */
    uint32_t max_depth;       /* stacks are cut below this many frames */
    /* Blocks of the heap are sampled: a Poisson process along each thread's allocated bytes, one sample in so many. 0: every
     * block is recorded. Mappings always are. */
    uint64_t sample_bytes;
    uint64_t sample_seed;   /* of the threads' random numbers */
    uint32_t options;       /* enum cairn_option_bits */
    uint32_t segment_index; /* 0 for the first segment of a process */

    /* A pthread robust, process-shared mutex would need libpthread's layout in a file; instead the collector holds
     * this robust futex word (its TID) for as long as it lives: the kernel sets FUTEX_OWNER_DIED when it goes. */
    _Alignas(CAIRN_CACHE_LINE) _Atomic uint32_t collector_alive;
    _Atomic uint32_t control;     /* enum cairn_control_bits */
    _Atomic uint64_t request;     /* +1 for every object graph that is asked for */
    _Atomic uint64_t consumed_ns; /* CLOCK_MONOTONIC of the collector's last look at this segment */
    /* Another number whenever the collector looks; 0 before it sleeps for longer than CAIRN_BEAT_NS. A thread that is alone in
     * recording may stamp a few events by one reading of the clock while this stands still. */
    _Atomic uint64_t beat;

    /* The live totals of this process as the collector knows them, for cairn_traced_bytes(). */
    _Alignas(CAIRN_CACHE_LINE) _Atomic int64_t traced_bytes;
    _Atomic int64_t traced_peak_bytes;
    _Atomic uint64_t peak_reset; /* agent: +1 by cairn_reset_peak() */
    _Atomic uint32_t no_image;   /* memory is too short for a still image of this process */
    /* Whether a seccomp filter might end the process for a system call it does not expect: only others can look without one.
     * The agent counts its questions, the collector answers with the number, times two, + 1 where there is a filter. */
    _Atomic uint32_t filter_asked, filter_answer;
    /* agent, in the first segment: events of threads that could not get a ring. Not recorded, but counted. */
    _Atomic uint64_t ringless;
    _Atomic uint32_t unheard_children; /* the same of forked children that could not reach the collector */

    _Alignas(CAIRN_CACHE_LINE) struct cairn_ring_control rings[CAIRN_RINGS_PER_SEGMENT];
};

_Static_assert(sizeof(struct cairn_segment_header) <= CAIRN_SEGMENT_HEADER_BYTES, "segment header too large");

enum cairn_clock_kind { CAIRN_CLOCK_TSC = 1, CAIRN_CLOCK_MONOTONIC = 2 };

enum cairn_option_bits {
    CAIRN_OPTION_FOLLOW = 1u << 0,     /* record children too */
    CAIRN_OPTION_PYTHON = 1u << 1,     /* look for an interpreter */
    CAIRN_OPTION_NATIVE = 1u << 2,     /* the interpreter's own frames too */
    CAIRN_OPTION_GRAPHS = 1u << 3,     /* object graphs when the program asks for them */
    CAIRN_OPTION_EXIT_GRAPH = 1u << 4, /* and one when it ends */
    CAIRN_OPTION_ROOT = 1u << 5,       /* this is the program that was started, or what it became by exec */
    /* What is told of Python objects besides types and names of edges. */
    CAIRN_OPTION_LABEL_VALUES = 1u << 6, /* short values, too */
    CAIRN_OPTION_NO_LABELS = 1u << 7,    /* no names of edges either */
};

/* Bytes of a whole segment. */
#define CAIRN_SEGMENT_BYTES                                                                                  \
    (CAIRN_SEGMENT_HEADER_BYTES + (uint64_t)CAIRN_RINGS_PER_SEGMENT * CAIRN_RING_BYTES)

#endif
