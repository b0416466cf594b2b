#include "trace/graph_shelf.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "trace/graph_codec.h"
#include "trace/graph_shelf_private.h"

struct cairn_graph_shelf *cairn_graph_shelf_new(uint32_t graph)
{
    struct cairn_graph_shelf *shelf = calloc(1, sizeof *shelf);
    if (shelf) {
        shelf->graph = graph;
    }
    return shelf;
}

void cairn_graph_shelf_free(struct cairn_graph_shelf *shelf)
{
    if (!shelf) {
        return;
    }
    while (shelf->first) {
        struct cairn_shelved *next = shelf->first->next;
        free(shelf->first);
        shelf->first = next;
    }
    cairn_graph_codec_release(&shelf->codec);
    cairn_buffer_release(&shelf->blob);
    free(shelf);
}

/* Adds the BLOB that was just encoded, which `row` tells of. */
static bool add(struct cairn_graph_shelf *shelf, bool encoded, const struct cairn_shelved *row)
{
    struct cairn_shelved *added = encoded ? malloc(sizeof *added + shelf->blob.length) : NULL;
    if (!added) {
        return false;
    }
    *added = *row;
    added->next = NULL;
    added->length = shelf->blob.length;
    memcpy(added->data, shelf->blob.data, shelf->blob.length);
    if (shelf->first) {
        shelf->last->next = added;
    } else {
        shelf->first = added;
    }
    shelf->last = added;
    return true;
}

bool cairn_graph_shelve_objects(struct cairn_graph_shelf *shelf, uint32_t chunk,
                                const struct cairn_object *objects, size_t count)
{
    const struct cairn_shelved row = {
        .kind = CAIRN_SHELVED_OBJECTS, .number = chunk, .first_address = objects[0].address};
    return add(shelf, cairn_graph_encode_objects(&shelf->codec, objects, count, &shelf->blob), &row);
}

/* What of a list stands in rows of its own. */
static bool add_parts(struct cairn_graph_shelf *shelf, enum cairn_graph_links kind, uint32_t list,
                      const struct cairn_link *links, size_t count)
{
    struct cairn_shelved row = {.kind = CAIRN_SHELVED_PART, .links = kind, .number = list};
    bool good = true;
    for (size_t from = CAIRN_GRAPH_INLINE_LINKS; good && from < count; from += CAIRN_GRAPH_PART_LINKS) {
        const size_t left = count - from;
        const size_t part = left < CAIRN_GRAPH_PART_LINKS ? left : CAIRN_GRAPH_PART_LINKS;
        good = add(shelf,
                   cairn_graph_encode_part(&shelf->codec, cairn_links_have_labels(kind), list, links + from,
                                           part, &shelf->blob),
                   &row);
        row.part++;
    }
    return good;
}

bool cairn_graph_shelve_links(struct cairn_graph_shelf *shelf, enum cairn_graph_links kind, uint32_t chunk,
                              const uint32_t *first, size_t lists, const struct cairn_link *links)
{
    const struct cairn_shelved row = {.kind = CAIRN_SHELVED_LINKS, .links = kind, .number = chunk};
    const uint32_t first_list = chunk * CAIRN_GRAPH_CHUNK_ROWS;
    bool good = add(shelf,
                    cairn_graph_encode_links(&shelf->codec, cairn_links_have_labels(kind), first_list, lists,
                                             first, links, &shelf->blob),
                    &row);
    for (size_t i = 0; good && i < lists; i++) {
        good = add_parts(shelf, kind, first_list + (uint32_t)i, links + first[i], first[i + 1] - first[i]);
    }
    return good;
}

bool cairn_graph_shelve_strings(struct cairn_graph_shelf *shelf, uint32_t chunk, const char *const *strings,
                                size_t count)
{
    const struct cairn_shelved row = {.kind = CAIRN_SHELVED_STRINGS, .number = chunk};
    return add(shelf, cairn_graph_encode_strings(&shelf->codec, strings, count, &shelf->blob), &row);
}

bool cairn_graph_shelve_keys(struct cairn_graph_shelf *shelf, uint32_t chunk,
                             const struct cairn_graph_key *keys, size_t count)
{
    const struct cairn_shelved row = {.kind = CAIRN_SHELVED_KEYS, .number = chunk};
    return add(shelf, cairn_graph_encode_keys(&shelf->codec, keys, count, &shelf->blob), &row);
}
