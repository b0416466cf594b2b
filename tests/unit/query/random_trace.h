/* A trace made up from a seed, written with the writer, and everything that went into it, for brute-force checks.
 *
 * Small on purpose: chunks hold a few dozen events, so that positions fall into every part of chunks and key frames. */
#ifndef CAIRN_TEST_RANDOM_TRACE_H
#define CAIRN_TEST_RANDOM_TRACE_H

#include "trace/rows.h"
#include "trace/writer.h"

#define FIXTURE_CHUNK_EVENTS 41u
#define FIXTURE_STACK_MAX    16u

struct fixture;
struct fixture_options {
    void (*make_events)(struct fixture *fixture); /* NULL: random ones */
    void (*write_more)(const struct fixture *fixture, struct cairn_writer *writer);
    uint32_t seed;
    size_t events;
    uint32_t processes; /* 1 … 4 */
    bool python;        /* half of the stacks have Python frames */
    bool mapped;        /* some accounts are of mmap */
    bool incomplete;    /* the collector was killed */
    int64_t sample_bytes;
    bool lines_moved; /* the same program after an edit: its lines are three further down */
};

/* One stack: frames innermost first, as cairn_trace_stack_frames() must give them. */
struct fixture_stack {
    uint32_t frames[FIXTURE_STACK_MAX];
    size_t count;
};

struct fixture {
    struct fixture_options options;
    char path[256];
    struct cairn_module modules[16];
    size_t module_count;
    struct cairn_source_file files[16];
    size_t file_count;
    struct cairn_function functions[64];
    size_t function_count;
    struct cairn_frame frames[512];
    size_t frame_count;
    struct fixture_stack *stacks; /* by number; 0 is empty */
    size_t stack_count;
    struct cairn_process processes[8];
    size_t process_count;
    struct cairn_thread threads[32];
    size_t thread_count;
    struct cairn_account accounts[2048]; /* without totals */
    size_t account_count;
    struct cairn_event *events;
    size_t event_count;
    struct cairn_snapshot snapshots[256];
    size_t snapshot_count;
    int64_t duration_ns;
    uint64_t random;
};

/* Makes it and writes it; fails the test where it cannot. */
void fixture_init(struct fixture *fixture, const struct fixture_options *options);
/* Removes the file. */
void fixture_release(struct fixture *fixture);

/* A number below `limit`. */
uint32_t fixture_random(struct fixture *fixture, uint32_t limit);
/* A path for a trace of this test. */
void fixture_path(char *path, size_t size, const char *name);

/* The account of that stack, thread and domain, made when it is new. Threads are numbered from 1. */
uint32_t fixture_account(struct fixture *fixture, uint32_t thread, uint32_t domain, uint32_t stack);
/* Appends an event; returns its ordinal. For make_events, which must set duration_ns and make room for the events. */
uint64_t fixture_push(struct fixture *fixture, int64_t t_ns, struct cairn_event event);

/* The parts, in order; in random_rows.c. */
void fixture_make_code(struct fixture *fixture);
void fixture_make_stacks(struct fixture *fixture);
void fixture_make_processes(struct fixture *fixture);
void fixture_make_events(struct fixture *fixture);

#endif
