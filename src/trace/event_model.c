#include "trace/event_model.h"

#include <stdlib.h>
#include <string.h>

bool cairn_account_model_init(struct cairn_account_model *model, size_t most)
{
    if (most + 1 > model->capacity) {
        struct cairn_local_account *const local = malloc((most + 1) * sizeof(*local));
        if (!local) {
            return false;
        }
        free(model->local);
        model->local = local;
        model->capacity = most + 1;
    }
    model->local[0] = (struct cairn_local_account){.account = 0};
    model->count = model->last = model->before_last = 0;
    memset(model->pairs, 0, sizeof(model->pairs));
    return true;
}

void cairn_account_model_release(struct cairn_account_model *model)
{
    free(model->local);
    model->local = NULL;
    model->capacity = 0;
}

bool cairn_live_model_init(struct cairn_live_model *model, size_t events)
{
    const size_t nodes = events + 1;
    if (nodes > model->capacity) {
        uint32_t *const both = malloc(2 * nodes * sizeof(*both));
        if (!both) {
            return false;
        }
        free(model->older);
        model->older = both;
        model->newer = both + nodes;
        model->capacity = nodes;
    }
    memset(model->older, 0xFF, nodes * sizeof(*model->older));
    model->older[0] = model->newer[0] = model->cursor = model->newest_from = 0;
    return true;
}

void cairn_live_model_release(struct cairn_live_model *model)
{
    free(model->older);
    model->older = NULL;
    model->capacity = 0;
}

uint32_t cairn_live_model_at(const struct cairn_live_model *model, unsigned place)
{
    uint32_t node;
    if (place < CAIRN_PLACE_OLDER) {
        node = model->older[0];
        for (unsigned i = CAIRN_PLACE_NEWEST; i < place; i++) {
            node = model->older[node];
        }
    } else if (place < CAIRN_PLACE_NEWER) {
        node = model->cursor;
        for (unsigned i = CAIRN_PLACE_OLDER; i < place; i++) {
            node = model->older[node];
        }
    } else {
        node = model->newer[model->cursor];
        for (unsigned i = CAIRN_PLACE_NEWER; i < place; i++) {
            node = model->newer[node];
        }
    }
    return node;
}
