/* The changes of many chunks in one blob, which chunk_delta of a slim copy holds: a tenth smaller than one by one, and its
 * pages are full. docs/trace-blobs.md has the layout. Internal to trace. */
#ifndef CAIRN_TRACE_TOTALS_GROUP_H
#define CAIRN_TRACE_TOTALS_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/status.h"
#include "trace/event.h"

#define CAIRN_GROUP_CHUNKS 32u
#define CAIRN_GROUP_ROWS                                                                                     \
    65536u /* at most, but for a group of one chunk: what is decoded for one moment is bounded */

/* Rows of `chunks` neighbours: those of chunk i, in order of account, are rows[first[i]] up to rows[first[i + 1]]. Zeroed it is
 * empty. */
struct cairn_totals_group {
    size_t chunks, capacity;
    size_t first[CAIRN_GROUP_CHUNKS + 1];
    struct cairn_account_totals *rows; /* owned */
};

/* Whether another chunk with so many rows still fits. */
bool cairn_totals_group_fits(const struct cairn_totals_group *group, size_t count);
/* Adds the next chunk, which fits; the rows are copied. False when memory ran out. */
CAIRN_MUST_CHECK bool cairn_totals_group_add(struct cairn_totals_group *group,
                                             const struct cairn_account_totals *rows, size_t count);
/* Empties it; the memory stays for the next ones. */
void cairn_totals_group_reset(struct cairn_totals_group *group);
void cairn_totals_group_release(struct cairn_totals_group *group);

/* Appends the blob for the row of the group's first chunk, and that for the row of its chunk `at` (1, 2, …). */
CAIRN_MUST_CHECK enum cairn_status cairn_totals_group_encode(const struct cairn_totals_group *group,
                                                             int level, struct cairn_buffer *blob,
                                                             struct cairn_error *error);
void cairn_totals_member_encode(size_t at, struct cairn_buffer *blob);

/* Whether a blob of totals is that of a group (not a chunk's or key frame's own). */
bool cairn_totals_is_group(const void *blob, size_t blob_size);
/* Whether it says that its chunk is in the group of a chunk before; `at` is its number there, from 1 to
 * CAIRN_GROUP_CHUNKS − 1. */
bool cairn_totals_is_member(const void *blob, size_t blob_size, size_t *at);
/* Makes `group`, to be released, of a blob that may be anything; rows of accounts above `accounts` are damage. Memory is
 * bounded by them and by CAIRN_GROUP_ROWS. CAIRN_E_FORMAT, CAIRN_E_NOMEM: `group` is untouched. */
CAIRN_MUST_CHECK enum cairn_status cairn_totals_group_decode(const void *blob, size_t blob_size,
                                                             size_t accounts,
                                                             struct cairn_totals_group *group,
                                                             struct cairn_error *error);

#endif
