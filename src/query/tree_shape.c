#include "query/tree_shape.h"

#include <stdlib.h>

#include "query/charge.h"
#include "query/grow.h"
#include "query/no_memory.h"

struct builder {
    struct cairn_tree_shape *shape;
    struct cairn_charge charge;
    struct cairn_key_map children; /* parent << 32 | place → node */
    struct cairn_key_map stacks;   /* stack → last node */
    size_t parent_capacity, place_capacity;
    struct cairn_error *error;
};

struct cairn_site_map_key cairn_tree_shape_key_of(const struct cairn_selection *selection)
{
    struct cairn_site_map_key key = cairn_site_map_key_of(selection);
    key.by = selection->by == CAIRN_BY_LINE ? CAIRN_BY_LINE : CAIRN_BY_FUNCTION;
    key.cumulative = false;
    return key;
}

void cairn_tree_shape_free(struct cairn_tree_shape *shape)
{
    if (!shape) {
        return;
    }
    free(shape->last_node);
    free(shape->parent);
    free(shape->place);
    cairn_places_release(&shape->places);
    free(shape);
}

/* The child of `parent` for a frame, made when it is new; CAIRN_NO_NODE when memory ran out. */
static uint32_t child_of(struct builder *builder, uint32_t parent, const struct cairn_frame *frame)
{
    struct cairn_tree_shape *shape = builder->shape;
    const uint32_t place = cairn_places_of(&shape->places, frame);
    if (place == CAIRN_KEY_MAP_NONE) {
        return CAIRN_NO_NODE;
    }
    const uint32_t next = (uint32_t)shape->node_count;
    const uint32_t node = cairn_key_map_add(&builder->children, (uint64_t)parent << 32 | place, next);
    if (node != next) {
        return node;
    }
    uint32_t *parents =
        cairn_grow(shape->parent, sizeof(*parents), (size_t)next + 1, &builder->parent_capacity);
    shape->parent = parents ? parents : shape->parent;
    uint32_t *places = cairn_grow(shape->place, sizeof(*places), (size_t)next + 1, &builder->place_capacity);
    shape->place = places ? places : shape->place;
    if (!parents || !places) {
        return CAIRN_NO_NODE;
    }
    shape->parent[next] = parent;
    shape->place[next] = place;
    shape->node_count++;
    return next;
}

static enum cairn_status add_stack(struct builder *builder, const struct cairn_account *account,
                                   uint32_t *last)
{
    size_t first;
    bool selected;
    const enum cairn_status status =
        cairn_charge_path(&builder->charge, account, &first, &selected, builder->error);
    *last = CAIRN_NO_NODE;
    if (status != CAIRN_OK || !selected) {
        return status;
    }
    const struct cairn_stack_frames *walk = &builder->charge.walk;
    uint32_t node = CAIRN_NO_NODE;
    const size_t length = walk->count - first;
    for (size_t i = 0; i < length; i++) {
        const size_t at = builder->shape->bottom_up ? first + i : walk->count - 1 - i;
        node = child_of(builder, node, walk->frames[at]);
        if (node == CAIRN_NO_NODE) {
            return cairn_no_memory(builder->error, "the tree");
        }
    }
    if (length == 0) {
        node = child_of(builder, node, NULL);
        if (node == CAIRN_NO_NODE) {
            return cairn_no_memory(builder->error, "the tree");
        }
    }
    *last = node;
    return CAIRN_OK;
}

static enum cairn_status add_account(struct builder *builder, const struct cairn_account *account,
                                     uint32_t *last)
{
    /* Stacks left out are kept one below the map's own mark. */
    const uint32_t left_out = CAIRN_KEY_MAP_NONE - 1;
    const uint32_t known = cairn_key_map_get(&builder->stacks, account->stack);
    if (known != CAIRN_KEY_MAP_NONE) {
        *last = known == left_out ? CAIRN_NO_NODE : known;
        return CAIRN_OK;
    }
    const enum cairn_status status = add_stack(builder, account, last);
    if (status != CAIRN_OK) {
        return status;
    }
    return cairn_key_map_set(&builder->stacks, account->stack, *last == CAIRN_NO_NODE ? left_out : *last)
               ? CAIRN_OK
               : cairn_no_memory(builder->error, "the tree");
}

static enum cairn_status build(struct builder *builder, struct cairn_trace *trace)
{
    const struct cairn_account *accounts;
    size_t count;
    enum cairn_status status = cairn_trace_accounts(trace, &accounts, &count, builder->error);
    if (status != CAIRN_OK) {
        return status;
    }
    struct cairn_tree_shape *shape = builder->shape;
    shape->account_count = count;
    shape->last_node = malloc((count + 1) * sizeof(*shape->last_node));
    if (!shape->last_node) {
        return cairn_no_memory(builder->error, "the tree");
    }
    for (size_t i = 0; status == CAIRN_OK && i < count; i++) {
        status = add_account(builder, &accounts[i], &shape->last_node[i]);
        if (status == CAIRN_OK && i % 256 == 0 && cairn_trace_cancelled(trace)) {
            status = cairn_fail(builder->error, CAIRN_E_CANCELLED, "cancelled");
        }
    }
    return status;
}

enum cairn_status cairn_tree_shape_new(struct cairn_trace *trace, const struct cairn_selection *selection,
                                       bool bottom_up, struct cairn_tree_shape **shape,
                                       struct cairn_error *error)
{
    struct builder builder = {.shape = calloc(1, sizeof(struct cairn_tree_shape)), .error = error};
    if (!builder.shape) {
        return cairn_no_memory(error, "the tree");
    }
    builder.shape->key = cairn_tree_shape_key_of(selection);
    builder.shape->bottom_up = bottom_up;
    builder.shape->places = (struct cairn_places){.trace = trace, .by = builder.shape->key.by};
    cairn_charge_init(&builder.charge, trace, selection->lang, selection->rule);
    const enum cairn_status status = build(&builder, trace);
    cairn_charge_release(&builder.charge);
    cairn_key_map_release(&builder.children);
    cairn_key_map_release(&builder.stacks);
    if (status != CAIRN_OK) {
        cairn_tree_shape_free(builder.shape);
        return status;
    }
    *shape = builder.shape;
    return CAIRN_OK;
}
