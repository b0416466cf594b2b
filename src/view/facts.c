#include "view/facts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/sanitise.h"
#include "cairn/graph.h"
#include "query/site_label.h"
#include "query/told_by.h"
#include "view/app.h"

void cairn_facts_release(struct cairn_facts *facts)
{
    cairn_arena_release(&facts->arena);
    *facts = (struct cairn_facts){.loaded = false};
}

static const char *clean_copy(struct cairn_arena *arena, const char *text)
{
    if (text == NULL)
        return "";
    const size_t needed = cairn_sanitise(NULL, 0, text, strlen(text)) + 1;
    char *copy = cairn_arena_alloc(arena, needed);
    if (copy == NULL)
        return "";
    cairn_sanitise(copy, needed, text, strlen(text));
    return copy;
}

static enum cairn_status load_processes(struct cairn_facts *facts, struct cairn_trace *trace,
                                        struct cairn_error *error)
{
    const struct cairn_process *rows;
    size_t count;
    const enum cairn_status status = cairn_trace_processes(trace, &rows, &count, error);
    if (status != CAIRN_OK)
        return status;
    struct cairn_fact_process *copies = cairn_arena_alloc(&facts->arena, (count + 1) * sizeof(*copies));
    if (copies == NULL)
        return cairn_fail(error, CAIRN_E_NOMEM, "memory ran out while the processes were read");
    for (size_t i = 0; i < count; i++)
        copies[i] = (struct cairn_fact_process){
            .process = rows[i].process,
            .pid = rows[i].pid,
            .peak_bytes = rows[i].peak_bytes,
            .end_bytes = rows[i].end_bytes,
            .program = clean_copy(&facts->arena, cairn_base_name(rows[i].program))};
    facts->processes = copies;
    facts->process_count = count;
    return CAIRN_OK;
}

static enum cairn_status load_snapshots(struct cairn_facts *facts, struct cairn_trace *trace,
                                        struct cairn_error *error)
{
    const struct cairn_snapshot *rows;
    size_t count;
    const enum cairn_status status = cairn_trace_snapshots(trace, &rows, &count, error);
    if (status != CAIRN_OK)
        return status;
    struct cairn_fact_snapshot *copies = cairn_arena_alloc(&facts->arena, (count + 1) * sizeof(*copies));
    if (copies == NULL)
        return cairn_fail(error, CAIRN_E_NOMEM, "memory ran out while the snapshots were read");
    for (size_t i = 0; i < count; i++)
        copies[i] = (struct cairn_fact_snapshot){.snapshot = rows[i].snapshot,
                                                 .t_ns = rows[i].t_ns,
                                                 .bytes = rows[i].bytes,
                                                 .event = rows[i].event,
                                                 .kind = clean_copy(&facts->arena, rows[i].kind),
                                                 .name = clean_copy(&facts->arena, rows[i].name)};
    facts->snapshots = copies;
    facts->snapshot_count = count;
    return CAIRN_OK;
}

static int compare_graphs(const void *left, const void *right)
{
    const struct cairn_fact_graph *one = left, *two = right;
    if (one->t_ns != two->t_ns)
        return one->t_ns < two->t_ns ? -1 : 1;
    return one->graph < two->graph ? -1 : one->graph > two->graph;
}

static enum cairn_status load_graphs(struct cairn_facts *facts, struct cairn_trace *trace,
                                     struct cairn_error *error)
{
    const struct cairn_graph_info *rows;
    size_t count;
    const enum cairn_status status = cairn_trace_graphs(trace, &rows, &count, error);
    if (status != CAIRN_OK)
        return status;
    struct cairn_fact_graph *copies = cairn_arena_alloc(&facts->arena, (count + 1) * sizeof(*copies));
    if (copies == NULL)
        return cairn_fail(error, CAIRN_E_NOMEM, "memory ran out while the object graphs were read");
    for (size_t i = 0; i < count; i++)
        copies[i] =
            (struct cairn_fact_graph){.graph = rows[i].graph,
                                      .process = rows[i].process,
                                      .snapshot = rows[i].snapshot,
                                      .t_ns = rows[i].t_ns,
                                      .objects = rows[i].objects,
                                      .shallow_bytes = rows[i].shallow_bytes,
                                      .unreachable_bytes = rows[i].definite_bytes + rows[i].indirect_bytes,
                                      .pause_ns = rows[i].pause_ns,
                                      .name = clean_copy(&facts->arena, rows[i].name)};
    if (count > 1)
        qsort(copies, count, sizeof(*copies), compare_graphs);
    facts->graphs = copies;
    facts->graph_count = count;
    return CAIRN_OK;
}

