/* Rows on their way to the trace: a list that one thread fills and the thread that owns the writer carries out, in
 * order. Texts and arrays are copied into the batch. */
#ifndef CAIRN_COLLECTOR_BATCH_H
#define CAIRN_COLLECTOR_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "graph/build.h"
#include "graph/input.h"
#include "trace/rows.h"

enum cairn_batch_kind {
    CAIRN_BATCH_RECORDING,
    CAIRN_BATCH_PROCESS,
    CAIRN_BATCH_THREAD,
    CAIRN_BATCH_NOTE,
    CAIRN_BATCH_MODULE,
    CAIRN_BATCH_SOURCE_FILE,
    CAIRN_BATCH_FUNCTION,
    CAIRN_BATCH_FRAME,
    CAIRN_BATCH_PYTHON_FRAME, /* for the symboliser, who makes the rows of it */
    CAIRN_BATCH_STACK,
    CAIRN_BATCH_ACCOUNT,
    CAIRN_BATCH_ACCOUNT_STACKS, /* for the symboliser, who tells their sites */
    CAIRN_BATCH_ACCOUNT_SITE,
    CAIRN_BATCH_CHUNK,
    CAIRN_BATCH_KEYFRAME,
    CAIRN_BATCH_SNAPSHOT,
    CAIRN_BATCH_DROP_SNAPSHOT,
    CAIRN_BATCH_TIMELINE,
    CAIRN_BATCH_DROP_TIMELINE,
    CAIRN_BATCH_RESIDENCY,
    CAIRN_BATCH_SOURCE,
    CAIRN_BATCH_GRAPH,
    CAIRN_BATCH_COMMIT,
};

struct cairn_batch_chunk {
    struct cairn_chunk row;
    struct cairn_buffer data, delta; /* owned */
    bool sealed;                     /* no later row replaces it */
};

struct cairn_batch_keyframe {
    uint32_t chunk;
    struct cairn_buffer data; /* owned */
};

struct cairn_batch_account {
    struct cairn_account row;
    struct cairn_buffer histogram; /* owned; data NULL: leave what is there */
};

/* The stacks of accounts with numbers from `first` on. */
struct cairn_batch_account_stacks {
    uint32_t first;
    uint32_t *stacks; /* in the batch's arena */
    size_t count;
};

struct cairn_batch_account_site {
    uint32_t account, frame;
};

struct cairn_batch_python_frame {
    uint32_t frame;
    const char *name, *file;
    int64_t line; /* 0: none */
};

struct cairn_batch_snapshot {
    struct cairn_snapshot row;
    struct cairn_snapshot_site *sites; /* in the batch's arena */
    size_t site_count;
};

struct cairn_batch_timeline {
    uint32_t level;
    int64_t before_t_ns; /* DROP_TIMELINE */
    struct cairn_timeline_point point;
};

/* A graph ready to be written, with the captured strings it borrows. On the heap. */
struct cairn_graph_parcel {
    struct cairn_graph_input input;
    struct cairn_graph_built *built;
};

/* Tolerates NULL. */
void cairn_graph_parcel_free(struct cairn_graph_parcel *parcel);

struct cairn_batch_entry {
    struct cairn_batch_entry *next;
    enum cairn_batch_kind kind;
    union {
        struct cairn_recording recording;
        struct cairn_process process;
        struct cairn_thread thread;
        struct cairn_note note;
        struct cairn_module module;
        struct cairn_source_file source_file;
        struct cairn_function function;
        struct cairn_frame frame;
        struct cairn_batch_python_frame python_frame;
        struct cairn_stack_row stack;
        struct cairn_batch_account account;
        struct cairn_batch_account_stacks account_stacks;
        struct cairn_batch_account_site account_site;
        struct cairn_batch_chunk chunk;
        struct cairn_batch_keyframe keyframe;
        struct cairn_batch_snapshot snapshot;
        uint32_t dropped_snapshot;
        struct cairn_batch_timeline timeline;
        struct cairn_residency residency;
        struct cairn_source_line source;
        struct cairn_graph_parcel *graph; /* owned */
    } of;                                 /* only as much of it as `kind` needs is allocated */
};

struct cairn_batch {
    struct cairn_arena arena;
    struct cairn_batch_entry *first, *last;
    bool failed;                  /* memory ran out: an entry is missing */
    bool resolved;                /* the symboliser's own rows: it need not see them again */
    void (*written)(void *state); /* called when the batch has been carried out; may be NULL */
    void *written_state;
};

/* NULL when memory ran out. */
struct cairn_batch *cairn_batch_new(void);
/* Tolerates NULL. */
void cairn_batch_free(struct cairn_batch *batch);

void cairn_batch_recording(struct cairn_batch *batch, const struct cairn_recording *row);
void cairn_batch_process(struct cairn_batch *batch, const struct cairn_process *row);
void cairn_batch_thread(struct cairn_batch *batch, const struct cairn_thread *row);
void cairn_batch_note(struct cairn_batch *batch, uint32_t process, int64_t t_ns, const char *text);
void cairn_batch_module(struct cairn_batch *batch, const struct cairn_module *row);
void cairn_batch_source_file(struct cairn_batch *batch, const struct cairn_source_file *row);
void cairn_batch_function(struct cairn_batch *batch, const struct cairn_function *row);
void cairn_batch_frame(struct cairn_batch *batch, const struct cairn_frame *row);
void cairn_batch_python_frame(struct cairn_batch *batch, uint32_t frame, const char *name, const char *file,
                              int64_t line);
void cairn_batch_stack(struct cairn_batch *batch, const struct cairn_stack_row *row);
/* These take the buffers' contents over and leave them empty. */
void cairn_batch_account(struct cairn_batch *batch, const struct cairn_account *row,
                         struct cairn_buffer *histogram);
void cairn_batch_chunk(struct cairn_batch *batch, const struct cairn_chunk *row, struct cairn_buffer *data,
                       struct cairn_buffer *delta, bool sealed);
void cairn_batch_keyframe(struct cairn_batch *batch, uint32_t chunk, struct cairn_buffer *data);
/* Room for the stacks of `count` accounts, for the caller to fill; NULL when memory ran out. */
uint32_t *cairn_batch_account_stacks(struct cairn_batch *batch, uint32_t first, size_t count);
/* The account has its row already. */
void cairn_batch_account_site(struct cairn_batch *batch, uint32_t account, uint32_t frame);
/* Room for `site_count` sites, for the caller to fill; NULL when memory ran out or there are none. */
struct cairn_snapshot_site *cairn_batch_snapshot(struct cairn_batch *batch, const struct cairn_snapshot *row,
                                                 size_t site_count);
void cairn_batch_drop_snapshot(struct cairn_batch *batch, uint32_t snapshot);
void cairn_batch_timeline(struct cairn_batch *batch, uint32_t level,
                          const struct cairn_timeline_point *point);
void cairn_batch_drop_timeline(struct cairn_batch *batch, uint32_t level, int64_t before_t_ns);
void cairn_batch_residency(struct cairn_batch *batch, const struct cairn_residency *row);
void cairn_batch_source(struct cairn_batch *batch, const struct cairn_source_line *row, size_t length);
/* Takes the parcel over, in every case. */
void cairn_batch_graph(struct cairn_batch *batch, struct cairn_graph_parcel *parcel);
/* Everything before this point of the queue may be shown to readers. */
void cairn_batch_commit(struct cairn_batch *batch);

#endif
