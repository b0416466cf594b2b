/* What is fixed about a recording (or changes only while it runs): read once by the worker, kept by the main thread. */
#ifndef CAIRN_VIEW_FACTS_H
#define CAIRN_VIEW_FACTS_H

#include "base/human.h"
#include "view/worker.h"

struct cairn_fact_process {
    uint32_t process;
    int64_t pid, peak_bytes, end_bytes;
    const char *program; /* clean */
};

struct cairn_fact_snapshot {
    uint32_t snapshot;
    int64_t t_ns, bytes;
    uint64_t event;
    const char *kind, *name; /* clean; name "" when it has none */
};

struct cairn_fact_graph {
    uint32_t graph, process, snapshot; /* snapshot 0: none is known */
    int64_t t_ns, objects, shallow_bytes, unreachable_bytes, pause_ns;
    const char *name; /* clean; "" when it has none */
};

/* All texts are clean and live in the arena. */
struct cairn_facts {
    bool loaded;
    const char *program, *path;
    int64_t started_unix_ns, utc_offset_s, duration_ns, peak_bytes, sample_bytes, lost_events, exact_from_ns;
    const char *told_by; /* whose numbers an imported trace holds; NULL: our own */
    struct cairn_view_moment peak, end;
    unsigned untold; /* bits of enum cairn_untold: what the format it was imported from does not tell */
    bool complete, live;
    const struct cairn_fact_process *processes;
    size_t process_count;
    const struct cairn_fact_snapshot *snapshots;
    size_t snapshot_count;
    const struct cairn_fact_graph *graphs; /* in the order of time */
    size_t graph_count;
    struct cairn_lru_stats cache;
    struct cairn_arena arena;
};

void cairn_facts_release(struct cairn_facts *facts);
/* Fills zeroed `facts`; on the worker's thread. */
CAIRN_MUST_CHECK enum cairn_status cairn_facts_load(struct cairn_facts *facts, struct cairn_trace *trace,
                                                    struct cairn_error *error);
/* A job that looks for news of a running recording, then loads the facts of both traces and delivers them to the
 * app (struct cairn_app). NULL when memory ran out. */
struct cairn_job *cairn_facts_job(void);

/* Moments as the viewer writes them, everywhere: "12.534s", "3m12.5s", "2h04m12s"; digits as the length of the recording needs. How
 * long something took is no moment: cairn_human_duration(). */
#define CAIRN_TIME_MAX 32
char *cairn_time_in(int64_t duration_ns, int64_t t_ns, char out[CAIRN_TIME_MAX]);
char *cairn_time_text(const struct cairn_facts *facts, int64_t t_ns, char out[CAIRN_TIME_MAX]);
/* "pid 4711", or "pid –" in an imported trace. Returns `out`. */
char *cairn_pid_text(int64_t pid, char out[CAIRN_HUMAN_MAX]);
/* The recording's wall clock at that time: "03:14:07". */
char *cairn_clock_text(const struct cairn_facts *facts, int64_t t_ns, char out[CAIRN_TIME_MAX]);
/* Whether the recording tells of that metric: imported ones may know no allocations. */
bool cairn_facts_know(const struct cairn_facts *facts, enum cairn_metric metric);
/* The moment of the i-th snapshot, labelled by its name or number. */
struct cairn_view_moment cairn_facts_snapshot(const struct cairn_facts *facts, size_t index);

#endif
