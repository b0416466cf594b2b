#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cairn/trace.h"
#include "cli/commands.h"
#include "cli/process.h"
#include "cli/summary.h"
#include "collector/collector.h"
#include "collector/session_client.h"
#include "trace/rows.h"

struct snapshot_arguments {
    const char *name, *output;
    bool graph, force;
};

static int say_outcome(const struct snapshot_arguments *arguments, const struct cairn_session_answer *answer)
{
    switch (answer->status) {
    case CAIRN_SESSION_DONE:
        if (arguments->graph) {
            fprintf(stderr, "cairn: graph %" PRIu32 " taken\n", answer->process);
        } else {
            fprintf(stderr, "cairn: snapshot taken\n");
        }
        return CAIRN_EXIT_DONE;
    case CAIRN_SESSION_LEFT_OUT:
        return cairn_complain_format(
            arguments->graph ? "snapshot: no graph could be taken: cairn info says why in its notes"
                             : "snapshot: it could not be written: the recorder says why when it ends");
    case CAIRN_SESSION_REFUSED:
        return cairn_complain_format(
            arguments->graph ? "snapshot: the recording takes no graphs of this process: it runs with "
                               "--graph off, without "
                               "the process, or with --sample, where only Python's objects make one"
                             : "snapshot: the recorder refused");
    default:
        return cairn_complain_format("snapshot: the recorder is of another version, or about to end");
    }
}

/* A program that nobody records is joined for one graph, which is asked for like any other. */
struct visit {
    pid_t pid;
    const char *name;
    pthread_t thread;
    bool began;
    struct cairn_session_answer answer;
    struct cairn_error error;
    enum cairn_status status;
};

static void *ask_and_stop(void *state)
{
    struct visit *visit = state;
    struct cairn_session_answer stopped;
    struct cairn_error ignored;
    visit->status =
        cairn_session_command(visit->pid, CAIRN_SESSION_GRAPH, visit->name, &visit->answer, &visit->error);
    /* Where it has ended meanwhile there is nothing to stop. */
    (void)!cairn_session_command(visit->pid, CAIRN_SESSION_STOP, NULL, &stopped, &ignored);
    return NULL;
}

static void begin_visit(void *state)
{
    struct visit *visit = state;
    visit->began = pthread_create(&visit->thread, NULL, ask_and_stop, visit) == 0;
    if (!visit->began) {
        kill(getpid(), SIGTERM); /* as a user ends it */
    }
}

/* The reason stands at the end of the notes of a trace that holds nothing else, and goes with it. */
static int say_failure(const char *path)
{
    struct cairn_trace *trace = NULL;
    struct cairn_error error;
    const struct cairn_note *notes = NULL;
    size_t count = 0;
    int result;
    enum cairn_status status = cairn_trace_open(path, NULL, &trace, &error);
    if (status == CAIRN_OK) {
        status = cairn_trace_notes(trace, &notes, &count, &error);
    }
    const char *why = status == CAIRN_OK ? cairn_trace_recording(trace)->stopped_why : NULL;
    if (status != CAIRN_OK) {
        result = cairn_complain(&error);
    } else if (why != NULL && strcmp(why, "exited") == 0) {
        result = cairn_complain_format("snapshot: no graph could be taken: the program ended before");
    } else if (count > 0) {
        result = cairn_complain_format("snapshot: no graph could be taken: %s", notes[count - 1].text);
    } else {
        result = cairn_complain_format("snapshot: no graph could be taken: try again");
    }
    cairn_trace_close(trace);
    return result;
}

