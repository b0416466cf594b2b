/* What a question is about: grouping, metric, order, and which rows count. Shared by every query; filled by the command
 * line's options and by the viewer's keys. CLI.md, "Selecting", defines each word. */
#ifndef CAIRN_QUERY_SELECTION_H
#define CAIRN_QUERY_SELECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "cairn/trace.h"
#include "trace/site.h"

enum cairn_by {
    CAIRN_BY_FUNCTION = 0,
    CAIRN_BY_LINE,
    CAIRN_BY_FILE,
    CAIRN_BY_MODULE,
    CAIRN_BY_STACK,
    CAIRN_BY_THREAD,
    CAIRN_BY_TYPE,
    CAIRN_BY_PROCESS,
    CAIRN_BY_COUNT
};

enum cairn_metric {
    CAIRN_METRIC_LIVE = 0,
    CAIRN_METRIC_ALLOCATED,
    CAIRN_METRIC_ALLOCATIONS,
    CAIRN_METRIC_TEMPORARY,
    CAIRN_METRIC_PEAK,
    CAIRN_METRIC_COUNT
};

/* What rows can be ordered by; METRIC is the ranking metric itself. Delta and survived apply to diffs. */
enum cairn_sort {
    CAIRN_SORT_METRIC = 0,
    CAIRN_SORT_LIVE_BYTES,
    CAIRN_SORT_LIVE_BLOCKS,
    CAIRN_SORT_ALLOCATED_BYTES,
    CAIRN_SORT_ALLOCATIONS,
    CAIRN_SORT_REALLOCS,
    CAIRN_SORT_TEMPORARY,
    CAIRN_SORT_PEAK_BYTES,
    CAIRN_SORT_NAME,
    CAIRN_SORT_DELTA_BYTES,
    CAIRN_SORT_DELTA_BLOCKS,
    CAIRN_SORT_SURVIVED_BYTES,
    CAIRN_SORT_A_BYTES,
    CAIRN_SORT_B_BYTES,
    CAIRN_SORT_A_BLOCKS,
    CAIRN_SORT_B_BLOCKS,
    CAIRN_SORT_SURVIVED_BLOCKS,
    CAIRN_SORT_BYTES,
    CAIRN_SORT_BLOCKS,
    CAIRN_SORT_OLDEST_AGE_NS,
    CAIRN_SORT_COUNT
};

enum cairn_lang_choice { CAIRN_LANG_ALL = 0, CAIRN_LANG_ONLY_NATIVE, CAIRN_LANG_ONLY_PYTHON };
/* Which memory: heap is the default; mapped is the program's own mmap and brk, shown apart. */
enum cairn_memory { CAIRN_MEMORY_HEAP = 0, CAIRN_MEMORY_MAPPED };

/* A row filter: keeps stacks any of whose frames' function, file or module matches one of `keep` (all stacks when there are
 * none), and drops those where one of `drop` matches (POSIX extended). A bad expression is CAIRN_E_USAGE and named. */
struct cairn_filter;
CAIRN_MUST_CHECK enum cairn_status cairn_filter_new(const char *const *keep, size_t keep_count,
                                                    const char *const *drop, size_t drop_count,
                                                    struct cairn_filter **filter, struct cairn_error *error);
void cairn_filter_free(struct cairn_filter *filter);

struct cairn_selection {
    enum cairn_by by;
    enum cairn_metric metric;
    enum cairn_sort sort;
    bool reverse;
    bool
        cumulative; /* a site's callees too: a row for every place from the charged frame outward, each stack once */
    enum cairn_lang_choice lang;
    enum cairn_memory memory;
    uint32_t process;                   /* a process number; 0: all, summed */
    int64_t tid;                        /* 0: all threads; a row filter, percent counts the others too */
    const struct cairn_filter *filter;  /* borrowed; NULL: everything */
    const struct cairn_site_rule *rule; /* borrowed; NULL: the trace's own sites (built-in rule) */
    size_t limit, offset;               /* limit 0: all rows */
};

/* "function", "line", … and back; -1 when there is no such word. */
const char *cairn_by_name(enum cairn_by by);
int cairn_by_parse(const char *text);
const char *cairn_metric_name(enum cairn_metric metric);
int cairn_metric_parse(const char *text);
const char *cairn_sort_name(enum cairn_sort sort);
int cairn_sort_parse(const char *text);
/* A process by number or by PID ("--process N|PID": numbers first); CAIRN_E_NOT_FOUND names those that are there. */
CAIRN_MUST_CHECK enum cairn_status cairn_process_parse(struct cairn_trace *trace, const char *text,
                                                       uint32_t *process, struct cairn_error *error);

/* One place, as rows of answers name it. Texts are borrowed from the trace (raw: sanitise before showing). */
struct cairn_site {
    int64_t site_id;      /* stable in one trace and grouping: pass it back to ask for the row's stacks */
    const char *function; /* NULL: no name; show module+0xoffset */
    const char *file;
    int64_t line;         /* CAIRN_UNKNOWN: none, or (by function) several */
    uint32_t source_file; /* the file's number, for cairn_trace_source(); 0: none */
    const char *module;
    int64_t offset; /* CAIRN_UNKNOWN: none */
    int lang;       /* enum cairn_lang; -1 unknown or mixed */
    bool inlined;
    uint32_t process; /* --by process; else 0 */
    uint32_t thread;  /* --by thread: the thread number; else 0 */
    int64_t tid;      /* --by thread; --by process: the PID */
    const char *thread_name, *process_name;
    /* --by thread, --by process: the process's number where another row has the same ID (by exec a process becomes
     * another one, by time an ID is given anew); else 0. */
    uint32_t process_apart;
    const char *type; /* --by type */
};

/* What every row carries. error_bytes is one standard error of the bytes that `metric` is about (live, peak, else allocated),
 * CAIRN_UNKNOWN when the recording is not sampled. */
struct cairn_counts {
    int64_t live_bytes, live_blocks, allocated_bytes, allocations, reallocs, temporary, peak_bytes,
        error_bytes;
    int64_t variance; /* what error_bytes is made of: struct cairn_weight */
};

/* The value `metric` ranks by. */
int64_t cairn_counts_metric(const struct cairn_counts *counts, enum cairn_metric metric);

/* The name of a site in one line for people: function, or file:line, "module+0x12", "pid 12 name", …, as the grouping
 * wants; raw text into `out`. Returns `out`. */
char *cairn_site_label(const struct cairn_site *site, enum cairn_by by, char *out, size_t out_size);

#endif
