/* Shared by the halves of ring_dump: serving and draining, checking and reporting. */
#ifndef CAIRN_TEST_RING_DUMP_H
#define CAIRN_TEST_RING_DUMP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire/record.h"
#include "wire/ring.h"
#include "wire/session.h"

#define DUMP_PENDING 64 /* reallocs of one ring that nest */

/* One heap event in a form that can be sorted. */
struct dump_event {
    uint64_t stamp, order; /* order of arrival in its ring, to keep equal stamps apart */
    uint64_t address, old_address, size;
    uint32_t node;
    uint8_t kind, domain;
};

/* Sums as a program keeps them of itself; peak_bytes is 0 where it could not. */
struct dump_ledger {
    uint64_t allocations, reallocs, frees, allocated_bytes;
    int64_t live_bytes, live_blocks, peak_bytes;
};

struct dump_events {
    struct dump_event *list;
    uint64_t count, room;
};

struct dump_process {
    struct dump_process *next;
    uint32_t number, parent;
    int32_t pid;
    uint32_t reason;
    uint64_t fork_serial;
    uint32_t segments;
    uint64_t kinds[CAIRN_RECORD_KIND_COUNT];
    uint64_t skipped, stalled_ns, tenancies;
    uint64_t begin_stamp, end_stamp; /* of the marks ledger-begin and ledger-end */
    struct dump_events events;
};

/* What the reader keeps of one ring. */
struct dump_ring {
    uint64_t tail, last_stamp;
    uint32_t nodes; /* of this tenancy */
    bool started;
    uint64_t order;
    uint32_t pending_count;
    uint64_t pending[DUMP_PENDING];
};

struct dump_segment {
    struct dump_segment *next;
    struct cairn_segment_header *header;
    struct dump_process *process;
    struct dump_ring rings[CAIRN_RINGS_PER_SEGMENT];
};

struct dump {
    const char *agent, *preload;        /* preload NULL: none */
    const char *ledger, *ledger_folder; /* NULL: none */
    uint32_t options, clock_kind, slow_us;
    uint64_t die_after_ms, kill_after_ms, stop_after_ms;
    bool quiet, discard, vanished;

    char folder[64], socket_path[108];
    int listener;
    uint64_t clock_base;
    pid_t child;
    int status;
    struct dump_process *processes;
    struct dump_segment *segments;
    uint32_t process_count;
    uint64_t faults;
};

uint64_t dump_now_ns(void);

struct dump_process *dump_process_new(struct dump *dump, const struct cairn_session_request *request);
struct dump_process *dump_process_find(struct dump *dump, uint32_t number);
/* Reads everything that was committed, in every ring. */
void dump_drain(struct dump *dump);
/* Checks the whole and prints it; false where a rule was broken. */
bool dump_report(struct dump *dump);

void dump_release(struct dump *dump);

void dump_fault(struct dump *dump, const struct dump_process *process, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
