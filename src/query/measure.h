/* The four numbers a recording is judged by, each with the sites that make it up. Internal to query.
 *
 * All of them are of what the selection's row filters keep. Peak is what is held at the span's largest heap (as the peak
 * column of `cairn top`). Leaked is, for the whole recording, what `cairn leaks` shows but for what is still reachable; for
 * a part of it, what was born in the span and lives at its end. Suppressions take from leaked alone. */
#ifndef CAIRN_QUERY_MEASURE_H
#define CAIRN_QUERY_MEASURE_H

#include "query/check.h"

/* `whole`: the span is the whole recording. Where the events that leaks need are gone, leaked is unknown; with
 * `need_leaked` that is a failure. The peak of a part is unknown where its state is not kept. */
CAIRN_MUST_CHECK enum cairn_status
cairn_measure_all(struct cairn_trace *trace, const struct cairn_selection *selection,
                  const struct cairn_span *span, bool whole, const struct cairn_suppressions *suppressions,
                  bool need_leaked, struct cairn_arena *arena, struct cairn_measured all[CAIRN_MEASURE_COUNT],
                  struct cairn_error *error);

/* Most of it first, ties by name. */
void cairn_measured_sort(struct cairn_measured_site *sites, size_t count);

#endif
