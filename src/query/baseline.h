/* What a check is held against, as numbers by measure and by site's name. Internal to query. */
#ifndef CAIRN_QUERY_BASELINE_H
#define CAIRN_QUERY_BASELINE_H

#include "query/check.h"
#include "query/key_map.h"

/* values[map index] are what the earlier run had at the sites of one name. */
struct cairn_baseline_measure {
    int64_t found; /* or CAIRN_UNKNOWN */
    struct cairn_key_map by_name;
    int64_t *values;
    size_t capacity;
};

struct cairn_baseline {
    struct cairn_baseline_measure of[CAIRN_MEASURE_COUNT];
};

/* Sites of two recordings are the same when function, file's and module's base name are; lines move with every edit. */
uint64_t cairn_baseline_key(const char *function, const char *file, const char *module, const char *name);
uint64_t cairn_baseline_site_key(const struct cairn_site *site);

#endif
