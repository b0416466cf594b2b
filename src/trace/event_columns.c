#include "trace/event_columns.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define FORMAT_VERSION 1

/* The most one event can add to a column; what a header claims beyond that is not believed. */
static const uint8_t most_bytes[CAIRN_COLUMN_COUNT] = {
    [CAIRN_COLUMN_OLD_BIRTHS] = CAIRN_VARINT_MAX_BYTES,
    [CAIRN_COLUMN_OLD_INDEXES] = CAIRN_VARINT_MAX_BYTES,
    [CAIRN_COLUMN_OLD_OPS] = 1,
    [CAIRN_COLUMN_OLD_ACCOUNTS] = 2 * CAIRN_VARINT_MAX_BYTES,
    [CAIRN_COLUMN_OLD_SIZES] = CAIRN_VARINT_MAX_BYTES,
    [CAIRN_COLUMN_FAR_BIRTHS] = CAIRN_VARINT_MAX_BYTES,
    [CAIRN_COLUMN_FAR_INDEXES] = CAIRN_VARINT_MAX_BYTES,
    [CAIRN_COLUMN_FAR_OPS] = 1,
    [CAIRN_COLUMN_FAR_ACCOUNTS] = 2 * CAIRN_VARINT_MAX_BYTES,
    [CAIRN_COLUMN_FAR_SIZES] = CAIRN_VARINT_MAX_BYTES,
    [CAIRN_COLUMN_TIMES] = 1 + 2 * CAIRN_VARINT_MAX_BYTES,
    [CAIRN_COLUMN_OPS] = 2,
    [CAIRN_COLUMN_ACCOUNTS] = 2 * CAIRN_VARINT_MAX_BYTES,
    [CAIRN_COLUMN_SIZES] = CAIRN_VARINT_MAX_BYTES,
    [CAIRN_COLUMN_BIRTHS] = CAIRN_VARINT_MAX_BYTES,
};

bool cairn_columns_out_init(struct cairn_columns_out *columns, size_t events)
{
    size_t total = 0;
    for (size_t c = 0; c < CAIRN_COLUMN_COUNT; c++) {
        total += events * most_bytes[c];
    }
    *columns = (struct cairn_columns_out){
        .memory = malloc(total), /* pages that are never written cost nothing */
        .context = ZSTD_createCCtx(),
        .body = CAIRN_BUFFER_INIT,
    };
    if (!columns->memory || !columns->context) {
        cairn_columns_out_release(columns);
        return false;
    }
    uint8_t *at = columns->memory;
    for (size_t c = 0; c < CAIRN_COLUMN_COUNT; c++) {
        columns->start[c] = at;
        at += events * most_bytes[c];
    }
    cairn_columns_out_begin(columns);
    return true;
}

void cairn_columns_out_begin(struct cairn_columns_out *columns)
{
    memcpy(columns->at, columns->start, sizeof(columns->at));
}

void cairn_columns_out_release(struct cairn_columns_out *columns)
{
    free(columns->memory);
    columns->memory = NULL;
    ZSTD_freeCCtx(columns->context);
    columns->context = NULL;
    cairn_buffer_release(&columns->body);
}

static bool compress(ZSTD_CCtx *context, struct cairn_buffer *out, const uint8_t *data, size_t size,
                     int level)
{
    const size_t bound = ZSTD_compressBound(size);
    if (!cairn_buffer_reserve(out, bound)) {
        return false;
    }
    const size_t written = ZSTD_compressCCtx(context, out->data + out->length, bound, data, size, level);
    if (ZSTD_isError(written)) {
        return false;
    }
    out->length += written;
    out->data[out->length] = '\0';
    return true;
}

