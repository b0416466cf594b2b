/* Frames grouped into places (functions, lines, files or modules) as rows of answers name them. Internal to query. */
#ifndef CAIRN_QUERY_PLACES_H
#define CAIRN_QUERY_PLACES_H

#include "query/key_map.h"
#include "query/selection.h"

/* Zero-initialise but for trace and by (FUNCTION, LINE, FILE or MODULE). Texts of `sites` are borrowed from the trace. */
struct cairn_places {
    struct cairn_trace *trace; /* borrowed */
    enum cairn_by by;
    struct cairn_site *sites;
    size_t count, capacity;
    struct cairn_key_map by_key, by_frame;
};

void cairn_places_release(struct cairn_places *places);
/* The place of a frame (NULL: of no frame at all), as an index of `sites`; CAIRN_KEY_MAP_NONE when memory ran out. */
uint32_t cairn_places_of(struct cairn_places *places, const struct cairn_frame *frame);

/* One frame by itself, line and all. */
void cairn_site_of_frame(struct cairn_trace *trace, const struct cairn_frame *frame, struct cairn_site *site);
/* Site numbers are made from keys, so that they are the same in every handle; below 2^53 for readers of JSON. */
int64_t cairn_site_id_of_key(uint64_t key);

#endif
