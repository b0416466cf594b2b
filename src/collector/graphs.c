#include "collector/graphs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "collector/graph_job.h"
#include "collector/recorder.h"

#define GRAPHS_MAX      65536u
#define RUNNING_MAX     2u /* graphs at a time: each needs a few hundred bytes an object */
#define STREAM_SECONDS  70 /* an image ends by itself after 60 */
#define STREAM_WAIT_NS  5000000000ll
#define STAND_WITHIN_NS 500000000ll /* what a program that stands told before is known by then */
#define THREAD_NAME     "cairn graph"
#define HOLDER_NAME     "cairn hold"

static struct cairn_graph_job *find_job(const struct cairn_recorder *recorder, uint32_t process,
                                        uint32_t serial)
{
    struct cairn_graph_job *job = recorder->graphs;
    while (job && (job->process != process || job->serial != serial)) {
        job = job->next;
    }
    return job;
}

/* NULL when there are too many or memory ran out. */
static struct cairn_graph_job *add_job(struct cairn_recorder *recorder, uint32_t process, uint32_t serial)
{
    const bool possible =
        process >= 1 && process <= recorder->target_count && recorder->graph_jobs < GRAPHS_MAX;
    struct cairn_graph_job *job = possible ? calloc(1, sizeof *job) : NULL;
    if (job) {
        *job = (struct cairn_graph_job){.next = recorder->graphs,
                                        .recorder = recorder,
                                        .process = process,
                                        .serial = serial,
                                        .fd = -1,
                                        .held_by_us = &recorder->targets[process - 1]->held_by_us,
                                        .pause_ns = CAIRN_GRAPH_PAUSE_UNKNOWN};
        recorder->graphs = job;
        recorder->graph_jobs++;
    }
    return job;
}

static struct cairn_graph_job *need_job(struct cairn_recorder *recorder, uint32_t process, uint32_t serial)
{
    struct cairn_graph_job *job = find_job(recorder, process, serial);
    return job ? job : add_job(recorder, process, serial);
}

/* The live blocks of now are those of the graph. */
static bool take_moment(struct cairn_recorder *recorder, struct cairn_graph_job *job,
                        struct cairn_target *target, int64_t t_ns)
{
    job->t_ns = t_ns;
    if (!cairn_ledger_fork(recorder->ledger, target->ledger, &job->image)) {
        return false;
    }
    job->order = ++recorder->graph_moments;
    target->graph_ns = t_ns;
    if (target->graph_bytes < target->ledger->traced_bytes) {
        target->graph_bytes = target->ledger->traced_bytes;
    }
    if (!job->name || strcmp(job->name, "exit") != 0) {
        cairn_recorder_snapshot(recorder, "graph", job->name, target->number, t_ns);
    }
    return true;
}

void cairn_graphs_moment(struct cairn_recorder *recorder, struct cairn_target *target, uint64_t numbers,
                         const char *name, int64_t t_ns)
{
    struct cairn_graph_job *job = need_job(recorder, target->number, (uint32_t)numbers);
    if (!job || job->order) {
        return;
    }
    job->ask = cairn_graph_ask_take(recorder, target->number, (uint32_t)(numbers >> 32));
    name = job->ask ? job->ask->name : name[0] ? name : NULL;
    job->name = name ? strdup(name) : NULL;
    (void)take_moment(recorder, job, target, t_ns);
}

void cairn_graphs_pause(struct cairn_recorder *recorder, const struct cairn_target *target, uint64_t numbers)
{
    struct cairn_graph_job *job =
        find_job(recorder, target->number, (uint32_t)numbers & ~CAIRN_GRAPH_WITHOUT_IMAGE);
    if (!job) {
        return;
    }
    atomic_store_explicit(&job->pause_ns, (int64_t)(numbers >> 32) * 1000, memory_order_relaxed);
    if (job->ask) {
        cairn_graph_ask_goes_on(recorder, job->ask);
    }
    if ((numbers & CAIRN_GRAPH_WITHOUT_IMAGE) && job->state == CAIRN_GRAPH_WAITING) {
        job->state = CAIRN_GRAPH_OVER;
    }
}

/* A thread of the graph reads what follows, and nobody else. It is watched if its request came late. */
static int keep_connection(const struct cairn_recorder *recorder, struct cairn_session_call *call)
{
    const int fd = call->fd;
    const struct timeval patience = {.tv_sec = STREAM_SECONDS};
    epoll_ctl(recorder->epoll, EPOLL_CTL_DEL, fd, NULL);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    call->fd = -1;
    return fd;
}

