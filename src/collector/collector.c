#include "collector/collector.h"

#include <errno.h>
#include <limits.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/human.h"
#include "collector/answers.h"
#include "collector/arguments.h"
#include "collector/attach_check.h"
#include "collector/graphs.h"
#include "collector/loader.h"
#include "collector/program_path.h"
#include "collector/recorder.h"
#include "collector/run.h"
#include "collector/session_client.h"
#include "trace/trace_id.h"
#include "trace/writer.h"

/* How long committing the last events waits for the last names. */
#define NAMES_WAIT_NS 100000000ll

static void take_random(void *bytes, size_t size)
{
    if (getentropy(bytes, size) != 0) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        memset(bytes, 0, size);
        memcpy(bytes, &now, sizeof now < size ? sizeof now : size);
    }
}

/* What the recording row says from the first commit on. Its texts live in `texts`. */
struct row_texts {
    char trace_id[CAIRN_TRACE_ID_SIZE], host[256], program[PATH_MAX];
    char *args;
};

static void fill_row(struct cairn_recorder *recorder, struct row_texts *texts, pid_t pid, const char *program)
{
    if (!recorder->options->argv ||
        !cairn_loader_resolve(program, recorder->options->argv, ".", texts->program, sizeof texts->program)) {
        snprintf(texts->program, sizeof texts->program, "%s", program);
    }
    cairn_trace_id_make(texts->trace_id);
    gethostname(texts->host, sizeof texts->host - 1);
    texts->args = recorder->options->keep_args ? cairn_arguments_as_json(recorder->options->argv) : NULL;
    const time_t seconds = (time_t)(recorder->clock.started_unix_ns / 1000000000);
    struct tm local = {.tm_gmtoff = 0};
    localtime_r(&seconds, &local);
    recorder->row = (struct cairn_recording){.trace_id = texts->trace_id,
                                             .writer = "cairn " CAIRN_VERSION,
                                             .program = texts->program,
                                             .args = texts->args,
                                             .host = texts->host,
                                             .pid = pid,
                                             .started_unix_ns = recorder->clock.started_unix_ns,
                                             .utc_offset_s = local.tm_gmtoff,
                                             .exit_status = CAIRN_UNKNOWN,
                                             .signal = CAIRN_UNKNOWN,
                                             .sample_bytes = recorder->options->sample_bytes,
                                             .max_depth = recorder->options->max_depth};
}

static enum cairn_status start_stages(struct cairn_recorder *recorder, struct cairn_error *error)
{
    atomic_store_explicit(&recorder->next_frame, 1, memory_order_relaxed);
    recorder->sample_seed = recorder->options->sample_seed;
    if (recorder->sample_seed == 0) {
        take_random(&recorder->sample_seed, sizeof recorder->sample_seed);
    }
    recorder->places = cairn_places_new(&recorder->next_frame);
    if (!recorder->places || !cairn_pipeline_init(&recorder->pipeline)) {
        return cairn_fail(error, CAIRN_E_NOMEM, "the recorder ran out of memory");
    }
    recorder->pipeline.sample_bytes = recorder->options->sample_bytes;
    recorder->ledger = cairn_ledger_new(&recorder->pipeline, recorder->places);
    if (!recorder->ledger) {
        return cairn_fail(error, CAIRN_E_NOMEM, "the recorder ran out of memory");
    }
    return cairn_robust_words_init(&recorder->words, error);
}

/* Whatever happens to the recorder from now on, there is a recording to open. */
static enum cairn_status begin_trace(struct cairn_recorder *recorder, struct cairn_writer *writer,
                                     struct cairn_error *error)
{
    cairn_clock_calibrate(&recorder->clock);
    cairn_writer_recording(writer, &recorder->row);
    return cairn_writer_commit(writer, error);
}

static enum cairn_status start_writing(struct cairn_recorder *recorder, const char *path,
                                       struct cairn_error *error)
{
    struct cairn_writer *writer;
    enum cairn_status status = cairn_symboliser_start(
        &recorder->pipeline, &recorder->next_frame, recorder->options->source, &recorder->symboliser, error);
    if (status != CAIRN_OK) {
        return status;
    }
    status = cairn_writer_create(path, recorder->options->replace, &writer, error);
    if (status != CAIRN_OK) {
        return status;
    }
    status = begin_trace(recorder, writer, error);
    if (status == CAIRN_OK) {
        status = cairn_store_start(&recorder->pipeline, writer, recorder->options->max_size_bytes,
                                   recorder->symboliser, &recorder->store, error);
    }
    if (status != CAIRN_OK) {
        cairn_writer_discard(writer);
        return status;
    }
    status =
        cairn_chunker_start(&recorder->pipeline, recorder->options->interval_ns, &recorder->chunker, error);
    if (status != CAIRN_OK) {
        return status;
    }
    return cairn_memory_start(&recorder->pipeline, &recorder->memory, error);
}

