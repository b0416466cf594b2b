#include "query/object_holder.h"

#include "query/sum.h"

#define LEAST_PERCENT 10.0
#define NEARLY_ALL    0.7 /* of what the parent retains */
#define STEPS_MOST    64  /* ways longer than that run down a list */
#define PERIOD_MOST   8u  /* objects of one node of a list: node, its dict, … */

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

/* Whether types come again every `period` steps at the end of the way. */
static bool is_periodic(const struct cairn_object *way, size_t count, size_t period)
{
    const size_t last = count - 1;
    return last >= 2 * period && way[last].type == way[last - period].type &&
           way[last].type == way[last - 2 * period].type;
}

/* Down a linked list every object retains nearly what the one above does, and the last one nothing: what the memory hangs on is
 * the head, where types begin to repeat. Otherwise it is the last one that holds nearly all of what the first does. */
static size_t find_head(const struct cairn_object *way, size_t count)
{
    for (size_t period = 1; period <= PERIOD_MOST; period++) {
        if (is_periodic(way, count, period)) {
            size_t head = count - 1 - period;
            while (head > 0 && way[head - 1].type == way[head - 1 + period].type) {
                head--;
            }
            return head;
        }
    }
    size_t last = 0;
    while (last + 1 < count &&
           (double)way[last + 1].retained_bytes >= NEARLY_ALL * (double)way[0].retained_bytes) {
        last++;
    }
    return last;
}

enum cairn_status cairn_object_holder(struct cairn_graph *graph, struct cairn_object_holder *holder,
                                      struct cairn_error *error)
{
    const struct cairn_graph_info *info = cairn_graph_about(graph);
    struct cairn_object way[STEPS_MOST];
    struct cairn_object_holder made = {.found = false};
    size_t count = 0;
    bool any;
    /* The list behind those of all objects is what no single one holds. */
    enum cairn_status status = largest_below(graph, info->objects, &way[0], &any, error);
    while (status == CAIRN_OK && any) {
        if (++count == STEPS_MOST) {
            break;
        }
        status = largest_below(graph, way[count - 1].id, &way[count], &any, error);
        any = any && (double)way[count].retained_bytes >= NEARLY_ALL * (double)way[count - 1].retained_bytes;
    }
    if (status == CAIRN_OK && count > 0) {
        const bool thins = count == STEPS_MOST ||
                           (double)way[count - 1].retained_bytes < NEARLY_ALL * (double)way[0].retained_bytes;
        const struct cairn_object *object = &way[thins ? find_head(way, count) : count - 1];
        made.id = object->id;
        made.retained_bytes = (int64_t)object->retained_bytes;
        made.percent = cairn_percent(made.retained_bytes, info->shallow_bytes);
        made.found = made.percent >= LEAST_PERCENT;
    }
    if (status == CAIRN_OK) {
        *holder = made;
    }
    return status;
}
