#include <stdlib.h>

#include "query/context.h"
#include "query/diff.h"
#include "query/diff_join.h"
#include "query/no_memory.h"

static bool has_row(const struct cairn_diff_join *join, int side, uint32_t cell, int64_t site_id)
{
    const struct cairn_site_map *map = join->maps[side];
    for (size_t i = map->cell_first[cell]; i < map->cell_first[cell + 1]; i++) {
        if (join->sites[cairn_diff_join_row(join, side, map->cell_sites[i])].site_id == site_id) {
            return true;
        }
    }
    return false;
}

static enum cairn_status mark_side(const struct cairn_diff_join *join, int side, struct cairn_trace *trace,
                                   const struct cairn_filter *filter, int64_t site_id, uint8_t **marks,
                                   struct cairn_error *error)
{
    const struct cairn_site_map *map = join->maps[side];
    const uint8_t *kept;
    const enum cairn_status status = cairn_context_kept(trace, filter, &kept, error);
    if (status != CAIRN_OK) {
        return status;
    }
    uint8_t *made = calloc(map->account_count + 1, sizeof *made);
    if (!made) {
        return cairn_no_memory(error, "the accounts of a site");
    }
    for (size_t i = 0; i < map->account_count; i++) {
        made[i] = map->cell_of[i] != CAIRN_NO_CELL && (!kept || kept[i]) &&
                  has_row(join, side, map->cell_of[i], site_id);
    }
    *marks = made;
    return CAIRN_OK;
}

enum cairn_status cairn_diff_accounts(struct cairn_trace *trace_a, struct cairn_trace *trace_b,
                                      const struct cairn_selection *selection, int64_t site_id,
                                      uint8_t *marks[2], size_t counts[2], struct cairn_error *error)
{
    struct cairn_trace *const traces[CAIRN_SIDES] = {trace_a, trace_b};
    const struct cairn_site_map *maps[CAIRN_SIDES];
    struct cairn_diff_join join;
    uint8_t *made[CAIRN_SIDES] = {NULL, NULL};
    for (int side = 0; side < CAIRN_SIDES; side++) {
        const enum cairn_status status = cairn_context_site_map(traces[side], selection, &maps[side], error);
        if (status != CAIRN_OK) {
            return status;
        }
    }
    enum cairn_status status = cairn_diff_join_init(&join, trace_a, maps[0], trace_b, maps[1], error);
    for (int side = 0; status == CAIRN_OK && side < CAIRN_SIDES; side++) {
        status = mark_side(&join, side, traces[side], selection->filter, site_id, &made[side], error);
    }
    cairn_diff_join_release(&join);
    for (int side = 0; side < CAIRN_SIDES; side++) {
        if (status != CAIRN_OK) {
            free(made[side]);
        } else {
            marks[side] = made[side];
            counts[side] = maps[side]->account_count;
        }
    }
    return status;
}
