/* Lists of objects: how long each is, then a column of objects, and of labels and confidences where lists have them. */
#include <stdlib.h>

#include "trace/graph_blob.h"

#define LINK_MOST_BYTES (2u * 5u + 1u) /* differences of 32-bit numbers take 33 bits */

static size_t inlined(uint64_t total)
{
    return total < CAIRN_GRAPH_INLINE_LINKS ? (size_t)total : CAIRN_GRAPH_INLINE_LINKS;
}

/* Differences to the link before; the first to the list's own number, which is often near. */
static uint8_t *write_objects(uint8_t *at, uint32_t row, const struct cairn_link *links, size_t count)
{
    int64_t last = row;
    for (size_t i = 0; i < count; i++) {
        at = cairn_varint_write(at, cairn_zigzag((int64_t)links[i].object - last));
        last = links[i].object;
    }
    return at;
}

static uint8_t *write_labels(uint8_t *at, const struct cairn_link *links, size_t count)
{
    int64_t last = 0;
    for (size_t i = 0; i < count; i++) {
        at = cairn_varint_write(at, cairn_zigzag((int64_t)links[i].label - last));
        last = links[i].label;
    }
    return at;
}

static uint8_t *write_confidences(uint8_t *at, const struct cairn_link *links, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        *at++ = links[i].confidence;
    }
    return at;
}

static bool step(struct cairn_varint_reader *reader, int64_t *last, uint64_t limit)
{
    uint64_t value;
    if (!cairn_varint_read(reader, &value)) {
        return false;
    }
    const int64_t away = cairn_unzigzag(value);
    if (away < -(int64_t)UINT32_MAX || away > (int64_t)UINT32_MAX) {
        return false;
    }
    *last += away;
    return *last >= 0 && *last < (int64_t)limit;
}

static bool read_objects(struct cairn_varint_reader *reader, const struct cairn_graph_info *info,
                         uint32_t row, struct cairn_link *links, size_t count)
{
    int64_t last = row;
    for (size_t i = 0; i < count; i++) {
        if (!step(reader, &last, info->objects)) {
            return false;
        }
        links[i] = (struct cairn_link){.object = (uint32_t)last};
    }
    return true;
}

static bool read_labels(struct cairn_varint_reader *reader, const struct cairn_graph_info *info,
                        struct cairn_link *links, size_t count)
{
    int64_t last = 0;
    for (size_t i = 0; i < count; i++) {
        if (!step(reader, &last, (uint64_t)UINT32_MAX + 1)) {
            return false;
        }
        links[i].label = (uint32_t)last;
        if (!CAIRN_LABEL_IS_INDEX(links[i].label) && links[i].label != CAIRN_LABEL_NONE &&
            CAIRN_LABEL_NUMBER(links[i].label) >= info->strings) {
            return false;
        }
    }
    return true;
}

static bool read_confidences(struct cairn_varint_reader *reader, struct cairn_link *links, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (reader->at == reader->end || *reader->at > CAIRN_EDGE_WEAK) {
            return false;
        }
        links[i].confidence = *reader->at++;
    }
    return true;
}

bool cairn_graph_encode_part(struct cairn_graph_codec *codec, bool labelled, uint32_t row,
                             const struct cairn_link *links, size_t count, struct cairn_buffer *blob)
{
    uint8_t *at = cairn_graph_raw(codec, count * LINK_MOST_BYTES + 1);
    if (!at) {
        return false;
    }
    at = write_objects(at, row, links, count);
    if (labelled) {
        at = write_confidences(write_labels(at, links, count), links, count);
    }
    return cairn_graph_pack(codec, at, blob);
}

enum cairn_status cairn_graph_decode_part(struct cairn_graph_codec *codec,
                                          const struct cairn_graph_info *info, bool labelled,
                                          const void *blob, size_t size, uint32_t row,
                                          struct cairn_link *links, size_t count)
{
    struct cairn_varint_reader reader;
    const enum cairn_status status =
        cairn_graph_unpack(codec, blob, size, CAIRN_GRAPH_PART_LINKS * LINK_MOST_BYTES, &reader);
    if (status != CAIRN_OK) {
        return status;
    }
    const bool whole =
        read_objects(&reader, info, row, links, count) &&
        (!labelled || (read_labels(&reader, info, links, count) && read_confidences(&reader, links, count)));
    return whole && reader.at == reader.end ? CAIRN_OK : CAIRN_E_FORMAT;
}

