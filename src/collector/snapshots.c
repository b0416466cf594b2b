#include "collector/snapshots.h"

/* Between periodic snapshots of many accounts, so that writing them takes a few percent of a processor. */
#define ROW_PAUSE_NS 100000

void cairn_snapshots_init(struct cairn_snapshots *snapshots, int64_t interval_ns)
{
    *snapshots = (struct cairn_snapshots){
        .fixed = interval_ns > 0,
        .interval_ns = interval_ns > 0 ? interval_ns : CAIRN_SNAPSHOTS_FIRST_NS,
        .next_number = 1,
        .last_position = UINT64_MAX,
        .peak_written_bytes = -1,
    };
    snapshots->next_ns = snapshots->interval_ns;
}

static bool is_live(const struct cairn_aggregate_account *account)
{
    return account->now.live_blocks != 0 || account->now.live_bytes != 0;
}

/* Returns how many rows it has. */
static size_t write_state(const struct cairn_aggregate *aggregate, const struct cairn_snapshot *row,
                          struct cairn_batch *batch)
{
    size_t count = 0;
    for (size_t i = 0; i < aggregate->account_count; i++) {
        count += is_live(&aggregate->accounts[i]);
    }
    struct cairn_snapshot_site *sites = cairn_batch_snapshot(batch, row, count);
    for (size_t i = 0; sites && i < aggregate->account_count; i++) {
        const struct cairn_aggregate_account *account = &aggregate->accounts[i];
        if (is_live(account)) {
            *sites++ = (struct cairn_snapshot_site){.account = (uint32_t)i + 1,
                                                    .live_bytes = account->now.live_bytes,
                                                    .live_blocks = account->now.live_blocks};
        }
    }
    return count;
}

static struct cairn_snapshot snapshot_row(const struct cairn_aggregate *aggregate, uint32_t number,
                                          const char *kind, int64_t t_ns)
{
    return (struct cairn_snapshot){.snapshot = number,
                                   .t_ns = t_ns,
                                   .event = aggregate->position,
                                   .kind = kind,
                                   .bytes = aggregate->heap_bytes,
                                   .blocks = aggregate->heap_blocks};
}

/* Which interval a moment ends, or lies in. */
static uint64_t interval_of(int64_t t_ns, int64_t interval_ns)
{
    return ((uint64_t)t_ns + (uint64_t)interval_ns - 1) / (uint64_t)interval_ns;
}

/* Whether the next one that is kept lies in the same interval. */
static bool is_followed(const struct cairn_snapshots *snapshots, size_t i, int64_t interval_ns)
{
    return i + 1 < snapshots->kept_count && interval_of(snapshots->kept[i].t_ns, interval_ns) ==
                                                interval_of(snapshots->kept[i + 1].t_ns, interval_ns);
}

static size_t count_unfollowed(const struct cairn_snapshots *snapshots, int64_t interval_ns)
{
    size_t count = 0;
    for (size_t i = 0; i < snapshots->kept_count; i++) {
        count += !is_followed(snapshots, i, interval_ns);
    }
    return count;
}

/* Doubles the interval until at most half of the periodic ones are left, and drops all but the last one of each: then they are
 * as far apart in the beginning as in the end, even where a program was idle for longer than an interval. */
static void thin_out(struct cairn_snapshots *snapshots, struct cairn_batch *batch)
{
    const size_t most = (snapshots->kept_count + 1) / 2;
    do {
        snapshots->interval_ns *= 2;
    } while (count_unfollowed(snapshots, snapshots->interval_ns) > most);
    size_t left = 0;
    snapshots->kept_rows = 0;
    for (size_t i = 0; i < snapshots->kept_count; i++) {
        if (is_followed(snapshots, i, snapshots->interval_ns)) {
            cairn_batch_drop_snapshot(batch, snapshots->kept[i].number);
        } else {
            snapshots->kept_rows += snapshots->kept[i].rows;
            snapshots->kept[left++] = snapshots->kept[i];
        }
    }
    snapshots->kept_count = left;
}

int64_t cairn_snapshots_tick(struct cairn_snapshots *snapshots, const struct cairn_aggregate *aggregate,
                             int64_t t_ns, struct cairn_batch *batch)
{
    if (t_ns < snapshots->next_ns) {
        return snapshots->next_ns;
    }
    int64_t pause_ns = 0;
    if (aggregate->position != snapshots->last_position) {
        const struct cairn_snapshot row =
            snapshot_row(aggregate, snapshots->next_number++, "periodic", snapshots->next_ns);
        const size_t rows = write_state(aggregate, &row, batch);
        pause_ns = (int64_t)rows * ROW_PAUSE_NS;
        snapshots->kept[snapshots->kept_count++] =
            (struct cairn_snapshots_kept){.number = row.snapshot, .t_ns = row.t_ns, .rows = rows};
        snapshots->kept_rows += rows;
        snapshots->last_position = aggregate->position;
        if (snapshots->kept_count > CAIRN_SNAPSHOTS_MAX_KEPT ||
            (snapshots->kept_rows > CAIRN_SNAPSHOTS_MAX_ROWS && snapshots->kept_count > 2)) {
            thin_out(snapshots, batch);
        }
    }
    const int64_t earliest_ns = t_ns + (snapshots->fixed ? 0 : pause_ns);
    snapshots->next_ns = (earliest_ns / snapshots->interval_ns + 1) * snapshots->interval_ns;
    return snapshots->next_ns;
}

uint32_t cairn_snapshots_take(struct cairn_snapshots *snapshots, const struct cairn_aggregate *aggregate,
                              const char *kind, const char *name, uint32_t process, int64_t t_ns,
                              struct cairn_batch *batch)
{
    struct cairn_snapshot row = snapshot_row(aggregate, snapshots->next_number++, kind, t_ns);
    row.name = name;
    row.process = process;
    write_state(aggregate, &row, batch);
    return row.snapshot;
}

void cairn_snapshots_peak(struct cairn_snapshots *snapshots, const struct cairn_aggregate *aggregate,
                          struct cairn_batch *batch)
{
    if (aggregate->peak.bytes == snapshots->peak_written_bytes) {
        return;
    }
    if (snapshots->peak_number) {
        cairn_batch_drop_snapshot(batch, snapshots->peak_number);
    } else {
        snapshots->peak_number = snapshots->next_number++;
    }
    snapshots->peak_written_bytes = aggregate->peak.bytes;
    size_t count = 0;
    int64_t bytes, blocks;
    for (size_t i = 0; i < aggregate->account_count; i++) {
        cairn_aggregate_account_peak(aggregate, (uint32_t)i + 1, &bytes, &blocks);
        count += bytes != 0 || blocks != 0;
    }
    const struct cairn_snapshot row = {.snapshot = snapshots->peak_number,
                                       .t_ns = aggregate->peak.t_ns,
                                       .event = aggregate->peak.event,
                                       .kind = "peak",
                                       .bytes = aggregate->peak.bytes,
                                       .blocks = aggregate->peak.blocks};
    struct cairn_snapshot_site *sites = cairn_batch_snapshot(batch, &row, count);
    for (size_t i = 0; sites && i < aggregate->account_count; i++) {
        cairn_aggregate_account_peak(aggregate, (uint32_t)i + 1, &bytes, &blocks);
        if (bytes != 0 || blocks != 0) {
            *sites++ = (struct cairn_snapshot_site){
                .account = (uint32_t)i + 1, .live_bytes = bytes, .live_blocks = blocks};
        }
    }
}
