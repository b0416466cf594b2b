/* `cairn record` and `cairn attach` as a library: starts or joins the program, owns the shared memory, drains it, writes the trace.
 *
 * One call does everything and returns when no recorded process lives any more. It prints nothing; progress goes through
 * a callback. */
#ifndef CAIRN_COLLECTOR_COLLECTOR_H
#define CAIRN_COLLECTOR_COLLECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/status.h"

enum cairn_graph_when { CAIRN_GRAPH_END = 0, CAIRN_GRAPH_PEAK, CAIRN_GRAPH_OFF, CAIRN_GRAPH_EVERY };

struct cairn_progress {
    int64_t t_ns;
    int64_t live_bytes, live_blocks, peak_bytes;
    int64_t events, file_bytes;
    uint32_t processes; /* living */
};

/* What object graphs tell of Python objects besides types: names of attributes and keys, short values too, neither. */
enum cairn_labels { CAIRN_LABELS_NAMES = 0, CAIRN_LABELS_VALUES, CAIRN_LABELS_NONE };

struct cairn_record_options {
    const char *output;  /* NULL: NAME.PID.cairn in the current folder; %p %h %n expand; parents are made */
    bool replace;        /* -f */
    char *const *argv;   /* program and arguments, NULL-terminated */
    int64_t interval_ns; /* snapshots; 0: adaptive (starts at 100 ms) */
    enum cairn_graph_when graph;
    int64_t graph_every_ns;
    enum cairn_labels labels;
    int64_t sample_bytes;   /* mean distance of samples in allocated bytes; 0: everything is recorded */
    uint64_t sample_seed;   /* of the draw; 0: another one each time */
    uint32_t max_depth;     /* 256 */
    int64_t max_size_bytes; /* 10 GiB */
    bool follow, python, native, source, keep_args;
    const char *agent_path; /* libcairn.so; NULL: found relative to this program */
    void (*progress)(void *state,
                     const struct cairn_progress *progress); /* about 4 times a second; may be NULL */
    void *progress_state;
    void (*joined)(void *state); /* cairn_attach(): the program is recorded from now on; may be NULL */
    void *joined_state;
};

#define CAIRN_RECORD_OPTIONS_DEFAULT                                                                         \
    {                                                                                                        \
        .max_depth = 256, .max_size_bytes = 10ll << 30, .follow = true, .python = true, .source = true       \
    }

struct cairn_record_result {
    char path[4096];      /* of the trace; "" when nothing was recorded */
    bool started;         /* the program ran */
    bool unwritable;      /* it did not: the trace cannot be where it should */
    int status;           /* what `record` exits with: the program's, 128+N, 125, 126 or 127 */
    int exit_status;      /* of the program, or -1 */
    int signal;           /* or 0 */
    bool recorder_failed; /* the program ran but its recording did not end well: `error` says why */
};

/* Returns CAIRN_OK when the trace is whole. Otherwise `error` has the sentence and `result->status` is still right (the
 * program's own status where it ran and failed by itself). */
CAIRN_MUST_CHECK enum cairn_status cairn_record(const struct cairn_record_options *options,
                                                struct cairn_record_result *result,
                                                struct cairn_error *error);

/* Joins process `pid`, which runs already, and records it until it ends, `duration_ns` has passed (0: no limit), SIGINT,
 * SIGTERM or SIGHUP comes, or somebody says stop. Then the program goes on as it was. `options->argv` is not looked at. As
 * cairn_record(), but `result->status` is 0 where all went well, whatever became of the program. */
CAIRN_MUST_CHECK enum cairn_status cairn_attach(const struct cairn_record_options *options, pid_t pid,
                                                int64_t duration_ns, struct cairn_record_result *result,
                                                struct cairn_error *error);

/* Where libcairn.so is: $CAIRN_AGENT, beside the program (build tree), or where it was installed from there. */
CAIRN_MUST_CHECK enum cairn_status cairn_find_agent(char *path, size_t path_size, struct cairn_error *error);

/* Why the program of a command line (a path, or a name looked up in PATH into `resolved`) cannot be recorded: missing, not
 * executable, static, setuid, of another machine. Of the loader, why the program it is to run cannot. CAIRN_OK when it can;
 * CAIRN_E_NOT_FOUND (127) or CAIRN_E_SYSTEM (126) otherwise. */
CAIRN_MUST_CHECK enum cairn_status cairn_check_program(char *const *argv, char *resolved,
                                                       size_t resolved_size, struct cairn_error *error);

#endif
