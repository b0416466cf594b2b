/* Recorded processes come and go. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/arguments.h"
#include "collector/program_path.h"
#include "collector/recorder.h"
#include "collector/table.h"

#define CHILD_WAIT_NS    500000000ll   /* for a new child to begin, or to exec and report */
#define UNKNOWN_CHILD_NS 10000000000ll /* for a child whose pid the parent did not tell */
#define MAX_SEGMENTS     8192u         /* of one process */

static bool is_alive(pid_t pid)
{
    const char state = cairn_thread_state(pid, pid);
    return state != 0 && state != 'Z' && state != 'X';
}

struct cairn_target *cairn_recorder_target_by_pid(struct cairn_recorder *recorder, pid_t pid)
{
    for (size_t i = recorder->target_count; i-- > 0;) {
        struct cairn_target *target = recorder->targets[i];
        if (target->pid == pid && target->state == CAIRN_TARGET_ALIVE) {
            return target;
        }
    }
    return NULL;
}

static struct cairn_target *target_by_number(struct cairn_recorder *recorder, uint32_t number)
{
    return number >= 1 && number <= recorder->target_count ? recorder->targets[number - 1] : NULL;
}

void cairn_recorder_write_process(struct cairn_recorder *recorder, const struct cairn_target *target)
{
    struct cairn_message *message = cairn_message_new(CAIRN_MESSAGE_PROCESS, 0);
    if (message) {
        message->of.process = target->row;
        cairn_queue_push(&recorder->pipeline.messages, message);
    }
}

static bool add_segment(struct cairn_recorder *recorder, struct cairn_target *target,
                        struct cairn_error *error)
{
    const struct cairn_record_options *options = recorder->options;
    const struct cairn_segment_settings settings = {
        .process = target->number,
        .segment_index = (uint32_t)target->segment_count,
        .clock_base = recorder->clock.base,
        .clock_kind = recorder->clock.kind,
        .max_depth = options->max_depth,
        .options = (options->follow ? CAIRN_OPTION_FOLLOW : 0u) |
                   (options->python ? CAIRN_OPTION_PYTHON : 0u) |
                   (options->graph != CAIRN_GRAPH_OFF ? CAIRN_OPTION_GRAPHS | CAIRN_OPTION_EXIT_GRAPH : 0u) |
                   (options->native ? CAIRN_OPTION_NATIVE : 0u) | (target->is_root ? CAIRN_OPTION_ROOT : 0u) |
                   (options->labels == CAIRN_LABELS_VALUES ? CAIRN_OPTION_LABEL_VALUES : 0u) |
                   (options->labels == CAIRN_LABELS_NONE ? CAIRN_OPTION_NO_LABELS : 0u),
        .sample_bytes = (uint64_t)options->sample_bytes,
        .sample_seed = recorder->sample_seed,
    };
    const size_t sources = target->source_count + CAIRN_RINGS_PER_SEGMENT;
    struct cairn_segment *grown_segments =
        realloc(target->segments, (target->segment_count + 1) * sizeof *grown_segments);
    if (grown_segments) {
        target->segments = grown_segments;
    }
    struct cairn_source *grown_sources = realloc(target->sources, sources * sizeof *grown_sources);
    if (grown_sources) {
        target->sources = grown_sources;
    }
    if (!grown_segments || !grown_sources) {
        cairn_fail(error, CAIRN_E_NOMEM, "the recorder ran out of memory");
        return false;
    }
    struct cairn_segment *segment = &target->segments[target->segment_count];
    if (cairn_segment_open(segment, &settings, &recorder->words, error) != CAIRN_OK) {
        return false;
    }
    for (uint32_t i = 0; i < CAIRN_RINGS_PER_SEGMENT; i++) {
        struct cairn_source *source = &target->sources[target->source_count + i];
        *source = (struct cairn_source){.target = target};
        cairn_ring_reader_init(&source->reader, &segment->header->rings[i],
                               cairn_segment_ring_words(segment, i));
    }
    target->segment_count++;
    target->source_count = sources;
    return true;
}

static void free_sources(struct cairn_target *target, struct cairn_robust_words *words)
{
    for (size_t i = 0; i < target->source_count; i++) {
        cairn_ring_reader_release(&target->sources[i].reader);
        cairn_nodes_release(&target->sources[i].nodes);
        free(target->sources[i].thread_name);
    }
    for (size_t i = 0; i < target->segment_count; i++) {
        cairn_segment_close(&target->segments[i], words);
    }
    free(target->sources);
    free(target->segments);
    target->sources = NULL;
    target->segments = NULL;
    target->source_count = 0;
    target->segment_count = 0;
}

