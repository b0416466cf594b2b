#include "import/import.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/human.h"
#include "cli/answer.h"
#include "cli/commands.h"

struct import_arguments {
    const char *output;
    bool force;
};

static int run(const struct cairn_invocation *invocation)
{
    const struct import_arguments *arguments = invocation->arguments;
    struct cairn_import_report report;
    struct cairn_error error;
    if (arguments->output == NULL) {
        return cairn_complain_format("import: say where the trace goes, as in -o app.cairn");
    }
    if (cairn_import(invocation->positional[0], arguments->output, arguments->force, &report, &error) !=
        CAIRN_OK) {
        return cairn_complain(&error);
    }
    struct cairn_answer answer;
    char size[CAIRN_HUMAN_MAX];
    cairn_answer_open(&answer, &(const struct cairn_output_arguments){.format = CAIRN_FORMAT_TEXT});
    cairn_text_prose_format(&answer, CAIRN_STYLE_PLAIN,
                            "%s: %s, from %s. `cairn info` says what it does not know.", arguments->output,
                            cairn_human_bytes(size, report.bytes), report.format);
    return cairn_answer_finish(&answer);
}

static const struct cairn_option options[] = {
    {.name = "output",
     .letter = 'o',
     .type = CAIRN_OPTION_TEXT,
     .offset = offsetof(struct import_arguments, output),
     .argument = "TRACE",
     .help = "the new trace",
     .completion = CAIRN_COMPLETE_FILE},
    {.name = "force",
     .letter = 'f',
     .type = CAIRN_OPTION_SET,
     .offset = offsetof(struct import_arguments, force),
     .help = "replace a file that is there already"},
    {.name = NULL},
};

static const struct cairn_option_group groups[] = {
    {.title = "Options", .options = options},
    {.title = NULL},
};

static const char *const examples[] = {
    "cairn import heaptrack.app.4711.zst -o app.cairn",
    "a recording of heaptrack as a trace",
    "cairn import massif.out.4711 -o app.cairn",
    "the same for valgrind --tool=massif",
    NULL,
};

const struct cairn_command cairn_command_import = {
    .name = "import",
    .summary = "a recording of heaptrack or massif becomes a trace",
    .positional = "FILE -o TRACE",
    .positional_min = 1,
    .positional_max = 1,
    .completion = CAIRN_COMPLETE_FILE,
    .description =
        "heaptrack's recordings may be packed by zstd or gzip. They hold every allocation and free, so all "
        "questions have answers. Massif tells only how large the heap was at some moments, and from where in "
        "some of those: top, tree, diff, leaks, growth and timeline answer for them.\n\n"
        "What a format does not tell stays unknown in the trace, never zero. Nothing is left behind of a "
        "file that is "
        "damaged.",
    .examples = examples,
    .groups = groups,
    .arguments_size = sizeof(struct import_arguments),
    .run = run,
};
