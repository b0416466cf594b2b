/* Moments: the TIME words of the command line (start, end, peak, 40%, 12.5s, end-5m, s7, @name, 03:12:40) and the place
 * in the event order they mean: after every event stamped at or before them. */
#ifndef CAIRN_QUERY_MOMENT_H
#define CAIRN_QUERY_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "cairn/trace.h"

struct cairn_moment {
    uint64_t position; /* the state after so many events */
    int64_t t_ns;
    char label[64]; /* as people name it: "peak", "@before", "s7", "12.5s"; clean text */
    bool inexact;   /* its single events were dropped: answers are as of the border of a chunk before it */
};

/* A span [from, to]; both ends are moments. The whole recording is start…end. */
struct cairn_span {
    struct cairn_moment from, to;
};

/* Words may carry an offset ("end-5m", "@start+2s"), clocks may leave out the seconds; "@name#2" is the second moment of that
 * name, "@name" the first (of `process` where it has one; "@exit" is the program's own where that is 0). "end" stands before
 * the END events of the processes that close the recording, so what was live then is seen.
 *
 * `within` (may be NULL: the whole recording) bounds "peak"; percent and times are always of the recording. `process` 0:
 * the peak of the sum. CAIRN_E_USAGE for words that are no TIME, CAIRN_E_NOT_FOUND for a mark or snapshot that is not
 * there (the sentence names those that are). */
CAIRN_MUST_CHECK enum cairn_status cairn_moment_parse(struct cairn_trace *trace, const char *text,
                                                      const struct cairn_span *within, uint32_t process,
                                                      struct cairn_moment *moment, struct cairn_error *error);
/* The position that TIME words mean, for SQL's arguments: cairn_moment_parse() of the whole recording. CAIRN_E_NOT_FOUND where the
 * state there is not known to the event; the sentence names the nearest snapshot. */
CAIRN_MUST_CHECK enum cairn_status cairn_moment_position(struct cairn_trace *trace, const char *text,
                                                         uint64_t *position, struct cairn_error *error);
/* The moment at a time, labelled by it. */
CAIRN_MUST_CHECK enum cairn_status cairn_moment_at(struct cairn_trace *trace, int64_t t_ns,
                                                   struct cairn_moment *moment, struct cairn_error *error);
/* From two TIME words, NULL meaning start / end; `process` as above. */
CAIRN_MUST_CHECK enum cairn_status cairn_span_parse(struct cairn_trace *trace, const char *from,
                                                    const char *to, uint32_t process, struct cairn_span *span,
                                                    struct cairn_error *error);

#endif
