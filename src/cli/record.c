#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/human.h"
#include "cli/commands.h"
#include "cli/summary.h"
#include "collector/collector.h"
#include "view/view.h"

#define NS_PER_MS     INT64_C(1000000)
#define DEPTH_MOST    1024                /* as many frames as a trace stores */
#define PLAIN_LINE_NS INT64_C(1000000000) /* between two lines of --live where there is no terminal */
#define SAMPLE_MOST   (INT64_C(1) << 40)
#define SEED_VARIABLE "CAIRN_SAMPLE_SEED" /* a number: draws the same samples again, for tests */

/* What a recorder of its own gives back when it fails before the program begins. */
#define STATUS_RECORDER_FAILED 125

enum python_choice { PYTHON_AUTO = 0, PYTHON_OFF };
static const char *const python_words[] = {"auto", "off", NULL};
static const char *const labels_words[] = {"names", "values", "none", NULL};

struct record_arguments {
    const char *output, *interval, *graph;
    bool force, view, live, quiet, follow, args, native, source;
    int64_t max_depth, max_size_bytes, sample_bytes;
    int python; /* enum python_choice */
    int labels; /* enum cairn_labels */
};

/* "250" is milliseconds; "2s" says its own unit. */
static enum cairn_status parse_interval(const char *text, int64_t *interval_ns, struct cairn_error *error)
{
    char *end;
    const long long number = strtoll(text, &end, 10);
    if (end != text && *end == '\0' && number > 0 && number < INT64_MAX / NS_PER_MS) {
        *interval_ns = number * NS_PER_MS;
        return CAIRN_OK;
    }
    if (cairn_parse_duration(text, interval_ns, NULL) == CAIRN_OK && *interval_ns > 0) {
        return CAIRN_OK;
    }
    return cairn_fail(error, CAIRN_E_USAGE,
                      "--interval: '%s' is no interval: say milliseconds, as in --interval 250, or 2s", text);
}

static enum cairn_status parse_graph(const char *text, struct cairn_record_options *options,
                                     struct cairn_error *error)
{
    static const struct {
        const char *word;
        enum cairn_graph_when when;
    } words[] = {{"end", CAIRN_GRAPH_END}, {"peak", CAIRN_GRAPH_PEAK}, {"off", CAIRN_GRAPH_OFF}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(text, words[i].word) == 0) {
            options->graph = words[i].when;
            return CAIRN_OK;
        }
    }
    options->graph = CAIRN_GRAPH_EVERY;
    if (cairn_parse_duration(text, &options->graph_every_ns, NULL) == CAIRN_OK &&
        options->graph_every_ns > 0) {
        return CAIRN_OK;
    }
    return cairn_fail(error, CAIRN_E_USAGE,
                      "--graph: '%s' is none of end, peak, off or a duration such as 30s", text);
}

static enum cairn_status check_limits(const struct record_arguments *arguments, struct cairn_error *error)
{
    if (arguments->max_depth < 1 || arguments->max_depth > DEPTH_MOST) {
        return cairn_fail(error, CAIRN_E_USAGE, "--max-depth: %" PRId64 " is out of range: say 1 to %d",
                          arguments->max_depth, DEPTH_MOST);
    }
    if (arguments->sample_bytes > SAMPLE_MOST) {
        return cairn_fail(error, CAIRN_E_USAGE,
                          "--sample: that is out of range: say 1 to 1T, or 0 to record every block");
    }
    if (arguments->output != NULL && arguments->output[0] == '\0') {
        return cairn_fail(error, CAIRN_E_USAGE, "-o: the name is empty: say -o FILE");
    }
    return CAIRN_OK;
}

/* State of --live. */
struct live {
    bool terminal;
    int64_t said_ns;
};

static void print_progress(void *state, const struct cairn_progress *progress)
{
    struct live *live = state;
    char when[CAIRN_HUMAN_MAX], heap[CAIRN_HUMAN_MAX], peak[CAIRN_HUMAN_MAX], events[CAIRN_HUMAN_MAX];
    char file[CAIRN_HUMAN_MAX], line[256];
    if (!live->terminal && progress->t_ns - live->said_ns < PLAIN_LINE_NS) {
        return;
    }
    live->said_ns = progress->t_ns;
    int length =
        snprintf(line, sizeof line, "cairn: %s  heap %s  peak %s  %s events  file %s",
                 cairn_human_duration(when, progress->t_ns), cairn_human_bytes(heap, progress->live_bytes),
                 cairn_human_bytes(peak, progress->peak_bytes), cairn_human_count(events, progress->events),
                 cairn_human_bytes(file, progress->file_bytes));
    if (progress->processes > 1) {
        snprintf(line + length, sizeof line - (size_t)length, "  %" PRIu32 " processes", progress->processes);
    }
    if (live->terminal) {
        fprintf(stderr, "\r%.79s\033[K", line);
    } else {
        fprintf(stderr, "%s\n", line);
    }
}

