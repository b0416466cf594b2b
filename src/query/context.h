/* What query keeps with a trace: maps that do not depend on the moment, so that scrubbing stays cheap. Internal to query.
 *
 * It is the trace's companion: it goes when the trace closes or a refresh finds something new. Pointers stay valid until
 * CAIRN_CONTEXT_KEPT other ones were asked for: one question uses fewer. */
#ifndef CAIRN_QUERY_CONTEXT_H
#define CAIRN_QUERY_CONTEXT_H

#include "query/filter.h"
#include "query/series.h"
#include "query/site_map.h"
#include "query/tree_shape.h"

#define CAIRN_CONTEXT_KEPT 8u

/* Borrowed. The map of a selection's grouping, language and rule. */
CAIRN_MUST_CHECK enum cairn_status cairn_context_site_map(struct cairn_trace *trace,
                                                          const struct cairn_selection *selection,
                                                          const struct cairn_site_map **map,
                                                          struct cairn_error *error);
/* Borrowed: cairn_filter_accounts(), NULL for no filter. */
CAIRN_MUST_CHECK enum cairn_status cairn_context_kept(struct cairn_trace *trace,
                                                      const struct cairn_filter *filter, const uint8_t **kept,
                                                      struct cairn_error *error);
/* Borrowed. The tree of all stacks under a selection's language and rule, by line or by function. */
CAIRN_MUST_CHECK enum cairn_status
cairn_context_tree_shape(struct cairn_trace *trace, const struct cairn_selection *selection, bool bottom_up,
                         const struct cairn_tree_shape **shape, struct cairn_error *error);
/* Borrowed: cairn_series_new() of that span, with what was loaded of it. */
CAIRN_MUST_CHECK enum cairn_status
cairn_context_series(struct cairn_trace *trace, const struct cairn_span *span, size_t points,
                     enum cairn_memory memory, struct cairn_series **series, struct cairn_error *error);

/* Borrowed: cairn_growth_points() of that span, with what was loaded of it. */
CAIRN_MUST_CHECK enum cairn_status
cairn_context_growth(struct cairn_trace *trace, const struct cairn_span *span, enum cairn_memory memory,
                     struct cairn_series **series, struct cairn_error *error);

#endif
