#include "collector/graph_asking.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "collector/answers.h"
#include "collector/graphs.h"
#include "collector/image_room.h"
#include "collector/recorder.h"

#define MS            1000000ll
#define ASK_AGAIN_NS  (100 * MS) /* the thread that was to answer may be busy elsewhere */
#define IDLE_NS       (250 * MS) /* without an answer the program does nothing */
#define COMMAND_NS    (20000 * MS)
#define SIGNAL_NS     (2000 * MS)
#define LONG_LIFE_NS  (1000 * MS)
#define MUCH_BYTES    (16ll << 20)
#define PEAK_LEAST    (1ll << 20) /* the first graph of --graph peak */
#define ROOM_EVERY_NS (250 * MS)
#define ROOM_FROM     (64ll << 20) /* smaller programs always have room for an image */

/* A native heap's graph needs every live block; a sampled recording has that of Python only. */
static bool can_have_graphs(const struct cairn_recorder *recorder, const struct cairn_target *target)
{
    return recorder->options->graph != CAIRN_GRAPH_OFF && target->state == CAIRN_TARGET_ALIVE &&
           (recorder->options->sample_bytes == 0 || target->python_version);
}

static struct cairn_graph_ask *add(struct cairn_recorder *recorder, uint32_t process, const char *name,
                                   int64_t now_ns)
{
    struct cairn_graph_ask *ask = calloc(1, sizeof *ask);
    if (ask) {
        *ask = (struct cairn_graph_ask){.process = process,
                                        .since_ns = now_ns,
                                        .name = name && name[0] ? strdup(name) : NULL,
                                        .call = {.fd = -1}};
        struct cairn_graph_ask **at = &recorder->asks;
        while (*at) {
            at = &(*at)->next;
        }
        *at = ask;
    }
    return ask;
}

static struct cairn_graph_ask *active(const struct cairn_recorder *recorder, uint32_t process)
{
    struct cairn_graph_ask *ask = recorder->asks;
    while (ask && (ask->process != process || ask->number == 0 || ask->taken)) {
        ask = ask->next;
    }
    return ask;
}

static bool has_any(const struct cairn_recorder *recorder, uint32_t process)
{
    const struct cairn_graph_ask *ask = recorder->asks;
    while (ask && ask->process != process) {
        ask = ask->next;
    }
    return ask != NULL;
}

void cairn_graph_ask_command(struct cairn_recorder *recorder, struct cairn_session_call *call)
{
    const pid_t pid = call->request.pid;
    struct cairn_target *target = pid                          ? cairn_recorder_target_by_pid(recorder, pid)
                                  : recorder->target_count > 0 ? recorder->targets[0]
                                                               : NULL;
    const bool possible = target && can_have_graphs(recorder, target);
    struct cairn_graph_ask *ask =
        possible ? add(recorder, target->number, call->request.name, cairn_clock_elapsed_ns(&recorder->clock))
                 : NULL;
    if (!ask) {
        cairn_session_answer(call, CAIRN_SESSION_REFUSED, 0, -1);
        return;
    }
    epoll_ctl(recorder->epoll, EPOLL_CTL_DEL, call->fd, NULL);
    ask->urgent = true;
    ask->call = *call;
    call->fd = -1;
}

bool cairn_graph_ask_before(struct cairn_recorder *recorder, const struct cairn_target *target, int signal)
{
    if (!can_have_graphs(recorder, target)) {
        return false;
    }
    struct cairn_graph_ask *ask =
        add(recorder, target->number, "SIGTERM", cairn_clock_elapsed_ns(&recorder->clock));
    if (ask) {
        ask->urgent = true;
        ask->signal = signal;
    }
    return ask != NULL;
}

struct cairn_graph_ask *cairn_graph_ask_take(struct cairn_recorder *recorder, uint32_t process,
                                             uint32_t number)
{
    struct cairn_graph_ask *ask = number ? active(recorder, process) : NULL;
    if (!ask || ask->number != number) {
        return NULL;
    }
    ask->taken = true;
    return ask;
}

void cairn_graph_ask_goes_on(struct cairn_recorder *recorder, struct cairn_graph_ask *ask)
{
    const struct cairn_target *target = recorder->targets[ask->process - 1];
    if (ask->signal && target->state == CAIRN_TARGET_ALIVE) {
        kill(target->pid, ask->signal);
    }
    ask->signal = 0;
}

void cairn_graph_ask_finish(struct cairn_recorder *recorder, struct cairn_graph_ask *ask, uint32_t graph)
{
    struct cairn_graph_ask **at = &recorder->asks;
    while (*at != ask) {
        at = &(*at)->next;
    }
    *at = ask->next;
    cairn_graph_ask_goes_on(recorder, ask);
    if (ask->call.fd >= 0) {
        cairn_answer_when_committed(recorder, &ask->call, graph ? CAIRN_SESSION_DONE : CAIRN_SESSION_LEFT_OUT,
                                    graph);
    }
    free(ask->name);
    free(ask);
}

/* Again and again until the program answers: release pairs with the acquire of the thread that clears the bit. */
static void tell_agent(const struct cairn_target *target)
{
    for (size_t i = 0; i < target->segment_count; i++) {
        atomic_fetch_or_explicit(&target->segments[i].header->control, CAIRN_CONTROL_GRAPH,
                                 memory_order_release);
    }
}

