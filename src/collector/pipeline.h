/* The way from the thread that orders events to the file: messages to the chunker's thread, batches of rows from there
 * to the store's. Both queues are bounded, and so are the buffers that events are collected in. */
#ifndef CAIRN_COLLECTOR_PIPELINE_H
#define CAIRN_COLLECTOR_PIPELINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/aggregate.h"
#include "collector/batch.h"
#include "collector/queue.h"
#include "collector/timeline.h"

#define CAIRN_PIPELINE_BUFFERS  6u /* chunks between ordering and encoding */
#define CAIRN_PIPELINE_MESSAGES 256u
#define CAIRN_PIPELINE_BATCHES  64u

/* Events of one chunk. The ordering thread appends, the chunker reads what it was told of; the queue's lock lies between
 * the two. */
struct cairn_chunk_buffer {
    struct cairn_event events[CAIRN_CHUNK_EVENTS];
    uint8_t lifetimes[CAIRN_CHUNK_EVENTS]; /* bucket of the block that the event ends */
};

enum cairn_message_kind {
    CAIRN_MESSAGE_ACCOUNTS, /* new ones */
    CAIRN_MESSAGE_EVENTS,
    CAIRN_MESSAGE_ROWS,    /* to be passed on as they are */
    CAIRN_MESSAGE_PROCESS, /* a new or changed process */
    CAIRN_MESSAGE_SNAPSHOT,
    CAIRN_MESSAGE_MEMORY,
    CAIRN_MESSAGE_SITES,
    CAIRN_MESSAGE_TIME, /* no event before t_ns will come */
    CAIRN_MESSAGE_COMMIT,
    CAIRN_MESSAGE_FINISH, /* the last one */
};

/* Which frame an account is charged to. */
struct cairn_account_site {
    uint32_t account, frame;
};

/* Owned by whoever holds it; `list` and `rows` are freed by the receiver. */
struct cairn_message {
    enum cairn_message_kind kind;
    int64_t t_ns;
    union {
        struct {
            struct cairn_account_identity *list;
            size_t count;
        } accounts;
        struct {
            struct cairn_chunk_buffer *buffer;
            uint32_t count; /* so many of it are there now */
            bool sealed;    /* no more will be: the buffer goes back to the pool */
        } events;
        struct cairn_batch *rows;
        struct cairn_process process; /* texts live as long as the pipeline; peak and end are the chunker's */
        struct {
            const char *kind; /* static */
            char name[256];   /* empty: none */
            uint32_t process;
        } snapshot;
        struct cairn_timeline_memory memory;
        struct {
            struct cairn_account_site *list;
            size_t count;
        } sites;
        struct {
            struct cairn_recording row; /* sums are the chunker's; texts as above */
            bool everything;            /* all rows, not only what changed much */
        } commit;
    } of;
};

struct cairn_pipeline {
    struct cairn_queue messages; /* struct cairn_message * */
    struct cairn_queue batches;  /* struct cairn_batch * */
    struct cairn_queue buffers;  /* free chunk buffers */
    struct cairn_chunk_buffer *memory;
    int64_t sample_bytes; /* of the recording; set before the stages start */
};

bool cairn_pipeline_init(struct cairn_pipeline *pipeline);
/* Both threads must have ended. */
void cairn_pipeline_release(struct cairn_pipeline *pipeline);
/* Called by a stage's thread first thing. Stages have buffers before them, the recorded program has not: where both want a processor,
 * it comes first, so that they take what it and the ordering thread leave (some 5 % of a busy program's time on two processors). */
void cairn_pipeline_enter_stage(const char *thread_name);
/* A zeroed message of that kind; NULL when memory ran out. */
struct cairn_message *cairn_message_new(enum cairn_message_kind kind, int64_t t_ns);
void cairn_message_free(struct cairn_message *message);

#endif
