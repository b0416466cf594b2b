#include <stdlib.h>

#include "query/grow.h"
#include "query/no_memory.h"
#include "query/object_rows.h"

struct step {
    uint32_t id, label;
    int confidence;
};

struct steps {
    struct step *at; /* the object first, the root's last */
    size_t count, capacity;
};

static enum cairn_status climb(struct cairn_graph *graph, uint32_t id, struct steps *steps,
                               struct cairn_error *error)
{
    const uint32_t objects = cairn_graph_about(graph)->objects;
    while (id != CAIRN_NO_OBJECT) {
        struct cairn_object object;
        const enum cairn_status status = cairn_graph_object(graph, id, &object, error);
        if (status != CAIRN_OK) {
            return status;
        }
        if (steps->count == 0 && object.class != CAIRN_OBJECT_REACHABLE) {
            return CAIRN_OK;
        }
        if (steps->count > objects) {
            return cairn_fail(error, CAIRN_E_FORMAT, "damaged trace: a way in its object graph has no end");
        }
        struct step *grown = cairn_grow(steps->at, sizeof *grown, steps->count + 1, &steps->capacity);
        if (!grown) {
            return cairn_no_memory(error, "the way");
        }
        steps->at = grown;
        steps->at[steps->count++] =
            (struct step){.id = id, .label = object.parent_label, .confidence = object.parent_confidence};
        id = object.parent;
    }
    return CAIRN_OK;
}

enum cairn_status cairn_object_way(struct cairn_graph *graph, uint32_t id, size_t most,
                                   struct cairn_object_way *way, struct cairn_error *error)
{
    struct steps steps = {.at = NULL};
    struct cairn_object_rows rows;
    struct cairn_object_way made = {.left_out = 0};
    cairn_object_rows_open(&rows, graph);
    enum cairn_status status = climb(graph, id, &steps, error);
    if (most != 0 && steps.count > most) {
        made.left_out = steps.count - most;
        made.left_out_before = most / 2;
    }
    for (size_t i = 0; status == CAIRN_OK && i < steps.count; i++) {
        if (i == made.left_out_before && i + made.left_out < steps.count) {
            i += made.left_out;
        }
        const struct step *step = &steps.at[steps.count - 1 - i];
        status = cairn_object_rows_add(&rows, step->id, i > 0, step->label, step->confidence, error);
    }
    rows.made.rows_total = steps.count;
    free(steps.at);
    status = cairn_object_rows_finish(&rows, status, &made.steps);
    if (status == CAIRN_OK) {
        *way = made;
    }
    return status;
}
