/* Sites whose live bytes keep growing: `cairn growth`.
 *
 * The slope is a least-squares line through moments of the last two thirds of the span, spread over time and over events
 * (snapshots where they are near enough), but for the recording's end itself, where programs free what they hold. A site
 * keeps growing when the line climbs, it rose more than once, what rose stayed, and it has not been silent for longer than
 * it used to be between rises: a cache that filled up, a step and a saw-tooth do not. Order: slope × fit × rises / (rises +
 * falls) × how much of the growth is of late, so that a steady leak comes first. */
#ifndef CAIRN_QUERY_GROWTH_H
#define CAIRN_QUERY_GROWTH_H

#include "query/moment.h"
#include "query/selection.h"

/* From this r² on it is a line; below, a site must have risen by a good part of what it held. */
#define CAIRN_GROWTH_GOOD_FIT 0.5

struct cairn_growth_row {
    struct cairn_site site;
    int64_t first_bytes, last_bytes; /* at the first and the last of these moments */
    int64_t error_bytes; /* one standard error of their difference; CAIRN_UNKNOWN when nothing is sampled */
    double slope_bytes_per_s;
    double fit;        /* r², 0…1 */
    uint32_t grew, of; /* steps from one of them to the next */
    uint32_t stack;    /* heaviest at the end */
};

struct cairn_growth {
    struct cairn_span span;
    int64_t first_ns, last_ns; /* of first_bytes and last_bytes; CAIRN_UNKNOWN: no moment is known */
    struct cairn_growth_row *rows;
    size_t row_count, rows_total;
    size_t
        moments_left_out; /* of those that the fit is of: what was live then takes single events that were dropped */
    struct cairn_arena arena;
};

/* A span to the end of the recording ends at the program's exit moment, where there is one: growth->span says so. */
CAIRN_MUST_CHECK enum cairn_status cairn_growth(struct cairn_trace *trace,
                                                const struct cairn_selection *selection,
                                                const struct cairn_span *span, struct cairn_growth *growth,
                                                struct cairn_error *error);
/* What that says of one site of the whole recording: it grew in `grew` of `of` steps; `of` is 0 when it does not keep growing. */
CAIRN_MUST_CHECK enum cairn_status cairn_growth_of_site(struct cairn_trace *trace,
                                                        const struct cairn_selection *selection,
                                                        int64_t site_id, uint32_t *grew, uint32_t *of,
                                                        struct cairn_error *error);
/* The positions that the answer over the whole recording rests on, in no order: a copy of the trace that keeps their states
 * answers the same. The caller frees `positions`. */
CAIRN_MUST_CHECK enum cairn_status cairn_growth_moments(struct cairn_trace *trace, uint64_t **positions,
                                                        size_t *count, struct cairn_error *error);
void cairn_growth_release(struct cairn_growth *growth);

#endif
