/* The container of an encoded chunk: a header and fifteen columns, each a zstd frame of its own so that some can be read
 * without the rest. docs/trace-blobs.md has the layout. Used by the event codec only. */
#ifndef CAIRN_TRACE_EVENT_COLUMNS_H
#define CAIRN_TRACE_EVENT_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/status.h"
#include "trace/event.h"
#include "trace/varint.h"

/* CAIRN_CHUNK_EVENTS is what the collector aims at; a chunk may be larger up to this. */
#define CAIRN_CHUNK_MOST_EVENTS (4 * CAIRN_CHUNK_EVENTS)

/* In the order of the blob. A *far* event ends a block that it describes in full; a *near* one names an event of its
 * own chunk. Far events are stored by birth (then by index), not in the order in which they happened: who asks for
 * blocks older than some moment reads the beginning only. Those that are *old* come first, in columns of their own, so
 * that a chunk is soon done with when that moment lies long before it. */
enum cairn_column {
    CAIRN_COLUMN_OLD_BIRTHS,   /* varint: birth − birth of the one before */
    CAIRN_COLUMN_OLD_INDEXES,  /* zigzag: index − index of the one before */
    CAIRN_COLUMN_OLD_OPS,      /* byte: what it is, how account and size are given */
    CAIRN_COLUMN_OLD_ACCOUNTS, /* where not as predicted */
    CAIRN_COLUMN_OLD_SIZES,    /* where not as predicted */
    CAIRN_COLUMN_FAR_BIRTHS,   /* the other far events, in the same way */
    CAIRN_COLUMN_FAR_INDEXES,
    CAIRN_COLUMN_FAR_OPS,
    CAIRN_COLUMN_FAR_ACCOUNTS,
    CAIRN_COLUMN_FAR_SIZES,
    CAIRN_COLUMN_TIMES, /* runs of events of one microsecond */
    CAIRN_COLUMN_OPS,   /* byte: what it is, how account and size or the freed block are given */
    CAIRN_COLUMN_ACCOUNTS,
    CAIRN_COLUMN_SIZES,
    CAIRN_COLUMN_BIRTHS, /* varint: events between a near free and its allocation, where not as predicted */
    CAIRN_COLUMN_COUNT
};
#define CAIRN_COLUMN_OLD_COUNT 5u  /* the first so many are those of old events */
#define CAIRN_COLUMN_FAR_COUNT 10u /* and the first so many those of all far ones */

/* A block is old when it was born so many events before the chunk began. */
#define CAIRN_OLD_EVENTS (2 * CAIRN_CHUNK_EVENTS)
static inline uint64_t cairn_old_before(uint64_t first_event)
{
    return first_event > CAIRN_OLD_EVENTS ? first_event - CAIRN_OLD_EVENTS : 0;
}

/* Columns being written. `at[c]` is where the next byte of column c goes; there is room for any `events` events, so
 * that encoding checks no bounds. */
struct cairn_columns_out {
    uint8_t *memory;
    uint8_t *start[CAIRN_COLUMN_COUNT], *at[CAIRN_COLUMN_COUNT];
    struct ZSTD_CCtx_s *context;
    struct cairn_buffer body; /* the compressed columns, while a chunk is written */
};
/* Empty columns. False when memory ran out; then there is nothing to release. */
bool cairn_columns_out_init(struct cairn_columns_out *columns, size_t events);
/* Empties the columns. */
void cairn_columns_out_begin(struct cairn_columns_out *columns);
void cairn_columns_out_release(struct cairn_columns_out *columns);

struct cairn_columns_header {
    size_t events, old_events, far_events; /* far ones without the old */
    uint64_t first_time;                   /* in CAIRN_EVENT_TIME_UNIT_NS */
};

/* Compresses and appends everything to `blob`. */
CAIRN_MUST_CHECK enum cairn_status cairn_columns_write(struct cairn_columns_out *columns,
                                                       const struct cairn_columns_header *header, int level,
                                                       struct cairn_buffer *blob, struct cairn_error *error);

/* Columns of a blob, decompressed; those not asked for are empty. */
struct cairn_columns_in {
    uint8_t *memory;
    size_t capacity;
    void *context; /* zstd's */
    struct cairn_columns_header header;
    struct cairn_varint_reader column[CAIRN_COLUMN_COUNT];
};
/* Reads the header and the first `wanted` columns; the blob may end behind them. `columns` is zeroed, or was used before:
 * then its memory is used again. Release it in every case. */
CAIRN_MUST_CHECK enum cairn_status cairn_columns_in_init(struct cairn_columns_in *columns, const void *blob,
                                                         size_t blob_size, size_t wanted,
                                                         struct cairn_error *error);
/* As cairn_columns_in_init, but of all columns only that one. */
CAIRN_MUST_CHECK enum cairn_status cairn_columns_in_only(struct cairn_columns_in *columns, const void *blob,
                                                         size_t blob_size, enum cairn_column column,
                                                         struct cairn_error *error);
void cairn_columns_in_release(struct cairn_columns_in *columns);

_Static_assert((5 + 2 * CAIRN_COLUMN_COUNT) * CAIRN_VARINT_MAX_BYTES <= CAIRN_EVENTS_HEADER_MOST,
               "a header fits in what is read of it");
/* How long the beginning of a blob with its first `wanted` columns is; `blob` holds the header at least. */
CAIRN_MUST_CHECK enum cairn_status cairn_columns_prefix(const void *blob, size_t blob_size, size_t wanted,
                                                        size_t *prefix, struct cairn_error *error);

#endif