static enum cairn_status make_options(const struct record_arguments *arguments, char *const *argv,
                                      struct cairn_record_options *options, struct cairn_error *error)
{
    *options = (struct cairn_record_options)CAIRN_RECORD_OPTIONS_DEFAULT;
    options->argv = argv;
    options->output = arguments->output;
    options->replace = arguments->force;
    options->max_depth = (uint32_t)arguments->max_depth;
    options->max_size_bytes = arguments->max_size_bytes;
    options->sample_bytes = arguments->sample_bytes;
    const char *seed = getenv(SEED_VARIABLE);
    options->sample_seed = seed ? strtoull(seed, NULL, 10) : 0;
    options->follow = arguments->follow;
    options->python = arguments->python == PYTHON_AUTO;
    options->native = arguments->native;
    options->labels = (enum cairn_labels)arguments->labels;
    options->source = arguments->source;
    options->keep_args = arguments->args;
    enum cairn_status status = check_limits(arguments, error);
    if (status == CAIRN_OK && arguments->interval != NULL) {
        status = parse_interval(arguments->interval, &options->interval_ns, error);
    }
    if (status == CAIRN_OK && arguments->graph != NULL) {
        status = parse_graph(arguments->graph, options, error);
    }
    return status;
}

static void open_viewer(const char *path)
{
    const struct cairn_view_options options = {.path = path};
    struct cairn_error error;
    if (cairn_view(&options, &error) != CAIRN_OK) {
        cairn_complain(&error);
    }
}

/* The program did not run: either it cannot, or the trace cannot be written where it should be. */
static int complain_of_start(const struct cairn_error *error, const struct cairn_record_result *result)
{
    if (result->unwritable && strstr(error->message, " -o") == NULL) {
        cairn_complain_format("%s: say -o FILE to record to another place", error->message);
    } else {
        cairn_complain(error);
    }
    return result->status != 0 ? result->status : STATUS_RECORDER_FAILED;
}

static int run(const struct cairn_invocation *invocation)
{
    const struct record_arguments *arguments = invocation->arguments;
    struct cairn_record_options options;
    struct cairn_record_result result = {.path = ""};
    struct cairn_error error = {.status = CAIRN_OK};
    if (make_options(arguments, invocation->positional, &options, &error) != CAIRN_OK) {
        return cairn_complain(&error);
    }
    struct live live = {.terminal = isatty(STDERR_FILENO) == 1};
    if (arguments->live && !arguments->quiet) {
        options.progress = print_progress;
        options.progress_state = &live;
    }
    const enum cairn_status status = cairn_record(&options, &result, &error);
    if (options.progress != NULL && live.terminal) {
        fprintf(stderr, "\r\033[K");
    }
    if (status != CAIRN_OK && !result.started) {
        return complain_of_start(&error, &result);
    }
    if (status != CAIRN_OK) {
        cairn_complain(&error);
    }
    if (result.path[0] != '\0' && !arguments->quiet) {
        cairn_summary(result.path);
    }
    if (result.path[0] != '\0' && arguments->view) {
        open_viewer(result.path);
    }
    return result.status;
}

static const struct cairn_option options[] = {
    {.name = "output",
     .letter = 'o',
     .type = CAIRN_OPTION_TEXT,
     .offset = offsetof(struct record_arguments, output),
     .argument = "FILE",
     .help = "the trace (default NAME.PID.cairn); %p, %h and %n become PID, host and name; folders are made",
     .completion = CAIRN_COMPLETE_FILE},
    {.name = "force",
     .letter = 'f',
     .type = CAIRN_OPTION_SET,
     .offset = offsetof(struct record_arguments, force),
     .help = "replace the file when it is there"},
    {.name = "view",
     .type = CAIRN_OPTION_SET,
     .offset = offsetof(struct record_arguments, view),
     .help = "open the viewer when the program has ended"},
    {.name = "live",
     .type = CAIRN_OPTION_SET,
     .offset = offsetof(struct record_arguments, live),
     .help = "a line of progress on standard error while the program runs"},
    {.name = "quiet",
     .letter = 'q',
     .type = CAIRN_OPTION_SET,
     .offset = offsetof(struct record_arguments, quiet),
     .help = "no summary at the end"},
    {.name = NULL},
};

