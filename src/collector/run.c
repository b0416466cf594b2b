#include "collector/run.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/answers.h"
#include "collector/attach.h"
#include "collector/graph_asking.h"
#include "collector/graphs.h"
#include "collector/job_control.h"
#include "collector/sentinel.h"

#define MS                 1000000ll
#define COMMIT_NS          (200 * MS)
#define COMMIT_IDLE_NS     (1000 * MS) /* nothing happened: the duration grows */
#define PLACES_NS          (20 * MS)   /* what is new goes on to get its names; later, where little is new: */
#define PLACES_PART        16          /* every sixteenth of the time so far */
#define CALIBRATE_NS       (1000 * MS)
#define PROGRESS_NS        (250 * MS)
#define GIVE_UP_NS         (3000 * MS)
#define RESIDENCY_FIRST_NS (40 * MS)
#define RESIDENCY_PART     100 /* of the time, at most so much goes into it */
#define MAX_CONNECTIONS    4096u
#define SAME_SIGNAL_NS     (100 * MS) /* nobody sends a second one so soon */

/* A ring of 1 MiB is full after about 4 ms of nothing but malloc and free: never sleep longer. With so many bytes between samples it
 * lasts longer. */
#define SLEEP_MIN_NS    300000ll
#define SLEEP_MAX_NS    (4 * MS)
#define SLEEP_SPARSE_NS (8 * MS)
#define SPARSE_BYTES    (64 << 10)
/* So many bytes in one look mean that the next sleep must be short; so many, none at all. A few are nothing to wake up for: each look
 * takes a processor away from the program. */
#define FEW_BYTES   (4u << 10)
#define BUSY_BYTES  (64u << 10)
#define FLOOD_BYTES (192u << 10)

/* What an epoll event is about: low half the kind, high half a target's number or a descriptor. */
enum tag {
    TAG_TARGET = 0,
    TAG_LISTENER = 1,
    TAG_SIGNAL = 2,
    TAG_CONNECTION = 3,
    TAG_ROOT = 4,
    TAG_JOINED = 5
};

struct run {
    struct cairn_recorder *recorder;
    const struct cairn_run_plan *plan;
    pid_t root;
    int root_fd, signal_fd;
    struct cairn_attach_job *joining; /* until it is done */
    bool root_gone, stop, failed;
    int64_t deadline_ns; /* 0: none */
    int wait_status;
    struct cairn_error *error;
    uint32_t passed_on;   /* SIGTERM or SIGHUP so far */
    int64_t signalled_ns; /* when the last one came, 0: never */
    struct cairn_sentinel sentinel;
    size_t connections;
    int64_t sleep_ns;
};

static uint64_t tagged(enum tag tag, uint32_t value)
{
    return (uint64_t)value << 32 | (uint64_t)tag;
}

static void watch(const struct run *run, int fd, enum tag tag)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = tagged(tag, (uint32_t)fd)};
    epoll_ctl(run->recorder->epoll, EPOLL_CTL_ADD, fd, &event);
}

static void handle_call(struct run *run, struct cairn_session_call *call)
{
    struct cairn_recorder *recorder = run->recorder;
    switch (call->request.verb) {
    case CAIRN_SESSION_HELLO:
        cairn_recorder_hello(recorder, call);
        break;
    case CAIRN_SESSION_SEGMENT:
        cairn_recorder_more_rings(recorder, call);
        break;
    case CAIRN_SESSION_SNAPSHOT:
        cairn_recorder_drain(recorder);
        cairn_recorder_snapshot(recorder, "asked", call->request.name, 0,
                                cairn_clock_elapsed_ns(&recorder->clock));
        cairn_answer_when_committed(recorder, call, CAIRN_SESSION_DONE, 0);
        break;
    case CAIRN_SESSION_GRAPH_STREAM:
    case CAIRN_SESSION_GRAPH_IMAGE:
        cairn_graphs_stream(recorder, call);
        break;
    case CAIRN_SESSION_GRAPH_HOLD:
        cairn_graphs_hold(recorder, call);
        break;
    case CAIRN_SESSION_GRAPH:
        cairn_graph_ask_command(recorder, call);
        break;
    case CAIRN_SESSION_STOP:
        run->stop = true;
        if (recorder->stop_call.fd >= 0) {
            cairn_session_answer(call, CAIRN_SESSION_ENDED, 0, -1);
        } else {
            recorder->stop_call = *call; /* answered when the trace is whole */
        }
        break;
    default:
        cairn_session_answer(call, 1, 0, -1);
        break;
    }
}

