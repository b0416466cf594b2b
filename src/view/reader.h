/* The worker's side of the trace: its handles, and the question put into the words of the query layer. Used by one
 * thread, the worker's. */
#ifndef CAIRN_VIEW_READER_H
#define CAIRN_VIEW_READER_H

#include "cairn/graph.h"
#include "view/inquiry.h"

struct cairn_reader;

struct cairn_reader_options {
    const char *path, *other_path; /* other_path NULL: one trace */
    const char *source_root;       /* NULL: only what the trace embeds */
    const char *const *skips;      /* functions to pass over besides the built-in list */
    size_t skip_count;
    bool (*cancelled)(void *state);
    void *cancelled_state;
};

/* Texts of the options are borrowed until the reader is closed. */
CAIRN_MUST_CHECK enum cairn_status cairn_reader_open(const struct cairn_reader_options *options,
                                                     struct cairn_reader **reader, struct cairn_error *error);
void cairn_reader_close(struct cairn_reader *reader);

struct cairn_trace *cairn_reader_trace(const struct cairn_reader *reader);
/* The second trace, or the first one again. */
struct cairn_trace *cairn_reader_other(const struct cairn_reader *reader);
const char *cairn_reader_source_root(const struct cairn_reader *reader);

/* Looks for news of the first trace. Graphs that were handed out are closed. */
CAIRN_MUST_CHECK enum cairn_status cairn_reader_refresh(struct cairn_reader *reader, bool *changed,
                                                        struct cairn_error *error);
/* An object graph of the first trace; 0: the one taken last. Borrowed until two others were asked for. */
CAIRN_MUST_CHECK enum cairn_status cairn_reader_graph(struct cairn_reader *reader, uint32_t number,
                                                      struct cairn_graph **graph, struct cairn_error *error);
/* The same of either trace. */
CAIRN_MUST_CHECK enum cairn_status cairn_reader_graph_of(struct cairn_reader *reader,
                                                         struct cairn_trace *trace, uint32_t number,
                                                         struct cairn_graph **graph,
                                                         struct cairn_error *error);

/* The selection for `question`; its filter and rule are borrowed until the next call. */
CAIRN_MUST_CHECK enum cairn_status cairn_reader_selection(struct cairn_reader *reader,
                                                          const struct cairn_inquiry *question,
                                                          struct cairn_selection *selection,
                                                          struct cairn_error *error);
/* The moment with its place in the event order. `trace` is one of the two above. */
CAIRN_MUST_CHECK enum cairn_status cairn_reader_moment(struct cairn_trace *trace,
                                                       const struct cairn_view_moment *wanted,
                                                       struct cairn_moment *moment,
                                                       struct cairn_error *error);
/* From the start to the end of the recording, as far as it goes now. */
CAIRN_MUST_CHECK enum cairn_status cairn_reader_span(struct cairn_trace *trace, struct cairn_span *span,
                                                     struct cairn_error *error);

#endif
