/* Blobs of totals: keyframes and chunk deltas. docs/trace-blobs.md has the layout. */
#include <stdlib.h>
#include <zstd.h>

#include "trace/event.h"
#include "trace/varint.h"

#define COLUMNS         8u
#define EXACT_COLUMNS   6u /* the others are of sampled recordings */
#define VERSION_EXACT   1
#define VERSION_SAMPLED 2
#define ROW_MAX_BYTES   ((1u + COLUMNS) * CAIRN_VARINT_MAX_BYTES)
#define MOST_ROWS       (1u << 24) /* accounts of one recording; a blob that claims more is not believed */

static int64_t *member(struct cairn_totals *totals, size_t column)
{
    int64_t *const members[COLUMNS] = {
        &totals->live_bytes, &totals->live_blocks, &totals->allocated_bytes, &totals->allocations,
        &totals->reallocs,   &totals->temporary,   &totals->live_variance,   &totals->allocated_variance,
    };
    return members[column];
}

static int64_t value_of(const struct cairn_totals *totals, size_t column)
{
    struct cairn_totals copy = *totals;
    return *member(&copy, column);
}

static bool is_zero(const struct cairn_totals *totals)
{
    return (totals->live_bytes | totals->live_blocks | totals->allocated_bytes | totals->allocations |
            totals->reallocs | totals->temporary | totals->live_variance | totals->allocated_variance) == 0;
}

static size_t columns_of(const struct cairn_account_totals *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if ((rows[i].totals.live_variance | rows[i].totals.allocated_variance) != 0) {
            return COLUMNS;
        }
    }
    return EXACT_COLUMNS;
}

/* Column after column into `out`; returns the end, or NULL when the rows are not in order of account. */
static uint8_t *write_rows(uint8_t *out, const struct cairn_account_totals *rows, size_t count,
                           size_t columns, size_t *written)
{
    uint32_t last = 0;
    *written = 0;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].account == 0 || (i > 0 && rows[i].account <= rows[i - 1].account)) {
            return NULL;
        }
        if (!is_zero(&rows[i].totals)) {
            out = cairn_varint_write(out, rows[i].account - last - 1);
            last = rows[i].account;
            ++*written;
        }
    }
    for (size_t column = 0; column < columns; column++) {
        for (size_t i = 0; i < count; i++) {
            if (!is_zero(&rows[i].totals)) {
                out = cairn_varint_write(out, cairn_zigzag(value_of(&rows[i].totals, column)));
            }
        }
    }
    return out;
}

static enum cairn_status out_of_memory(struct cairn_error *error)
{
    return cairn_fail(error, CAIRN_E_NOMEM, "out of memory for the totals of the accounts");
}

static enum cairn_status append(const uint8_t *raw, size_t raw_size, size_t rows, size_t columns, int level,
                                struct cairn_buffer *blob, struct cairn_error *error)
{
    uint8_t head[1 + 2 * CAIRN_VARINT_MAX_BYTES] = {columns == COLUMNS ? VERSION_SAMPLED : VERSION_EXACT};
    const uint8_t *const end = cairn_varint_write(cairn_varint_write(head + 1, rows), raw_size);
    const size_t bound = ZSTD_compressBound(raw_size);
    if (!cairn_buffer_reserve(blob, sizeof head + bound)) {
        return out_of_memory(error);
    }
    cairn_buffer_append(blob, head, (size_t)(end - head));
    const size_t size = ZSTD_compress(blob->data + blob->length, bound, raw, raw_size, level);
    if (ZSTD_isError(size)) {
        return out_of_memory(error);
    }
    blob->length += size;
    blob->data[blob->length] = '\0';
    return CAIRN_OK;
}