/* Reads a request that has come; true when the connection is done with. */
static bool serve(struct run *run, int fd)
{
    struct cairn_session_call call;
    switch (cairn_session_read(fd, &call)) {
    case CAIRN_SESSION_READ_LATER:
        return false;
    case CAIRN_SESSION_READ_REFUSED:
        close(fd);
        return true;
    case CAIRN_SESSION_READ_OK:
        break;
    }
    handle_call(run, &call);
    return true;
}

static void accept_all(struct run *run)
{
    for (;;) {
        const int fd = cairn_session_accept(&run->recorder->session);
        if (fd < 0) {
            if ((errno == EMFILE || errno == ENFILE) && cairn_session_turn_away(&run->recorder->session)) {
                cairn_recorder_turned_away(run->recorder);
                continue;
            }
            break;
        }
        if (serve(run, fd)) {
            continue;
        }
        if (run->connections >= MAX_CONNECTIONS) {
            close(fd);
            continue;
        }
        run->connections++;
        watch(run, fd, TAG_CONNECTION);
    }
}

/* What a program holds when it is told to end is worth a graph: most end at once. */
static void pass_on(struct run *run, int signal)
{
    const struct cairn_target *target = cairn_recorder_target_by_pid(run->recorder, run->root);
    if (signal != SIGTERM || !target || !cairn_graph_ask_before(run->recorder, target, signal)) {
        kill(run->root, signal);
    }
}

/* Whether the program had it, too. */
static bool went_to_the_group(const struct run *run, int signal)
{
    return getpgid(run->root) == getpgrp() && cairn_sentinel_had(&run->sentinel, signal);
}

/* A first SIGTERM or SIGHUP is the program's; a second one ends the recording. A program that was joined is none of theirs.
 * Who sends one to us and to our group (timeout does) means one, and the program has it. */
static void take_signals(struct run *run)
{
    struct signalfd_siginfo info;
    while (read(run->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD) {
            if (!run->plan->joins && !run->root_gone) {
                cairn_follow_stop(run->root);
            }
            continue;
        }
        const int64_t now_ns = cairn_clock_elapsed_ns(&run->recorder->clock);
        const bool again = run->signalled_ns != 0 && now_ns - run->signalled_ns < SAME_SIGNAL_NS;
        run->signalled_ns = now_ns;
        if (again || went_to_the_group(run, (int)info.ssi_signo)) {
            continue;
        }
        if (run->passed_on++ > 0 || run->root_gone || run->plan->joins) {
            run->stop = true;
        } else {
            pass_on(run, (int)info.ssi_signo);
        }
    }
}

static void set_exit(struct cairn_target *target, int wait_status)
{
    if (WIFSIGNALED(wait_status)) {
        target->row.signal = WTERMSIG(wait_status);
        target->row.exit_status = CAIRN_UNKNOWN;
    } else {
        target->row.exit_status = WEXITSTATUS(wait_status);
    }
}

/* A parent that waited for its child ends after it, but we may be told in any order: whoever is dead by now has left. */
static void look_for_dead(struct run *run)
{
    struct cairn_recorder *recorder = run->recorder;
    for (size_t i = recorder->target_count; i-- > 0;) {
        struct cairn_target *target = recorder->targets[i];
        struct pollfd ended = {.fd = target->pidfd, .events = POLLIN};
        if (target->state == CAIRN_TARGET_ALIVE && target->pid != run->root && target->pidfd >= 0 &&
            poll(&ended, 1, 0) == 1) {
            int wait_status;
            if (cairn_process_exit_code(target->pid, &wait_status)) {
                set_exit(target, wait_status);
            }
            cairn_recorder_target_left(recorder, target);
        }
    }
}

/* Whether it has ended by now; takes its status, which only a parent is told. */
static bool root_has_ended(struct run *run)
{
    if (run->plan->joins) {
        struct pollfd ended = {.fd = run->root_fd, .events = POLLIN};
        return poll(&ended, 1, 0) == 1;
    }
    pid_t got;
    do {
        got = waitpid(run->root, &run->wait_status, WNOHANG);
    } while (got < 0 && errno == EINTR);
    return got == run->root;
}

static void root_ended(struct run *run)
{
    if (run->root_gone || !root_has_ended(run)) {
        return;
    }
    look_for_dead(run);
    run->root_gone = true;
    struct cairn_target *target = cairn_recorder_target_by_pid(run->recorder, run->root);
    if (target) {
        if (!run->plan->joins) {
            set_exit(target, run->wait_status);
        }
        cairn_recorder_target_left(run->recorder, target);
    }
    epoll_ctl(run->recorder->epoll, EPOLL_CTL_DEL, run->root_fd, NULL);
}

