#include "cli/select.h"

#include <stddef.h>
#include <string.h>

#include "base/human.h"
#include "cli/choose.h"
#include "cli/config.h"
#include "query/rank.h"

#define TEXT_LIMIT 20u /* rows of a text table when nothing was said */

static enum cairn_status make_rule(const struct cairn_select_arguments *arguments,
                                   struct cairn_request *request, struct cairn_error *error)
{
    struct cairn_config config;
    const enum cairn_status loaded = cairn_config_load(&config, error);
    if (loaded != CAIRN_OK) {
        return loaded;
    }
    enum cairn_status status = CAIRN_OK;
    const size_t count = config.skip.count + arguments->skip.count;
    if (count > 0 || arguments->no_skip) {
        const char **all = cairn_arena_alloc(&config.arena, (count + 1) * sizeof *all);
        if (all == NULL) {
            status = cairn_fail(error, CAIRN_E_NOMEM, "--skip: out of memory");
        } else {
            for (size_t i = 0; i < count; i++) {
                all[i] = i < config.skip.count ? config.skip.items[i]
                                               : arguments->skip.items[i - config.skip.count];
            }
            status = cairn_site_rule_new(!arguments->no_skip, all, count, &request->rule, error);
        }
    }
    cairn_config_release(&config);
    return status;
}

/* What a word of the command's --sort stands for. */
static enum cairn_sort sort_of(const struct cairn_command *command, int word)
{
    for (const struct cairn_option_group *group = command->groups; group->title != NULL; group++) {
        for (const struct cairn_option *option = group->options; option->name != NULL; option++) {
            if (option->offset == offsetof(struct cairn_select_arguments, sort) &&
                strcmp(option->name, "sort") == 0) {
                return (enum cairn_sort)cairn_sort_parse(option->words[word]);
            }
        }
    }
    return CAIRN_SORT_METRIC;
}

static enum cairn_status fill_selection(const struct cairn_command *command,
                                        const struct cairn_select_arguments *arguments, bool text,
                                        struct cairn_request *request, struct cairn_error *error)
{
    struct cairn_selection *selection = &request->selection;
    const size_t default_limit = text ? TEXT_LIMIT : 0;
    *selection = (struct cairn_selection){
        .by = (enum cairn_by)arguments->by,
        .metric = (enum cairn_metric)arguments->metric,
        .sort = sort_of(command, arguments->sort),
        .lang = (enum cairn_lang_choice)arguments->lang,
        .reverse = arguments->reverse,
        .cumulative = arguments->cumulative,
        .tid = arguments->tid > 0 ? arguments->tid : 0,
        .limit = arguments->limit < 0 ? default_limit : (size_t)arguments->limit,
        .offset = (size_t)arguments->offset,
    };
    enum cairn_status status = CAIRN_OK;
    if (arguments->tid == 0) {
        status = cairn_fail(error, CAIRN_E_USAGE,
                            "--thread: there is no thread 0: `top --by thread` lists those of this trace");
    }
    if (status == CAIRN_OK && arguments->process != NULL) {
        status = cairn_process_parse(request->trace, arguments->process, &selection->process, error);
    }
    if (status == CAIRN_OK && arguments->filter.count + arguments->exclude.count > 0) {
        status = cairn_filter_new(arguments->filter.items, arguments->filter.count, arguments->exclude.items,
                                  arguments->exclude.count, &request->filter, error);
    }
    if (status == CAIRN_OK) {
        status = make_rule(arguments, request, error);
    }
    selection->filter = request->filter;
    selection->rule = request->rule;
    return status;
}

size_t cairn_select_cut(const struct cairn_select_arguments *arguments, size_t count, size_t *first)
{
    const struct cairn_selection rows = {
        .limit = arguments->limit < 0 ? 0 : (size_t)arguments->limit,
        .offset = (size_t)arguments->offset,
    };
    return cairn_rank_slice(&rows, count, first);
}

void cairn_note_inexact(struct cairn_trace *trace, const struct cairn_moment *moment)
{
    char from[CAIRN_HUMAN_MAX];
    const struct cairn_recording *recording = cairn_trace_recording(trace);
    if (!(recording->untold & CAIRN_UNTOLD_EVENTS) &&
        !cairn_trace_is_exact(trace, moment->position, moment->t_ns)) {
        cairn_note_format("%s is known to the chunk only, as of shortly before: exact from %s on",
                          moment->label, cairn_human_duration(from, recording->exact_from_ns));
    }
}

/* A border of a span, between which allocations are counted. */
static void note_border(struct cairn_trace *trace, const struct cairn_moment *moment)
{
    char from[CAIRN_HUMAN_MAX];
    const struct cairn_recording *recording = cairn_trace_recording(trace);
    cairn_note_inexact(trace, moment);
    if (!(recording->untold & CAIRN_UNTOLD_EVENTS) &&
        cairn_trace_is_exact(trace, moment->position, moment->t_ns) &&
        !cairn_trace_is_counted(trace, moment->position, moment->t_ns)) {
        cairn_note_format("what was allocated until %s is counted up to shortly before it: exact from %s on",
                          moment->label, cairn_human_duration(from, recording->exact_from_ns));
    }
}

