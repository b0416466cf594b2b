/* The BLOBs of object graphs. docs/trace-blobs.md has the bytes; decoders take them as hostile. Internal to trace. */
#ifndef CAIRN_TRACE_GRAPH_CODEC_H
#define CAIRN_TRACE_GRAPH_CODEC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/status.h"
#include "trace/graph_rows.h"

/* Memory that is kept from one BLOB to the next. Zero-initialise. */
struct cairn_graph_codec {
    struct cairn_buffer raw;
    void *compressor, *decompressor; /* zstd's contexts, made on first use */
};
void cairn_graph_codec_release(struct cairn_graph_codec *codec);

/* Each writes one BLOB over `blob`; false when memory ran out. At most CAIRN_GRAPH_CHUNK_ROWS objects or rows, …_PART_LINKS
 * links, …_CHUNK_STRINGS strings, …_PART_KEYS keys. */
CAIRN_MUST_CHECK bool cairn_graph_encode_objects(struct cairn_graph_codec *codec,
                                                 const struct cairn_object *objects, size_t count,
                                                 struct cairn_buffer *blob);
/* Rows first_row …: row i has links[first[i] … first[i + 1]), of which the first CAIRN_GRAPH_INLINE_LINKS are stored. */
CAIRN_MUST_CHECK bool cairn_graph_encode_links(struct cairn_graph_codec *codec, bool labelled,
                                               uint32_t first_row, size_t rows, const uint32_t *first,
                                               const struct cairn_link *links, struct cairn_buffer *blob);
CAIRN_MUST_CHECK bool cairn_graph_encode_part(struct cairn_graph_codec *codec, bool labelled, uint32_t row,
                                              const struct cairn_link *links, size_t count,
                                              struct cairn_buffer *blob);
CAIRN_MUST_CHECK bool cairn_graph_encode_strings(struct cairn_graph_codec *codec, const char *const *strings,
                                                 size_t count, struct cairn_buffer *blob);
CAIRN_MUST_CHECK bool cairn_graph_encode_keys(struct cairn_graph_codec *codec,
                                              const struct cairn_graph_key *keys, size_t count,
                                              struct cairn_buffer *blob);

/* --- Decoding: CAIRN_E_FORMAT for anything that does not hold together or leads out of `info`. --- */

/* Exactly `count` objects, the first one with number `first`. */
CAIRN_MUST_CHECK enum cairn_status cairn_graph_decode_objects(struct cairn_graph_codec *codec,
                                                              const struct cairn_graph_info *info,
                                                              const void *blob, size_t size, uint32_t first,
                                                              struct cairn_object *objects, size_t count);

/* A chunk's rows: row i has `total[i]` links, of which links[first[i] … first[i + 1]) are here. */
struct cairn_graph_rows {
    uint32_t total[CAIRN_GRAPH_CHUNK_ROWS];
    uint32_t first[CAIRN_GRAPH_CHUNK_ROWS + 1];
    struct cairn_link *links; /* owned by the caller: free() */
};
CAIRN_MUST_CHECK enum cairn_status cairn_graph_decode_links(struct cairn_graph_codec *codec,
                                                            const struct cairn_graph_info *info,
                                                            bool labelled, const void *blob, size_t size,
                                                            uint32_t first_row, size_t rows,
                                                            struct cairn_graph_rows *decoded);
/* Exactly `count` links. */
CAIRN_MUST_CHECK enum cairn_status cairn_graph_decode_part(struct cairn_graph_codec *codec,
                                                           const struct cairn_graph_info *info, bool labelled,
                                                           const void *blob, size_t size, uint32_t row,
                                                           struct cairn_link *links, size_t count);
/* Exactly `count` strings, one behind the other in `*bytes` and not terminated: string i is bytes ends[i - 1] … ends[i].
 * `*bytes` is borrowed from the codec until its next use. */
CAIRN_MUST_CHECK enum cairn_status cairn_graph_decode_strings(struct cairn_graph_codec *codec,
                                                              const void *blob, size_t size, size_t count,
                                                              uint32_t *ends, const char **bytes);
/* At most CAIRN_GRAPH_PART_KEYS. The caller frees `*keys`. */
CAIRN_MUST_CHECK enum cairn_status cairn_graph_decode_keys(struct cairn_graph_codec *codec,
                                                           const struct cairn_graph_info *info,
                                                           const void *blob, size_t size,
                                                           struct cairn_graph_key **keys, size_t *count);

#endif