/* Ends the chunker, whose queue nobody writes to any more. */
static void finish_chunker(struct cairn_recorder *recorder)
{
    cairn_memory_finish(recorder->memory);
    recorder->memory = NULL;
    struct cairn_message *message = NULL;
    while (!message) { /* it must get through; memory comes free as the queues drain */
        message = cairn_message_new(CAIRN_MESSAGE_FINISH, 0);
    }
    cairn_queue_push(&recorder->pipeline.messages, message);
    cairn_chunker_join(recorder->chunker);
    recorder->chunker = NULL;
}

static void post(void *semaphore)
{
    sem_post(semaphore);
}

/* Until the store has carried out everything that was sent, and so the symboliser has seen it. */
static void wait_until_written(struct cairn_pipeline *pipeline)
{
    struct cairn_batch *barrier = cairn_batch_new();
    struct cairn_message *message = cairn_message_new(CAIRN_MESSAGE_ROWS, 0);
    if (!barrier || !message) {
        cairn_batch_free(barrier);
        free(message);
        return; /* the last names may be missing */
    }
    sem_t written;
    sem_init(&written, 0, 0);
    barrier->written = post;
    barrier->written_state = &written;
    message->of.rows = barrier;
    cairn_queue_push(&pipeline->messages, message);
    while (sem_wait(&written) != 0) {
    }
    sem_destroy(&written);
}

static void note_losses(struct cairn_recorder *recorder)
{
    const struct cairn_ledger_counts *counts = cairn_ledger_counts(recorder->ledger);
    if (counts->lost_frees) {
        cairn_recorder_note(recorder, 0,
                            "%llu frees were missed and found later, when their addresses were used again",
                            (unsigned long long)counts->lost_frees);
    }
    if (counts->unstored) {
        cairn_recorder_note(recorder, 0, "%llu allocations are missing: the recorder had no memory for them",
                            (unsigned long long)counts->unstored);
    }
}

/* Single events can go, what is made of them cannot. True: there is a note. */
static bool note_size(struct cairn_recorder *recorder)
{
    const int64_t takes = cairn_store_finished_bytes(recorder->store),
                  most = recorder->options->max_size_bytes;
    char takes_text[CAIRN_HUMAN_MAX], most_text[CAIRN_HUMAN_MAX];
    const bool too_large = most > 0 && takes > most;
    if (too_large) {
        cairn_recorder_note(recorder, 0,
                            "the trace takes %s, more than --max-size %s: sums, snapshots and names are "
                            "always kept",
                            cairn_human_bytes(takes_text, takes), cairn_human_bytes(most_text, most));
    }
    return too_large;
}

/* Fewer events are next to none for a program of this size. */
#define FEW_EVENTS 100u
#define MUCH_BYTES (INT64_C(16) << 20)

/* An allocator that is linked in under another name, or maps by bare system calls, looks like a program that needs nothing. */
static void note_unseen(struct cairn_recorder *recorder)
{
    const uint64_t events = cairn_ledger_position(recorder->ledger);
    char size[CAIRN_HUMAN_MAX];
    if (recorder->own_malloc || recorder->joined || recorder->options->sample_bytes > 0) {
        return;
    }
    if (events == 0) {
        cairn_recorder_note(
            recorder, 0,
            "no allocation was seen: if the program makes some, it has an allocator of its own, "
            "linked in; link it as a shared library, or tell its blocks by cairn/cairn.h");
    } else if (events < FEW_EVENTS && recorder->row.rss_peak_bytes > MUCH_BYTES) {
        cairn_recorder_note(
            recorder, 0,
            "hardly an allocation was seen, though %s were resident: if the program has an "
            "allocator of its own, linked in, link it as a shared library, or tell its blocks by "
            "cairn/cairn.h",
            cairn_human_bytes(size, recorder->row.rss_peak_bytes));
    }
}