static int visit_program(const struct snapshot_arguments *arguments, pid_t pid)
{
    struct visit visit = {.pid = pid, .name = arguments->name, .status = CAIRN_E_SYSTEM};
    struct cairn_record_options options = CAIRN_RECORD_OPTIONS_DEFAULT;
    struct cairn_record_result result;
    struct cairn_error error = {.status = CAIRN_OK};
    options.output = arguments->output;
    options.replace = arguments->force;
    options.joined = begin_visit;
    options.joined_state = &visit;
    const enum cairn_status status = cairn_attach(&options, pid, 0, &result, &error);
    if (visit.began) {
        pthread_join(visit.thread, NULL);
    }
    if (status != CAIRN_OK) {
        return cairn_complain(&error);
    }
    int outcome;
    if (!visit.began) {
        outcome = cairn_complain_format("snapshot: there is no memory to ask for a graph");
    } else if (visit.status != CAIRN_OK) {
        outcome = cairn_complain(&visit.error);
    } else if (visit.answer.status == CAIRN_SESSION_LEFT_OUT) {
        outcome = say_failure(result.path);
    } else {
        outcome = say_outcome(arguments, &visit.answer);
    }
    if (outcome == CAIRN_EXIT_DONE) {
        cairn_summary(result.path);
    } else {
        unlink(result.path); /* without its graph it is not what was asked for */
    }
    return outcome;
}

static int run(const struct cairn_invocation *invocation)
{
    const struct snapshot_arguments *arguments = invocation->arguments;
    struct cairn_session_answer answer;
    struct cairn_error error;
    pid_t pid;
    if (arguments->output != NULL && arguments->output[0] == '\0') {
        return cairn_complain_format("snapshot: -o: the name is empty: say -o FILE");
    }
    if (!cairn_process_argument(invocation, &pid)) {
        return CAIRN_EXIT_FAILED;
    }
    const enum cairn_session_verb verb = arguments->graph ? CAIRN_SESSION_GRAPH : CAIRN_SESSION_SNAPSHOT;
    const enum cairn_status status = cairn_session_command(pid, verb, arguments->name, &answer, &error);
    if (status == CAIRN_E_NOT_FOUND && arguments->graph) {
        return visit_program(arguments, pid);
    }
    if (status != CAIRN_OK) {
        return cairn_complain(&error);
    }
    return say_outcome(arguments, &answer);
}

static const struct cairn_option options[] = {
    {.name = "graph",
     .type = CAIRN_OPTION_SET,
     .offset = offsetof(struct snapshot_arguments, graph),
     .help = "with the graph of objects"},
    {.name = "name",
     .type = CAIRN_OPTION_TEXT,
     .offset = offsetof(struct snapshot_arguments, name),
     .argument = "NAME",
     .help = "what to call the moment"},
    {.name = "output",
     .letter = 'o',
     .type = CAIRN_OPTION_TEXT,
     .offset = offsetof(struct snapshot_arguments, output),
     .argument = "FILE",
     .help = "the trace of a program that is not recorded (default NAME.PID.cairn)",
     .completion = CAIRN_COMPLETE_FILE},
    {.name = "force",
     .letter = 'f',
     .type = CAIRN_OPTION_SET,
     .offset = offsetof(struct snapshot_arguments, force),
     .help = "replace that file when it is there"},
    {.name = NULL},
};

static const struct cairn_option_group groups[] = {
    {.title = "Options", .options = options},
    {.title = NULL},
};

static const char *const examples[] = {
    "cairn snapshot 4711",
    "a snapshot of the heap, now",
    "cairn snapshot 4711 --graph --name before",
    "with its objects: who holds whom",
    NULL,
};

const struct cairn_command cairn_command_snapshot = {
    .name = "snapshot",
    .summary = "take a snapshot of a program that runs",
    .positional = "PID",
    .positional_min = 1,
    .positional_max = 1,
    .completion = CAIRN_COMPLETE_NOTHING,
    .description =
        "PID is a process that is being recorded, or the recorder's own. A graph waits for the program's "
        "next allocation or release; a native program that does neither is held still while it is looked "
        "at, and a Python program must come to run some of its own code.\n\n"
        "A program that is not recorded is joined for its graph, and left: Python objects are all there; "
        "of a native program only blocks that came since, because others are not known.",
    .examples = examples,
    .groups = groups,
    .arguments_size = sizeof(struct snapshot_arguments),
    .defaults = &(const struct snapshot_arguments){.graph = false},
    .run = run,
};
