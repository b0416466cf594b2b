#include <inttypes.h>
#include <stddef.h>

#include "cli/commands.h"
#include "cli/process.h"
#include "collector/session_client.h"

static int run(const struct cairn_invocation *invocation)
{
    struct cairn_session_answer answer;
    struct cairn_error error;
    pid_t pid;
    if (!cairn_process_argument(invocation, &pid)) {
        return CAIRN_EXIT_FAILED;
    }
    if (cairn_session_command(pid, CAIRN_SESSION_STOP, NULL, &answer, &error) != CAIRN_OK) {
        return cairn_complain(&error);
    }
    return answer.status == CAIRN_SESSION_DONE || answer.status == CAIRN_SESSION_ENDED
               ? CAIRN_EXIT_DONE
               : cairn_complain_format("stop: the recorder refused: it is of another version");
}

static const char *const examples[] = {
    "cairn stop 4711",
    "the trace is whole when this comes back; the program goes on",
    NULL,
};

static const struct cairn_option_group groups[] = {
    {.title = NULL},
};

const struct cairn_command cairn_command_stop = {
    .name = "stop",
    .summary = "end a recording; the program goes on",
    .positional = "PID",
    .positional_min = 1,
    .positional_max = 1,
    .completion = CAIRN_COMPLETE_NOTHING,
    .description =
        "PID is a process that is being recorded, or the recorder's own. Comes back when the trace is "
        "whole; `cairn record` or `cairn attach` ends then with status 0.",
    .examples = examples,
    .groups = groups,
    .run = run,
};