/* All rows but names; then names for what they brought; then the last rows. What all of it takes is known behind that. */
static enum cairn_status finish_writing(struct cairn_recorder *recorder, struct cairn_error *error)
{
    const int64_t now_ns = cairn_clock_elapsed_ns(&recorder->clock);
    note_losses(recorder);
    recorder->row.rss_peak_bytes = cairn_memory_peak_bytes(recorder->memory);
    note_unseen(recorder);
    cairn_memory_finish(recorder->memory);
    recorder->memory = NULL;
    cairn_recorder_snapshot(recorder, "end", NULL, 0, now_ns);
    recorder->row.stopped_why = recorder->stopped_why;
    cairn_ledger_send(recorder->ledger, false);
    wait_until_written(&recorder->pipeline);
    /* Mostly the names are there in a moment, and everything is written once. */
    if (!cairn_symboliser_wait(recorder->symboliser, NAMES_WAIT_NS)) {
        cairn_recorder_commit(recorder, now_ns, true);
        wait_until_written(&recorder->pipeline);
    }
    cairn_symboliser_finish(recorder->symboliser);

    recorder->row.complete =
        !cairn_store_failed(recorder->store, NULL) && !cairn_ledger_failed(recorder->ledger);
    cairn_recorder_commit(recorder, now_ns, true);
    wait_until_written(&recorder->pipeline);
    if (note_size(recorder)) {
        cairn_recorder_commit(recorder, now_ns, true);
    }
    finish_chunker(recorder);
    const enum cairn_status status = cairn_store_finish(recorder->store, error);
    recorder->store = NULL;
    cairn_answers_end(recorder, status == CAIRN_OK);
    return status;
}

/* Nothing was recorded: no file stays. */
static void discard_writing(struct cairn_recorder *recorder)
{
    if (recorder->chunker) {
        finish_chunker(recorder);
    }
    if (recorder->symboliser) {
        cairn_symboliser_finish(recorder->symboliser);
    }
    if (recorder->store) {
        cairn_store_discard(recorder->store);
        recorder->store = NULL;
    }
    cairn_answers_end(recorder, false);
}

static void release(struct cairn_recorder *recorder)
{
    cairn_graphs_free(recorder);
    cairn_recorder_free_targets(recorder);
    if (recorder->ledger) {
        cairn_ledger_free(recorder->ledger);
    }
    cairn_symboliser_free(recorder->symboliser);
    if (recorder->words.head.list.next) {
        cairn_robust_words_release(&recorder->words);
    }
    cairn_batch_free(recorder->rows);
    cairn_places_free(recorder->places);
    cairn_pipeline_release(&recorder->pipeline);
    cairn_session_close(&recorder->session);
    if (recorder->epoll >= 0) {
        close(recorder->epoll);
    }
}

static enum cairn_status exec_failed(const char *program, int why, int *status, struct cairn_error *error)
{
    *status = why == ENOENT || why == ENOTDIR ? 127 : 126;
    errno = why;
    cairn_fail_errno(error, "%s: cannot be started", program);
    return why == ENOENT ? CAIRN_E_NOT_FOUND : CAIRN_E_SYSTEM;
}

static void take_exit(struct cairn_record_result *result, int wait_status)
{
    if (WIFSIGNALED(wait_status)) {
        result->signal = WTERMSIG(wait_status);
        result->status = 128 + result->signal;
    } else {
        result->exit_status = WEXITSTATUS(wait_status);
        result->status = result->exit_status;
    }
}

static void take_end(struct cairn_recorder *recorder, enum cairn_run_end end, int wait_status,
                     const struct cairn_run_plan *plan, struct cairn_record_result *result)
{
    if (end == CAIRN_RUN_ENDED && plan->joins) {
        result->status = 0;
        recorder->stopped_why = "exited"; /* how, only its parent was told */
    } else if (end == CAIRN_RUN_ENDED) {
        take_exit(result, wait_status);
        recorder->row.exit_status = result->exit_status >= 0 ? result->exit_status : CAIRN_UNKNOWN;
        recorder->row.signal = result->signal ? result->signal : CAIRN_UNKNOWN;
        recorder->stopped_why = result->signal ? "signal" : "exited";
    } else {
        result->status = 0;
        recorder->stopped_why = "stopped";
    }
}

