#include "query/object_born.h"

#include <stdlib.h>

#include "query/no_memory.h"
#include "query/object_rows.h"

#define PAGE_LINKS 4096u

struct candidate {
    uint32_t object, place; /* in the list */
};

static int compare_objects(const void *left, const void *right)
{
    const uint32_t a = ((const struct candidate *)left)->object,
                   b = ((const struct candidate *)right)->object;
    return (a > b) - (a < b);
}

static int compare_places(const void *left, const void *right)
{
    const uint32_t a = ((const struct candidate *)left)->place, b = ((const struct candidate *)right)->place;
    return (a > b) - (a < b);
}

static enum cairn_status read_list(struct cairn_graph *graph, enum cairn_graph_links kind, uint32_t list,
                                   struct candidate **candidates, size_t *count, struct cairn_error *error)
{
    struct cairn_link links[PAGE_LINKS];
    size_t got = 0, total = 0;
    enum cairn_status status = cairn_graph_links(graph, kind, list, 0, links, 0, &got, &total, error);
    struct candidate *made = status == CAIRN_OK ? malloc((total + 1) * sizeof *made) : NULL;
    if (status == CAIRN_OK && !made) {
        status = cairn_no_memory(error, "the objects");
    }
    for (size_t at = 0; status == CAIRN_OK && at < total; at += got) {
        status = cairn_graph_links(graph, kind, list, at, links, PAGE_LINKS, &got, &total, error);
        for (size_t i = 0; status == CAIRN_OK && i < got; i++) {
            made[at + i] = (struct candidate){.object = links[i].object, .place = (uint32_t)(at + i)};
        }
    }
    if (status != CAIRN_OK) {
        free(made);
        return status;
    }
    *candidates = made;
    *count = total;
    return CAIRN_OK;
}

/* Leaves the new ones at the front, in the order of the list. Objects are looked at in the order of their numbers, so that each
 * chunk of the graph is decoded once. */
static enum cairn_status keep_new(struct cairn_graph *graph, uint64_t first, struct candidate *candidates,
                                  size_t *count, struct cairn_error *error)
{
    size_t kept = 0;
    qsort(candidates, *count, sizeof *candidates, compare_objects);
    for (size_t i = 0; i < *count; i++) {
        struct cairn_object object;
        const enum cairn_status status = cairn_graph_object(graph, candidates[i].object, &object, error);
        if (status != CAIRN_OK) {
            return status;
        }
        if (i % 4096 == 0 && cairn_trace_cancelled(cairn_graph_trace(graph))) {
            return cairn_fail(error, CAIRN_E_CANCELLED, "cancelled");
        }
        if (object.serial != CAIRN_NO_SERIAL && object.serial >= first) {
            candidates[kept++] = candidates[i];
        }
    }
    qsort(candidates, kept, sizeof *candidates, compare_places);
    *count = kept;
    return CAIRN_OK;
}

enum cairn_status cairn_objects_born(struct cairn_graph *graph, enum cairn_graph_links kind, uint32_t list,
                                     uint64_t first, size_t offset, size_t limit,
                                     struct cairn_objects *objects, struct cairn_error *error)
{
    struct candidate *candidates = NULL;
    struct cairn_object_rows rows;
    size_t count = 0;
    cairn_object_rows_open(&rows, graph);
    enum cairn_status status = read_list(graph, kind, list, &candidates, &count, error);
    if (status == CAIRN_OK) {
        status = keep_new(graph, first, candidates, &count, error);
    }
    for (size_t i = offset; status == CAIRN_OK && i < count && (limit == 0 || i - offset < limit); i++) {
        status = cairn_object_rows_add(&rows, candidates[i].object, false, CAIRN_LABEL_NONE, CAIRN_EDGE_EXACT,
                                       error);
    }
    free(candidates);
    rows.made.rows_total = count;
    rows.made.next_offset = offset + rows.made.row_count;
    return cairn_object_rows_finish(&rows, status, objects);
}