enum cairn_status cairn_columns_write(struct cairn_columns_out *columns,
                                      const struct cairn_columns_header *header, int level,
                                      struct cairn_buffer *blob, struct cairn_error *error)
{
    struct cairn_buffer head = CAIRN_BUFFER_INIT, *const body = &columns->body;
    cairn_buffer_reset(body);
    cairn_buffer_byte(&head, FORMAT_VERSION);
    cairn_varint_append(&head, header->events);
    cairn_varint_append(&head, header->old_events);
    cairn_varint_append(&head, header->far_events);
    cairn_varint_append(&head, header->first_time);
    bool good = true;
    for (size_t c = 0; good && c < CAIRN_COLUMN_COUNT; c++) {
        const size_t size = (size_t)(columns->at[c] - columns->start[c]), before = body->length;
        good = size == 0 || compress(columns->context, body, columns->start[c], size, level);
        cairn_varint_append(&head, size);
        cairn_varint_append(&head, body->length - before);
    }
    if (good && !head.failed && cairn_buffer_reserve(blob, head.length + body->length)) {
        cairn_buffer_append(blob, head.data, head.length);
        cairn_buffer_append(blob, body->data, body->length);
    } else {
        good = false;
    }
    cairn_buffer_release(&head);
    return good ? CAIRN_OK : cairn_fail(error, CAIRN_E_NOMEM, "out of memory for %zu events", header->events);
}

struct extent {
    uint64_t raw, stored;
};

static uint64_t events_of_column(const struct cairn_columns_header *header, size_t column)
{
    return column < CAIRN_COLUMN_OLD_COUNT   ? header->old_events
           : column < CAIRN_COLUMN_FAR_COUNT ? header->far_events
                                             : header->events;
}

static bool read_header(struct cairn_varint_reader *reader, struct cairn_columns_header *header,
                        struct extent extents[CAIRN_COLUMN_COUNT])
{
    uint64_t version, events, old_events, far_events;
    if (!cairn_varint_read(reader, &version) || version != FORMAT_VERSION ||
        !cairn_varint_read(reader, &events) || events > CAIRN_CHUNK_MOST_EVENTS ||
        !cairn_varint_read(reader, &old_events) || old_events > events ||
        !cairn_varint_read(reader, &far_events) || far_events > events - old_events ||
        !cairn_varint_read(reader, &header->first_time)) {
        return false;
    }
    header->events = (size_t)events;
    header->old_events = (size_t)old_events;
    header->far_events = (size_t)far_events;
    for (size_t c = 0; c < CAIRN_COLUMN_COUNT; c++) {
        const uint64_t most = events_of_column(header, c) * most_bytes[c];
        struct extent *const extent = &extents[c];
        if (!cairn_varint_read(reader, &extent->raw) || extent->raw > most ||
            !cairn_varint_read(reader, &extent->stored) || extent->stored > (uint64_t)INT32_MAX) {
            return false;
        }
    }
    return true;
}

/* Bytes of the first `wanted` columns as they are stored. */
static uint64_t stored_bytes(const struct extent *extents, size_t wanted)
{
    uint64_t stored = 0;
    for (size_t c = 0; c < wanted; c++) {
        stored += extents[c].stored;
    }
    return stored;
}

static enum cairn_status bad_header(struct cairn_error *error)
{
    return cairn_fail(error, CAIRN_E_FORMAT, "damaged events: the header of a chunk makes no sense");
}

static enum cairn_status bad_column(struct cairn_error *error)
{
    return cairn_fail(error, CAIRN_E_FORMAT, "damaged events: a column does not decompress");
}

enum cairn_status cairn_columns_prefix(const void *blob, size_t blob_size, size_t wanted, size_t *prefix,
                                       struct cairn_error *error)
{
    struct cairn_columns_header header;
    struct extent extents[CAIRN_COLUMN_COUNT];
    if (blob_size == 0) {
        return bad_header(error);
    }
    struct cairn_varint_reader reader = {.at = blob, .end = (const uint8_t *)blob + blob_size};
    if (!read_header(&reader, &header, extents)) {
        return bad_header(error);
    }
    *prefix = (size_t)(reader.at - (const uint8_t *)blob) + (size_t)stored_bytes(extents, wanted);
    return CAIRN_OK;
}

