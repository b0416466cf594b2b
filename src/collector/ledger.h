/* The books of a recording: pairs allocations with their frees and turns what the rings said, in order, into the events
 * of the trace. Knows processes, threads and accounts by their numbers only.
 *
 * Inherited blocks: a forked child has its parent's live map, but those blocks are the parent's in every sum. What
 * the child frees of them is no event. When the process that answers for a block ends, the oldest living process that
 * still holds it adopts it. Nothing is counted twice.
 *
 * The last process has no END event: the state after all events is what was live when the recording ended. */
#ifndef CAIRN_COLLECTOR_LEDGER_H
#define CAIRN_COLLECTOR_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/live_map.h"
#include "collector/pipeline.h"
#include "collector/places.h"
#include "collector/ranges.h"
#include "collector/table.h"

/* A process as the ledger sees it. Owned by the ledger. */
struct cairn_ledger_process {
    uint32_t number;
    uint32_t thread; /* its first thread: what it adopts is charged there */
    bool ended;
    struct cairn_live_map *live;
    struct cairn_ranges *ranges;
    uint64_t program_break; /* 0: not seen yet */
    uint64_t lineage;       /* number of the process it was forked from; 0: none */
    int64_t traced_bytes, traced_peak_bytes;
};

/* Reallocs of a thread that nest: a signal handler's inside the program's. Of more, the outermost one is taken for one that a
 * longjmp left behind. */
#define CAIRN_LEDGER_PENDING_MAX 4u

/* A thread. Owned by the caller, zeroed when it begins. */
struct cairn_ledger_thread {
    uint32_t number;
    uint64_t last_birth_1; /* ordinal + 1 of its last allocation, 0: none */
    uint32_t reallocating; /* reallocs between begin and end, outermost first in `pending` */
    struct cairn_ledger_pending {
        bool known; /* the old block was found and is held here */
        struct cairn_live_block block;
        uint64_t unknown_stamp; /* where it is not `known`: when it was counted as such, 0: it was not */
    } pending[CAIRN_LEDGER_PENDING_MAX];
};

/* Live blocks and mappings as they were at a fork. */
struct cairn_ledger_image {
    struct cairn_live_map *live;
    struct cairn_ranges *ranges;
    uint64_t program_break;
    int64_t traced_bytes;
    uint32_t parent;
};

/* When something happened: the stamp orders, the time is stored. */
struct cairn_ledger_time {
    uint64_t stamp, us;
};

struct cairn_ledger_counts {
    uint64_t unknown_frees; /* of blocks from before the recording */
    uint64_t lost_frees;    /* found by an allocation at a live address, and not told of later */
    uint64_t unstored;      /* allocations that there was no memory to keep */
};

struct cairn_ledger;

/* Starts with an empty chunk. NULL when memory ran out. */
struct cairn_ledger *cairn_ledger_new(struct cairn_pipeline *pipeline, struct cairn_places *places);
void cairn_ledger_free(struct cairn_ledger *ledger);

/* A new process with nothing, or with the image of its parent (taken over). NULL when memory ran out. */
struct cairn_ledger_process *cairn_ledger_process_new(struct cairn_ledger *ledger, uint32_t number,
                                                      struct cairn_ledger_image *image);
/* What a child forked now will inherit; free it unless process_new takes it. False when memory ran out, or the parent has ended. */
bool cairn_ledger_fork(struct cairn_ledger *ledger, struct cairn_ledger_process *parent,
                       struct cairn_ledger_image *image);
/* A process made by process_new(…, NULL) that nothing happened to yet gets its parent's image (taken over). */
void cairn_ledger_inherit(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                          struct cairn_ledger_image *image);
/* Its first thread; call it before anything else happens in the process. */
void cairn_ledger_first_thread(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                               uint32_t thread, uint64_t time_us);
void cairn_ledger_image_free(struct cairn_ledger_image *image);
/* Its memory is gone. The event follows as soon as anything else happens: until then, the state is what was live when it ended. */
void cairn_ledger_process_end(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                              uint64_t time_us);
/* When the first of those that wait for it ended; UINT64_MAX: none waits. */
uint64_t cairn_ledger_waiting_end_us(const struct cairn_ledger *ledger);
/* Something else is seen of that moment, which is no event of the ledger's: what ended before it has its event first. */
void cairn_ledger_settle_ends(struct cairn_ledger *ledger, uint64_t time_us);

