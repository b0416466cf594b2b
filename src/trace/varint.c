#include "trace/varint.h"

bool cairn_varint_read_long(struct cairn_varint_reader *reader, uint64_t *value)
{
    uint64_t result = 0;
    const uint8_t *at = reader->at;
    for (unsigned shift = 0; shift < 7 * CAIRN_VARINT_MAX_BYTES && at < reader->end; shift += 7) {
        const uint64_t bits = *at & 0x7F;
        if (shift == 63 && bits > 1) {
            return false;
        }
        result |= bits << shift;
        if (*at++ < 0x80) {
            reader->at = at;
            *value = result;
            return true;
        }
    }
    return false;
}

void cairn_varint_append(struct cairn_buffer *blob, uint64_t value)
{
    uint8_t bytes[CAIRN_VARINT_MAX_BYTES];
    cairn_buffer_append(blob, bytes, (size_t)(cairn_varint_write(bytes, value) - bytes));
}
