#include "trace/slim_keep.h"

#include <stdlib.h>
#include <string.h>

#define SITE_BYTES       20 /* of an account in a snapshot */
#define PART_OF_THE_FILE 800
#define LEAST_BYTES      (INT64_C(256) << 10)

static int compare_numbers(const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

/* One whose sites the state at its moment tells. Not so where --max-size dropped single events: its rows are all there is. */
static bool may_go(struct cairn_trace *trace, const struct cairn_snapshot *snapshot)
{
    return strcmp(snapshot->kind, "periodic") == 0 && !snapshot->name && snapshot->graph == 0 &&
           cairn_trace_is_exact(trace, snapshot->event, snapshot->t_ns);
}

/* How many of `periodic` snapshots fit, when they are as large as the average one. */
static enum cairn_status find_room(struct cairn_trace *trace, size_t count, size_t periodic, size_t *room,
                                   struct cairn_error *error)
{
    struct cairn_cursor cursor;
    int64_t sites = 0;
    cairn_cursor_open(&cursor, trace, NULL, "snapshots' sites", "SELECT count(*) FROM snapshot_site", error);
    if (cairn_cursor_next(&cursor)) {
        sites = cairn_cursor_int(&cursor, 0);
    }
    const enum cairn_status status = cairn_cursor_close(&cursor);
    const int64_t part = cairn_trace_file_bytes(trace) / PART_OF_THE_FILE;
    const int64_t bytes = part > LEAST_BYTES ? part : LEAST_BYTES;
    const int64_t each = count ? sites / (int64_t)count * SITE_BYTES + 1 : 1;
    *room = bytes / each < (int64_t)periodic ? (size_t)(bytes / each) : periodic;
    return status;
}

enum cairn_status cairn_slim_choose(struct cairn_slim_keep *keep, struct cairn_trace *trace,
                                    struct cairn_error *error)
{
    const struct cairn_snapshot *snapshots;
    size_t count, periodic = 0, room = 0, seen = 0;
    const struct cairn_recording *recording = cairn_trace_recording(trace);
    if (recording->exact_from_ns >= recording->duration_ns) {
        return CAIRN_OK; /* a copy already: what stayed in it stays */
    }
    enum cairn_status status = cairn_trace_snapshots(trace, &snapshots, &count, error);
    for (size_t i = 0; status == CAIRN_OK && i < count; i++) {
        periodic += may_go(trace, &snapshots[i]);
    }
    if (status == CAIRN_OK) {
        status = find_room(trace, count, periodic, &room, error);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    keep->dropped = calloc(count + 1, sizeof(*keep->dropped));
    if (!keep->dropped) {
        return cairn_reader_no_memory(trace, error);
    }
    for (size_t i = 0; i < count; i++) {
        if (may_go(trace, &snapshots[i])) {
            const bool stays = (seen + 1) * room / periodic > seen * room / periodic;
            seen++;
            if (!stays) {
                keep->dropped[keep->dropped_count++] = snapshots[i].snapshot;
            }
        }
    }
    qsort(keep->dropped, keep->dropped_count, sizeof(*keep->dropped), compare_numbers);
    return CAIRN_OK;
}

bool cairn_slim_keeps(const struct cairn_slim_keep *keep, uint32_t snapshot)
{
    return keep->dropped_count == 0 ||
           !bsearch(&snapshot, keep->dropped, keep->dropped_count, sizeof(*keep->dropped), compare_numbers);
}

void cairn_slim_keep_release(struct cairn_slim_keep *keep)
{
    free(keep->dropped);
    keep->dropped = NULL;
    keep->dropped_count = 0;
}