/* The account of a thread, domain and stack, made when it is new; 0 when memory ran out. */
uint32_t cairn_ledger_account(struct cairn_ledger *ledger, uint32_t process, uint32_t thread, uint8_t domain,
                              uint32_t stack);

enum cairn_ledger_free_flags {
    CAIRN_LEDGER_MAYBE = 1u << 0, /* an unknown block is none of ours, not a free that went wrong */
    CAIRN_LEDGER_LATER =
        1u << 1, /* the thread has made blocks since its last one here, which are not recorded */
};

/* Blocks. `account` as above (0: the event is dropped and counted); `flags` are of cairn_ledger_free_flags. */
void cairn_ledger_alloc(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                        struct cairn_ledger_thread *thread, struct cairn_ledger_time when, uint32_t account,
                        uint64_t address, uint64_t size, uint8_t domain);
void cairn_ledger_free_block(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                             struct cairn_ledger_thread *thread, struct cairn_ledger_time when,
                             uint64_t address, uint8_t domain, uint8_t flags);
void cairn_ledger_realloc_begin(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                                struct cairn_ledger_thread *thread, struct cairn_ledger_time when,
                                uint64_t address, uint8_t domain);
void cairn_ledger_realloc_end(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                              struct cairn_ledger_thread *thread, struct cairn_ledger_time when,
                              uint32_t account, uint64_t address, uint64_t size, uint8_t domain);
/* Both at once: nobody else could have the old address in between. */
void cairn_ledger_realloc(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                          struct cairn_ledger_thread *thread, struct cairn_ledger_time when, uint32_t account,
                          uint64_t old_address, uint64_t address, uint64_t size, uint8_t domain);
/* What it made of the old block is not recorded. */
void cairn_ledger_realloc_gone(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                               struct cairn_ledger_thread *thread, struct cairn_ledger_time when);
/* What it made of a block that is not recorded, or is another process's. */
void cairn_ledger_realloc_alone(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                                struct cairn_ledger_thread *thread, struct cairn_ledger_time when,
                                uint32_t account, uint64_t address, uint64_t size, uint8_t domain);
/* It failed, or its thread is gone: the old block stays. */
void cairn_ledger_realloc_cancel(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                                 struct cairn_ledger_thread *thread);

/* Address space. */
void cairn_ledger_map(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                      struct cairn_ledger_time when, uint32_t account, uint64_t start, uint64_t length);
void cairn_ledger_unmap(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                        struct cairn_ledger_time when, uint64_t start, uint64_t length);
void cairn_ledger_remap(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                        struct cairn_ledger_time when, uint32_t account, uint64_t old_start,
                        uint64_t old_length, uint64_t new_start, uint64_t new_length);
void cairn_ledger_break(struct cairn_ledger *ledger, struct cairn_ledger_process *process,
                        struct cairn_ledger_time when, uint32_t account, uint64_t new_break);

/* New places and accounts: their names and sites can be looked up. */
void cairn_ledger_send_new(struct cairn_ledger *ledger);
/* The same, then all events so far, go to the chunker. `may_seal`: a chunk that has been written out in
 * part again and again may end early. */
void cairn_ledger_send(struct cairn_ledger *ledger, bool may_seal);
/* A message of the caller's, behind everything so far. Takes `message`; NULL is ignored. */
void cairn_ledger_post(struct cairn_ledger *ledger, struct cairn_message *message);

uint64_t cairn_ledger_position(const struct cairn_ledger *ledger);
const struct cairn_ledger_counts *cairn_ledger_counts(const struct cairn_ledger *ledger);
/* Memory ran out on the way to the chunker: what is there is right, nothing more comes. */
bool cairn_ledger_failed(const struct cairn_ledger *ledger);
size_t cairn_ledger_live_bytes_held(const struct cairn_ledger *ledger);

#endif
