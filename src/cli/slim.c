#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/human.h"
#include "cli/answer.h"
#include "cli/choose.h"
#include "cli/commands.h"
#include "query/growth.h"
#include "trace/slim.h"

struct slim_arguments {
    const char *output;
    bool force;
};

/* What `growth` looks at stays, too. */
static enum cairn_status slim(const char *path, const struct slim_arguments *arguments, int64_t *before,
                              int64_t *after, struct cairn_error *error)
{
    struct cairn_trace *trace;
    uint64_t *moments = NULL;
    size_t count = 0;
    enum cairn_status status = cairn_trace_open(path, NULL, &trace, error);
    if (status != CAIRN_OK) {
        return status;
    }
    if (!cairn_trace_is_live(trace)) {
        status = cairn_growth_moments(trace, &moments, &count, error);
    }
    cairn_trace_close(trace);
    if (status == CAIRN_OK) {
        status =
            cairn_trace_slim(path, arguments->output, arguments->force, moments, count, before, after, error);
    }
    free(moments);
    return status;
}

static int run(const struct cairn_invocation *invocation)
{
    const struct slim_arguments *arguments = invocation->arguments;
    struct cairn_arena arena = CAIRN_ARENA_INIT;
    struct cairn_error error;
    int64_t before = 0, after = 0;
    const char *path;
    if (arguments->output == NULL) {
        return cairn_complain_format("slim: say where the copy goes, as in -o small.cairn");
    }
    enum cairn_status status = cairn_choose_trace(
        &arena, invocation->positional_count > 0 ? invocation->positional[0] : NULL, &path, &error);
    if (status == CAIRN_OK) {
        status = slim(path, arguments, &before, &after, &error);
    }
    cairn_arena_release(&arena);
    if (status != CAIRN_OK) {
        return cairn_complain(&error);
    }
    struct cairn_answer answer;
    char old[CAIRN_HUMAN_MAX], new[CAIRN_HUMAN_MAX];
    cairn_answer_open(&answer, &(const struct cairn_output_arguments){.format = CAIRN_FORMAT_TEXT});
    cairn_text_prose_format(&answer, CAIRN_STYLE_PLAIN, "%s: %s, was %s. Single events are gone.",
                            arguments->output, cairn_human_bytes(new, after), cairn_human_bytes(old, before));
    return cairn_answer_finish(&answer);
}

static const struct cairn_option options[] = {
    {.name = "output",
     .letter = 'o',
     .type = CAIRN_OPTION_TEXT,
     .offset = offsetof(struct slim_arguments, output),
     .argument = "FILE",
     .help = "the new trace",
     .completion = CAIRN_COMPLETE_FILE},
    {.name = "force",
     .letter = 'f',
     .type = CAIRN_OPTION_SET,
     .offset = offsetof(struct slim_arguments, force),
     .help = "replace a file that is there already"},
    {.name = NULL},
};

static const struct cairn_option_group groups[] = {
    {.title = "Options", .options = options},
    {.title = NULL},
};

static const char *const examples[] = {
    "cairn slim app.cairn -o small.cairn",
    "a copy for the archive or for a mail",
    NULL,
};

const struct cairn_command cairn_command_slim = {
    .name = "slim",
    .summary = "a copy without single events, much smaller",
    .positional = "[TRACE] -o NEW",
    .positional_max = 1,
    .completion = CAIRN_COMPLETE_TRACE,
    .description =
        "Totals, key frames, snapshots and graphs stay, so top, tree, diff, growth, leaks and timeline "
        "answer as before. Every snapshot, named moments, peaks and whole percents of the time stay exact, "
        "others become the nearest one before, and answers say so; ages, survivors and SQL's events are "
        "gone. For stock sqlite3 the rows of so many periodic snapshots stay as take an eight-hundredth of "
        "the trace; cairn answers for all of them.",
    .examples = examples,
    .groups = groups,
    .arguments_size = sizeof(struct slim_arguments),
    .run = run,
};
