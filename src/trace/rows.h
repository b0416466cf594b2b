/* The rows of a trace as C structs: what the collector writes and readers read. Column meanings are schema.sql's.
 * Text members are borrowed: the writer copies them, a reader's live as long as its trace (or until a refresh). */
#ifndef CAIRN_TRACE_ROWS_H
#define CAIRN_TRACE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/event.h"

#define CAIRN_UNKNOWN INT64_MIN /* NULL in an integer column */

enum cairn_lang { CAIRN_LANG_NATIVE = 0, CAIRN_LANG_PYTHON = 1 };

/* What a trace cannot tell, by where it comes from. The columns are unknown then, though the file cannot hold NULL in all of
 * them. */
enum cairn_untold {
    CAIRN_UNTOLD_AROUND =
        1u << 0, /* pid, time of day, threads, reallocs, mappings, waiting: heaptrack and massif */
    CAIRN_UNTOLD_EVENTS = 1u << 1,            /* blocks, allocations, frees: massif */
    CAIRN_UNTOLD_BEFORE = 1u << 2,            /* the blocks of a program that ran before it was joined */
    CAIRN_UNTOLD_TIME_INSTRUCTIONS = 1u << 3, /* time: massif counted instructions, a nanosecond each, */
    CAIRN_UNTOLD_TIME_BYTES = 1u << 4,        /* or the bytes that came and went */
};

/* What process.origin says of massif's units of time; without one it measured milliseconds. */
#define CAIRN_ORIGIN_MASSIF              "massif"
#define CAIRN_ORIGIN_MASSIF_INSTRUCTIONS "massif, instructions"
#define CAIRN_ORIGIN_MASSIF_BYTES        "massif, bytes"

struct cairn_recording {
    const char *trace_id, *writer, *program, *args, *host; /* args, host may be NULL */
    int64_t pid, started_unix_ns, utc_offset_s, duration_ns;
    int64_t exit_status, signal; /* or CAIRN_UNKNOWN */
    const char *stopped_why;     /* NULL while recording */
    bool complete, closing;
    int64_t events, alloc_events, free_events, realloc_events, unknown_free_events, lost_events;
    int64_t allocated_bytes;
    int64_t peak_t_ns, peak_event, peak_bytes, peak_blocks, end_bytes, end_blocks;
    int64_t rss_peak_bytes; /* or CAIRN_UNKNOWN */
    int64_t sample_bytes, max_depth, stalled_ns, exact_from_ns;
    unsigned untold; /* enum cairn_untold; a reader's, 0 in a recording that a program began in */
};

struct cairn_process {
    uint32_t process, parent; /* parent 0: none */
    int64_t pid;
    const char *program, *args, *python, *origin;
    int64_t started_ns, ended_ns, exit_status, signal;
    int64_t peak_t_ns, peak_event, peak_bytes, peak_blocks, end_bytes, end_blocks;
};

struct cairn_thread {
    uint32_t thread, process;
    int64_t tid;
    const char *name;
    int64_t started_ns, ended_ns;
};

struct cairn_note {
    uint32_t note, process; /* process 0: the whole recording */
    int64_t t_ns;
    const char *text;
};

struct cairn_module {
    uint32_t module;
    const char *path, *build_id, *symbols;
};

struct cairn_source_file {
    uint32_t file;
    const char *path;
};

struct cairn_function {
    uint32_t function;
    const char *name, *linkage_name;
    int lang;
};

enum cairn_frame_kind { CAIRN_FRAME_PLAIN = 0, CAIRN_FRAME_TRUNCATED = 1, CAIRN_FRAME_STOPPED = 2 };

struct cairn_frame {
    uint32_t frame, function, file, module, inlined_into; /* 0: NULL */
    int64_t line, offset;                                 /* or CAIRN_UNKNOWN */
    int lang, kind;
};

struct cairn_stack_row {
    uint32_t stack, parent, frame, depth;
};

/* account.domain as stored: 0 malloc, 1 python object, 2 python mem, 3 pool are heap; 4 mmap, 5 brk are the program's own
 * address space; 6 is pymalloc's arenas, whose blocks are counted instead. */
#define CAIRN_DOMAIN_LAST_HEAP    3u
#define CAIRN_DOMAIN_FIRST_MAPPED 4u
#define CAIRN_DOMAIN_LAST_MAPPED  5u
#define CAIRN_DOMAIN_ARENAS       6u

struct cairn_account {
    uint32_t account, process, thread, domain, stack, site; /* site 0: not resolved */
    struct cairn_totals totals;
    int64_t peak_bytes, peak_blocks;
};

struct cairn_chunk {
    uint32_t chunk;
    uint64_t first_event, events;
    int64_t first_t_ns, last_t_ns;
    int64_t start_bytes, start_blocks, max_bytes;
    uint64_t max_event;
    int64_t allocations, frees;
    int64_t oldest_freed_event; /* or CAIRN_UNKNOWN */
    bool has_data;
};

struct cairn_snapshot {
    uint32_t snapshot, process, graph; /* process, graph 0: NULL */
    int64_t t_ns;
    uint64_t event;
    const char *kind, *name;
    int64_t bytes, blocks;
};

struct cairn_snapshot_site {
    uint32_t account;
    int64_t live_bytes, live_blocks;
};

struct cairn_timeline_point {
    int64_t t_ns, heap_bytes, heap_blocks, heap_max_bytes, mapped_bytes, allocations, frees;
    int64_t rss_bytes, rss_anonymous_bytes, rss_file_bytes, rss_shared_bytes; /* or CAIRN_UNKNOWN */
};

struct cairn_residency {
    int64_t t_ns;
    uint32_t process;
    const char *category, *name;
    int64_t rss_bytes, pss_bytes, swap_bytes, size_bytes;
};

struct cairn_source_line {
    uint32_t file;
    int64_t line;
    const char *text;
};

#endif
