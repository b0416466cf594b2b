/* The options that say what a question is about (CLI.md's "Selecting"), and the question they make of a trace. */
#ifndef CAIRN_CLI_SELECT_H
#define CAIRN_CLI_SELECT_H

#include "cairn/trace.h"
#include "cli/command.h"
#include "query/moment.h"
#include "query/selection.h"

/* The values of all shared options. Commands take the groups that mean something to them. */
struct cairn_select_arguments {
    const char *at, *from, *to;
    int by, metric, lang; /* enum cairn_by, cairn_metric, cairn_lang_choice */
    int sort;             /* the place among the words of the command's --sort */
    bool reverse, cumulative, no_skip;
    struct cairn_texts skip, filter, exclude;
    const char *process;
    int64_t tid;
    int64_t limit, offset, frames; /* limit and frames: −1 when not given */
};

#define CAIRN_SELECT_DEFAULTS                                                                                \
    {                                                                                                        \
        .tid = -1, .limit = -1, .frames = -1                                                                 \
    }

/* Tables of options, each ends with a nameless one. */
extern const struct cairn_option cairn_select_at[];   /* --at */
extern const struct cairn_option cairn_select_span[]; /* --from --to */
extern const struct cairn_option cairn_select_by[];   /* --by */
extern const struct cairn_option cairn_select_rank[]; /* --metric --cumulative */
extern const struct cairn_option cairn_select_sort[]; /* --sort --reverse, of rows of counts */
extern const struct cairn_option cairn_select_diff_sort[], cairn_select_leaks_sort[];
extern const struct cairn_option cairn_select_sites[];     /* --skip --no-skip */
extern const struct cairn_option cairn_select_processes[]; /* --process */
extern const struct cairn_option cairn_select_threads[];   /* --lang --thread --filter --exclude */
extern const struct cairn_option cairn_select_rows[];      /* --limit --offset */
extern const struct cairn_option
    cairn_select_all_rows[]; /* the same, of short lists: all of them unless said otherwise */
extern const struct cairn_option cairn_select_frames[]; /* --frames */

/* The words of --by, --metric, --lang in the order of their enums. */
extern const char *const cairn_by_words[], *const cairn_metric_words[], *const cairn_lang_words[];

/* Everything a query wants. The selection borrows `rule` and `filter`. */
struct cairn_request {
    struct cairn_trace *trace;
    const struct cairn_recording *recording;
    struct cairn_selection selection;
    struct cairn_site_rule *rule;
    struct cairn_filter *filter;
    struct cairn_moment at;
    struct cairn_span span;
    size_t frames; /* to show a row */
    struct cairn_arena arena;
};

/* Opens the trace that the first positional argument names (or the newest) and reads the words of `arguments` against it.
 * `text`: limits and frames are for people to read, `text_frames` a row unless said otherwise; else everything. Release
 * in every case. */
CAIRN_MUST_CHECK enum cairn_status
cairn_request_open(const struct cairn_invocation *invocation, const struct cairn_select_arguments *arguments,
                   bool text, size_t text_frames, struct cairn_request *request, struct cairn_error *error);
void cairn_request_release(struct cairn_request *request);
/* How many of `count` rows are shown, from *first on, where all are unless --limit says otherwise. */
size_t cairn_select_cut(const struct cairn_select_arguments *arguments, size_t count, size_t *first);
/* Says on standard error where the state at that moment is not known to the event: for answers that do not say it themselves. */
void cairn_note_inexact(struct cairn_trace *trace, const struct cairn_moment *moment);

#endif
