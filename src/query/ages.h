/* How old what is live at the end is, from the single events. Internal to query.
 *
 * A block's age is the time from its birth to the end of its process (or of the recording). The events are read once with
 * a bit for every one of them, so memory is an eighth of a byte an event. */
#ifndef CAIRN_QUERY_AGES_H
#define CAIRN_QUERY_AGES_H

#include "cairn/trace.h"

#define CAIRN_AGES_EVENTS_LIMIT                                                                              \
    (UINT64_C(1) << 23) /* what is read without being asked for ages: about a second */

/* By account − 1. `old_*`: live blocks at least `min_age_ns` old (all live ones when that is 0). */
struct cairn_ages {
    size_t count;
    int64_t *oldest_age_ns; /* CAIRN_UNKNOWN: nothing live, or its events are not kept */
    int64_t *old_bytes, *old_blocks;
};

/* Without min_age_ns a recording of more than CAIRN_AGES_EVENTS_LIMIT events has unknown ages. With it everything that is
 * needed is read; CAIRN_E_LIMIT when the events that would tell were dropped. */
CAIRN_MUST_CHECK enum cairn_status cairn_ages_read(struct cairn_trace *trace, int64_t min_age_ns,
                                                   struct cairn_ages *ages, struct cairn_error *error);
void cairn_ages_release(struct cairn_ages *ages);

#endif
