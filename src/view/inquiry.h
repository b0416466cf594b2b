/* What the screens ask the trace about: grouping, metric, moments, filters. The keys change it, jobs carry a copy. */
#ifndef CAIRN_VIEW_INQUIRY_H
#define CAIRN_VIEW_INQUIRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "query/moment.h"
#include "query/selection.h"

#define CAIRN_WRAPPERS_MAX 16

/* A moment whose place in the event order may not be looked up yet: scrubbing needs no answer from the trace. */
struct cairn_view_moment {
    struct cairn_moment moment;
    bool resolved;
};

struct cairn_inquiry {
    enum cairn_by by;
    enum cairn_metric metric;
    bool cumulative;
    enum cairn_lang_choice lang;
    enum cairn_memory memory;
    uint32_t process; /* 0: all */
    uint32_t graph;   /* number of the object graph; 0: the last one */
    struct cairn_view_moment at, a, b;
    bool a_set, b_set;
    char filter[256]; /* "": none */
    char wrappers[CAIRN_WRAPPERS_MAX][128];
    size_t wrapper_count;
};

/* A and B as they are compared: what is not set is the start, or the moment we look at. */
struct cairn_view_moment cairn_inquiry_a(const struct cairn_inquiry *question);
struct cairn_view_moment cairn_inquiry_b(const struct cairn_inquiry *question);

/* An expression that matches exactly the wrapper's name. */
void cairn_wrapper_expression(const char *name, struct cairn_buffer *expression);
/* Index of a wrapper, or wrapper_count. */
size_t cairn_inquiry_wrapper(const struct cairn_inquiry *question, const char *name);

/* Appends a word as a POSIX shell takes it. */
void cairn_append_quoted(struct cairn_buffer *command, const char *word);
/* The TIME word that means this moment: "peak", "s7", "1234567ns". */
void cairn_moment_word(const struct cairn_view_moment *moment, char *out, size_t out_size);
/* Whether options can ask the same: no command ranks what the program mapped itself. */
bool cairn_inquiry_has_options(const struct cairn_inquiry *question);
/* Appends the options that make a command answer the same question: --by, --metric, --process, … With `time`, --at. */
void cairn_inquiry_options(const struct cairn_inquiry *question, bool time, struct cairn_buffer *command);

#endif
