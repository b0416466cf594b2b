/* What the blocks of one row of Diff are: the types that grew and shrank from an object graph at A to one at B, and the objects
 * that survived. */
#ifndef CAIRN_VIEW_DIFF_TYPES_H
#define CAIRN_VIEW_DIFF_TYPES_H

#include "view/graphs.h"

/* Values of Diff's rows. */
enum cairn_diff_value {
    CAIRN_DIFF_VALUE_DELTA = 0,
    CAIRN_DIFF_VALUE_DELTA_BLOCKS,
    CAIRN_DIFF_VALUE_SURVIVED,
    CAIRN_DIFF_VALUE_A,
    CAIRN_DIFF_VALUE_B,
    CAIRN_DIFF_VALUE_PERCENT
};

struct cairn_diff_graphs {
    uint32_t a, b;   /* numbers; 0: A and B have no graph each */
    bool two_traces; /* b is of the second one */
    char title[128]; /* "@warm 0.5s → @exit 3.1s" */
};

/* The last graphs of one process at or before A and B. Of two traces: the nearest ones of the same program; types are
 * compared, but no object of one is in the other. */
void cairn_diff_graphs_find(const struct cairn_app *app, struct cairn_diff_graphs *graphs);
/* Appends a row for all types of a site, and a row below it for each type; nothing where the graphs hold no object of it. On the
 * worker's thread. */
CAIRN_MUST_CHECK enum cairn_status cairn_diff_types_add(struct cairn_reader *reader,
                                                        const struct cairn_inquiry *question,
                                                        const struct cairn_diff_graphs *graphs,
                                                        uint64_t parent_key, int64_t site_id,
                                                        struct cairn_rows *rows, struct cairn_error *error);
/* Shows the objects that such a row stands for; `table` is Diff's. False: the row is none of them. */
bool cairn_diff_types_show(struct cairn_app *app, const struct cairn_outline *table,
                           const struct cairn_row *row);

#endif
