#include "cli/graph.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/human.h"
#include "cli/choose.h"
#include "cli/commands.h"
#include "query/graph_choice.h"

#define TEXT_LIMIT  20
#define TEXT_FRAMES 8
#define DEPTH       3

struct graph_arguments {
    struct cairn_select_arguments select;
    struct cairn_output_arguments output;
    const char *graph;
    int64_t depth;
    int sort; /* enum cairn_graph_sort */
    bool backwards, force;
    const char *svg, *suppressions;
};

static const struct verb {
    const char *name;
    size_t least, most; /* words behind it */
    const char *words;
    int (*run)(const struct cairn_graph_request *request);
} verbs[] = {
    {"types", 0, 0, "", cairn_graph_verb_types},
    {"objects", 0, 1, " TYPE", cairn_graph_verb_objects},
    {"sites", 0, 1, " [TYPE]", cairn_graph_verb_sites},
    {"show", 1, 1, " ID", cairn_graph_verb_show},
    {"referents", 1, 1, " ID", cairn_graph_verb_referents},
    {"referrers", 1, 1, " ID", cairn_graph_verb_referrers},
    {"path", 1, 1, " ID", cairn_graph_verb_path},
    {"dominators", 0, 1, " [ID]", cairn_graph_verb_dominators},
    {"diff", 2, 2, " G1 G2", cairn_graph_verb_diff},
    {"unreachable", 0, 0, "", cairn_graph_verb_unreachable},
    {"dot", 1, 1, " ID", cairn_graph_verb_dot},
};

