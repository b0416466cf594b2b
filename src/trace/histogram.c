/* Blobs of account.histogram. A few dozen cells: not worth a compressor's frame. */
#include "trace/event.h"
#include "trace/varint.h"

#define FORMAT_VERSION 1

enum cairn_status cairn_histogram_encode(const struct cairn_histogram_cell *cells, size_t count,
                                         struct cairn_buffer *blob, struct cairn_error *error)
{
    uint8_t bytes[2 + 2 * CAIRN_VARINT_MAX_BYTES] = {FORMAT_VERSION};
    const uint8_t *end = cairn_varint_write(bytes + 1, count);
    cairn_buffer_append(blob, bytes, (size_t)(end - bytes));
    for (size_t i = 0; i < count; i++) {
        bytes[0] = cells[i].size_bucket;
        bytes[1] = cells[i].lifetime_bucket;
        end = cairn_varint_write(cairn_varint_write(bytes + 2, cells[i].blocks), cells[i].temporary);
        cairn_buffer_append(blob, bytes, (size_t)(end - bytes));
    }
    return blob->failed ? cairn_fail(error, CAIRN_E_NOMEM, "out of memory for a histogram") : CAIRN_OK;
}

static bool read_cell(struct cairn_varint_reader *reader, struct cairn_histogram_cell *cell)
{
    if (reader->end - reader->at < 2) {
        return false;
    }
    cell->size_bucket = *reader->at++;
    cell->lifetime_bucket = *reader->at++;
    return cell->size_bucket < CAIRN_SIZE_BUCKETS && cell->lifetime_bucket < CAIRN_LIFETIME_BUCKETS &&
           cairn_varint_read(reader, &cell->blocks) && cairn_varint_read(reader, &cell->temporary) &&
           cell->temporary <= cell->blocks && cell->blocks <= INT64_MAX;
}

enum cairn_status cairn_histogram_decode(const void *blob, size_t blob_size,
                                         struct cairn_histogram_cell *cells, size_t capacity, size_t *count,
                                         struct cairn_error *error)
{
    struct cairn_varint_reader reader = {.at = blob, .end = (const uint8_t *)blob + blob_size};
    uint64_t version, claimed;
    bool good = blob_size > 0 && cairn_varint_read(&reader, &version) && version == FORMAT_VERSION &&
                cairn_varint_read(&reader, &claimed) && claimed <= capacity;
    for (size_t i = 0; good && i < claimed; i++) {
        good = read_cell(&reader, &cells[i]);
    }
    if (!good || reader.at != reader.end) {
        return cairn_fail(error, CAIRN_E_FORMAT, "damaged histogram: its cells make no sense");
    }
    *count = (size_t)claimed;
    return CAIRN_OK;
}
