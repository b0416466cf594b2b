#include "query/context.h"

#include <stdlib.h>

#include "query/growth_points.h"
#include "query/no_memory.h"

/* One kept object of any of the kinds. `used` orders them: the smallest goes first. */
struct kept {
    void *object;
    uint64_t used;
};

struct kept_filter {
    uint64_t id;
    uint8_t *accounts;
};

struct context {
    uint64_t clock;
    struct kept maps[CAIRN_CONTEXT_KEPT], filters[CAIRN_CONTEXT_KEPT], shapes[CAIRN_CONTEXT_KEPT / 2],
        series[CAIRN_CONTEXT_KEPT / 2];
};

static void free_map(void *object)
{
    cairn_site_map_free(object);
}

static void free_shape(void *object)
{
    cairn_tree_shape_free(object);
}

static void free_series(void *object)
{
    cairn_series_free(object);
}

static void free_filter(void *object)
{
    struct kept_filter *filter = object;
    if (filter) {
        free(filter->accounts);
        free(filter);
    }
}

static void free_context(void *companion)
{
    struct context *context = companion;
    for (size_t i = 0; i < CAIRN_CONTEXT_KEPT; i++) {
        free_map(context->maps[i].object);
        free_filter(context->filters[i].object);
    }
    for (size_t i = 0; i < CAIRN_CONTEXT_KEPT / 2; i++) {
        free_shape(context->shapes[i].object);
        free_series(context->series[i].object);
    }
    free(context);
}

static enum cairn_status context_of(struct cairn_trace *trace, struct context **context,
                                    struct cairn_error *error)
{
    *context = cairn_trace_companion(trace);
    if (!*context) {
        *context = calloc(1, sizeof(**context));
        if (!*context) {
            return cairn_no_memory(error, "the answer");
        }
        cairn_trace_set_companion(trace, *context, free_context);
    }
    return CAIRN_OK;
}

/* Puts `object` in the place of the one that was not used for longest. */
static void keep(struct context *context, struct kept *places, size_t count, void *object,
                 void (*destroy)(void *object))
{
    struct kept *oldest = places;
    for (size_t i = 1; i < count; i++) {
        if (places[i].used < oldest->used) {
            oldest = &places[i];
        }
    }
    destroy(oldest->object);
    *oldest = (struct kept){.object = object, .used = ++context->clock};
}

enum cairn_status cairn_context_site_map(struct cairn_trace *trace, const struct cairn_selection *selection,
                                         const struct cairn_site_map **map, struct cairn_error *error)
{
    struct context *context;
    enum cairn_status status = context_of(trace, &context, error);
    if (status != CAIRN_OK) {
        return status;
    }
    const struct cairn_site_map_key key = cairn_site_map_key_of(selection);
    for (size_t i = 0; i < CAIRN_CONTEXT_KEPT; i++) {
        struct cairn_site_map *kept = context->maps[i].object;
        if (kept && cairn_site_map_key_equal(&kept->key, &key)) {
            context->maps[i].used = ++context->clock;
            *map = kept;
            return CAIRN_OK;
        }
    }
    struct cairn_site_map *made;
    status = cairn_site_map_new(trace, selection, &made, error);
    if (status == CAIRN_OK) {
        keep(context, context->maps, CAIRN_CONTEXT_KEPT, made, free_map);
        *map = made;
    }
    return status;
}