static void free_target(struct cairn_target *target, struct cairn_robust_words *words)
{
    free_sources(target, words);
    while (target->images) {
        struct cairn_fork_image *image = target->images;
        target->images = image->next;
        cairn_fork_image_free(image);
    }
    cairn_code_map_free(target->code);
    cairn_python_codes_release(&target->python_codes);
    free(target->python_version);
    free(target->file);
    free(target->ended);
    if (target->pidfd >= 0) {
        close(target->pidfd);
    }
    char *program = (char *)(uintptr_t)target->row.program; /* owned here, const for readers of the row */
    free(program);
    char *args = (char *)(uintptr_t)target->row.args;
    free(args);
    free(target);
}

void cairn_recorder_free_targets(struct cairn_recorder *recorder)
{
    for (size_t i = 0; i < recorder->target_count; i++) {
        free_target(recorder->targets[i], &recorder->words);
    }
    free(recorder->targets);
    free(recorder->heap);
}

/* Registers for the end of the process. */
static void watch_pid(struct cairn_recorder *recorder, struct cairn_target *target)
{
    target->pidfd = (int)syscall(SYS_pidfd_open, target->pid, 0);
    if (target->pidfd >= 0) {
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)target->number << 32};
        epoll_ctl(recorder->epoll, EPOLL_CTL_ADD, target->pidfd, &event);
    }
}

static struct cairn_target *make_target(struct cairn_recorder *recorder, pid_t pid, uint32_t parent,
                                        const char *origin)
{
    struct cairn_target **targets =
        cairn_grown(recorder->targets, &recorder->target_capacity, recorder->target_count, sizeof(void *));
    struct cairn_target *target = calloc(1, sizeof *target);
    if (targets) {
        recorder->targets = targets;
    }
    if (!targets || !target) {
        free(target);
        return NULL;
    }
    char program[4096], file[4096];
    if (!cairn_process_program(pid, program, sizeof program) || !cairn_process_file(pid, file, sizeof file)) {
        snprintf(program, sizeof program, "?");
        snprintf(file, sizeof file, "?");
    }
    target->number = (uint32_t)recorder->target_count + 1;
    target->pid = pid;
    target->is_root = recorder->target_count == 0 || recorder->targets[0]->pid == pid;
    target->pidfd = -1;
    target->start_ticks = cairn_process_start_ticks(pid);
    target->code = cairn_code_map_new();
    target->code_epoch = 1;
    target->file = strdup(file);
    target->ledger = cairn_ledger_process_new(recorder->ledger, target->number, NULL);
    target->row =
        (struct cairn_process){.process = target->number,
                               .parent = parent,
                               .pid = pid,
                               .program = strdup(program),
                               .args = recorder->options->keep_args ? cairn_arguments_of_process(pid) : NULL,
                               .origin = origin,
                               .started_ns = cairn_clock_elapsed_ns(&recorder->clock),
                               .ended_ns = CAIRN_UNKNOWN,
                               .exit_status = CAIRN_UNKNOWN,
                               .signal = CAIRN_UNKNOWN};
    if (!target->code || !target->ledger || !target->file || !target->row.program) {
        free_target(target, &recorder->words);
        return NULL;
    }
    recorder->targets[recorder->target_count++] = target;
    recorder->alive++;
    watch_pid(recorder, target);
    cairn_recorder_write_process(recorder, target);
    return target;
}

void cairn_recorder_note_lost_fork(struct cairn_recorder *recorder, const struct cairn_target *child)
{
    cairn_recorder_note(
        recorder, child->number,
        "what this process inherited from its parent is not known: the fork was not recorded");
}

/* Passes the newest segment on and closes our descriptor. */
static void answer_segment(struct cairn_recorder *recorder, struct cairn_session_call *call,
                           struct cairn_target *target)
{
    struct cairn_segment *segment = &target->segments[target->segment_count - 1];
    recorder->segments_passed += cairn_session_answer(call, CAIRN_SESSION_DONE, target->number, segment->fd);
    close(segment->fd);
    segment->fd = -1;
}

static void keep_refusal(struct cairn_recorder *recorder, const char *why)
{
    if (!recorder->refusal[0]) {
        snprintf(recorder->refusal, sizeof recorder->refusal, "%s", why);
    }
}

void cairn_recorder_turned_away(struct cairn_recorder *recorder)
{
    static const char why[] = "the recorder may have no more files open (ulimit -n)";
    if (!recorder->turned_away) {
        recorder->turned_away = true;
        cairn_recorder_note(recorder, 0, "not everything was recorded: %s", why);
        keep_refusal(recorder, why);
    }
}