static void target_ended(struct run *run, uint32_t number)
{
    const struct cairn_target *target = run->recorder->targets[number - 1];
    if (target->pid == run->root) {
        root_ended(run); /* its status comes from there */
    } else {
        look_for_dead(run);
    }
}

static void joined(struct run *run)
{
    struct cairn_recorder *recorder = run->recorder;
    struct cairn_attach_job *job = run->joining;
    run->joining = NULL;
    epoll_ctl(recorder->epoll, EPOLL_CTL_DEL, cairn_attach_done(job), NULL);
    run->failed = cairn_attach_finish(job, run->error) != CAIRN_OK;
    if (!run->failed && recorder->options->joined) {
        recorder->options->joined(recorder->options->joined_state);
    }
    if (run->plan->duration_ns > 0) {
        run->deadline_ns = cairn_clock_elapsed_ns(&recorder->clock) + run->plan->duration_ns;
    }
}

static void take_events(struct run *run, int64_t wait_ns)
{
    struct epoll_event events[64];
    const struct timespec wait = {.tv_sec = wait_ns / (1000 * MS), .tv_nsec = wait_ns % (1000 * MS)};
    const long count = syscall(SYS_epoll_pwait2, run->recorder->epoll, events, 64, &wait, NULL, (size_t)0);
    for (long i = 0; i < count; i++) {
        const uint32_t value = (uint32_t)(events[i].data.u64 >> 32);
        switch ((enum tag)(events[i].data.u64 & 0xff)) {
        case TAG_TARGET:
            target_ended(run, value);
            break;
        case TAG_LISTENER:
            accept_all(run);
            break;
        case TAG_SIGNAL:
            take_signals(run);
            break;
        case TAG_CONNECTION:
            if (serve(run, (int)value)) {
                run->connections--;
            }
            break;
        case TAG_ROOT:
            root_ended(run);
            break;
        case TAG_JOINED:
            joined(run);
            break;
        }
    }
}

static int64_t memory_interval_ns(int64_t now_ns)
{
    return now_ns < 1000 * MS ? 20 * MS : now_ns < 10000 * MS ? 100 * MS : 250 * MS;
}

static void report_progress(struct cairn_recorder *recorder, int64_t now_ns)
{
    const struct cairn_chunker_figures *figures = cairn_chunker_figures(recorder->chunker);
    const struct cairn_progress progress = {
        .t_ns = now_ns,
        .live_bytes = atomic_load_explicit(&figures->live_bytes, memory_order_relaxed),
        .live_blocks = atomic_load_explicit(&figures->live_blocks, memory_order_relaxed),
        .peak_bytes = atomic_load_explicit(&figures->peak_bytes, memory_order_relaxed),
        .events = atomic_load_explicit(&figures->events, memory_order_relaxed),
        .file_bytes = cairn_store_file_bytes(recorder->store),
        .processes = (uint32_t)recorder->alive};
    recorder->options->progress(recorder->options->progress_state, &progress);
}

/* With so many bytes between samples hardly anything is new at a time, and each round wakes every thread. */
static bool is_sparse(const struct cairn_recorder *recorder)
{
    return recorder->options->sample_bytes >= SPARSE_BYTES;
}

static int64_t places_interval_ns(const struct cairn_recorder *recorder, int64_t now_ns)
{
    return is_sparse(recorder) && now_ns / PLACES_PART > PLACES_NS ? now_ns / PLACES_PART : PLACES_NS;
}

static void commit_if_due(struct cairn_recorder *recorder, int64_t now_ns)
{
    const bool idle =
        recorder->committed_position == cairn_ledger_position(recorder->ledger) && !recorder->rows;
    if (now_ns - recorder->committed_ns >= (idle ? COMMIT_IDLE_NS : COMMIT_NS)) {
        cairn_recorder_commit(recorder, now_ns, false);
        recorder->places_ns = now_ns;
    } else if (now_ns - recorder->places_ns >= places_interval_ns(recorder, now_ns)) {
        cairn_ledger_send_new(recorder->ledger);
        recorder->places_ns = now_ns;
    }
}