enum cairn_status cairn_context_kept(struct cairn_trace *trace, const struct cairn_filter *filter,
                                     const uint8_t **kept, struct cairn_error *error)
{
    if (!filter) {
        *kept = NULL;
        return CAIRN_OK;
    }
    struct context *context;
    enum cairn_status status = context_of(trace, &context, error);
    if (status != CAIRN_OK) {
        return status;
    }
    for (size_t i = 0; i < CAIRN_CONTEXT_KEPT; i++) {
        struct kept_filter *known = context->filters[i].object;
        if (known && known->id == cairn_filter_id(filter)) {
            context->filters[i].used = ++context->clock;
            *kept = known->accounts;
            return CAIRN_OK;
        }
    }
    struct kept_filter *made = calloc(1, sizeof(*made));
    if (!made) {
        return cairn_no_memory(error, "the filter");
    }
    made->id = cairn_filter_id(filter);
    status = cairn_filter_accounts(filter, trace, &made->accounts, error);
    if (status != CAIRN_OK) {
        free_filter(made);
        return status;
    }
    keep(context, context->filters, CAIRN_CONTEXT_KEPT, made, free_filter);
    *kept = made->accounts;
    return CAIRN_OK;
}

enum cairn_status cairn_context_tree_shape(struct cairn_trace *trace, const struct cairn_selection *selection,
                                           bool bottom_up, const struct cairn_tree_shape **shape,
                                           struct cairn_error *error)
{
    struct context *context;
    enum cairn_status status = context_of(trace, &context, error);
    if (status != CAIRN_OK) {
        return status;
    }
    const struct cairn_site_map_key key = cairn_tree_shape_key_of(selection);
    for (size_t i = 0; i < CAIRN_CONTEXT_KEPT / 2; i++) {
        struct cairn_tree_shape *kept = context->shapes[i].object;
        if (kept && kept->bottom_up == bottom_up && cairn_site_map_key_equal(&kept->key, &key)) {
            context->shapes[i].used = ++context->clock;
            *shape = kept;
            return CAIRN_OK;
        }
    }
    struct cairn_tree_shape *made;
    status = cairn_tree_shape_new(trace, selection, bottom_up, &made, error);
    if (status == CAIRN_OK) {
        keep(context, context->shapes, CAIRN_CONTEXT_KEPT / 2, made, free_shape);
        *shape = made;
    }
    return status;
}

/* A kept series of that span; NULL: none. */
static struct cairn_series *find_series(struct context *context, const struct cairn_span *span, size_t points,
                                        enum cairn_memory memory)
{
    for (size_t i = 0; i < CAIRN_CONTEXT_KEPT / 2; i++) {
        struct cairn_series *kept = context->series[i].object;
        if (kept && kept->from == span->from.position && kept->to == span->to.position &&
            kept->wanted == points && kept->memory == memory) {
            context->series[i].used = ++context->clock;
            return kept;
        }
    }
    return NULL;
}

enum cairn_status cairn_context_series(struct cairn_trace *trace, const struct cairn_span *span,
                                       size_t points, enum cairn_memory memory, struct cairn_series **series,
                                       struct cairn_error *error)
{
    struct context *context;
    enum cairn_status status = context_of(trace, &context, error);
    if (status != CAIRN_OK) {
        return status;
    }
    struct cairn_series *made = find_series(context, span, points, memory);
    if (!made) {
        status = cairn_series_new(trace, span, points, memory, &made, error);
        if (status != CAIRN_OK) {
            return status;
        }
        keep(context, context->series, CAIRN_CONTEXT_KEPT / 2, made, free_series);
    }
    *series = made;
    return CAIRN_OK;
}

enum cairn_status cairn_context_growth(struct cairn_trace *trace, const struct cairn_span *span,
                                       enum cairn_memory memory, struct cairn_series **series,
                                       struct cairn_error *error)
{
    struct context *context;
    enum cairn_status status = context_of(trace, &context, error);
    if (status != CAIRN_OK) {
        return status;
    }
    struct cairn_series *made = find_series(context, span, CAIRN_SERIES_GIVEN, memory);
    if (!made) {
        status = cairn_growth_points(trace, span, memory, &made, error);
        if (status != CAIRN_OK) {
            return status;
        }
        made->from = span->from.position;
        made->to = span->to.position;
        keep(context, context->series, CAIRN_CONTEXT_KEPT / 2, made, free_series);
    }
    *series = made;
    return CAIRN_OK;
}
