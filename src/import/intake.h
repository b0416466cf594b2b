/* A trace while it is made of another tool's recording: the recorder's own stages (ledger, chunker, store) without a program
 * behind them. Formats that tell single events feed the ledger; those that tell states only put rows into batches. */
#ifndef CAIRN_IMPORT_INTAKE_H
#define CAIRN_IMPORT_INTAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "collector/chunker.h"
#include "collector/ledger.h"
#include "collector/store.h"
#include "import/code.h"
#include "trace/trace_id.h"

/* The one process and the one thread that everything is put down to. */
#define CAIRN_INTAKE_PROCESS 1u
#define CAIRN_INTAKE_THREAD  1u

struct cairn_intake {
    const char *from; /* the imported file, for sentences; borrowed */
    struct cairn_code *code;
    struct cairn_pipeline pipeline;
    struct cairn_chunker *chunker;        /* NULL without events */
    struct cairn_ledger *ledger;          /* the same */
    struct cairn_ledger_process *process; /* the ledger's */
    struct cairn_ledger_thread thread;
    struct cairn_store *store;
    struct cairn_batch *rows;   /* not yet sent */
    struct cairn_recording row; /* texts: `trace_id`, `writer`, `program` */
    struct cairn_process process_row;
    char trace_id[CAIRN_TRACE_ID_SIZE], writer[96], program[4096];
    bool failed; /* memory ran out: rows are missing */
};

/* Makes `path`, which must not be there. `origin` is the process row's: the tool's name. */
CAIRN_MUST_CHECK enum cairn_status cairn_intake_open(struct cairn_intake *intake, const char *from,
                                                     const char *path, const char *origin, bool events,
                                                     struct cairn_error *error);
/* After the texts of `row` and `process_row` are known and before the first event: the process and its thread. */
void cairn_intake_begin(struct cairn_intake *intake);
/* The batch for rows; NULL when memory ran out. */
struct cairn_batch *cairn_intake_rows(struct cairn_intake *intake);
__attribute__((format(printf, 2, 3))) void cairn_intake_note(struct cairn_intake *intake, const char *format,
                                                             ...);
/* Sends rows and new code. */
void cairn_intake_send(struct cairn_intake *intake);
/* With events: everything until `t_ns` is there. `last`: nothing more comes. */
void cairn_intake_commit(struct cairn_intake *intake, int64_t t_ns, bool last);
/* Whether writing failed, or memory ran out; asked now and then, so that nobody goes on for nothing. */
CAIRN_MUST_CHECK enum cairn_status cairn_intake_check(struct cairn_intake *intake, struct cairn_error *error);
/* Closes the whole trace, or after a failure (`status`) removes it; frees everything. Returns the first failure. */
CAIRN_MUST_CHECK enum cairn_status cairn_intake_close(struct cairn_intake *intake, enum cairn_status status,
                                                      struct cairn_error *error);
/* Memory held, about. */
size_t cairn_intake_bytes(const struct cairn_intake *intake);

#endif