/* Whether the command asks about one moment: others have --from and --to only. */
static bool asks_at(const struct cairn_command *command)
{
    for (const struct cairn_option_group *group = command->groups; group->title != NULL; group++) {
        if (group->options == cairn_select_at) {
            return true;
        }
    }
    return false;
}

/* `note_at`: a text says by itself how exact its moment is, but not the borders of its span. */
static enum cairn_status find_moments(const struct cairn_select_arguments *arguments, bool note_at,
                                      struct cairn_request *request, struct cairn_error *error)
{
    enum cairn_status status = cairn_span_parse(request->trace, arguments->from, arguments->to,
                                                request->selection.process, &request->span, error);
    if (status != CAIRN_OK) {
        return status;
    }
    const bool whole = arguments->from == NULL && arguments->to == NULL;
    status =
        cairn_moment_parse(request->trace, arguments->at != NULL ? arguments->at : "peak",
                           whole ? NULL : &request->span, request->selection.process, &request->at, error);
    if (status == CAIRN_OK) {
        note_border(request->trace, &request->span.from);
        note_border(request->trace, &request->span.to);
        if (note_at) {
            cairn_note_inexact(request->trace, &request->at);
        }
    }
    return status;
}

enum cairn_status cairn_request_open(const struct cairn_invocation *invocation,
                                     const struct cairn_select_arguments *arguments, bool text,
                                     size_t text_frames, struct cairn_request *request,
                                     struct cairn_error *error)
{
    *request = (struct cairn_request){.frames = arguments->frames >= 0 ? (size_t)arguments->frames
                                                : text                 ? text_frames
                                                                       : SIZE_MAX};
    const char *word = invocation->positional_count > 0 ? invocation->positional[0] : NULL, *path;
    enum cairn_status status = cairn_choose_trace(&request->arena, word, &path, error);
    if (status == CAIRN_OK) {
        status = cairn_trace_open(path, NULL, &request->trace, error);
    }
    if (status != CAIRN_OK) {
        request->trace = NULL;
        return status;
    }
    request->recording = cairn_trace_recording(request->trace);
    status = fill_selection(invocation->command, arguments, text, request, error);
    return status == CAIRN_OK ? find_moments(arguments, !text && asks_at(invocation->command), request, error)
                              : status;
}

void cairn_request_release(struct cairn_request *request)
{
    cairn_filter_free(request->filter);
    cairn_site_rule_free(request->rule);
    if (request->trace != NULL) {
        cairn_trace_close(request->trace);
    }
    cairn_arena_release(&request->arena);
    *request = (struct cairn_request){.trace = NULL};
}

const char *const cairn_by_words[] = {"function", "line", "file",    "module", "stack",
                                      "thread",   "type", "process", NULL};
const char *const cairn_metric_words[] = {"live", "allocated", "allocations", "temporary", "peak", NULL};
/* What each command's rows can be ordered by. */
static const char *const counts_sort_words[] = {"metric",      "live_bytes", "live_blocks", "allocated_bytes",
                                                "allocations", "reallocs",   "temporary",   "peak_bytes",
                                                "name",        NULL};
static const char *const diff_sort_words[] = {
    "metric",     "delta_bytes",    "delta_blocks",    "a_bytes",     "b_bytes", "a_blocks", "b_blocks",
    "live_bytes", "survived_bytes", "survived_blocks", "live_blocks", "name",    NULL};
static const char *const leaks_sort_words[] = {"metric",     "bytes",       "blocks", "oldest_age_ns",
                                               "live_bytes", "live_blocks", "name",   NULL};
const char *const cairn_lang_words[] = {"all", "native", "python", NULL};

#define AT(member) offsetof(struct cairn_select_arguments, member)

const struct cairn_option cairn_select_at[] = {
    {.name = "at",
     .type = CAIRN_OPTION_TEXT,
     .offset = AT(at),
     .argument = "TIME",
     .help = "the moment asked about (default peak)",
     .completion = CAIRN_COMPLETE_MOMENT},
    {.name = NULL},
};

const struct cairn_option cairn_select_span[] = {
    {.name = "from",
     .type = CAIRN_OPTION_TEXT,
     .offset = AT(from),
     .argument = "TIME",
     .help = "where the span begins (default start)",
     .completion = CAIRN_COMPLETE_MOMENT},
    {.name = "to",
     .type = CAIRN_OPTION_TEXT,
     .offset = AT(to),
     .argument = "TIME",
     .help = "where the span ends (default end); 'peak' is then the span's",
     .completion = CAIRN_COMPLETE_MOMENT},
    {.name = NULL},
};