static int compare_snapshots(const void *left, const void *right)
{
    const struct cairn_fact_snapshot *one = left, *two = right;
    if (one->event != two->event)
        return one->event < two->event ? -1 : 1;
    return one->snapshot < two->snapshot ? -1 : one->snapshot > two->snapshot;
}

enum cairn_status cairn_facts_load(struct cairn_facts *facts, struct cairn_trace *trace,
                                   struct cairn_error *error)
{
    const struct cairn_recording *recording = cairn_trace_recording(trace);
    facts->program = clean_copy(&facts->arena, cairn_base_name(recording->program));
    facts->path = clean_copy(&facts->arena, cairn_trace_path(trace));
    facts->started_unix_ns = recording->started_unix_ns;
    facts->utc_offset_s = recording->utc_offset_s;
    facts->duration_ns = recording->duration_ns;
    facts->peak_bytes = recording->peak_bytes;
    facts->sample_bytes = recording->sample_bytes;
    facts->told_by = cairn_told_by(recording);
    facts->lost_events = recording->lost_events;
    facts->exact_from_ns = recording->exact_from_ns;
    facts->untold = recording->untold;
    facts->complete = recording->complete;
    facts->live = cairn_trace_is_live(trace);
    cairn_trace_cache_stats(trace, &facts->cache);
    enum cairn_status status = load_processes(facts, trace, error);
    if (status == CAIRN_OK)
        status = load_snapshots(facts, trace, error);
    if (status == CAIRN_OK)
        status = load_graphs(facts, trace, error);
    facts->peak.resolved = facts->end.resolved = true;
    if (status == CAIRN_OK)
        status = cairn_moment_parse(trace, "peak", NULL, 0, &facts->peak.moment, error);
    if (status == CAIRN_OK)
        status = cairn_moment_parse(trace, "end", NULL, 0, &facts->end.moment, error);
    if (status != CAIRN_OK)
        return status;
    /* In the order of time: numbers are, too, but for marks that were named late. */
    if (facts->snapshot_count > 1)
        qsort((void *)(uintptr_t)facts->snapshots, facts->snapshot_count, sizeof(*facts->snapshots),
              compare_snapshots);
    facts->loaded = true;
    return CAIRN_OK;
}

/* --- The job. --- */

struct facts_job {
    struct cairn_job job;
    struct cairn_facts facts, other;
    bool changed;
};

static enum cairn_status run_facts(struct cairn_job *job, struct cairn_reader *reader)
{
    struct facts_job *own = (struct facts_job *)job;
    struct cairn_trace *trace = cairn_reader_trace(reader), *other = cairn_reader_other(reader);
    enum cairn_status status = cairn_reader_refresh(reader, &own->changed, &job->error);
    if (status == CAIRN_OK)
        status = cairn_facts_load(&own->facts, trace, &job->error);
    if (status == CAIRN_OK && other != trace)
        status = cairn_facts_load(&own->other, other, &job->error);
    return status;
}

static void deliver_facts(struct cairn_job *job, void *receiver)
{
    struct facts_job *own = (struct facts_job *)job;
    cairn_app_news(receiver, job, &own->facts, &own->other, own->changed);
}

static void release_facts(struct cairn_job *job)
{
    struct facts_job *own = (struct facts_job *)job;
    cairn_facts_release(&own->facts);
    cairn_facts_release(&own->other);
    free(own);
}

