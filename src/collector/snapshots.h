/* When to take snapshots and which to keep: periodic ones at an interval that doubles, one of each then kept, so that their
 * number and their rows stay bounded for ever; peak, marks and the others are kept. Not thread-safe. */
#ifndef CAIRN_COLLECTOR_SNAPSHOTS_H
#define CAIRN_COLLECTOR_SNAPSHOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/aggregate.h"
#include "collector/batch.h"

#define CAIRN_SNAPSHOTS_MAX_KEPT 1000u
#define CAIRN_SNAPSHOTS_MAX_ROWS 1000000u
#define CAIRN_SNAPSHOTS_FIRST_NS 100000000ll

struct cairn_snapshots_kept {
    uint32_t number;
    int64_t t_ns;
    size_t rows;
};

struct cairn_snapshots {
    bool fixed; /* the user chose the interval */
    int64_t interval_ns, next_ns;
    uint64_t last_position; /* of the last periodic one; UINT64_MAX: none */
    uint32_t next_number, peak_number;
    int64_t peak_written_bytes;
    struct cairn_snapshots_kept kept[CAIRN_SNAPSHOTS_MAX_KEPT + 1];
    size_t kept_count, kept_rows;
};

/* `interval_ns` 0: adaptive from CAIRN_SNAPSHOTS_FIRST_NS. */
void cairn_snapshots_init(struct cairn_snapshots *snapshots, int64_t interval_ns);
/* Takes the periodic one that is due at `t_ns`. Returns when to call next. */
int64_t cairn_snapshots_tick(struct cairn_snapshots *snapshots, const struct cairn_aggregate *aggregate,
                             int64_t t_ns, struct cairn_batch *batch);
/* A snapshot of the state as it is now. `name` may be NULL, `process` 0. Returns its number. */
uint32_t cairn_snapshots_take(struct cairn_snapshots *snapshots, const struct cairn_aggregate *aggregate,
                              const char *kind, const char *name, uint32_t process, int64_t t_ns,
                              struct cairn_batch *batch);
/* The state at the recording's peak as it is known so far; replaces the one before. */
void cairn_snapshots_peak(struct cairn_snapshots *snapshots, const struct cairn_aggregate *aggregate,
                          struct cairn_batch *batch);

#endif
