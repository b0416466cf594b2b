#include "export/export.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/select.h"
#include "trace/part.h"

struct export_arguments {
    struct cairn_select_arguments select;
    const char *format, *output;
    bool force;
};

static const struct cairn_exporter *find(const char *name, struct cairn_error *error)
{
    struct cairn_buffer names = CAIRN_BUFFER_INIT;
    for (const struct cairn_exporter *const *exporter = cairn_exporters; *exporter != NULL; exporter++) {
        if (name != NULL && strcmp((*exporter)->name, name) == 0) {
            cairn_buffer_release(&names);
            return *exporter;
        }
        cairn_buffer_format(&names, "%s%s", names.length > 0 ? ", " : "", (*exporter)->name);
    }
    cairn_fail(error, CAIRN_E_USAGE, "--format: %s%s%s: it is one of %s",
               name != NULL ? "there is no '" : "say which", name != NULL ? name : "",
               name != NULL ? "'" : "", cairn_buffer_cstr(&names));
    cairn_buffer_release(&names);
    return NULL;
}

static bool to_stdout(const struct export_arguments *arguments)
{
    return arguments->output == NULL || strcmp(arguments->output, "-") == 0;
}

static enum cairn_status open_output(const struct export_arguments *arguments,
                                     const struct cairn_exporter *exporter, const char *trace, FILE **out,
                                     struct cairn_error *error)
{
    if (to_stdout(arguments)) {
        if (exporter->binary && isatty(STDOUT_FILENO)) {
            return cairn_fail(error, CAIRN_E_USAGE, "%s is not for a terminal: give -o FILE", exporter->name);
        }
        *out = stdout;
        return CAIRN_OK;
    }
    if (arguments->force && cairn_part_is_itself(trace, arguments->output)) {
        return cairn_fail(error, CAIRN_E_USAGE, "%s: is the trace itself: name another file",
                          arguments->output);
    }
    const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (arguments->force ? O_TRUNC : O_EXCL);
    const int file = open(arguments->output, flags, 0666);
    *out = file >= 0 ? fdopen(file, "w") : NULL;
    if (*out != NULL) {
        return CAIRN_OK;
    }
    const int failure = errno;
    if (file >= 0) {
        close(file);
    }
    if (failure == EEXIST) {
        return cairn_fail(error, CAIRN_E_USAGE, "%s is there already: -f writes over it", arguments->output);
    }
    errno = failure;
    return cairn_fail_errno(error, "cannot write %s", arguments->output);
}

/* What was begun and failed is not left behind. */
static enum cairn_status close_output(const struct export_arguments *arguments, FILE *out,
                                      enum cairn_status status, struct cairn_error *error)
{
    errno = 0;
    bool failed = fflush(out) != 0 || ferror(out);
    const int failure = errno;
    if (to_stdout(arguments)) {
        /* A reader that went away has what it wanted, and who closed it wants nothing. */
        failed = failed && failure != EPIPE && failure != EBADF && failure != 0;
    } else {
        failed = fclose(out) != 0 || failed;
        if (failed || status != CAIRN_OK) {
            cairn_part_drop(arguments->output);
        }
    }
    if (status != CAIRN_OK || !failed) {
        return status;
    }
    errno = failure != 0 ? failure : EIO;
    return cairn_fail_errno(error, "cannot write %s",
                            to_stdout(arguments) ? "to standard output" : arguments->output);
}

static int run(const struct cairn_invocation *invocation)
{
    const struct export_arguments *arguments = invocation->arguments;
    struct cairn_request request = {.trace = NULL};
    struct cairn_error error;
    FILE *out = NULL;
    signal(SIGPIPE, SIG_IGN);
    const struct cairn_exporter *exporter = find(arguments->format, &error);
    enum cairn_status status =
        exporter != NULL ? cairn_request_open(invocation, &arguments->select, false, 0, &request, &error)
                         : CAIRN_E_USAGE;
    if (status == CAIRN_OK) {
        status = open_output(arguments, exporter, cairn_trace_path(request.trace), &out, &error);
    }
    if (status == CAIRN_OK) {
        const struct cairn_export export = {
            .trace = request.trace,
            .selection = &request.selection,
            .at = request.at,
            .span = request.span,
        };
        status = close_output(arguments, out, exporter->write(&export, out, &error), &error);
    }
    cairn_request_release(&request);
    return status == CAIRN_OK ? CAIRN_EXIT_DONE : cairn_complain(&error);
}

static const char *const format_words[] = {"folded", "pprof", "massif", "csv", "json", "dot", "html", NULL};

static const struct cairn_option options[] = {
    {.name = "format",
     .type = CAIRN_OPTION_TEXT,
     .offset = offsetof(struct export_arguments, format),
     .argument = "FORMAT",
     .words = format_words,
     .help = "folded, pprof, massif, csv, json, dot or html",
     .completion = CAIRN_COMPLETE_WORDS},
    {.name = "metric",
     .type = CAIRN_OPTION_WORD,
     .offset = offsetof(struct export_arguments, select.metric),
     .argument = "METRIC",
     .words = cairn_metric_words,
     .help =
         "what folded, dot and html show: live (at --at), or allocated, allocations, temporary, peak (over "
         "the span)",
     .completion = CAIRN_COMPLETE_WORDS},
    {.name = "output",
     .letter = 'o',
     .type = CAIRN_OPTION_TEXT,
     .offset = offsetof(struct export_arguments, output),
     .argument = "FILE",
     .help = "where to (default: standard output)",
     .completion = CAIRN_COMPLETE_FILE},
    {.name = "force",
     .letter = 'f',
     .type = CAIRN_OPTION_SET,
     .offset = offsetof(struct export_arguments, force),
     .help = "write over a file that is there already"},
    {.name = NULL},
};

#define SELECT offsetof(struct export_arguments, select)
static const struct cairn_option_group groups[] = {
    {.title = "Options", .options = options},
    {.title = "Moments", .options = cairn_select_at, .base = SELECT},
    {.title = "Moments", .options = cairn_select_span, .base = SELECT},
    {.title = "Rows", .options = cairn_select_by, .base = SELECT},
    {.title = "Selecting", .options = cairn_select_processes, .base = SELECT},
    {.title = "Selecting", .options = cairn_select_threads, .base = SELECT},
    {.title = "Selecting", .options = cairn_select_sites, .base = SELECT},
    {.title = NULL},
};

static const char *const examples[] = {
    "cairn export app.cairn --format html -o app.html",
    "one page to send around: the heap over time, a flame graph, the sites",
    "cairn export app.cairn --format pprof -o app.pb",
    "for go tool pprof -top app.pb",
    "cairn export --format folded --metric allocations | flamegraph.pl > calls.svg",
    "a flame graph of who calls malloc most",
    NULL,
};

const struct cairn_command cairn_command_export = {
    .name = "export",
    .summary = "write a recording in the format of another tool",
    .positional = "[TRACE]",
    .positional_max = 1,
    .completion = CAIRN_COMPLETE_TRACE,
    .description =
        "folded has a line a stack, for flame graph tools. pprof has what is allocated and what is in use. "
        "massif has the heap over time and who holds it at --at. csv and json have every stack with all "
        "counts. dot has the call tree. html is one page that needs no network.\n\n"
        "--at is the moment, --from and --to the span, --metric what folded, dot and html show. Stacks begin "
        "at the site that `cairn top` charges, so the totals are the same.",
    .examples = examples,
    .groups = groups,
    .arguments_size = sizeof(struct export_arguments),
    .defaults = &(const struct export_arguments){.select = CAIRN_SELECT_DEFAULTS},
    .run = run,
};