void cairn_graphs_stream(struct cairn_recorder *recorder, struct cairn_session_call *call)
{
    struct cairn_graph_job *job =
        need_job(recorder, call->request.process, (uint32_t)call->request.fork_serial);
    if (!job || job->fd >= 0 || job->state != CAIRN_GRAPH_WAITING) {
        close(call->fd);
        return;
    }
    if (call->request.verb == CAIRN_SESSION_GRAPH_IMAGE) {
        job->still = call->pid;
        memcpy(&job->threads, call->request.name, sizeof job->threads);
    }
    job->fd = keep_connection(recorder, call);
}

void cairn_graphs_hold(struct cairn_recorder *recorder, struct cairn_session_call *call)
{
    const struct cairn_session_request *request = &call->request;
    struct cairn_graph_job *job = need_job(recorder, request->process, (uint32_t)request->fork_serial);
    if (!job || job->holding || job->fd >= 0 || job->state != CAIRN_GRAPH_WAITING) {
        cairn_session_answer(call, CAIRN_SESSION_REFUSED, 0, -1);
        return;
    }
    job->hold_pid = call->pid;
    job->hold_asking = cairn_thread_of_namespace(call->pid, request->tid);
    job->hold_gentle = request->reason == 0;
    job->hold_fd = keep_connection(recorder, call);
    job->holding = job->hold_asking != 0 && pthread_create(&job->holder, NULL, cairn_graph_holder, job) == 0;
    if (job->holding) {
        pthread_setname_np(job->holder, HOLDER_NAME);
    } else {
        close(job->hold_fd);
    }
}

static bool start(struct cairn_recorder *recorder, struct cairn_graph_job *job)
{
    job->number = ++recorder->next_graph;
    if (pthread_create(&job->thread, NULL, cairn_graph_thread, job) != 0) {
        recorder->next_graph--;
        return false;
    }
    pthread_setname_np(job->thread, THREAD_NAME);
    job->state = CAIRN_GRAPH_RUNNING;
    return true;
}

bool cairn_graphs_in_place(struct cairn_recorder *recorder, struct cairn_target *target,
                           struct cairn_graph_ask *ask, int64_t now_ns)
{
    struct cairn_graph_job *job = add_job(recorder, target->number, 0);
    if (!job) {
        return false;
    }
    job->ask = ask;
    job->name = ask->name ? strdup(ask->name) : NULL;
    job->still = target->pid;
    job->in_place = true;
    job->since_ns = now_ns;
    if (!start(recorder, job)) {
        job->ask = NULL;
        job->state = CAIRN_GRAPH_OVER;
        return false;
    }
    return true;
}

/* Whether all that a target told is known, when it stands still. */
static bool is_heard_out(const struct cairn_target *target)
{
    for (size_t i = 0; i < target->source_count; i++) {
        const struct cairn_ring_reader *reader = &target->sources[i].reader;
        if (atomic_load_explicit(&reader->control->inside, memory_order_acquire) != 0 ||
            !cairn_ring_reader_is_empty(reader)) {
            return false;
        }
    }
    return true;
}

/* A program that is held for a look at it: it gets its moment once everything before is merged. */
static void tend_in_place(struct cairn_recorder *recorder, struct cairn_graph_job *job, int64_t now_ns)
{
    struct cairn_target *target = recorder->targets[job->process - 1];
    if (job->order || !atomic_load_explicit(&job->stands, memory_order_acquire)) {
        return;
    }
    cairn_recorder_drain(recorder);
    if (target->state == CAIRN_TARGET_ALIVE && is_heard_out(target)) {
        if (take_moment(recorder, job, target, now_ns)) {
            cairn_graph_ask_withdraw(target);
            atomic_store_explicit(&job->has_moment, true, memory_order_release);
        }
    }
    if (!job->order && (target->state != CAIRN_TARGET_ALIVE || now_ns - job->since_ns > STAND_WITHIN_NS)) {
        atomic_store_explicit(&job->abandoned, true, memory_order_relaxed);
    }
}

static void note_outcome(struct cairn_recorder *recorder, const struct cairn_graph_job *job)
{
    if (job->failed) {
        cairn_recorder_note(recorder, job->process, "%s", job->error.message);
        return;
    }
    if (job->whole_stacks > 0) {
        cairn_recorder_note(recorder, job->process,
                            "object graph %u: the stacks of %u other threads count from end to end, and "
                            "pointers that only their registers held are not seen",
                            job->number, job->whole_stacks);
    }
    if (job->in_place) {
        cairn_recorder_note(recorder, job->process,
                            "object graph %u: the program did nothing when it was asked for it, and was "
                            "held still while it was looked at",
                            job->number);
    }
}

