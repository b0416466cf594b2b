#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/install.h"
#include "cli/summary.h"
#include "collector/collector.h"
#include "view/view.h"

#define DEFAULT_OUTPUT "leaky.%p.cairn"

struct demo_arguments {
    const char *output;
    bool report;
};

static enum cairn_status record(const char *output, struct cairn_record_result *result,
                                struct cairn_error *error)
{
    char program[PATH_MAX];
    const enum cairn_status status = cairn_find_demo(program, sizeof program, error);
    if (status != CAIRN_OK) {
        return status;
    }
    char *argv[] = {program, NULL};
    struct cairn_record_options options = CAIRN_RECORD_OPTIONS_DEFAULT;
    options.output = output;
    options.argv = argv;
    return cairn_record(&options, result, error);
}

/* One command as it would be typed, under a line that says so. */
static int show(const struct cairn_command *command, int argc, char **argv)
{
    printf("\n$ cairn %s", command->name);
    for (int i = 0; i < argc; i++) {
        printf(" %s", argv[i]);
    }
    printf("\n");
    fflush(stdout);
    return cairn_command_run(command, argc, argv);
}

/* Where there is no terminal: what one would look at first. */
static int report(char *path)
{
    char *top[] = {path, (char[]){"--limit"}, (char[]){"6"}};
    char *diff[] = {path, (char[]){"@warm"}, (char[]){"@done"}, (char[]){"--limit"}, (char[]){"6"}};
    char *leaks[] = {path, (char[]){"--limit"}, (char[]){"3"}};
    int status = show(&cairn_command_top, 3, top);
    if (status == CAIRN_EXIT_DONE) {
        status = show(&cairn_command_diff, 5, diff);
    }
    if (status == CAIRN_EXIT_DONE) {
        status = show(&cairn_command_leaks, 3, leaks);
    }
    return status;
}

static int run(const struct cairn_invocation *invocation)
{
    const struct demo_arguments *arguments = invocation->arguments;
    struct cairn_record_result result = {.path = ""};
    struct cairn_error error;
    fprintf(stderr, "cairn: recording a small leaky program for three seconds ...\n");
    if (record(arguments->output != NULL ? arguments->output : DEFAULT_OUTPUT, &result, &error) != CAIRN_OK) {
        return cairn_complain(&error);
    }
    const bool terminal = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
    if (arguments->report || !terminal) {
        cairn_summary(result.path);
        return report(result.path);
    }
    const struct cairn_view_options options = {.path = result.path};
    if (cairn_view(&options, &error) != CAIRN_OK) {
        return cairn_complain(&error);
    }
    return CAIRN_EXIT_DONE;
}

static const struct cairn_option options[] = {
    {.name = "output",
     .letter = 'o',
     .type = CAIRN_OPTION_TEXT,
     .offset = offsetof(struct demo_arguments, output),
     .argument = "FILE",
     .help = "the trace (default leaky.PID.cairn in this folder)",
     .completion = CAIRN_COMPLETE_FILE},
    {.name = "report",
     .type = CAIRN_OPTION_SET,
     .offset = offsetof(struct demo_arguments, report),
     .help = "print a report, also where there is a terminal for the viewer"},
    {.name = NULL},
};

static const struct cairn_option_group groups[] = {{.title = "Options", .options = options}, {.title = NULL}};

const struct cairn_command cairn_command_demo = {
    .name = "demo",
    .summary = "record the bundled leaky program and open it",
    .positional = "",
    .description = "Without a terminal it prints a report instead.",
    .groups = groups,
    .arguments_size = sizeof(struct demo_arguments),
    .run = run,
};
