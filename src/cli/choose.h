/* Which trace is meant: the one that is named, or the newest in this folder. */
#ifndef CAIRN_CLI_CHOOSE_H
#define CAIRN_CLI_CHOOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

struct cairn_folder_trace {
    const char *path;
    int64_t changed_ns; /* last write to the file or to its WAL, Unix time */
};

/* The *.cairn files of the current folder, newest first, in `arena`. */
CAIRN_MUST_CHECK enum cairn_status cairn_folder_traces(struct cairn_arena *arena,
                                                       struct cairn_folder_trace **rows, size_t *count,
                                                       struct cairn_error *error);
/* `word` NULL: the newest; a number that is no file: the one with that number in the table of the bare `cairn`; otherwise
 * the file of that name. The path lives in `arena`. */
CAIRN_MUST_CHECK enum cairn_status cairn_choose_trace(struct cairn_arena *arena, const char *word,
                                                      const char **path, struct cairn_error *error);
/* Whether `word` is meant as a trace where something else could stand too: it ends in .cairn, or is a file. */
bool cairn_is_trace_word(const char *word);

#endif
