#include "trace/slim_borders.h"

#include <stdlib.h>

#define TIMELINE_POINTS 1000
#define TIME_SPANS      100 /* borders at every hundredth of the time, */
#define EVENT_SPANS     50  /* and at every fiftieth of the events: bursts have detail, too */

static bool add_border(struct cairn_slim_borders *borders, uint64_t position)
{
    if (borders->count == borders->capacity) {
        const size_t larger = borders->capacity ? borders->capacity * 2 : 256;
        uint64_t *grown = realloc(borders->positions, larger * sizeof(*grown));
        if (!grown) {
            return false;
        }
        borders->positions = grown;
        borders->capacity = larger;
    }
    borders->positions[borders->count++] = position;
    return true;
}

static int compare_positions(const void *a, const void *b)
{
    const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static enum cairn_status add_time(struct cairn_slim_borders *borders, struct cairn_copy *copy, int64_t t_ns)
{
    uint64_t position;
    struct cairn_trace *from = copy->from;
    const enum cairn_status status = cairn_trace_position_at(from, t_ns, &position, copy->error);
    if (status == CAIRN_OK && !add_border(borders, position)) {
        return cairn_reader_no_memory(from, copy->error);
    }
    return status;
}

/* The end, snapshots, peaks and every fiftieth of the events, by position. */
static enum cairn_status add_named(struct cairn_slim_borders *borders, struct cairn_copy *copy)
{
    struct cairn_trace *from = copy->from;
    const struct cairn_snapshot *snapshots;
    const struct cairn_process *processes;
    size_t snapshot_count, process_count = 0;
    enum cairn_status status = cairn_trace_snapshots(from, &snapshots, &snapshot_count, copy->error);
    if (status == CAIRN_OK) {
        status = cairn_trace_processes(from, &processes, &process_count, copy->error);
    }
    uint64_t end = 0;
    if (status == CAIRN_OK) {
        status = cairn_trace_end(from, &end, copy->error);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    bool fits =
        add_border(borders, end) && add_border(borders, (uint64_t)cairn_trace_recording(from)->peak_event);
    const uint64_t events = (uint64_t)cairn_trace_recording(from)->events;
    for (uint64_t i = 1; i < EVENT_SPANS; i++) {
        fits = fits && add_border(borders, events / EVENT_SPANS * i);
    }
    for (size_t i = 0; i < snapshot_count; i++) {
        fits = fits && add_border(borders, snapshots[i].event);
    }
    for (size_t i = 0; i < process_count; i++) {
        fits = fits && add_border(borders, (uint64_t)processes[i].peak_event);
    }
    return fits ? CAIRN_OK : cairn_reader_no_memory(from, copy->error);
}

/* A program too short for a look at its mappings: what its resident memory was made of is told from the timeline. */
static enum cairn_status add_timeline(struct cairn_slim_borders *borders, struct cairn_copy *copy)
{
    struct cairn_timeline_point *points;
    size_t count;
    const int64_t duration = cairn_trace_recording(copy->from)->duration_ns;
    enum cairn_status status =
        cairn_trace_timeline(copy->from, 0, duration, TIMELINE_POINTS, &points, &count, copy->error);
    if (status != CAIRN_OK) {
        return status;
    }
    for (size_t i = 0; status == CAIRN_OK && i < count; i++) {
        if (points[i].rss_bytes != CAIRN_UNKNOWN) {
            status = add_time(borders, copy, points[i].t_ns);
        }
    }
    free(points);
    return status;
}

/* Measurements of the mappings, and every hundredth of the time. */
static enum cairn_status add_times(struct cairn_slim_borders *borders, struct cairn_copy *copy)
{
    struct cairn_trace *from = copy->from;
    const int64_t duration = cairn_trace_recording(from)->duration_ns;
    const struct cairn_table *table;
    enum cairn_status status = cairn_reader_table(from, CAIRN_TABLE_RESIDENCY, &table, copy->error);
    if (status != CAIRN_OK) {
        return status;
    }
    const struct cairn_residency *rows = table->rows;
    status = table->count == 0 ? add_timeline(borders, copy) : CAIRN_OK;
    for (size_t i = 0; status == CAIRN_OK && i < table->count; i++) {
        if (i == 0 || rows[i].t_ns != rows[i - 1].t_ns) {
            status = add_time(borders, copy, rows[i].t_ns);
        }
    }
    for (int i = 1; status == CAIRN_OK && i < TIME_SPANS; i++) {
        status = add_time(borders, copy, (int64_t)((double)duration * i / TIME_SPANS));
    }
    return status;
}

enum cairn_status cairn_slim_borders_find(struct cairn_slim_borders *borders, struct cairn_copy *copy,
                                          const uint64_t *wanted, size_t wanted_count)
{
    bool fits = true;
    for (size_t i = 0; i < wanted_count; i++) {
        fits = fits && add_border(borders, wanted[i]);
    }
    enum cairn_status status =
        fits ? add_named(borders, copy) : cairn_reader_no_memory(copy->from, copy->error);
    if (status == CAIRN_OK) {
        status = add_times(borders, copy);
    }
    if (status == CAIRN_OK) {
        qsort(borders->positions, borders->count, sizeof(*borders->positions), compare_positions);
    }
    return status;
}

void cairn_slim_borders_release(struct cairn_slim_borders *borders)
{
    free(borders->positions);
    *borders = (struct cairn_slim_borders){.count = 0};
}
