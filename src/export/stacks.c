#include "export/stacks.h"

#include "query/no_memory.h"
#include "query/places.h"

enum cairn_status cairn_export_stacks(const struct cairn_export *export, struct cairn_top *top,
                                      struct cairn_error *error)
{
    struct cairn_selection by_stack = *export->selection;
    by_stack.by = CAIRN_BY_STACK;
    by_stack.cumulative = false;
    by_stack.limit = by_stack.offset = 0;
    by_stack.sort = CAIRN_SORT_METRIC;
    by_stack.reverse = false;
    return cairn_top(export->trace, &by_stack, &export->at, &export->span, top, error);
}

/* Texts are the trace's own: one name is one pointer. */
static bool is_site(const struct cairn_site *a, const struct cairn_site *b)
{
    return a->function == b->function && a->file == b->file && a->line == b->line && a->module == b->module &&
           a->offset == b->offset;
}

enum cairn_status cairn_export_frames(const struct cairn_export *export, const struct cairn_top_row *row,
                                      struct cairn_arena *arena, const struct cairn_frame ***frames,
                                      size_t *count, struct cairn_error *error)
{
    const size_t all = cairn_trace_stack_frames(export->trace, row->heaviest_stack, NULL, 0);
    const struct cairn_frame **list = cairn_arena_alloc(arena, (all + 1) * sizeof(*list));
    if (!list) {
        return cairn_no_memory(error, "the export");
    }
    cairn_trace_stack_frames(export->trace, row->heaviest_stack, list, all);
    size_t first = 0;
    for (size_t i = 0; i < all; i++) {
        struct cairn_site site;
        cairn_site_of_frame(export->trace, list[i], &site);
        if (is_site(&site, &row->site)) {
            first = i;
            break;
        }
    }
    *frames = list + first;
    *count = all - first;
    return CAIRN_OK;
}
