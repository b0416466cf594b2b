/* The frame around every BLOB of an object graph: version, size, zstd. Internal to trace. */
#ifndef CAIRN_TRACE_GRAPH_BLOB_H
#define CAIRN_TRACE_GRAPH_BLOB_H

#include "trace/graph_codec.h"
#include "trace/varint.h"

/* Room for `most` bytes to write; NULL when memory ran out. */
uint8_t *cairn_graph_raw(struct cairn_graph_codec *codec, size_t most);
/* What was written there up to `end`, as a BLOB; false when memory ran out. */
CAIRN_MUST_CHECK bool cairn_graph_pack(struct cairn_graph_codec *codec, const uint8_t *end,
                                       struct cairn_buffer *blob);
/* The bytes of a BLOB, at most `most`; they stay until the codec's next use. */
CAIRN_MUST_CHECK enum cairn_status cairn_graph_unpack(struct cairn_graph_codec *codec, const void *blob,
                                                      size_t size, size_t most,
                                                      struct cairn_varint_reader *reader);

#endif
