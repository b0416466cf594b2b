/* Chunks of objects: column after column, each value a varint. */
#include "trace/graph_blob.h"

#define LARGEST_SIZE (UINT64_C(1) << 62) /* sums of a few sizes stay in 64 bits */

enum column {
    ADDRESS,
    SHALLOW,
    BLOCK,
    SERIAL,
    ACCOUNT,
    TYPE,
    LABEL,
    KIND,
    RETAINED,
    DOMINATOR,
    PARENT,
    PARENT_EDGE,
    ROOT,
    CYCLE,
    REFERENTS,
    REFERRERS,
    COLUMN_COUNT
};

static uint64_t distance(uint32_t to, uint32_t from)
{
    return cairn_zigzag((int64_t)to - (int64_t)from);
}

/* The number `away` leads to from `from`; false when it is below 0 or not below `limit`. */
static bool go(uint32_t from, uint64_t away, uint32_t limit, uint32_t *to)
{
    const int64_t step = cairn_unzigzag(away);
    if (step < -(int64_t)UINT32_MAX || step > (int64_t)UINT32_MAX || (int64_t)from + step < 0 ||
        (int64_t)from + step >= (int64_t)limit) {
        return false;
    }
    *to = (uint32_t)((int64_t)from + step);
    return true;
}

static uint64_t serial_base(const struct cairn_object *before)
{
    return before->serial == CAIRN_NO_SERIAL ? 0 : before->serial;
}

static uint64_t value_of(enum column column, const struct cairn_object *object,
                         const struct cairn_object *before)
{
    switch (column) {
    case ADDRESS:
        return object->address - before->address;
    case SHALLOW:
        return object->shallow_bytes;
    case BLOCK:
        return object->block_bytes;
    case SERIAL:
        return object->serial == CAIRN_NO_SERIAL
                   ? 0
                   : cairn_zigzag((int64_t)(object->serial - serial_base(before))) + 1;
    case ACCOUNT:
        return object->account;
    case TYPE:
        return object->type;
    case LABEL:
        return object->label;
    case KIND:
        return (uint64_t)object->lang | (uint64_t)object->class << 1 | (uint64_t)object->flags << 3;
    case RETAINED:
        return object->retained_bytes - object->shallow_bytes;
    case DOMINATOR:
        return object->dominator == CAIRN_DOMINATED_BY_ROOTS ? 0
               : object->dominator == CAIRN_DOMINATED_BY_GARBAGE
                   ? 1
                   : distance(object->dominator, object->id) + 2;
    case PARENT:
        return object->parent == CAIRN_NO_OBJECT ? 0 : distance(object->parent, object->id) + 1;
    case PARENT_EDGE:
        return object->parent == CAIRN_NO_OBJECT
                   ? 0
                   : (uint64_t)object->parent_label << 2 | object->parent_confidence;
    case ROOT:
        return object->root;
    case CYCLE:
        return object->cycle;
    case REFERENTS:
        return object->referents;
    default:
        return object->referrers;
    }
}

static bool take_number(uint64_t value, uint64_t limit, uint32_t *out)
{
    *out = (uint32_t)value;
    return value < limit;
}

static bool take_parent_edge(uint64_t value, const struct cairn_graph_info *info, struct cairn_object *object)
{
    object->parent_confidence = value & 3;
    object->parent_label = (uint32_t)(value >> 2);
    return value >> 2 <= UINT32_MAX && (CAIRN_LABEL_IS_INDEX(object->parent_label) ||
                                        CAIRN_LABEL_NUMBER(object->parent_label) < info->strings ||
                                        object->parent_label == CAIRN_LABEL_NONE);
}

static bool take_dominator(uint64_t value, const struct cairn_graph_info *info, struct cairn_object *object)
{
    if (value < 2) {
        object->dominator = value == 0 ? CAIRN_DOMINATED_BY_ROOTS : CAIRN_DOMINATED_BY_GARBAGE;
        return true;
    }
    return go(object->id, value - 2, info->objects, &object->dominator);
}

