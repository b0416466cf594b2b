/* Named moments: marks and snapshot numbers, and the sentences that list those that are there. Internal to query. */
#ifndef CAIRN_QUERY_MOMENT_NAMES_H
#define CAIRN_QUERY_MOMENT_NAMES_H

#include "cairn/trace.h"

/* The snapshot named `name` (without "@"), the first of several; "name#3" means the third. "exit" finds the snapshot of
 * that kind. Of several processes' those of `process` come first (0: of none). NULL when there is none. */
const struct cairn_snapshot *cairn_moment_find_mark(const char *name, uint32_t process,
                                                    const struct cairn_snapshot *snapshots, size_t count);

/* The process that became of the one that was started, by exec, under its PID. 0 when there is none at all. */
CAIRN_MUST_CHECK enum cairn_status cairn_moment_main_process(struct cairn_trace *trace, uint32_t *process,
                                                             struct cairn_error *error);

/* CAIRN_E_NOT_FOUND with a sentence that names the marks, the snapshots that are there. */
enum cairn_status cairn_moment_no_mark(const char *name, const struct cairn_snapshot *snapshots, size_t count,
                                       struct cairn_error *error);
enum cairn_status cairn_moment_no_snapshot(const char *text, const struct cairn_snapshot *snapshots,
                                           size_t count, struct cairn_error *error);

#endif