static void end_job(struct cairn_recorder *recorder, struct cairn_graph_job *job)
{
    if (job->in_place && job->failed && job->ask) {
        job->ask->taken = false; /* it may still answer by itself */
        job->ask = NULL;
    } else {
        note_outcome(recorder, job);
    }
    if (job->ask) {
        cairn_graph_ask_finish(recorder, job->ask, job->failed ? 0 : job->number);
    }
    if (job->holding) {
        shutdown(job->hold_fd, SHUT_RDWR);
        pthread_join(job->holder, NULL);
        close(job->hold_fd);
    }
    cairn_held_threads_free(&job->held);
    cairn_ledger_image_free(&job->image);
    free(job->name);
    free(job);
}

static void fail(struct cairn_graph_job *job, enum cairn_status status, const char *why)
{
    job->failed = true;
    (void)cairn_fail(&job->error, status, "an object graph was left out: %s", why);
    job->state = CAIRN_GRAPH_OVER;
}

/* The waiting one with the first moment, if its stream is there. */
static struct cairn_graph_job *next_to_start(const struct cairn_recorder *recorder)
{
    struct cairn_graph_job *first = NULL;
    for (struct cairn_graph_job *job = recorder->graphs; job; job = job->next) {
        if (job->state == CAIRN_GRAPH_WAITING && job->order && (!first || job->order < first->order)) {
            first = job;
        }
    }
    return first && first->fd >= 0 ? first : NULL;
}

static void tend_job(struct cairn_recorder *recorder, struct cairn_graph_job *job, int64_t now_ns)
{
    if (job->state == CAIRN_GRAPH_RUNNING) {
        if (job->in_place) {
            tend_in_place(recorder, job, now_ns);
        }
        if (job->image.live && atomic_load_explicit(&job->image_done, memory_order_acquire)) {
            cairn_ledger_image_free(&job->image);
        }
        if (atomic_load_explicit(&job->finished, memory_order_acquire)) {
            pthread_join(job->thread, NULL);
            job->state = CAIRN_GRAPH_OVER;
        } else if (recorder->targets[job->process - 1]->state == CAIRN_TARGET_DONE) {
            /* No word about its pause will come. */
            atomic_store_explicit(&job->abandoned, true, memory_order_relaxed);
        }
    } else if (job->state == CAIRN_GRAPH_WAITING && job->order && job->fd < 0 &&
               now_ns - job->t_ns > STREAM_WAIT_NS) {
        fail(job, CAIRN_E_IO, "its image never reported");
    }
}

void cairn_graphs_tend(struct cairn_recorder *recorder, int64_t now_ns)
{
    uint32_t running = 0;
    cairn_graph_asking_tend(recorder, now_ns);
    for (struct cairn_graph_job **at = &recorder->graphs; *at;) {
        struct cairn_graph_job *job = *at;
        tend_job(recorder, job, now_ns);
        running += job->state == CAIRN_GRAPH_RUNNING;
        if (job->state == CAIRN_GRAPH_OVER) {
            *at = job->next;
            end_job(recorder, job);
        } else {
            at = &job->next;
        }
    }
    struct cairn_graph_job *job;
    while (running < RUNNING_MAX && (job = next_to_start(recorder))) {
        if (!start(recorder, job)) {
            close(job->fd);
            fail(job, CAIRN_E_SYSTEM, "no thread for it");
        }
        running++;
    }
}

bool cairn_graphs_expected(const struct cairn_recorder *recorder)
{
    for (const struct cairn_graph_job *job = recorder->graphs; job; job = job->next) {
        if (job->state == CAIRN_GRAPH_RUNNING || job->order) {
            return true;
        }
    }
    return false;
}

void cairn_graphs_free(struct cairn_recorder *recorder)
{
    for (struct cairn_graph_job *job = recorder->graphs, *next; job; job = next) {
        next = job->next;
        if (job->fd >= 0) {
            shutdown(job->fd, SHUT_RDWR);
        }
        if (job->state == CAIRN_GRAPH_RUNNING) {
            atomic_store_explicit(&job->abandoned, true, memory_order_relaxed);
            pthread_join(job->thread, NULL);
        } else if (job->fd >= 0) {
            close(job->fd);
        }
        end_job(recorder, job);
    }
    recorder->graphs = NULL;
    cairn_graph_asking_free(recorder);
}