static bool take_serial(uint64_t value, const struct cairn_object *before, struct cairn_object *object)
{
    object->serial = value == 0 ? CAIRN_NO_SERIAL : serial_base(before) + (uint64_t)cairn_unzigzag(value - 1);
    return value == 0 || object->serial < LARGEST_SIZE;
}

static bool take_kind(uint64_t value, struct cairn_object *object)
{
    object->lang = value & 1;
    object->class = value >> 1 & 3;
    object->flags = (uint8_t)(value >> 3);
    return value <= UINT8_MAX && object->class < CAIRN_OBJECT_CLASSES;
}

static bool take(enum column column, uint64_t value, const struct cairn_graph_info *info,
                 const struct cairn_object *before, struct cairn_object *object)
{
    switch (column) {
    case ADDRESS:
        object->address = before->address + value;
        return value <= UINT64_MAX - before->address;
    case SHALLOW:
        object->shallow_bytes = value;
        return value < LARGEST_SIZE;
    case BLOCK:
        object->block_bytes = value;
        return value < LARGEST_SIZE;
    case SERIAL:
        return take_serial(value, before, object);
    case ACCOUNT:
        return take_number(value, (uint64_t)info->accounts + 1, &object->account);
    case TYPE:
        return take_number(value, info->types, &object->type);
    case LABEL:
        return take_number(value, info->strings, &object->label);
    case KIND:
        return take_kind(value, object);
    case RETAINED:
        object->retained_bytes = object->shallow_bytes + value;
        return value < LARGEST_SIZE;
    case DOMINATOR:
        return take_dominator(value, info, object);
    case PARENT:
        object->parent = CAIRN_NO_OBJECT;
        return value == 0 || go(object->id, value - 1, info->objects, &object->parent);
    case PARENT_EDGE:
        return take_parent_edge(value, info, object);
    case ROOT:
        return take_number(value, (uint64_t)info->roots + 1, &object->root);
    case CYCLE:
        return take_number(value, (uint64_t)info->cycles + 1, &object->cycle);
    case REFERENTS:
        return take_number(value, (uint64_t)info->edges + 1, &object->referents);
    default:
        return take_number(value, (uint64_t)info->edges + 1, &object->referrers);
    }
}

static const struct cairn_object before_first = {.serial = CAIRN_NO_SERIAL};

bool cairn_graph_encode_objects(struct cairn_graph_codec *codec, const struct cairn_object *objects,
                                size_t count, struct cairn_buffer *blob)
{
    uint8_t *at = cairn_graph_raw(codec, count * COLUMN_COUNT * CAIRN_VARINT_MAX_BYTES + 1);
    if (!at) {
        return false;
    }
    for (enum column column = 0; column < COLUMN_COUNT; column++) {
        const struct cairn_object *before = &before_first;
        for (size_t i = 0; i < count; i++) {
            at = cairn_varint_write(at, value_of(column, &objects[i], before));
            before = &objects[i];
        }
    }
    return cairn_graph_pack(codec, at, blob);
}

enum cairn_status cairn_graph_decode_objects(struct cairn_graph_codec *codec,
                                             const struct cairn_graph_info *info, const void *blob,
                                             size_t size, uint32_t first, struct cairn_object *objects,
                                             size_t count)
{
    struct cairn_varint_reader reader;
    const size_t most = CAIRN_GRAPH_CHUNK_ROWS * COLUMN_COUNT * CAIRN_VARINT_MAX_BYTES;
    const enum cairn_status status = cairn_graph_unpack(codec, blob, size, most, &reader);
    if (status != CAIRN_OK) {
        return status;
    }
    for (enum column column = 0; column < COLUMN_COUNT; column++) {
        const struct cairn_object *before = &before_first;
        for (size_t i = 0; i < count; i++) {
            uint64_t value;
            objects[i].id = first + (uint32_t)i;
            if (!cairn_varint_read(&reader, &value) || !take(column, value, info, before, &objects[i])) {
                return CAIRN_E_FORMAT;
            }
            before = &objects[i];
        }
    }
    return reader.at == reader.end ? CAIRN_OK : CAIRN_E_FORMAT;
}
