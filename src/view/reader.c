#include "view/reader.h"

#include <stdlib.h>
#include <string.h>

#define SKIPS_MOST  64
#define GRAPHS_OPEN 2 /* a comparison needs two */

struct cairn_reader {
    struct cairn_reader_options options;
    struct cairn_trace *trace, *other; /* other NULL: one trace */
    /* Compiled for the last question; scrubbing changes neither. */
    struct cairn_filter *filter;
    struct cairn_site_rule *rule;
    struct cairn_inquiry compiled;
    bool rule_made;
    struct cairn_graph *graphs[GRAPHS_OPEN]; /* the one asked for last comes first */
};

enum cairn_status cairn_reader_open(const struct cairn_reader_options *options, struct cairn_reader **out,
                                    struct cairn_error *error)
{
    struct cairn_reader *reader = calloc(1, sizeof(*reader));
    if (reader == NULL)
        return cairn_fail(error, CAIRN_E_NOMEM, "memory ran out while the trace was opened");
    reader->options = *options;
    const struct cairn_trace_options trace_options = {.cancelled = options->cancelled,
                                                      .cancelled_state = options->cancelled_state};
    enum cairn_status status = cairn_trace_open(options->path, &trace_options, &reader->trace, error);
    if (status == CAIRN_OK && options->other_path != NULL)
        status = cairn_trace_open(options->other_path, &trace_options, &reader->other, error);
    if (status != CAIRN_OK) {
        cairn_reader_close(reader);
        return status;
    }
    *out = reader;
    return CAIRN_OK;
}

static void close_graphs(struct cairn_reader *reader)
{
    for (size_t i = 0; i < GRAPHS_OPEN; i++) {
        cairn_graph_close(reader->graphs[i]);
        reader->graphs[i] = NULL;
    }
}

void cairn_reader_close(struct cairn_reader *reader)
{
    if (reader == NULL)
        return;
    close_graphs(reader);
    cairn_filter_free(reader->filter);
    cairn_site_rule_free(reader->rule);
    cairn_trace_close(reader->trace);
    cairn_trace_close(reader->other);
    free(reader);
}

struct cairn_trace *cairn_reader_trace(const struct cairn_reader *reader)
{
    return reader->trace;
}

struct cairn_trace *cairn_reader_other(const struct cairn_reader *reader)
{
    return reader->other != NULL ? reader->other : reader->trace;
}

const char *cairn_reader_source_root(const struct cairn_reader *reader)
{
    return reader->options.source_root;
}

enum cairn_status cairn_reader_refresh(struct cairn_reader *reader, bool *changed, struct cairn_error *error)
{
    close_graphs(reader);
    return cairn_trace_refresh(reader->trace, changed, error);
}

enum cairn_status cairn_reader_graph(struct cairn_reader *reader, uint32_t number, struct cairn_graph **out,
                                     struct cairn_error *error)
{
    return cairn_reader_graph_of(reader, reader->trace, number, out, error);
}

enum cairn_status cairn_reader_graph_of(struct cairn_reader *reader, struct cairn_trace *trace,
                                        uint32_t number, struct cairn_graph **out, struct cairn_error *error)
{
    size_t at = 0;
    while (at < GRAPHS_OPEN &&
           !(number != 0 && reader->graphs[at] != NULL && cairn_graph_trace(reader->graphs[at]) == trace &&
             cairn_graph_about(reader->graphs[at])->graph == number))
        at++;
    struct cairn_graph *graph = at < GRAPHS_OPEN ? reader->graphs[at] : NULL;
    if (graph == NULL) {
        const enum cairn_status status = cairn_graph_open(trace, number, &graph, error);
        if (status != CAIRN_OK)
            return status;
        at = GRAPHS_OPEN - 1;
        cairn_graph_close(reader->graphs[at]);
    }
    memmove(reader->graphs + 1, reader->graphs, at * sizeof(*reader->graphs));
    reader->graphs[0] = graph;
    *out = graph;
    return CAIRN_OK;
}

