/* Variable-length numbers of the trace's blobs: seven bits a byte, lowest first, the top bit says that more follow; at
 * most 10 bytes. Signed numbers are zigzag: 0, −1, 1, −2, … become 0, 1, 2, 3, … */
#ifndef CAIRN_TRACE_VARINT_H
#define CAIRN_TRACE_VARINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

#define CAIRN_VARINT_MAX_BYTES 10u

/* Writes at `out`, which has room for CAIRN_VARINT_MAX_BYTES; returns the first byte behind. */
static inline uint8_t *cairn_varint_write(uint8_t *out, uint64_t value)
{
    while (value >= 0x80) {
        *out++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *out++ = (uint8_t)value;
    return out;
}

/* The same at the end of a buffer, which says when memory ran out. */
void cairn_varint_append(struct cairn_buffer *blob, uint64_t value);

/* Unread bytes of a blob. */
struct cairn_varint_reader {
    const uint8_t *at, *end;
};

/* The rest of cairn_varint_read, for numbers of more than two bytes. */
bool cairn_varint_read_long(struct cairn_varint_reader *reader, uint64_t *value);

/* False at the end, and for a number that does not fit in 64 bits; then `value` and the position are as before. */
static inline bool cairn_varint_read(struct cairn_varint_reader *reader, uint64_t *value)
{
    if (reader->at < reader->end && *reader->at < 0x80) {
        *value = *reader->at++;
        return true;
    }
    if (reader->end - reader->at > 1 && reader->at[1] < 0x80) {
        *value = (reader->at[0] & 0x7Fu) | (uint64_t)reader->at[1] << 7;
        reader->at += 2;
        return true;
    }
    return cairn_varint_read_long(reader, value);
}

static inline uint64_t cairn_zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

static inline int64_t cairn_unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1 ^ (0 - (value & 1)));
}

#endif