void cairn_graph_ask_withdraw(const struct cairn_target *target)
{
    for (size_t i = 0; i < target->segment_count; i++) {
        atomic_fetch_and_explicit(&target->segments[i].header->control, ~(uint32_t)CAIRN_CONTROL_GRAPH,
                                  memory_order_relaxed);
    }
}

static void ask_agent(struct cairn_graph_ask *ask, const struct cairn_target *target, int64_t now_ns)
{
    struct cairn_segment_header *header = target->segments[0].header;
    ask->number = (uint32_t)atomic_fetch_add_explicit(&header->request, 1, memory_order_relaxed) + 1;
    ask->since_ns = now_ns;
    ask->asked_ns = now_ns;
    tell_agent(target);
}

/* A Python that ran before us is seen when it takes memory from the C library or gives it back: its small objects need none. */
static const char *why_unanswered(const struct cairn_target *target)
{
    return target->python_version && strcmp(target->row.origin, "attach") == 0
               ? "an object graph was left out: the program was asked for it, and took no memory from the C "
                 "library. A Python program that was joined is seen only when it does, which one that waits, "
                 "or "
                 "makes small objects only, does not: ask again when it works on something larger, or start "
                 "it "
                 "with cairn record"
               : "an object graph was left out: the program was asked for it, and did nothing";
}

/* False when it is over. */
static bool tend_ask(struct cairn_recorder *recorder, struct cairn_graph_ask *ask, int64_t now_ns)
{
    struct cairn_target *target = recorder->targets[ask->process - 1];
    if (ask->taken) {
        return true;
    }
    if (target->state == CAIRN_TARGET_DONE || target->segment_count == 0) {
        return false;
    }
    if (ask->number == 0) {
        if (!active(recorder, ask->process)) {
            ask_agent(ask, target, now_ns);
        }
        return true;
    }
    if (ask->urgent && !ask->in_place && now_ns - ask->since_ns >= IDLE_NS && !target->python_version) {
        ask->in_place = true;
        ask->taken = cairn_graphs_in_place(recorder, target, ask, now_ns);
        return true;
    }
    if (ask->urgent && now_ns - ask->since_ns >= (ask->signal ? SIGNAL_NS : COMMAND_NS)) {
        cairn_recorder_note(recorder, ask->process, "%s", why_unanswered(target));
        return false;
    }
    if (now_ns - ask->asked_ns >= ASK_AGAIN_NS) {
        ask->asked_ns = now_ns;
        tell_agent(target);
    }
    return true;
}

static bool is_worth_one(const struct cairn_target *target, int64_t now_ns)
{
    return target->is_root || now_ns - target->row.started_ns >= LONG_LIFE_NS ||
           target->ledger->traced_bytes >= MUCH_BYTES;
}

/* What `record --graph` wants now and then. */
static bool is_due(const struct cairn_record_options *options, const struct cairn_target *target,
                   int64_t now_ns)
{
    const int64_t bytes = target->ledger->traced_bytes;
    switch (options->graph) {
    case CAIRN_GRAPH_EVERY:
        return now_ns - (target->graph_ns ? target->graph_ns : target->row.started_ns) >=
               options->graph_every_ns;
    case CAIRN_GRAPH_PEAK:
        return bytes >= PEAK_LEAST && bytes - bytes / 5 > target->graph_bytes; /* a quarter above it */
    default:
        return false;
    }
}

/* Whether the system has memory for an image of the target, half of which it may come to write to meanwhile. */
static void tend_room(struct cairn_target *target, int64_t now_ns)
{
    if (now_ns - target->room_ns < ROOM_EVERY_NS || target->ledger->traced_bytes < ROOM_FROM) {
        return;
    }
    target->room_ns = now_ns;
    atomic_store_explicit(&target->segments[0].header->no_image, !cairn_image_room(target->pid),
                          memory_order_relaxed);
}

void cairn_graph_asking_tend(struct cairn_recorder *recorder, int64_t now_ns)
{
    for (size_t i = 0; i < recorder->target_count; i++) {
        struct cairn_target *target = recorder->targets[i];
        if (!can_have_graphs(recorder, target) || target->segment_count == 0) {
            continue;
        }
        tend_room(target, now_ns);
        if (is_due(recorder->options, target, now_ns) && is_worth_one(target, now_ns) &&
            !has_any(recorder, target->number)) {
            target->graph_ns = now_ns;
            target->graph_bytes = target->ledger->traced_bytes;
            add(recorder, target->number, NULL, now_ns);
        }
    }
    for (struct cairn_graph_ask *ask = recorder->asks, *next; ask; ask = next) {
        next = ask->next;
        if (!tend_ask(recorder, ask, now_ns)) {
            cairn_graph_ask_finish(recorder, ask, 0);
        }
    }
}

void cairn_graph_asking_free(struct cairn_recorder *recorder)
{
    while (recorder->asks) {
        recorder->asks->signal = 0; /* the recording ends, the program goes on */
        cairn_graph_ask_finish(recorder, recorder->asks, 0);
    }
}