static enum cairn_status compile_filter(struct cairn_reader *reader, const struct cairn_inquiry *question,
                                        struct cairn_error *error)
{
    if (strcmp(question->filter, reader->compiled.filter) == 0)
        return CAIRN_OK;
    struct cairn_filter *filter = NULL;
    const char *const keep[] = {question->filter};
    if (question->filter[0] != '\0') {
        const enum cairn_status status = cairn_filter_new(keep, 1, NULL, 0, &filter, error);
        if (status != CAIRN_OK)
            return status;
    }
    cairn_filter_free(reader->filter);
    reader->filter = filter;
    memcpy(reader->compiled.filter, question->filter, sizeof(question->filter));
    return CAIRN_OK;
}

static bool same_wrappers(const struct cairn_inquiry *one, const struct cairn_inquiry *two)
{
    if (one->wrapper_count != two->wrapper_count)
        return false;
    for (size_t i = 0; i < one->wrapper_count; i++)
        if (strcmp(one->wrappers[i], two->wrappers[i]) != 0)
            return false;
    return true;
}

static enum cairn_status compile_rule(struct cairn_reader *reader, const struct cairn_inquiry *question,
                                      struct cairn_error *error)
{
    if (reader->rule_made && same_wrappers(question, &reader->compiled))
        return CAIRN_OK;
    struct cairn_site_rule *rule = NULL;
    enum cairn_status status = CAIRN_OK;
    const size_t skips = reader->options.skip_count < SKIPS_MOST ? reader->options.skip_count : SKIPS_MOST;
    if (question->wrapper_count + skips > 0) {
        struct cairn_buffer expressions[CAIRN_WRAPPERS_MAX] = {CAIRN_BUFFER_INIT};
        const char *extra[CAIRN_WRAPPERS_MAX + SKIPS_MOST];
        for (size_t i = 0; i < question->wrapper_count; i++) {
            cairn_wrapper_expression(question->wrappers[i], &expressions[i]);
            extra[i] = cairn_buffer_cstr(&expressions[i]);
        }
        for (size_t i = 0; i < skips; i++)
            extra[question->wrapper_count + i] = reader->options.skips[i];
        status = cairn_site_rule_new(true, extra, question->wrapper_count + skips, &rule, error);
        for (size_t i = 0; i < question->wrapper_count; i++)
            cairn_buffer_release(&expressions[i]);
    }
    if (status != CAIRN_OK)
        return status;
    reader->rule_made = true;
    cairn_site_rule_free(reader->rule);
    reader->rule = rule;
    memcpy(reader->compiled.wrappers, question->wrappers, sizeof(question->wrappers));
    reader->compiled.wrapper_count = question->wrapper_count;
    return CAIRN_OK;
}

enum cairn_status cairn_reader_selection(struct cairn_reader *reader, const struct cairn_inquiry *question,
                                         struct cairn_selection *selection, struct cairn_error *error)
{
    enum cairn_status status = compile_filter(reader, question, error);
    if (status == CAIRN_OK)
        status = compile_rule(reader, question, error);
    if (status != CAIRN_OK)
        return status;
    *selection = (struct cairn_selection){.by = question->by,
                                          .metric = question->metric,
                                          .cumulative = question->cumulative,
                                          .lang = question->lang,
                                          .memory = question->memory,
                                          .process = question->process,
                                          .filter = reader->filter,
                                          .rule = reader->rule};
    return CAIRN_OK;
}

enum cairn_status cairn_reader_moment(struct cairn_trace *trace, const struct cairn_view_moment *wanted,
                                      struct cairn_moment *moment, struct cairn_error *error)
{
    if (wanted->resolved) {
        *moment = wanted->moment;
        return CAIRN_OK;
    }
    struct cairn_moment found;
    const enum cairn_status status = cairn_moment_at(trace, wanted->moment.t_ns, &found, error);
    if (status != CAIRN_OK)
        return status;
    if (wanted->moment.label[0] != '\0')
        memcpy(found.label, wanted->moment.label, sizeof(found.label));
    *moment = found;
    return CAIRN_OK;
}

enum cairn_status cairn_reader_span(struct cairn_trace *trace, struct cairn_span *span,
                                    struct cairn_error *error)
{
    return cairn_span_parse(trace, NULL, NULL, 0, span, error);
}