/* Pages of rings that were written to, and the headers: ours, though the kernel counts them as the target's. */
static int64_t ring_bytes(const struct cairn_target *target)
{
    int64_t bytes = (int64_t)target->segment_count * 4096;
    for (size_t i = 0; i < target->source_count; i++) {
        const uint64_t written = target->sources[i].reader.tail;
        bytes += (int64_t)(written < CAIRN_RING_BYTES ? (written + 4095) & ~4095ull : CAIRN_RING_BYTES);
    }
    return bytes;
}

static void ask_for_memory(struct cairn_recorder *recorder, int64_t now_ns, bool residency)
{
    struct cairn_memory_subject *subjects = malloc((recorder->alive + 1) * sizeof *subjects);
    size_t count = 0;
    for (size_t i = 0; subjects && i < recorder->target_count; i++) {
        const struct cairn_target *target = recorder->targets[i];
        if (target->state == CAIRN_TARGET_ALIVE) {
            subjects[count++] = (struct cairn_memory_subject){
                .process = target->number, .pid = target->pid, .ring_bytes = ring_bytes(target)};
        }
    }
    if (count == 0 || !cairn_memory_ask(recorder->memory, subjects, count, now_ns, residency)) {
        free(subjects);
    }
}

/* Residency is dear (the kernel walks the page tables): a few times, further and further apart. */
static void sample_if_due(struct cairn_recorder *recorder, int64_t now_ns)
{
    if (now_ns - recorder->memory_ns < memory_interval_ns(now_ns)) {
        return;
    }
    const int64_t cost_ns = cairn_memory_residency_cost_ns(recorder->memory);
    const bool residency =
        now_ns >= recorder->residency_ns && now_ns >= recorder->resided_ns + RESIDENCY_PART * cost_ns;
    recorder->memory_ns = now_ns;
    if (residency) {
        recorder->resided_ns = now_ns;
        recorder->residency_ns = now_ns + (now_ns > RESIDENCY_FIRST_NS ? now_ns : RESIDENCY_FIRST_NS);
    }
    ask_for_memory(recorder, now_ns, residency);
}

static void tend(struct run *run, int64_t now_ns)
{
    struct cairn_recorder *recorder = run->recorder;
    cairn_recorder_tend_targets(recorder, now_ns);
    cairn_graphs_tend(recorder, now_ns);
    if (now_ns - recorder->calibrated_ns >= CALIBRATE_NS) {
        recorder->calibrated_ns = now_ns;
        cairn_clock_calibrate(&recorder->clock);
    }
    sample_if_due(recorder, now_ns);
    commit_if_due(recorder, now_ns);
    cairn_answers_tend(recorder);
    if (recorder->options->progress && now_ns - recorder->progress_ns >= PROGRESS_NS) {
        recorder->progress_ns = now_ns;
        report_progress(recorder, now_ns);
    }
    if (!recorder->stopping &&
        (cairn_store_failed(recorder->store, NULL) || cairn_ledger_failed(recorder->ledger))) {
        cairn_recorder_stop_agents(recorder);
    }
}

/* Sleep less the more came; double it while hardly anything does. */
static void set_sleep(struct run *run, size_t taken)
{
    if (taken >= FLOOD_BYTES) {
        run->sleep_ns = 0;
    } else if (taken >= BUSY_BYTES) {
        run->sleep_ns = SLEEP_MIN_NS;
    } else if (taken >= FEW_BYTES) {
        run->sleep_ns = 1 * MS;
    } else {
        const int64_t most_ns = is_sparse(run->recorder) ? SLEEP_SPARSE_NS : SLEEP_MAX_NS;
        run->sleep_ns = run->sleep_ns < SLEEP_MIN_NS ? SLEEP_MIN_NS : run->sleep_ns * 2;
        run->sleep_ns = run->sleep_ns > most_ns ? most_ns : run->sleep_ns;
    }
}

static bool is_over(struct run *run, int64_t now_ns)
{
    if (run->deadline_ns != 0 && now_ns >= run->deadline_ns) {
        run->stop = true;
    }
    if (run->joining) {
        return false; /* what it was made to begin must have ended */
    }
    if (run->stop || run->failed) {
        return true;
    }
    return run->root_gone && run->recorder->alive == 0 && !cairn_graphs_expected(run->recorder) &&
           !cairn_recorder_expects_children(run->recorder, now_ns);
}

static bool is_drained(const struct cairn_recorder *recorder)
{
    for (size_t i = 0; i < recorder->target_count; i++) {
        if (recorder->targets[i]->state != CAIRN_TARGET_DONE) {
            return false;
        }
    }
    return true;
}

