/* What lies between the live heap and the resident memory, in a few words. */
#ifndef CAIRN_VIEW_GAP_H
#define CAIRN_VIEW_GAP_H

#include <stddef.h>

#include "query/rss.h"

/* "gap 0.7G: 0.5G free in allocator, 0.2G mmap": what makes up a twentieth of it at least, the largest first. `when` is
 * the measurement's time where it is far from the moment asked for, else "". Clean text. */
void cairn_gap_text(const struct cairn_rss *rss, const char *when, char *out, size_t out_size);

#endif
