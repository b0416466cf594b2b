/* BLOBs of object graphs. The first bytes choose the decoder and what the graph is said to hold; from 128 on the rest is what
 * a BLOB holds, and is packed here: by chance nothing would be a frame of zstd's. */
#include <stdlib.h>

#include "input.h"
#include "trace/graph_blob.h"

#define OBJECTS 64u
#define PACKED  0x80u

static void objects(struct cairn_graph_codec *codec, const struct cairn_graph_info *info, struct input *input)
{
    static struct cairn_object decoded[OBJECTS];
    const size_t count = info->objects < OBJECTS ? info->objects : OBJECTS;
    if (cairn_graph_decode_objects(codec, info, input->at, input->left, 0, decoded, count) == CAIRN_OK) {
        for (size_t i = 0; i < count; i++) {
            INVARIANT(decoded[i].parent == CAIRN_NO_OBJECT || decoded[i].parent < info->objects);
            INVARIANT(decoded[i].type < info->types && decoded[i].account <= info->accounts);
            INVARIANT(decoded[i].root <= info->roots && decoded[i].cycle <= info->cycles);
            INVARIANT(decoded[i].class < CAIRN_OBJECT_CLASSES);
        }
    }
}

static void links(struct cairn_graph_codec *codec, const struct cairn_graph_info *info, struct input *input,
                  bool labelled)
{
    struct cairn_graph_rows *rows = calloc(1, sizeof(*rows));
    const size_t count = info->objects < OBJECTS ? info->objects : OBJECTS;
    if (rows &&
        cairn_graph_decode_links(codec, info, labelled, input->at, input->left, 0, count, rows) == CAIRN_OK) {
        for (size_t i = 0; i < rows->first[count]; i++) {
            INVARIANT(rows->links[i].object < info->objects);
        }
        free(rows->links);
    }
    free(rows);
}

/* The rest of the input becomes a BLOB around itself. */
static void pack(struct input *input)
{
    static struct cairn_graph_codec codec;
    static struct cairn_buffer blob;
    uint8_t *raw = cairn_graph_raw(&codec, input->left + 1);
    if (!raw) {
        return;
    }
    memcpy(raw, input->at, input->left);
    if (cairn_graph_pack(&codec, raw + input->left, &blob)) {
        *input = (struct input){.at = (const uint8_t *)blob.data, .left = blob.length};
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cairn_graph_codec codec;
    struct input input = {.at = data, .left = size};
    const uint64_t choice = input_number(&input, 1);
    const struct cairn_graph_info info = {
        .objects = (uint32_t)input_number(&input, 1) + 1,
        .roots = (uint32_t)input_number(&input, 1),
        .types = (uint32_t)input_number(&input, 1) + 1,
        .strings = (uint32_t)input_number(&input, 1) + 1,
        .cycles = (uint32_t)input_number(&input, 1),
        .accounts = (uint32_t)input_number(&input, 1),
    };
    if (choice & PACKED) {
        pack(&input);
    }
    static struct cairn_link part[OBJECTS];
    struct cairn_graph_key *keys = NULL;
    uint32_t ends[OBJECTS];
    const char *bytes;
    size_t count = 0;
    switch (choice % 6) {
    case 0:
        objects(&codec, &info, &input);
        break;
    case 1:
    case 2:
        links(&codec, &info, &input, choice % 6 == 1);
        break;
    case 3:
        count = info.roots % OBJECTS;
        if (cairn_graph_decode_part(&codec, &info, choice & 0x40, input.at, input.left, 0, part, count) ==
            CAIRN_OK) {
            for (size_t i = 0; i < count; i++) {
                INVARIANT(part[i].object < info.objects);
            }
        }
        break;
    case 4:
        count = info.strings < OBJECTS ? info.strings : OBJECTS;
        if (cairn_graph_decode_strings(&codec, input.at, input.left, count, ends, &bytes) == CAIRN_OK) {
            for (size_t i = 1; i < count; i++) {
                INVARIANT(ends[i] >= ends[i - 1]);
            }
        }
        break;
    default:
        if (cairn_graph_decode_keys(&codec, &info, input.at, input.left, &keys, &count) == CAIRN_OK) {
            INVARIANT(count <= CAIRN_GRAPH_PART_KEYS);
            free(keys);
        }
        break;
    }
    return 0;
}