static void refuse(struct cairn_recorder *recorder, struct cairn_session_call *call,
                   enum cairn_session_status answer, const char *why)
{
    cairn_recorder_note(recorder, 0, "process %d was not recorded: %s", (int)call->pid, why);
    keep_refusal(recorder, why);
    cairn_session_answer(call, (int32_t)answer, 0, -1);
}

/* A forked child: what it inherits is there already, or comes through the merge. */
static void expect_inheritance(struct cairn_recorder *recorder, struct cairn_target *child,
                               struct cairn_target *parent, uint64_t serial)
{
    if (cairn_recorder_inherit(recorder, child, parent, serial)) {
        return;
    }
    if (parent->state == CAIRN_TARGET_DONE) {
        cairn_recorder_note_lost_fork(recorder, child);
        return;
    }
    child->awaits_fork = true;
    child->fork_parent = parent->number;
    child->fork_serial = serial;
    child->awaits_since_ns = cairn_clock_elapsed_ns(&recorder->clock);
}

void cairn_recorder_hello(struct cairn_recorder *recorder, struct cairn_session_call *call)
{
    const struct cairn_session_request *request = &call->request;
    if (request->version != CAIRN_WIRE_VERSION) {
        refuse(recorder, call, CAIRN_SESSION_OTHER_VERSION,
               "its libcairn.so is of another version than the recorder");
        return;
    }
    if (recorder->stopping) {
        cairn_session_answer(call, CAIRN_SESSION_ENDED, 0, -1);
        return;
    }
    struct cairn_target *before = cairn_recorder_target_by_pid(recorder, call->pid);
    if (before && before->start_ticks != cairn_process_start_ticks(call->pid)) {
        cairn_recorder_target_left(recorder, before); /* its number was given again */
        before = NULL;
    }
    const bool is_fork = request->reason == CAIRN_HELLO_FORK;
    if (!recorder->options->follow && !before && recorder->target_count > 0) {
        cairn_session_answer(call, CAIRN_SESSION_REFUSED, 0, -1);
        return;
    }
    struct cairn_target *parent = is_fork ? target_by_number(recorder, request->process)
                                          : cairn_recorder_target_by_pid(recorder, request->parent_pid);
    const char *origin = is_fork                                 ? "fork"
                         : request->reason == CAIRN_HELLO_ATTACH ? "attach"
                         : before || recorder->target_count > 0  ? "exec"
                                                                 : "start";
    uint32_t parent_number = parent ? parent->number : 0;
    if (before) {
        /* The same process runs another program. */
        if (!is_fork) {
            parent_number = before->row.parent;
        }
        cairn_recorder_target_left(recorder, before);
    }
    struct cairn_target *target = make_target(recorder, call->pid, parent_number, origin);
    struct cairn_error error = {.message = "the recorder ran out of memory"};
    if (!target) {
        refuse(recorder, call, CAIRN_SESSION_REFUSED, error.message);
        return;
    }
    if (!add_segment(recorder, target, &error)) {
        refuse(recorder, call, CAIRN_SESSION_REFUSED, error.message);
        cairn_recorder_target_left(recorder, target);
        return;
    }
    if (is_fork && parent) {
        expect_inheritance(recorder, target, parent, request->fork_serial);
    }
    answer_segment(recorder, call, target);
}

void cairn_recorder_more_rings(struct cairn_recorder *recorder, struct cairn_session_call *call)
{
    struct cairn_target *target = target_by_number(recorder, call->request.process);
    if (recorder->stopping || !target || target->state != CAIRN_TARGET_ALIVE || target->pid != call->pid) {
        cairn_session_answer(call, recorder->stopping ? CAIRN_SESSION_ENDED : CAIRN_SESSION_REFUSED, 0, -1);
        return;
    }
    struct cairn_error error;
    if (target->segment_count >= MAX_SEGMENTS || !add_segment(recorder, target, &error)) {
        cairn_session_answer(call, CAIRN_SESSION_REFUSED, 0, -1);
        return;
    }
    answer_segment(recorder, call, target);
}

void cairn_recorder_target_left(struct cairn_recorder *recorder, struct cairn_target *target)
{
    if (target->state != CAIRN_TARGET_ALIVE) {
        return;
    }
    target->state = CAIRN_TARGET_LEFT;
    target->left_stamp = cairn_clock_stamp(&recorder->clock);
    target->row.ended_ns = cairn_clock_elapsed_ns(&recorder->clock);
    recorder->alive--;
    if (target->pidfd >= 0) {
        epoll_ctl(recorder->epoll, EPOLL_CTL_DEL, target->pidfd, NULL);
        close(target->pidfd);
        target->pidfd = -1;
    }
}