/* The program runs; from here on its own status counts, where it is a child of ours. */
static enum cairn_status record_running(struct cairn_recorder *recorder, const struct cairn_run_plan *plan,
                                        const sigset_t *watched, struct cairn_record_result *result,
                                        struct cairn_error *error)
{
    int wait_status = 0;
    if (!cairn_proc_is_ours()) {
        cairn_recorder_note(
            recorder, 0,
            "/proc is another PID namespace's, so programs' names and resident memory are not "
            "known: give this one its own (unshare --mount-proc)");
    }
    const enum cairn_run_end end = cairn_run(recorder, plan, watched, &wait_status, error);
    take_end(recorder, end, wait_status, plan, result);
    const bool nothing = recorder->segments_passed == 0 || end == CAIRN_RUN_FAILED;
    const bool memory = cairn_ledger_failed(recorder->ledger);
    enum cairn_status status;
    if (nothing) {
        discard_writing(recorder);
        result->path[0] = '\0';
        status =
            end == CAIRN_RUN_FAILED
                ? error->status
                : cairn_fail(error, CAIRN_E_SYSTEM, "%s ran, but nothing was recorded: %s",
                             recorder->row.program,
                             recorder->refusal[0] ? recorder->refusal
                                                  : "libcairn.so was not loaded into it or could not reach "
                                                    "the recorder");
    } else {
        status = finish_writing(recorder, error);
        if (status == CAIRN_E_NOT_FOUND) {
            result->path[0] = '\0';
        }
    }
    if (status == CAIRN_OK && memory) {
        status = cairn_fail(error, CAIRN_E_NOMEM,
                            "the recorder ran out of memory; the trace ends before the program");
    }
    result->recorder_failed = status != CAIRN_OK;
    if (result->recorder_failed && result->status == 0) {
        result->status = 125;
    }
    return status;
}