static const struct cairn_job_class facts_job_class = {
    .rank = 0, .anew = true, .run = run_facts, .deliver = deliver_facts, .release = release_facts};

struct cairn_job *cairn_facts_job(void)
{
    struct facts_job *job = calloc(1, sizeof(*job));
    if (job == NULL)
        return NULL;
    job->job.class = &facts_job_class;
    return &job->job;
}

/* --- Moments and times. --- */

char *cairn_time_in(int64_t duration_ns, int64_t t_ns, char out[CAIRN_TIME_MAX])
{
    const double seconds = (double)t_ns / 1e9;
    const int64_t whole = t_ns / 1000000000;
    if (duration_ns < 100000000) {
        snprintf(out, CAIRN_TIME_MAX, "%.3fms", (double)t_ns / 1e6);
    } else if (duration_ns < 100000000000) {
        snprintf(out, CAIRN_TIME_MAX, "%.3fs", seconds);
    } else if (duration_ns < 3600000000000) {
        const int64_t minutes = whole / 60;
        snprintf(out, CAIRN_TIME_MAX, "%" PRId64 "m%04.1fs", minutes, seconds - (double)minutes * 60);
    } else {
        snprintf(out, CAIRN_TIME_MAX, "%" PRId64 "h%02" PRId64 "m%02" PRId64 "s", whole / 3600,
                 whole / 60 % 60, whole % 60);
    }
    return out;
}

char *cairn_time_text(const struct cairn_facts *facts, int64_t t_ns, char out[CAIRN_TIME_MAX])
{
    return cairn_time_in(facts->duration_ns, t_ns, out);
}

char *cairn_pid_text(int64_t pid, char out[CAIRN_HUMAN_MAX])
{
    if (pid == CAIRN_UNKNOWN)
        snprintf(out, CAIRN_HUMAN_MAX, "pid –");
    else
        snprintf(out, CAIRN_HUMAN_MAX, "pid %" PRId64, pid);
    return out;
}

char *cairn_clock_text(const struct cairn_facts *facts, int64_t t_ns, char out[CAIRN_TIME_MAX])
{
    const bool known = facts->started_unix_ns != CAIRN_UNKNOWN;
    const time_t seconds =
        known ? (time_t)((facts->started_unix_ns + t_ns) / 1000000000 + facts->utc_offset_s) : 0;
    struct tm parts;
    if (!known || gmtime_r(&seconds, &parts) == NULL)
        snprintf(out, CAIRN_TIME_MAX, "--:--:--");
    else
        snprintf(out, CAIRN_TIME_MAX, "%02d:%02d:%02d", parts.tm_hour, parts.tm_min, parts.tm_sec);
    return out;
}

bool cairn_facts_know(const struct cairn_facts *facts, enum cairn_metric metric)
{
    return metric == CAIRN_METRIC_LIVE || metric == CAIRN_METRIC_PEAK ||
           (facts->untold & CAIRN_UNTOLD_EVENTS) == 0;
}

/* Whether its name means this snapshot and no other: every process that ends has its "exit". */
static bool is_named(const struct cairn_facts *facts, const struct cairn_fact_snapshot *snapshot)
{
    if (snapshot->name[0] == '\0')
        return false;
    for (size_t i = 0; i < facts->snapshot_count; i++)
        if (&facts->snapshots[i] != snapshot && strcmp(facts->snapshots[i].name, snapshot->name) == 0)
            return false;
    return true;
}

struct cairn_view_moment cairn_facts_snapshot(const struct cairn_facts *facts, size_t index)
{
    const struct cairn_fact_snapshot *snapshot = &facts->snapshots[index];
    struct cairn_view_moment moment = {.moment = {.position = snapshot->event, .t_ns = snapshot->t_ns},
                                       .resolved = true};
    if (is_named(facts, snapshot))
        snprintf(moment.moment.label, sizeof(moment.moment.label), "@%s", snapshot->name);
    else
        snprintf(moment.moment.label, sizeof(moment.moment.label), "s%u", (unsigned)snapshot->snapshot);
    return moment;
}