#define MOST_SKIPPED (1ull << 40) /* more than any recording has events */

/* By how much a counter grew that starts again with a new thread; 0 where it is rubbish. */
static uint64_t growth(uint64_t now, uint64_t before, uint64_t most)
{
    const uint64_t more = now >= before ? now - before : now;
    return more <= most ? more : 0;
}

/* Children that run unrecorded. */
static void read_unheard(struct cairn_recorder *recorder, struct cairn_target *target)
{
    if (target->segment_count > 0 && !target->unheard_children &&
        atomic_load_explicit(&target->segments[0].header->unheard_children, memory_order_relaxed) > 0) {
        target->unheard_children = true;
        cairn_recorder_note(recorder, target->number,
                            "children that it forked were not recorded: they could not reach the recorder "
                            "(another user or root folder, a filter or limit of the program's)");
    }
}

/* Of threads without a ring, which count together. */
static void read_ringless(struct cairn_recorder *recorder, struct cairn_target *target)
{
    if (target->segment_count == 0) {
        return;
    }
    const uint64_t ringless =
        atomic_load_explicit(&target->segments[0].header->ringless, memory_order_relaxed);
    if (ringless > target->ringless_events && ringless <= MOST_SKIPPED) {
        recorder->skipped_events += ringless - target->ringless_events;
        target->ringless_events = ringless;
    }
}

/* What the threads counted themselves. */
static void read_counters(struct cairn_recorder *recorder, struct cairn_source *source)
{
    const uint64_t skipped = atomic_load_explicit(&source->reader.control->skipped, memory_order_relaxed);
    const uint64_t stalled = atomic_load_explicit(&source->reader.control->stalled_ns, memory_order_relaxed);
    const uint64_t more = growth(skipped, source->skipped, MOST_SKIPPED);
    recorder->skipped_events += more;
    source->target->skipped_events += more;
    recorder->stalled_ns +=
        (int64_t)growth(stalled, source->stalled_ns, (uint64_t)cairn_clock_elapsed_ns(&recorder->clock));
    source->skipped = skipped;
    source->stalled_ns = stalled;
}

static void note_damage(struct cairn_recorder *recorder, struct cairn_source *source)
{
    if (source->reader.damaged && !source->damage_noted) {
        source->damage_noted = true;
        recorder->damaged_rings++;
        cairn_recorder_note(recorder, source->target->number,
                            "thread %d: its ring was overwritten, the rest of its events is missing",
                            source->tid);
    }
}

void cairn_recorder_target_done(struct cairn_recorder *recorder, struct cairn_target *target)
{
    target->state = CAIRN_TARGET_DONE;
    const int64_t ended_ns = target->row.ended_ns;
    size_t torn = 0;
    read_ringless(recorder, target);
    read_unheard(recorder, target);
    for (size_t i = 0; i < target->source_count; i++) {
        struct cairn_source *source = &target->sources[i];
        read_counters(recorder, source);
        note_damage(recorder, source);
        torn += source->thread.number != 0 &&
                atomic_load_explicit(&source->reader.control->inside, memory_order_relaxed) != 0;
        cairn_recorder_thread_end(recorder, source, ended_ns);
    }
    if (torn) {
        cairn_recorder_note(recorder, target->number,
                            "ended while %zu thread%s recorded an event: at most that many are missing", torn,
                            torn == 1 ? "" : "s");
    }
    if (target->skipped_events) {
        cairn_recorder_note(
            recorder, target->number,
            "%llu events were skipped: they came from signal handlers in the middle of another event",
            (unsigned long long)target->skipped_events);
    }
    if (target->ringless_events) {
        cairn_recorder_note(recorder, target->number,
                            "%llu events were skipped: their threads could not reach the recorder for a ring "
                            "(another user or root folder, a filter or limit of the program's)",
                            (unsigned long long)target->ringless_events);
    }
    cairn_recorder_write_process(recorder, target);
    cairn_ledger_process_end(recorder->ledger, target->ledger, (uint64_t)ended_ns / CAIRN_EVENT_TIME_UNIT_NS);
    free_sources(target, &recorder->words);
}

