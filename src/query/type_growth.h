/* What changed at one place in the code between two graphs of one process, or of two recordings, by type: what its blocks became. */
#ifndef CAIRN_QUERY_TYPE_GROWTH_H
#define CAIRN_QUERY_TYPE_GROWTH_H

#include "query/object_origin.h"

struct cairn_type_growth_row {
    const char *type; /* borrowed from the graphs */
    int lang;
    uint32_t number;            /* in graph B; UINT32_MAX: no object of it is left */
    int64_t a_objects, a_bytes; /* bytes: of their recorded blocks */
    int64_t b_objects, b_bytes;
    int64_t survived_objects,
        survived_bytes; /* made by event `origin->first` or later, and there in B; CAIRN_UNKNOWN between two
                                               * recordings: no object of one is in the other */
};

struct cairn_type_growth {
    struct cairn_type_growth_row *rows; /* by |b_bytes - a_bytes|, then by name */
    size_t row_count;
    struct cairn_type_growth_row total; /* its type is NULL */
};

/* `origin->type` is not looked at. Objects of the place's accounts in B are looked at one by one: a million take some tenths of a
 * second. Release in every case of success. */
CAIRN_MUST_CHECK enum cairn_status cairn_type_growth(struct cairn_graph *a, struct cairn_graph *b,
                                                     const struct cairn_object_origin *origin,
                                                     struct cairn_type_growth *growth,
                                                     struct cairn_error *error);
/* The same between graphs of two traces, of the row of cairn_diff() with that site_id: types are the same by name. */
CAIRN_MUST_CHECK enum cairn_status cairn_type_growth_of_traces(struct cairn_graph *a, struct cairn_graph *b,
                                                               const struct cairn_selection *selection,
                                                               int64_t site_id,
                                                               struct cairn_type_growth *growth,
                                                               struct cairn_error *error);
void cairn_type_growth_release(struct cairn_type_growth *growth);

#endif