const struct cairn_option cairn_select_by[] = {
    {.name = "by",
     .type = CAIRN_OPTION_WORD,
     .offset = AT(by),
     .argument = "WHAT",
     .words = cairn_by_words,
     .help = "one row a function, line, file, module, stack, thread, type or process",
     .completion = CAIRN_COMPLETE_WORDS},
    {.name = NULL},
};

const struct cairn_option cairn_select_rank[] = {
    {.name = "metric",
     .type = CAIRN_OPTION_WORD,
     .offset = AT(metric),
     .argument = "METRIC",
     .words = cairn_metric_words,
     .help =
         "what ranks and what percents are of: live (at --at), or allocated, allocations, temporary, peak "
         "(over the span)",
     .completion = CAIRN_COMPLETE_WORDS},
    {.name = "cumulative",
     .type = CAIRN_OPTION_SET,
     .offset = AT(cumulative),
     .help = "count what a site's callees allocate too"},
    {.name = NULL},
};

#define SORT_OPTIONS(words_, default_)                                                                       \
    {                                                                                                        \
        {.name = "sort",                                                                                     \
         .type = CAIRN_OPTION_WORD,                                                                          \
         .offset = AT(sort),                                                                                 \
         .argument = "KEY",                                                                                  \
         .words = (words_),                                                                                  \
         .help = "order rows by this key of the JSON output, or by name (default: " default_ ")",            \
         .completion = CAIRN_COMPLETE_WORDS},                                                                \
            {.name = "reverse",                                                                              \
             .type = CAIRN_OPTION_SET,                                                                       \
             .offset = AT(reverse),                                                                          \
             .help = "the other way round"},                                                                 \
            {.name = NULL},                                                                                  \
    }

const struct cairn_option cairn_select_sort[] = SORT_OPTIONS(counts_sort_words, "the metric");
const struct cairn_option cairn_select_diff_sort[] = SORT_OPTIONS(diff_sort_words, "delta_bytes");
const struct cairn_option cairn_select_leaks_sort[] = SORT_OPTIONS(leaks_sort_words, "bytes");

const struct cairn_option cairn_select_sites[] = {
    {.name = "skip",
     .type = CAIRN_OPTION_TEXTS,
     .offset = AT(skip),
     .argument = "REGEX",
     .help = "functions that match are wrappers too: charge their caller"},
    {.name = "no-skip",
     .type = CAIRN_OPTION_SET,
     .offset = AT(no_skip),
     .help = "charge the innermost frame, allocators and containers included"},
    {.name = NULL},
};

const struct cairn_option cairn_select_processes[] = {
    {.name = "process",
     .type = CAIRN_OPTION_TEXT,
     .offset = AT(process),
     .argument = "N|PID",
     .help = "only this process (default: all, summed up)"},
    {.name = NULL},
};

const struct cairn_option cairn_select_threads[] = {
    {.name = "lang",
     .type = CAIRN_OPTION_WORD,
     .offset = AT(lang),
     .argument = "LANG",
     .words = cairn_lang_words,
     .help = "only native or only python frames (default all)",
     .completion = CAIRN_COMPLETE_WORDS},
    {.name = "thread",
     .type = CAIRN_OPTION_COUNT,
     .offset = AT(tid),
     .argument = "TID",
     .help = "only this thread"},
    {.name = "filter",
     .type = CAIRN_OPTION_TEXTS,
     .offset = AT(filter),
     .argument = "REGEX",
     .help = "keep rows any of whose frames match"},
    {.name = "exclude",
     .type = CAIRN_OPTION_TEXTS,
     .offset = AT(exclude),
     .argument = "REGEX",
     .help = "drop rows any of whose frames match"},
    {.name = NULL},
};

const struct cairn_option cairn_select_rows[] = {
    {.name = "limit",
     .letter = 'n',
     .type = CAIRN_OPTION_COUNT,
     .offset = AT(limit),
     .argument = "N",
     .help = "at most so many rows (text: 20; JSON and CSV: all; 0: all)"},
    {.name = "offset",
     .type = CAIRN_OPTION_COUNT,
     .offset = AT(offset),
     .argument = "N",
     .help = "leave the first N rows out"},
    {.name = NULL},
};

const struct cairn_option cairn_select_all_rows[] = {
    {.name = "limit",
     .letter = 'n',
     .type = CAIRN_OPTION_COUNT,
     .offset = AT(limit),
     .argument = "N",
     .help = "at most so many rows (default: all)"},
    {.name = "offset",
     .type = CAIRN_OPTION_COUNT,
     .offset = AT(offset),
     .argument = "N",
     .help = "leave the first N rows out"},
    {.name = NULL},
};

const struct cairn_option cairn_select_frames[] = {
    {.name = "frames",
     .type = CAIRN_OPTION_COUNT,
     .offset = AT(frames),
     .argument = "N",
     .help = "stack frames shown a row (JSON and CSV: all)"},
    {.name = NULL},
};
