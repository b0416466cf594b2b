/* A recorder without a program and without a file: tests write rings as an agent would and look at the events that come
 * out. */
#ifndef CAIRN_TESTS_COLLECTOR_RIG_H
#define CAIRN_TESTS_COLLECTOR_RIG_H

#include <pthread.h>

#include "collector/recorder.h"

struct rig_snapshot {
    char name[64];
    uint64_t position;
};

struct rig {
    struct cairn_record_options options;
    struct cairn_recorder *recorder;
    pthread_t thread; /* empties the pipeline */

    /* Filled by that thread; look at it after rig_finish. */
    struct cairn_event *events;
    size_t event_count, event_capacity;
    struct cairn_account_identity *accounts;
    size_t account_count, account_capacity;
    struct cairn_stack_row *stacks;
    size_t stack_count, stack_capacity;
    struct cairn_frame *frames;
    size_t frame_count, frame_capacity;
    struct cairn_module *modules; /* texts owned */
    size_t module_count, module_capacity;
    struct rig_snapshot *snapshots;
    size_t snapshot_count, snapshot_capacity;
    size_t notes, threads;
};

/* A process as its agent sees it: a child of the test that only waits (or the test itself, where `pid` says so), and the segment
 * it was given. */
struct rig_process {
    pid_t pid;
    uint32_t number;
    struct cairn_segment_header *header;
};

/* A thread's side of its ring. */
struct rig_writer {
    struct cairn_segment_header *header;
    struct cairn_ring_control *control;
    uint64_t *words;
    uint64_t head, last_stamp;
    uint32_t nodes;
};

void rig_start(struct rig *rig);
/* Looks at the rings again and again: for so long; until that many events have come, which fails the test after five seconds. */
void rig_drain_for(struct rig *rig, int64_t time_ns);
void rig_drain_until(struct rig *rig, uint64_t position);
/* Ends what still lives, applies the rest, stops. */
void rig_finish(struct rig *rig);
void rig_release(struct rig *rig);

/* HELLO, answered; a fork names its parent and serial, else parent is NULL. */
void rig_hello(struct rig *rig, struct rig_process *process, const struct rig_process *parent,
               uint64_t serial);
/* The process dies. */
void rig_end(struct rig *rig, struct rig_process *process);

/* Takes a free ring and writes THREAD_START. */
void rig_writer_open(struct rig_writer *writer, const struct rig *rig, const struct rig_process *process,
                     int32_t tid);
/* The same for the last frees of a thread that ended. */
void rig_writer_visit(struct rig_writer *writer, const struct rig *rig, const struct rig_process *process,
                      int32_t tid);
void rig_writer_close(struct rig_writer *writer, const struct rig *rig);
uint64_t rig_stamp(struct rig_writer *writer, const struct rig *rig);
/* Enter, stamp, write, commit, leave; waits for room. Word 0's kind only; the stamp is put in. */
void rig_write(struct rig_writer *writer, const struct rig *rig, const uint64_t *words, uint32_t count);
/* The same with a stamp of the test's own, as a late record has. */
void rig_write_stamped(struct rig_writer *writer, uint64_t stamp, const uint64_t *words, uint32_t count);
uint32_t rig_node(struct rig_writer *writer, const struct rig *rig, uint32_t parent, uint64_t value);
void rig_alloc(struct rig_writer *writer, const struct rig *rig, uint32_t node, uint64_t address,
               uint64_t size);
void rig_free(struct rig_writer *writer, const struct rig *rig, uint64_t address);

#endif