/* One column's bytes at `at`. */
static bool decompress_one(struct cairn_columns_in *columns, size_t column, uint8_t *at,
                           const uint8_t *stored, const struct extent *extent)
{
    const size_t raw = (size_t)extent->raw;
    columns->column[column] = (struct cairn_varint_reader){.at = at, .end = at + raw};
    return raw == 0 || ZSTD_decompressDCtx(columns->context, at, raw, stored, (size_t)extent->stored) == raw;
}

/* The columns' bytes, one behind the other in `memory`. */
static bool decompress(struct cairn_columns_in *columns, const uint8_t *stored, const struct extent *extents,
                       size_t wanted)
{
    uint8_t *at = columns->memory;
    for (size_t c = 0; c < wanted; c++) {
        if (!decompress_one(columns, c, at, stored, &extents[c])) {
            return false;
        }
        at += extents[c].raw;
        stored += extents[c].stored;
    }
    return true;
}

/* Memory for `size` bytes, and a context; false when there is none. */
static bool reserve(struct cairn_columns_in *columns, size_t size)
{
    if (size > columns->capacity) {
        free(columns->memory);
        columns->memory = malloc(size);
        columns->capacity = columns->memory ? size : 0;
    }
    if (!columns->context) {
        columns->context = ZSTD_createDCtx();
    }
    return columns->memory && columns->context;
}

enum cairn_status cairn_columns_in_init(struct cairn_columns_in *columns, const void *blob, size_t blob_size,
                                        size_t wanted, struct cairn_error *error)
{
    struct cairn_varint_reader reader = {.at = blob, .end = (const uint8_t *)blob + blob_size};
    struct extent extents[CAIRN_COLUMN_COUNT];
    if (blob_size == 0 || !read_header(&reader, &columns->header, extents)) {
        return bad_header(error);
    }
    const uint64_t stored = stored_bytes(extents, wanted), left = (uint64_t)(reader.end - reader.at);
    if (wanted == CAIRN_COLUMN_COUNT ? stored != left : stored > left) {
        return bad_header(error);
    }
    size_t total = 1;
    for (size_t c = 0; c < wanted; c++) {
        total += (size_t)extents[c].raw;
    }
    if (!reserve(columns, total)) {
        return cairn_fail(error, CAIRN_E_NOMEM, "out of memory for %zu events", columns->header.events);
    }
    memset(columns->column, 0, sizeof(columns->column));
    return decompress(columns, reader.at, extents, wanted) ? CAIRN_OK : bad_column(error);
}

enum cairn_status cairn_columns_in_only(struct cairn_columns_in *columns, const void *blob, size_t blob_size,
                                        enum cairn_column column, struct cairn_error *error)
{
    struct cairn_varint_reader reader = {.at = blob, .end = (const uint8_t *)blob + blob_size};
    struct extent extents[CAIRN_COLUMN_COUNT];
    if (blob_size == 0 || !read_header(&reader, &columns->header, extents)) {
        return bad_header(error);
    }
    const size_t before = (size_t)stored_bytes(extents, column);
    if (before + extents[column].stored > (uint64_t)(reader.end - reader.at)) {
        return bad_header(error);
    }
    if (!reserve(columns, (size_t)extents[column].raw + 1)) {
        return cairn_fail(error, CAIRN_E_NOMEM, "out of memory for %zu events", columns->header.events);
    }
    memset(columns->column, 0, sizeof(columns->column));
    return decompress_one(columns, column, columns->memory, reader.at + before, &extents[column])
               ? CAIRN_OK
               : bad_column(error);
}

void cairn_columns_in_release(struct cairn_columns_in *columns)
{
    free(columns->memory);
    ZSTD_freeDCtx(columns->context);
    columns->memory = NULL;
    columns->context = NULL;
    columns->capacity = 0;
}
