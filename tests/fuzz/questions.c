#include "questions.h"

#include <stdio.h>
#include <stdlib.h>

#include "cairn/trace.h"
#include "query/diff.h"
#include "query/growth.h"
#include "query/leaks.h"
#include "query/moment.h"
#include "query/rss.h"
#include "query/top.h"
#include "query/tree.h"
#include "scratch.h"

#define FRAMES 64

static bool look(void *state, uint64_t ordinal, const struct cairn_event *event)
{
    (void)event;
    *(uint64_t *)state = ordinal;
    return true;
}

static void ask_rows(struct cairn_trace *trace)
{
    struct cairn_error error;
    const struct cairn_process *processes;
    const struct cairn_thread *threads;
    const struct cairn_note *notes;
    const struct cairn_module *modules;
    struct cairn_timeline_point *points = NULL;
    struct cairn_residency *residency = NULL;
    struct cairn_source_line *lines = NULL;
    int64_t stacks, frames;
    size_t count;
    (void)!cairn_trace_processes(trace, &processes, &count, &error);
    (void)!cairn_trace_threads(trace, &threads, &count, &error);
    (void)!cairn_trace_notes(trace, &notes, &count, &error);
    (void)!cairn_trace_modules(trace, &modules, &count, &error);
    (void)!cairn_trace_counts(trace, &stacks, &frames, &error);
    if (cairn_trace_timeline(trace, 0, INT64_MAX, 10, &points, &count, &error) == CAIRN_OK) {
        free(points);
    }
    if (cairn_trace_residency(trace, 1500, &residency, &count, &error) == CAIRN_OK) {
        free(residency);
    }
    if (cairn_trace_source(trace, 1, 1, 100, &lines, &count, &error) == CAIRN_OK) {
        free(lines);
    }
}

static void ask_accounts(struct cairn_trace *trace)
{
    static struct cairn_histogram_cell cells[CAIRN_SIZE_BUCKETS * CAIRN_LIFETIME_BUCKETS];
    const struct cairn_frame *frames[FRAMES];
    const struct cairn_account *accounts;
    struct cairn_error error;
    size_t count = 0, cell_count;
    if (cairn_trace_accounts(trace, &accounts, &count, &error) != CAIRN_OK) {
        return;
    }
    for (size_t i = 0; i < count && i < FRAMES; i++) {
        (void)cairn_trace_stack_frames(trace, accounts[i].stack, frames, FRAMES);
        (void)!cairn_trace_histogram(trace, accounts[i].account, cells, sizeof(cells) / sizeof(cells[0]),
                                     &cell_count, &error);
    }
    (void)!cairn_trace_load_stacks(trace, &error);
    for (size_t i = 0; i < count && i < FRAMES; i++) {
        (void)cairn_trace_stack_frames(trace, accounts[i].stack, frames, FRAMES);
    }
}

static void ask_states(struct cairn_trace *trace)
{
    struct cairn_error error;
    uint64_t position = 0, last = 0;
    int64_t bytes, t_ns;
    (void)!cairn_trace_position_at(trace, 2000, &position, &error);
    (void)!cairn_trace_time_of(trace, position, &t_ns, &error);
    for (uint64_t at = 0; at <= 400; at += 57) {
        const struct cairn_state *state;
        struct cairn_totals *survived = NULL;
        size_t count;
        if (cairn_trace_state(trace, at, &state, &error) == CAIRN_OK) {
            cairn_state_release(trace, state);
        }
        (void)!cairn_trace_peak_between(trace, at % 2 ? 1 : 0, at, 400, &position, &bytes, &error);
        if (cairn_trace_survived(trace, at, 400, &survived, &count, &error) == CAIRN_OK) {
            free(survived);
        }
    }
    (void)!cairn_trace_events(trace, 0, 400, look, &last, &error);
}

static const struct cairn_selection by_function = {.by = CAIRN_BY_FUNCTION};

/* Moments of the trace, for the questions below. */
static bool find_span(struct cairn_trace *trace, struct cairn_span *span, struct cairn_moment *end)
{
    struct cairn_error error;
    return cairn_moment_parse(trace, "end", NULL, 0, end, &error) == CAIRN_OK &&
           cairn_span_parse(trace, "start", "end", 0, span, &error) == CAIRN_OK;
}

static void ask_sites(struct cairn_trace *trace)
{
    struct cairn_error error;
    struct cairn_moment end;
    struct cairn_span span;
    struct cairn_top top;
    struct cairn_tree tree;
    if (!find_span(trace, &span, &end)) {
        return;
    }
    if (cairn_top(trace, &by_function, &end, &span, &top, &error) == CAIRN_OK) {
        cairn_top_release(&top);
    }
    if (cairn_tree(trace, &by_function, &end, &span, false, &tree, &error) == CAIRN_OK) {
        cairn_tree_release(&tree);
    }
}

static void ask_changes(struct cairn_trace *trace)
{
    struct cairn_error error;
    struct cairn_moment end;
    struct cairn_span span;
    struct cairn_diff diff;
    struct cairn_rss rss;
    if (!find_span(trace, &span, &end)) {
        return;
    }
    if (cairn_diff(trace, &span.from, trace, &end, &by_function, &diff, &error) == CAIRN_OK) {
        cairn_diff_release(&diff);
    }
    if (cairn_rss(trace, &by_function, &end, &rss, &error) == CAIRN_OK) {
        cairn_rss_release(&rss);
    }
}

static void ask_growth(struct cairn_trace *trace)
{
    struct cairn_error error;
    struct cairn_moment end;
    struct cairn_span span;
    struct cairn_growth growth;
    if (find_span(trace, &span, &end) &&
        cairn_growth(trace, &by_function, &span, &growth, &error) == CAIRN_OK) {
        cairn_growth_release(&growth);
    }
}

/* What is asked where the reader stays the same for all: opening costs as much as most of them. */
static void (*const questions[])(struct cairn_trace *trace) = {ask_rows,  ask_accounts, ask_states,
                                                               ask_sites, ask_changes,  ask_growth};
#define QUESTIONS (sizeof(questions) / sizeof(questions[0]))

static struct cairn_trace *open_honest(void)
{
    char path[256];
    size_t size;
    struct cairn_trace *trace;
    const uint8_t *bytes = scratch_trace(&size);
    snprintf(path, sizeof(path), "%s", scratch_path("honest.cairn"));
    scratch_write(path, bytes, size);
    return cairn_trace_open(path, NULL, &trace, NULL) == CAIRN_OK ? trace : NULL;
}

void ask_some(const char *path, unsigned choice)
{
    /* An honest trace stays open: to work out what traces look like takes longer than opening one. */
    static struct cairn_trace_options options = {.cache_bytes = 1 << 20};
    static struct cairn_trace *honest;
    struct cairn_trace *trace;
    struct cairn_error error;
    if (!honest && !(honest = open_honest())) {
        abort();
    }
    options.like = honest;
    if (cairn_trace_open(path, &options, &trace, &error) != CAIRN_OK) {
        return;
    }
    const bool all = choice % ASK_KINDS == ASK_EVERYTHING;
    for (size_t i = 0; i < QUESTIONS; i++) {
        if (all || i == choice % ASK_KINDS) {
            questions[i](trace);
        }
    }
    cairn_trace_close(trace);
}