static enum cairn_status record(struct cairn_recorder *recorder, const char *agent, const char *program,
                                const struct cairn_inherited *inherited, const sigset_t *watched,
                                struct cairn_record_result *result, struct cairn_error *error)
{
    enum cairn_status status = cairn_segment_check(error);
    if (status == CAIRN_OK) {
        status = start_stages(recorder, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_session_open(&recorder->session, error);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    struct cairn_launch launch;
    status = cairn_launch_fork(&launch, program, recorder->options->argv, agent, recorder->session.path,
                               inherited, error);
    if (status != CAIRN_OK) {
        return status;
    }
    struct row_texts texts = {.args = NULL};
    fill_row(recorder, &texts, launch.pid, program);
    status = cairn_output_path(recorder->options, launch.pid, result->path, sizeof result->path, error);
    if (status == CAIRN_OK) {
        status = start_writing(recorder, result->path, error);
    }
    if (status != CAIRN_OK) {
        cairn_launch_cancel(&launch);
        discard_writing(recorder);
        result->path[0] = '\0';
        result->unwritable = status == CAIRN_E_IO;
        goto done;
    }
    /* Without it the program is found by its environment, as its children are. */
    (void)!cairn_session_announce(&recorder->session, launch.pid, cairn_process_start_ticks(launch.pid),
                                  NULL);
    const int why = cairn_launch_go(&launch);
    if (why) {
        discard_writing(recorder);
        result->path[0] = '\0';
        status = exec_failed(program, why, &result->status, error);
        goto done;
    }
    result->started = true;
    status =
        record_running(recorder, &(const struct cairn_run_plan){.root = launch.pid}, watched, result, error);
done:
    /* The chunker has ended, nobody reads the row any more. */
    free(texts.args);
    return status;
}

/* Frees in any state. */
static void close_recorder(struct cairn_recorder *recorder)
{
    release(recorder);
    if (recorder->stop_call.fd >= 0) {
        cairn_session_answer(&recorder->stop_call, CAIRN_SESSION_DONE, 0, -1);
    }
    free(recorder);
}

static struct cairn_recorder *open_recorder(const struct cairn_record_options *options,
                                            struct cairn_error *error)
{
    struct cairn_recorder *recorder = calloc(1, sizeof *recorder);
    if (!recorder) {
        cairn_fail(error, CAIRN_E_NOMEM, "the recorder ran out of memory");
        return NULL;
    }
    recorder->options = options;
    recorder->session.listener = -1;
    recorder->stop_call.fd = -1;
    recorder->epoll = epoll_create1(EPOLL_CLOEXEC);
    cairn_clock_init(&recorder->clock);
    if (recorder->epoll < 0) {
        cairn_fail_errno(error, "cannot wait for events (epoll)");
        close_recorder(recorder);
        return NULL;
    }
    return recorder;
}

enum cairn_status cairn_record(const struct cairn_record_options *options, struct cairn_record_result *result,
                               struct cairn_error *error)
{
    *result = (struct cairn_record_result){.status = 125, .exit_status = -1};
    char program[PATH_MAX], agent[PATH_MAX];
    enum cairn_status status = cairn_check_program(options->argv, program, sizeof program, error);
    if (status != CAIRN_OK) {
        result->status = status == CAIRN_E_NOT_FOUND ? 127 : 126;
        return status;
    }
    if (!options->agent_path) {
        status = cairn_find_agent(agent, sizeof agent, error);
        if (status != CAIRN_OK) {
            return status;
        }
    }
    struct cairn_inherited inherited;
    sigset_t watched;
    cairn_inherited_take(&inherited, &watched);
    struct cairn_recorder *recorder = open_recorder(options, error);
    if (recorder) {
        status = record(recorder, options->agent_path ? options->agent_path : agent, program, &inherited,
                        &watched, result, error);
        close_recorder(recorder);
    } else {
        status = error->status;
    }
    cairn_inherited_restore(&inherited);
    return status;
}

/* Everything is ready for the agent before it is loaded. */
static enum cairn_status join(struct cairn_recorder *recorder, const struct cairn_run_plan *plan,
                              const char *program, const sigset_t *watched,
                              struct cairn_record_result *result, struct cairn_error *error)
{
    enum cairn_status status = cairn_segment_check(error);
    if (status == CAIRN_OK) {
        status = start_stages(recorder, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_session_open(&recorder->session, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_session_announce(&recorder->session, plan->root, cairn_process_start_ticks(plan->root),
                                        error);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    struct row_texts texts = {.args = NULL};
    fill_row(recorder, &texts, plan->root, program);
    status = cairn_output_path(recorder->options, plan->root, result->path, sizeof result->path, error);
    if (status == CAIRN_OK) {
        status = start_writing(recorder, result->path, error);
    }
    if (status == CAIRN_OK) {
        result->started = true;
        status = record_running(recorder, plan, watched, result, error);
    } else {
        discard_writing(recorder);
        result->path[0] = '\0';
    }
    free(texts.args);
    return status;
}

enum cairn_status cairn_attach(const struct cairn_record_options *options, pid_t pid, int64_t duration_ns,
                               struct cairn_record_result *result, struct cairn_error *error)
{
    *result = (struct cairn_record_result){.status = 125, .exit_status = -1};
    char program[PATH_MAX], agent[PATH_MAX], real_agent[PATH_MAX];
    enum cairn_status status = CAIRN_OK;
    if (options->agent_path) {
        snprintf(agent, sizeof agent, "%s", options->agent_path);
    } else {
        status = cairn_find_agent(agent, sizeof agent, error);
    }
    if (status == CAIRN_OK && !realpath(agent, real_agent)) {
        status = cairn_fail_errno(error, "cannot find %s", agent);
    }
    if (status == CAIRN_OK) {
        status = cairn_attach_check(pid, real_agent, error);
    }
    if (status == CAIRN_OK && cairn_session_is_recorded(pid)) {
        status = cairn_fail(error, CAIRN_E_USAGE,
                            "process %d cannot be joined: it is being recorded already, until cairn stop %d",
                            (int)pid, (int)pid);
    }
    char **argv = status == CAIRN_OK ? cairn_arguments_list(pid) : NULL;
    if (status == CAIRN_OK && (!argv || !cairn_process_program(pid, program, sizeof program))) {
        status = cairn_fail(error, CAIRN_E_NOT_FOUND, "process %d has ended", (int)pid);
    }
    if (status != CAIRN_OK) {
        cairn_arguments_free(argv);
        return status;
    }
    struct cairn_record_options own = *options;
    own.argv = argv;
    struct cairn_inherited inherited;
    sigset_t watched;
    cairn_inherited_take(&inherited, &watched);
    cairn_inherited_watch_interrupts(&inherited, &watched);
    struct cairn_recorder *recorder = open_recorder(&own, error);
    if (recorder) {
        recorder->joined = true;
        const struct cairn_run_plan plan = {
            .root = pid, .joins = true, .agent = real_agent, .duration_ns = duration_ns};
        status = join(recorder, &plan, program, &watched, result, error);
        close_recorder(recorder);
    } else {
        status = error->status;
    }
    cairn_inherited_restore(&inherited);
    cairn_arguments_free(argv);
    return status;
}