static const struct cairn_option what_options[] = {
    {.name = "no-follow",
     .type = CAIRN_OPTION_CLEAR,
     .offset = offsetof(struct record_arguments, follow),
     .help = "do not record the program's children"},
    {.name = "interval",
     .type = CAIRN_OPTION_TEXT,
     .offset = offsetof(struct record_arguments, interval),
     .argument = "MS",
     .help = "a snapshot every so many milliseconds (default: adaptive)"},
    {.name = "graph",
     .type = CAIRN_OPTION_TEXT,
     .offset = offsetof(struct record_arguments, graph),
     .argument = "WHEN",
     .help = "when to take object graphs: end (the default), peak, off, or every DURATION"},
    {.name = "labels",
     .type = CAIRN_OPTION_WORD,
     .offset = offsetof(struct record_arguments, labels),
     .argument = "WHAT",
     .words = labels_words,
     .help =
         "in graphs of Python objects: names of attributes and keys (the default), short values too, or none",
     .completion = CAIRN_COMPLETE_WORDS},
    {.name = "args",
     .type = CAIRN_OPTION_SET,
     .offset = offsetof(struct record_arguments, args),
     .help = "keep the program's arguments in the trace"},
    {.name = "sample",
     .type = CAIRN_OPTION_BYTES,
     .offset = offsetof(struct record_arguments, sample_bytes),
     .argument = "BYTES",
     .help =
         "record one block in about so many allocated bytes (512K is light enough for production); what is "
         "shown are estimates, with their errors"},
    {.name = "max-depth",
     .type = CAIRN_OPTION_COUNT,
     .offset = offsetof(struct record_arguments, max_depth),
     .argument = "N",
     .help = "most frames kept of a stack (default 256); deeper ones are marked as cut"},
    {.name = "max-size",
     .type = CAIRN_OPTION_BYTES,
     .offset = offsetof(struct record_arguments, max_size_bytes),
     .argument = "BYTES",
     .help = "how large the trace may get (default 10G); then the oldest single events go, the rest stays"},
    {.name = "python",
     .type = CAIRN_OPTION_WORD,
     .offset = offsetof(struct record_arguments, python),
     .argument = "WHEN",
     .words = python_words,
     .help = "Python frames: auto or off",
     .completion = CAIRN_COMPLETE_WORDS},
    {.name = "native",
     .type = CAIRN_OPTION_SET,
     .offset = offsetof(struct record_arguments, native),
     .help = "native frames under Python ones, too"},
    {.name = "no-source",
     .type = CAIRN_OPTION_CLEAR,
     .offset = offsetof(struct record_arguments, source),
     .help = "no excerpts of source files in the trace"},
    {.name = NULL},
};

static const struct cairn_option_group groups[] = {
    {.title = "Options", .options = options},
    {.title = "What is recorded", .options = what_options},
    {.title = NULL},
};

static const char *const examples[] = {
    "cairn record ./app --its-own-option",
    "record a program; options behind its name are its own",
    "cairn record -o runs/%n-%p.cairn -- python3 -m json.tool big.json",
    "choose where the trace goes",
    "cairn record --sample 512K ./server",
    "sample the heap: light enough for production",
    "cairn record --view -- make -j4",
    "record a program and its children, then look",
    NULL,
};

const struct cairn_command cairn_command_record = {
    .name = "record",
    .summary = "run a program, and record it and its children into one trace",
    .positional = "[--] PROGRAM [ARG...]",
    .positional_min = 1,
    .positional_max = SIZE_MAX,
    .completion = CAIRN_COMPLETE_PROGRAM,
    .program_follows = true,
    .description =
        "Nothing is written while the program runs, unless --live is given; standard output stays the "
        "program's. At the end a summary goes to standard error. The exit status is the program's own.",
    .examples = examples,
    .groups = groups,
    .arguments_size = sizeof(struct record_arguments),
    .defaults =
        &(const struct record_arguments){
            .follow = true, .source = true, .max_depth = 256, .max_size_bytes = INT64_C(10) << 30},
    .run = run,
};
