#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/commands.h"
#include "cli/process.h"
#include "collector/session_client.h"

struct snapshot_arguments {
    const char *name;
    bool graph;
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
        return cairn_complain_format("snapshot: no graph could be taken: cairn info says why in its notes");
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

static int run(const struct cairn_invocation *invocation)
{
    const struct snapshot_arguments *arguments = invocation->arguments;
    struct cairn_session_answer answer;
    struct cairn_error error;
    pid_t pid;
    if (!cairn_process_argument(invocation, &pid)) {
        return CAIRN_EXIT_FAILED;
    }
    const enum cairn_session_verb verb = arguments->graph ? CAIRN_SESSION_GRAPH : CAIRN_SESSION_SNAPSHOT;
    if (cairn_session_command(pid, verb, arguments->name, &answer, &error) != CAIRN_OK) {
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
    .summary = "take a snapshot of a program while it is recorded",
    .positional = "PID",
    .positional_min = 1,
    .positional_max = 1,
    .completion = CAIRN_COMPLETE_NOTHING,
    .description =
        "PID is a process that is being recorded, or the recorder's own. A graph waits for the program's "
        "next allocation or release; a native program that does neither is held still while it is looked "
        "at, and a Python program must come to run some of its own code.",
    .examples = examples,
    .groups = groups,
    .arguments_size = sizeof(struct snapshot_arguments),
    .defaults = &(const struct snapshot_arguments){.graph = false},
    .run = run,
};
