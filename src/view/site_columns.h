/* The columns of rows that are places in the code, by metric: what ranks stands first. */
#ifndef CAIRN_VIEW_SITE_COLUMNS_H
#define CAIRN_VIEW_SITE_COLUMNS_H

#include "view/outline.h"

/* Where cairn_row_set_counts() puts what. */
enum cairn_site_value {
    CAIRN_VALUE_LIVE = 0,
    CAIRN_VALUE_PERCENT,
    CAIRN_VALUE_BLOCKS,
    CAIRN_VALUE_ALLOCATIONS,
    CAIRN_VALUE_TEMPORARY_SHARE,
    CAIRN_VALUE_ALLOCATED,
    CAIRN_VALUE_PEAK,
    CAIRN_VALUE_TEMPORARY,
    CAIRN_VALUE_SELF,   /* of the metric, in trees */
    CAIRN_VALUE_CHANGE, /* of the live bytes since A, in trees that are compared */
    CAIRN_VALUE_ERROR,  /* one standard error of the metric's bytes, in sampled recordings */
};

const struct cairn_column *cairn_site_columns(enum cairn_metric metric, size_t *count);
const struct cairn_column *cairn_tree_columns(enum cairn_metric metric, size_t *count);
/* Column 0 sorts. */
void cairn_row_set_counts(struct cairn_row *row, const struct cairn_counts *counts, double percent);

#endif
