/* The threads of object graphs: one holds the program's threads while its image is made, another takes the graph in. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "collector/graph_job.h"
#include "collector/graph_receive.h"
#include "collector/graphs.h"
#include "collector/native_graph.h"
#include "collector/recorder.h"
#include "wire/graph.h"
#include "wire/ring.h"

#define HOLD_STEPS   500 /* until an earlier graph of the program lets it go */
#define HOLD_STEP_NS 100000
#define PAUSE_STEPS  2000 /* of a millisecond, until the end of the program's pause is heard of */

static void nap(void)
{
    nanosleep(&(const struct timespec){.tv_nsec = 1000000}, NULL);
}

static ssize_t receive(int fd, void *message, size_t bytes)
{
    ssize_t got;
    do {
        got = recv(fd, message, bytes, 0);
    } while (got < 0 && errno == EINTR);
    return got;
}

/* Only one of our threads can hold a program. Whoever does lets go soon; but not waiting for it for ever spares the program
 * that. */
static void take_hold(struct cairn_graph_job *job)
{
    for (int step = 0;
         step < HOLD_STEPS && atomic_exchange_explicit(job->held_by_us, true, memory_order_acquire); step++) {
        nanosleep(&(const struct timespec){.tv_nsec = HOLD_STEP_NS}, NULL);
    }
}

static void give_hold(struct cairn_graph_job *job)
{
    atomic_store_explicit(job->held_by_us, false, memory_order_release);
}

void *cairn_graph_holder(void *state)
{
    struct cairn_graph_job *job = state;
    const struct cairn_session_answer answer = {.magic = CAIRN_SESSION_MAGIC, .version = CAIRN_WIRE_VERSION};
    char word[8];
    take_hold(job);
    cairn_held_threads_hold(&job->held, job->hold_pid, job->hold_asking, job->hold_gentle);
    if (send(job->hold_fd, &answer, sizeof answer, MSG_NOSIGNAL) == (ssize_t)sizeof answer) {
        receive(job->hold_fd, word, sizeof word);
    }
    cairn_held_threads_let_go(&job->held);
    give_hold(job);
    return NULL;
}

static enum cairn_status receive_all(struct cairn_graph_job *job, struct cairn_graph_receiver *receiver)
{
    uint8_t *message = malloc(CAIRN_GRAPH_MESSAGE_BYTES);
    enum cairn_status status =
        message ? CAIRN_OK
                : cairn_fail(&job->error, CAIRN_E_NOMEM, "an object graph was left out: no memory for it");
    while (status == CAIRN_OK && !receiver->ended) {
        const ssize_t got = receive(job->fd, message, CAIRN_GRAPH_MESSAGE_BYTES);
        if (got <= 0) {
            status = cairn_fail(&job->error, CAIRN_E_IO,
                                "an object graph was left out: its image ended before it was told");
            break;
        }
        status = cairn_graph_receive(receiver, message, (size_t)got, &job->error);
    }
    free(message);
    return status == CAIRN_OK ? cairn_graph_receive_finish(receiver, &job->error) : status;
}

static enum cairn_status read_native(struct cairn_graph_job *job, struct cairn_graph_input *input)
{
    struct cairn_native_threads threads;
    struct cairn_native_blocks blocks;
    enum cairn_status status = cairn_native_blocks_build(&blocks, job->image.live, &job->error);
    atomic_store_explicit(&job->image_done, true, memory_order_release);
    if (!cairn_native_threads_build(&threads, &job->threads, &job->held)) {
        status = cairn_fail(&job->error, CAIRN_E_NOMEM, "an object graph was left out: no memory for it");
    }
    if (status == CAIRN_OK) {
        const struct cairn_native_image image = {.pid = job->still,
                                                 .threads = &threads,
                                                 .blocks = &blocks,
                                                 .has_unknown_blocks = job->recorder->joined};
        status = cairn_native_graph(input, &image, &job->whole_stacks, &job->error);
    }
    cairn_native_threads_release(&threads);
    cairn_native_blocks_release(&blocks);
    return status;
}

/* Of a process that stands still; it says when it may be read. */
static enum cairn_status read_still(struct cairn_graph_job *job, struct cairn_graph_input *input)
{
    char ready;
    return receive(job->fd, &ready, sizeof ready) > 0
               ? read_native(job, input)
               : cairn_fail(&job->error, CAIRN_E_IO,
                            "an object graph was left out: its image ended before it was read");
}

static int64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

/* Holds the program until it is read. The recorder's thread gives the moment once all that the program told before is
 * known. */
static enum cairn_status read_in_place(struct cairn_graph_job *job, struct cairn_graph_input *input)
{
    const int64_t start_ns = monotonic_ns();
    enum cairn_status status = CAIRN_OK;
    take_hold(job);
    cairn_held_threads_hold(&job->held, job->still, 0, false);
    if (job->held.left_alone > 0) {
        atomic_store_explicit(&job->abandoned, true, memory_order_relaxed);
    }
    atomic_store_explicit(&job->stands, true, memory_order_release);
    while (!atomic_load_explicit(&job->abandoned, memory_order_relaxed) &&
           !atomic_load_explicit(&job->has_moment, memory_order_acquire)) {
        nap();
    }
    if (atomic_load_explicit(&job->has_moment, memory_order_acquire)) {
        input->t_ns = job->t_ns;
        status = read_native(job, input);
    } else {
        status = cairn_fail(&job->error, CAIRN_E_SYSTEM,
                            "an object graph was left out: the program could not be held still");
    }
    cairn_held_threads_let_go(&job->held);
    give_hold(job);
    atomic_store_explicit(&job->pause_ns, monotonic_ns() - start_ns, memory_order_relaxed);
    return status;
}

static enum cairn_status take_in(struct cairn_graph_job *job, struct cairn_graph_receiver *receiver)
{
    if (job->in_place) {
        return read_in_place(job, &receiver->input);
    }
    receiver->live = job->image.live;
    const enum cairn_status status =
        job->still ? read_still(job, &receiver->input) : receive_all(job, receiver);
    atomic_store_explicit(&job->image_done, true, memory_order_release);
    close(job->fd);
    for (int step = 0;
         step < PAUSE_STEPS &&
         atomic_load_explicit(&job->pause_ns, memory_order_relaxed) == CAIRN_GRAPH_PAUSE_UNKNOWN &&
         !atomic_load_explicit(&job->abandoned, memory_order_relaxed);
         step++) {
        nap();
    }
    return status;
}

void *cairn_graph_thread(void *state)
{
    struct cairn_graph_job *job = state;
    struct cairn_graph_receiver receiver = {.live = NULL};
    struct cairn_graph_input *input = &receiver.input;
    cairn_graph_input_init(input);
    input->process = job->process;
    input->t_ns = job->t_ns;
    input->name = job->name ? cairn_arena_copy(&input->texts, job->name, strlen(job->name)) : NULL;
    enum cairn_status status = take_in(job, &receiver);
    const int64_t pause_ns = atomic_load_explicit(&job->pause_ns, memory_order_relaxed);
    input->pause_ns = pause_ns == CAIRN_GRAPH_PAUSE_UNKNOWN ? 0 : pause_ns;
    if (status == CAIRN_OK) {
        status = cairn_graph_store(job->recorder, job->number, input, &job->error);
    }
    job->failed = status != CAIRN_OK;
    cairn_graph_receiver_release(&receiver);
    atomic_store_explicit(&job->finished, true, memory_order_release);
    return NULL;
}
