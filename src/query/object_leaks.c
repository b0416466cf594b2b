#include <stdlib.h>

#include "query/leak_sums.h"
#include "query/object_rows.h"
#include "query/suppressions.h"

#define PAGE_LINKS 256u

enum { DEFINITE_LIST = 0, INDIRECT_LIST = 1 };

/* What is asked for, and how many objects went by. */
struct unsuppressed {
    struct cairn_object_rows rows;
    const uint8_t *met; /* a bit an object: it is suppressed */
    size_t offset, limit, seen;
};

static enum cairn_status take(struct unsuppressed *work, uint32_t id, struct cairn_error *error)
{
    if (work->met[id / 8] >> (id % 8) & 1) {
        return CAIRN_OK;
    }
    const size_t at = work->seen++;
    return at >= work->offset && (work->limit == 0 || at - work->offset < work->limit)
               ? cairn_object_rows_add(&work->rows, id, false, CAIRN_LABEL_NONE, CAIRN_EDGE_EXACT, error)
               : CAIRN_OK;
}

static enum cairn_status take_list(struct unsuppressed *work, uint32_t list, struct cairn_error *error)
{
    struct cairn_link links[PAGE_LINKS];
    size_t offset = 0, count = 0, total = 0;
    do {
        enum cairn_status status = cairn_graph_links(work->rows.graph, CAIRN_LINKS_LEAKS, list, offset, links,
                                                     PAGE_LINKS, &count, &total, error);
        for (size_t i = 0; status == CAIRN_OK && i < count; i++) {
            status = take(work, links[i].object, error);
        }
        if (status != CAIRN_OK) {
            return status;
        }
        offset += count;
    } while (count > 0 && offset < total);
    return CAIRN_OK;
}

enum cairn_status cairn_objects_unsuppressed(struct cairn_trace *trace, struct cairn_graph *graph,
                                             const struct cairn_suppressions *suppressions, size_t offset,
                                             size_t limit, struct cairn_objects *objects,
                                             struct cairn_error *error)
{
    struct unsuppressed work = {.offset = offset, .limit = limit};
    const struct cairn_account *accounts;
    uint8_t *suppressed = NULL, *met = NULL;
    size_t count;
    cairn_object_rows_open(&work.rows, graph);
    enum cairn_status status = cairn_trace_accounts(trace, &accounts, &count, error);
    if (status == CAIRN_OK) {
        status = cairn_suppressions_accounts(suppressions, trace, &suppressed, error);
    }
    if (status == CAIRN_OK) {
        status = cairn_leak_graph_suppressed(graph, suppressed, count, &met, error);
    }
    if (status == CAIRN_OK) {
        work.met = met;
        status = take_list(&work, DEFINITE_LIST, error);
    }
    if (status == CAIRN_OK) {
        status = take_list(&work, INDIRECT_LIST, error);
    }
    free(suppressed);
    free(met);
    work.rows.made.rows_total = work.seen;
    work.rows.made.next_offset = offset + work.rows.made.row_count;
    return cairn_object_rows_finish(&work.rows, status, objects);
}
