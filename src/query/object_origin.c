#include "query/object_origin.h"

#include <stdlib.h>

#include "query/context.h"
#include "query/grow.h"
#include "query/no_memory.h"
#include "query/object_rows.h"

#define PAGE_LINKS 1024u

/* Objects found so far. */
struct found {
    struct cairn_graph *graph;
    struct sized {
        uint32_t id;
        uint64_t retained_bytes;
    } * objects;
    size_t count, capacity, total;
};

/* Objects of one account; of each list only as many as the page can need (0: all). */
static enum cairn_status take_account(struct found *found, const struct cairn_object_origin *origin,
                                      uint32_t account, size_t most, struct cairn_error *error)
{
    struct cairn_link links[PAGE_LINKS];
    const bool chosen = origin->type != 0 || origin->first != 0;
    size_t count = 0, total = 0, at = 0;
    enum cairn_status status;
    do {
        status = cairn_graph_links(found->graph, CAIRN_LINKS_ACCOUNTS, account - 1, at, links, PAGE_LINKS,
                                   &count, &total, error);
        for (size_t i = 0; status == CAIRN_OK && i < count && (most == 0 || at + i < most); i++) {
            struct cairn_object object;
            struct sized *grown =
                cairn_grow(found->objects, sizeof *grown, found->count + 1, &found->capacity);
            if (!grown) {
                return cairn_no_memory(error, "the objects");
            }
            found->objects = grown;
            status = cairn_graph_object(found->graph, links[i].object, &object, error);
            if (status == CAIRN_OK && cairn_origin_takes(origin, &object)) {
                grown[found->count++] =
                    (struct sized){.id = links[i].object, .retained_bytes = object.retained_bytes};
                found->total += chosen;
            }
        }
        at += count;
        if (status == CAIRN_OK && cairn_trace_cancelled(cairn_graph_trace(found->graph))) {
            status = cairn_fail(error, CAIRN_E_CANCELLED, "cancelled");
        }
    } while (status == CAIRN_OK && count > 0 && (most == 0 || at < most));
    found->total += chosen ? 0 : total;
    return status;
}

static bool has_site(const struct cairn_site_map *map, uint32_t cell, size_t site)
{
    for (size_t i = map->cell_first[cell]; i < map->cell_first[cell + 1]; i++) {
        if (map->cell_sites[i] == site) {
            return true;
        }
    }
    return false;
}

static enum cairn_status mark_site(struct cairn_trace *trace, const struct cairn_object_origin *origin,
                                   uint8_t *marks, size_t count, struct cairn_error *error)
{
    const struct cairn_site_map *map;
    const uint8_t *kept;
    enum cairn_status status = cairn_context_site_map(trace, origin->selection, &map, error);
    if (status == CAIRN_OK) {
        status = cairn_context_kept(trace, origin->selection->filter, &kept, error);
    }
    if (status != CAIRN_OK) {
        return status;
    }
    const size_t site = cairn_site_map_find(map, origin->site_id);
    for (size_t i = 0; i < count && i < map->account_count; i++) {
        const bool counts = map->cell_of[i] != CAIRN_NO_CELL && (!kept || kept[i]);
        marks[i] = counts && has_site(map, map->cell_of[i], site);
    }
    return CAIRN_OK;
}

enum cairn_status cairn_origin_accounts(struct cairn_trace *trace, const struct cairn_object_origin *origin,
                                        uint8_t **marks, size_t *count, struct cairn_error *error)
{
    const struct cairn_account *rows;
    size_t rows_total;
    enum cairn_status status = cairn_trace_accounts(trace, &rows, &rows_total, error);
    if (status != CAIRN_OK) {
        return status;
    }
    uint8_t *made = calloc(rows_total + 1, sizeof *made);
    if (!made) {
        return cairn_no_memory(error, "the accounts of a site");
    }
    if (origin->stack == 0) {
        status = mark_site(trace, origin, made, rows_total, error);
    }
    for (size_t i = 0; origin->stack != 0 && i < rows_total; i++) {
        made[i] = rows[i].stack == origin->stack;
    }
    if (status != CAIRN_OK) {
        free(made);
        return status;
    }
    *marks = made;
    *count = rows_total;
    return CAIRN_OK;
}

bool cairn_origin_takes(const struct cairn_object_origin *origin, const struct cairn_object *object)
{
    return (origin->type == 0 || object->type == origin->type - 1) &&
           (origin->first == 0 || (object->serial != CAIRN_NO_SERIAL && object->serial >= origin->first));
}

static int compare_sizes(const void *left, const void *right)
{
    const struct sized *one = left, *two = right;
    if (one->retained_bytes != two->retained_bytes) {
        return one->retained_bytes < two->retained_bytes ? 1 : -1;
    }
    return (one->id > two->id) - (one->id < two->id);
}

enum cairn_status cairn_objects_from(struct cairn_graph *graph, const struct cairn_object_origin *origin,
                                     size_t offset, size_t limit, struct cairn_objects *objects,
                                     struct cairn_error *error)
{
    struct found found = {.graph = graph};
    struct cairn_object_rows rows;
    const size_t most = limit != 0 && origin->type == 0 && origin->first == 0 ? offset + limit : 0;
    uint8_t *marks = NULL;
    size_t count = 0;
    enum cairn_status status = cairn_origin_accounts(cairn_graph_trace(graph), origin, &marks, &count, error);
    const uint32_t accounts = cairn_graph_about(graph)->accounts;
    for (uint32_t i = 0; status == CAIRN_OK && i < accounts && i < count; i++) {
        if (marks[i]) {
            status = take_account(&found, origin, i + 1, most, error);
        }
    }
    free(marks);
    cairn_object_rows_open(&rows, graph);
    if (status == CAIRN_OK && found.count > 0) {
        qsort(found.objects, found.count, sizeof *found.objects, compare_sizes);
    }
    for (size_t i = offset; status == CAIRN_OK && i < found.count && (limit == 0 || i - offset < limit);
         i++) {
        status = cairn_object_rows_add(&rows, found.objects[i].id, false, CAIRN_LABEL_NONE, CAIRN_EDGE_EXACT,
                                       error);
    }
    free(found.objects);
    rows.made.rows_total = found.total;
    rows.made.next_offset = offset + rows.made.row_count;
    return cairn_object_rows_finish(&rows, status, objects);
}
