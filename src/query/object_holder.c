#include "query/object_holder.h"

#include "query/sum.h"

#define LEAST_PERCENT 10.0
#define NEARLY_ALL    0.7 /* of what the parent retains */

static enum cairn_status largest_below(struct cairn_graph *graph, uint32_t list, struct cairn_object *object,
                                       bool *any, struct cairn_error *error)
{
    struct cairn_link link;
    size_t count, total;
    enum cairn_status status =
        cairn_graph_links(graph, CAIRN_LINKS_DOMINATED, list, 0, &link, 1, &count, &total, error);
    *any = status == CAIRN_OK && count > 0;
    return *any ? cairn_graph_object(graph, link.object, object, error) : status;
}

enum cairn_status cairn_object_holder(struct cairn_graph *graph, struct cairn_object_holder *holder,
                                      struct cairn_error *error)
{
    const struct cairn_graph_info *info = cairn_graph_about(graph);
    struct cairn_object object = {.retained_bytes = 0};
    struct cairn_object_holder made = {.found = false};
    bool any;
    /* The list behind those of all objects is what no single one holds. */
    enum cairn_status status = largest_below(graph, info->objects, &object, &any, error);
    for (uint32_t step = 0; status == CAIRN_OK && any && step < info->objects; step++) {
        made.id = object.id;
        made.retained_bytes = (int64_t)object.retained_bytes;
        struct cairn_object below = {.retained_bytes = 0};
        status = largest_below(graph, object.id, &below, &any, error);
        any = any && (double)below.retained_bytes >= NEARLY_ALL * (double)object.retained_bytes;
        object = below;
    }
    made.percent = cairn_percent(made.retained_bytes, info->shallow_bytes);
    made.found = made.percent >= LEAST_PERCENT;
    if (status == CAIRN_OK) {
        *holder = made;
    }
    return status;
}
