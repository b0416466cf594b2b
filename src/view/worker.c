#include "view/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* A superseded job may still finish within this time. */
#define GRACE_NS 150000000

struct cairn_worker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int descriptor;
    struct cairn_reader_options options;
    struct cairn_reader *reader; /* the worker's alone once it is open */
    enum cairn_status open_status;
    struct cairn_error open_error;

    /* Guarded by the lock. */
    bool opened, stopping;
    struct cairn_job *queue, *running, *done;
    int64_t busy_since_ns; /* 0: idle */
    uint64_t preferred;    /* owner; 0: nobody yet */

    /* Read by the running query without the lock: a late look costs a little time, nothing else. */
    atomic_bool cancel, superseded, stepping_back;
    _Atomic int64_t running_since_ns;
};

int64_t cairn_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool is_cancelled(void *state)
{
    struct cairn_worker *worker = state;
    if (atomic_load_explicit(&worker->cancel, memory_order_relaxed))
        return true;
    return (atomic_load_explicit(&worker->superseded, memory_order_relaxed) ||
            atomic_load_explicit(&worker->stepping_back, memory_order_relaxed)) &&
           cairn_clock_ns() - atomic_load_explicit(&worker->running_since_ns, memory_order_relaxed) >
               GRACE_NS;
}

static void append(struct cairn_job **list, struct cairn_job *job)
{
    while (*list != NULL)
        list = &(*list)->next;
    job->next = NULL;
    *list = job;
}

static bool is_aside(const struct cairn_worker *worker, const struct cairn_job *job)
{
    return worker->preferred != 0 && job->owner != worker->preferred && job->owner != CAIRN_WORKER_COMMON;
}

static bool comes_before(const struct cairn_worker *worker, const struct cairn_job *one,
                         const struct cairn_job *other)
{
    if (is_aside(worker, one) != is_aside(worker, other))
        return is_aside(worker, other);
    return one->class->rank < other->class->rank;
}

/* Takes the first of the lowest rank out of the queue, of those that are not aside while there are any. */
static struct cairn_job *pick(struct cairn_worker *worker)
{
    struct cairn_job **best = NULL;
    for (struct cairn_job **link = &worker->queue; *link != NULL; link = &(*link)->next)
        if (best == NULL || comes_before(worker, *link, *best))
            best = link;
    if (best == NULL)
        return NULL;
    struct cairn_job *job = *best;
    *best = job->next;
    return job;
}

static void notify(const struct cairn_worker *worker)
{
    const uint64_t one = 1;
    const ssize_t written = write(worker->descriptor, &one, sizeof(one));
    (void)written; /* the counter is full only when it is readable anyway */
}

/* A running recording is connected to once a job, not once for each of the thousand rows that it may look up. */
static enum cairn_status run_job(struct cairn_job *job, struct cairn_reader *reader)
{
    if (job->class->anew)
        return job->class->run(job, reader);
    struct cairn_trace *trace = cairn_reader_trace(reader), *other = cairn_reader_other(reader);
    enum cairn_status status = cairn_trace_hold(trace, &job->error);
    if (status != CAIRN_OK)
        return status;
    status = cairn_trace_hold(other, &job->error);
    if (status == CAIRN_OK) {
        status = job->class->run(job, reader);
        cairn_trace_unhold(other);
    }
    cairn_trace_unhold(trace);
    return status;
}

static void run_jobs(struct cairn_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    while (!worker->stopping) {
        struct cairn_job *job = pick(worker);
        if (job == NULL) {
            worker->busy_since_ns = 0;
            pthread_cond_wait(&worker->changed, &worker->lock);
            continue;
        }
        worker->running = job;
        atomic_store(&worker->cancel, false);
        atomic_store(&worker->superseded, false);
        atomic_store(&worker->stepping_back, false);
        atomic_store(&worker->running_since_ns, cairn_clock_ns());
        pthread_mutex_unlock(&worker->lock);
        job->status = run_job(job, worker->reader);
        pthread_mutex_lock(&worker->lock);
        worker->running = NULL;
        if (job->status == CAIRN_E_CANCELLED && atomic_load(&worker->stepping_back) &&
            !atomic_load(&worker->cancel) && !atomic_load(&worker->superseded)) {
            job->status = CAIRN_OK;
            append(&worker->queue, job);
            continue;
        }
        append(&worker->done, job);
        if (worker->queue == NULL)
            worker->busy_since_ns = 0;
        notify(worker);
    }
    pthread_mutex_unlock(&worker->lock);
}

static void *work(void *state)
{
    struct cairn_worker *worker = state;
    worker->open_status = cairn_reader_open(&worker->options, &worker->reader, &worker->open_error);
    pthread_mutex_lock(&worker->lock);
    worker->opened = true;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    if (worker->open_status == CAIRN_OK)
        run_jobs(worker);
    cairn_reader_close(worker->reader);
    return NULL;
}

/* Signals belong to the main thread. */
static int create_thread(struct cairn_worker *worker)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    const int failure = pthread_create(&worker->thread, NULL, work, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failure;
}

