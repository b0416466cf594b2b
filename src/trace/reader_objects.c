#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "trace/reader_graph.h"

static uint32_t rows_in(uint32_t all, uint32_t chunk)
{
    const uint32_t first = chunk * CAIRN_GRAPH_CHUNK_ROWS;
    return all - first < CAIRN_GRAPH_CHUNK_ROWS ? all - first : CAIRN_GRAPH_CHUNK_ROWS;
}

static enum cairn_status load_objects(struct cairn_graph *graph, uint32_t chunk, struct cairn_object *objects,
                                      struct cairn_error *error)
{
    struct cairn_cursor cursor;
    cairn_cursor_open(&cursor, graph->trace, NULL, "objects of an object graph",
                      "SELECT data FROM graph_object WHERE graph = ?1 AND chunk = ?2", error);
    cairn_cursor_bind(&cursor, 1, graph->info.graph);
    cairn_cursor_bind(&cursor, 2, chunk);
    if (cairn_cursor_next(&cursor)) {
        size_t size;
        const void *blob = cairn_cursor_blob(&cursor, 0, &size);
        const enum cairn_status decoded = cairn_graph_decode_objects(&graph->codec, &graph->info, blob, size,
                                                                     chunk * CAIRN_GRAPH_CHUNK_ROWS, objects,
                                                                     rows_in(graph->info.objects, chunk));
        if (decoded != CAIRN_OK && cursor.status == CAIRN_OK) {
            cursor.status = cairn_graph_undecoded(graph, decoded, error);
        }
    } else {
        cairn_cursor_damaged(&cursor);
    }
    return cairn_cursor_close(&cursor);
}

/* Borrowed until the next chunk is asked for. */
static enum cairn_status chunk_of_objects(struct cairn_graph *graph, uint32_t chunk,
                                          const struct cairn_object **objects, struct cairn_error *error)
{
    struct cairn_object *found = cairn_lru_get(graph->objects, chunk);
    if (!found) {
        const size_t bytes = rows_in(graph->info.objects, chunk) * sizeof *found;
        found = malloc(bytes);
        if (!found) {
            return cairn_reader_no_memory(graph->trace, error);
        }
        const enum cairn_status status = load_objects(graph, chunk, found, error);
        if (status != CAIRN_OK) {
            free(found);
            return status;
        }
        if (cairn_lru_put(graph->objects, chunk, found, bytes) != 0) {
            return cairn_reader_no_memory(graph->trace, error);
        }
    }
    *objects = found;
    return CAIRN_OK;
}

enum cairn_status cairn_graph_object(struct cairn_graph *graph, uint32_t id, struct cairn_object *object,
                                     struct cairn_error *error)
{
    if (id >= graph->info.objects) {
        return cairn_fail(error, CAIRN_E_NOT_FOUND,
                          "there is no object %" PRIu32 " in graph %" PRIu32 ": it holds 0 to %" PRIu32, id,
                          graph->info.graph, graph->info.objects - 1);
    }
    const struct cairn_object *objects = NULL;
    const enum cairn_status status = chunk_of_objects(graph, id / CAIRN_GRAPH_CHUNK_ROWS, &objects, error);
    if (status == CAIRN_OK) {
        *object = objects[id % CAIRN_GRAPH_CHUNK_ROWS];
    }
    return status;
}

