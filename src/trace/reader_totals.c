#include <stdlib.h>
#include <string.h>

#include "trace/reader.h"
#include "trace/totals_group.h"

#define DELTAS "changes of a chunk"

/* The deltas of a slim copy's chunks come in groups; the one that was read last stays, decoded. */
struct cairn_kept_group {
    size_t chunk; /* its first */
    struct cairn_totals_group group;
};

void cairn_reader_group_free(struct cairn_kept_group *kept)
{
    if (kept) {
        cairn_totals_group_release(&kept->group);
        free(kept);
    }
}

/* What the blob of one row is, once it was read: rows, a group, or a place in the group of a chunk before. */
struct found {
    size_t chunk, account_count;
    struct cairn_account_totals *rows; /* owned */
    size_t count;
    struct cairn_kept_group *group; /* owned */
    size_t at;
};

static void find_rows(struct cairn_cursor *cursor, const void *blob, size_t size, struct found *found)
{
    if (cairn_totals_claimed(blob, size) > found->account_count) {
        cairn_cursor_damaged(cursor);
        return;
    }
    cursor->status = cairn_totals_decode(blob, size, &found->rows, &found->count, cursor->error);
    /* They are in order of account. */
    if (found->count > 0 &&
        (found->rows[0].account == 0 || found->rows[found->count - 1].account > found->account_count)) {
        cairn_cursor_damaged(cursor);
    }
}

static void find_group(struct cairn_cursor *cursor, const void *blob, size_t size, struct found *found)
{
    struct cairn_kept_group *made = calloc(1, sizeof(*made));
    if (!made) {
        cursor->status = cairn_reader_no_memory(cursor->trace, cursor->error);
        return;
    }
    made->chunk = found->chunk;
    found->group = made;
    cursor->status = cairn_totals_group_decode(blob, size, found->account_count, &made->group, cursor->error);
}

static void find(struct cairn_cursor *cursor, const void *blob, size_t size, struct found *found)
{
    if (cairn_totals_is_group(blob, size)) {
        find_group(cursor, blob, size, found);
    } else if (!cairn_totals_is_member(blob, size, &found->at)) {
        find_rows(cursor, blob, size, found);
    }
}

static enum cairn_status read_row(struct cairn_trace *trace, const char *subject, const char *sql,
                                  size_t chunk, struct found *found, struct cairn_error *error)
{
    const struct cairn_account *accounts;
    *found = (struct found){.chunk = chunk};
    enum cairn_status status = cairn_trace_accounts(trace, &accounts, &found->account_count, error);
    if (status != CAIRN_OK) {
        return status;
    }
    struct cairn_cursor cursor;
    cairn_cursor_open(&cursor, trace, NULL, subject, sql, error);
    cairn_cursor_bind(&cursor, 1, (int64_t)chunk);
    if (cairn_cursor_next(&cursor)) {
        size_t size;
        const void *blob = cairn_cursor_blob(&cursor, 0, &size);
        if (blob) {
            find(&cursor, blob, size, found);
        }
    } else {
        cairn_cursor_damaged(&cursor);
    }
    status = cairn_cursor_close(&cursor);
    if (status != CAIRN_OK) {
        free(found->rows);
        cairn_reader_group_free(found->group);
    }
    return status;
}

/* `chunk` must be in it. */
static enum cairn_status copy_rows(struct cairn_trace *trace, const struct cairn_kept_group *kept,
                                   size_t chunk, struct cairn_account_totals **rows, size_t *count,
                                   struct cairn_error *error)
{
    const size_t *first = &kept->group.first[chunk - kept->chunk];
    const size_t wanted = first[1] - first[0];
    struct cairn_account_totals *made = malloc(wanted * sizeof(*made) + 1);
    if (!made) {
        return cairn_reader_no_memory(trace, error);
    }
    memcpy(made, kept->group.rows + first[0], wanted * sizeof(*made));
    *rows = made;
    *count = wanted;
    return CAIRN_OK;
}

static bool holds(const struct cairn_kept_group *kept, size_t chunk)
{
    return kept && chunk >= kept->chunk && chunk - kept->chunk < kept->group.chunks;
}

enum cairn_status cairn_reader_delta(struct cairn_trace *trace, size_t chunk,
                                     struct cairn_account_totals **rows, size_t *count,
                                     struct cairn_error *error)
{
    static const char sql[] = "SELECT data FROM chunk_delta WHERE chunk = ?1";
    struct found found;
    if (holds(trace->contents->last_group, chunk)) {
        return copy_rows(trace, trace->contents->last_group, chunk, rows, count, error);
    }
    enum cairn_status status = read_row(trace, DELTAS, sql, chunk, &found, error);
    if (status == CAIRN_OK && found.at > 0) {
        status = found.at <= chunk ? read_row(trace, DELTAS, sql, chunk - found.at, &found, error)
                                   : cairn_reader_damaged(trace, DELTAS, error);
        if (status == CAIRN_OK && !holds(found.group, chunk)) {
            free(found.rows);
            cairn_reader_group_free(found.group);
            status = cairn_reader_damaged(trace, DELTAS, error);
        }
    }
    if (status != CAIRN_OK) {
        return status;
    }
    if (!found.group) {
        *rows = found.rows;
        *count = found.count;
        return CAIRN_OK;
    }
    cairn_reader_group_free(trace->contents->last_group);
    trace->contents->last_group = found.group;
    return copy_rows(trace, found.group, chunk, rows, count, error);
}

enum cairn_status cairn_reader_keyframe(struct cairn_trace *trace, size_t chunk,
                                        struct cairn_account_totals **rows, size_t *count,
                                        struct cairn_error *error)
{
    struct found found;
    const enum cairn_status status =
        read_row(trace, "a keyframe", "SELECT data FROM keyframe WHERE chunk = ?1", chunk, &found, error);
    if (status != CAIRN_OK) {
        return status;
    }
    if (found.group || found.at > 0) {
        free(found.rows);
        cairn_reader_group_free(found.group);
        return cairn_reader_damaged(trace, "a keyframe", error);
    }
    *rows = found.rows;
    *count = found.count;
    return CAIRN_OK;
}