bool cairn_graph_encode_links(struct cairn_graph_codec *codec, bool labelled, uint32_t first_row, size_t rows,
                              const uint32_t *first, const struct cairn_link *links,
                              struct cairn_buffer *blob)
{
    size_t all = 0;
    for (size_t i = 0; i < rows; i++) {
        all += inlined(first[i + 1] - first[i]);
    }
    uint8_t *at = cairn_graph_raw(codec, rows * CAIRN_VARINT_MAX_BYTES + all * LINK_MOST_BYTES + 1);
    if (!at) {
        return false;
    }
    for (size_t i = 0; i < rows; i++) {
        at = cairn_varint_write(at, first[i + 1] - first[i]);
    }
    for (size_t i = 0; i < rows; i++) {
        at = write_objects(at, first_row + (uint32_t)i, links + first[i], inlined(first[i + 1] - first[i]));
    }
    for (size_t i = 0; labelled && i < rows; i++) {
        at = write_labels(at, links + first[i], inlined(first[i + 1] - first[i]));
    }
    for (size_t i = 0; labelled && i < rows; i++) {
        at = write_confidences(at, links + first[i], inlined(first[i + 1] - first[i]));
    }
    return cairn_graph_pack(codec, at, blob);
}

static bool read_rows(struct cairn_varint_reader *reader, const struct cairn_graph_info *info, bool labelled,
                      uint32_t first_row, size_t rows, struct cairn_graph_rows *decoded)
{
    bool whole = true;
    for (size_t i = 0; whole && i < rows; i++) {
        whole = read_objects(reader, info, first_row + (uint32_t)i, decoded->links + decoded->first[i],
                             decoded->first[i + 1] - decoded->first[i]);
    }
    for (size_t i = 0; whole && labelled && i < rows; i++) {
        whole = read_labels(reader, info, decoded->links + decoded->first[i],
                            decoded->first[i + 1] - decoded->first[i]);
    }
    for (size_t i = 0; whole && labelled && i < rows; i++) {
        whole = read_confidences(reader, decoded->links + decoded->first[i],
                                 decoded->first[i + 1] - decoded->first[i]);
    }
    return whole && reader->at == reader->end;
}

enum cairn_status cairn_graph_decode_links(struct cairn_graph_codec *codec,
                                           const struct cairn_graph_info *info, bool labelled,
                                           const void *blob, size_t size, uint32_t first_row, size_t rows,
                                           struct cairn_graph_rows *decoded)
{
    struct cairn_varint_reader reader;
    const size_t most = CAIRN_GRAPH_CHUNK_ROWS *
                        (CAIRN_VARINT_MAX_BYTES + (size_t)CAIRN_GRAPH_INLINE_LINKS * LINK_MOST_BYTES);
    const enum cairn_status status = cairn_graph_unpack(codec, blob, size, most, &reader);
    if (status != CAIRN_OK) {
        return status;
    }
    /* A list of objects is at most as long as all of them, one of edges as all edges. */
    const uint64_t longest = labelled ? info->edges : info->objects;
    uint32_t here = 0;
    for (size_t i = 0; i < rows; i++) {
        uint64_t total;
        if (!cairn_varint_read(&reader, &total) || total > longest) {
            return CAIRN_E_FORMAT;
        }
        decoded->total[i] = (uint32_t)total;
        decoded->first[i] = here;
        here += (uint32_t)inlined(total);
    }
    decoded->first[rows] = here;
    /* Each link takes a byte at least: the claim is held against what is there before memory is taken for it. */
    if (here > (size_t)(reader.end - reader.at)) {
        return CAIRN_E_FORMAT;
    }
    decoded->links = malloc((here + 1) * sizeof *decoded->links);
    if (!decoded->links) {
        return CAIRN_E_NOMEM;
    }
    if (!read_rows(&reader, info, labelled, first_row, rows, decoded)) {
        free(decoded->links);
        decoded->links = NULL;
        return CAIRN_E_FORMAT;
    }
    return CAIRN_OK;
}
