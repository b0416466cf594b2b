#include "view/site_columns.h"

#define COLUMN(t, k, kind_, w, from, v, s)                                                                   \
    {                                                                                                        \
        .title = (t), .key = (k), .kind = CAIRN_COLUMN_##kind_, .width = (w), .from_width = (from),          \
        .value = CAIRN_VALUE_##v, .sort = (s)                                                                \
    }
#define LIVE(from)      COLUMN("LIVE", "live_bytes", BYTES, 7, from, LIVE, "live_bytes")
#define PERCENT         COLUMN("%", "percent", PERCENT, 5, 0, PERCENT, NULL)
#define ERROR           COLUMN("±", "error_bytes", ERROR, 6, 90, ERROR, NULL)
#define BAR             COLUMN("", NULL, BAR, 12, 96, PERCENT, NULL)
#define BLOCKS(from)    COLUMN("BLOCKS", "live_blocks", COUNT, 7, from, BLOCKS, "live_blocks")
#define ALLOCS(from)    COLUMN("ALLOCS", "allocations", COUNT, 7, from, ALLOCATIONS, "allocations")
#define TEMPORARY       COLUMN("TEMP", "temporary", COUNT, 7, 0, TEMPORARY, "temporary")
#define TEMPORARY_SHARE COLUMN("TEMP%", "temporary_percent", PERCENT, 5, 72, TEMPORARY_SHARE, "temporary")
#define ALLOCATED(from) COLUMN("ALLOCATED", "allocated_bytes", BYTES, 9, from, ALLOCATED, "allocated_bytes")
#define PEAK(from)      COLUMN("PEAK", "peak_bytes", BYTES, 7, from, PEAK, "peak_bytes")
#define TREND           COLUMN("TREND", NULL, TREND, 8, 72, LIVE, NULL)
#define SELF_BYTES      COLUMN("SELF", "self_bytes", BYTES, 7, 0, SELF, "self")
#define SELF_COUNT      COLUMN("SELF", "self", COUNT, 7, 0, SELF, "self")
#define NAME            COLUMN("name", NULL, NAME, 0, 0, LIVE, "name")

#define WIDE            110 /* columns from which every count has its place */

static const struct cairn_column sites_live[] = {
    LIVE(0),         ERROR,      PERCENT,         BAR,   BLOCKS(0), ALLOCS(60),
    TEMPORARY_SHARE, PEAK(WIDE), ALLOCATED(WIDE), TREND, NAME};
static const struct cairn_column sites_allocated[] = {
    ALLOCATED(0), ERROR, PERCENT, BAR, ALLOCS(0), LIVE(60), TEMPORARY_SHARE, PEAK(WIDE), TREND, NAME};
static const struct cairn_column sites_allocations[] = {
    ALLOCS(0), PERCENT, BAR, ALLOCATED(0), LIVE(60), TEMPORARY_SHARE, PEAK(WIDE), TREND, NAME};
static const struct cairn_column sites_temporary[] = {
    TEMPORARY, PERCENT, BAR, TEMPORARY_SHARE, ALLOCS(0), ALLOCATED(60), LIVE(WIDE), TREND, NAME};
static const struct cairn_column sites_peak[] = {PEAK(0),    ERROR,           PERCENT,         BAR,   LIVE(0),
                                                 ALLOCS(60), TEMPORARY_SHARE, ALLOCATED(WIDE), TREND, NAME};

static const struct cairn_column tree_live[] = {LIVE(0),    ERROR,      PERCENT,         BAR, SELF_BYTES,
                                                BLOCKS(64), ALLOCS(76), ALLOCATED(WIDE), NAME};
static const struct cairn_column tree_allocated[] = {ALLOCATED(0), ERROR,      PERCENT,    BAR,
                                                     SELF_BYTES,   ALLOCS(64), LIVE(WIDE), NAME};
static const struct cairn_column tree_allocations[] = {ALLOCS(0),     PERCENT,    BAR, SELF_COUNT,
                                                       ALLOCATED(64), LIVE(WIDE), NAME};
static const struct cairn_column tree_temporary[] = {TEMPORARY,  PERCENT,         BAR, SELF_COUNT,
                                                     ALLOCS(64), ALLOCATED(WIDE), NAME};
static const struct cairn_column tree_peak[] = {PEAK(0),    ERROR,    PERCENT,    BAR,
                                                SELF_BYTES, LIVE(64), ALLOCS(76), NAME};

struct column_set {
    const struct cairn_column *columns;
    size_t count;
};

#define SET(columns)                                                                                         \
    {                                                                                                        \
        columns, sizeof(columns) / sizeof((columns)[0])                                                      \
    }

static const struct column_set site_sets[CAIRN_METRIC_COUNT] = {
    [CAIRN_METRIC_LIVE] = SET(sites_live),
    [CAIRN_METRIC_ALLOCATED] = SET(sites_allocated),
    [CAIRN_METRIC_ALLOCATIONS] = SET(sites_allocations),
    [CAIRN_METRIC_TEMPORARY] = SET(sites_temporary),
    [CAIRN_METRIC_PEAK] = SET(sites_peak),
};

static const struct column_set tree_sets[CAIRN_METRIC_COUNT] = {
    [CAIRN_METRIC_LIVE] = SET(tree_live),
    [CAIRN_METRIC_ALLOCATED] = SET(tree_allocated),
    [CAIRN_METRIC_ALLOCATIONS] = SET(tree_allocations),
    [CAIRN_METRIC_TEMPORARY] = SET(tree_temporary),
    [CAIRN_METRIC_PEAK] = SET(tree_peak),
};

const struct cairn_column *cairn_site_columns(enum cairn_metric metric, size_t *count)
{
    *count = site_sets[metric].count;
    return site_sets[metric].columns;
}

const struct cairn_column *cairn_tree_columns(enum cairn_metric metric, size_t *count)
{
    *count = tree_sets[metric].count;
    return tree_sets[metric].columns;
}

void cairn_row_set_counts(struct cairn_row *row, const struct cairn_counts *counts, double percent)
{
    row->values[CAIRN_VALUE_LIVE] = counts->live_bytes;
    row->values[CAIRN_VALUE_PERCENT] = (int64_t)(percent * 100 + 0.5);
    row->values[CAIRN_VALUE_BLOCKS] = counts->live_blocks;
    row->values[CAIRN_VALUE_ALLOCATIONS] = counts->allocations;
    row->values[CAIRN_VALUE_TEMPORARY_SHARE] =
        counts->allocations > 0 ? (int64_t)((double)counts->temporary * 10000 / (double)counts->allocations)
        : counts->allocations == CAIRN_UNKNOWN ? CAIRN_UNKNOWN
                                               : 0;
    row->values[CAIRN_VALUE_ALLOCATED] = counts->allocated_bytes;
    row->values[CAIRN_VALUE_PEAK] = counts->peak_bytes;
    row->values[CAIRN_VALUE_TEMPORARY] = counts->temporary;
    row->values[CAIRN_VALUE_ERROR] = counts->error_bytes;
}
