#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/commands.h"
#include "cli/process.h"
#include "cli/summary.h"
#include "collector/collector.h"

struct attach_arguments {
    const char *output;
    bool force, quiet;
    int64_t duration_ns;
};

static void say_joined(void *state)
{
    const int pid = *(const pid_t *)state;
    fprintf(stderr, "cairn: process %d is recorded: Ctrl-C or cairn stop %d ends the recording\n", pid, pid);
}

static int run(const struct cairn_invocation *invocation)
{
    const struct attach_arguments *arguments = invocation->arguments;
    struct cairn_record_options options = CAIRN_RECORD_OPTIONS_DEFAULT;
    struct cairn_record_result result;
    struct cairn_error error = {.status = CAIRN_OK};
    pid_t pid;
    if (!cairn_process_argument(invocation, &pid)) {
        return CAIRN_EXIT_FAILED;
    }
    if (arguments->output != NULL && arguments->output[0] == '\0') {
        return cairn_complain_format("attach: -o: the name is empty: say -o FILE");
    }
    options.output = arguments->output;
    options.replace = arguments->force;
    if (!arguments->quiet) {
        options.joined = say_joined;
        options.joined_state = &pid;
    }
    const enum cairn_status status = cairn_attach(&options, pid, arguments->duration_ns, &result, &error);
    if (status != CAIRN_OK) {
        cairn_complain(&error);
    }
    if (result.path[0] != '\0' && !arguments->quiet) {
        cairn_summary(result.path);
    }
    return status == CAIRN_OK ? CAIRN_EXIT_DONE : CAIRN_EXIT_FAILED;
}

static const struct cairn_option options[] = {
    {.name = "output",
     .letter = 'o',
     .type = CAIRN_OPTION_TEXT,
     .offset = offsetof(struct attach_arguments, output),
     .argument = "FILE",
     .help = "the trace (default NAME.PID.cairn); %p, %h and %n become PID, host and name; folders are made",
     .completion = CAIRN_COMPLETE_FILE},
    {.name = "force",
     .letter = 'f',
     .type = CAIRN_OPTION_SET,
     .offset = offsetof(struct attach_arguments, force),
     .help = "replace the file when it is there"},
    {.name = "duration",
     .type = CAIRN_OPTION_DURATION,
     .offset = offsetof(struct attach_arguments, duration_ns),
     .argument = "TIME",
     .help = "end the recording after so long, as in 30s (default: when the program ends, or you say stop)"},
    {.name = "quiet",
     .letter = 'q',
     .type = CAIRN_OPTION_SET,
     .offset = offsetof(struct attach_arguments, quiet),
     .help = "nothing on standard error but failures"},
    {.name = NULL},
};

static const struct cairn_option_group groups[] = {
    {.title = "Options", .options = options},
    {.title = NULL},
};

static const char *const examples[] = {
    "cairn attach 4711",
    "join a running program; Ctrl-C or `cairn stop 4711` ends the recording, the program goes on",
    "cairn attach 4711 -o later.cairn --duration 30s",
    "record half a minute of it",
    NULL,
};

const struct cairn_command cairn_command_attach = {
    .name = "attach",
    .summary = "join a program that runs already, and record it from now on",
    .positional = "PID",
    .positional_min = 1,
    .positional_max = 1,
    .completion = CAIRN_COMPLETE_NOTHING,
    .description =
        "One thread of the program stands still for some milliseconds while the recorder's library is loaded "
        "into it. What was allocated before is not known: its release is counted as unknown. The recording "
        "ends with the program, after --duration, with Ctrl-C or SIGTERM, or by `cairn stop`; then the "
        "program "
        "goes on as it was before.\n\n"
        "The program must be of the same user, of 64 bits, linked to the C library dynamically, and the "
        "system must allow ptrace: `cairn doctor` says whether it does.",
    .examples = examples,
    .groups = groups,
    .arguments_size = sizeof(struct attach_arguments),
    .run = run,
};
