/* The thread that asks the trace, so that the input loop never waits.
 *
 *     main thread: cairn_worker_post() ──► queue ──► worker thread: class->run()
 *                  cairn_worker_take() ◄── done  ◄── (an eventfd says so)
 *
 * A job replaces a waiting one with the same owner and slot: only the newest question counts. One that already runs
 * may finish when it is quick (holding a key down must show something) and is cancelled when it is not. What the shown screen
 * asks does not wait for what another one asked before. */
#ifndef CAIRN_VIEW_WORKER_H
#define CAIRN_VIEW_WORKER_H

#include "view/reader.h"

struct cairn_worker;
struct cairn_job;

#define CAIRN_WORKER_COMMON 1 /* owner of what no screen asked */

struct cairn_job_class {
    unsigned rank; /* lower ones run first */
    bool again;    /* may be stopped and run once more: a run that fails leaves nothing in the job */
    bool anew;     /* it looks for news of the traces itself; the others read what one connection shows */
    /* On the worker's thread. What it returns becomes job->status. */
    enum cairn_status (*run)(struct cairn_job *job, struct cairn_reader *reader);
    /* On the main thread, also when it failed or was cancelled. `receiver` is the owner. */
    void (*deliver)(struct cairn_job *job, void *receiver);
    /* Frees the job. Always called, whether it ran or not. */
    void (*release)(struct cairn_job *job);
};

/* The head of every job; the answer stands behind it. */
struct cairn_job {
    const struct cairn_job_class *class;
    struct cairn_inquiry question;
    uint64_t owner;
    unsigned slot;
    uint64_t revision; /* of the question: the owner's business */
    enum cairn_status status;
    struct cairn_error error;
    struct cairn_job *next;
};

/* Starts the thread and waits until the traces are open: their error is returned here. The options' `cancelled` is
 * set by the worker. */
CAIRN_MUST_CHECK enum cairn_status cairn_worker_start(const struct cairn_reader_options *options,
                                                      struct cairn_worker **worker,
                                                      struct cairn_error *error);
/* Cancels what runs, drops the rest, ends the thread. */
void cairn_worker_stop(struct cairn_worker *worker);

/* Takes ownership of the job. */
void cairn_worker_post(struct cairn_worker *worker, struct cairn_job *job);
/* The next finished job (the caller delivers and releases it), or NULL. */
struct cairn_job *cairn_worker_take(struct cairn_worker *worker);
/* Readable when something was finished. */
int cairn_worker_descriptor(const struct cairn_worker *worker);
/* Whether anything runs or waits; `since_ns` (CLOCK_MONOTONIC) is when the work began. */
bool cairn_worker_busy(struct cairn_worker *worker, int64_t *since_ns);
/* Cancels what runs and drops what waits; returns whether there was anything. */
bool cairn_worker_cancel(struct cairn_worker *worker);
/* Whose screen is shown: its jobs and those of no screen run before any other's, and one that runs steps back for them. */
void cairn_worker_prefer(struct cairn_worker *worker, uint64_t owner);
/* Forgets what an owner asked. */
void cairn_worker_forget(struct cairn_worker *worker, uint64_t owner);

int64_t cairn_clock_ns(void);

#endif