static void free_worker(struct cairn_worker *worker)
{
    close(worker->descriptor);
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->lock);
    free(worker);
}

enum cairn_status cairn_worker_start(const struct cairn_reader_options *options, struct cairn_worker **out,
                                     struct cairn_error *error)
{
    struct cairn_worker *worker = calloc(1, sizeof(*worker));
    if (worker == NULL)
        return cairn_fail(error, CAIRN_E_NOMEM, "memory ran out at start");
    worker->options = *options;
    worker->options.cancelled = is_cancelled;
    worker->options.cancelled_state = worker;
    worker->descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (worker->descriptor < 0) {
        free(worker);
        return cairn_fail_errno(error, "the viewer could not start its worker");
    }
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->changed, NULL);
    if (create_thread(worker) != 0) {
        free_worker(worker);
        return cairn_fail(error, CAIRN_E_SYSTEM, "the viewer could not start its worker thread");
    }
    pthread_mutex_lock(&worker->lock);
    while (!worker->opened)
        pthread_cond_wait(&worker->changed, &worker->lock);
    pthread_mutex_unlock(&worker->lock);
    if (worker->open_status != CAIRN_OK) {
        const enum cairn_status status = worker->open_status;
        if (error != NULL)
            *error = worker->open_error;
        pthread_join(worker->thread, NULL);
        free_worker(worker);
        return status;
    }
    *out = worker;
    return CAIRN_OK;
}

static void release_list(struct cairn_job *list)
{
    while (list != NULL) {
        struct cairn_job *next = list->next;
        list->class->release(list);
        list = next;
    }
}

void cairn_worker_stop(struct cairn_worker *worker)
{
    if (worker == NULL)
        return;
    pthread_mutex_lock(&worker->lock);
    worker->stopping = true;
    atomic_store(&worker->cancel, true);
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    pthread_join(worker->thread, NULL);
    release_list(worker->queue);
    release_list(worker->done);
    free_worker(worker);
}

/* Takes waiting jobs of that owner (and slot, unless `any_slot`) out of the queue; the caller releases them. */
static struct cairn_job *take_waiting(struct cairn_worker *worker, uint64_t owner, unsigned slot,
                                      bool any_slot)
{
    struct cairn_job *taken = NULL;
    struct cairn_job **link = &worker->queue;
    while (*link != NULL) {
        struct cairn_job *job = *link;
        if (job->owner == owner && (any_slot || job->slot == slot)) {
            *link = job->next;
            append(&taken, job);
        } else {
            link = &job->next;
        }
    }
    return taken;
}

void cairn_worker_post(struct cairn_worker *worker, struct cairn_job *job)
{
    pthread_mutex_lock(&worker->lock);
    struct cairn_job *replaced = take_waiting(worker, job->owner, job->slot, false);
    const struct cairn_job *running = worker->running;
    if (running != NULL && running->owner == job->owner && running->slot == job->slot)
        atomic_store(&worker->superseded, true);
    else if (running != NULL && running->class->again && is_aside(worker, running) &&
             job->owner == worker->preferred)
        atomic_store(&worker->stepping_back, true);
    append(&worker->queue, job);
    if (worker->busy_since_ns == 0)
        worker->busy_since_ns = cairn_clock_ns();
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    release_list(replaced);
}

struct cairn_job *cairn_worker_take(struct cairn_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    struct cairn_job *job = worker->done;
    if (job != NULL)
        worker->done = job->next;
    if (worker->done == NULL) {
        uint64_t count;
        const ssize_t got = read(worker->descriptor, &count, sizeof(count));
        (void)got;
    }
    pthread_mutex_unlock(&worker->lock);
    return job;
}

int cairn_worker_descriptor(const struct cairn_worker *worker)
{
    return worker->descriptor;
}

bool cairn_worker_busy(struct cairn_worker *worker, int64_t *since_ns)
{
    pthread_mutex_lock(&worker->lock);
    const bool busy = worker->queue != NULL || worker->running != NULL || worker->done != NULL;
    *since_ns = worker->busy_since_ns;
    pthread_mutex_unlock(&worker->lock);
    return busy;
}

bool cairn_worker_cancel(struct cairn_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    struct cairn_job *dropped = worker->queue;
    worker->queue = NULL;
    const bool any = dropped != NULL || worker->running != NULL;
    if (worker->running != NULL)
        atomic_store(&worker->cancel, true);
    pthread_mutex_unlock(&worker->lock);
    release_list(dropped);
    return any;
}

void cairn_worker_prefer(struct cairn_worker *worker, uint64_t owner)
{
    pthread_mutex_lock(&worker->lock);
    worker->preferred = owner;
    pthread_mutex_unlock(&worker->lock);
}

void cairn_worker_forget(struct cairn_worker *worker, uint64_t owner)
{
    pthread_mutex_lock(&worker->lock);
    struct cairn_job *dropped = take_waiting(worker, owner, 0, true);
    if (worker->running != NULL && worker->running->owner == owner)
        atomic_store(&worker->cancel, true);
    pthread_mutex_unlock(&worker->lock);
    release_list(dropped);
}