enum cairn_status cairn_totals_encode(const struct cairn_account_totals *rows, size_t count, int level,
                                      struct cairn_buffer *blob, struct cairn_error *error)
{
    if (count > MOST_ROWS) {
        return cairn_fail(error, CAIRN_E_LIMIT, "%zu accounts are more than a trace can hold", count);
    }
    uint8_t *const raw = malloc(count * ROW_MAX_BYTES + 1);
    if (!raw) {
        return out_of_memory(error);
    }
    const size_t columns = columns_of(rows, count);
    size_t written;
    const uint8_t *const end = write_rows(raw, rows, count, columns, &written);
    const enum cairn_status status =
        end ? append(raw, (size_t)(end - raw), written, columns, level, blob, error)
            : cairn_fail(error, CAIRN_E_FORMAT, "totals cannot be stored: the accounts are not in order");
    free(raw);
    return status;
}

static bool read_rows(struct cairn_varint_reader *reader, struct cairn_account_totals *rows, size_t count,
                      size_t columns)
{
    uint64_t value, account = 0;
    for (size_t i = 0; i < count; i++) {
        if (!cairn_varint_read(reader, &value) || value >= UINT32_MAX - account) {
            return false;
        }
        account += value + 1;
        rows[i] = (struct cairn_account_totals){.account = (uint32_t)account};
    }
    for (size_t column = 0; column < columns; column++) {
        for (size_t i = 0; i < count; i++) {
            if (!cairn_varint_read(reader, &value)) {
                return false;
            }
            *member(&rows[i].totals, column) = cairn_unzigzag(value);
        }
    }
    return reader->at == reader->end;
}

/* The numbers in front of the frame. */
struct header {
    uint64_t rows, raw_size;
    size_t columns;
};

static bool read_header(struct cairn_varint_reader *reader, struct header *header)
{
    uint64_t version;
    if (!cairn_varint_read(reader, &version) || version < VERSION_EXACT || version > VERSION_SAMPLED) {
        return false;
    }
    header->columns = version == VERSION_SAMPLED ? COLUMNS : EXACT_COLUMNS;
    return cairn_varint_read(reader, &header->rows) && header->rows <= MOST_ROWS &&
           cairn_varint_read(reader, &header->raw_size) &&
           header->raw_size >= header->rows * (1 + header->columns) &&
           header->raw_size <= header->rows * (1 + header->columns) * CAIRN_VARINT_MAX_BYTES;
}

/* Fills `raw` and the rows from it. */
static enum cairn_status decode(const struct cairn_varint_reader *stored, uint8_t *raw,
                                struct cairn_account_totals *rows, const struct header *header,
                                struct cairn_error *error)
{
    const size_t raw_size = (size_t)header->raw_size;
    if (ZSTD_decompress(raw, raw_size, stored->at, (size_t)(stored->end - stored->at)) != raw_size) {
        return cairn_fail(error, CAIRN_E_FORMAT, "damaged totals: they do not decompress");
    }
    struct cairn_varint_reader columns = {.at = raw, .end = raw + raw_size};
    return read_rows(&columns, rows, (size_t)header->rows, header->columns)
               ? CAIRN_OK
               : cairn_fail(error, CAIRN_E_FORMAT, "damaged totals: their columns do not agree");
}

size_t cairn_totals_claimed(const void *blob, size_t blob_size)
{
    struct cairn_varint_reader reader = {.at = blob, .end = (const uint8_t *)blob + blob_size};
    struct header header;
    return read_header(&reader, &header) ? (size_t)header.rows : 0;
}

enum cairn_status cairn_totals_decode(const void *blob, size_t blob_size, struct cairn_account_totals **rows,
                                      size_t *count, struct cairn_error *error)
{
    struct cairn_varint_reader reader = {.at = blob, .end = (const uint8_t *)blob + blob_size};
    struct header header;
    if (blob_size == 0 || !read_header(&reader, &header)) {
        return cairn_fail(error, CAIRN_E_FORMAT, "damaged totals: their header makes no sense");
    }
    const size_t claimed = (size_t)header.rows;
    uint8_t *const raw = malloc((size_t)header.raw_size + 1);
    struct cairn_account_totals *const made = malloc(claimed * sizeof(*made) + 1);
    const enum cairn_status status =
        raw && made ? decode(&reader, raw, made, &header, error) : out_of_memory(error);
    free(raw);
    if (status != CAIRN_OK) {
        free(made);
        return status;
    }
    *rows = made;
    *count = claimed;
    return CAIRN_OK;
}
