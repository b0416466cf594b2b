/* From objects to the places that allocated them, and back. */
#ifndef CAIRN_QUERY_OBJECT_SITES_H
#define CAIRN_QUERY_OBJECT_SITES_H

#include "query/objects.h"
#include "query/selection.h"

#define CAIRN_ALL_TYPES UINT32_MAX

struct cairn_object_site {
    struct cairn_site site;
    int64_t objects, blocks, bytes; /* of their recorded blocks */
    int64_t leaked_bytes;           /* of those that no root reaches */
    double percent;                 /* of the bytes of all objects asked for, before the row filters */
    uint32_t stack;                 /* the heaviest one */
};

struct cairn_object_sites {
    struct cairn_object_site *rows; /* by bytes, then by name */
    size_t row_count, rows_total;
    int64_t objects, blocks, bytes, leaked_bytes; /* of all rows */
    struct cairn_arena arena;
};

/* Where the graph's objects of a type (or CAIRN_ALL_TYPES) were allocated, grouped as the selection has it. Objects whose block
 * was not recorded are in no row. */
CAIRN_MUST_CHECK enum cairn_status cairn_object_sites(struct cairn_graph *graph,
                                                      const struct cairn_selection *selection, uint32_t type,
                                                      struct cairn_object_sites *sites,
                                                      struct cairn_error *error);
void cairn_object_sites_release(struct cairn_object_sites *sites);

/* The objects of a type (or CAIRN_ALL_TYPES) that stacks allocated which the selection keeps, largest retained size first. */
CAIRN_MUST_CHECK enum cairn_status cairn_objects_allocated(struct cairn_graph *graph,
                                                           const struct cairn_selection *selection,
                                                           uint32_t type, struct cairn_objects *objects,
                                                           struct cairn_error *error);

#endif