static const struct verb *find_verb(const char *word)
{
    for (size_t i = 0; word != NULL && i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(verbs[i].name, word) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

void cairn_graph_json_head(struct cairn_answer *answer, const struct cairn_graph_request *request,
                           const char *verb)
{
    char command[48];
    snprintf(command, sizeof command, "graph.%s", verb);
    cairn_answer_json_head(answer, command, request->trace);
    cairn_json_integer(&answer->json, "graph", cairn_graph_about(request->graph)->graph);
}

void cairn_graph_text_head(struct cairn_answer *answer, const struct cairn_graph_request *request)
{
    const struct cairn_graph_info *info = cairn_graph_about(request->graph), *all;
    char when[CAIRN_HUMAN_MAX], count[CAIRN_HUMAN_MAX], bytes[CAIRN_HUMAN_MAX], lost[CAIRN_HUMAN_MAX],
        pause[CAIRN_HUMAN_MAX], line[320];
    const bool named = info->name != NULL && info->name[0] != '\0';
    size_t graphs = 0;
    if (cairn_trace_graphs(request->trace, &all, &graphs, NULL) != CAIRN_OK) {
        graphs = 0;
    }
    snprintf(line, sizeof line,
             "graph %" PRIu32 " of %zu%s%.64s at %s, process %" PRIu32
             ": %s objects in %s, unreachable %s, pause %s",
             info->graph, graphs, named ? ", @" : "", named ? info->name : "",
             cairn_human_duration(when, info->t_ns), info->process, cairn_human_count(count, info->objects),
             cairn_human_bytes(bytes, info->shallow_bytes),
             cairn_human_bytes(lost, info->definite_bytes + info->indirect_bytes),
             cairn_human_duration(pause, info->pause_ns));
    cairn_text_prose(answer, CAIRN_STYLE_STRONG, line);
}

/* Words: [TRACE] VERB …; a verb first means the newest trace. */
struct words {
    char *trace;
    const struct verb *verb;
    char *const *rest;
    size_t count;
};

static enum cairn_status split(const struct cairn_invocation *invocation, struct words *words,
                               struct cairn_error *error)
{
    char *const *word = invocation->positional;
    const size_t count = invocation->positional_count;
    const bool named = count > 0 && (find_verb(word[0]) == NULL || (count > 1 && find_verb(word[1]) != NULL &&
                                                                    cairn_is_trace_word(word[0])));
    const size_t at = named ? 1 : 0;
    *words = (struct words){.trace = named ? word[0] : NULL};
    words->verb = count > at ? find_verb(word[at]) : &verbs[0];
    if (words->verb == NULL) {
        return cairn_fail(
            error, CAIRN_E_USAGE,
            "graph: '%.60s' is none of types, objects, sites, show, referents, referrers, path, "
            "dominators, diff, unreachable, dot",
            word[at]);
    }
    words->rest = word + at + 1;
    words->count = count > at ? count - at - 1 : 0;
    if (words->count < words->verb->least || words->count > words->verb->most) {
        return cairn_fail(error, CAIRN_E_USAGE, "graph %s: it is cairn graph TRACE %s%s", words->verb->name,
                          words->verb->name, words->verb->words);
    }
    return CAIRN_OK;
}

static struct cairn_graph_request make_request(const struct graph_arguments *arguments,
                                               const struct words *words)
{
    const bool text = arguments->output.format == CAIRN_FORMAT_TEXT;
    const int64_t limit = arguments->select.limit, frames = arguments->select.frames;
    const bool dot = words->verb->run == cairn_graph_verb_dot;
    return (struct cairn_graph_request){
        .output = &arguments->output,
        .words = words->rest,
        .word_count = words->count,
        .limit = limit >= 0     ? (size_t)limit
                 : text && !dot ? TEXT_LIMIT
                                : 0,
        .offset = (size_t)arguments->select.offset,
        .frames = frames >= 0 ? (size_t)frames
                  : text      ? TEXT_FRAMES
                              : SIZE_MAX,
        .depth = (size_t)arguments->depth,
        .sort = (enum cairn_graph_sort)arguments->sort,
        .backwards = arguments->backwards,
        .suppressions = arguments->suppressions,
        .svg = arguments->svg,
        .force = arguments->force,
    };
}

/* What only some verbs heed is refused by the others, or it would be left out without a word. */
static enum cairn_status refuse_foreign(const struct graph_arguments *arguments, const struct verb *verb,
                                        struct cairn_error *error)
{
    const bool filters = arguments->select.filter.count + arguments->select.exclude.count > 0;
    const bool draws = arguments->backwards || arguments->svg != NULL || arguments->depth != DEPTH;
    if (filters && verb->run != cairn_graph_verb_objects && verb->run != cairn_graph_verb_sites) {
        return cairn_fail(error, CAIRN_E_USAGE,
                          "graph %s: --filter and --exclude are about where objects were allocated: they go "
                          "with sites and objects",
                          verb->name);
    }
    if (draws && verb->run != cairn_graph_verb_dot) {
        return cairn_fail(error, CAIRN_E_USAGE,
                          "graph %s: --depth, --back and --svg are about a drawing: they go with dot",
                          verb->name);
    }
    if (arguments->suppressions != NULL && verb->run != cairn_graph_verb_unreachable) {
        return cairn_fail(error, CAIRN_E_USAGE,
                          "graph %s: --suppressions is about leaks: it goes with unreachable", verb->name);
    }
    return CAIRN_OK;
}

static int run(const struct cairn_invocation *invocation)
{
    const struct graph_arguments *arguments = invocation->arguments;
    const bool text = arguments->output.format == CAIRN_FORMAT_TEXT;
    struct words words = {.verb = NULL};
    struct cairn_request question = {.trace = NULL};
    struct cairn_graph_request request = {.trace = NULL};
    struct cairn_error error;
    enum cairn_status status = split(invocation, &words, &error);
    if (status == CAIRN_OK) {
        status = refuse_foreign(arguments, words.verb, &error);
    }
    if (status == CAIRN_OK) {
        struct cairn_invocation named = *invocation;
        named.positional = &words.trace;
        named.positional_count = words.trace != NULL;
        status = cairn_request_open(&named, &arguments->select, text, TEXT_FRAMES, &question, &error);
    }
    if (status == CAIRN_OK) {
        request = make_request(arguments, &words);
        request.trace = question.trace;
        request.selection = &question.selection;
        status = cairn_graph_choose(request.trace, arguments->graph, &request.graph, &error);
    }
    const int result = status == CAIRN_OK ? words.verb->run(&request) : cairn_complain(&error);
    cairn_graph_close(request.graph);
    cairn_request_release(&question);
    return result;
}

static const char *const verb_words[] = {"types", "objects", "sites",      "show", "referents",   "referrers",
                                         "path",  "diff",    "dominators", "dot",  "unreachable", NULL};

static const char *const sort_words[] = {
    "usual", "retained_bytes", "shallow_bytes", "count", "delta_bytes", "delta_count",
    "new",   "gone",           "name",          NULL};

static const struct cairn_option options[] = {
    {.name = "graph",
     .type = CAIRN_OPTION_TEXT,
     .offset = offsetof(struct graph_arguments, graph),
     .argument = "N|@NAME",
     .help = "the graph with that number or name, as `cairn info` lists them (the last one)"},
    {.name = "sort",
     .type = CAIRN_OPTION_WORD,
     .offset = offsetof(struct graph_arguments, sort),
     .argument = "KEY",
     .words = sort_words,
     .help = "types, diff: retained_bytes, shallow_bytes, count, delta_bytes, delta_count, new, gone or name",
     .completion = CAIRN_COMPLETE_WORDS},
    {.name = "suppressions",
     .type = CAIRN_OPTION_TEXT,
     .offset = offsetof(struct graph_arguments, suppressions),
     .argument = "FILE",
     .help = "unreachable: leave out what a file in LeakSanitizer's format names (leak:PATTERN lines)",
     .completion = CAIRN_COMPLETE_FILE},
    {.name = "depth",
     .type = CAIRN_OPTION_COUNT,
     .offset = offsetof(struct graph_arguments, depth),
     .argument = "N",
     .help = "dot: edges away from the object (3)"},
    {.name = "back",
     .type = CAIRN_OPTION_SET,
     .offset = offsetof(struct graph_arguments, backwards),
     .help = "dot: draw what holds the object, not what it holds"},
    {.name = "svg",
     .type = CAIRN_OPTION_TEXT,
     .offset = offsetof(struct graph_arguments, svg),
     .argument = "FILE",
     .help = "dot: have Graphviz draw it into a file",
     .completion = CAIRN_COMPLETE_FILE},
    {.name = "force",
     .letter = 'f',
     .type = CAIRN_OPTION_SET,
     .offset = offsetof(struct graph_arguments, force),
     .help = "dot: write over a file that is there already"},
    {.name = NULL},
};

#define SELECT offsetof(struct graph_arguments, select)
static const struct cairn_option_group groups[] = {
    {.title = "Options", .options = options},
    {.title = "Rows", .options = cairn_select_rows, .base = SELECT},
    {.title = "Rows", .options = cairn_select_frames, .base = SELECT},
    {.title = "Where allocated: sites, objects", .options = cairn_select_by, .base = SELECT},
    {.title = "Where allocated: sites, objects", .options = cairn_select_threads, .base = SELECT},
    {.title = "Where allocated: sites, objects", .options = cairn_select_sites, .base = SELECT},
    {.title = "Output", .options = cairn_output_options, .base = offsetof(struct graph_arguments, output)},
    {.title = NULL},
};

static const char *const examples[] = {
    "cairn graph app.cairn types",
    "what the heap is made of",
    "cairn graph app.cairn objects Box",
    "the boxes, the one whose death would free most first",
    "cairn graph app.cairn objects --filter '^make_box$'",
    "what make_box() and its callees allocated",
    "cairn graph app.cairn path 0x7f20c0a01f40",
    "why that object is alive",
    "cairn graph app.cairn dot 17 --back --svg held.svg",
    "a drawing of what holds object 17",
    NULL,
};

const struct cairn_command cairn_command_graph = {
    .name = "graph",
    .summary = "which object keeps which other one alive",
    .positional = "[TRACE] VERB [ARG...]",
    .positional_max = 4,
    .completion = CAIRN_COMPLETE_TRACE,
    .verbs = verb_words,
    .description =
        "  types               count, shallow and retained bytes of every type\n"
        "  objects TYPE        its objects, largest retained size first; with --filter, those that such\n"
        "                      stacks allocated (then TYPE may be left out)\n"
        "  sites [TYPE]        where its objects were allocated\n"
        "  show ID             one object: sizes, who allocated it, what holds it, what it holds\n"
        "  referents ID        what it holds\n"
        "  referrers ID        what holds it\n"
        "  path ID             why it is alive: a shortest way from a root\n"
        "  dominators [ID]     what would go with it; without ID: what no single object holds\n"
        "  diff G1 G2          new, gone and survived objects of every type between two graphs\n"
        "  unreachable         what no root reaches: leaked\n"
        "  dot ID              a drawing for Graphviz\n"
        "\n"
        "ID is an object's number or its address, as in 0x7f20c0a01f40. Retained is what an "
        "object's death would free, "
        "deep what can be reached from it without types, modules and functions.",
    .examples = examples,
    .groups = groups,
    .arguments_size = sizeof(struct graph_arguments),
    .defaults = &(const struct graph_arguments){.select = CAIRN_SELECT_DEFAULTS, .depth = DEPTH},
    .run = run,
};