/* The last chunk whose first address is not above `address`; the number of chunks when there is none. */
static enum cairn_status find_chunk(struct cairn_graph *graph, uint64_t address, uint32_t *chunk,
                                    struct cairn_error *error)
{
    const uint32_t chunks =
        graph->info.objects / CAIRN_GRAPH_CHUNK_ROWS + (graph->info.objects % CAIRN_GRAPH_CHUNK_ROWS != 0);
    uint32_t low = 0, high = chunks; /* the first chunk that begins above it is in [low, high] */
    struct cairn_cursor cursor;
    cairn_cursor_open(&cursor, graph->trace, NULL, "objects of an object graph",
                      "SELECT first_address FROM graph_object WHERE graph = ?1 AND chunk = ?2", error);
    while (low < high && cursor.status == CAIRN_OK) {
        const uint32_t middle = low + (high - low) / 2;
        cairn_cursor_rewind(&cursor);
        cairn_cursor_bind(&cursor, 1, graph->info.graph);
        cairn_cursor_bind(&cursor, 2, middle);
        if (!cairn_cursor_next(&cursor)) {
            cairn_cursor_damaged(&cursor);
        } else if ((uint64_t)cairn_cursor_int(&cursor, 0) <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *chunk = low == 0 ? chunks : low - 1;
    return cairn_cursor_close(&cursor);
}

enum cairn_status cairn_graph_find(struct cairn_graph *graph, uint64_t address, uint32_t *id,
                                   struct cairn_error *error)
{
    uint32_t chunk;
    const struct cairn_object *objects = NULL;
    enum cairn_status status = find_chunk(graph, address, &chunk, error);
    const uint32_t count =
        status == CAIRN_OK && (uint64_t)chunk * CAIRN_GRAPH_CHUNK_ROWS < graph->info.objects
            ? rows_in(graph->info.objects, chunk)
            : 0;
    if (count > 0) {
        status = chunk_of_objects(graph, chunk, &objects, error);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    /* Of several that begin at one address, the last is the innermost that was captured there. */
    uint32_t low = 0, high = count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (objects[middle].address <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0 || (address != objects[low - 1].address &&
                     address - objects[low - 1].address >= objects[low - 1].shallow_bytes)) {
        return cairn_fail(error, CAIRN_E_NOT_FOUND, "no object of graph %" PRIu32 " is at 0x%" PRIx64,
                          graph->info.graph, address);
    }
    *id = objects[low - 1].id;
    return CAIRN_OK;
}

void cairn_graph_free_rows(void *value)
{
    struct cairn_graph_rows *rows = value;
    free(rows->links);
    free(rows);
}

static uint64_t list_count(const struct cairn_graph *graph, enum cairn_graph_links kind)
{
    const uint64_t counts[CAIRN_LINKS_KINDS] = {
        [CAIRN_LINKS_REFERENTS] = graph->info.objects,
        [CAIRN_LINKS_REFERRERS] = graph->info.objects,
        [CAIRN_LINKS_DOMINATED] = (uint64_t)graph->info.objects + 2,
        [CAIRN_LINKS_TYPES] = graph->info.types,
        [CAIRN_LINKS_CYCLES] = graph->info.cycles,
        [CAIRN_LINKS_ACCOUNTS] = graph->info.accounts,
        [CAIRN_LINKS_LEAKS] = 2,
    };
    return counts[kind];
}

static enum cairn_status load_rows(struct cairn_graph *graph, enum cairn_graph_links kind, uint32_t chunk,
                                   struct cairn_graph_rows *rows, struct cairn_error *error)
{
    struct cairn_cursor cursor;
    cairn_cursor_open(&cursor, graph->trace, NULL, "lists of an object graph",
                      "SELECT data FROM graph_links WHERE graph = ?1 AND kind = ?2 AND chunk = ?3", error);
    cairn_cursor_bind(&cursor, 1, graph->info.graph);
    cairn_cursor_bind(&cursor, 2, kind);
    cairn_cursor_bind(&cursor, 3, chunk);
    if (cairn_cursor_next(&cursor)) {
        size_t size;
        const void *blob = cairn_cursor_blob(&cursor, 0, &size);
        const enum cairn_status decoded = cairn_graph_decode_links(
            &graph->codec, &graph->info, cairn_links_have_labels(kind), blob, size,
            chunk * CAIRN_GRAPH_CHUNK_ROWS, rows_in((uint32_t)list_count(graph, kind), chunk), rows);
        if (decoded != CAIRN_OK && cursor.status == CAIRN_OK) {
            cursor.status = cairn_graph_undecoded(graph, decoded, error);
        }
    } else {
        cairn_cursor_damaged(&cursor);
    }
    return cairn_cursor_close(&cursor);
}

/* Borrowed until the next chunk of lists is asked for. */
static enum cairn_status chunk_of_rows(struct cairn_graph *graph, enum cairn_graph_links kind, uint32_t chunk,
                                       const struct cairn_graph_rows **rows, struct cairn_error *error)
{
    const uint64_t key = (uint64_t)kind << 32 | chunk;
    struct cairn_graph_rows *found = cairn_lru_get(graph->rows, key);
    if (!found) {
        found = calloc(1, sizeof *found);
        if (!found) {
            return cairn_reader_no_memory(graph->trace, error);
        }
        const enum cairn_status status = load_rows(graph, kind, chunk, found, error);
        if (status != CAIRN_OK) {
            cairn_graph_free_rows(found);
            return status;
        }
        const uint32_t rows_here = rows_in((uint32_t)list_count(graph, kind), chunk);
        if (cairn_lru_put(graph->rows, key, found,
                          sizeof *found + found->first[rows_here] * sizeof *found->links) != 0) {
            return cairn_reader_no_memory(graph->trace, error);
        }
    }
    *rows = found;
    return CAIRN_OK;
}

static enum cairn_status load_part(struct cairn_graph *graph, enum cairn_graph_links kind, uint32_t list,
                                   uint32_t part, struct cairn_link *links, size_t count,
                                   struct cairn_error *error)
{
    struct cairn_cursor cursor;
    cairn_cursor_open(
        &cursor, graph->trace, NULL, "lists of an object graph",
        "SELECT data FROM graph_part WHERE graph = ?1 AND kind = ?2 AND list = ?3 AND part = ?4", error);
    cairn_cursor_bind(&cursor, 1, graph->info.graph);
    cairn_cursor_bind(&cursor, 2, kind);
    cairn_cursor_bind(&cursor, 3, list);
    cairn_cursor_bind(&cursor, 4, part);
    if (cairn_cursor_next(&cursor)) {
        size_t size;
        const void *blob = cairn_cursor_blob(&cursor, 0, &size);
        const enum cairn_status decoded = cairn_graph_decode_part(
            &graph->codec, &graph->info, cairn_links_have_labels(kind), blob, size, list, links, count);
        if (decoded != CAIRN_OK && cursor.status == CAIRN_OK) {
            cursor.status = cairn_graph_undecoded(graph, decoded, error);
        }
    } else {
        cairn_cursor_damaged(&cursor);
    }
    return cairn_cursor_close(&cursor);
}

/* Part `part` of a list of `total` links. Borrowed until the next part is asked for. */
static enum cairn_status part_of(struct cairn_graph *graph, enum cairn_graph_links kind, uint32_t list,
                                 uint32_t part, size_t total, const struct cairn_link **links, size_t *count,
                                 struct cairn_error *error)
{
    /* Kind, list and part would need more bits than a key has: parts number at most 2^20. */
    const uint64_t key = (uint64_t)kind << 60 | (uint64_t)part << 32 | list;
    const size_t left = total - CAIRN_GRAPH_INLINE_LINKS - (size_t)part * CAIRN_GRAPH_PART_LINKS;
    *count = left < CAIRN_GRAPH_PART_LINKS ? left : CAIRN_GRAPH_PART_LINKS;
    struct cairn_link *found = cairn_lru_get(graph->parts, key);
    if (!found) {
        found = malloc(*count * sizeof *found);
        if (!found) {
            return cairn_reader_no_memory(graph->trace, error);
        }
        const enum cairn_status status = load_part(graph, kind, list, part, found, *count, error);
        if (status != CAIRN_OK) {
            free(found);
            return status;
        }
        if (cairn_lru_put(graph->parts, key, found, *count * sizeof *found) != 0) {
            return cairn_reader_no_memory(graph->trace, error);
        }
    }
    *links = found;
    return CAIRN_OK;
}

static size_t take(struct cairn_link *out, size_t capacity, const struct cairn_link *from, size_t count)
{
    const size_t taken = count < capacity ? count : capacity;
    memcpy(out, from, taken * sizeof *out);
    return taken;
}

enum cairn_status cairn_graph_links(struct cairn_graph *graph, enum cairn_graph_links kind, uint32_t list,
                                    size_t offset, struct cairn_link *links, size_t capacity, size_t *count,
                                    size_t *total, struct cairn_error *error)
{
    const struct cairn_graph_rows *rows = NULL;
    if (list >= list_count(graph, kind)) {
        return cairn_fail(error, CAIRN_E_NOT_FOUND, "there is no such list in graph %" PRIu32,
                          graph->info.graph);
    }
    enum cairn_status status = chunk_of_rows(graph, kind, list / CAIRN_GRAPH_CHUNK_ROWS, &rows, error);
    if (status != CAIRN_OK) {
        return status;
    }
    const uint32_t row = list % CAIRN_GRAPH_CHUNK_ROWS;
    const size_t all = rows->total[row], here = rows->first[row + 1] - rows->first[row];
    size_t filled = 0;
    if (offset < here) {
        filled = take(links, capacity, rows->links + rows->first[row] + offset, here - offset);
    }
    while (status == CAIRN_OK && filled < capacity && offset + filled < all) {
        const size_t behind = offset + filled - CAIRN_GRAPH_INLINE_LINKS;
        const struct cairn_link *part = NULL;
        size_t in_part = 0;
        status = part_of(graph, kind, list, (uint32_t)(behind / CAIRN_GRAPH_PART_LINKS), all, &part, &in_part,
                         error);
        if (status == CAIRN_OK) {
            const size_t skip = behind % CAIRN_GRAPH_PART_LINKS;
            filled += take(links + filled, capacity - filled, part + skip, in_part - skip);
        }
    }
    if (status == CAIRN_OK) {
        *count = filled;
        *total = all;
    }
    return status;
}