/* Without memory the rest of the rings cannot be taken. */
static void give_up(struct cairn_recorder *recorder)
{
    cairn_recorder_note(recorder, 0, "the recorder ran out of memory: the last events are missing");
    for (size_t i = 0; i < recorder->target_count; i++) {
        if (recorder->targets[i]->state != CAIRN_TARGET_DONE) {
            cairn_recorder_target_done(recorder, recorder->targets[i]);
        }
    }
}

/* A program that was joined is left as it was. Where that cannot be done from here, it does so by itself: at its next
 * allocation. */
static void leave(const struct run *run)
{
    struct cairn_recorder *recorder = run->recorder;
    const struct cairn_target *target = cairn_recorder_target_by_pid(recorder, run->root);
    if (run->plan->joins && target && strcmp(target->row.origin, "attach") == 0) {
        struct cairn_error error;
        struct cairn_attach_job *job = cairn_attach_leave(run->root, run->plan->agent);
        if (!job || cairn_attach_finish(job, &error) != CAIRN_OK) {
            cairn_recorder_note(
                recorder, target->number,
                "the recording ended while the program could not be left at once: it takes the "
                "hooks out itself when it allocates next");
        }
    }
}

/* What is in the rings at the end, of programs that run on too. */
static void drain_to_the_end(struct run *run)
{
    struct cairn_recorder *recorder = run->recorder;
    if (run->stop || run->failed) {
        cairn_recorder_stop_agents(recorder);
        leave(run);
        for (size_t i = 0; i < recorder->target_count; i++) {
            cairn_recorder_target_left(recorder, recorder->targets[i]);
        }
    }
    int64_t moved_ns = cairn_clock_elapsed_ns(&recorder->clock);
    uint64_t position = cairn_ledger_position(recorder->ledger);
    while (!is_drained(recorder)) {
        const size_t taken = cairn_recorder_drain(recorder);
        const int64_t now_ns = cairn_clock_elapsed_ns(&recorder->clock);
        if (taken > 0 || cairn_ledger_position(recorder->ledger) != position) {
            moved_ns = now_ns;
            position = cairn_ledger_position(recorder->ledger);
        } else if (now_ns - moved_ns > GIVE_UP_NS) {
            give_up(recorder);
        }
    }
}

static void begin(struct run *run, const sigset_t *watched)
{
    struct cairn_recorder *recorder = run->recorder;
    run->root_fd = (int)syscall(SYS_pidfd_open, run->root, 0);
    run->signal_fd = signalfd(-1, watched, SFD_CLOEXEC | SFD_NONBLOCK);
    recorder->residency_ns = RESIDENCY_FIRST_NS;
    watch(run, recorder->session.listener, TAG_LISTENER);
    watch(run, run->signal_fd, TAG_SIGNAL);
    watch(run, run->root_fd, TAG_ROOT);
    if (run->plan->joins) {
        run->joining = cairn_attach_join(run->root, run->plan->agent, recorder->session.path);
        if (run->joining) {
            watch(run, cairn_attach_done(run->joining), TAG_JOINED);
        } else {
            cairn_fail(run->error, CAIRN_E_NOMEM, "the recorder ran out of memory");
            run->failed = true;
        }
    }
}

enum cairn_run_end cairn_run(struct cairn_recorder *recorder, const struct cairn_run_plan *plan,
                             const sigset_t *watched, int *wait_status, struct cairn_error *error)
{
    struct run run = {.recorder = recorder,
                      .plan = plan,
                      .root = plan->root,
                      .sleep_ns = SLEEP_MIN_NS,
                      .error = error,
                      .sentinel = {.pid = -1, .words = -1}};
    if (!plan->joins) {
        cairn_sentinel_start(&run.sentinel);
    }
    begin(&run, watched);
    int64_t now_ns = cairn_clock_elapsed_ns(&recorder->clock);
    while (!is_over(&run, now_ns)) {
        if (run.sleep_ns > CAIRN_BEAT_NS) {
            cairn_recorder_rest(recorder);
        }
        take_events(&run, run.sleep_ns);
        const size_t taken = cairn_recorder_drain(recorder);
        now_ns = cairn_clock_elapsed_ns(&recorder->clock);
        tend(&run, now_ns);
        set_sleep(&run, taken);
    }
    drain_to_the_end(&run);
    cairn_graphs_free(recorder);
    cairn_sentinel_end(&run.sentinel);
    close(run.root_fd);
    close(run.signal_fd);
    *wait_status = run.wait_status;
    return run.failed ? CAIRN_RUN_FAILED : run.root_gone ? CAIRN_RUN_ENDED : CAIRN_RUN_STOPPED;
}
