#include "trace/graph_codec.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "trace/graph_blob.h"

#define FORMAT_VERSION 1
#define LEVEL          3

void cairn_graph_codec_release(struct cairn_graph_codec *codec)
{
    cairn_buffer_release(&codec->raw);
    ZSTD_freeCCtx(codec->compressor);
    ZSTD_freeDCtx(codec->decompressor);
    *codec = (struct cairn_graph_codec){.compressor = NULL};
}

uint8_t *cairn_graph_raw(struct cairn_graph_codec *codec, size_t most)
{
    cairn_buffer_reset(&codec->raw);
    return cairn_buffer_reserve(&codec->raw, most) ? (uint8_t *)codec->raw.data : NULL;
}

bool cairn_graph_pack(struct cairn_graph_codec *codec, const uint8_t *end, struct cairn_buffer *blob)
{
    const size_t raw_size = (size_t)(end - (const uint8_t *)codec->raw.data);
    const size_t bound = ZSTD_compressBound(raw_size);
    uint8_t head[1 + CAIRN_VARINT_MAX_BYTES] = {FORMAT_VERSION};
    cairn_buffer_reset(blob);
    codec->compressor = codec->compressor ? codec->compressor : ZSTD_createCCtx();
    if (!codec->compressor || !cairn_buffer_reserve(blob, sizeof head + bound)) {
        return false;
    }
    cairn_buffer_append(blob, head, (size_t)(cairn_varint_write(head + 1, raw_size) - head));
    const size_t size = ZSTD_compressCCtx(codec->compressor, blob->data + blob->length, bound,
                                          codec->raw.data, raw_size, LEVEL);
    if (ZSTD_isError(size)) {
        return false;
    }
    blob->length += size;
    blob->data[blob->length] = '\0';
    return true;
}

enum cairn_status cairn_graph_unpack(struct cairn_graph_codec *codec, const void *blob, size_t size,
                                     size_t most, struct cairn_varint_reader *reader)
{
    struct cairn_varint_reader stored = {.at = blob, .end = (const uint8_t *)blob + size};
    uint64_t raw_size;
    if (size == 0 || *stored.at++ != FORMAT_VERSION || !cairn_varint_read(&stored, &raw_size) ||
        raw_size > most) {
        return CAIRN_E_FORMAT;
    }
    codec->decompressor = codec->decompressor ? codec->decompressor : ZSTD_createDCtx();
    cairn_buffer_reset(&codec->raw);
    if (!codec->decompressor || !cairn_buffer_reserve(&codec->raw, (size_t)raw_size)) {
        return CAIRN_E_NOMEM;
    }
    const size_t got = ZSTD_decompressDCtx(codec->decompressor, codec->raw.data, (size_t)raw_size, stored.at,
                                           (size_t)(stored.end - stored.at));
    if (ZSTD_isError(got) || got != raw_size) {
        return CAIRN_E_FORMAT;
    }
    *reader = (struct cairn_varint_reader){.at = (const uint8_t *)codec->raw.data,
                                           .end = (const uint8_t *)codec->raw.data + raw_size};
    return CAIRN_OK;
}

bool cairn_graph_encode_strings(struct cairn_graph_codec *codec, const char *const *strings, size_t count,
                                struct cairn_buffer *blob)
{
    uint8_t *at = cairn_graph_raw(codec, count * (2 + CAIRN_GRAPH_STRING_MOST) + 1);
    if (!at) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        at = cairn_varint_write(at, strnlen(strings[i], CAIRN_GRAPH_STRING_MOST));
    }
    for (size_t i = 0; i < count; i++) {
        const size_t length = strnlen(strings[i], CAIRN_GRAPH_STRING_MOST);
        memcpy(at, strings[i], length);
        at += length;
    }
    return cairn_graph_pack(codec, at, blob);
}

enum cairn_status cairn_graph_decode_strings(struct cairn_graph_codec *codec, const void *blob, size_t size,
                                             size_t count, uint32_t *ends, const char **bytes)
{
    struct cairn_varint_reader reader;
    const size_t most = CAIRN_GRAPH_CHUNK_STRINGS * (2u + CAIRN_GRAPH_STRING_MOST);
    const enum cairn_status status = cairn_graph_unpack(codec, blob, size, most, &reader);
    if (status != CAIRN_OK) {
        return status;
    }
    uint32_t all = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t length;
        if (!cairn_varint_read(&reader, &length) || length > CAIRN_GRAPH_STRING_MOST) {
            return CAIRN_E_FORMAT;
        }
        all += (uint32_t)length;
        ends[i] = all;
    }
    if (all != (uint64_t)(reader.end - reader.at)) {
        return CAIRN_E_FORMAT;
    }
    *bytes = (const char *)reader.at;
    return CAIRN_OK;
}

/* Runs of one type: its number, how many, the differences of its keys. */
bool cairn_graph_encode_keys(struct cairn_graph_codec *codec, const struct cairn_graph_key *keys,
                             size_t count, struct cairn_buffer *blob)
{
    uint8_t *at = cairn_graph_raw(codec, (count * 3 + 1) * CAIRN_VARINT_MAX_BYTES);
    if (!at) {
        return false;
    }
    for (size_t i = 0; i < count;) {
        size_t run = 1;
        while (i + run < count && keys[i + run].type == keys[i].type) {
            run++;
        }
        at = cairn_varint_write(cairn_varint_write(at, keys[i].type), run);
        for (uint64_t last = 0; run > 0; run--, i++) {
            at = cairn_varint_write(at, keys[i].key - last);
            last = keys[i].key;
        }
    }
    return cairn_graph_pack(codec, at, blob);
}

static bool read_run(struct cairn_varint_reader *reader, const struct cairn_graph_info *info,
                     struct cairn_graph_key *keys, size_t *count)
{
    uint64_t type, run, step, key = 0;
    if (!cairn_varint_read(reader, &type) || type >= info->types || !cairn_varint_read(reader, &run) ||
        run == 0 || run > CAIRN_GRAPH_PART_KEYS - *count) {
        return false;
    }
    for (uint64_t i = 0; i < run; i++) {
        if (!cairn_varint_read(reader, &step) || step > UINT64_MAX - key) {
            return false;
        }
        key += step;
        keys[(*count)++] = (struct cairn_graph_key){.type = (uint32_t)type, .key = key};
    }
    return true;
}

enum cairn_status cairn_graph_decode_keys(struct cairn_graph_codec *codec,
                                          const struct cairn_graph_info *info, const void *blob, size_t size,
                                          struct cairn_graph_key **keys, size_t *count)
{
    struct cairn_varint_reader reader;
    const size_t most = (CAIRN_GRAPH_PART_KEYS * 3u + 1) * CAIRN_VARINT_MAX_BYTES;
    const enum cairn_status status = cairn_graph_unpack(codec, blob, size, most, &reader);
    if (status != CAIRN_OK) {
        return status;
    }
    struct cairn_graph_key *made = malloc(CAIRN_GRAPH_PART_KEYS * sizeof *made);
    size_t filled = 0;
    bool whole = made != NULL;
    while (whole && reader.at < reader.end) {
        whole = read_run(&reader, info, made, &filled);
    }
    if (!made) {
        return CAIRN_E_NOMEM;
    }
    if (!whole) {
        free(made);
        return CAIRN_E_FORMAT;
    }
    *keys = made;
    *count = filled;
    return CAIRN_OK;
}