static void answer_filter(const struct cairn_target *target)
{
    struct cairn_segment_header *header = target->segments[0].header;
    const uint32_t asked = atomic_load_explicit(&header->filter_asked, memory_order_relaxed);
    if (asked != atomic_load_explicit(&header->filter_answer, memory_order_relaxed) / 2) {
        const uint32_t answer = asked * 2 + cairn_process_is_locked_in(target->pid);
        atomic_store_explicit(&header->filter_answer, answer, memory_order_relaxed);
    }
}

/* Keeps the header's figures of the process up to date, and its segments' last-look times. */
static void tend_segments(struct cairn_target *target, int64_t now_mono_ns)
{
    struct cairn_segment_header *first = target->segments[0].header;
    struct cairn_ledger_process *ledger = target->ledger;
    const uint64_t resets = atomic_load_explicit(&first->peak_reset, memory_order_relaxed);
    if (resets != target->peak_resets) {
        target->peak_resets = resets;
        ledger->traced_peak_bytes = ledger->traced_bytes;
    }
    for (size_t i = 0; i < target->segment_count; i++) {
        struct cairn_segment_header *header = target->segments[i].header;
        atomic_store_explicit(&header->traced_bytes, ledger->traced_bytes, memory_order_relaxed);
        atomic_store_explicit(&header->traced_peak_bytes, ledger->traced_peak_bytes, memory_order_relaxed);
        atomic_store_explicit(&header->consumed_ns, (uint64_t)now_mono_ns, memory_order_relaxed);
    }
}

/* A child says HELLO at its first event, which may be never: whether it still runs the program it was forked from. */
static bool may_still_report(const struct cairn_target *parent, pid_t child)
{
    char file[4096];
    return is_alive(child) && cairn_process_file(child, file, sizeof file) && strcmp(file, parent->file) == 0;
}

/* Frees the images of children that will not ask for them any more. */
static void sweep_images(struct cairn_target *target, int64_t now_ns)
{
    for (struct cairn_fork_image **at = &target->images; *at;) {
        struct cairn_fork_image *image = *at;
        const int64_t age_ns = now_ns - image->t_ns;
        if (age_ns < CHILD_WAIT_NS ||
            (image->child ? may_still_report(target, image->child) : age_ns < UNKNOWN_CHILD_NS)) {
            at = &image->next;
            continue;
        }
        *at = image->next;
        cairn_fork_image_free(image);
    }
}

void cairn_recorder_tend_targets(struct cairn_recorder *recorder, int64_t now_ns)
{
    const bool sweep = now_ns - recorder->swept_ns >= 1000000000ll;
    const int64_t now_mono_ns = now_ns + recorder->clock.start_ns;
    if (sweep) {
        recorder->swept_ns = now_ns;
    }
    for (size_t i = 0; i < recorder->target_count; i++) {
        struct cairn_target *target = recorder->targets[i];
        if (target->state == CAIRN_TARGET_ALIVE && target->segment_count) {
            tend_segments(target, now_mono_ns);
            answer_filter(target);
        }
        if (!sweep) {
            continue;
        }
        read_ringless(recorder, target);
        read_unheard(recorder, target);
        for (size_t j = 0; j < target->source_count; j++) {
            read_counters(recorder, &target->sources[j]);
            note_damage(recorder, &target->sources[j]);
            cairn_ring_reader_shrink(&target->sources[j].reader);
        }
        sweep_images(target, now_ns);
        if (target->state == CAIRN_TARGET_ALIVE && target->pidfd < 0 && !is_alive(target->pid)) {
            cairn_recorder_target_left(recorder, target);
        }
    }
}

bool cairn_recorder_expects_children(struct cairn_recorder *recorder, int64_t now_ns)
{
    for (size_t i = 0; recorder->options->follow && i < recorder->target_count; i++) {
        const struct cairn_target *target = recorder->targets[i];
        for (const struct cairn_fork_image *image = target->images; image; image = image->next) {
            const int64_t ended_ns = target->row.ended_ns;
            const int64_t since_ns = now_ns - (ended_ns > image->t_ns ? ended_ns : image->t_ns);
            const bool young = since_ns < CHILD_WAIT_NS && (image->child == 0 || is_alive(image->child));
            if (young || (image->child && may_still_report(target, image->child))) {
                return true;
            }
        }
    }
    return false;
}

void cairn_recorder_stop_agents(struct cairn_recorder *recorder)
{
    recorder->stopping = true;
    for (size_t i = 0; i < recorder->target_count; i++) {
        const struct cairn_target *target = recorder->targets[i];
        for (size_t j = 0; j < target->segment_count; j++) {
            atomic_fetch_or_explicit(&target->segments[j].header->control, CAIRN_CONTROL_STOP,
                                     memory_order_release);
        }
    }
}
